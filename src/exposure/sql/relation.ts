import { type Sql, sql } from '../../engine/index.ts';
import type { Column, Dataset, ValueType } from '../catalogue.ts';
import type { Ast } from './ast.ts';

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

/**
 * What the rows of a relation belong to when many statements of one shape are run at once: `none`, the same rows for all of them;
 * `class`, one set for all statements with the same values in their conditions; `instance`, one set a statement.
 */
export type Keyed = 'none' | 'class' | 'instance';

/**
 * A compiled query: `sql` gives `c0…`, one hidden `w<id>` an occurrence, and `m` (true: the row is certainly in the output). A keyed one
 * also gives `n`, the number of its class or instance.
 */
export type Relation = {
  readonly sql: Sql;
  readonly columns: readonly OutputColumn[];
  readonly occurrences: readonly Occurrence[];
  /** True when `m` is true on every row. */
  readonly certain: boolean;
  /** Where the output was cut: at most `most` rows, and how many when the whole input is `n` is `min(most, max(0, n - skip))`. */
  readonly cut: { readonly most: number; readonly skip: number; readonly whole: Sql } | null;
  readonly keyed: Keyed;
};

/** A name in FROM. `n` is its column of class or instance numbers when it is keyed. */
export type ScopeItem = {
  readonly alias: string;
  readonly columns: readonly OutputColumn[];
  readonly occurrences: readonly { occurrence: Occurrence; sql: Sql }[];
  readonly certain: Sql | null;
  readonly keyed: Keyed;
  readonly n: Sql | null;
};
/** The names an expression may use. `keyed` of the outermost scope says which table of the batch stands in its FROM as `b`. */
export type Scope = { readonly items: ScopeItem[]; readonly outer: Scope | null; hasUnknown: boolean; keyed: Keyed };

/** A common table expression: its tree, or what it has become. */
export type Cte = { readonly tree: Ast; readonly recursive: boolean; readonly self: Relation | null };
export type Ctes = ReadonlyMap<string, Cte>;

/** Many statements of one shape at once: `classes` is a table `g, p0…`, `instances` a table `n, g, p0…`. */
export type Batch = { readonly classes: Sql; readonly instances: Sql };

/** Thrown while compiling a batch when the statements have to be run one by one. */
export class NotBatchable extends Error {
  /** `unordered`: where the window stands does not matter, because any row may be in it. */
  readonly reason: 'unordered' | 'shape';
  constructor(reason: 'unordered' | 'shape') {
    super(reason);
    this.reason = reason;
  }
}

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
  readonly batch: Batch | null;
  /** Numbers of the parameters that stand in LIMIT or OFFSET only: they tell instances of one class apart. */
  readonly windowParameters: ReadonlySet<number>;
  /** How text compares: `foreign` by an unknown collation; then conditions are compiled twice, `loose` for what may match. */
  readonly text: { readonly foreign: boolean; loose: boolean };
  dataset(name: string): Dataset | null;
  /** The select a view stands for, when the log told. `exact` is false where the stored rows may have changed since. */
  view(name: string): { readonly select: Ast; readonly exact: boolean } | null;
  /** Views being compiled: one that names itself is no table. */
  readonly openViews: Set<string>;
  nextId(): number;
  /** Compile a select of the same statement; here so that the files of this folder need not import in a circle. */
  select(node: Ast, ctes: Ctes, outer: Scope | null): Relation;
  /** Datasets whose rows could have decided the answer without being shown (sub-selects in conditions, HAVING, offsets …). */
  readonly influenced: Set<string>;
  /** Columns used in conditions: equality with a constant is told apart, because a row that is shown then discloses that value. */
  readonly predicates: { readonly occurrence: number; readonly dataset: string; readonly column: number; readonly equal: boolean }[];
  /** For an occurrence, the most of its rows one execution can give: windows of which it is not known where they stood. */
  readonly caps: Map<number, number>;
  /** Why the result is only an upper bound: constructs that were left out. */
  readonly widened: Set<string>;
  /** Tables named that are no dataset. */
  readonly unknownTables: Set<string>;
};

/** One block of FROM, WHERE and SELECT while it is compiled. */
export type Block = {
  readonly c: Compilation;
  readonly ctes: Ctes;
  readonly scope: Scope;
  readonly laterals: { readonly item: ScopeItem; readonly sql: Sql }[];
  /** Witnesses of values that a window function takes from other rows. */
  readonly windows: { readonly occurrence: Occurrence; readonly sql: Sql }[];
  readonly strict: Sql[];
  certain: boolean;
};

/** Every use of a dataset in a block, with its row number there. */
export function occurrencesOf(b: Block): { occurrence: Occurrence; sql: Sql }[] {
  return [...b.scope.items, ...b.laterals.map(l => l.item)].flatMap(i => i.occurrences);
}

/** A column that a condition, an order or a grouping looked at. */
export function note(o: Origin, equal: boolean, b: Block): void {
  const dataset = occurrencesOf(b).find(x => x.occurrence.id === o.occurrence)?.occurrence.dataset;
  if (dataset) b.c.predicates.push({ occurrence: o.occurrence, dataset: dataset.id, column: o.column, equal });
}

/** Run a compilation step; a construct that is not supported is noted, makes the block uncertain, and gives null. */
export function attempt<T>(body: () => T, b: Block): T | null {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    b.c.widened.add(error.construct);
    b.certain = false;
    return null;
  }
}

export const nothing = { origins: [] as readonly Origin[], fragile: false, orderSafe: true, unique: false };

export function baseColumn(dataset: Dataset, column: Column, occurrence: number, alias: string): OutputColumn {
  return {
    name: column.name.toLowerCase(),
    sql: sql`${sql.id(alias)}.${sql.id(`c${column.no}`)}`,
    type: column.type,
    fragile: false,
    origins: [{ occurrence, column: column.no, display: 'shown' }],
    orderSafe: column.orderSafe,
    unique: column.unique || (dataset.key.length === 1 && dataset.key[0] === column.name),
  };
}

/** Origins of an expression that keeps less of its inputs than they are: `shown` becomes `display`. */
export function weaken(origins: readonly Origin[], display: Display): Origin[] {
  const rank = { shown: 0, extreme: 1, single: 2, partial: 3, derived: 4 };
  return origins.map(o => ({ ...o, display: rank[o.display] >= rank[display] ? o.display : display }));
}
