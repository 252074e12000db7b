/** The intruder's SQL: parse tree, shape, and compilation to witnesses. Nothing an intruder wrote is ever run as text. */
export * from './ast.ts';
export * from './expression.ts';
export * from './query.ts';
export * from './relation.ts';
