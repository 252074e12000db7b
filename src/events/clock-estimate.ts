import { DAY, type Micros, SECOND } from '../base/index.ts';

/**
 * The difference between two clocks from pairs of events that may belong together. Each pair says: if it is a true one, then
 * clock B − clock A lies in [lo, hi]. True pairs agree on one place, chance pairs spread; the place where most different tokens agree is
 * taken when chance cannot explain it, and narrowed to where nearly all of its pairs overlap.
 */
export type Pairs = {
  readonly token: Float64Array;
  readonly lo: Float64Array;
  readonly hi: Float64Array;
  readonly at: Float64Array;
};

export type Offset = {
  readonly lo: Micros;
  readonly hi: Micros;
  /** Different tokens at the place found. */
  readonly support: number;
  /** Per-day places differ: the clock drifts; [lo, hi] covers all of them. */
  readonly drifts: boolean;
};

const leastSupport = 5;
const bin = SECOND;
const near = 5 * SECOND;

export function estimateOffset(pairs: Pairs): Offset | null {
  const peak = findPeak(pairs);
  if (peak === null) return null;
  const chosen: number[] = [];
  for (let i = 0; i < pairs.lo.length; i++) if (pairs.lo[i]! <= peak.at + near && pairs.hi[i]! >= peak.at - near) chosen.push(i);
  const whole = densest(pairs, chosen);
  const days = new Map<number, number[]>();
  for (const i of chosen) {
    const d = Math.floor(pairs.at[i]! / DAY);
    const day = days.get(d);
    if (day) day.push(i);
    else days.set(d, [i]);
  }
  const own = [...days.values()].filter(members => members.length >= 2 * leastSupport).map(members => densest(pairs, members));
  const drifts = own.some(d => own.some(e => d.hi < e.lo));
  const all = drifts ? [whole, ...own] : [whole];
  const lo = all.reduce((a, d) => Math.min(a, d.lo), Number.POSITIVE_INFINITY);
  const hi = all.reduce((a, d) => Math.max(a, d.hi), Number.NEGATIVE_INFINITY);
  return { lo, hi, support: peak.support, drifts };
}

/** The second around which the intervals of most different tokens lie. Null unless five tokens agree, clearly more than anywhere else and than chance allows. */
function findPeak(pairs: Pairs): { at: Micros; support: number } | null {
  const n = pairs.lo.length;
  if (n < leastSupport) return null;
  const order = Array.from({ length: n }, (_, i) => i);
  const slot = (i: number): number => Math.floor((pairs.lo[i]! + pairs.hi[i]!) / 2 / bin);
  order.sort((a, b) => slot(a) - slot(b) || pairs.token[a]! - pairs.token[b]!);
  const counts = new Map<number, number>();
  let lastSlot = Number.NaN;
  let lastToken = Number.NaN;
  for (const i of order) {
    const s = slot(i);
    if (s === lastSlot && pairs.token[i] === lastToken) continue;
    [lastSlot, lastToken] = [s, pairs.token[i]!];
    counts.set(s, (counts.get(s) ?? 0) + 1);
  }
  const smooth = (s: number): number => (counts.get(s - 1) ?? 0) + (counts.get(s) ?? 0) + (counts.get(s + 1) ?? 0);
  const slots = [...counts.keys()].sort((a, b) => a - b);
  let best = slots[0]!;
  let bestCount = 0;
  let total = 0;
  for (const s of slots) {
    total += counts.get(s)!;
    const c = smooth(s);
    // Of equal places the one nearest to no offset at all.
    if (c > bestCount || (c === bestCount && Math.abs(s) < Math.abs(best))) [best, bestCount] = [s, c];
  }
  let second = 0;
  for (const s of slots) if (Math.abs(s - best) > 10) second = Math.max(second, smooth(s));
  const range = Math.max(60, slots.at(-1)! - slots[0]! + 1);
  const chance = (3 * total) / range;
  const enough = bestCount >= leastSupport && bestCount >= 2 * second && bestCount > chance + 6 * Math.sqrt(chance) + 3;
  return enough ? { at: (best + 0.5) * bin, support: bestCount } : null;
}

/** Where the depth of overlapping intervals is within five in a hundred (and three) of its maximum. */
function densest(pairs: Pairs, members: readonly number[]): { lo: Micros; hi: Micros } {
  const events: { x: number; step: number }[] = [];
  for (const i of members) events.push({ x: pairs.lo[i]!, step: 1 }, { x: pairs.hi[i]!, step: -1 });
  events.sort((a, b) => a.x - b.x || b.step - a.step);
  let depth = 0;
  let deepest = 0;
  for (const e of events) {
    depth += e.step;
    deepest = Math.max(deepest, depth);
  }
  const threshold = Math.max(1, Math.min(deepest, Math.ceil(deepest * 0.95 - 3)));
  const level = Math.max(threshold, Math.ceil(deepest * 0.6));
  let lo = Number.NaN;
  let hi = Number.NaN;
  depth = 0;
  for (const e of events) {
    const before = depth;
    depth += e.step;
    if (before < level && depth >= level && Number.isNaN(lo)) lo = e.x;
    if (before >= level && depth < level) hi = e.x;
  }
  return { lo, hi };
}
