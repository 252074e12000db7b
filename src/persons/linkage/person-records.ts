import type { OpenCase } from '../../case/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';

/**
 * Write `person_label` (one row a record of every data set: `strict`, `best`, `wide` as numbers, for counting) and the view `person_record`
 * on it, in which they are ids. An id comes from the first record of a cluster (data set and key), so that it outlives a rebuild; nested
 * clusters share their first record's id. Reads `link_member`, `link_cluster` (nodes that are not alone), `link_attach`.
 */
export async function writePersonRecords(engine: Engine): Promise<void> {
  await engine.run(
    'link.first',
    sql`create or replace temp table link_label as
    select m.rid, coalesce(s.first_rid, n.first_rid) as s, coalesce(b.first_rid, n.first_rid) as b, coalesce(w.first_rid, n.first_rid) as w,
      n.whole is not null or n.whole_read is not null or n.phone is not null or n.email is not null or n.ident is not null as described, n.legal
    from link_member m join link_node n using (nid) left join link_cluster c using (nid) left join link_node s on s.nid = c.s left join link_node b on b.nid = c.b left join link_node w on w.nid = c.w`,
  );
  await engine.run(
    'link.attached',
    sql`insert into link_label select a.rid, coalesce(l.s, a.to_rid), coalesce(l.b, a.to_rid), coalesce(l.w, a.to_rid), false, null
    from (select rid, min(to_rid) as to_rid from link_attach group by rid) a left join link_label l on l.rid = a.to_rid`,
  );
  // A record is identified when its likely person (often the record alone) has any record that says who it is.
  await engine.run(
    'link.flags',
    sql`create or replace temp table link_flag as
    select b, bool_or(described) as described, bool_or(legal) as legal from link_label
    where legal is not null and b in (select b from link_label where b <> rid) group by b`,
  );
  const sources = await engine.rows<{ dataset_id: string; base: number }>('link.sources', sql`select dataset_id, base from link_source order by src`);
  const ids = new Map<string, Sql>();
  await engine.run(
    'link.named',
    sql`create or replace temp table link_named as select distinct unnest([s, b, w]) as rid from link_label where s <> rid or b <> rid or w <> rid`,
  );
  await engine.run('link.id', sql`create or replace temp table link_id (rid integer, id ubigint)`);
  for (const { dataset_id, base } of sources) {
    const table = sql.id(`data_${dataset_id}`);
    const once = await engine.row('link.keys', sql`select count(*) = count(distinct hash(key)) as once from ${table}`);
    const own = sql`md5_number_upper(${sql.lit(dataset_id)} || chr(31) || coalesce(key, '') || chr(31) ||
      case when key is null ${once['once'] === true ? sql`` : sql`or key in (select key from ${table} group by key having count(*) > 1)`} then row_no::varchar else '' end)`;
    ids.set(dataset_id, own);
    await engine.run(
      'link.ids',
      sql`insert into link_id select rid, id from (select (${sql.lit(base)} + row_no)::integer as rid, ${own} as id from ${table}
        where ${sql.lit(base)} + row_no in (select rid from link_named))`,
    );
  }
  await engine.run(
    'link.person_label',
    sql`create or replace table person_label (dataset_id varchar, row_no bigint, key varchar, strict ubigint, best ubigint, wide ubigint, legal_person boolean, identified boolean, living varchar)`,
  );
  for (const { dataset_id, base } of sources) {
    const of = (c: string): Sql => sql`coalesce(${sql.id(`i${c}`)}.id, d.own) as ${sql.id(c)}`;
    await engine.run(
      'link.persons',
      sql`insert into person_label select ${sql.lit(dataset_id)}, d.row_no, d.key, ${of('s')}, ${of('b')}, ${of('w')}, coalesce(f.legal, l.legal, false), coalesce(f.described, l.described, false), 'unknown'
      from (select row_no, key, (${sql.lit(base)} + row_no)::integer as rid, ${ids.get(dataset_id)!} as own from ${sql.id(`data_${dataset_id}`)}) d
      left join link_label l on l.rid = d.rid left join link_flag f on f.b = l.b
      left join link_id "is" on "is".rid = l.s left join link_id ib on ib.rid = l.b left join link_id iw on iw.rid = l.w`,
    );
  }
  const shown = (c: string, as: string): Sql => sql`'person-' || lpad(lower(hex(${sql.id(c)})), 16, '0') as ${sql.id(as)}`;
  await dropTable(engine, 'person_record');
  await engine.run(
    'link.person_record',
    sql`create or replace view person_record as select dataset_id, row_no, key, ${shown('strict', 'person_strict')}, ${shown('best', 'person_best')}, ${shown('wide', 'person_wide')}, legal_person, identified, living from person_label`,
  );
  for (const t of ['link_label', 'link_flag', 'link_id', 'link_named']) await engine.run('link.drop', sql`drop table if exists ${sql.id(t)}`);
}

/** A data base of an earlier version has a table where there is a view now. */
async function dropTable(engine: Engine, name: string): Promise<void> {
  const held = await engine.rows('link.held', sql`select 1 as one from information_schema.tables where table_name = ${name} and table_type = 'BASE TABLE'`);
  if (held.length > 0) await engine.run('link.drop', sql`drop table ${sql.id(name)}`);
}

/** Write `match_pair`: the pairs of records that could be one person, with weight, probability and the level of each comparison. */
export async function writeMatchPairs(kase: OpenCase, levels: Sql): Promise<void> {
  await kase.engine.run(
    'link.match_pair',
    sql`create or replace table match_pair as
    select ls.dataset_id as l_dataset, a.first_rid - ls.base as l_row, rs.dataset_id as r_dataset, z.first_rid - rs.base as r_row, round(weight, 3) as weight,
      round(1 / (1 + pow(2, -greatest(-60, least(60, weight)))), 6) as probability, ${levels} as levels
    from link_score p join link_node a on a.nid = p.l join link_node z on z.nid = p.r join link_source ls on ls.src = a.src join link_source rs on rs.src = z.src where p.grade >= 1`,
  );
}
