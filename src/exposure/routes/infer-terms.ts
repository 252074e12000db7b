import type { Engine } from '../../engine/index.ts';
import type { Column, Dataset } from '../catalogue.ts';
import { codings } from './coding.ts';
import { type Answer, answersOf, filtersOf, limits, loadTerms, measure, mostWork, widest } from './infer-search.ts';
import { type Request, routeOf } from './requests.ts';

/** A parameter whose value is looked for: an answer shows rows of `dataset` only that hold it in one of `columns`. */
export type TermSearch = { readonly dataset: Dataset; readonly columns: readonly Column[] };

/** The searches of a route by the names of their parameters. */
export type TermSearches = ReadonlyMap<string, ReadonlyMap<string, TermSearch>>;

const fewestAnswers = 10;
/** Nobody took so many terms without a row for terms with one. */
const fewestEmpty = 4;
const fewestFound = 4;
/** A row may be so much longer or shorter than the others, as a share of one. */
const rowSpread = 0.3;
/** More than the hypotheses tried leave open, in bits: once in a thousand by chance. */
const surplusBits = 10;

/**
 * Routes of which only so much can be told that they look for their parameter: each answer to everybody else is as long as the number of
 * rows that hold its term, and terms that no row holds all get the empty page. Which columns are shown stays open.
 */
export async function inferTerms(
  engine: Engine,
  used: readonly Request[],
  others: readonly Request[],
  known: ReadonlySet<string>,
  datasetsOf: (route: string) => readonly Dataset[],
): Promise<TermSearches> {
  const out = new Map<string, Map<string, TermSearch>>();
  const routes = new Set(used.filter(r => r.values.size > 0 && (r.status ?? 0) >= 200 && (r.status ?? 0) < 300).map(routeOf));
  for (const route of [...routes].filter(r => !known.has(r)).sort()) {
    const sample = others.filter(r => routeOf(r) === route && r.status === 200 && r.bytes !== null && r.actor === null);
    for (const name of [...new Set(sample.flatMap(r => [...r.values.keys()]))].sort()) {
      const found = await searchBy(engine, datasetsOf(route), sample, name);
      if (found) out.set(route, new Map([...(out.get(route) ?? []), [name, found]]));
    }
  }
  return out;
}

async function searchBy(engine: Engine, datasets: readonly Dataset[], sample: readonly Request[], name: string): Promise<TermSearch | null> {
  for (const coding of [undefined, ...codings]) {
    const { answers, noise } = answersOf(sample, { name, ...(coding && { coding }) });
    if (answers.length < fewestAnswers || noise > 8) continue;
    const found: TermSearch[] = [];
    for (const dataset of datasets) {
      const columns = await columnsSearched(engine, dataset, answers, Math.max(3, noise));
      if (columns) found.push({ dataset, columns });
    }
    if (found.length > 0) return found.length === 1 ? found[0]! : null;
  }
  return null;
}

/** The text columns of which some must hold a term, in the widest way that gives every answer; null where none does or chance may. */
async function columnsSearched(engine: Engine, dataset: Dataset, answers: readonly Answer[], noise: number): Promise<Column[] | null> {
  const texts = dataset.columns.filter(c => c.type === 'text');
  if (texts.length === 0 || dataset.rows * texts.length * answers.length > mostWork) return null;
  const sets = await loadTerms(
    engine,
    dataset,
    texts,
    answers.map(a => a.q),
    answers.length,
  );
  const filters = [null, ...(await filtersOf(engine, dataset))];
  const needed = surplusBits + Math.log2(1 + 2 * sets.length * filters.length * (1 + limits.length));
  const searched = new Set<Column>();
  for (const columns of sets)
    for (const filter of filters) {
      const rows = await measure(engine, dataset, texts, { columns, filters: filter ? [filter] : [], order: null, limit: null }, answers.length);
      const counts = rows.map(r => r.k);
      const windows = [Infinity, ...limits.filter(n => n < Math.max(...counts))];
      const fits = windows.some(most => {
        const shown = counts.map(k => Math.min(k, most));
        return Math.max(countBits(answers, shown, 0, noise), countBits(answers, shown, 1, noise)) >= needed;
      });
      if (fits) for (const c of await widest(engine, texts, { columns })) searched.add(c);
    }
  return searched.size > 0 ? [...searched].sort((a, b) => a.no - b.no) : null;
}

/**
 * How much the sizes of answers speak for these numbers of rows, in bits: for each, how rare the numbers are that its size would fit. 0 where
 * one fits another number than its own. `echo`: how often a page repeats its term.
 */
export function countBits(answers: readonly Answer[], counts: readonly number[], echo: 0 | 1, noise: number): number {
  const sizes = answers.map(a => a.size - echo * Buffer.byteLength(a.q));
  const empty = sizes.filter((_, i) => counts[i] === 0);
  const found = counts.filter(k => k > 0);
  if (empty.length < fewestEmpty || found.length < fewestFound || Math.max(...empty) - Math.min(...empty) > 2 * noise) return 0;
  const page = (Math.max(...empty) + Math.min(...empty)) / 2;
  const row = sizes.reduce((sum, s, i) => sum + (counts[i]! > 0 ? s - page : 0), 0) / found.reduce((a, b) => a + b, 0);
  if (row < 4 * noise) return 0;
  const fits = (size: number, k: number): boolean => Math.abs(size - page - k * row) <= noise + (k === 0 ? 0 : rowSpread * row * Math.sqrt(k));
  if (!sizes.every((s, i) => fits(s, counts[i]!))) return 0;
  const numbers = [...new Set(counts)];
  const share = (k: number): number => counts.filter(x => x === k).length / counts.length;
  return sizes.reduce((bits, s) => bits - Math.log2(numbers.filter(k => fits(s, k)).reduce((sum, k) => sum + share(k), 0)), 0);
}
