import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { linkRowNames } from './standardise.ts';

/** Copies of one person must not make their own telephone look common, so a few are taken off each count. */
const copies = 3;
/** The rarest a value of each kind is taken to be among other people; null: as counted, smoothed, because a small table knows little about how common a name is. */
const rarest = { surname: null, given: null, birth: 0.00004, address: 0.00002, phone: 0.00001, email: 0.000008, ident: 0.000005 } as const;
export const frequencyOf = ['surname', 'given', 'birth', 'address', 'phone', 'email', 'ident'] as const;

/**
 * Records that agree in everything (but those in `apart`, about which somebody decided) and are certainly one person (name, birth date and a way to reach them) become one node.
 * Writes `link_node` (nid, its first record `first_rid` of source `src`, comparable columns, `f_*`: log2 of the share of records with that value), `link_member` (rid → nid)
 * and, for explanations, `link_frequency`. The wide tables are temporary, because whatever is kept is compressed first. Takes `link_record` away.
 */
export async function writeLinkNodes(engine: Engine, apart: readonly number[]): Promise<number> {
  const names = sql.join(linkRowNames.map(n => sql.id(n)));
  await findCopies(engine, names, apart);
  await engine.run(
    'link.number',
    sql`create or replace temp table link_number as
    select rid, (row_number() over (order by rid) - 1)::integer as nid from link_record where rid not in (select rid from link_copy where rid <> first_rid)`,
  );
  await engine.run(
    'link.member',
    sql`create or replace table link_member as
    select rid, nid from link_number union all select c.rid, n.nid from link_copy c join link_number n on n.rid = c.first_rid where c.rid <> c.first_rid`,
  );
  for (const name of frequencyOf) await countValues(engine, name);
  const frequency = (name: keyof typeof rarest): Sql => {
    const counted = sql`${sql.id(`t_${name}`)}.f`;
    const value =
      rarest[name] === null ? counted : sql`case when r.${sql.id(name)} is not null then coalesce(${counted}, log2(${sql.lit(rarest[name])}::double)) end`;
    return sql`${value} as ${sql.id(`f_${name}`)}`;
  };
  await engine.run(
    'link.node',
    sql`create or replace temp table link_node as
    select n.nid, n.rid as first_rid, r.src, r.legal, r.japanese, ${sql.join(linkRowNames.map(x => sql`r.${sql.id(x)}`))}, ${sql.join(frequencyOf.map(frequency))}
    from link_record r join link_number n using (rid) ${sql.join(
      frequencyOf.map(name => sql`left join ${sql.id(`link_count_${name}`)} ${sql.id(`t_${name}`)} on ${sql.id(`t_${name}`)}.v = r.${sql.id(name)}`),
      sql` `,
    )}`,
  );
  await engine.run(
    'link.frequency',
    sql`create or replace table link_frequency as select nid, first_rid, ${sql.join(frequencyOf.map(n => sql.id(`f_${n}`)))} from link_node`,
  );
  for (const t of ['link_record', 'link_copy', 'link_number', ...frequencyOf.map(n => `link_count_${n}`)])
    await engine.run('link.drop', sql`drop table ${sql.id(t)}`);
  return Number((await engine.row('link.nodes', sql`select count(*) as n from link_node`))['n']);
}

/** Write `link_copy`: records that say the same in everything, with the first of them. What they say is compared only where its hash is seen twice. */
async function findCopies(engine: Engine, names: Sql, apart: readonly number[]): Promise<void> {
  const certain = sql`(surname is not null and given is not null and birth is not null and (address is not null or phone is not null or email is not null)
    ${apart.length > 0 ? sql`and rid not in (${sql.join(apart.map(r => sql`${sql.lit(r)}`))})` : sql``})`;
  await engine.run(
    'link.alike',
    sql`create or replace temp table link_alike as select rid, hash(legal, japanese, ${names}) as h from link_record where ${certain}`,
  );
  await engine.run(
    'link.copies',
    sql`create or replace temp table link_copy as
    select unnest(rids) as rid, first_rid from (
      select min(rid) as first_rid, list(rid) as rids from link_record join link_alike a using (rid)
      where a.h in (select h from link_alike group by h having count(*) > 1) group by legal, japanese, ${names} having count(*) > 1)`,
  );
  await engine.run('link.drop', sql`drop table link_alike`);
}

/** Write `link_count_<name>` (v, f): log2 of the share of records with each value; of what is mostly rare, only values that are more common than the rarest. */
async function countValues(engine: Engine, name: keyof typeof rarest): Promise<void> {
  const least = rarest[name];
  const share = least === null ? sql`log2((n + 0.2) / (total + 50))` : sql`log2(greatest(${sql.lit(least)}::double, (n - ${sql.lit(copies)}) / total))`;
  await engine.run(
    'link.count',
    sql`create or replace temp table ${sql.id(`link_count_${name}`)} as
    select v, ${share} as f from (select ${sql.id(name)} as v, count(*)::double as n from link_record where ${sql.id(name)} is not null group by 1),
      (select count(*)::double as total from link_record where ${sql.id(name)} is not null) ${least === null ? sql`` : sql`where (n - ${sql.lit(copies)}) / total > ${sql.lit(least)}`}`,
  );
}
