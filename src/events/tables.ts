import type { ColumnSpec } from '../engine/index.ts';

/** Table `event_file`: one row for each evidence file, whether or not it could be read. */
export const eventFileColumns = [
  { name: 'file_no', type: 'INTEGER' },
  { name: 'evidence_id', type: 'VARCHAR' },
  { name: 'system_id', type: 'VARCHAR' },
  /** What the rows are: web-access, sql-audit, auth, waf, events. */
  { name: 'source_kind', type: 'VARCHAR' },
  { name: 'format', type: 'VARCHAR' },
  { name: 'time_kind', type: 'INTEGER' },
  { name: 'bytes_kind', type: 'INTEGER' },
  { name: 'resolution_us', type: 'BIGINT' },
  /** How far a logged duration may be from the true one. */
  { name: 'duration_resolution_us', type: 'BIGINT' },
  { name: 'lines_total', type: 'BIGINT' },
  { name: 'lines_parsed', type: 'BIGINT' },
  { name: 'lines_unparsed', type: 'BIGINT' },
  { name: 'rows', type: 'BIGINT' },
  /** First and last stamp as logged. */
  { name: 'first_us', type: 'BIGINT' },
  { name: 'last_us', type: 'BIGINT' },
  /** To subtract from its stamps; the true offset lies within clock_error_us of it. */
  { name: 'clock_offset_us', type: 'BIGINT' },
  { name: 'clock_error_us', type: 'BIGINT' },
  { name: 'blind_to', type: 'VARCHAR[]' },
  /** 1 when the last line has no line end. */
  { name: 'open_end', type: 'INTEGER' },
  /** JSON: what the parser noted on the way (changed #Fields, inferred years). */
  { name: 'facts', type: 'VARCHAR' },
  /** Folder below `work/events`, and the Parquet parts in it. */
  { name: 'content_key', type: 'VARCHAR' },
  { name: 'parts', type: 'VARCHAR[]' },
  /** JSON: [from, to] of lines that another file of the evidence holds too; they are not in view `event`. */
  { name: 'copies', type: 'VARCHAR' },
] as const satisfies readonly ColumnSpec[];

/** A row of `event_file`. */
export type EventFile = {
  readonly file_no: number;
  readonly evidence_id: string;
  readonly system_id: string | null;
  readonly source_kind: string;
  readonly format: string;
  readonly time_kind: number;
  readonly bytes_kind: number;
  readonly resolution_us: number;
  readonly duration_resolution_us: number;
  readonly lines_total: number;
  readonly lines_parsed: number;
  readonly lines_unparsed: number;
  readonly rows: number;
  readonly first_us: number | null;
  readonly last_us: number | null;
  readonly clock_offset_us: number;
  readonly clock_error_us: number;
  readonly blind_to: readonly string[];
  readonly open_end: number;
  readonly facts: string;
  readonly content_key: string;
  readonly parts: readonly string[];
  readonly copies: string;
};
