export { basisOf, classifyColumns } from './classify-columns.ts';
export { identifyPersons } from './identify-persons.ts';
export * from './columns/index.ts';
export { normaliseAddress, normaliseDate, normaliseEmail, normaliseKana, normaliseName, normalisePhone, normalisePostalCode } from './normal/index.ts';
export { countExposure } from './count/count-exposure.ts';
export * from './count/figures.ts';
export * from './count/rounding.ts';
export { writePersons } from './write-persons.ts';
