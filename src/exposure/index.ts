/**
 * Which cells the intruder was shown, how sure that is, and why. Reads event, actor, step, recovered and dataset tables; writes
 * claim, claim_row, colset, claim_count and the view cell_tier. Law of the stage: lower ⊆ truth ⊆ upper; what cannot be known stays may.
 */
export * from './assess.ts';
export { boundCount, boundFigure, type CountConstraint } from './bounds.ts';
export { type Cause, type CellChange, type Comparison, compareResults, type FigureChange } from './compare.ts';
export { explainRef } from './explain.ts';
export { type PremiseState, premiseStates } from './premises.ts';
export { type ProofNode, type ProofPlace, proofText } from './proof.ts';
export { assessReadiness, type Readiness, type ReadinessAnswer } from './readiness.ts';
export * from './tables.ts';
export { writeCells, writeRecovered } from './write-cells.ts';
