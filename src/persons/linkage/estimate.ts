import { type Sql, sql } from '../../engine/index.ts';
import { blockingRules } from './blocking.ts';
import { type Comparison, comparisons, comparisonsIn, levelSql } from './comparisons.ts';
import { type Dialect, duckdb, type Steps } from './dialect.ts';

/** What was learned: shares of each level among matches (m) and others (u), and how many pairs match. */
export type Model = {
  readonly prior: number;
  /** Most records are not Japanese: their names and dates are full of slips. */
  readonly latin: boolean;
  readonly m: readonly ReadonlyMap<number, number>[];
  readonly u: readonly ReadonlyMap<number, number>[];
};

type Pattern = { readonly rules: number; readonly levels: readonly number[]; readonly n: number };

const learnFrom = 1_500_000;
const randomPairs = 60_000;
/** Nodes that random pairs are made of. */
const sampled = 20_000;
const pseudo = 150;

/** Fellegi–Sunter parameters without training data: u from random pairs, m by EM over the pairs of each blocking rule, with priors. */
export async function estimateModel(engine: Steps, nodes: number, pairs: number, d: Dialect = duckdb): Promise<Model> {
  const random = await randomPatterns(engine, nodes, d);
  const { latin } = await engine.row<{ latin: boolean }>('link.latin', sql`select 2 * count(*) filter (where not japanese) > count(*) as latin from link_node`);
  const matches = await engine.row(
    'link.prior',
    sql`select cast(coalesce(sum(n * (n - 1) / 2), 0) as double precision) as n from (select count(*) as n from link_node
    where surname is not null and given is not null and birth is not null group by surname, given, birth)`,
  );
  const possible = Math.max(1, (nodes * (nodes - 1)) / 2);
  const prior = Math.min(0.05, Math.max(Number(matches['n']) / 0.7, nodes * 0.02, 0.5) / possible);
  const u = comparisons.map((c, i) => distribution(c, random, i, 'u', 3000));
  const step = Math.max(1, Math.floor(pairs / learnFrom));
  const patterns = await readPatterns(engine, sql`select rules, ${levelNames} from link_level where (l + r) % ${sql.lit(step)} = 0`);
  const learned = comparisons.map(c => new Map(c.levels.map(x => [x.level, x.m * pseudo])));
  blockingRules.forEach((rule, bit) => {
    const own = patterns.filter(p => p.rules & (1 << bit));
    const total = own.reduce((n, p) => n + p.n, 0);
    if (total < 100) return;
    const found = expectationMaximisation(own, u, rule.decides);
    comparisons.forEach((c, i) => {
      if (rule.decides.includes(c.name)) return;
      for (const [level, n] of found[i]!) learned[i]!.set(level, learned[i]!.get(level)! + Math.min(n, (n * 20_000) / total));
    });
  });
  return { prior, latin, m: learned.map((counts, i) => bounded(comparisons[i]!, shares(counts), latin)), u };
}

/** By comparison: how often one person's records differ outright at most, whatever a household teaches. */
const differsAtMost: Readonly<Record<'japanese' | 'latin', Readonly<Record<string, number>>>> = {
  japanese: { given: 0.06, birth: 0.05, sex: 0.03, surname: 0.12 },
  latin: { given: 0.2, birth: 0.2, sex: 0.03, surname: 0.3 },
};

/** Differing is bounded, and agreement is never worth nothing. */
function bounded(c: Comparison, m: Map<number, number>, latin: boolean): Map<number, number> {
  const limit = differsAtMost[latin ? 'latin' : 'japanese'][c.name] ?? 0.6;
  const worst = m.get(0)!;
  if (worst > limit) for (const [level, share] of m) m.set(level, level === 0 ? limit : (share * (1 - limit)) / (1 - worst));
  for (const [level, share] of m) m.set(level, Math.max(share, 1e-4));
  return m;
}

/** Matches by level of each comparison, as expected counts. Levels of names and dates keep their u; the rest may be correlated in a block. */
function expectationMaximisation(patterns: readonly Pattern[], u: Model['u'], decided: readonly string[]): Map<number, number>[] {
  const active = comparisons.flatMap((c, i) => (decided.includes(c.name) ? [] : [i]));
  const free = new Set(comparisons.flatMap((c, i) => (['surname', 'address', 'phone', 'place'].includes(c.name) ? [i] : [])));
  let m = comparisons.map(c => new Map(c.levels.map(x => [x.level, x.m])));
  let v = u.map(x => new Map(x));
  let share = 0.3;
  let counts = m.map(x => new Map([...x.keys()].map(k => [k, 0])));
  for (let round = 0; round < 25; round++) {
    counts = m.map(x => new Map([...x.keys()].map(k => [k, 0])));
    const others = m.map(x => new Map([...x.keys()].map(k => [k, 0])));
    let matched = 0;
    let total = 0;
    for (const p of patterns) {
      let [yes, no] = [share, 1 - share];
      for (const i of active) {
        const level = p.levels[i]!;
        if (level < 0) continue;
        yes *= m[i]!.get(level)!;
        no *= v[i]!.get(level)!;
      }
      const weight = p.n * (yes / (yes + no || 1));
      matched += weight;
      total += p.n;
      for (const i of active) {
        const level = p.levels[i]!;
        if (level < 0) continue;
        counts[i]!.set(level, counts[i]!.get(level)! + weight);
        others[i]!.set(level, others[i]!.get(level)! + p.n - weight);
      }
    }
    share = Math.min(0.99, Math.max(0.001, matched / total));
    m = counts.map((c, i) => shares(new Map([...c].map(([level, n]) => [level, n + 20 * comparisons[i]!.levels.find(x => x.level === level)!.m]))));
    v = others.map((c, i) => (free.has(i) ? shares(new Map([...c].map(([level, n]) => [level, n + 50 * u[i]!.get(level)!]))) : v[i]!));
  }
  return counts;
}

function shares(counts: ReadonlyMap<number, number>): Map<number, number> {
  const total = [...counts.values()].reduce((a, b) => a + b, 0) || 1;
  return new Map([...counts].map(([level, n]) => [level, n / total]));
}

function distribution(c: Comparison, patterns: readonly Pattern[], at: number, of: 'm' | 'u', strength: number): Map<number, number> {
  const counts = new Map(c.levels.map(x => [x.level, x[of] * strength]));
  for (const p of patterns) if (p.levels[at]! >= 0) counts.set(p.levels[at]!, counts.get(p.levels[at]!)! + p.n);
  return shares(counts);
}

/** Pairs at random: of a few nodes, spread over all, each meets some others. */
async function randomPatterns(engine: Steps, nodes: number, d: Dialect): Promise<Pattern[]> {
  if (nodes < 2) return [];
  const step = Math.max(1, Math.floor(nodes / sampled));
  const size = Math.ceil(nodes / step);
  const rounds = Math.min(60, Math.ceil(randomPairs / size));
  const other = sql`(n::bigint * 7919 + 104729 * (k + 1)) % ${sql.lit(size)}`;
  await engine.run('link.sample', d.table('link_sample', sql`select * from link_node where nid % ${sql.lit(step)} = 0`));
  const patterns = await readPatterns(
    engine,
    levelsOf(
      sql`select n * ${sql.lit(step)} as l, (${other})::integer * ${sql.lit(step)} as r, 0 as rules from generate_series(0, ${sql.lit(size - 1)}) g(n), generate_series(0, ${sql.lit(rounds - 1)}) h(k) where n <> ${other}`,
      sql`p.rules`,
      d,
      'link_sample',
    ),
  );
  await engine.run('link.drop', sql`drop table link_sample`);
  return patterns;
}

const levelNames = sql.join(comparisons.map(c => sql.id(`g_${c.name}`)));

const levelsOf = (
  pairs: Sql,
  columns: Sql,
  d: Dialect,
  nodes = 'link_node',
): Sql => sql`select ${columns}, ${sql.join(comparisonsIn(d).map(c => sql`(${levelSql(c)})::${d.small} as ${sql.id(`g_${c.name}`)}`))}
  from (${pairs}) p join ${sql.id(nodes)} l on l.nid = p.l join ${sql.id(nodes)} r on r.nid = p.r`;

const mobile = (a: Sql, b: Sql): Sql => sql`(${a} = ${b} and length(${a}) = 11 and substr(${a}, 1, 3) in ('060', '070', '080', '090'))`;
/** A mobile telephone is one person's; any other is the home's, and whoever lives there answers it. */
const sameMobile = sql`coalesce(${mobile(sql`l.phone`, sql`r.phone`)}, false) or coalesce(${mobile(sql`l.phone`, sql`r.phone2`)}, false) or coalesce(${mobile(sql`l.phone2`, sql`r.phone`)}, false)`;

/**
 * Write `link_level`: each pair of `link_pair` with its rules, whether they share a mobile telephone, the level of each comparison `g_*`, and of each kind of value the greater of both
 * sides' frequencies `f_*`. Whatever is learned and weighed comes from here, so that the records are read beside each other once.
 */
export async function writeLevels(engine: Steps, d: Dialect = duckdb): Promise<void> {
  const frequencies = [...new Set(comparisons.flatMap(c => c.levels.flatMap(x => (x.frequency ? [x.frequency] : []))))];
  const columns = [
    sql`p.l, p.r, p.rules, (l.japanese and r.japanese) as japanese, (not l.japanese and not r.japanese) as latin, ${sameMobile} as same_mobile`,
    ...frequencies.map(f => sql`greatest(l.${sql.id(`f_${f}`)}, r.${sql.id(`f_${f}`)}) as ${sql.id(`f_${f}`)}`),
  ];
  await engine.run('link.levels', d.table('link_level', levelsOf(sql`select * from link_pair`, sql.join(columns), d)));
  await engine.run('link.drop', sql`drop table link_pair`);
}

async function readPatterns(engine: Steps, levels: Sql): Promise<Pattern[]> {
  const rows = await engine.rows<Record<string, number>>(
    'link.patterns',
    sql`select rules, ${levelNames}, count(*) as n from (${levels}) group by rules, ${levelNames} order by rules, ${levelNames}`,
  );
  return rows.map(x => ({ rules: Number(x['rules']), n: Number(x['n']), levels: comparisons.map(c => Number(x[`g_${c.name}`])) }));
}
