import { type Element, elements, type OpenCase } from '../../case/index.ts';
import { type Sql, sql } from '../../engine/index.ts';

/** Bit of each element in the masks of `record_mask`; contact.* share what they mean but keep their own bits. */
export const elementBit = new Map<Element, number>(elements.map((e, i) => [e, i]));

export type CountedColumn = {
  readonly dataset_id: string;
  readonly column_no: number;
  readonly name: string;
  readonly element: Element | null;
  readonly confidence: number;
};
export type CountedDataset = { readonly dataset_id: string; readonly rows: number; readonly columns: readonly CountedColumn[] };

/** The tables an earlier stage may not have written (a case without evidence) read as empty. */
export async function hasTable(kase: OpenCase, name: string): Promise<boolean> {
  return (await kase.engine.rows('count.has_table', sql`select 1 as one from information_schema.tables where table_name = ${name} limit 1`)).length > 0;
}

export async function countedDatasets(kase: OpenCase): Promise<CountedDataset[]> {
  const datasets = await kase.engine.rows<{ dataset_id: string; rows: number }>(
    'count.datasets',
    sql`select dataset_id, rows from dataset order by dataset_id`,
  );
  const columns = await kase.engine.rows<CountedColumn>(
    'count.columns',
    sql`select c.dataset_id, c.column_no, c.name, e.element, coalesce(e.confidence, 0) as confidence
    from dataset_column c left join column_element e using (dataset_id, column_no) order by c.dataset_id, c.column_no`,
  );
  return datasets.map(d => ({ ...d, columns: columns.filter(c => c.dataset_id === d.dataset_id) }));
}

/** A cell holds a value: not NULL, not blank, not a written-out NULL. */
export function isFilled(column: string): Sql {
  return sql`(${sql.id(column)} is not null and trim(${sql.id(column)}, ${sql.lit(' \t\r\n\u3000')}) not in ('', 'NULL', 'null', ${sql.lit('\\N')}))`;
}

const bit = (n: number): Sql => sql`(1::hugeint << ${sql.lit(n)})`;
const or = (parts: readonly Sql[]): Sql => (parts.length === 0 ? sql`0::hugeint` : sql.join(parts, sql` | `));

/**
 * Write `record_mask`: one row a record with any tier, its role, its greatest tiers, and four masks of elements whose cell holds a
 * value: `m4` confirmed (tier_lower ≥ 4), `m3` executed (≥ 3), `m2` possible (tier_upper ≥ 2), `m1` not excluded (≥ 1, reachable
 * while nobody recorded included). Returns the counts of each column at the same four levels.
 */
export async function writeRecordMasks(kase: OpenCase, datasets: readonly CountedDataset[]): Promise<Map<string, readonly number[]>> {
  const { engine } = kase;
  await engine.run(
    'count.record_mask',
    sql`create or replace table record_mask (dataset_id varchar, row_no bigint, role varchar, tier_lower tinyint, tier_upper tinyint,
    m4 bigint, m3 bigint, m2 bigint, m1 bigint)`,
  );
  const tiers = await hasTable(kase, 'cell_tier');
  const reachable = await hasTable(kase, 'reachable');
  const counts = new Map<string, readonly number[]>();
  for (const d of datasets) {
    // A hugeint has room for 126 columns; beyond that, columns without an element are left out first.
    const slots =
      d.columns.length <= 126
        ? d.columns
        : [...d.columns].sort((a, b) => Number(isNothing(a)) - Number(isNothing(b)) || a.column_no - b.column_no).slice(0, 126);
    const table = sql.id(`data_${d.dataset_id}`);
    const slotOf = sql.join(slots.map((c, i) => sql`(${sql.lit(c.column_no)}, ${sql.lit(i)})`));
    const open =
      reachable && slots.length > 0
        ? (await engine.rows<{ column_nos: number[] }>('count.reachable', sql`select column_nos from reachable where dataset_id = ${d.dataset_id}`)).flatMap(
            r => r.column_nos.map(Number),
          )
        : [];
    const openBits = or(slots.flatMap((c, i) => (open.includes(c.column_no) ? [bit(i)] : [])));
    const cells =
      tiers && slots.length > 0
        ? sql`select row_no, max(t.tier_lower) as lo, max(t.tier_upper) as up,
          bit_or(case when t.tier_lower >= 4 then 1::hugeint << slot else 0 end) as c4, bit_or(case when t.tier_lower >= 3 then 1::hugeint << slot else 0 end) as c3,
          bit_or(case when t.tier_upper >= 2 then 1::hugeint << slot else 0 end) as c2, bit_or(case when t.tier_upper >= 1 then 1::hugeint << slot else 0 end) as c1
        from cell_tier t join (values ${slotOf}) s(column_no, slot) using (column_no) where t.dataset_id = ${d.dataset_id} group by row_no`
        : sql`select 0::bigint as row_no, 0::tinyint as lo, 0::tinyint as up, 0::hugeint as c4, 0::hugeint as c3, 0::hugeint as c2, 0::hugeint as c1 where false`;
    const all = open.length > 0;
    await engine.run(
      'count.cells',
      sql`create or replace temp table record_cells as
      select d.row_no, ${roleOf(kase, d)} as role, coalesce(lo, 0)::tinyint as lo, greatest(coalesce(up, 0), ${sql.lit(all ? 1 : 0)})::tinyint as up,
        coalesce(c4, 0) & f as c4, coalesce(c3, 0) & f as c3, coalesce(c2, 0) & f as c2, (coalesce(c1, 0) | (${openBits})) & f as c1
      from (select *, ${or(slots.map((c, i) => sql`(case when ${isFilled(c.name)} then ${bit(i)} else 0::hugeint end)`))} as f from ${table}) d
      ${all ? sql`left join` : sql`join`} (${cells}) t on t.row_no = d.row_no`,
    );
    const masks = ['c4', 'c3', 'c2', 'c1'].map(name =>
      or(
        [...elementBit].flatMap(([element, position]) => {
          const own = slots.flatMap((c, i) => (c.element === element ? [bit(i)] : []));
          return own.length === 0 ? [] : [sql`(case when (${sql.id(name)} & (${or(own)})) <> 0 then ${bit(position)} else 0::hugeint end)`];
        }),
      ),
    );
    await engine.run(
      'count.masks',
      sql`insert into record_mask select ${d.dataset_id}, row_no, role, lo, up, (${masks[0]!})::bigint, (${masks[1]!})::bigint, (${masks[2]!})::bigint, (${masks[3]!})::bigint from record_cells`,
    );
    if (slots.length > 0) {
      const sums = await engine.row<Record<string, number>>(
        'count.columns_sum',
        sql`select ${sql.join(
          slots.flatMap((_c, i) =>
            ['c4', 'c3', 'c2', 'c1'].map((name, k) => sql`count(*) filter (where ${sql.id(name)} & ${bit(i)} <> 0) as ${sql.id(`s${i}_${k}`)}`),
          ),
        )} from record_cells`,
      );
      for (const [i, c] of slots.entries())
        counts.set(
          `${d.dataset_id}\u0001${c.column_no}`,
          [0, 1, 2, 3].map(k => Number(sums[`s${i}_${k}`] ?? 0)),
        );
    }
  }
  await engine.run('count.cells_drop', sql`drop table if exists record_cells`);
  return counts;
}

const isNothing = (c: CountedColumn): boolean => c.element === null || c.element === 'none';

/** The role of each row of a dataset, as the case file says: one for all, or by a column. */
export function roleOf(kase: OpenCase, d: CountedDataset): Sql {
  const role = kase.file.datasets.find(x => x.id === d.dataset_id)?.role;
  if (!role) return sql`'other'`;
  if ('constant' in role) return sql`${sql.lit(role.constant)}`;
  const column = d.columns.find(c => c.name.toLowerCase() === role.column.toLowerCase());
  const entries = Object.entries(role.map);
  if (!column || entries.length === 0) return sql`'other'`;
  return sql`case ${sql.id(column.name)} ${sql.join(
    entries.map(([value, r]) => sql`when ${sql.lit(value)} then ${sql.lit(r)}`),
    sql` `,
  )} else 'other' end`;
}
