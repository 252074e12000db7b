/**
 * What changed between two results, and why. Every run is kept in the journal with what it depended on and what came out; published figures
 * are kept beside it. The change of each figure is split by cause so that the parts and the remainder sum to it exactly.
 */

export { compareRuns, type Recount } from './compare-runs.ts';
export { type Cause, causes, type Figures, figuresOf, rangeOf } from './figures.ts';
export { type Revisions, readRevisions } from './revisions.ts';
export { recordRun, runs } from './run-record.ts';
export { chain, type FigureSplit, splitChange } from './split.ts';
export { waterfallLines } from './waterfall.ts';
