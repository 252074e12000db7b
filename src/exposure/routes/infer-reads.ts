import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue, Column, Dataset } from '../catalogue.ts';
import { readingOf } from '../replay/statements.ts';
import type { Binding, RouteRead } from './binding.ts';
import { inferExport } from './infer-export.ts';
import { inferFilters } from './infer-filters.ts';
import { inferSearch } from './infer-search.ts';
import { type Request, routeOf } from './requests.ts';
import { solve } from './size-model.ts';

/** What a route seems to read when no database log tells: from the values of its parameters and the sizes of its answers (methods §6.2–6.4). */
export type InferredRead = RouteRead & {
  /** Columns whose lengths show in the sizes. */ readonly sure: ReadonlySet<number>;
  readonly dataset: Dataset;
  /** Requests of the intruder whose own size was part of the proof. */
  readonly proved?: ReadonlySet<number>;
};

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Reads of the routes that the intruder used and nothing else explains. */
export async function inferReads(
  engine: Engine,
  catalogue: Catalogue,
  used: readonly Request[],
  others: readonly Request[],
  known: ReadonlySet<string>,
): Promise<InferredRead[]> {
  const routes = [...new Set(used.filter(r => (r.status ?? 0) >= 200 && (r.status ?? 0) < 300).map(routeOf))].filter(r => !known.has(r)).sort();
  const out: InferredRead[] = [];
  for (const route of routes) {
    const sample = others.filter(r => routeOf(r) === route && r.bytes !== null && r.actor === null);
    const found =
      (await inferDetail(engine, catalogue, route, sample)) ??
      (await inferSearch(engine, catalogue, route, sample, used)) ??
      (await inferExport(engine, catalogue, route, used, sample));
    if (found) out.push(found);
    else out.push(...(await inferFilters(engine, catalogue, route, used, sample)));
  }
  return out;
}

type Fit = {
  readonly dataset: Dataset;
  readonly column: Column;
  readonly name: string;
  readonly tolerance: number;
  readonly shown: ReadonlySet<number>;
  readonly hidden: ReadonlySet<number>;
};

/** `/things/{}`: the dataset and column whose rows explain the sizes of the answers, byte by byte. */
async function inferDetail(engine: Engine, catalogue: Catalogue, route: string, sample: readonly Request[]): Promise<InferredRead | null> {
  const good = sample.filter(r => r.status === 200).slice(0, 300);
  if (good.length < 20) return null;
  let best: Fit | null = null;
  for (const name of [...new Set(good.flatMap(r => [...r.values.keys()]))].sort()) {
    const having = good.filter(r => r.values.has(name));
    if (having.length < 20 || new Set(having.map(r => r.values.get(name))).size < 10) continue;
    await engine.load(
      'infer_request',
      [
        { name: 'n', type: 'INTEGER' },
        { name: 'v', type: 'VARCHAR' },
      ],
      having.map((r, n) => [n, r.values.get(name)!]),
    );
    for (const dataset of catalogue.datasets)
      for (const column of dataset.columns) {
        if (column.type !== 'int' && column.type !== 'text') continue;
        const fit = await fitDetail(engine, dataset, column, name, having);
        if (fit && (!best || fit.tolerance < best.tolerance || (fit.tolerance === best.tolerance && nearer(route, fit.dataset, best.dataset)))) best = fit;
      }
  }
  if (!best) return null;
  const { dataset, column } = best;
  const columns = dataset.columns.filter(c => !best.hidden.has(c.no));
  const read = readingOf(`select ${columns.map(c => quote(c.name)).join(', ')} from ${quote(dataset.table)} where ${quote(column.name)} = $1`);
  if ('none' in read) return null;
  const bindings: Binding[] = read.slots.map(() => ({ from: 'request', name: best.name, before: '', after: '' }));
  return { route, read, bindings, concatenations: [], support: 1, learnedFrom: good.length, source: 'sizes', parameters: true, sure: best.shown, dataset };
}

function nearer(route: string, a: Dataset, b: Dataset): boolean {
  return route.toLowerCase().includes(a.table) && !route.toLowerCase().includes(b.table);
}

async function fitDetail(engine: Engine, dataset: Dataset, column: Column, name: string, requests: readonly Request[]): Promise<Fit | null> {
  const lengths = dataset.columns.map(
    c =>
      sql`coalesce(sum(strlen(cast(${sql.id('t', `c${c.no}`)} as varchar))), 0) as ${sql.id(`l${c.no}`)}, count(*) filter (where t.row_no is not null and coalesce(cast(${sql.id('t', `c${c.no}`)} as varchar), '') = '') as ${sql.id(`z${c.no}`)}`,
  );
  const rows = await engine.rows<Record<string, number>>(
    'exposure.infer_detail',
    sql`select r.n, count(t.row_no) as k, ${sql.join(lengths)} from infer_request r
    left join ${sql.id(dataset.view)} t on cast(${sql.id('t', `c${column.no}`)} as varchar) = r.v group by r.n order by r.n`,
  );
  const matched = rows.filter(r => r['k']! > 0);
  if (matched.length < 0.3 * rows.length || matched.length < 15 || matched.some(r => r['k']! > 1000)) return null;
  // A column of one length or nothing says both with its length alone.
  const twoValued = (c: Column): boolean => new Set(rows.map(r => r[`l${c.no}`])).size <= 2;
  const features = dataset.columns.flatMap(c => (twoValued(c) ? [`l${c.no}`] : [`l${c.no}`, `z${c.no}`])).filter(f => new Set(rows.map(r => r[f])).size > 1);
  if (features.length === 0 || rows.length < 2.5 * (features.length + 2)) return null;
  const x = rows.map(r => [1, r['k']!, ...features.map(f => r[f]!)]);
  const y = rows.map(r => requests[r['n']!]!.bytes!);
  const beta = solve(x, y);
  if (!beta) return null;
  const residuals = x.map((v, i) => Math.abs(y[i]! - v.reduce((a, b, j) => a + b * beta[j]!, 0))).sort((a, b) => a - b);
  const tolerance = residuals[Math.floor(residuals.length * 0.95)]!;
  const mean = y.reduce((a, b) => a + b, 0) / y.length;
  const total = y.reduce((a, v) => a + (v - mean) ** 2, 0);
  const left = residuals.reduce((a, r) => a + r * r, 0);
  if (total === 0 || 1 - left / total < 0.97 || tolerance > 6) return null;
  const shown = new Set<number>();
  const hidden = new Set<number>();
  for (const c of dataset.columns) {
    const at = features.indexOf(`l${c.no}`);
    if (at < 0) continue;
    const b = beta[at + 2]!;
    // Only what the other lengths and the number of rows do not tell already speaks for this column: values of one length say nothing.
    const deviation = ownDeviation(x, at + 2);
    const error = deviation === 0 ? Infinity : Math.max(0.5, Math.sqrt(left / rows.length)) / (deviation * Math.sqrt(rows.length));
    if (error > 0.1) continue;
    if (b > (twoValued(c) ? 0.5 : 0.75) && b < 1.3) shown.add(c.no);
    else if (Math.abs(b) < 0.2) hidden.add(c.no);
  }
  return shown.size > 0 ? { dataset, column, name, tolerance, shown, hidden } : null;
}

/** Standard deviation of one column after what the others explain of it. */
export function ownDeviation(x: readonly (readonly number[])[], column: number): number {
  const rest = x.map(v => v.filter((_, j) => j !== column));
  const beta = solve(
    rest,
    x.map(v => v[column]!),
  );
  const left = x.map((v, i) => v[column]! - (beta ? rest[i]!.reduce((a, b, j) => a + b * beta[j]!, 0) : 0));
  const own = Math.sqrt(left.reduce((a, b) => a + b * b, 0) / x.length);
  return own < 1e-6 * Math.max(1, ...x.map(v => Math.abs(v[column]!))) ? 0 : own;
}
