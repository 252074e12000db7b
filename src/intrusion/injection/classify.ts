import type { Probes } from './probes.ts';

export type Feature = 'size' | 'status' | 'duration' | 'gap' | 'rows';
/** Answers of a group by class: `of` by place in the group, and how many each class has. */
export type Classes = { readonly of: Int32Array; readonly sizes: readonly number[]; readonly margin: number; readonly feature: Feature };

/** Answers that are alike in all that is looked at, and how many there are. */
type Kind = { readonly group: string; readonly bytes: number | null; readonly status: number | null; readonly reflected: readonly number[]; n: number };
type Kinds = { readonly list: readonly Kind[]; readonly of: Int32Array; readonly total: number };

const maxPacked = 1 << 17;

function kindsOf(probes: Probes, rows: Int32Array): Kinds {
  const list: Kind[] = [];
  const of = new Int32Array(rows.length);
  const known = new Map<number, Map<number | string, number>>();
  for (let n = 0; n < rows.length; n++) {
    const i = rows[n]!;
    const status = probes.status(i);
    const bytes = probes.bytes(i);
    const [a, b, c] = [probes.reflected(i, 0), probes.reflected(i, 1), probes.reflected(i, 2)];
    const page = (bytes ?? -1) * 1024 + (status ?? 1023);
    const lengths = a < maxPacked && b < maxPacked && c < maxPacked ? (a * maxPacked + b) * maxPacked + c : `${a} ${b} ${c}`;
    let ofPage = known.get(page);
    if (!ofPage) known.set(page, (ofPage = new Map()));
    let kind = ofPage.get(lengths);
    if (kind === undefined) {
      ofPage.set(lengths, (kind = list.length));
      list.push({ group: String(status ?? ''), bytes, status, reflected: [a, b, c], n: 0 });
    }
    list[kind]!.n++;
    of[n] = kind;
  }
  return { list, of, total: rows.length };
}

/** Status and size of the page, after taking out what it reflects; rows for database logs. */
export function classifyPages(probes: Probes, rows: Int32Array): Classes[] {
  if (rows.every(i => probes.bytes(i) === null && probes.status(i) === null)) {
    if (rows.every(i => probes.rowsOut(i) === null && probes.errCode(i) === null)) return [];
    const list: { group: string; value: number | null; n: number }[] = [];
    const known = new Map<string, number>();
    const of = rows.map(i => {
      const out = probes.rowsOut(i);
      const value = out === null ? null : Math.min(out, 1) * 1000;
      const group = probes.errCode(i) ?? '';
      const key = `${group}\u0000${value}`;
      let at = known.get(key);
      if (at === undefined) {
        known.set(key, (at = list.length));
        list.push({ group, value, n: 0 });
      }
      list[at]!.n++;
      return at;
    });
    return [spread(cluster(list, rows.length), of, 'rows')];
  }
  const kinds = kindsOf(probes, rows);
  type Option = { classes: Clusters; cover: number };
  let best: Option | null = null;
  let even: Option | null = null;
  const options: [number, number][] = [
    [0, 0],
    [1, 0],
    [1, 1],
    [1, 2],
    [2, 0],
    [2, 1],
    [2, 2],
    [3, 0],
  ];
  const groups = new Set(kinds.list.map(k => k.group));
  const fixed = [0, 1, 2].map(which => fixedGroups(kinds, which));
  for (const [times, which] of options) {
    if (times > 0 && fixed[which]!.size === groups.size) continue;
    const sizeOf = (k: Kind): number | null => (k.bytes === null ? null : fixed[which]!.has(k.group) ? k.bytes : k.bytes - times * k.reflected[which]!);
    const classes = cluster(
      kinds.list.map(k => ({ group: k.group, value: sizeOf(k), n: k.n })),
      kinds.total,
    );
    const sizes = [...classes.sizes].sort((a, b) => b - a);
    const cover =
      (sizes[0] ?? 0) +
      (sizes[1] ?? 0) -
      (0.2 * kinds.total * Math.max(0, classes.sizes.filter(n => n > 0).length - 2)) / 10 -
      (1 - classes.margin) * kinds.total;
    if (!best || cover > best.cover * 1.02 + 0.5) best = { classes, cover };
    const both = (sizes[1] ?? 0) >= 0.1 * kinds.total;
    if (both && (!even || cover > even.cover * 1.02 + 0.5)) even = { classes, cover };
    if (both && times === 0 && sizes.length >= 2 && sizes[0]! + sizes[1]! === kinds.total && classes.margin > 0.9) break;
  }
  const chosen = even && even.classes !== best!.classes ? [best!.classes, even.classes] : [best!.classes];
  return chosen.map(c => spread(c, kinds.of, 'size'));
}

function spread(c: Clusters, kindOf: Int32Array, feature: Feature): Classes {
  return { of: kindOf.map(k => c.of[k]!), sizes: c.sizes, margin: c.margin, feature };
}

/**
 * Statuses of which most answers are of one size although what they would reflect is of several: that page reflects nothing. Without this an error page of one
 * size, less the digits of the numbers that were asked, would look like two answers.
 */
function fixedGroups(kinds: Kinds, which: number): Set<string> {
  const totals = new Map<string, number>();
  const pages = new Map<string, { group: string; lengths: Map<number, number> }>();
  for (const k of kinds.list) {
    totals.set(k.group, (totals.get(k.group) ?? 0) + k.n);
    const key = `${k.group}|${k.bytes}`;
    const { lengths } = pages.get(key) ?? pages.set(key, { group: k.group, lengths: new Map() }).get(key)!;
    const length = k.reflected[which]!;
    lengths.set(length, (lengths.get(length) ?? 0) + k.n);
  }
  const fixed = new Set<string>();
  for (const { group, lengths } of pages.values()) {
    let n = 0;
    let most = 0;
    for (const m of lengths.values()) {
      n += m;
      most = Math.max(most, m);
    }
    if (n > 0.5 * totals.get(group)! && lengths.size > 1 && most <= 0.9 * n) fixed.add(group);
  }
  return fixed;
}

type Clusters = { readonly of: readonly number[]; readonly sizes: readonly number[]; readonly margin: number };

/** One-dimensional clusters inside each status: the smallest tolerance that leaves few classes covering nearly everything. */
function cluster(values: readonly { readonly group: string; readonly value: number | null; readonly n: number }[], total: number): Clusters {
  const counts = new Map<string, Map<number, number>>();
  for (const v of values) {
    const m = counts.get(v.group) ?? new Map<number, number>();
    m.set(v.value ?? -1, (m.get(v.value ?? -1) ?? 0) + v.n);
    counts.set(v.group, m);
  }
  let chosen: Map<string, number> | null = null;
  let margin = 0;
  for (const tolerance of [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096]) {
    const ids = new Map<string, number>();
    let next = 0;
    const sizes: number[] = [];
    const spans: { group: string; lo: number; hi: number }[] = [];
    for (const g of [...counts.keys()].sort()) {
      let previous: number | null = null;
      for (const v of [...counts.get(g)!.keys()].sort((a, b) => a - b)) {
        if (previous === null || v - previous > tolerance) {
          next++;
          spans.push({ group: g, lo: v, hi: v });
        }
        spans[next - 1]!.hi = v;
        ids.set(`${g}\u0000${v}`, next - 1);
        sizes[next - 1] = (sizes[next - 1] ?? 0) + counts.get(g)!.get(v)!;
        previous = v;
      }
    }
    const ranked = [...sizes].sort((a, b) => b - a);
    const covered = ranked.slice(0, 3).reduce((a, b) => a + b, 0) / total;
    if (next < 2 && chosen) break;
    if (!chosen || covered > 0.9) {
      chosen = ids;
      const [one, two] = spans.map((span, i) => ({ span, n: sizes[i]! })).sort((a, b) => b.n - a.n);
      const gap = one && two && one.span.group === two.span.group ? Math.max(one.span.lo - two.span.hi, two.span.lo - one.span.hi) : null;
      margin = !two ? 0 : gap === null ? 0.95 : Math.max(0, (gap - tolerance) / (gap + tolerance + 1));
      if (covered >= 0.97) break;
    }
  }
  joinStragglers(counts, chosen!, total);
  const of = values.map(v => chosen!.get(`${v.group}\u0000${v.value ?? -1}`)!);
  const sizes: number[] = [];
  of.forEach((c, i) => {
    sizes[c] = (sizes[c] ?? 0) + values[i]!.n;
  });
  return { of, sizes: Array.from(sizes, n => n ?? 0), margin };
}

/** A page of a few answers right beside one of the two main classes, and far from the other, is that class: the edge of its jitter. */
function joinStragglers(counts: ReadonlyMap<string, ReadonlyMap<number, number>>, ids: Map<string, number>, total: number): void {
  const spans = new Map<number, { group: string; lo: number; hi: number; n: number }>();
  for (const [group, sizes] of counts) {
    for (const [value, n] of sizes) {
      const id = ids.get(`${group}\u0000${value}`)!;
      const s = spans.get(id);
      if (s) {
        s.lo = Math.min(s.lo, value);
        s.hi = Math.max(s.hi, value);
        s.n += n;
      } else spans.set(id, { group, lo: value, hi: value, n });
    }
  }
  const mains = [...spans].sort((a, b) => b[1].n - a[1].n || a[0] - b[0]).slice(0, 2);
  const distance = (group: string, value: number, m: { group: string; lo: number; hi: number }): number =>
    group !== m.group || value < 0 ? Number.POSITIVE_INFINITY : Math.max(0, m.lo - value, value - m.hi);
  for (const [group, sizes] of counts) {
    for (const value of sizes.keys()) {
      const key = `${group}\u0000${value}`;
      const own = spans.get(ids.get(key)!)!;
      if (mains.some(m => m[1] === own) || own.n > 0.1 * total) continue;
      const [near, far] = mains.map(([id, m]) => ({ id, d: distance(group, value, m) })).sort((a, b) => a.d - b.d);
      if (near && far && near.d <= 16 && far.d >= 12 * Math.max(near.d, 1)) ids.set(key, near.id);
    }
  }
}

const SECOND = 1_000_000;

function numbersOf(rows: Int32Array, of: (i: number) => number | null): { values: Float64Array; known: number } {
  const values = new Float64Array(rows.length);
  let known = 0;
  for (let n = 0; n < rows.length; n++) {
    const v = of(rows[n]!);
    if (v !== null) known++;
    values[n] = v ?? Number.NaN;
  }
  return { values, known };
}

/** 0 = fast, 1 = slow, 2 = in between or unknown. */
export function classifyTimes(probes: Probes, rows: Int32Array): Classes | null {
  const durations = numbersOf(rows, probes.durationUs);
  const useDuration = durations.known > 0.8 * rows.length;
  const { values, known } = useDuration ? durations : numbersOf(rows, probes.gapUs);
  // numbers sort before NaN
  const times = values.slice().sort().subarray(0, known);
  if (times.length < 2) return null;
  let delays = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const i of rows) {
    const { delay } = probes.question(i);
    if (delay === null) continue;
    delays++;
    least = Math.min(least, delay);
  }
  const whole = !useDuration && times.every(t => t % SECOND === 0);
  let fast: number;
  let slow: number;
  if (delays > rows.length / 2) {
    const n = least * SECOND;
    [fast, slow] = useDuration ? [0.6 * n, 0.85 * n] : whole ? [n - 1, n] : [0.6 * n, 0.9 * n];
  } else {
    let widest = 0;
    let cut = 0;
    for (let i = 1; i < times.length; i++) {
      const gap = whole ? (times[i]! - times[i - 1]!) / SECOND : Math.log(Math.max(times[i]!, 1000)) - Math.log(Math.max(times[i - 1]!, 1000));
      if (gap > widest) {
        widest = gap;
        cut = i;
      }
    }
    if (widest < (whole ? 2 : 0.7)) return null;
    [fast, slow] = [times[cut - 1]!, times[cut]!];
  }
  const sizes = [0, 0, 0];
  const of = new Int32Array(values.length);
  for (let n = 0; n < values.length; n++) {
    const c = values[n]! <= fast ? 0 : values[n]! >= slow ? 1 : 2;
    sizes[c]!++;
    of[n] = c;
  }
  return { of, sizes, margin: useDuration ? 0.95 : 0.6, feature: useDuration ? 'duration' : 'gap' };
}
