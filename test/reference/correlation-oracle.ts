import type { Occurrence } from '../../src/detections/sigma/correlate.ts';
import type { Correlation } from '../../src/detections/sigma/ir.ts';

/** What a correlation should say of one group, by trying every window. */
export type Expected = { readonly events: Set<number>; readonly spans: readonly (readonly [number, number])[]; readonly best: readonly number[] };

/** Every window that ends at an event and looks back `spanUs`; those that hold, joined where they overlap. All types but the ordered one. */
export function byTryingWindows(c: Correlation, list: readonly Occurrence[]): Expected {
  const events = new Set<number>();
  const windows: [number, number, number][] = [];
  for (const end of list) {
    const inside = list.filter(o => o.atUs <= end.atUs && o.atUs >= end.atUs - c.spanUs);
    const metric = metricOf(c, inside);
    if (metric === null || !meets(c, metric)) continue;
    for (const o of inside) events.add(o.event);
    windows.push([Math.min(...inside.map(o => o.atUs)), end.atUs, metric]);
  }
  return { events, ...joined(windows) };
}

function metricOf(c: Correlation, inside: readonly Occurrence[]): number | null {
  if (c.type === 'event_count') return inside.length;
  if (c.type === 'value_count') return new Set(inside.map(o => o.value).filter(v => v !== null)).size;
  if (c.type === 'temporal') return new Set(inside.map(o => o.rule)).size;
  const numbers = inside
    .map(o => o.value)
    .filter(v => v !== null && v.trim() !== '' && Number.isFinite(Number(v)))
    .map(Number)
    .sort((a, b) => a - b);
  if (numbers.length === 0) return null;
  if (c.type === 'value_sum') return numbers.reduce((a, b) => a + b, 0);
  if (c.type === 'value_avg') return numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const q = c.type === 'value_median' ? 0.5 : c.percentile / 100;
  const at = q * (numbers.length - 1);
  const low = numbers[Math.floor(at)]!;
  const high = numbers[Math.ceil(at)]!;
  return low + (high - low) * (at - Math.floor(at));
}

function meets(c: Correlation, metric: number): boolean {
  const all = c.conditions.length > 0 ? c.conditions : [{ compare: 'gte', value: c.rules.length }];
  return all.every(
    ({ compare, value }) =>
      ({ eq: metric === value, neq: metric !== value, lt: metric < value, lte: metric <= value, gt: metric > value, gte: metric >= value })[compare as string],
  );
}

function joined(windows: readonly [number, number, number][]): { spans: [number, number][]; best: number[] } {
  const spans: [number, number][] = [];
  const best: number[] = [];
  for (const [from, to, metric] of [...windows].sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    const last = spans[spans.length - 1];
    if (last && from <= last[1]) {
      last[1] = Math.max(last[1], to);
      best[best.length - 1] = Math.max(best[best.length - 1]!, metric);
    } else {
      spans.push([from, to]);
      best.push(metric);
    }
  }
  return { spans, best };
}

/** Whether one event is surely before another: clocks of two sources at the same instant say nothing. */
export const surelyBefore = (a: Occurrence, b: Occurrence): boolean => a.atUs < b.atUs || (a.atUs === b.atUs && a.source === b.source && a.event < b.event);

/** Every chain of the named rules in their order within `spanUs`: its last events, and all events that stand in one. */
export function byTryingChains(c: Correlation, list: readonly Occurrence[]): { ends: Set<number>; events: Set<number> } {
  const ends = new Set<number>();
  const events = new Set<number>();
  const grow = (chain: readonly Occurrence[]): void => {
    if (chain.length === c.rules.length) {
      ends.add(chain[chain.length - 1]!.event);
      for (const o of chain) events.add(o.event);
      return;
    }
    for (const o of list) {
      if (o.rule !== c.rules[chain.length]) continue;
      const last = chain[chain.length - 1];
      if (last && (!surelyBefore(last, o) || o.atUs - chain[0]!.atUs > c.spanUs)) continue;
      grow([...chain, o]);
    }
  };
  grow([]);
  return { ends, events };
}
