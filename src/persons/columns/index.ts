export { legalCategories, type LegalCategory } from './legal.ts';
export { maskValue } from './mask.ts';
export type { ColumnSample, Meaning, Reason } from './decide.ts';
export { meaningOfTable } from './neighbours.ts';
export { isMissing, profileColumn } from './profile.ts';
