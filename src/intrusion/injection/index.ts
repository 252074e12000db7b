export { type JudgedStatement, judgeStatements, shownCells } from './in-band-cells.ts';
export { readInjections } from './read-events.ts';
export type { InjectionMark, Rebuilt } from './rebuild.ts';
export { type Recovered, recoverCells } from './recovered.ts';
export { readSnapshot } from './snapshot.ts';
