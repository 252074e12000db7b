/**
 * What happened, in one table; what could not be read. Reads `source_file`, writes `event_file`, view `event` and the datasets.
 * Invariant: every physical line of every evidence file is counted once, as parsed or as unparsed, and unparsed lines are rows too.
 */

export { estimateClockOffsets } from './clock.ts';
export { derivedColumns, timeKind } from './columns.ts';
export { measureCoverage } from './coverage/measure-coverage.ts';
export { loadDatasets } from './datasets/index.ts';
export { placeOfEvent } from './event-id.ts';
export { defineEventView } from './event-view.ts';
export { innerAddress, isInner } from './forwarded.ts';
export { readEvents } from './read-events.ts';
export { readOriginal } from './read-original.ts';
export { clientKeysOf } from './request-keys.ts';
