import { type Engine, sql } from '../../engine/index.ts';

/** A data set under the name the intruder used for its table. */
export type SnapshotTable = { readonly datasetId: string; readonly name: string; readonly data: string; readonly columns: ReadonlyMap<string, string>; readonly rows: number };

/** Data sets by table name: lower case, last part; null where two data sets share a name. */
export async function readSnapshot(engine: Engine): Promise<(table: string | null) => SnapshotTable | null> {
  const sets = await engine.rows<{ dataset_id: string; table_name: string; rows: number }>('intrusion.datasets', sql`select dataset_id, table_name, rows from dataset order by dataset_id`);
  const columns = await engine.rows<{ dataset_id: string; name: string }>('intrusion.dataset_columns', sql`select dataset_id, name from dataset_column order by dataset_id, column_no`);
  const byName = new Map<string, SnapshotTable | null>();
  for (const s of sets) {
    const table: SnapshotTable = { datasetId: s.dataset_id, name: s.table_name, data: `data_${s.dataset_id}`, rows: s.rows, columns: new Map(columns.filter(c => c.dataset_id === s.dataset_id).map(c => [c.name.toLowerCase(), c.name])) };
    const name = s.table_name.toLowerCase().split('.').at(-1)!;
    byName.set(name, byName.has(name) ? null : table);
  }
  return table => (table === null ? null : byName.get(table.toLowerCase().split('.').at(-1)!.trim()) ?? null);
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
    await engine.load('known_row', [{ name: 'id', type: 'BIGINT' }, ...names.map((_, i) => ({ name: `v${i}`, type: 'VARCHAR' as const }))], list.map(k => [k.id, ...names.map(n => k.values.get(n)!)]));
    const on = sql.join(names.map((n, i) => sql`coalesce(d.${sql.id(n)}, '') = k.${sql.id(`v${i}`)}`), sql` and `);
    out.push(...await engine.rows<Candidate>('intrusion.candidates', sql`select id, row_no as "rowNo", key from (
      select k.id, d.row_no, d.key, row_number() over (partition by k.id order by d.row_no) as n from known_row k join ${sql.id(list[0]!.table.data)} d on ${on}) where n <= ${limit} order by id, row_no`));
  }
  await engine.run('intrusion.drop_known', sql`drop table if exists known_row`);
  return out;
}

/** The one text of a column that is this text but for the case of its letters; null when there is none or several. */
export async function findCase(engine: Engine, table: SnapshotTable, column: string, folded: string): Promise<string | null> {
  const rows = await engine.rows<{ v: string }>('intrusion.case', sql`select distinct ${sql.id(column)} as v from ${sql.id(table.data)} where lower(${sql.id(column)}) = ${folded} order by v limit 2`);
  return rows.length === 1 ? rows[0]!.v : null;
}

/** Values of some columns of some rows. */
export async function readRows(engine: Engine, table: SnapshotTable, columns: readonly string[], rowNos: readonly number[]): Promise<Map<number, Map<string, string>>> {
  if (rowNos.length === 0 || columns.length === 0) return new Map();
  const list = sql.join(columns.map(c => sql`coalesce(${sql.id(c)}, '') as ${sql.id(c)}`));
  const rows = await engine.rows<Record<string, string | number> & { row_no: number }>('intrusion.rows', sql`select row_no, ${list} from ${sql.id(table.data)} where row_no in (${sql.join(rowNos.map(n => sql`${n}`))}) order by row_no`);
  return new Map(rows.map(r => [r.row_no, new Map(columns.map(c => [c, String(r[c])]))]));
}

export type Ordered = { readonly ordinal: number; readonly rowNo: number; readonly key: string | null; readonly tied: boolean; readonly values: readonly string[] };

/**
 * Rows of a table in the intruder's order, for ordinals in [from, to]. Numbers order as numbers, texts by code point; `tied`: another row has the same order values,
 * so that the ordinal does not name the row.
 */
export async function readWindow(engine: Engine, table: SnapshotTable, columns: readonly string[], where: readonly { column: string; op: string; value: string }[], order: readonly { column: string; descending: boolean }[], from: number, to: number): Promise<Ordered[]> {
  const ops: Record<string, ReturnType<typeof sql>> = { '=': sql`=`, '!=': sql`<>`, '>': sql`>`, '<': sql`<`, '>=': sql`>=`, '<=': sql`<=` };
  const conditions = where.map(w => {
    const c = table.columns.get(w.column.toLowerCase())!;
    return /^-?\d+(?:\.\d+)?$/.test(w.value) ? sql`try_cast(${sql.id(c)} as double) ${ops[w.op]!} ${Number(w.value)}` : sql`${sql.id(c)} ${ops[w.op]!} ${w.value}`;
  });
  const keys: { column: string; descending: boolean; numeric: boolean }[] = [];
  for (const o of order) {
    const c = table.columns.get(o.column.toLowerCase())!;
    const n = await engine.row<{ n: number }>('intrusion.order_kind', sql`select count(*) as n from ${sql.id(table.data)} where ${sql.id(c)} is not null and ${sql.id(c)} <> '' and (try_cast(${sql.id(c)} as double) is null or (${sql.id(c)} like '0%' and length(${sql.id(c)}) > 1))`);
    keys.push({ column: c, descending: o.descending, numeric: n.n === 0 });
  }
  const by = keys.map(k => { const v = k.numeric ? sql`try_cast(${sql.id(k.column)} as double)` : sql`${sql.id(k.column)}`; return k.descending ? sql`${v} desc` : sql`${v} asc`; });
  const list = sql.join(columns.map((c, i) => sql`coalesce(${sql.id(c)}, '') as ${sql.id(`c${i}`)}`));
  const tied = keys.length === 0 ? sql`true` : sql`count(*) over (partition by ${sql.join(keys.map(k => sql.id(k.column)))}) > 1`;
  const rows = await engine.rows<Record<string, string> & { ordinal: number; rowNo: number; key: string | null; tied: boolean }>('intrusion.window_rows', sql`select * from (
    select row_number() over (order by ${sql.join([...by, sql`row_no`])}) - 1 as ordinal, row_no as "rowNo", key, ${tied} as tied, ${list}
    from ${sql.id(table.data)} ${conditions.length > 0 ? sql`where ${sql.join(conditions, sql` and `)}` : sql``}) where ordinal between ${from} and ${to} order by ordinal`);
  return rows.map(r => ({ ordinal: r.ordinal, rowNo: r.rowNo, key: r.key, tied: r.tied, values: columns.map((_, i) => String(r[`c${i}`])) }));
}
