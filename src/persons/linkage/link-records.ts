import { type Effects, type Problem, problem } from '../../base/index.ts';
import type { OpenCase } from '../../case/index.ts';
import { type ColumnSpec, type Engine, type Sql, sql } from '../../engine/index.ts';
import { writePairs } from './blocking.ts';
import { clusterNodes, type Edges, type Facts, type Namesakes } from './cluster.ts';
import { comparisons } from './comparisons.ts';
import { decidedRecords, readDecisions } from './decisions.ts';
import { duckdb } from './dialect.ts';
import { estimateModel, type Model, writeLevels } from './estimate.ts';
import { readLinkFields } from './fields.ts';
import { writeLinkNodes } from './nodes.ts';
import { writeMatchPairs, writePersonRecords } from './person-records.ts';
import { writeLinkRecords, writeLinkSources } from './records.ts';
import { levelBits, priorBits, writeScores } from './score.ts';
import { writeSharedNumbers } from './shared-numbers.ts';

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
  await writeLinkSources(engine, fields);
  const decided = await decidedRecords(kase);
  await writeLinkRecords(kase, fields, decided);
  mark('standardised');
  const nodes = await writeLinkNodes(engine, decided);
  mark('nodes');
  const blocked = await writePairs(engine, nodes);
  mark('blocked');
  await writeLevels(engine);
  mark('compared');
  const model = await estimateModel(engine, nodes, blocked.pairs);
  mark('estimated');
  const { prior, wide } = await writeScores(engine, model, nodes);
  mark('scored');
  await writeModel(kase, { ...model, prior }, wide);
  const decisions = await readDecisions(kase);
  await writeSharedNumbers(kase, fields);
  const edges = await readEdges(kase);
  const facts = await readFacts(kase, nodes);
  const parts = clusterNodes(nodes, edges, facts, decisions.together, decisions.apart, await readNamesakes(engine));
  mark('clustered');
  await engine.load('link_cluster', clusterColumns, clusterRows(nodes, parts));
  await writePersonRecords(engine);
  await writeMatchPairs(kase, levelsJson());
  mark('persons');
  const n = await engine.row(
    'link.summary',
    sql`select count(*) as records, count(distinct wide) as lower, count(distinct best) as best, count(distinct strict) as upper from person_label`,
  );
  for (const t of ['link_cluster', 'link_node']) await engine.run('link.drop', sql`drop table if exists ${sql.id(t)}`);
  const problems = [
    ...decisions.problems,
    ...blocked.skipped
      .filter(s => s.rule === 'email' || s.rule === 'phone' || s.rule === 'birth-given')
      .map(s => problem('persons.too-many-pairs', 'info', {}, { block: s.rule, records: s.nodes }, s.blocks)),
  ];
  return {
    summary: {
      records: Number(n['records']),
      nodes,
      pairs: blocked.pairs,
      persons: { lower: Number(n['lower']), best: Number(n['best']), upper: Number(n['upper']) },
    },
    problems,
  };
}

const clusterColumns: readonly ColumnSpec[] = [
  { name: 'nid', type: 'INTEGER' },
  { name: 's', type: 'INTEGER' },
  { name: 'b', type: 'INTEGER' },
  { name: 'w', type: 'INTEGER' },
];

/** Nodes that are not alone. */
function* clusterRows(n: number, p: ReturnType<typeof clusterNodes>): Generator<readonly number[]> {
  for (let i = 0; i < n; i++) if (p.wide[i] !== i) yield [i, p.strict[i]!, p.best[i]!, p.wide[i]!];
}

async function readEdges(kase: OpenCase): Promise<Edges> {
  const { engine } = kase;
  const all = sql`select l, r, weight, grade from link_score where grade >= 1 or (grade = 0 and not japanese) union all select l, r, 1000 as weight, grade from link_shared where grade >= 1`;
  const count = Number((await engine.row('link.edge_count', sql`select count(*) as n from (${all})`))['n']);
  const edges = { l: new Int32Array(count), r: new Int32Array(count), weight: new Float32Array(count), grade: new Int8Array(count), count };
  let i = 0;
  for await (const batch of engine.stream<{ l: number; r: number; weight: number; grade: number }>('link.edges', all)) {
    for (const e of batch) {
      edges.l[i] = e.l;
      edges.r[i] = e.r;
      edges.weight[i] = Math.round(e.weight * 1000) / 1000;
      edges.grade[i++] = e.grade;
    }
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
    latin: new Uint8Array(nodes),
    known: new Uint8Array(nodes),
  };
  const code = (column: string) =>
    sql`case when japanese and ${sql.id(column)} is not null then (hash(${sql.id(column)}) % 2147483646)::integer + 1 else 0 end`;
  for await (const batch of kase.engine.stream<{ nid: number; g: number; k: number; b: number; s: number; m: number; f: number; x: number }>(
    'link.facts',
    sql`select nid, ${code('given')} as g, ${code('given_read')} as k,
    coalesce(try_cast(birth as integer), 0) * case when japanese then 1 else -1 end as b, case sex when 'm' then 1 when 'f' then 2 else 0 end as s,
    case when email is not null then (hash(email) % 2147483646)::integer + 1 else 0 end as m, ${knownBits} as f, (not japanese)::integer as x from link_node`,
  )) {
    for (const r of batch) {
      facts.given[r.nid] = r.g;
      facts.reading[r.nid] = r.k;
      facts.birth[r.nid] = r.b;
      facts.sex[r.nid] = r.s;
      facts.email[r.nid] = r.m;
      facts.known[r.nid] = r.f;
      facts.latin[r.nid] = r.x;
    }
  }
  return facts;
}

const knownFlags = [
  sql`birth is not null`,
  sql`address is not null or area is not null`,
  sql`phone is not null`,
  sql`email is not null`,
  sql`ident is not null`,
];
const sum = (terms: readonly Sql[]): Sql => sql`(${sql.join([...terms], sql` + `)})`;
const knownBits = sum(knownFlags.map((flag, i) => sql`${sql.lit(1 << i)} * (${flag})::integer`));
const knownCount = sum(knownFlags.map(flag => sql`(${flag})::integer`));

/** Groups of one name in which two nodes know nothing in common. */
async function readNamesakes(engine: Engine): Promise<Namesakes> {
  await engine.run(
    'link.namesakes',
    duckdb.table(
      'link_namesake',
      sql`with n as (select nid, ${duckdb.hash([sql`legal`, sql`coalesce(whole, whole_read)`])} as name, ${knownBits} as f, ${knownCount} as known from link_node where coalesce(whole, whole_read) is not null and (whole is null or (surname is not null and given is not null) or length(whole) >= 2)),
      g as (select name, min(nid) as first from n group by name having count(*) > 1 and (min(f) = 0 or bit_and(f) = 0))
    select n.nid, g.first, n.known from n join g using (name)`,
    ),
  );
  const total = Number((await engine.row('link.namesake_count', sql`select count(*) as n from link_namesake`))['n']);
  const out = { node: new Int32Array(total), group: new Int32Array(total) };
  let i = 0;
  for await (const batch of engine.stream<{ nid: number; first: number }>(
    'link.namesake_read',
    sql`select nid, first from link_namesake order by first, known, nid`,
  )) {
    for (const r of batch) {
      out.node[i] = r.nid;
      out.group[i++] = r.first;
    }
  }
  await engine.run('link.drop', sql`drop table link_namesake`);
  return out;
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
