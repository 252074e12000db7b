import { DAY, HOUR, type Micros } from '../../base/index.ts';

/**
 * Where a source was silent or thin against its own habits (methods §3.5 c). Input: how many different clients were seen in each bin, so
 * that one busy client cannot stand for traffic. Clients come in bursts, so rates are divided by the index of dispersion: of a compound
 * Poisson process this never overstates the rate of its clusters. A stretch is reported when its probability is below `rare`.
 */
export type Bins = {
  /** Bin numbers that had traffic, ascending, and the clients in each; bin k covers [k·width, (k+1)·width). */
  readonly at: Float64Array;
  readonly count: Float64Array;
  readonly width: Micros;
  /** First and last stamp; nothing is expected outside. */
  readonly firstUs: Micros;
  readonly lastUs: Micros;
};

export type Stretch = {
  readonly fromUs: Micros;
  readonly toUs: Micros;
  readonly kind: 'silent' | 'thin';
  readonly expected: number;
  readonly observed: number;
};

export type Model = 'hour-of-week' | 'hour-of-day' | 'local';
export type TrafficReport = {
  readonly model: Model;
  readonly stretches: readonly Stretch[];
  readonly dispersion: number;
  readonly clientsPerHour: number;
};

export const rare = 1e-6;
const needed = -Math.log(rare);
const weekHours = 168;

/** `shift(us)`: micros to add for local time, so that nights fall into the same hours. */
export function judgeTraffic(bins: Bins, shift: (us: Micros) => Micros): TrafficReport {
  const span = bins.lastUs - bins.firstUs;
  const total = bins.count.reduce((a, b) => a + b, 0);
  const days = span / DAY;
  const model: Model = days >= 15 ? 'hour-of-week' : days >= 4 ? 'hour-of-day' : 'local';
  const empty = { model, stretches: [], dispersion: 1, clientsPerHour: span > 0 ? (total * HOUR) / span : 0 };
  if (bins.at.length < 20 || span <= 0) return empty;
  const hours = hourly(bins, shift, model);
  const { short, long } = dispersionOf(bins, hours);
  const local = (from: Micros, to: Micros): number => (localRate(bins, from, to) * (to - from)) / short;
  const stretches: Stretch[] = [];
  for (let i = 1; i < bins.at.length; i++) {
    const from = (bins.at[i - 1]! + 1) * bins.width;
    const to = bins.at[i]! * bins.width;
    if (to - from < bins.width) continue;
    const seasonal = hours ? hours.expected(from, to) / long : Number.POSITIVE_INFINITY;
    const expected = model === 'hour-of-week' ? seasonal : Math.min(seasonal, local(from, to));
    if (expected >= needed)
      stretches.push({
        fromUs: from,
        toUs: to,
        kind: 'silent',
        expected: round(hours ? hours.expected(from, to) : expected * short),
        observed: 0,
      });
  }
  if (hours && model === 'hour-of-week') stretches.push(...thinStretches(hours, long, stretches));
  stretches.sort((a, b) => a.fromUs - b.fromUs || a.toUs - b.toUs);
  return { model, stretches, dispersion: round(Math.max(short, long)), clientsPerHour: empty.clientsPerHour };
}

const round = (x: number): number => Math.round(x * 100) / 100;

type Hours = { readonly list: readonly Hour[]; expected(from: Micros, to: Micros): number };
type Hour = { readonly start: Micros; readonly covered: Micros; readonly slot: number; observed: number; mean: number };

/** Expected clients an hour from the same hour of other weeks or days; the hour itself never takes part in its own expectation. */
function hourly(bins: Bins, shift: (us: Micros) => Micros, model: Model): Hours | null {
  if (model === 'local') return null;
  const firstHour = Math.floor(bins.firstUs / HOUR);
  const n = Math.floor(bins.lastUs / HOUR) - firstHour + 1;
  const list: Hour[] = [];
  for (let i = 0; i < n; i++) {
    const start = (firstHour + i) * HOUR;
    const covered = Math.min(bins.lastUs, start + HOUR) - Math.max(bins.firstUs, start);
    const local = Math.floor((start + shift(start)) / HOUR);
    list.push({ start, covered, slot: model === 'hour-of-week' ? mod(local, weekHours) : mod(local, 24), observed: 0, mean: 0 });
  }
  for (let i = 0; i < bins.at.length; i++) {
    const h = list[Math.floor((bins.at[i]! * bins.width) / HOUR) - firstHour];
    if (h) h.observed += bins.count[i]!;
  }
  const slots = new Map<number, Hour[]>();
  for (const h of list) slots.set(h.slot, [...(slots.get(h.slot) ?? []), h]);
  for (const members of slots.values()) {
    for (const h of members) {
      const others = members
        .filter(o => o !== h && o.covered > HOUR / 2)
        .map(o => (o.observed * HOUR) / o.covered)
        .sort((a, b) => a - b);
      // The mean without the busiest quarter: a crowd of scanners one night must not become the habit.
      const kept = others.slice(0, Math.max(1, Math.ceil(others.length * 0.75)));
      h.mean = kept.length === 0 ? 0 : kept.reduce((a, b) => a + b, 0) / kept.length;
    }
  }
  return {
    list,
    expected(from, to) {
      let sum = 0;
      for (let k = Math.max(0, Math.floor(from / HOUR) - firstHour); k < n && list[k]!.start < to; k++) {
        const h = list[k]!;
        sum += (h.mean * Math.max(0, Math.min(to, h.start + HOUR) - Math.max(from, h.start))) / HOUR;
      }
      return sum;
    },
  };
}

const mod = (a: number, n: number): number => ((a % n) + n) % n;

/** Variance over mean, 1 at least: of hourly residuals where habits are known, else of ten-bin sums. Stretches of zero do not count. */
function dispersionOf(bins: Bins, hours: Hours | null): { short: number; long: number } {
  const pairs: { x: number; m: number }[] = [];
  if (hours) {
    for (const h of hours.list) if (h.covered > HOUR / 2 && h.mean > 0 && h.observed > 0) pairs.push({ x: (h.observed * HOUR) / h.covered, m: h.mean });
  }
  const block = 10;
  const sums = new Map<number, number>();
  for (let i = 0; i < bins.at.length; i++) {
    const k = Math.floor(bins.at[i]! / block);
    sums.set(k, (sums.get(k) ?? 0) + bins.count[i]!);
  }
  const keys = [...sums.keys()].sort((a, b) => a - b);
  const near: { x: number; m: number }[] = [];
  for (let i = 1; i + 1 < keys.length; i++) {
    const m = (sums.get(keys[i - 1]!)! + sums.get(keys[i + 1]!)!) / 2;
    near.push({ x: sums.get(keys[i]!)!, m: Math.max(m, 0.5) });
  }
  // Two thirds of the squared difference to the mean of two neighbours is the variance of one.
  const short = near.length < 5 ? 4 : trimmedMean(near.map(p => ((p.x - p.m) ** 2 * 2) / 3 / p.m));
  const long = pairs.length < 24 ? 1 : trimmedMean(pairs.map(p => (p.x - p.m) ** 2 / p.m));
  return { short: Math.max(1, short), long: Math.max(1, short, long) };
}

/** The mean without the largest hundredth, which gaps and floods make. */
function trimmedMean(values: number[]): number {
  values.sort((a, b) => a - b);
  const kept = values.slice(0, Math.max(1, Math.ceil(values.length * 0.99)));
  return kept.reduce((a, b) => a + b, 0) / kept.length;
}

/**
 * The smaller of the rates before and after, over as long as the stretch itself (at least thirty bins): a source that fades out is
 * at rest, not cut. 0 when the stretch is not five times as long as every pause around it: visits at night are few and long. */
function localRate(bins: Bins, from: Micros, to: Micros): number {
  const width = Math.max(30 * bins.width, to - from);
  const before = Math.min(width, from - bins.firstUs);
  const after = Math.min(width, bins.lastUs - to);
  if (before < 10 * bins.width || after < 10 * bins.width) return 0;
  const rate = (a: Micros, b: Micros): number => sumBetween(bins, a / bins.width, b / bins.width) / (b - a);
  const quarter = (a: Micros, b: Micros): number => Math.min(rate(a, b), rate(a, (a + b) / 2) * 1.5 + 1e-18, rate((a + b) / 2, b) * 1.5 + 1e-18);
  const calmest = Math.max(longestPause(bins, from - before, from), longestPause(bins, to, to + after));
  if (to - from < 5 * (calmest + bins.width)) return 0;
  return Math.min(quarter(from - before, from), quarter(to, to + after));
}

/** The longest stretch without traffic inside [from, to). */
function longestPause(bins: Bins, from: Micros, to: Micros): Micros {
  let last = from / bins.width;
  let longest = 0;
  for (let i = lowerBound(bins.at, last); i < bins.at.length && bins.at[i]! * bins.width < to; i++) {
    longest = Math.max(longest, bins.at[i]! - last);
    last = bins.at[i]! + 1;
  }
  return Math.max(longest * bins.width, to - last * bins.width);
}

function sumBetween(bins: Bins, a: number, b: number): number {
  let sum = 0;
  for (let i = lowerBound(bins.at, a); i < bins.at.length && bins.at[i]! < b; i++) sum += bins.count[i]!;
  return sum;
}

function lowerBound(sorted: Float64Array, value: number): number {
  let lo = 0;
  let hi = sorted.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (sorted[mid]! < value) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

/** Runs of hours with far fewer clients than the same hours of other weeks, but not none. */
function thinStretches(hours: Hours, dispersion: number, silent: readonly Stretch[]): Stretch[] {
  const out: Stretch[] = [];
  let run: Hour[] = [];
  const close = (): void => {
    const [first, last] = [run[0], run.at(-1)];
    if (first && last) {
      const [expected, observed] = [run.reduce((s, h) => s + h.mean, 0), run.reduce((s, h) => s + h.observed, 0)];
      out.push({ fromUs: first.start, toUs: last.start + HOUR, kind: 'thin', expected: round(expected), observed });
    }
    run = [];
  };
  for (const h of hours.list) {
    const overlapsSilence = silent.some(s => s.fromUs < h.start + HOUR && s.toUs > h.start);
    const thin = h.covered > HOUR * 0.99 && !overlapsSilence && poissonAtMost(h.observed / dispersion, h.mean / dispersion) < rare;
    if (thin) run.push(h);
    else close();
  }
  close();
  return out;
}

/** P(X ≤ k) for X ~ Poisson(mean); k is rounded up, which makes it larger. */
export function poissonAtMost(k: number, mean: number): number {
  const top = Math.ceil(k);
  if (mean <= 0 || top >= mean) return 1;
  let logTerm = -mean;
  let sum = Math.exp(logTerm);
  for (let i = 1; i <= top; i++) {
    logTerm += Math.log(mean / i);
    sum += Math.exp(logTerm);
  }
  return Math.min(1, sum);
}
