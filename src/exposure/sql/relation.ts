import { type Sql, sql } from '../../engine/index.ts';
import type { Column, Dataset, ValueType } from '../catalogue.ts';

/** `unknown` is a literal or parameter that takes the type of what it meets; `opaque` is a value we cannot compute. */
export type SqlType = ValueType | 'unknown' | 'opaque';

/** `shown`: the value can be read off the output. `extreme`: the least or greatest of a group. `single`: only when the group has one row. `partial`: something of it, not the value. */
export type Display = 'shown' | 'extreme' | 'single' | 'partial' | 'derived';
export type Origin = { readonly occurrence: number; readonly column: number; readonly display: Display };

/** One use of a dataset in a statement. `ref` is the hidden column with its row numbers (a list after grouping). */
export type Occurrence = { readonly id: number; readonly dataset: Dataset; readonly ref: string; readonly list: boolean };

export type Expression = {
  readonly sql: Sql;
  readonly type: SqlType;
  readonly origins: readonly Origin[];
  /** The value is NULL when any of several inputs is: a NULL result hides the others. */
  readonly fragile: boolean;
  readonly orderSafe: boolean;
  /** Every row of the relation has another value. */
  readonly unique: boolean;
};

export type OutputColumn = Expression & { readonly name: string };

/** A compiled query: `sql` gives `c0…`, one hidden `w<id>` an occurrence, and `m` (true: the row is certainly in the output). */
export type Relation = {
  readonly sql: Sql;
  readonly columns: readonly OutputColumn[];
  readonly occurrences: readonly Occurrence[];
  /** True when `m` is true on every row. */
  readonly certain: boolean;
  /** Where the output was cut: at most `most` rows, and how many when the whole input is `n` is `min(most, max(0, n - skip))`. */
  readonly cut: { readonly most: number; readonly skip: number; readonly whole: Sql } | null;
};

/** A name in FROM. */
export type ScopeItem = { readonly alias: string; readonly columns: readonly OutputColumn[]; readonly occurrences: readonly { occurrence: Occurrence; sql: Sql }[]; readonly certain: Sql | null };
export type Scope = { readonly items: ScopeItem[]; readonly outer: Scope | null; hasUnknown: boolean };

/** Thrown while compiling when a construct has no faithful counterpart; the caller widens to may. */
export class Unsupported extends Error {
  readonly construct: string;
  constructor(construct: string) {
    super(construct);
    this.construct = construct;
  }
}

/** What is the same for a whole statement while it is compiled. */
export type Compilation = {
  /** Values of `$n`: a text, SQL NULL, undefined when not logged, or a column of the batch. */
  readonly parameters: readonly (string | null | undefined | Sql)[];
  /** Run once for many parameter tuples: this table stands in FROM as `b`, its `n` numbers the instance. Plain selects only. */
  readonly batch: Sql | null;
  /** How text compares: `foreign` by an unknown collation; then conditions are compiled twice, `loose` for what may match. */
  readonly text: { readonly foreign: boolean; loose: boolean };
  dataset(name: string): Dataset | null;
  nextId(): number;
  /** Datasets whose rows could have decided the answer without being shown (sub-selects in conditions, HAVING, offsets …). */
  readonly influenced: Set<string>;
  /** Columns used in conditions: equality with a constant is told apart, because the row then discloses that value. */
  readonly predicates: { readonly dataset: string; readonly column: number; readonly value: string | null }[];
  /** Why the result is only an upper bound: constructs that were left out. */
  readonly widened: Set<string>;
  /** Tables named that are no dataset. */
  readonly unknownTables: Set<string>;
};

export const nothing = { origins: [] as readonly Origin[], fragile: false, orderSafe: true, unique: false };

export function baseColumn(dataset: Dataset, column: Column, occurrence: number, alias: string): OutputColumn {
  return {
    name: column.name.toLowerCase(), sql: sql`${sql.id(alias)}.${sql.id(`c${column.no}`)}`, type: column.type, fragile: false,
    origins: [{ occurrence, column: column.no, display: 'shown' }], orderSafe: column.orderSafe, unique: column.unique || (dataset.key.length === 1 && dataset.key[0] === column.name),
  };
}

/** Origins of an expression that keeps less of its inputs than they are: `shown` becomes `display`. */
export function weaken(origins: readonly Origin[], display: Display): Origin[] {
  const rank = { shown: 0, extreme: 1, single: 2, partial: 3, derived: 4 };
  return origins.map(o => ({ ...o, display: rank[o.display] >= rank[display] ? o.display : display }));
}
