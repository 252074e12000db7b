/**
 * What happened, in one table; what could not be read. Reads `source_file`, writes `event_file`, view `event` and the datasets.
 * Invariant: every physical line of every evidence file is counted once, as parsed or as unparsed, and unparsed lines are rows too.
 */

export { type ClockOffset, estimateClockOffsets } from './clock.ts';
export {
  bytesKind,
  decodeFlag,
  derivedColumns,
  type EventColumn,
  type EventColumnName,
  eventClass,
  eventColumns,
  outcome,
  timeKind,
} from './columns.ts';
export { type CoverageSummary, measureCoverage } from './coverage/measure-coverage.ts';
export { type DatasetsSummary, loadDatasets } from './datasets/index.ts';
export { type DecodeStage, decodeStages } from './decode.ts';
export { defineEventView, readEventFiles } from './event-view.ts';
export { ipText } from './ip.ts';
export { type ReadEventsSummary, readEvents } from './read-events.ts';
export { readOriginal } from './read-original.ts';
export { clientKeysOf } from './request-keys.ts';
export { type EventFile, eventFileColumns } from './tables.ts';
