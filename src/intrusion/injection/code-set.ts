/** A set of whole numbers as sorted, disjoint, inclusive ranges. */
export type CodeSet = readonly (readonly [number, number])[];

export function makeSet(ranges: readonly (readonly [number, number])[]): CodeSet {
  const sorted = ranges.filter(r => r[0] <= r[1]).sort((a, b) => a[0] - b[0]);
  const out: [number, number][] = [];
  for (const [lo, hi] of sorted) {
    const last = out.at(-1);
    if (last && lo <= last[1] + 1) last[1] = Math.max(last[1], hi);
    else out.push([lo, hi]);
  }
  return out;
}

export function intersect(a: CodeSet, b: CodeSet): CodeSet {
  const out: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const lo = Math.max(a[i]![0], b[j]![0]);
    const hi = Math.min(a[i]![1], b[j]![1]);
    if (lo <= hi) out.push([lo, hi]);
    if (a[i]![1] < b[j]![1]) i++;
    else j++;
  }
  return out;
}

export function complement(a: CodeSet, lo: number, hi: number): CodeSet {
  const out: [number, number][] = [];
  let from = lo;
  for (const [x, y] of a) {
    if (x > from) out.push([from, Math.min(x - 1, hi)]);
    from = Math.max(from, y + 1);
  }
  if (from <= hi) out.push([from, hi]);
  return out.filter(r => r[0] <= r[1]);
}

export function sizeOf(a: CodeSet): number {
  let n = 0;
  for (let i = 0; i < a.length; i++) n += a[i]![1] - a[i]![0] + 1;
  return n;
}
export const has = (a: CodeSet, v: number): boolean => a.some(([lo, hi]) => v >= lo && v <= hi);

/** The members, at most `limit` of them. */
export function members(a: CodeSet, limit: number): number[] {
  const out: number[] = [];
  for (const [lo, hi] of a) for (let v = lo; v <= hi && out.length < limit; v++) out.push(v);
  return out;
}
