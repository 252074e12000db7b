import { type Element, elements, type OpenCase } from '../../case/index.ts';
import { type Sql, sql } from '../../engine/index.ts';

/** Bit of each element in the masks of `record_mask`; contact.* share what they mean but keep their own bits. */
export const elementBit = new Map<Element, number>(elements.map((e, i) => [e, i]));

/** The mask of these elements together. */
export const maskOf = (list: readonly Element[]): bigint => list.reduce((m, e) => m | (1n << BigInt(elementBit.get(e)!)), 0n);

/** The elements of a mask, as a list in order of their names. */
export const elementsIn = (mask: Sql): Sql =>
  sql`list_filter([${sql.join(
    [...elements]
      .filter(e => e !== 'none')
      .sort()
      .map(e => sql`case when ${mask} & ${sql.lit(maskOf([e]))}::bigint <> 0 then ${sql.lit(e)} end`),
  )}], x -> x is not null)`;

export type CountedColumn = {
  readonly dataset_id: string;
  readonly column_no: number;
  readonly name: string;
  readonly element: Element | null;
  readonly confidence: number;
};
export type CountedDataset = { readonly dataset_id: string; readonly rows: number; readonly columns: readonly CountedColumn[] };

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

/** A cell holds a value: not NULL, not blank, not a written-out NULL. Most cells show it by their first character; `trim` is slow. */
export function isFilled(column: string): Sql {
  const cell = sql.id(column);
  return sql`(case when ${cell} is null then false when ascii(${cell}) > 32 and ascii(${cell}) not in (78, 92, 110, 12288) then true
    else trim(${cell}, ${sql.lit(' \t\r\n\u3000')}) not in ('', 'NULL', 'null', ${sql.lit('\\N')}) end)`;
}

const or = (parts: readonly Sql[]): Sql => (parts.length === 0 ? sql`0::bigint` : sql.join(parts, sql` | `));

/** Groups of elements as published: contact data count as one. */
export type Grouping = (mask: Sql) => Sql;

/**
 * Write `record_person`: one row a record with any tier, its role, its greatest tiers, and four masks of elements whose cell holds a
 * value: `m4` confirmed (tier_lower ≥ 4), `m3` executed (≥ 3), `m2` possible (tier_upper ≥ 2), `m1` not excluded (≥ 1, reachable
 * while nobody recorded included); `g3`, `g2` the same by published group; and its person under each clustering, as numbers. `record_mask`
 * is a view on it. Returns the counts of each column at the same four levels.
 */
export async function writeRecordMasks(kase: OpenCase, datasets: readonly CountedDataset[], group: Grouping): Promise<Map<string, readonly number[]>> {
  const { engine } = kase;
  await dropTable(engine, 'record_mask');
  await engine.run(
    'count.record_person',
    sql`create or replace table record_person (dataset_id varchar, row_no bigint, role varchar, tier_lower tinyint, tier_upper tinyint, m4 bigint, m3 bigint, m2 bigint, m1 bigint,
    strict ubigint, best ubigint, wide ubigint, legal_person boolean, identified boolean, living varchar, g3 bigint, g2 bigint)`,
  );
  await engine.run(
    'count.record_mask',
    sql`create or replace view record_mask as select dataset_id, row_no, role, tier_lower, tier_upper, m4, m3, m2, m1 from record_person`,
  );
  const claims = (await kase.engine.hasTable('claim_row')) && (await kase.engine.hasTable('colset'));
  const tiers = claims || (await kase.engine.hasTable('cell_tier'));
  const reachable = await kase.engine.hasTable('reachable');
  const persons = await kase.engine.hasTable('person_label');
  const counts = new Map<string, readonly number[]>();
  const shadow = await kase.engine.hasTable('snapshot_shadow');
  for (const d of datasets) {
    const slots = slotsOf(d);
    const w = width(slots.length);
    const open =
      reachable && slots.length > 0
        ? (await engine.rows<{ column_nos: number[] }>('count.reachable', sql`select column_nos from reachable where dataset_id = ${d.dataset_id}`)).flatMap(
            r => r.column_nos.map(Number),
          )
        : [];
    const openBits = w.or(slots.flatMap((c, i) => (open.includes(c.column_no) ? [w.bit(i)] : [])));
    const all = open.length > 0;
    const cells = tiers && slots.length > 0 ? cellsOf(d, slots, w, claims) : null;
    if (cells === null && !all) {
      for (const c of slots) counts.set(`${d.dataset_id}\u0001${c.column_no}`, [0, 0, 0, 0]);
      continue;
    }
    const filled = w.or(slots.map((c, i) => sql`(case when ${isFilled(c.name)} then ${w.bit(i)} else ${w.none} end)`));
    const at = (name: string): Sql => (cells === null ? w.none : sql`coalesce(t.${sql.id(name)}, ${w.none})`);
    await engine.run(
      'count.cells',
      sql`create or replace temp table record_cells as
      select row_no, role, lo, up, c4 & f as c4, c3 & f as c3, c2 & f as c2, c1 & f as c1 from (
        select d.row_no, ${roleOf(kase, d)} as role, ${cells === null ? sql`0` : sql`coalesce(t.lo, 0)`}::tinyint as lo, greatest(${cells === null ? sql`0` : sql`coalesce(t.up, 0)`}, ${sql.lit(all ? 1 : 0)})::tinyint as up,
          ${at('c4')} as c4, ${at('c3')} as c3, ${at('c2')} as c2, (${at('c1')} | ${openBits}) as c1, ${filled} as f
        from ${unshadowed(d, shadow)} d ${cells === null ? sql`` : all ? sql`left join (${cells}) t on t.row_no = d.row_no` : sql`join (${cells}) t on t.row_no = d.row_no`})`,
    );
    const masks = ['c4', 'c3', 'c2', 'c1'].map(
      name =>
        sql`(${or(
          [...elementBit].flatMap(([element, position]) => {
            const own = slots.flatMap((c, i) => (c.element === element ? [w.bit(i)] : []));
            return own.length === 0
              ? []
              : [sql`(case when (${sql.id(name)} & (${w.or(own)})) <> 0 then ${sql.lit(1n << BigInt(position))}::bigint else 0::bigint end)`];
          }),
        )})`,
    );
    await engine.run(
      'count.masks',
      sql`insert into record_person select ${d.dataset_id}, m.row_no, role, lo, up, m4, m3, m2, m1,
        ${persons ? sql`p.strict, p.best, p.wide, coalesce(p.legal_person, false), coalesce(p.identified, false), coalesce(p.living, 'unknown')` : sql`null, null, null, false, false, 'unknown'`},
        ${group(sql`m3`)}, ${group(sql`m2`)}
      from (select row_no, role, lo, up, ${masks[0]!} as m4, ${masks[1]!} as m3, ${masks[2]!} as m2, ${masks[3]!} as m1 from record_cells) m
      ${persons ? sql`left join (select * from person_label where dataset_id = ${d.dataset_id}) p on p.row_no = m.row_no` : sql``}`,
    );
    if (slots.length > 0) {
      // Few masks, many records.
      const sums = await engine.row<Record<string, number>>(
        'count.columns_sum',
        sql`select ${sql.join(
          slots.flatMap((_c, i) =>
            ['c4', 'c3', 'c2', 'c1'].map(
              (name, k) => sql`coalesce(sum(n) filter (where ${sql.id(name)} & ${w.bit(i)} <> 0), 0)::bigint as ${sql.id(`s${i}_${k}`)}`,
            ),
          ),
        )} from (select c4, c3, c2, c1, count(*) as n from record_cells group by all)`,
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

/** The columns that have a place in the masks. A hugeint has room for 126; beyond that, columns without an element are left out first. */
export function slotsOf(d: CountedDataset): readonly CountedColumn[] {
  if (d.columns.length <= 126) return d.columns;
  return [...d.columns].sort((a, b) => Number(isNothing(a)) - Number(isNothing(b)) || a.column_no - b.column_no).slice(0, 126);
}

/** The records of a data set, without those that a later snapshot of the same table holds as well. */
export function unshadowed(d: CountedDataset, shadow: boolean): Sql {
  const table = sql.id(`data_${d.dataset_id}`);
  return shadow ? sql`(select * from ${table} x anti join (select row_no from snapshot_shadow where dataset_id = ${d.dataset_id}) y using (row_no))` : table;
}

/** Masks of a data set's columns: 62 of them fit a whole number of the usual size, which is far faster to handle. */
type Width = { readonly none: Sql; readonly bit: (slot: number) => Sql; readonly or: (parts: readonly Sql[]) => Sql };

export function width(columns: number): Width {
  const type = columns <= 62 ? sql`bigint` : sql`hugeint`;
  const none = sql`0::${type}`;
  return {
    none,
    bit: slot => sql`${sql.lit(1n << BigInt(slot))}::${type}`,
    or: parts => (parts.length === 0 ? none : sql`(${sql.join(parts, sql` | `)})`),
  };
}

/** The greatest tiers of each record and the columns at each level. A cell's tier is the greatest of its claims, so that whole claims can be laid over each other. */
function cellsOf(d: CountedDataset, slots: readonly CountedColumn[], w: Width, claims: boolean): Sql {
  const slotOf = sql.join(slots.map((c, i) => sql`(${sql.lit(c.column_no)}, ${w.bit(i)})`));
  const levels = (mask: Sql): Sql => sql`max(t.tier_lower) as lo, max(t.tier_upper) as up,
    bit_or(case when t.tier_lower >= 4 then ${mask} else ${w.none} end) as c4, bit_or(case when t.tier_lower >= 3 then ${mask} else ${w.none} end) as c3,
    bit_or(case when t.tier_upper >= 2 then ${mask} else ${w.none} end) as c2, bit_or(case when t.tier_upper >= 1 then ${mask} else ${w.none} end) as c1`;
  if (!claims)
    return sql`select row_no, ${levels(sql`slot`)} from cell_tier t join (values ${slotOf}) s(column_no, slot) using (column_no) where t.dataset_id = ${d.dataset_id} group by row_no`;
  return sql`select row_no, ${levels(sql`s.slots`)} from claim_row t join (
      select colset_id, bit_or(slot) as slots from colset join (values ${slotOf}) s(column_no, slot) using (column_no) where dataset_id = ${d.dataset_id} group by colset_id) s using (colset_id)
    group by row_no`;
}

/** A data base of an earlier version has a table where there is a view now. */
async function dropTable(engine: OpenCase['engine'], name: string): Promise<void> {
  const held = await engine.rows('count.held', sql`select 1 as one from information_schema.tables where table_name = ${name} and table_type = 'BASE TABLE'`);
  if (held.length > 0) await engine.run('count.drop', sql`drop table ${sql.id(name)}`);
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
