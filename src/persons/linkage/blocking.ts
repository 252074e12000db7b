import { type Sql, sql } from '../../engine/index.ts';
import { type Dialect, duckdb, type Steps } from './dialect.ts';

/** Two records are compared when all key parts of a rule are equal and known. `learns` is false where the key says too much to learn from. */
export type BlockingRule = {
  readonly name: string;
  readonly keys: readonly Sql[];
  /** Comparisons that the key decides: nothing is learned about them from this rule's pairs. */
  readonly decides: readonly string[];
  /** Only for up to this many nodes. */
  readonly upTo?: number;
  /** Only from this many nodes on. */
  readonly from?: number;
  /** The largest block in tables of more than `large` nodes: where more people share the key, sharing it says nothing. */
  readonly crowd?: number;
  /** A pair is passed over where both sides hold this. */
  readonly unlessBoth?: Sql;
  /** Only where slips of spelling are to be expected: neither side Japanese. */
  readonly latin?: boolean;
};

const c = (name: string): Sql => sql.id(name) as Sql;
const year = sql`substr(birth, 1, 4)`;
const monthDay = sql`substr(birth, 5, 4)`;

const large = 400_000;

export const blockingRules: readonly BlockingRule[] = [
  { name: 'birth-given', keys: [c('birth'), c('given')], decides: ['birth', 'given'] },
  { name: 'birth-surname', keys: [c('birth'), c('surname')], decides: ['birth', 'surname'] },
  { name: 'birth-given-reading', keys: [c('birth'), c('given_read')], decides: ['birth', 'given'] },
  { name: 'name-area', keys: [c('whole'), c('area')], decides: ['surname', 'given', 'address'], crowd: 12 },
  { name: 'name-year', keys: [c('whole'), year], decides: ['surname', 'given', 'birth'] },
  { name: 'name-day', keys: [c('whole'), monthDay], decides: ['surname', 'given', 'birth'] },
  { name: 'reading-year', keys: [c('whole_read'), year], decides: ['surname', 'given', 'birth'] },
  { name: 'phone', keys: [c('phone')], decides: ['phone'] },
  { name: 'email', keys: [c('email')], decides: ['email'] },
  { name: 'ident', keys: [c('ident')], decides: ['ident'] },
  { name: 'given-address', keys: [c('given'), c('address')], decides: ['given', 'address'] },
  { name: 'reading-address', keys: [c('given_read'), c('address')], decides: ['given', 'address'] },
  { name: 'birth-area', keys: [c('birth'), c('area')], decides: ['birth', 'address'], upTo: large },
  // Birth dates that share neither year nor day are two people's, and those that do are met above.
  { name: 'name', keys: [c('whole')], decides: ['surname', 'given'], upTo: large, unlessBoth: sql`(japanese and birth is not null)` },
  { name: 'birth', keys: [c('birth')], decides: ['birth'], upTo: 60_000 },
  { name: 'surname-area', keys: [c('surname'), c('area')], decides: ['surname', 'address'], upTo: 60_000 },
  { name: 'given-area', keys: [c('given'), c('area')], decides: ['given', 'address'], upTo: 60_000 },
  { name: 'given-year', keys: [c('given'), year], decides: ['given', 'birth'], upTo: 20_000 },
  { name: 'surname-year', keys: [c('surname'), year], decides: ['surname', 'birth'], upTo: 20_000 },
  { name: 'address', keys: [c('address')], decides: ['address'], upTo: 60_000 },
  { name: 'surname', keys: [c('surname')], decides: ['surname'], upTo: 60_000, latin: true },
  { name: 'given', keys: [c('given')], decides: ['given'], upTo: 20_000, latin: true },
  { name: 'area', keys: [c('area')], decides: ['address'], upTo: 60_000, latin: true },
  { name: 'month-day-sex', keys: [monthDay, c('sex')], decides: ['birth', 'sex'], upTo: 20_000, latin: true },
  { name: 'surname-start', keys: [sql`substr(surname, 1, 4)`, sql`substr(given, 1, 2)`], decides: ['surname', 'given'], upTo: 60_000, latin: true },
  { name: 'swapped', keys: [sql`least(surname, given)`, sql`greatest(surname, given)`], decides: ['surname', 'given'], upTo: large, latin: true },
  { name: 'name-block', keys: [c('whole'), c('block')], decides: ['surname', 'given', 'address'], from: large },
];

export type Blocked = { readonly pairs: number; readonly skipped: readonly { readonly rule: string; readonly blocks: number; readonly nodes: number }[] };

/**
 * Write `link_pair` (l < r, `rules` bit mask): each pair of nodes once. Blocks larger than `cap` (or the rule's crowd) are left to the other rules
 * and returned as skipped. Companies meet only companies.
 */
export async function writePairs(engine: Steps, nodes: number, d: Dialect = duckdb): Promise<Blocked> {
  const cap = nodes <= 60_000 ? 400 : nodes <= large ? 150 : 60;
  const fitting = blockingRules
    .map((rule, i) => ({ rule, i, known: knownKeys(rule) }))
    .filter(({ rule }) => nodes <= (rule.upTo ?? Number.POSITIVE_INFINITY) && nodes > (rule.from ?? -1));
  const known = await engine.row<Record<string, number>>(
    'link.block_known',
    sql`select ${sql.join(fitting.map(x => sql`count(*) filter (where ${x.known}) as ${sql.id(`k${x.i}`)}`))} from link_node`,
  );
  const used = fitting.filter(x => Number(known[`k${x.i}`]) > 1);
  const skipped: { rule: string; blocks: number; nodes: number }[] = [];
  await engine.run('link.pair_table', d.table('link_raw_pair', sql`select nid as l, nid as r, nid as rules from link_node where false`));
  for (const { rule, i, known } of used) {
    const most = nodes > large ? Math.min(cap, rule.crowd ?? cap) : cap;
    await writeBlock(engine, rule, known, d);
    const over = await engine.row('link.block_over', sql`select count(*) as blocks, coalesce(sum(n), 0) as nodes from link_size where n > ${most}`);
    if (Number(over['blocks']) > 0) skipped.push({ rule: rule.name, blocks: Number(over['blocks']), nodes: Number(over['nodes']) });
    await addPairs(engine, i, most, d);
  }
  await engine.run('link.pairs', d.table('link_pair', sql`select l, r, bit_or(rules)::integer as rules from link_raw_pair group by l, r`));
  for (const t of ['link_raw_pair', 'link_block', 'link_size', 'link_crowd']) await engine.run('link.drop', sql`drop table if exists ${sql.id(t)}`);
  return { pairs: Number((await engine.row('link.pair_count', sql`select count(*) as n from link_pair`))['n']), skipped };
}

/**
 * Write `link_block` (nid, the block `b` it falls into, `told` where the rule passes over pairs of such) and `link_size` (of each block of two
 * or more that has a pair to compare, how many and the first and last of them).
 */
async function writeBlock(engine: Steps, rule: BlockingRule, known: Sql, d: Dialect): Promise<void> {
  const block = d.hash([sql`legal`, ...rule.keys]);
  const [told, meets] =
    rule.unlessBoth === undefined
      ? [sql`false`, sql``]
      : [rule.unlessBoth, sql`and (not ${rule.unlessBoth} or ${block} in (select ${block} from link_node where ${known} and not ${rule.unlessBoth}))`];
  await engine.run('link.block', d.table('link_block', sql`select nid, ${block} as b, ${told} as told from link_node where ${known} ${meets}`));
  await engine.run(
    'link.block_size',
    d.table('link_size', sql`select b, count(*) as n, min(nid) as first, max(nid) as last from link_block group by b having count(*) > 1`),
  );
}

/** Most blocks are of two, and these need no join. */
async function addPairs(engine: Steps, rule: number, most: number, d: Dialect): Promise<void> {
  const bit = sql`${sql.lit(1 << rule)}::integer`;
  await engine.run('link.block_twos', sql`insert into link_raw_pair select first, last, ${bit} from link_size where n = 2`);
  await engine.run(
    'link.crowd',
    d.table('link_crowd', sql`select nid, b, told from link_block where b in (select b from link_size where n > 2 and n <= ${most})`),
  );
  await engine.run(
    'link.block_pairs',
    sql`insert into link_raw_pair select a.nid, z.nid, ${bit} from link_crowd a join link_crowd z on z.b = a.b and a.nid < z.nid and not (a.told and z.told)`,
  );
}

const knownKeys = (rule: BlockingRule): Sql =>
  sql`${sql.join(
    rule.keys.map(k => sql`${k} is not null`),
    sql` and `,
  )}${rule.latin ? sql` and not japanese` : sql``}`;
