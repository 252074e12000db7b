import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Catalogue, Column, Dataset } from '../catalogue.ts';
import { readingOf } from '../replay/statements.ts';
import { type Binding, sentValue } from './binding.ts';
import type { Coding } from './coding.ts';
import { chanceFits, exactFit, farthest, possible, type Shot } from './infer-exact.ts';
import type { InferredRead } from './infer-reads.ts';
import { type Request, routeOf } from './requests.ts';
import { solve } from './size-model.ts';

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const mostAnswers = 60;
export const mostWork = 3e8;
export const limits = [100, 50, 40, 30, 25, 20, 15, 10] as const;

export type Answer = { readonly q: string; readonly size: number };
type Filter = { readonly column: Column; readonly value: string };
type Order = { readonly column: Column; readonly descending: boolean };
/** Rows that hold the term in one of `columns`, under a filter; the first `limit` of them in an order. */
type Hypothesis = {
  readonly columns: readonly Column[];
  readonly filters: readonly Filter[];
  readonly order: Order | null;
  readonly limit: number | null;
};
type Matched = { readonly k: number; readonly lengths: readonly number[] };
type Shown = { readonly sure: ReadonlySet<number>; readonly possible: ReadonlySet<number> };

/**
 * `/things?q=`: the text columns searched, filter, order and page size under which the sizes of the answers to everybody else come out
 * to the byte. Only where so many answers agree that chance cannot (they must outweigh every hypothesis tried); what they leave open is
 * read in the widest way: no limit, no filter, every column that changes nothing.
 */
export async function inferSearch(
  engine: Engine,
  catalogue: Catalogue,
  route: string,
  sample: readonly Request[],
  used: readonly Request[] = [],
): Promise<InferredRead | null> {
  const good = sample.filter(r => r.status === 200);
  for (const name of [...new Set(good.flatMap(r => [...r.values.keys()]))].sort()) {
    const { answers, noise } = answersOf(good, { name });
    if (answers.length < 6 || noise > 8 || new Set(answers.map(a => a.size)).size < 4) continue;
    for (const dataset of catalogue.datasets) {
      const texts = dataset.columns.filter(c => c.type === 'text');
      if (dataset.rows * texts.length * answers.length > mostWork || texts.length === 0) continue;
      const asked = used.filter(r => routeOf(r) === route).map(r => (r.values.get(name) ?? '').split(/['"\\;%]|--/)[0]!);
      const exact = noise === 0 ? await searchExactly(engine, dataset, texts, answers, [...new Set(['', ...asked])].sort().slice(0, mostAnswers)) : null;
      const found = exact ?? (await searchIn(engine, dataset, texts, answers, Math.max(2, noise)));
      if (!found) continue;
      const read = asRead(dataset, found.hypothesis, found.shown);
      const reading = readingOf(read.parts.join('x'));
      if ('none' in reading) continue;
      const bindings = reading.slots.map(
        (s): Binding => (s.value === '%x%' ? { from: 'request', name, before: '%', after: '%' } : { from: 'constant', value: s.value }),
      );
      const between = read.parts.slice(1, -1);
      return {
        route,
        read: reading,
        bindings,
        concatenations: [{ name, prefix: read.parts[0]!, suffix: read.parts.at(-1)!, ...(between.length > 0 && { between }) }],
        support: 1,
        learnedFrom: good.length,
        source: 'sizes',
        parameters: false,
        sure: found.shown.sure,
        dataset,
      };
    }
  }
  return null;
}

/** One size for each term (the middle one where a page varies a little), and by how much it varies. */
export function answersOf(requests: readonly Request[], parameter: { readonly name: string; readonly coding?: Coding }): { answers: Answer[]; noise: number } {
  const sizes = new Map<string, number[]>();
  for (const r of requests) {
    const q = sentValue(r, parameter);
    if (q === undefined || q === '' || /['"\\;%_]/.test(q) || r.bytes === null || [...r.values.keys()].some(k => k !== parameter.name)) continue;
    sizes.set(q, [...(sizes.get(q) ?? []), r.bytes]);
  }
  let noise = 0;
  const answers = [...sizes]
    .sort((a, b) => (a[0] < b[0] ? -1 : 1))
    .slice(0, mostAnswers)
    .map(([q, list]) => {
      const sorted = list.sort((a, b) => a - b);
      noise = Math.max(noise, sorted.at(-1)! - sorted[0]!);
      return { q, size: sorted[sorted.length >> 1]! };
    });
  return { answers, noise };
}

/** Orders and filters measured for one page over one data set. */
const mostMeasured = 400;
/** Fits expected by chance at most when one is believed. */
const mostChance = 1e-3;

/**
 * Where a page never varies, the sizes must come out to the byte: every hypothesis is tried, and the one that does is believed when so
 * few others come near that chance cannot have made it. `asked` are terms of the intruder: hypotheses that differ for them are read in the widest way.
 */
async function searchExactly(
  engine: Engine,
  dataset: Dataset,
  texts: readonly Column[],
  answers: readonly Answer[],
  asked: readonly string[],
): Promise<{ hypothesis: Hypothesis; shown: Shown } | null> {
  const terms = answers.length + asked.length;
  const sets = await loadTerms(engine, dataset, texts, [...answers.map(a => a.q), ...asked], answers.length);
  const filters = [null, ...(await filtersOf(engine, dataset))];
  const near = new Array<number>(farthest + 1).fill(0);
  const tried = new Set<string>();
  const fits: { hypothesis: Hypothesis; shown: Shown; told: string; freedom: number }[] = [];
  let measured = 0;
  const shots = (matched: readonly Matched[]): Shot[] => answers.map((a, i) => ({ ...matched[i]!, size: a.size, echo: Buffer.byteLength(a.q) }));
  const attempt = (hypothesis: Hypothesis, matched: readonly Matched[]): void => {
    const key = JSON.stringify(matched);
    if (tried.has(key)) return;
    tried.add(key);
    const told = shots(matched);
    const fit = exactFit(dataset, told);
    if (!fit) return;
    if (fit.masks.length === 0) for (const [w, n] of fit.near.entries()) near[w]! += n;
    else {
      const hits = told.filter(s => s.k > 0);
      // What a row adds was taken from one of them.
      const freedom = hits.length - (new Set(hits.map(s => s.k)).size > 1 ? 1 : 0);
      fits.push({ hypothesis, shown: shownBy(dataset, fit.free, fit.masks), told: JSON.stringify(told), freedom });
    }
  };
  for (const columns of sets)
    for (const filter of filters) {
      const open: Hypothesis = { columns, filters: filter ? [filter] : [], order: null, limit: null };
      const all = await measure(engine, dataset, texts, open, terms);
      // The same rows under another name need no second look, and a page that holds them all is no window.
      if (tried.has(JSON.stringify(all)) || !possible(shots(all))) continue;
      attempt(open, all);
      const most = Math.max(...all.map(m => m.k));
      const windows = limits.filter(n => n < most);
      if (windows.length === 0) continue;
      for (const order of ordersOf(dataset)) {
        // Too many readings for any to be told from chance: nothing is said, rather than long sought.
        if (++measured > mostMeasured) return null;
        for (const [limit, matched] of await measureWindows(engine, dataset, texts, { ...open, order }, terms, windows))
          attempt({ ...open, order, limit }, matched);
      }
    }
  const first = fits[0];
  // Two different lists of rows that both fit: one of them does by chance.
  if (!first || new Set(fits.map(f => f.told)).size > 1 || chanceFits(near, first.freedom) > mostChance) return null;
  const columns = await widest(engine, texts, first.hypothesis);
  if (fits.length === 1) return { hypothesis: { ...first.hypothesis, columns }, shown: first.shown };
  const all = texts.filter(c => columns.includes(c) || fits.some(f => f.hypothesis.columns.includes(c)));
  return { hypothesis: { columns: all, filters: [], order: null, limit: null }, shown: { sure: new Set(), possible: first.shown.possible } };
}

function shownBy(dataset: Dataset, free: readonly number[], masks: readonly number[]): Shown {
  const every = masks.reduce((a, b) => a & b);
  const some = masks.reduce((a, b) => a | b);
  const named = (bits: number): number[] => free.filter((_, bit) => (bits >> bit) & 1).map(j => dataset.columns[j]!.no);
  return { sure: new Set(named(every)), possible: new Set([...named(some), ...dataset.columns.filter((_, j) => !free.includes(j)).map(c => c.no)]) };
}

/** Load the terms and the rows that hold them; the column sets to try, by how many of the first `most` terms they answer. */
export async function loadTerms(engine: Engine, dataset: Dataset, texts: readonly Column[], terms: readonly string[], most: number): Promise<Column[][]> {
  await engine.load(
    'infer_search',
    [
      { name: 'i', type: 'INTEGER' },
      { name: 'q', type: 'VARCHAR' },
    ],
    terms.map((q, i) => [i, q]),
  );
  const each = texts.map(c => sql`contains(${sql.id('t', `c${c.no}`)}, s.q)`);
  await engine.run(
    'exposure.infer_hits',
    sql`create or replace temp table infer_hit as select s.i, t.row_no, [${sql.join(each)}] as hit from infer_search s cross join ${sql.id(dataset.view)} t where ${sql.join(each, sql` or `)}`,
  );
  const singles = await engine.rows<Record<string, number>>(
    'exposure.infer_counts',
    sql`select ${sql.join(texts.map((_, j) => sql`count(distinct i) filter (hit[${sql.lit(j + 1)}] and i < ${most})::integer as ${sql.id(`n${j}`)}`))} from infer_hit`,
  );
  const answering = texts.filter((_, j) => singles[0]![`n${j}`]! >= 2);
  const sets: Column[][] = answering.map(c => [c]);
  if (answering.length <= 6)
    for (let a = 0; a < answering.length; a++) for (let b = a + 1; b < answering.length; b++) sets.push([answering[a]!, answering[b]!]);
  return sets;
}

async function searchIn(
  engine: Engine,
  dataset: Dataset,
  texts: readonly Column[],
  answers: readonly Answer[],
  tolerance: number,
): Promise<{ hypothesis: Hypothesis; shown: Shown } | null> {
  const sets = await loadTerms(
    engine,
    dataset,
    texts,
    answers.map(a => a.q),
    answers.length,
  );
  const filters = await filtersOf(engine, dataset);
  const tried = new Set<string>();
  const ordered = new Set<string>();
  let measured = 0;
  const weight = Math.log2(1 + sets.length * (1 + filters.length) * (1 + limits.length * 2 * dataset.columns.length));
  for (const columns of sets) {
    const fits: Hypothesis[] = [];
    let shown: Shown | null = null;
    const attempt = async (h: Hypothesis): Promise<boolean> => fitsWhen(h, await measure(engine, dataset, texts, h, answers.length));
    const fitsWhen = (h: Hypothesis, matched: readonly Matched[]): boolean => {
      const key = JSON.stringify(matched);
      if (tried.has(key)) return false;
      tried.add(key);
      const fit = columnsShown(dataset, answers, matched, tolerance, weight);
      if (!fit) return false;
      fits.push(h);
      shown = shown ? both(shown, fit) : fit;
      return true;
    };
    const open: Hypothesis = { columns, filters: [], order: null, limit: null };
    if (!(await plausible(engine, dataset, texts, open, answers, tolerance))) {
      // More rows match than were shown: a filter, or the answers of terms without a hit differ.
      for (const f of filters) await attempt({ ...open, filters: [f] });
    } else if (!(await attempt(open))) {
      for (const f of filters) await attempt({ ...open, filters: [f] });
      if (fits.length === 0)
        for (const filter of [null, ...filters]) {
          const filtered = { columns, filters: filter ? [filter] : [] };
          const all = await measure(engine, dataset, texts, { ...open, ...filtered }, answers.length);
          // A page that holds every row is no window, and rows once looked at under another name need no second look.
          const most = Math.max(...all.map(m => m.k));
          const windows = limits.filter(n => n < most);
          const rows = JSON.stringify(all);
          if (windows.length === 0 || ordered.has(rows)) continue;
          ordered.add(rows);
          for (const order of ordersOf(dataset)) {
            if (++measured > mostMeasured) return null;
            const pages = await measureWindows(engine, dataset, texts, { ...filtered, order, limit: null }, answers.length, windows);
            for (const limit of windows) if (fitsWhen({ ...filtered, order, limit }, pages.get(limit)!)) break;
          }
          if (fits.length > 0) break;
        }
    }
    if (fits.length === 0 || shown === null) continue;
    const first = fits[0]!;
    // Several orders that fit leave the window open; several filters, which of them it was.
    const limited = fits.length === 1 || new Set(fits.map(f => JSON.stringify([f.order?.column.no, f.order?.descending, f.limit]))).size === 1;
    const wide = await widest(engine, texts, first);
    const hypothesis: Hypothesis = {
      columns: wide,
      filters: first.filters.length === 0 ? [] : fits.flatMap(f => f.filters),
      order: limited ? first.order : null,
      limit: limited ? first.limit : null,
    };
    return { hypothesis, shown };
  }
  return null;
}

const both = (a: Shown, b: Shown): Shown => ({ sure: new Set([...a.sure].filter(c => b.sure.has(c))), possible: new Set([...a.possible, ...b.possible]) });

function asRead(dataset: Dataset, h: Hypothesis, shown: Shown): { parts: string[] } {
  const columns = dataset.columns.filter(c => shown.possible.has(c.no)).map(c => quote(c.name));
  const filter = h.filters.length === 0 ? '' : ` and (${h.filters.map(f => `${quote(f.column.name)} = ${text(f.value)}`).join(' or ')})`;
  const keys = dataset.key.map(quote).join(', ');
  const order = `order by ${h.order ? `${quote(h.order.column.name)}${h.order.descending ? ' desc' : ''}, ` : ''}${keys}`;
  const rest = `${filter} ${order}${h.limit === null ? '' : ` limit ${h.limit}`}`;
  const names = h.columns.map(c => quote(c.name));
  const one = names.length === 1;
  const head = `select ${columns.join(', ')} from ${quote(dataset.table)} where ${one ? '' : '('}${names[0]} like '%`;
  return { parts: [head, ...names.slice(1).map(n => `%' or ${n} like '%`), `%'${one ? '' : ')'}${rest}`] };
}

/** Columns that, searched as well, would have given the same rows for every term. */
export async function widest(engine: Engine, texts: readonly Column[], h: Pick<Hypothesis, 'columns'>): Promise<Column[]> {
  const has = (columns: readonly Column[]): Sql =>
    sql.join(
      columns.map(c => sql`hit[${sql.lit(texts.indexOf(c) + 1)}]`),
      sql` or `,
    );
  const others = texts.filter(c => !h.columns.includes(c));
  if (others.length === 0) return [...h.columns];
  const row = await engine.row<Record<string, number>>(
    'exposure.infer_widest',
    sql`select ${sql.join(others.map(c => sql`count(*) filter (${has([c])} and not (${has(h.columns)}))::integer as ${sql.id(`n${c.no}`)}`))} from infer_hit`,
  );
  return [...h.columns, ...others.filter(c => row[`n${c.no}`] === 0)].sort((a, b) => a.no - b.no);
}

export async function filtersOf(engine: Engine, dataset: Dataset): Promise<Filter[]> {
  const out: Filter[] = [];
  for (const column of dataset.columns) {
    if (column.type !== 'bool' && column.type !== 'text') continue;
    const c = sql`cast(${sql.id(`c${column.no}`)} as varchar)`;
    const values = await engine.rows<{ v: string }>(
      'exposure.infer_values',
      sql`select v from (select ${c} as v, count(*) as n from ${sql.id(dataset.view)} group by v) where v is not null order by n desc, v limit 5`,
    );
    if (values.length >= 2 && values.length <= 4) for (const { v } of values) out.push({ column, value: v });
  }
  return out;
}

function ordersOf(dataset: Dataset): Order[] {
  const key = dataset.key.length === 1 ? dataset.columns.find(c => c.name === dataset.key[0]) : undefined;
  const safe = dataset.columns.filter(c => c !== key && c.orderSafe && (c.unique || c.type !== 'text') && c.type !== 'bool');
  return [...(key ? [key] : []), ...safe].flatMap(column => [
    { column, descending: false },
    { column, descending: true },
  ]);
}

function tieBreak(dataset: Dataset): Sql {
  const keys = dataset.key.map(k => dataset.columns.find(c => c.name === k)).filter(c => c !== undefined);
  return sql.join([...keys.map(c => sql.id('t', `c${c.no}`)), sql.id('t', 'row_no')]);
}

/** For each term how many rows are shown, and the bytes of each column over them. */
export async function measure(engine: Engine, dataset: Dataset, texts: readonly Column[], h: Hypothesis, terms: number): Promise<Matched[]> {
  return (await measureWindows(engine, dataset, texts, h, terms, [h.limit ?? 1_000_000_000])).get(h.limit ?? 1_000_000_000)!;
}

async function measureWindows(
  engine: Engine,
  dataset: Dataset,
  texts: readonly Column[],
  h: Hypothesis,
  terms: number,
  windows: readonly number[],
): Promise<Map<number, Matched[]>> {
  const hit = sql.join(
    h.columns.map(c => sql`hit[${sql.lit(texts.indexOf(c) + 1)}]`),
    sql` or `,
  );
  const filter = h.filters.map(f => sql`and cast(${sql.id('t', `c${f.column.no}`)} as varchar) = ${f.value}`);
  const place = h.order
    ? sql`row_number() over (partition by h.i order by ${sql.id('t', `c${h.order.column.no}`)}${h.order.descending ? sql` desc` : sql``}, ${tieBreak(dataset)})`
    : sql`1`;
  const rows = await engine.rows<Record<string, number>>(
    'exposure.infer_search',
    sql`select w.n as w, i, count(*)::integer as k, ${sql.join(dataset.columns.map(c => sql`coalesce(sum(strlen(cast(${sql.id(`c${c.no}`)} as varchar))), 0)::integer as ${sql.id(`l${c.no}`)}`))}
      from (select h.i, ${place} as place, t.* from infer_hit h join ${sql.id(dataset.view)} t using (row_no) where (${hit}) ${filter.length > 0 ? sql.join(filter, sql` `) : sql``}) x
      join (values ${sql.join(windows.map(w => sql`(${sql.lit(w)}::integer)`))}) w(n) on place <= w.n group by w.n, i order by w.n, i`,
  );
  const out = new Map(windows.map(w => [w, Array.from({ length: terms }, (): Matched => ({ k: 0, lengths: dataset.columns.map(() => 0) }))] as const));
  for (const r of rows) out.get(r['w']!)![r['i']!] = { k: r['k']!, lengths: dataset.columns.map(c => r[`l${c.no}`]!) };
  return out;
}

/** Terms without a hit all get the empty page, and more is shown where there is one. */
async function plausible(
  engine: Engine,
  dataset: Dataset,
  texts: readonly Column[],
  h: Hypothesis,
  answers: readonly Answer[],
  tolerance: number,
): Promise<boolean> {
  const matched = await measure(engine, dataset, texts, h, answers.length);
  const blank = answers.filter((_, i) => matched[i]!.k === 0).map(a => a.size);
  if (matched.filter(m => m.k > 0).length < 4) return false;
  if (blank.length === 0) return true;
  const echo = Math.max(...answers.map(a => Buffer.byteLength(a.q)));
  return Math.max(...blank) - Math.min(...blank) <= tolerance + echo && answers.every((a, i) => matched[i]!.k === 0 || a.size >= Math.min(...blank));
}

/** The sets of columns whose lengths, with a constant for the page and one for a row, give every size; null when none does or too few answers speak. */
function columnsShown(dataset: Dataset, answers: readonly Answer[], matched: readonly Matched[], tolerance: number, weight: number): Shown | null {
  const hits = matched.map((m, i) => ({ ...m, size: answers[i]!.size, echo: Buffer.byteLength(answers[i]!.q) })).filter(m => m.k > 0);
  const blank = matched.map((m, i) => ({ ...m, size: answers[i]!.size, echo: Buffer.byteLength(answers[i]!.q) })).filter(m => m.k === 0);
  const varied = dataset.columns.map((_, j) => new Set(hits.map(h => (h.lengths[j]! / h.k).toFixed(3))).size > 1);
  const free = dataset.columns.map((_, j) => j).filter(j => varied[j]);
  if (free.length === 0 || free.length > 13) return null;
  // What the number of rows leaves open is what the columns must explain: the more of it, the less a wrong set of them fits by chance.
  const line = solve(
    hits.map(h => [1, h.k]),
    hits.map(h => h.size),
  );
  const left = hits.map(h => h.size - (line ? line[0]! + line[1]! * h.k : 0));
  const open = Math.max(...left) - Math.min(...left);
  const bits = (hits.length - 2) * Math.log2(Math.max(1, open / (2 * tolerance + 1)));
  if (hits.length < 4 || hits.length + blank.length < 6 || bits < free.length + weight) return null;
  if (!linear([...hits, ...blank], free, tolerance)) return null;
  const masks: number[] = [];
  for (const echo of [0, 1]) {
    const empty = blank.map(b => b.size - echo * b.echo).sort((a, b) => a - b);
    if (empty.length > 0 && empty.at(-1)! - empty[0]! > tolerance) continue;
    const page = empty.length > 0 ? empty[empty.length >> 1]! : null;
    for (let mask = 1; mask < 1 << free.length; mask++) if (explains(hits, free, mask, echo, page, tolerance)) masks.push(mask);
  }
  if (masks.length === 0 || masks.length > 64) return null;
  return shownBy(dataset, free, masks);
}

/** Where no weights at all of the columns give the sizes, no set of columns does. */
function linear(all: readonly (Matched & { size: number; echo: number })[], free: readonly number[], tolerance: number): boolean {
  const x = all.map(h => [1, h.k, h.k > 0 ? 1 : 0, h.echo, ...free.map(j => h.lengths[j]!)]);
  const y = all.map(h => h.size);
  const beta = solve(x, y);
  if (!beta) return true;
  const squares = x.reduce((sum, v, i) => sum + (y[i]! - v.reduce((a, b, j) => a + b * beta[j]!, 0)) ** 2, 0);
  return Math.sqrt(squares / x.length) <= 1.5 * tolerance + 1;
}

function explains(
  hits: readonly (Matched & { size: number; echo: number })[],
  free: readonly number[],
  mask: number,
  echo: number,
  page: number | null,
  tolerance: number,
): boolean {
  const rest = (h: (typeof hits)[number]): number => {
    let n = h.size - echo * h.echo;
    for (let bit = 0; bit < free.length; bit++) if ((mask >> bit) & 1) n -= h.lengths[free[bit]!]!;
    return n;
  };
  if (page !== null) {
    // The answer with the most rows tells best what a row adds; separators make the first row of a list a byte or two cheaper.
    let top = hits[0]!;
    for (const h of hits) if (h.k > top.k) top = h;
    const per = (rest(top) - page) / top.k;
    if (per < 0) return false;
    const slack = tolerance + 2 + Math.ceil(tolerance / top.k);
    for (const h of hits) if (Math.abs(rest(h) - page - per * h.k) > slack) return false;
    return true;
  }
  const y = hits.map(rest);
  const beta = solve(
    hits.map(h => [1, h.k]),
    y,
  );
  return beta !== null && beta[1]! >= 0 && y.every((v, i) => Math.abs(v - beta[0]! - beta[1]! * hits[i]!.k) <= tolerance);
}
