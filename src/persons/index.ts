export { basisOf, classifyColumns } from './classify-columns.ts';
export { identifyPersons } from './identify-persons.ts';
export * from './columns/index.ts';
export { normaliseAddress, normaliseDate, normaliseEmail, normaliseKana, normaliseName, normalisePhone, normalisePostalCode } from './normal/index.ts';
