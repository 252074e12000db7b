export type { ColumnSample, Meaning } from './decide.ts';
export { legalCategories } from './legal.ts';
export { maskValue } from './mask.ts';
export { meaningOfTable } from './neighbours.ts';
export { profileColumn } from './profile.ts';
