import { type Sql, sql } from '../../engine/index.ts';
import { type Dialect, duckdb, type Steps } from './dialect.ts';
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
export async function writeLinkNodes(engine: Steps, apart: readonly number[], d: Dialect = duckdb): Promise<number> {
  await findCopies(engine, apart, d);
  await engine.run(
    'link.number',
    d.table(
      'link_number',
      sql`select rid, (row_number() over (order by rid) - 1)::integer as nid from link_record where rid not in (select rid from link_copy where rid <> first_rid)`,
    ),
  );
  await engine.run(
    'link.member',
    d.table(
      'link_member',
      sql`select rid, nid from link_number union all select c.rid, n.nid from link_copy c join link_number n on n.rid = c.first_rid where c.rid <> c.first_rid`,
      'kept',
    ),
  );
  for (const name of frequencyOf) await countValues(engine, name, d);
  const frequency = (name: keyof typeof rarest): Sql => {
    const counted = sql`${sql.id(`t_${name}`)}.f`;
    const value =
      rarest[name] === null
        ? counted
        : sql`case when r.${sql.id(name)} is not null then coalesce(${counted}, ${d.log2(sql`${sql.lit(rarest[name])}::double precision`)}) end`;
    return sql`${value} as ${sql.id(`f_${name}`)}`;
  };
  await engine.run(
    'link.node',
    d.table(
      'link_node',
      sql`select n.nid, n.rid as first_rid, r.src, r.legal, r.japanese, ${sql.join(linkRowNames.map(x => sql`r.${sql.id(x)}`))}, ${sql.join(frequencyOf.map(frequency))}
    from link_record r join link_number n using (rid) ${sql.join(
      frequencyOf.map(name => sql`left join ${sql.id(`link_count_${name}`)} ${sql.id(`t_${name}`)} on ${sql.id(`t_${name}`)}.v = r.${sql.id(name)}`),
      sql` `,
    )}`,
    ),
  );
  await engine.run(
    'link.frequency',
    d.table('link_frequency', sql`select nid, first_rid, ${sql.join(frequencyOf.map(n => sql.id(`f_${n}`)))} from link_node`, 'kept'),
  );
  for (const t of ['link_record', 'link_copy', 'link_number', ...frequencyOf.map(n => `link_count_${n}`)])
    await engine.run('link.drop', sql`drop table ${sql.id(t)}`);
  return Number((await engine.row('link.nodes', sql`select count(*) as n from link_node`))['n']);
}

/** Write `link_copy`: records that say the same in everything, with the first of them. What they say is compared only where its hash is seen twice. */
async function findCopies(engine: Steps, apart: readonly number[], d: Dialect): Promise<void> {
  const said = [sql`legal`, sql`japanese`, ...linkRowNames.map(n => sql.id(n) as Sql)];
  const certain = sql`(surname is not null and given is not null and birth is not null and (address is not null or phone is not null or email is not null)
    ${apart.length > 0 ? sql`and rid not in (${sql.join(apart.map(r => sql`${sql.lit(r)}`))})` : sql``})`;
  await engine.run('link.alike', d.table('link_alike', sql`select rid, ${d.hash(said)} as h from link_record where ${certain}`));
  await engine.run(
    'link.copies',
    d.table(
      'link_copy',
      sql`select rid, first_rid from (
        select rid, min(rid) over same as first_rid, count(*) over same as n from link_record join link_alike a using (rid)
        where a.h in (select h from link_alike group by h having count(*) > 1) window same as (partition by ${sql.join(said)})) x where n > 1`,
    ),
  );
  await engine.run('link.drop', sql`drop table link_alike`);
}

/** Write `link_count_<name>` (v, f): log2 of the share of records with each value; of what is mostly rare, only values that are more common than the rarest. */
async function countValues(engine: Steps, name: keyof typeof rarest, d: Dialect): Promise<void> {
  const least = rarest[name];
  const share = d.log2(least === null ? sql`(n + 0.2) / (total + 50)` : sql`greatest(${sql.lit(least)}::double precision, (n - ${sql.lit(copies)}) / total)`);
  await engine.run(
    'link.count',
    d.table(
      `link_count_${name}`,
      sql`select v, ${share} as f from (select ${sql.id(name)} as v, count(*)::double precision as n from link_record where ${sql.id(name)} is not null group by 1) c,
      (select count(*)::double precision as total from link_record where ${sql.id(name)} is not null) t ${least === null ? sql`` : sql`where (n - ${sql.lit(copies)}) / total > ${sql.lit(least)}`}`,
    ),
  );
}
