import { type Effects, type Problem, problem } from '../../base/index.ts';
import type { OpenCase } from '../../case/index.ts';
import { type ColumnSpec, type Engine, sql } from '../../engine/index.ts';
import { writePairs } from './blocking.ts';
import { clusterNodes, type Edges, type Facts, type Namesakes } from './cluster.ts';
import { comparisons } from './comparisons.ts';
import { decidedRecords, readDecisions } from './decisions.ts';
import { estimateModel, type Model } from './estimate.ts';
import { readLinkFields } from './fields.ts';
import { writeLinkNodes, writeLinkRecords } from './records.ts';
import { findReferences } from './references.ts';
import { levelBits, priorBits, writeScores } from './score.ts';

export type LinkSummary = {
  readonly records: number;
  readonly nodes: number;
  readonly pairs: number;
  readonly persons: { readonly lower: number; readonly best: number; readonly upper: number };
};

/**
 * Decide which records of all data sets are one human being and write `person_record` and `match_pair` (pairs of records that could be
 * one person, with weight, probability and the level of each comparison) and `link_model`. Needs `column_element`.
 */
export async function linkRecords(kase: OpenCase, effects: Effects): Promise<{ summary: LinkSummary; problems: Problem[] }> {
  const { engine } = kase;
  const mark = (step: string): void => effects.log(`persons.${step}`);
  const fields = await readLinkFields(kase);
  await engine.load(
    'link_source',
    [
      { name: 'src', type: 'INTEGER' },
      { name: 'dataset_id', type: 'VARCHAR' },
    ],
    fields.map((f, i) => [i, f.dataset_id]),
  );
  const records = await writeLinkRecords(kase, fields, effects);
  mark('standardised');
  const nodes = await writeLinkNodes(engine, await decidedRecords(kase));
  mark('nodes');
  const blocked = await writePairs(engine, nodes);
  mark('blocked');
  const model = await estimateModel(engine, nodes, blocked.pairs);
  mark('estimated');
  const { prior, wide } = await writeScores(engine, model, nodes);
  mark('scored');
  await writeModel(kase, { ...model, prior }, wide);
  const decisions = await readDecisions(kase);
  const edges = await readEdges(kase, await findReferences(kase, fields));
  const facts = await readFacts(kase, nodes);
  const parts = clusterNodes(nodes, edges, facts, decisions.together, decisions.apart, await readNamesakes(engine));
  mark('clustered');
  await engine.load('link_cluster', clusterColumns, clusterRows(nodes, parts));
  await writePersonRecords(kase);
  mark('persons');
  const n = await engine.row(
    'link.summary',
    sql`select count(distinct person_wide) as lower, count(distinct person_best) as best, count(distinct person_strict) as upper from person_record`,
  );
  for (const t of ['link_pair', 'link_cluster']) await engine.run('link.drop', sql`drop table if exists ${sql.id(t)}`);
  const problems = [
    ...decisions.problems,
    ...blocked.skipped
      .filter(s => s.rule === 'email' || s.rule === 'phone' || s.rule === 'birth-given')
      .map(s => problem('persons.too-many-pairs', 'info', {}, { block: s.rule, records: s.nodes }, s.blocks)),
  ];
  return {
    summary: { records, nodes, pairs: blocked.pairs, persons: { lower: Number(n['lower']), best: Number(n['best']), upper: Number(n['upper']) } },
    problems,
  };
}

const clusterColumns: readonly ColumnSpec[] = [
  { name: 'nid', type: 'INTEGER' },
  { name: 's', type: 'INTEGER' },
  { name: 'b', type: 'INTEGER' },
  { name: 'w', type: 'INTEGER' },
];

function* clusterRows(n: number, p: ReturnType<typeof clusterNodes>): Generator<readonly number[]> {
  for (let i = 0; i < n; i++) yield [i, p.strict[i]!, p.best[i]!, p.wide[i]!];
}

async function readEdges(kase: OpenCase, references: Awaited<ReturnType<typeof findReferences>>): Promise<Edges> {
  const { engine } = kase;
  const scored = Number((await engine.row('link.edge_count', sql`select count(*) as n from link_score where grade >= 1 or not japanese`))['n']);
  const links: [number, number][] = [];
  for (const ref of references) {
    for await (const batch of engine.stream<{ l: number; r: number }>(
      'link.references',
      sql`
      select ml.nid as l, mr.nid as r from ${sql.id(`data_${ref.from}`)} f join (select ${sql.id(ref.target)} as v, min(row_no) as row_no from ${sql.id(`data_${ref.to}`)} group by 1 having count(*) = 1) t on t.v = f.${sql.id(ref.column)}
      join link_source sl on sl.dataset_id = ${ref.from} join link_record rl on rl.src = sl.src and rl.row_no = f.row_no join link_member ml on ml.rid = rl.rid
      join link_source sr on sr.dataset_id = ${ref.to} join link_record rr on rr.src = sr.src and rr.row_no = t.row_no join link_member mr on mr.rid = rr.rid order by 1, 2`,
    )) {
      for (const x of batch) links.push([x.l, x.r]);
    }
  }
  const size = scored + links.length;
  const edges = { l: new Int32Array(size), r: new Int32Array(size), weight: new Float32Array(size), grade: new Int8Array(size), count: size };
  let i = 0;
  for await (const batch of engine.stream<{ l: number; r: number; weight: number; grade: number }>(
    'link.edges',
    sql`select l, r, weight, grade from link_score where grade >= 1 or not japanese`,
  )) {
    for (const e of batch) {
      edges.l[i] = e.l;
      edges.r[i] = e.r;
      edges.weight[i] = Math.round(e.weight * 1000) / 1000;
      edges.grade[i++] = e.grade;
    }
  }
  for (const [l, r] of links) {
    edges.l[i] = Math.min(l, r);
    edges.r[i] = Math.max(l, r);
    edges.weight[i] = 1000;
    edges.grade[i++] = 3;
  }
  return edges;
}

async function readFacts(kase: OpenCase, nodes: number): Promise<Facts> {
  const facts = {
    given: new Int32Array(nodes),
    reading: new Int32Array(nodes),
    birth: new Int32Array(nodes),
    sex: new Int8Array(nodes),
    email: new Int32Array(nodes),
    known: new Uint8Array(nodes),
  };
  const code = (column: string) =>
    sql`case when japanese and ${sql.id(column)} is not null then (hash(${sql.id(column)}) % 2147483646)::integer + 1 else 0 end`;
  for await (const batch of kase.engine.stream<{ nid: number; g: number; k: number; b: number; s: number; m: number; f: number }>(
    'link.facts',
    sql`select nid, ${code('given')} as g, ${code('given_read')} as k,
    coalesce(try_cast(birth as integer), 0) * case when japanese then 1 else -1 end as b, case sex when 'm' then 1 when 'f' then 2 else 0 end as s,
    case when email is not null then (hash(email) % 2147483646)::integer + 1 else 0 end as m, ${knownBits} as f from link_node`,
  )) {
    for (const r of batch) {
      facts.given[r.nid] = r.g;
      facts.reading[r.nid] = r.k;
      facts.birth[r.nid] = r.b;
      facts.sex[r.nid] = r.s;
      facts.email[r.nid] = r.m;
      facts.known[r.nid] = r.f;
    }
  }
  return facts;
}

const knownBits = sql`((birth is not null)::integer + 2 * (address is not null or area is not null)::integer + 4 * (phone is not null)::integer + 8 * (email is not null)::integer + 16 * (ident is not null)::integer)`;

/** Groups of one name in which two nodes know nothing in common. */
async function readNamesakes(engine: Engine): Promise<Namesakes> {
  await engine.run(
    'link.namesakes',
    sql`create or replace temp table link_namesake as
    with n as (select nid, hash(legal, coalesce(whole, whole_read)) as name, ${knownBits} as f from link_node where coalesce(whole, whole_read) is not null and (whole is null or (surname is not null and given is not null) or length(whole) >= 2)),
      g as (select name, min(nid) as first from n group by name having count(*) > 1 and (min(f) = 0 or bit_and(f) = 0))
    select n.nid, g.first from n join g using (name) order by g.first, bit_count(n.f), n.nid`,
  );
  const total = Number((await engine.row('link.namesake_count', sql`select count(*) as n from link_namesake`))['n']);
  const out = { node: new Int32Array(total), group: new Int32Array(total) };
  let i = 0;
  for await (const batch of engine.stream<{ nid: number; first: number }>(
    'link.namesake_read',
    sql`select nid, first from link_namesake order by first, rowid`,
  )) {
    for (const r of batch) {
      out.node[i] = r.nid;
      out.group[i++] = r.first;
    }
  }
  await engine.run('link.drop', sql`drop table link_namesake`);
  return out;
}

/** Ids come from the first record of a cluster (data set and key), so that they outlive a rebuild; nested clusters share their first record's id. */
async function writePersonRecords(kase: OpenCase): Promise<void> {
  const { engine } = kase;
  const parts = (await engine.rows<{ src: number; dataset_id: string }>('link.sources', sql`select src, dataset_id from link_source order by src`)).map(
    s => sql`select ${sql.lit(Number(s.src))}::integer as src, ${sql.lit(s.dataset_id)} as dataset_id, row_no, key from ${sql.id(`data_${s.dataset_id}`)}`,
  );
  if (parts.length === 0) parts.push(sql`select 0::integer as src, ''::varchar as dataset_id, 0::bigint as row_no, ''::varchar as key where false`);
  await engine.run(
    'link.ids',
    sql`create or replace temp table link_named as select m.nid, r.rid, k.dataset_id, r.row_no, k.key, r.legal,
      (r.whole is not null or r.whole_read is not null or r.phone is not null or r.email is not null or r.ident is not null) as described
    from (${sql.join(parts, sql` union all `)}) k join link_record r on r.src = k.src and r.row_no = k.row_no join link_member m using (rid)`,
  );
  await engine.run(
    'link.node_id',
    sql`create or replace temp table link_id as
    select nid, 'person-' || substr(sha256(dataset_id || chr(31) || coalesce(key, '') || chr(31) || case when key is null or repeated then row_no::varchar else '' end), 1, 12) as id
    from (select nid, dataset_id, key, row_no, count(*) over (partition by dataset_id, key) > 1 as repeated, row_number() over (partition by nid order by rid) as k from link_named) where k = 1`,
  );
  await engine.run(
    'link.persons',
    sql`create or replace table person_record as
    select n.dataset_id, n.row_no, n.key, s.id as person_strict, b.id as person_best, w.id as person_wide, n.legal or coalesce(g.legal, false) as legal_person, coalesce(g.described, n.described) as identified
    from link_named n join link_cluster c on c.nid = n.nid join link_id s on s.nid = c.s join link_id b on b.nid = c.b join link_id w on w.nid = c.w
    left join (select c.b, bool_or(x.described) as described, bool_or(x.legal) as legal from link_named x join link_cluster c on c.nid = x.nid group by c.b) g on g.b = c.b
    order by n.dataset_id, n.row_no`,
  );
  await engine.run(
    'link.match_pair',
    sql`create or replace table match_pair as
    select ls.dataset_id as l_dataset, lr.row_no as l_row, rs.dataset_id as r_dataset, rr.row_no as r_row, round(weight, 3) as weight, round(1 / (1 + pow(2, -greatest(-60, least(60, weight)))), 6) as probability,
      ${levelsJson()} as levels
    from link_score p join link_node a on a.nid = p.l join link_node z on z.nid = p.r join link_record lr on lr.rid = a.first_rid join link_record rr on rr.rid = z.first_rid
    join link_source ls on ls.src = lr.src join link_source rs on rs.src = rr.src where p.grade >= 1`,
  );
  for (const t of ['link_named', 'link_id']) await engine.run('link.drop', sql`drop table if exists ${sql.id(t)}`);
}

function levelsJson() {
  return sql`'{' || ${sql.join(
    comparisons.map(c => sql`${sql.lit(`"${c.name}":`)} || ${sql.id(`g_${c.name}`)}`),
    sql` || ',' || `,
  )} || '}'`;
}

async function writeModel(kase: OpenCase, model: Model, wide: number): Promise<void> {
  await kase.engine.load(
    'link_model',
    [
      { name: 'comparison', type: 'VARCHAR' },
      { name: 'level', type: 'INTEGER' },
      { name: 'label', type: 'VARCHAR' },
      { name: 'm', type: 'DOUBLE' },
      { name: 'u', type: 'DOUBLE' },
      { name: 'bits', type: 'DOUBLE' },
      { name: 'frequency', type: 'VARCHAR' },
    ],
    [
      ['prior', 0, 'prior', model.prior, null, priorBits(model), null],
      ['wide', 0, 'wide', null, null, wide, null],
      ...comparisons.flatMap((c, i) =>
        c.levels.map(x => [c.name, x.level, x.label, model.m[i]!.get(x.level), model.u[i]!.get(x.level), levelBits(model, i, x), x.frequency ?? null]),
      ),
    ],
  );
}
