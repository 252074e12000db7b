import type { OpenCase } from '../../case/index.ts';
import { type Sql, sql } from '../../engine/index.ts';
import { countedDatasets, roleOf } from '../count/record-masks.ts';
import { duckdb } from './dialect.ts';
import type { LinkFields } from './fields.ts';
import { findReferences } from './references.ts';

/** Below this share of numbers whose names agree, a number does not stand for one policyholder. */
const agreeing = 0.9;
/** Numbers with two names that must be seen before the number may speak for a merge of people. */
const enough = 20;

/**
 * What is said of a record by a number in it. Writes `link_shared` (two nodes l < r that carry one policy number or of which one refers to the
 * other; grade as in `link_score`) and `link_attach` (records that say nothing of anybody: `rid` is about the person of `to_rid`).
 *
 * A policy has one policyholder: records of policyholders with one number are one person unless their names say otherwise. How far that
 * carries is measured on the numbers that stand beside a name twice. A record that says nothing else merges nobody, so it needs no such proof.
 */
export async function writeSharedNumbers(kase: OpenCase, fields: readonly LinkFields[]): Promise<void> {
  const { engine } = kase;
  await engine.run('link.shared_table', sql`create or replace table link_shared (l integer, r integer, grade tinyint, "by" varchar)`);
  await engine.run('link.attach_table', sql`create or replace table link_attach (rid integer, to_rid integer)`);
  await addReferences(kase, fields);
  await addPolicies(kase);
}

async function addReferences(kase: OpenCase, fields: readonly LinkFields[]): Promise<void> {
  for (const ref of await findReferences(kase, fields)) {
    const base = (dataset: string): Sql => sql`(select base from link_source where dataset_id = ${dataset})`;
    await kase.engine.run(
      'link.referred',
      sql`create or replace temp table link_referred as select (${base(ref.from)} + f.row_no)::integer as rid, (${base(ref.to)} + t.row_no)::integer as to_rid
      from ${sql.id(`data_${ref.from}`)} f join (select ${sql.id(ref.target)} as v, min(row_no) as row_no from ${sql.id(`data_${ref.to}`)} group by 1 having count(*) = 1) t on t.v = f.${sql.id(ref.column)}`,
    );
    await kase.engine.run(
      'link.referred_nodes',
      sql`insert into link_shared select least(a.nid, z.nid), greatest(a.nid, z.nid), 3, 'reference' from link_referred x join link_member a on a.rid = x.rid join link_member z on z.rid = x.to_rid where a.nid <> z.nid`,
    );
    await kase.engine.run('link.referred_rest', sql`insert into link_attach select * from link_referred where rid not in (select rid from link_member)`);
    await kase.engine.run('link.drop', sql`drop table link_referred`);
  }
}

async function addPolicies(kase: OpenCase): Promise<void> {
  const { engine } = kase;
  const rows = await policyRows(kase);
  if (rows.length === 0) return;
  await engine.run(
    'link.policy',
    sql`create or replace temp table link_policy as select p.rid, p.num, n.nid, n.whole, n.phone, n.area, n.legal from (${sql.join(rows, sql` union all `)}) p left join link_member m using (rid) left join link_node n using (nid)
    where length(p.num) >= 6 and ${duckdb.finds(sql`p.num`, '[0-9]{4}')} and p.rid not in (select rid from link_attach)`,
  );
  // Of each number: how many names its records give, the record that stands for it, and the first that says nothing of anybody.
  await engine.run(
    'link.policy_number',
    sql`create or replace temp table link_policy_number as
    select num, min(whole) as one, max(whole) as other, count(whole) as named, count(distinct nid) as nodes, coalesce(min(rid) filter (where whole is not null), min(rid) filter (where nid is not null)) as center,
      min(rid) filter (where nid is null) as bare
    from link_policy group by num having count(*) > 1`,
  );
  const seen = await engine.row<{ twice: number; same: number }>(
    'link.policy_agreement',
    sql`select count(*) as twice, count(*) filter (where one = other) as same from link_policy_number where named >= 2`,
  );
  const unspoken = seen.same >= agreeing * seen.twice;
  const holds = unspoken && seen.twice >= enough;
  // Without such evidence equal numbers only widen what could be one person.
  const grade = (phones: Sql, areas: Sql): Sql => (holds ? sql`case when ${phones} and ${areas} then 2 else 3 end` : unspoken ? sql`1` : sql`0`);
  const differ = (c: string): Sql => sql`coalesce(a.${sql.id(c)} <> z.${sql.id(c)}, false)`;
  // The sides are compared in a `case`: as an equality the planner would join all companies with all companies.
  await engine.run(
    'link.policy_pairs',
    sql`insert into link_shared select least(a.nid, z.nid), greatest(a.nid, z.nid), min(${grade(differ('phone'), differ('area'))}), 'policy-number'
    from link_policy_number k join link_policy a on a.rid = k.center join link_policy z on z.num = k.num and z.nid is not null
    where k.nodes > 1 and a.nid <> z.nid and case when a.legal then z.legal else not z.legal end and coalesce(k.one = k.other, true) group by 1, 2`,
  );
  await engine.run(
    'link.policy_attach',
    sql`insert into link_attach select p.rid, t.to_rid from link_policy p
      join (select num, case when ${sql.lit(unspoken)} and coalesce(one = other, true) and center is not null then center else bare end as to_rid from link_policy_number) t using (num) where p.nid is null and t.to_rid <> p.rid`,
  );
  for (const t of ['link_policy', 'link_policy_number']) await engine.run('link.drop', sql`drop table ${sql.id(t)}`);
}

/** Digits and capitals alone. Most numbers are written so, and `translate` is slow. */
const plainNumber = (v: Sql): Sql =>
  sql`case when ${duckdb.finds(v, '[^0-9A-Z]')} then upper(replace(replace(translate(${v}, '０１２３４５６７８９－　', '0123456789- '), '-', ''), ' ', '')) else ${v} end`;

/** Record and policy number of every record of a policyholder, one query a data set. */
async function policyRows(kase: OpenCase): Promise<Sql[]> {
  const sources = new Map(
    (await kase.engine.rows<{ dataset_id: string; base: number }>('link.policy_sources', sql`select dataset_id, base from link_source order by src`)).map(s => [
      s.dataset_id,
      s.base,
    ]),
  );
  return (await countedDatasets(kase)).flatMap(d => {
    const columns = d.columns.filter(c => c.element === 'contract.policy_number' && c.confidence >= 0.7);
    if (columns.length !== 1) return [];
    return [
      sql`select (${sql.lit(Number(sources.get(d.dataset_id)))} + row_no)::integer as rid, ${plainNumber(sql.id(columns[0]!.name))} as num
      from ${sql.id(`data_${d.dataset_id}`)} where ${sql.id(columns[0]!.name)} is not null and ${roleOf(kase, d)} = 'policyholder'`,
    ];
  });
}
