import type { ColumnSpec } from '../../engine/index.ts';

/** Why a stretch of time is not fully covered. */
export type GapReason = 'silent' | 'rotation' | 'truncated' | 'sequence' | 'thin';

/** Table `coverage_gap`. `file_no`: the file in which the gap was seen (the later one at a border). A gap without length is a point. */
export const coverageGapColumns = [
  { name: 'file_no', type: 'INTEGER' },
  { name: 'evidence_id', type: 'VARCHAR' },
  { name: 'from_us', type: 'BIGINT' },
  { name: 'to_us', type: 'BIGINT' },
  { name: 'reason', type: 'VARCHAR' },
  /** JSON: what was missing or how much was expected. */
  { name: 'detail', type: 'VARCHAR' },
] as const satisfies readonly ColumnSpec[];

export type Gap = {
  readonly file_no: number;
  readonly evidence_id: string;
  readonly from_us: number;
  readonly to_us: number;
  readonly reason: GapReason;
  readonly detail: Readonly<Record<string, unknown>>;
};

/** Table `coverage_source`: one row an evidence source, what its habits are and what is known about its borders. */
export const coverageSourceColumns = [
  { name: 'evidence_id', type: 'VARCHAR' },
  /** First and last corrected stamp of all its files. */
  { name: 'first_us', type: 'BIGINT' },
  { name: 'last_us', type: 'BIGINT' },
  /** hour-of-week, hour-of-day, local: what silence was judged by. */
  { name: 'model', type: 'VARCHAR' },
  { name: 'clients_per_hour', type: 'DOUBLE' },
  { name: 'dispersion', type: 'DOUBLE' },
  /** JSON: `size_at_limit` (the oldest file has the size of a rotation limit: older ones are likely gone), `filtered` (sequence numbers say nothing) … */
  { name: 'facts', type: 'VARCHAR' },
] as const satisfies readonly ColumnSpec[];
