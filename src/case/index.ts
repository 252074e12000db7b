export * from './case-file.ts';
export * from './decisions.ts';
export * from './elements.ts';
export * from './open.ts';
export * from './open-case.ts';
export type { PremiseName } from './premises.ts';
export * from './read-case.ts';
export * from './store.ts';
