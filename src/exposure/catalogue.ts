import { type Engine, type Sql, sql } from '../engine/index.ts';
import { type Described, type Union, uniteSnapshots } from './snapshots.ts';
import type { Ast } from './sql/ast.ts';

export type ValueType = 'int' | 'num' | 'bool' | 'date' | 'time' | 'text';
export type Column = {
  readonly no: number;
  readonly name: string;
  readonly type: ValueType;
  /** Sorting by this column gives one order under every usual collation: numbers, dates, or text of one case of A–Z and digits. */
  readonly orderSafe: boolean;
  readonly unique: boolean;
  readonly hasNull: boolean;
};
export type Dataset = {
  readonly id: string;
  /** Name in SQL, lower case, without schema. */
  readonly table: string;
  readonly systemId: string | null;
  readonly rows: number;
  readonly asOfUs: number | null;
  readonly key: readonly string[];
  readonly columns: readonly Column[];
  /** The typed copy of `data_<id>`: `row_no`, `key`, then `c<column_no>`. */
  readonly view: string;
  readonly drift?: Drift;
};
/**
 * What is not known of a data set at another time than its snapshot: `touched` is a table `row_no, column_no` of values that may have
 * been others (column -1: the record may not have been there; -2: it was not), `whole` are columns of which that holds for every record;
 * `removed`: records may have been there that the snapshot lacks.
 */
export type Drift = {
  readonly touched: Sql;
  readonly columns: ReadonlySet<number>;
  readonly whole: ReadonlySet<number>;
  readonly born: boolean;
  readonly removed: boolean;
  readonly unsure: boolean;
};
export type Catalogue = {
  readonly datasets: readonly Dataset[];
  /** Data sets that are one table: each stands in `datasets` as one. */
  readonly unions: readonly Union[];
  byTable(name: string): Dataset | null;
  /** What a name that is no dataset stands for, when the database log told (CREATE VIEW, CREATE TABLE AS). */
  readonly view?: (name: string) => { readonly select: Ast; readonly exact: boolean } | null;
};

type ColumnFacts = {
  column_no: number;
  ints: boolean;
  nums: boolean;
  bools: boolean;
  dates: boolean;
  times: boolean;
  safe: boolean;
  n: number;
  distinct_n: number;
};

/** Datasets with the type each column of text really holds, and one typed table a dataset for replay. Empty text counts as NULL in typed columns. */
export async function readCatalogue(engine: Engine): Promise<Catalogue> {
  const rows = await engine.rows<Described>(
    'exposure.datasets',
    sql`select dataset_id, table_name, system_id, rows, as_of_us, key_columns from dataset order by dataset_id`,
  );
  const { described, unions } = await uniteSnapshots(engine, rows, d => bareName(d.table_name));
  const datasets: Dataset[] = [];
  for (const r of described) {
    const union = unions.find(u => u.id === r.dataset_id);
    datasets.push(await readDataset(engine, r, union ? union.columns.map((name, column_no) => ({ column_no, name })) : null));
  }
  const byTable = new Map<string, Dataset | null>();
  for (const d of datasets) {
    const members = unions.find(u => u.id === d.id)?.members.map(m => m.id.toLowerCase()) ?? [d.id.toLowerCase()];
    for (const name of new Set([d.table, ...members])) byTable.set(name, byTable.has(name) && byTable.get(name)?.id !== d.id ? null : d);
  }
  return { datasets, unions, byTable: name => byTable.get(bareName(name)) ?? null };
}

/** `"Public".Customers` → `customers`. */
export function bareName(name: string): string {
  return name
    .slice(name.lastIndexOf('.') + 1)
    .replace(/^["`[]|["`\]]$/g, '')
    .toLowerCase();
}

async function readDataset(engine: Engine, r: Described, given: readonly { column_no: number; name: string }[] | null): Promise<Dataset> {
  const names =
    given ??
    (await engine.rows<{ column_no: number; name: string }>(
      'exposure.columns',
      sql`select column_no, name from dataset_column where dataset_id = ${r.dataset_id} order by column_no`,
    ));
  const data = sql.id(`data_${r.dataset_id}`);
  // What a few values refute need not be asked of all of them.
  const sample =
    names.length === 0 ? [] : await engine.rows<Record<string, string | null>>('exposure.column_sample', sql`select * from ${data} where row_no < 24`);
  const facts =
    names.length === 0
      ? []
      : await engine.rows<ColumnFacts>(
          'exposure.column_types',
          sql.join(
            names.map(c =>
              columnFacts(
                data,
                c.column_no,
                c.name,
                sample.map(r => r[c.name]),
              ),
            ),
            sql` union all `,
          ),
        );
  const byNo = new Map(facts.map(f => [f.column_no, f]));
  const columns = names.map((c): Column => {
    const f = byNo.get(c.column_no);
    const type: ValueType = !f || f.n === 0 ? 'text' : f.ints ? 'int' : f.nums ? 'num' : f.bools ? 'bool' : f.dates ? 'date' : f.times ? 'time' : 'text';
    return {
      no: c.column_no,
      name: c.name,
      type,
      orderSafe: type !== 'text' || (f?.safe ?? true),
      unique: f !== undefined && f.n === r.rows && f.distinct_n === f.n,
      hasNull: (f?.n ?? 0) < r.rows,
    };
  });
  const view = `snap_${r.dataset_id}`;
  const typed = columns.map(c => sql`${typedColumn(c)} as ${sql.id(`c${c.no}`)}`);
  await engine.run('exposure.typed_view', sql`create or replace table ${sql.id(view)} as select ${sql.join([sql`row_no`, sql`key`, ...typed])} from ${data}`);
  return { id: r.dataset_id, table: bareName(r.table_name), systemId: r.system_id, rows: r.rows, asOfUs: r.as_of_us, key: r.key_columns, columns, view };
}

type Pattern = 'ints' | 'nums' | 'bools' | 'dates' | 'times' | 'lower' | 'upper';

const patterns: Readonly<Record<Pattern, string>> = {
  ints: '-?(0|[1-9][0-9]{0,17})',
  nums: '-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,12})?',
  bools: 't|f|true|false',
  dates: '[0-9]{4}-[0-9]{2}-[0-9]{2}',
  times: '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}.*',
  lower: '[0-9a-z]*',
  upper: '[0-9A-Z]*',
};

/** The patterns that none of these values contradicts. */
function plausible(values: readonly (string | null | undefined)[]): ReadonlySet<Pattern> {
  const given = values.filter(v => v !== null && v !== undefined && v !== '');
  return new Set((Object.keys(patterns) as Pattern[]).filter(p => given.every(v => new RegExp(`^(?:${patterns[p]})$`, 's').test(v!))));
}

function columnFacts(data: Sql, no: number, name: string, first: readonly (string | null | undefined)[]): Sql {
  const c = sql.id(name);
  const open = plausible(first);
  const repeats = new Set(first).size < first.length;
  const all = (p: Pattern): Sql =>
    open.has(p) ? sql`coalesce(bool_and(regexp_full_match(${c}, ${patterns[p]})) filter (where ${c} <> ''), false)` : sql`false`;
  const casts = (p: Pattern, type: Sql): Sql =>
    open.has(p) ? sql`${all(p)} and coalesce(bool_and(try_cast(${c} as ${type}) is not null) filter (where ${c} <> ''), false)` : sql`false`;
  return sql`select ${no}::integer as column_no, ${all('ints')} as ints, ${all('nums')} as nums, ${all('bools')} as bools,
    ${casts('dates', sql`date`)} as dates, ${casts('times', sql`timestamp`)} as times,
    (${all('lower')} or ${all('upper')}) as safe, count(*) filter (where ${c} <> '') as n, ${repeats ? sql`0` : sql`count(distinct ${c}) filter (where ${c} <> '')`} as distinct_n from ${data}`;
}

function typedColumn(c: Column): Sql {
  const name = sql.id(c.name);
  switch (c.type) {
    case 'text':
      return name;
    case 'int':
      return sql`try_cast(nullif(${name}, '') as bigint)`;
    case 'num':
      return sql`try_cast(nullif(${name}, '') as double)`;
    case 'bool':
      return sql`try_cast(nullif(${name}, '') as boolean)`;
    case 'date':
      return sql`try_cast(nullif(${name}, '') as date)`;
    case 'time':
      return sql`try_cast(nullif(${name}, '') as timestamp)`;
  }
}
