import { SECOND } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Catalogue, Column, Dataset } from '../catalogue.ts';
import { type Change, readChange } from './read-change.ts';
import { dialectOf, parseAny, readParameters } from './statements.ts';

/**
 * What the database log says of changes to one data set on the way between the theft and its snapshot. Which records a change touched stands
 * in `row_touch`; changes that may have touched any record stand in `anywhere`.
 */
export type History = {
  /** Every change: its time, the columns it set (null: any, or the record's very existence). */
  readonly times: readonly { readonly us: number; readonly columns: ReadonlySet<number> | null }[];
  /** Changes of which it is not known which records they touched. `existence`: they may have made the records. */
  readonly anywhere: readonly { readonly us: number; readonly columns: readonly number[]; readonly existence: boolean }[];
  /** Times after which records may be gone that were there before (or, with a snapshot older than that, there that it lacks), and how many. */
  readonly removals: readonly { readonly us: number; readonly rows: number }[];
};
export type Changes = ReadonlyMap<string, History>;

/** Column numbers that stand for "this record may not have been there" and "it was made by this very INSERT". */
export const existence = -1;
export const birth = -2;

const mostChanges = 300_000;

/**
 * Read what was written to the data sets. Writes `row_touch`: by `at_us` the value stood there, or the record was (`column_no` below 0); a record with a
 * `birth` was not there before `since_us`. Writes `row_change`: records with the values that each INSERT (`made`; `keyed`: with its key) or UPDATE names.
 */
export async function readChanges(engine: Engine, catalogue: Catalogue): Promise<Changes> {
  await engine.run(
    'exposure.row_touch',
    sql`create or replace temp table row_touch (dataset_id varchar, row_no bigint, column_no integer, at_us bigint, since_us bigint)`,
  );
  await engine.run(
    'exposure.row_change',
    sql`create or replace temp table row_change (dataset_id varchar, row_no bigint, c bigint, made boolean, keyed boolean, at_us bigint)`,
  );
  const rows = await engine.rows<{ at_us: number; sql_text: string; sql_params: string | null; format: string | null }>(
    'exposure.changes',
    sql`select e.at_us, e.sql_text, e.sql_params, f.format from event e left join event_file f using (file_no) where e.class = 2 and e.at_us is not null
    and (err_code is null or err_code = '00000') and regexp_matches(sql_text, '(?i)\\b(insert|update|delete|merge|replace|truncate|copy)\\b')
    and not regexp_matches(sql_text, '^\\s*(?i:select|create|alter|grant|set|show|explain)\\b') order by e.at_us, e.event_id limit ${mostChanges + 1}`,
  );
  const parsed = new Map<string, ReturnType<typeof parseAny>>();
  const found: Change[] = [];
  for (const r of rows.slice(0, mostChanges)) {
    let tree = parsed.get(r.sql_text);
    if (tree === undefined) {
      tree = parseAny(r.sql_text, dialectOf(r.format));
      if (parsed.size < 50_000) parsed.set(r.sql_text, tree);
    }
    found.push(...readChange(tree, r.sql_text, readParameters(r.sql_params), r.at_us, catalogue));
  }
  // Beyond what is read, anything may have happened.
  if (rows.length > mostChanges)
    for (const dataset of catalogue.datasets)
      found.push({
        kind: 'any',
        us: rows[mostChanges]!.at_us,
        dataset,
        columns: null,
        equals: [],
        sets: new Map(),
        foreign: true,
        sole: false,
        fresh: false,
        text: '',
      });
  const out = new Map<string, History>();
  const refused = new Set(
    (
      await engine.rows<{ sql_text: string }>(
        'exposure.refused',
        sql`select distinct sql_text from event where class = 2 and err_code is not null and err_code <> '00000' and regexp_matches(sql_text, '^\\s*(?i:insert)\\b') order by sql_text limit 200000`,
      )
    ).map(r => r.sql_text),
  );
  for (const dataset of catalogue.datasets) {
    const own = found.filter(c => c.dataset.id === dataset.id);
    if (own.length > 0) out.set(dataset.id, await locate(engine, dataset, own, refused));
    const history = await betweenSnapshots(engine, dataset, out.get(dataset.id));
    if (history) out.set(dataset.id, history);
  }
  return out;
}

/** What differs between the snapshots of one table was changed at a time nobody told: at the last of them, so that it lies on every way to it. */
async function betweenSnapshots(engine: Engine, dataset: Dataset, told: History | undefined): Promise<History | null> {
  const touched = await engine.rows<{ c: number }>(
    'exposure.snapshot_columns',
    sql`select distinct column_no as c from snapshot_touch where dataset_id = ${dataset.id} order by c`,
  );
  if (touched.length === 0) return null;
  const us = dataset.asOfUs ?? never;
  await engine.run(
    'exposure.snapshot_touched',
    sql`insert into row_touch select dataset_id, row_no, column_no, ${us}::bigint, ${us}::bigint from snapshot_touch where dataset_id = ${dataset.id}`,
  );
  const columns = touched.some(t => t.c === existence) ? null : new Set(touched.map(t => t.c));
  return { times: [...(told?.times ?? []), { us, columns }], anywhere: told?.anywhere ?? [], removals: told?.removals ?? [] };
}

/** Later than anything. */
export const never = 8e15;

/** The most records a change with a told key can have touched. */
function rowsOf(c: Change, keys: ReadonlySet<number>): number {
  if (c.kind === 'insert' && c.equals.length > 0) return 1;
  const told = c.equals.filter(e => keys.has(e.column));
  return keys.size > 0 && told.length === keys.size ? told.reduce((n, e) => n * e.values.length, 1) : Infinity;
}

const all = (d: Dataset): number[] => d.columns.map(c => c.no);

/** Which records a list of changes touched, as far as columns that never change tell. */
async function locate(engine: Engine, dataset: Dataset, list: readonly Change[], refused: ReadonlySet<string>): Promise<History> {
  const unstable = new Set(list.flatMap(c => (c.kind === 'update' ? [...(c.columns ?? all(dataset))] : [])));
  const keys = new Set(dataset.columns.filter(c => dataset.key.includes(c.name)).map(c => c.no));
  const comparable = (no: number): boolean => ['int', 'text'].includes(dataset.columns.find(c => c.no === no)?.type ?? '');
  const history = {
    times: [] as { us: number; columns: ReadonlySet<number> | null }[],
    anywhere: [] as { us: number; columns: readonly number[]; existence: boolean }[],
    removals: [] as { us: number; rows: number }[],
  };
  const keyOf = (c: Change): string => JSON.stringify(c.equals);
  const once = new Map<string, number>();
  for (const c of list) if (c.kind === 'insert') once.set(keyOf(c), (once.get(keyOf(c)) ?? 0) + 1);
  const gone = new Set(list.filter(c => c.kind === 'delete').flatMap(c => c.equals.flatMap(e => (keys.has(e.column) ? e.values : []))));
  const reborn = (c: Change): boolean => c.equals.some(e => e.values.some(v => gone.has(v)));
  const vague = list.some(
    c =>
      c.kind === 'any' ||
      (c.kind === 'update' && (c.columns === null || [...c.columns].some(x => keys.has(x)))) ||
      (c.kind === 'delete' && !c.equals.some(e => keys.has(e.column))),
  );
  const conditions: unknown[][] = [];
  const targets: unknown[][] = [];
  const named: unknown[][] = [];
  list.forEach((c, n) => {
    const rekeyed = c.kind === 'update' && (c.columns === null || [...c.columns].some(x => keys.has(x)));
    const columns = c.kind === 'update' && !rekeyed ? [...c.columns!] : all(dataset);
    const makes = c.kind !== 'update' || rekeyed;
    history.times.push({ us: c.us, columns: makes ? null : new Set(columns) });
    const late = c.kind === 'insert' && dataset.asOfUs !== null && c.us >= dataset.asOfUs - slack;
    if (c.kind === 'delete' || c.kind === 'any' || rekeyed || late) history.removals.push({ us: c.us, rows: rowsOf(c, keys) });
    // A snapshot that was taken later holds what a DELETE left: what it did not match. From an older one it may have taken any record.
    const left = c.kind === 'delete' && (dataset.asOfUs === null || c.us < dataset.asOfUs - slack);
    if (left && c.equals.length === 0) return;
    const stable = rekeyed ? [] : c.equals.filter(e => comparable(e.column) && !unstable.has(e.column));
    // A record with the very key it names has been made anew.
    if (left && ![...keys].every(k => stable.some(e => e.column === k))) return;
    if (c.kind === 'any' || stable.length === 0) {
      history.anywhere.push({ us: c.us, columns, existence: makes });
      return;
    }
    for (const e of stable) for (const value of e.values) conditions.push([n, stable.length, e.column, value]);
    if (c.fresh || c.kind === 'update') named.push([n, c.fresh, c.sole, c.us]);
    // A plain INSERT of a key that was inserted once and never removed made the record: before, it was not there.
    const made = c.kind === 'insert' && c.sole && !refused.has(c.text) && !vague && !reborn(c) && once.get(keyOf(c)) === 1;
    for (const no of made ? [birth] : makes ? [...columns, existence] : columns) {
      const told = !makes && !c.foreign && comparable(no) && (dataset.asOfUs === null || c.us <= dataset.asOfUs - slack) ? c.sets.get(no) : undefined;
      targets.push([n, c.us, no, told !== undefined, told ?? null]);
    }
  });
  if (conditions.length === 0) return history;
  await engine.load(
    'change_where',
    [
      { name: 'c', type: 'BIGINT' },
      { name: 'need', type: 'INTEGER' },
      { name: 'column_no', type: 'INTEGER' },
      { name: 'value', type: 'VARCHAR' },
    ],
    conditions,
  );
  await engine.load(
    'change_set',
    [
      { name: 'c', type: 'BIGINT' },
      { name: 'at_us', type: 'BIGINT' },
      { name: 'column_no', type: 'INTEGER' },
      { name: 'told', type: 'BOOLEAN' },
      { name: 'value', type: 'VARCHAR' },
    ],
    targets,
  );
  await engine.load(
    'change_named',
    [
      { name: 'c', type: 'BIGINT' },
      { name: 'made', type: 'BOOLEAN' },
      { name: 'keyed', type: 'BOOLEAN' },
      { name: 'at_us', type: 'BIGINT' },
    ],
    named,
  );
  const used = [...new Set(conditions.map(x => x[2] as number))].map(no => dataset.columns.find(c => c.no === no)!);
  const matched = used.map(
    col =>
      sql`select w.c, w.need, w.column_no, d.row_no from ${sql.id(dataset.view)} d join change_where w on w.column_no = ${sql.lit(col.no)} and ${loosely(sql`d.${sql.id(`c${col.no}`)}`, col)} = ${loosely(sql`w.value`, col)}`,
  );
  const values = dataset.columns.filter(c => comparable(c.no));
  // The last change of a column left the value it set: a record that holds another one was changed later, or never.
  const holds = values.map(
    col =>
      sql`when ${sql.lit(col.no)} then ${sql.id(`c${col.no}`)} is not distinct from ${col.type === 'int' ? sql`try_cast(s.value as bigint)` : sql`s.value`}`,
  );
  await engine.run(
    'exposure.change_hit',
    sql`create or replace temp table change_hit as
      select c, row_no from (${sql.join(matched, sql` union all `)}) q group by c, row_no having count(distinct column_no) = any_value(need)`,
  );
  await engine.run(
    'exposure.row_change',
    sql`insert into row_change select ${dataset.id}, row_no, c, made, keyed, at_us from change_hit join change_named using (c)`,
  );
  await engine.run(
    'exposure.touched',
    sql`insert into row_touch select distinct ${dataset.id}, h.row_no, s.column_no, s.at_us, s.at_us from change_hit h
      join change_set s using (c) join ${sql.id(dataset.view)} d on d.row_no = h.row_no
      where not s.told or (case s.column_no ${holds.length > 0 ? sql.join(holds, sql` `) : sql`when -9 then true`} else true end)`,
  );
  for (const name of ['change_where', 'change_set', 'change_named', 'change_hit']) await engine.run('exposure.drop_changes', sql`drop table ${sql.id(name)}`);
  return history;
}

export const slack = 1.5 * SECOND;

/** Equal under any usual comparison. */
function loosely(value: Sql, column: Column): Sql {
  return column.type === 'int' ? sql`try_cast(${value} as bigint)` : sql`lower(rtrim(${value}))`;
}
