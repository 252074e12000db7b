/**
 * Which cells the intruder was shown, how sure that is, and why. Reads event, actor, step, recovered and dataset tables; writes
 * claim, claim_row, colset, claim_count and the view cell_tier. Law of the stage: lower ⊆ truth ⊆ upper; what cannot be known stays may.
 */
export * from './assess.ts';
export { boundCount, boundFigure } from './claims/bounds.ts';
export { compareResults } from './claims/compare.ts';
export { explainReachable, explainRef } from './claims/explain.ts';
export { type PremiseState, premiseStates } from './claims/premises.ts';
export { type ProofNode, proofText } from './claims/proof.ts';
export { writeCells, writeRecovered } from './claims/write-cells.ts';
export { assessReadiness } from './readiness.ts';
export * from './tables.ts';
