import type { ColumnSpec } from '../engine/index.ts';

/** What this stage writes; see ARCHITECTURE.md. `kind` of a claim names the way it was found (`replay`, `request`, `injection`, `recovered`, `hole`, `gap`, `predicate` …). */
export const claimColumns: readonly ColumnSpec[] = [
  { name: 'claim_id', type: 'VARCHAR' },
  { name: 'kind', type: 'VARCHAR' },
  { name: 'dataset_id', type: 'VARCHAR' },
  { name: 'must_tier', type: 'TINYINT' },
  { name: 'may_tier', type: 'TINYINT' },
  { name: 'rule', type: 'VARCHAR' },
  { name: 'statement', type: 'VARCHAR' },
  { name: 'premises', type: 'VARCHAR' },
  { name: 'assumptions', type: 'VARCHAR[]' },
  { name: 'contact', type: 'VARCHAR' },
];
export const colsetColumns: readonly ColumnSpec[] = [
  { name: 'colset_id', type: 'INTEGER' },
  { name: 'dataset_id', type: 'VARCHAR' },
  { name: 'column_no', type: 'INTEGER' },
];
export const claimCountColumns: readonly ColumnSpec[] = [
  { name: 'claim_id', type: 'VARCHAR' },
  { name: 'dataset_id', type: 'VARCHAR' },
  { name: 'colset_id', type: 'INTEGER' },
  { name: 'lower', type: 'BIGINT' },
  { name: 'upper', type: 'BIGINT' },
  { name: 'scope', type: 'VARCHAR' },
];
/** Tables and columns that statements named but showed nothing of. */
export const attemptedColumns: readonly ColumnSpec[] = [
  { name: 'dataset_id', type: 'VARCHAR' },
  { name: 'column_no', type: 'INTEGER' },
  { name: 'events', type: 'BIGINT' },
];
/**
 * What rows of a claim had to do with an answer without being shown in it, as ranks of `contact`: certainly at least `contact_lower` (0: nothing is
 * certain), at most `contact_upper`. A `row_no` of NULL stands for every record of the data set, an empty set of columns for the record itself.
 */
export const contactRowColumns: readonly ColumnSpec[] = [
  { name: 'claim_id', type: 'VARCHAR' },
  { name: 'row_no', type: 'BIGINT' },
  { name: 'colset_id', type: 'INTEGER' },
  { name: 'contact_lower', type: 'TINYINT' },
  { name: 'contact_upper', type: 'TINYINT' },
];
/** What was reachable while nobody recorded: one row a dataset and cause. */
export const reachableColumns: readonly ColumnSpec[] = [
  { name: 'dataset_id', type: 'VARCHAR' },
  { name: 'column_nos', type: 'BIGINT[]' },
  { name: 'from_us', type: 'BIGINT' },
  { name: 'to_us', type: 'BIGINT' },
  { name: 'reason', type: 'VARCHAR' },
  { name: 'claim_id', type: 'VARCHAR' },
];

/** Tiers of methods §6.5. */
export const tier = { none: 0, reachable: 1, possible: 2, executed: 3, verified: 4, possessed: 5 } as const;

/** Kinds of contact with a value, the closer the greater (methods §5.3). Only `displayed`, and values rebuilt exactly from answers, have a lower tier. */
export const contact = { none: 0, influenced: 1, contributed: 2, derived: 3, disclosed: 4, displayed: 5 } as const;
