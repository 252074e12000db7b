import type { OpenCase } from '../../case/index.ts';
import { type Sql, sql } from '../../engine/index.ts';
import { contact } from '../../exposure/index.ts';
import { type ContactCount, contactKinds, type DatasetCount } from './figures.ts';
import { type CountedDataset, isFilled, slotsOf, unshadowed, width } from './record-masks.ts';

/**
 * Values and records by their closest contact with an answer (see `ContactCount`). What was displayed follows from the figures; only records
 * that also had another contact are looked at one by one.
 */
export async function countContacts(kase: OpenCase, datasets: readonly CountedDataset[], counts: readonly DatasetCount[]): Promise<ContactCount[]> {
  const known = await kase.engine.hasTable('contact_row');
  const shadow = await kase.engine.hasTable('snapshot_shadow');
  const out: ContactCount[] = [];
  for (const d of datasets) {
    const own = counts.find(c => c.id === d.dataset_id)!;
    const other = known && d.columns.length > 0 ? await otherContacts(kase, d) : null;
    const shown = (pick: 'executed' | 'possible'): number => own.columns.reduce((n, c) => n + c[pick], 0);
    const of = (name: string): number => Number(other?.[name] ?? 0);
    // Of the values that a claim has, those that were only disclosed by conditions are counted there.
    const values = { lower: shown('executed') - of('v_lo_claimed') + of('v_lo_5'), upper: shown('possible') - of('v_up_claimed') + of('v_up_5') };
    const records = { lower: own.records.executed - of('r_lo_claimed') + of('r_lo_5'), upper: own.records.possible - of('r_up_claimed') + of('r_up_5') };
    const shadowed = shadow
      ? Number((await kase.engine.row('count.shadowed', sql`select count(*) as n from snapshot_shadow where dataset_id = ${d.dataset_id}`))['n'])
      : 0;
    let rest = Number(d.rows) - shadowed - records.upper;
    for (const name of contactKinds) {
      const k = contact[name];
      const line: ContactCount =
        name === 'displayed'
          ? { dataset: d.dataset_id, contact: name, values, records }
          : name === 'influenced'
            ? { dataset: d.dataset_id, contact: name, values: { lower: 0, upper: 0 }, records: { lower: 0, upper: of('influenced') > 0 ? rest : 0 } }
            : {
                dataset: d.dataset_id,
                contact: name,
                values: { lower: of(`v_lo_${k}`), upper: of(`v_up_${k}`) },
                records: { lower: of(`r_lo_${k}`), upper: of(`r_up_${k}`) },
              };
      if (name !== 'displayed' && name !== 'influenced') rest -= line.records.upper;
      if (line.values.upper + line.records.upper + line.values.lower + line.records.lower > 0) out.push(line);
    }
  }
  return out;
}

const ranks = [contact.disclosed, contact.derived, contact.contributed] as const;

/** Sums over the records of a data set that had a contact beside display; null when there are none. */
async function otherContacts(kase: OpenCase, d: CountedDataset): Promise<Readonly<Record<string, unknown>> | null> {
  const { engine } = kase;
  const slots = slotsOf(d);
  const w = width(slots.length);
  const slotOf = sql.join(slots.map((c, i) => sql`(${sql.lit(c.column_no)}, ${w.bit(i)})`));
  const claims = sql`(select claim_id, contact from claim where dataset_id = ${d.dataset_id})`;
  const found = await engine.row(
    'count.contacts_any',
    sql`select (select count(*) from contact_row x join ${claims} c using (claim_id) where x.row_no is not null) +
      (select count(*) from claim_row x join ${claims} c using (claim_id) where c.contact = 'disclosed') as n,
      (select count(*) from contact_row x join ${claims} c using (claim_id) where x.row_no is null) as influenced`,
  );
  if (Number(found['n']) === 0) return Number(found['influenced']) > 0 ? found : null;
  const mask = (where: Sql): Sql => sql`bit_or(case when ${where} then slots else ${w.none} end)`;
  const closest = (name: string): Sql[] => [
    sql`${sql.id(`${name}5`)} as ${sql.id(`${name}_5`)}`,
    ...ranks.map((k, i) => {
      const closer = w.or([sql.id(`${name}5`) as Sql, ...ranks.slice(0, i).map(x => sql.id(`${name}${x}`) as Sql)]);
      return sql`${sql.id(`${name}${k}`)} & ~(${closer}) as ${sql.id(`${name}_${k}`)}`;
    }),
  ];
  const sums = (name: string, side: string): Sql[] => [
    ...[contact.displayed, ...ranks].flatMap(k => [
      sql`coalesce(sum(bit_count(${sql.id(`${name}_${k}`)} & f)), 0)::bigint as ${sql.id(`v_${side}_${k}`)}`,
      sql`count(*) filter (where ${sql.id(`${name}_rank`)} = ${sql.lit(k)}) as ${sql.id(`r_${side}_${k}`)}`,
    ]),
    sql`coalesce(sum(bit_count(${sql.id(`${name}_claimed`)} & f)), 0)::bigint as ${sql.id(`v_${side}_claimed`)}`,
    sql`count(*) filter (where ${sql.id(`${name}_has`)}) as ${sql.id(`r_${side}_claimed`)}`,
  ];
  const filled = w.or(slots.map((c, i) => sql`(case when ${isFilled(c.name)} then ${w.bit(i)} else ${w.none} end)`));
  const all = ['s', 'p'].flatMap(name =>
    [contact.displayed, ...ranks].map(k => sql`${mask(sql`${sql.id(`${name}k`)} = ${sql.lit(k)}`)} as ${sql.id(`${name}${k}`)}`),
  );
  const sides = ['s', 'p'].flatMap(name => [
    sql`${mask(sql`claimed and ${sql.id(`${name}k`)} > 0`)} as ${sql.id(`${name}_claimed`)}`,
    sql`max(${sql.id(`${name}k`)}) as ${sql.id(`${name}_rank`)}`,
    sql`bool_or(claimed and ${sql.id(`${name}k`)} > 0) as ${sql.id(`${name}_has`)}`,
  ]);
  const sum = await engine.row(
    'count.contacts',
    sql`with c as ${claims},
      s as (select colset_id, bit_or(slot) as slots from colset join (values ${slotOf}) v(column_no, slot) using (column_no) where dataset_id = ${d.dataset_id} group by colset_id),
      r as (select distinct row_no from contact_row join c using (claim_id) where row_no is not null
        union select row_no from claim_row join c using (claim_id) where c.contact = 'disclosed'),
      x as (select row_no, coalesce(slots, ${w.none}) as slots, contact_lower as sk, contact_upper as pk, false as claimed
          from contact_row join c using (claim_id) left join s using (colset_id) where row_no is not null
        union all select row_no, slots, case when tier_lower >= 3 then k else 0 end, case when tier_upper >= 2 then k else 0 end, true
          from (select t.*, case c.contact when 'disclosed' then ${sql.lit(contact.disclosed)} else ${sql.lit(contact.displayed)} end as k from claim_row t join c using (claim_id) semi join r using (row_no)) t join s using (colset_id)),
      m as (select row_no, ${sql.join([...all, ...sides])} from x group by row_no),
      e as (select row_no, s_claimed, p_claimed, s_rank, p_rank, s_has, p_has, ${sql.join([...closest('s'), ...closest('p')])} from m)
      select ${sql.join([...sums('s', 'lo'), ...sums('p', 'up')])}, ${sql.lit(Number(found['influenced']))} as influenced
      from e join (select row_no, ${filled} as f from ${unshadowed(d, await kase.engine.hasTable('snapshot_shadow'))}) using (row_no)`,
  );
  return sum;
}
