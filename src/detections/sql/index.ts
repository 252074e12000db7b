export * from './fold.ts';
export * from './token.ts';
export * from './tokenize.ts';
