import type { RouteRead } from './binding.ts';
import { decodedAs } from './coding.ts';
import { leverageOf, type Moments, momentsOf } from './leverage.ts';

/** Response size against what a request would show: a linear model learned from everybody else's requests of the route (methods §6.4). */

/** Rows, bytes and NULLs of each read of one request, in the order of the route's reads. */
export type Features = readonly { readonly rows: number; readonly bytes: number; readonly nulls: number }[];
/** `echo`: bytes of the request's own values, which some pages repeat. */
export type Observation = { readonly features: Features; readonly size: number; readonly echo?: number };

/** `doubtful`: all answers are of one size although what was read is not: shown in a fixed width, or not at all. */
export type Display = 'yes' | 'no' | 'unknown' | 'doubtful';

export type SizeModel = {
  /** True when sizes follow the shown values closely enough to confirm or refute a replay. */
  readonly valid: boolean;
  readonly intercept: number;
  readonly coefficients: readonly { readonly rows: number; readonly bytes: number; readonly nulls: number }[];
  /** What the learning answers could teach: were there NULLs, how many different row counts. */
  readonly seen: readonly { readonly nulls: boolean; readonly rowCounts: number }[];
  /** Greatest difference that still agrees, in bytes. */
  readonly tolerance: number;
  /** Whether the values of each read reach the response at all. */
  readonly displayed: readonly Display[];
  readonly observations: number;
  readonly explained: number;
  /** How often the page repeats what the request sent: 0 or 1. */
  readonly echo: 0 | 1;
  /** What the learning answers were like: how far from them a prediction still holds (`leverageOf`). */
  readonly learned: Moments | null;
};

/** Fit on observations of one route; a page that repeats its parameter is taken for one only where that explains the sizes far better. */
export function fitSizes(observations: readonly Observation[], reads: number): SizeModel {
  const silent = fitOnce(observations, reads, 0);
  if (silent.valid && silent.tolerance <= 3) return silent;
  if (!observations.some(o => (o.echo ?? 0) > 0) || spread(observations.map(o => o.echo ?? 0)) < 3) return silent;
  const repeating = fitOnce(
    observations.map(o => ({ ...o, size: o.size - (o.echo ?? 0) })),
    reads,
    1,
  );
  return repeating.valid && (!silent.valid || repeating.tolerance < silent.tolerance) ? repeating : silent;
}

/** Fit on observations of one route; `reads` is how many statements a request of it runs. */
function fitOnce(observations: readonly Observation[], reads: number, echo: 0 | 1): SizeModel {
  const none: SizeModel = {
    valid: false,
    intercept: 0,
    coefficients: [],
    seen: [],
    tolerance: 0,
    displayed: Array(reads).fill('unknown'),
    observations: observations.length,
    explained: 0,
    echo,
    learned: null,
  };
  if (observations.length < 8) return none;
  const sizes = observations.map(o => o.size);
  if (Math.max(...sizes) - Math.min(...sizes) <= 2 && observations.some(o => o.features.some(f => f.bytes > 64))) {
    const varied = Array.from({ length: reads }, (_, i) => spread(observations.map(o => o.features[i]!.bytes)) > 16);
    return { ...none, displayed: varied.map(v => (v ? 'no' : 'unknown')) };
  }
  if (spread(sizes) === 0)
    return { ...none, displayed: Array.from({ length: reads }, (_, i) => (isTwofold(observations.map(o => o.features[i]!.bytes)) ? 'doubtful' : 'unknown')) };
  let kept = observations;
  let beta: number[] | null = null;
  for (let round = 0; round < 4; round++) {
    beta = solve(
      kept.map(o => vector(o.features)),
      kept.map(o => o.size),
    );
    if (!beta) return none;
    const residuals = kept.map(o => Math.abs(o.size - dot(beta!, vector(o.features))));
    const cut = Math.max(4, 6 * median(residuals));
    const next = kept.filter((_, i) => residuals[i]! <= cut);
    if (next.length === kept.length || next.length < 0.8 * observations.length) break;
    kept = next;
  }
  const final = beta!;
  const residuals = observations.map(o => Math.abs(o.size - dot(final, vector(o.features)))).sort((a, b) => a - b);
  const tolerance = Math.max(3, Math.ceil(residuals[Math.min(residuals.length - 1, Math.floor(residuals.length * 0.97))]! * 1.5));
  const mean = sizes.reduce((a, b) => a + b, 0) / sizes.length;
  const total = kept.reduce((a, o) => a + (o.size - mean) ** 2, 0);
  const left = kept.reduce((a, o) => a + (o.size - dot(final, vector(o.features))) ** 2, 0);
  const explained = total === 0 ? 0 : 1 - left / total;
  const coefficients = Array.from({ length: reads }, (_, i) => ({ bytes: final[1 + i * 3]!, rows: final[2 + i * 3]!, nulls: final[3 + i * 3]! }));
  const displayed = coefficients.map((c, i): Display => {
    const varied = spread(observations.map(o => o.features[i]!.bytes)) > 4 * tolerance + 8;
    if (c.bytes > 0.7 && c.bytes < 3.5 && explained > 0.9) return 'yes';
    // Where every row adds to the answer it is shown somehow: bytes and rows that go together leave open which of the two it is.
    const byRow = Math.abs(c.rows) >= 4 && new Set(observations.map(o => o.features[i]!.rows)).size > 1;
    return varied && !byRow && explained > 0.9 && Math.abs(c.bytes) < 0.15 ? 'no' : 'unknown';
  });
  const valid = explained > 0.9 && tolerance <= Math.max(48, 0.03 * median(sizes)) && displayed.some(d => d === 'yes');
  const seen = Array.from({ length: reads }, (_, i) => ({
    nulls: observations.some(o => o.features[i]!.nulls > 0),
    rowCounts: new Set(observations.map(o => o.features[i]!.rows)).size,
  }));
  return {
    valid,
    intercept: final[0]!,
    coefficients,
    seen,
    tolerance,
    displayed,
    observations: observations.length,
    explained,
    echo,
    learned: momentsOf(kept.map(o => vector(o.features))),
  };
}

/**
 * `agrees`: as large as the replay says. `fits`: as large within what NULLs and quotes of a `changed` statement (other types in the
 * same columns than the model learned from) may add. `empty`: as large as an answer without rows although rows were expected. `differs`: neither.
 */
export function judgeSize(
  model: SizeModel,
  features: Features,
  logged: number,
  changed = false,
  echo = 0,
): 'agrees' | 'fits' | 'empty' | 'differs' | 'unknown' {
  if (!model.valid) return 'unknown';
  const size = logged - model.echo * echo;
  const predicted = predict(model, features);
  const extra = features.reduce(
    (a, f, i) =>
      a +
      (model.seen[i]?.nulls === false ? 8 * f.nulls : 0) +
      (f.rows > 0 && (model.seen[i]?.rowCounts ?? 0) <= 3 ? Math.min(24, Math.abs(model.coefficients[i]?.rows ?? 0)) : 0),
    0,
  );
  if (
    Math.abs(size - predicted) <= model.tolerance ||
    (extra > 0 && Math.abs(size - predicted) <= model.tolerance + extra && predicted - model.intercept > 8 * (model.tolerance + extra))
  )
    return 'agrees';
  const wide = model.tolerance + features.reduce((a, f) => a + 6 * f.nulls + 8 * f.rows, 0);
  if (changed && features.some(f => f.rows > 0) && Math.abs(size - predicted) <= wide && predicted - model.intercept > 3 * wide) return 'fits';
  if (changed && holdsAll(model, features, size, echo)) return 'fits';
  const blank = features.map(() => ({ rows: 0, bytes: 0, nulls: 0 }));
  if (features.some(f => f.rows > 0) && predicted - model.intercept > 6 * model.tolerance && Math.abs(size - predict(model, blank)) <= model.tolerance)
    return errorOf(model, blank) <= 2 * model.tolerance ? 'empty' : 'unknown';
  return Math.abs(size - predicted) <= errorOf(model, features) ? 'unknown' : 'differs';
}

/** How far a prediction may be off: the further from what the learning answers were like, the more. */
function errorOf(model: SizeModel, features: Features): number {
  return model.tolerance * (1 + (model.learned ? Math.sqrt(leverageOf(model.learned, vector(features))) : 0));
}

/** Room for every value, and no more beside them than markup of rows and NULLs: what a row adds may never have been seen. */
function holdsAll(model: SizeModel, features: Features, size: number, echo: number): boolean {
  const sum = (pick: (f: Features[number]) => number): number => features.reduce((a, f) => a + pick(f), 0);
  const bytes = sum(f => f.bytes);
  const rest = size - model.intercept - bytes;
  return (
    features.length === 1 &&
    bytes > 64 + 8 * model.tolerance &&
    rest >= -model.tolerance &&
    rest <= 8 * sum(f => f.nulls) + 160 * sum(f => f.rows) + (1 - model.echo) * echo
  );
}

/** Bytes of the values a request sent, as the application of these reads took them. */
export function echoOf(values: ReadonlyMap<string, string>, reads: readonly RouteRead[]): number {
  let n = 0;
  for (const [name, v] of values) {
    if (name.startsWith('path.')) continue;
    const bound = reads.flatMap(r => r.bindings).find(b => b.from === 'request' && b.name === name);
    n += Buffer.byteLength((bound?.from === 'request' ? decodedAs(v, bound.coding) : undefined) ?? v);
  }
  return n;
}

export function predict(model: SizeModel, features: Features): number {
  return (
    model.intercept +
    features.reduce(
      (a, f, i) =>
        a + (model.coefficients[i]?.bytes ?? 0) * f.bytes + (model.coefficients[i]?.rows ?? 0) * f.rows + (model.coefficients[i]?.nulls ?? 0) * f.nulls,
      0,
    )
  );
}

function vector(features: Features): number[] {
  return [1, ...features.flatMap(f => [f.bytes, f.rows, f.nulls])];
}

function dot(a: readonly number[], b: readonly number[]): number {
  let s = 0;
  for (let i = 0; i < a.length; i++) s += a[i]! * b[i]!;
  return s;
}

/** Two lengths at least, each seen more than once or twice. */
function isTwofold(lengths: readonly number[]): boolean {
  const times = new Map<number, number>();
  for (const n of lengths) times.set(n, (times.get(n) ?? 0) + 1);
  return [...times.values()].filter(n => n >= 3).length > 1;
}

function spread(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

/** Least squares by normal equations; columns without information get coefficient 0. Null when nothing can be solved. */
export function solve(rows: readonly (readonly number[])[], y: readonly number[]): number[] | null {
  const p = rows[0]?.length ?? 0;
  if (p === 0 || rows.length < 3) return null;
  const scale = Array.from({ length: p }, (_, j) => Math.max(1e-9, Math.sqrt(rows.reduce((a, r) => a + r[j]! ** 2, 0) / rows.length)));
  const a = Array.from({ length: p }, () => new Float64Array(p + 1));
  for (let i = 0; i < rows.length; i++) {
    const r = rows[i]!;
    for (let j = 0; j < p; j++) {
      const xj = r[j]! / scale[j]!;
      for (let k = 0; k < p; k++) a[j]![k]! += xj * (r[k]! / scale[k]!);
      a[j]![p]! += xj * y[i]!;
    }
  }
  const used: number[] = [];
  const pivotOf = new Array<number>(p).fill(-1);
  for (let col = 0; col < p; col++) {
    let best = -1;
    for (let row = 0; row < p; row++) if (!used.includes(row) && (best < 0 || Math.abs(a[row]![col]!) > Math.abs(a[best]![col]!))) best = row;
    if (best < 0 || Math.abs(a[best]![col]!) < 1e-7 * rows.length) continue;
    used.push(best);
    pivotOf[col] = best;
    for (let row = 0; row < p; row++) {
      if (row === best) continue;
      const f = a[row]![col]! / a[best]![col]!;
      for (let k = col; k <= p; k++) a[row]![k]! -= f * a[best]![k]!;
    }
  }
  return Array.from({ length: p }, (_, col) => (pivotOf[col]! < 0 ? 0 : a[pivotOf[col]!]![p]! / a[pivotOf[col]!]![col]! / scale[col]!));
}
