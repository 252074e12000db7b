/** The intruder's SQL: parse tree, shape, and compilation to witnesses. Nothing an intruder wrote is ever run as text. */
export * from './ast.ts';
export { raise } from './batch.ts';
export { looseLike } from './operators.ts';
export { type Batch, type Compilation, NotBatchable, type Occurrence, type Origin, type Relation, Unsupported } from './relation.ts';
export { compileSelect } from './select.ts';
