import type { ColumnSpec } from '../engine/index.ts';

/** What this stage writes. `facts` and `basis` are JSON. */
export const actorColumns: readonly ColumnSpec[] = [
  { name: 'actor_id', type: 'VARCHAR' },
  { name: 'certainty', type: 'VARCHAR' },
  { name: 'ips', type: 'VARCHAR[]' },
  { name: 'accounts', type: 'VARCHAR[]' },
  { name: 'user_agents', type: 'VARCHAR[]' },
  { name: 'sessions', type: 'BIGINT' },
  { name: 'events', type: 'BIGINT' },
  { name: 'first_us', type: 'BIGINT' },
  { name: 'last_us', type: 'BIGINT' },
  { name: 'basis', type: 'VARCHAR' },
];
/** What was taken for granted to tell who did what, and of how many events it decided. */
export const premiseColumns: readonly ColumnSpec[] = [
  { name: 'premise', type: 'VARCHAR' },
  { name: 'events', type: 'BIGINT' },
];
export const stepColumns: readonly ColumnSpec[] = [
  { name: 'step_id', type: 'VARCHAR' },
  { name: 'actor_id', type: 'VARCHAR' },
  { name: 'kind', type: 'VARCHAR' },
  { name: 'attack', type: 'VARCHAR[]' },
  { name: 'outcome', type: 'VARCHAR' },
  { name: 'from_us', type: 'BIGINT' },
  { name: 'to_us', type: 'BIGINT' },
  { name: 'events', type: 'BIGINT' },
  { name: 'summary_ja', type: 'VARCHAR' },
  { name: 'summary_en', type: 'VARCHAR' },
  { name: 'facts', type: 'VARCHAR' },
];
export const windowColumns: readonly ColumnSpec[] = [
  { name: 'start_earliest_us', type: 'BIGINT' },
  { name: 'start_latest_us', type: 'BIGINT' },
  { name: 'start_basis', type: 'VARCHAR' },
  { name: 'end_earliest_us', type: 'BIGINT' },
  { name: 'end_latest_us', type: 'BIGINT' },
  { name: 'end_basis', type: 'VARCHAR' },
  { name: 'left_censored', type: 'BOOLEAN' },
];
/** By source: its own record, the intruder's traces in it, and why it sees no further. */
export const windowSourceColumns: readonly ColumnSpec[] = [
  { name: 'evidence_id', type: 'VARCHAR' },
  { name: 'log_first_us', type: 'BIGINT' },
  { name: 'log_last_us', type: 'BIGINT' },
  { name: 'first_us', type: 'BIGINT' },
  { name: 'last_us', type: 'BIGINT' },
  { name: 'start_earliest_us', type: 'BIGINT' },
  { name: 'start_basis', type: 'VARCHAR' },
  { name: 'left_censored', type: 'BOOLEAN' },
  { name: 'end_basis', type: 'VARCHAR' },
];
export const recoveredColumns: readonly ColumnSpec[] = [
  { name: 'recovered_id', type: 'VARCHAR' },
  { name: 'step_id', type: 'VARCHAR' },
  { name: 'table_name', type: 'VARCHAR' },
  { name: 'column_name', type: 'VARCHAR' },
  { name: 'row_ordinal', type: 'BIGINT' },
  { name: 'row_query', type: 'VARCHAR' },
  { name: 'key', type: 'VARCHAR' },
  { name: 'value', type: 'VARCHAR' },
  { name: 'status', type: 'VARCHAR' },
  { name: 'confidence', type: 'DOUBLE' },
  { name: 'event_ids', type: 'BIGINT[]' },
  { name: 'facts', type: 'VARCHAR' },
  { name: 'dataset_id', type: 'VARCHAR' },
  { name: 'row_no', type: 'BIGINT' },
];
export const statementColumns: readonly ColumnSpec[] = [
  { name: 'event_id', type: 'BIGINT' },
  { name: 'step_id', type: 'VARCHAR' },
  { name: 'technique', type: 'VARCHAR' },
  { name: 'dialect', type: 'VARCHAR' },
  { name: 'point', type: 'VARCHAR' },
  { name: 'sql_text', type: 'VARCHAR' },
  { name: 'response_shown', type: 'BOOLEAN' },
  { name: 'facts', type: 'VARCHAR' },
];

export type DetectionRow = {
  readonly detection_id: string;
  readonly rule_id: string;
  readonly kind: string;
  readonly family: string;
  readonly level: string;
  readonly outcome: string;
  readonly first_us: number;
  readonly last_us: number;
  readonly events: number;
  readonly group_key: string;
  readonly facts: string;
};
