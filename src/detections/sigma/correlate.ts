import type { Compare, Correlation } from './ir.ts';

/** One matched event as a correlation sees it. `rule` is a rule's id or name as the correlation names it. */
export type Occurrence = {
  readonly rule: string;
  readonly event: number;
  readonly atUs: number;
  /** Events of one source are in order by number; over sources equal times say nothing about order. */
  readonly source: string | number;
  readonly group: string;
  readonly value: string | null;
};

/** A window in which a correlation holds: it ends at its last event and looks back `spanUs`. */
export type Window = {
  readonly group: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly metric: number;
  readonly events: readonly number[];
};

/**
 * Windows slide: every occurrence ends one, so a burst over a boundary is never cut. Overlapping windows of one group are
 * joined into one episode with all their events; its metric is the highest.
 */
export function correlate(c: Correlation, occurrences: readonly Occurrence[]): Window[] {
  const groups = new Map<string, Occurrence[]>();
  for (const o of occurrences) {
    const list = groups.get(o.group);
    if (list) list.push(o);
    else groups.set(o.group, [o]);
  }
  const out: Window[] = [];
  for (const [group, list] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    list.sort((a, b) => a.atUs - b.atUs || a.event - b.event);
    out.push(...episodes(group, c.type === 'temporal_ordered' ? orderedWindows(c, list) : slidingWindows(c, list)));
  }
  return out;
}

type Raw = { from: number; to: number; metric: number; events: readonly Occurrence[] };

function slidingWindows(c: Correlation, list: readonly Occurrence[]): Raw[] {
  const out: Raw[] = [];
  const counts = new Map<string, number>();
  const numbers: number[] = [];
  let sum = 0;
  let start = 0;
  const keyOf = (o: Occurrence): string | null => (c.type === 'value_count' ? o.value : c.type === 'temporal' ? o.rule : null);
  const numeric = c.type === 'value_sum' || c.type === 'value_avg' || c.type === 'value_percentile' || c.type === 'value_median';
  const numberOf = (o: Occurrence): number | null => (o.value === null || o.value.trim() === '' || !Number.isFinite(Number(o.value)) ? null : Number(o.value));
  const enter = (o: Occurrence): void => {
    const key = keyOf(o);
    if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
    const n = numeric ? numberOf(o) : null;
    if (n !== null) {
      numbers.splice(lowerBound(numbers, n), 0, n);
      sum += n;
    }
  };
  const leave = (o: Occurrence): void => {
    const key = keyOf(o);
    if (key !== null) {
      const n = counts.get(key)! - 1;
      if (n === 0) counts.delete(key);
      else counts.set(key, n);
    }
    const n = numeric ? numberOf(o) : null;
    if (n !== null) {
      numbers.splice(lowerBound(numbers, n), 1);
      sum -= n;
    }
  };
  for (let i = 0; i < list.length; i++) {
    enter(list[i]!);
    while (list[start]!.atUs < list[i]!.atUs - c.spanUs) leave(list[start++]!);
    // Events of the same instant belong to the same window: it is complete at the last of them.
    if (list[i + 1]?.atUs === list[i]!.atUs) continue;
    const metric = metricOf(c, i - start + 1, counts.size, numbers, sum);
    if (metric !== null && holds(c, metric)) out.push({ from: list[start]!.atUs, to: list[i]!.atUs, metric, events: list.slice(start, i + 1) });
  }
  return out;
}

function metricOf(c: Correlation, n: number, distinct: number, numbers: readonly number[], sum: number): number | null {
  switch (c.type) {
    case 'event_count':
      return n;
    case 'value_count':
      return distinct;
    case 'temporal':
      return distinct;
    case 'value_sum':
      return numbers.length === 0 ? null : sum;
    case 'value_avg':
      return numbers.length === 0 ? null : sum / numbers.length;
    case 'value_median':
      return quantile(numbers, 0.5);
    case 'value_percentile':
      return quantile(numbers, c.percentile / 100);
    case 'temporal_ordered':
      return null;
  }
}

function holds(c: Correlation, metric: number): boolean {
  const conditions = c.conditions.length > 0 ? c.conditions : [{ compare: 'gte' as Compare, value: c.rules.length }];
  return conditions.every(({ compare, value }) => compareNumbers(metric, compare, value));
}

export function compareNumbers(a: number, compare: Compare, b: number): boolean {
  switch (compare) {
    case 'eq':
      return a === b;
    case 'neq':
      return a !== b;
    case 'lt':
      return a < b;
    case 'lte':
      return a <= b;
    case 'gt':
      return a > b;
    case 'gte':
      return a >= b;
  }
}

/** Linear between neighbours, as SQL's continuous percentile. */
export function quantile(sorted: readonly number[], q: number): number | null {
  if (sorted.length === 0) return null;
  const at = (sorted.length - 1) * Math.min(1, Math.max(0, q));
  const low = Math.floor(at);
  return sorted[low]! + (at - low) * ((sorted[low + 1] ?? sorted[low]!) - sorted[low]!);
}

function lowerBound(sorted: readonly number[], n: number): number {
  let lo = 0;
  let hi = sorted.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (sorted[mid]! < n) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

/** The last link of a chain so far; `startUs` is when the chain began. */
type Link = { readonly o: Occurrence; readonly startUs: number; readonly before: Link | null };

/**
 * For each end of the chain, the chain of all rules in the order they are named that began last. One event is surely before another when it is
 * earlier, or in the same source at the same time with a lower number.
 */
function orderedWindows(c: Correlation, list: readonly Occurrence[]): Raw[] {
  const out: Raw[] = [];
  const earlier: (Link | undefined)[] = [];
  let here: Map<Occurrence['source'], Link>[] = c.rules.map(() => new Map());
  let now = Number.NEGATIVE_INFINITY;
  for (const o of list) {
    if (o.atUs !== now) {
      for (const [k, links] of here.entries()) for (const link of links.values()) earlier[k] = later(earlier[k], link);
      here = c.rules.map(() => new Map());
      now = o.atUs;
    }
    const links = c.rules.map((rule, k): Link | undefined => {
      if (rule !== o.rule) return undefined;
      if (k === 0) return { o, startUs: o.atUs, before: null };
      const before = later(earlier[k - 1], here[k - 1]!.get(o.source));
      return before && { o, startUs: before.startUs, before };
    });
    for (const [k, link] of links.entries()) {
      if (!link || o.atUs - link.startUs > c.spanUs) continue;
      here[k]!.set(o.source, later(here[k]!.get(o.source), link)!);
      if (k === c.rules.length - 1) out.push(chainOf(link));
    }
  }
  return out;
}

/** Of two links the one whose chain began later; the second of equals. */
function later(a: Link | undefined, b: Link | undefined): Link | undefined {
  return a && (!b || a.startUs > b.startUs) ? a : b;
}

function chainOf(end: Link): Raw {
  const events: Occurrence[] = [];
  for (let link: Link | null = end; link !== null; link = link.before) events.unshift(link.o);
  return { from: end.startUs, to: end.o.atUs, metric: events.length, events };
}

function episodes(group: string, windows: readonly Raw[]): Window[] {
  const out: { group: string; fromUs: number; toUs: number; metric: number; events: Set<number> }[] = [];
  for (const w of [...windows].sort((a, b) => a.from - b.from || a.to - b.to)) {
    const last = out[out.length - 1];
    if (last && w.from <= last.toUs) {
      last.toUs = Math.max(last.toUs, w.to);
      last.metric = Math.max(last.metric, w.metric);
      for (const e of w.events) last.events.add(e.event);
    } else out.push({ group, fromUs: w.from, toUs: w.to, metric: w.metric, events: new Set(w.events.map(e => e.event)) });
  }
  return out.map(w => ({ ...w, events: [...w.events].sort((a, b) => a - b) }));
}
