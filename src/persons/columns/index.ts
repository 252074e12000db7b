export type { ColumnSample, Meaning, Reason } from './decide.ts';
export { type LegalCategory, legalCategories } from './legal.ts';
export { maskValue } from './mask.ts';
export { meaningOfTable } from './neighbours.ts';
export { isMissing, profileColumn } from './profile.ts';
