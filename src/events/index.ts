/**
 * What happened, in one table; what could not be read. Reads `source_file`, writes `event_file`, view `event` and the datasets.
 * Invariant: every physical line of every evidence file is counted once, as parsed or as unparsed, and unparsed lines are rows too.
 */
export { bytesKind, decodeFlag, eventClass, eventColumns, outcome, timeKind, type EventColumn, type EventColumnName } from './columns.ts';
export { decodeStages, type DecodeStage } from './decode.ts';
export { ipText } from './ip.ts';
export { defineEventView, readEventFiles } from './event-view.ts';
export { readOriginal } from './read-original.ts';
export { readEvents, type ReadEventsSummary } from './read-events.ts';
export { eventFileColumns, type EventFile } from './tables.ts';
export { estimateClockOffsets, type ClockOffset } from './clock.ts';
export { measureCoverage, type CoverageSummary } from './coverage/measure-coverage.ts';
export { type DatasetsSummary, loadDatasets } from './datasets/index.ts';
