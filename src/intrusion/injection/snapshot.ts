import { type Engine, type Sql, sql } from '../../engine/index.ts';

/** A data set under the name the intruder used for its table. */
export type SnapshotTable = {
  readonly datasetId: string;
  readonly name: string;
  readonly data: string;
  readonly columns: ReadonlyMap<string, string>;
  readonly rows: number;
};

/** Data sets by table name: lower case, last part; null where two data sets share a name. */
export async function readSnapshot(engine: Engine): Promise<(table: string | null) => SnapshotTable | null> {
  const sets = await engine.rows<{ dataset_id: string; table_name: string; rows: number }>(
    'intrusion.datasets',
    sql`select dataset_id, table_name, rows from dataset order by dataset_id`,
  );
  const columns = await engine.rows<{ dataset_id: string; name: string }>(
    'intrusion.dataset_columns',
    sql`select dataset_id, name from dataset_column order by dataset_id, column_no`,
  );
  const byName = new Map<string, SnapshotTable | null>();
  for (const s of sets) {
    const table: SnapshotTable = {
      datasetId: s.dataset_id,
      name: s.table_name,
      data: `data_${s.dataset_id}`,
      rows: s.rows,
      columns: new Map(columns.filter(c => c.dataset_id === s.dataset_id).map(c => [c.name.toLowerCase(), c.name])),
    };
    const name = s.table_name.toLowerCase().split('.').at(-1)!;
    byName.set(name, byName.has(name) ? null : table);
  }
  return table => (table === null ? null : (byName.get(table.toLowerCase().split('.').at(-1)!.trim()) ?? null));
}

/** One reconstructed row: what is known of it, by column as the data set names it. */
export type KnownRow = { readonly id: number; readonly table: SnapshotTable; readonly values: ReadonlyMap<string, string> };
export type Candidate = { readonly id: number; readonly rowNo: number; readonly key: string | null };

/** Rows of the snapshot that hold exactly the known values; at most `limit` a row. NULL and '' count as the empty text, case as it is. */
export async function findCandidates(engine: Engine, known: readonly KnownRow[], limit = 50): Promise<Candidate[]> {
  const shapes = new Map<string, KnownRow[]>();
  for (const k of known) {
    if (k.values.size === 0) continue;
    const shape = `${k.table.datasetId}\u0000${[...k.values.keys()].sort().join('\u0000')}`;
    shapes.set(shape, [...(shapes.get(shape) ?? []), k]);
  }
  const out: Candidate[] = [];
  for (const [shape, list] of [...shapes].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const names = shape.split('\u0000').slice(1);
    await engine.load(
      'known_row',
      [{ name: 'id', type: 'BIGINT' }, ...names.map((_, i) => ({ name: `v${i}`, type: 'VARCHAR' as const }))],
      list.map(k => [k.id, ...names.map(n => k.values.get(n)!)]),
    );
    const on = sql.join(
      names.map((n, i) => sql`coalesce(d.${sql.id(n)}, '') = k.${sql.id(`v${i}`)}`),
      sql` and `,
    );
    out.push(
      ...(await engine.rows<Candidate>(
        'intrusion.candidates',
        sql`select id, row_no as "rowNo", key from (
      select k.id, d.row_no, d.key, row_number() over (partition by k.id order by d.row_no) as n from known_row k join ${sql.id(list[0]!.table.data)} d on ${on}) where n <= ${limit} order by id, row_no`,
      )),
    );
  }
  await engine.run('intrusion.drop_known', sql`drop table if exists known_row`);
  return out;
}

/** The one text of a column that is this text but for the case of its letters; null when there is none or several. */
export async function findCase(engine: Engine, table: SnapshotTable, column: string, folded: string): Promise<string | null> {
  const rows = await engine.rows<{ v: string }>(
    'intrusion.case',
    sql`select distinct ${sql.id(column)} as v from ${sql.id(table.data)} where lower(${sql.id(column)}) = ${folded} order by v limit 2`,
  );
  return rows.length === 1 ? rows[0]!.v : null;
}

/** The one text of a column that begins so, whatever the case of its letters, when that is all of it; null when it goes on or there are several. */
export async function findWhole(engine: Engine, table: SnapshotTable, column: string, folded: string): Promise<string | null> {
  const rows = await engine.rows<{ v: string }>(
    'intrusion.open_end',
    sql`select distinct ${sql.id(column)} as v from ${sql.id(table.data)} where starts_with(lower(${sql.id(column)}), ${folded}) order by v limit 2`,
  );
  return rows.length === 1 && rows[0]!.v.toLowerCase() === folded ? rows[0]!.v : null;
}

/** Values of some columns of some rows. */
export async function readRows(
  engine: Engine,
  table: SnapshotTable,
  columns: readonly string[],
  rowNos: readonly number[],
): Promise<Map<number, Map<string, string>>> {
  if (rowNos.length === 0 || columns.length === 0) return new Map();
  const list = sql.join(columns.map(c => sql`coalesce(${sql.id(c)}, '') as ${sql.id(c)}`));
  const rows = await engine.rows<Record<string, string | number> & { row_no: number }>(
    'intrusion.rows',
    sql`select row_no, ${list} from ${sql.id(table.data)} where row_no in (${sql.join(rowNos.map(n => sql`${n}`))}) order by row_no`,
  );
  return new Map(rows.map(r => [r.row_no, new Map(columns.map(c => [c, String(r[c])]))]));
}

export type Ordered = {
  readonly ordinal: number;
  readonly rowNo: number;
  readonly key: string | null;
  readonly tied: boolean;
  readonly values: readonly string[];
};

type Condition = { readonly column: string; readonly op: string; readonly value: string };
type Order = { readonly column: string; readonly descending: boolean };

/** A value that is compared as a number. */
export const isNumber = (value: string): boolean => /^-?\d+(?:\.\d+)?$/.test(value);

/** Parts of a query for rows in an order: numbers order as numbers, texts by code point; `tied`: another row has the same order values. */
async function orderParts(
  engine: Engine,
  table: SnapshotTable,
  order: readonly Order[],
  alias: Sql,
  partition: readonly Sql[],
): Promise<{ by: Sql[]; tied: Sql }> {
  const by: Sql[] = [];
  const columns: Sql[] = [...partition];
  for (const o of order) {
    const c = sql.id(table.columns.get(o.column.toLowerCase())!);
    const n = await engine.row<{ n: number }>(
      'intrusion.order_kind',
      sql`select count(*) as n from ${sql.id(table.data)} where ${c} is not null and ${c} <> '' and (try_cast(${c} as double) is null or (${c} like '0%' and length(${c}) > 1))`,
    );
    const v = n.n === 0 ? sql`try_cast(${alias}.${c} as double)` : sql`${alias}.${c}`;
    by.push(o.descending ? sql`${v} desc` : sql`${v} asc`);
    columns.push(sql`${alias}.${c}`);
  }
  return { by, tied: order.length === 0 ? sql`true` : sql`count(*) over (partition by ${sql.join(columns)}) > 1` };
}

type OrderedRow = Record<string, string> & { ordinal: number; rowNo: number; key: string | null; tied: boolean };
const orderedRow = (r: OrderedRow, columns: readonly string[]): Ordered => ({
  ordinal: r.ordinal,
  rowNo: r.rowNo,
  key: r.key,
  tied: r.tied,
  values: columns.map((_, i) => String(r[`c${i}`])),
});
const shownColumns = (columns: readonly string[]): Sql => sql.join(columns.map((c, i) => sql`coalesce(d.${sql.id(c)}, '') as ${sql.id(`c${i}`)}`));

/**
 * Rows of a table in the intruder's order, for ordinals in [from, to]. Numbers order as numbers, texts by code point; `tied`: another row has the same order values,
 * so that the ordinal does not name the row.
 */
export async function readWindow(
  engine: Engine,
  table: SnapshotTable,
  columns: readonly string[],
  where: readonly Condition[],
  order: readonly Order[],
  from: number,
  to: number,
): Promise<Ordered[]> {
  const ops: Record<string, Sql> = { '=': sql`=`, '!=': sql`<>`, '>': sql`>`, '<': sql`<`, '>=': sql`>=`, '<=': sql`<=` };
  const conditions = where.map(w => {
    const c = sql.id(table.columns.get(w.column.toLowerCase())!);
    return isNumber(w.value) ? sql`try_cast(d.${c} as double) ${ops[w.op]!} ${Number(w.value)}` : sql`d.${c} ${ops[w.op]!} ${w.value}`;
  });
  const { by, tied } = await orderParts(engine, table, order, sql`d`, []);
  const rows = await engine.rows<OrderedRow>(
    'intrusion.window_rows',
    sql`select * from (
    select row_number() over (order by ${sql.join([...by, sql`d.row_no`])}) - 1 as ordinal, d.row_no as "rowNo", d.key, ${tied} as tied, ${shownColumns(columns)}
    from ${sql.id(table.data)} d ${conditions.length > 0 ? sql`where ${sql.join(conditions, sql` and `)}` : sql``}) where ordinal between ${from} and ${to} order by ordinal`,
  );
  return rows.map(r => orderedRow(r, columns));
}

/** One window of rows that equal some values: by column as it was asked for. All windows compare a column as number or none does. */
export type KeyedWindow = { readonly values: readonly string[]; readonly from: number; readonly to: number };

/** What readWindow gives for each of many equal conditions, at once. */
export async function readKeyedWindows(
  engine: Engine,
  table: SnapshotTable,
  columns: readonly string[],
  by: readonly string[],
  order: readonly Order[],
  windows: readonly KeyedWindow[],
): Promise<Ordered[][]> {
  await engine.load(
    'wanted_window',
    [...['id', 'first', 'last'].map(name => ({ name, type: 'BIGINT' as const })), ...by.map((_, i) => ({ name: `v${i}`, type: 'VARCHAR' as const }))],
    windows.map((w, id) => [id, w.from, w.to, ...w.values]),
  );
  const on = by.map((column, i) => {
    const c = sql.id(table.columns.get(column.toLowerCase())!);
    const v = sql.id(`v${i}`);
    return isNumber(windows[0]!.values[i]!) ? sql`try_cast(d.${c} as double) = k.${v}::double` : sql`d.${c} = k.${v}`;
  });
  const parts = await orderParts(engine, table, order, sql`d`, [sql`k.id`]);
  const rows = await engine.rows<OrderedRow & { id: number }>(
    'intrusion.keyed_rows',
    sql`select * exclude (first, last) from (
    select k.id, k.first, k.last, row_number() over (partition by k.id order by ${sql.join([...parts.by, sql`d.row_no`])}) - 1 as ordinal, d.row_no as "rowNo", d.key, ${parts.tied} as tied, ${shownColumns(columns)}
    from wanted_window k join ${sql.id(table.data)} d on ${sql.join(on, sql` and `)}) where ordinal between first and last order by id, ordinal`,
  );
  await engine.run('intrusion.drop', sql`drop table wanted_window`);
  const out: Ordered[][] = windows.map(() => []);
  for (const r of rows) out[r.id]!.push(orderedRow(r, columns));
  return out;
}
