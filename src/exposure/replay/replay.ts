import { QueryError } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Catalogue, Dataset } from '../catalogue.ts';
import type { Claims } from '../claims/claims.ts';
import {
  type Ast,
  type Batch,
  type Compilation,
  compileSelect,
  NotBatchable,
  type Occurrence,
  type Origin,
  type Relation,
  raise,
  Unsupported,
} from '../sql/index.ts';
import { recordContacts } from './contacts.ts';

/** A statement as it was replayed. The rows stand in the temporary table `replay_result` until the next replay. */
export type Replay = {
  readonly relation: Relation;
  readonly influenced: ReadonlySet<string>;
  readonly predicates: Compilation['predicates'];
  readonly widened: readonly string[];
  readonly unknownTables: readonly string[];
  /** For an occurrence, the most of its rows one execution can have shown. */
  readonly caps: ReadonlyMap<number, number>;
  /** Each row of the answer is another row of a dataset: no join, no grouping. */
  readonly counted: boolean;
};
/** `failure` starts with `not-batchable:` when the statements must be run one by one. */
export type ReplayFailure = { readonly failure: string; readonly unknownTables: readonly string[] };

export type ReplayRequest = {
  readonly select: Ast;
  readonly parameters: readonly (string | null | undefined | Sql)[];
  /** Many statements of one shape at once; their rows carry the number `n` of the instance. */
  readonly batch: Batch | null;
  /** See Compilation. */
  readonly windowParameters?: ReadonlySet<number>;
  /** See ReadableStatement. */
  readonly foreign: boolean;
};

/** Replay one select (or one shape for many parameter tuples) on the snapshot. Never throws for what the statement contains. */
export async function replay(engine: Engine, catalogue: Catalogue, request: ReplayRequest): Promise<Replay | ReplayFailure> {
  let next = 0;
  const none: ReadonlySet<number> = new Set();
  const c: Compilation = {
    parameters: request.parameters,
    batch: request.batch,
    windowParameters: request.windowParameters ?? none,
    select: (node, ctes, outer) => compileSelect(node, c, ctes, outer),
    view: name => catalogue.view?.(name) ?? null,
    text: { foreign: request.foreign, loose: false },
    dataset: name => catalogue.byTable(name),
    nextId: () => ++next,
    influenced: new Set(),
    predicates: [],
    widened: new Set(),
    unknownTables: new Set(),
    caps: new Map(),
    openViews: new Set(),
  };
  let relation: Relation;
  try {
    relation = compileSelect(request.select, c);
    if (request.batch) relation = raise(relation, 'instance', c);
  } catch (error) {
    if (error instanceof NotBatchable) return { failure: `not-batchable:${error.reason}`, unknownTables: [] };
    if (error instanceof Unsupported) return { failure: error.construct, unknownTables: [...c.unknownTables] };
    throw error;
  }
  try {
    await engine.run('exposure.replay', sql`create or replace temp table replay_result as ${relation.sql}`);
  } catch (error) {
    if (error instanceof QueryError) return { failure: 'engine', unknownTables: [...c.unknownTables] };
    throw error;
  }
  return {
    relation,
    influenced: c.influenced,
    predicates: c.predicates,
    widened: [...c.widened].sort(),
    unknownTables: [...c.unknownTables],
    caps: c.caps,
    counted: relation.occurrences.length === 1 && !relation.occurrences[0]!.list && c.unknownTables.size === 0,
  };
}

export function failed(r: Replay | ReplayFailure): r is ReplayFailure {
  return 'failure' in r;
}

/** Columns of one occurrence by how they come out. `fragile` ones only where their output column is not NULL. */
type Shown = {
  readonly occurrence: Occurrence;
  readonly whole: number[];
  readonly fragile: Map<number, number[]>;
  readonly extreme: number[];
  readonly single: number[];
  readonly partial: number[];
};

/** What each occurrence of a dataset shows in the output. */
export function shownBy(relation: Relation): Shown[] {
  return relation.occurrences.map(occurrence => {
    const s: Shown = { occurrence, whole: [], fragile: new Map(), extreme: [], single: [], partial: [] };
    relation.columns.forEach((column, at) => {
      const own = (display: Origin['display']): number[] =>
        column.origins.filter(o => o.occurrence === occurrence.id && o.display === display).map(o => o.column);
      if (column.fragile) s.fragile.set(at, own('shown'));
      else s.whole.push(...own('shown'));
      s.extreme.push(...own('extreme'));
      s.single.push(...own('single'));
      s.partial.push(...own('partial'));
    });
    return s;
  });
}

/** Tiers for the rows of a replay: columns of the table `n, must, may`. */
export type Tiers = { readonly must: Sql; readonly may: Sql };

/**
 * Write the rows of the last replay under the claims `claimOf` gives for each dataset. Rows that are certainly in the output get
 * `must`, all get `may`; partly shown values get at most tier 2. With `sure`, only those columns can be certain. What was touched
 * without being shown is written as contacts.
 */
export async function recordReplay(
  claims: Claims,
  r: Replay,
  tiers: Tiers,
  tierTable: Sql,
  batch: boolean,
  claimOf: (dataset: Dataset) => string,
  sure: ReadonlySet<number> | null = null,
): Promise<void> {
  const from = batch ? sql`replay_result join ${tierTable} as b using (n)` : sql`replay_result cross join ${tierTable} as b`;
  const rowsOf = (o: Occurrence, certain: Sql, where: Sql, may: Sql): Sql => {
    const w = sql.id(o.ref);
    const dataset = o.dataset;
    const rows = sql`select ${o.list ? sql`unnest(list_distinct(${w}))` : sql`${w}`} as row_no, case when m and ${certain} then ${tiers.must} else 0 end as lower, ${may} as upper${claims.born.has(dataset.id) ? sql`, b.from_us, b.to_us` : sql``} from ${from} where ${where}`;
    return !claims.born.has(dataset.id)
      ? rows
      : sql`select x.row_no, case when coalesce(rb.by_us >= x.from_us, false) then 0 else x.lower end as lower, case when coalesce(rb.born_us > x.to_us, false) then 0 else x.upper end as upper
          from (${rows}) x left join row_born rb on rb.dataset_id = ${dataset.id} and rb.row_no = x.row_no`;
  };
  for (const s of shownBy(r.relation)) {
    const one = s.occurrence.list ? sql`len(list_distinct(${sql.id(s.occurrence.ref)})) = 1` : sql`true`;
    const possible = sql`least(2, ${tiers.may})`;
    const write = async (columns: readonly number[], sure: Sql, where: Sql, may: Sql): Promise<void> => {
      if (columns.length > 0)
        await claims.rows(claimOf(s.occurrence.dataset), claims.colset(s.occurrence.dataset, columns), rowsOf(s.occurrence, sure, where, may));
    };
    await write(sure ? s.whole.filter(c => sure.has(c)) : s.whole, sql`true`, sql`true`, tiers.may);
    if (sure)
      await write(
        s.whole.filter(c => !sure.has(c)),
        sql`false`,
        sql`true`,
        possible,
      );
    for (const [at, columns] of s.fragile) await write(columns, sql`${sql.id(`c${at}`)} is not null`, sql`true`, tiers.may);
    await write(s.extreme, one, sql`true`, tiers.may);
    await write(s.single, one, one, tiers.may);
    await write(s.partial, sql`false`, sql`true`, possible);
  }
  await recordContacts(claims, r, (o, certain) => rowsOf(o, certain, sql`true`, tiers.may), claimOf, sure === null);
}

/** Rows, bytes of shown values and NULLs in the output, for one instance (`n` null) or each of a batch. */
export type OutputSize = { readonly n: number; readonly rows: number; readonly bytes: number; readonly nulls: number; readonly certain: boolean };

export async function outputSizes(engine: Engine, relation: Relation, batch: Sql | null): Promise<OutputSize[]> {
  const columns = relation.columns.map((_, i) => sql.id(`c${i}`));
  const length =
    columns.length === 0
      ? sql`0`
      : sql.join(
          columns.map(c => sql`coalesce(strlen(cast(${c} as varchar)), 0)`),
          sql` + `,
        );
  const nulls =
    columns.length === 0
      ? sql`0`
      : sql.join(
          columns.map(c => sql`(${c} is null)::integer`),
          sql` + `,
        );
  const inner = batch
    ? sql`select b.n as n, count(r.m) as rows, coalesce(sum(bytes), 0) as bytes, coalesce(sum(nulls), 0) as nulls, coalesce(bool_and(m), true) as certain
        from ${batch} as b left join (select n, m, ${length} as bytes, ${nulls} as nulls from replay_result) r using (n) group by b.n order by b.n`
    : sql`select 0 as n, count(*) as rows, coalesce(sum(${length}), 0) as bytes, coalesce(sum(${nulls}), 0) as nulls, coalesce(bool_and(m), true) as certain from replay_result`;
  return (await engine.rows<OutputSize>('exposure.output_size', inner)).map(r => ({
    ...r,
    n: Number(r.n),
    rows: Number(r.rows),
    bytes: Number(r.bytes),
    nulls: Number(r.nulls),
  }));
}

/** Bytes of each column of the one dataset that a replay reads, summed over the rows of an instance; empty where more than one is read. */
export type ColumnSizes = { readonly n: number; readonly bytes: ReadonlyMap<number, number>; readonly certain: boolean };

export async function columnSizes(engine: Engine, relation: Relation, batch: Sql | null): Promise<ColumnSizes[]> {
  const [only, ...others] = relation.occurrences;
  if (!only || only.list || others.length > 0) return [];
  const places = relation.columns.flatMap((c, at) =>
    c.origins.length === 1 && c.origins[0]!.display === 'shown' ? [{ at, column: c.origins[0]!.column }] : [],
  );
  if (places.length === 0) return [];
  const sums = sql.join(places.map(p => sql`coalesce(sum(strlen(cast(${sql.id(`c${p.at}`)} as varchar))), 0) as ${sql.id(`b${p.at}`)}`));
  const rows = await engine.rows<Record<string, number> & { certain: boolean }>(
    'exposure.column_size',
    batch
      ? sql`select b.n as n, ${sums}, coalesce(bool_and(m), true) as certain from ${batch} as b left join replay_result r using (n) group by b.n order by b.n`
      : sql`select 0 as n, ${sums}, coalesce(bool_and(m), true) as certain from replay_result`,
  );
  return rows.map(r => ({ n: Number(r['n']), bytes: new Map(places.map(p => [p.column, Number(r[`b${p.at}`])])), certain: r.certain }));
}
