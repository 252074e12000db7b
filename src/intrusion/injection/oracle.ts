import type { SqlDialect } from '../../detections/sql/index.ts';
import type { Question } from './condition.ts';
import type { Reading } from './constraint.ts';
import { evaluate, truth } from './evaluate.ts';
import { type Answer, solveCell } from './solve.ts';

/** One request that asked a yes-or-no question, with all that the log says about its answer. */
export type Probe = {
  readonly eventId: number;
  readonly atUs: number;
  /** Who asked, as far as the log tells: address and agent. */
  readonly client: string;
  readonly point: string;
  readonly question: Question;
  /** Technique and shape as one text. */
  readonly vector: string;
  /** What most payloads of the client speak here. */
  readonly dialect: SqlDialect;
  readonly reading: Reading | null;
  /** Canonical text of the unknown; '' for a calibration. */
  readonly key: string;
  readonly status: number | null;
  readonly bytes: number | null;
  /** Lengths that a page may reflect: decoded, HTML-escaped, as sent. */
  readonly reflected: readonly number[];
  readonly durationUs: number | null;
  /** Time to the neighbouring request of the same client, where there is no duration. */
  readonly gapUs: number | null;
  readonly rowsOut: number | null;
  readonly errCode: string | null;
};

/** The answers of one group of probes. */
export type Oracle = {
  readonly readable: boolean;
  /** `ok`, or why not: `one-class`, `undecided`, `noisy`, `no-feature`. */
  readonly reason: string;
  /** By event: the truth of the condition; missing = no answer (error page, filter page, between the classes). */
  readonly labels: ReadonlyMap<number, boolean>;
  /** Share of contradicted cells. */
  readonly noise: number;
  /** Distance between the classes against their width, 0 … 1. */
  readonly margin: number;
  /** Contradictions with this polarity and with the other one. */
  readonly contradictions: readonly [chosen: number, other: number];
  readonly calibrations: number;
  readonly feature: 'size' | 'status' | 'duration' | 'gap' | 'rows';
};

type Classes = { readonly of: readonly number[]; readonly sizes: readonly number[]; readonly margin: number; readonly feature: Oracle['feature'] };

/** Find the classes of answers and which of them means true. Needs no configuration; says so when it cannot tell. */
export function readOracle(probes: readonly Probe[]): Oracle {
  const none = (reason: string): Oracle => ({ readable: false, reason, labels: new Map(), noise: 1, margin: 0, contradictions: [0, 0], calibrations: 0, feature: 'size' });
  const timed = probes[0]?.question.technique === 'time' ? classifyTimes(probes) : null;
  const candidates = probes[0]?.question.technique === 'time' ? (timed ? [timed] : []) : classifyPages(probes);
  if (candidates.length === 0) return none('no-feature');
  const [first, second] = candidates.map(classes => judge(probes, classes, none));
  // a few error pages beside all others look like two classes too: what tells more is the oracle
  return second && second.oracle.readable && (!first!.oracle.readable || second.resolved > 1.5 * first!.resolved) ? second.oracle : first!.oracle;
}

function judge(probes: readonly Probe[], classes: Classes, none: (reason: string) => Oracle): { oracle: Oracle; resolved: number } {
  const failed = (reason: string): { oracle: Oracle; resolved: number } => ({ oracle: none(reason), resolved: 0 });
  const order = classes.sizes.map((n, i) => [i, n] as const).filter(c => c[1] > 0).sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(c => c[0]);
  if (order.length < 2) return failed('one-class');
  const top = order.slice(0, 4);
  let best: { yes: number; no: number; score: number; broken: number; reversed: number; calibrations: number; misses: number } | null = null;
  for (const yes of top) {
    for (const no of top) {
      if (yes === no) continue;
      const n = classes.sizes[yes]! + classes.sizes[no]!;
      if (n < 0.5 * probes.length) continue;
      const t = trial(probes, classes.of, new Map([[yes, true], [no, false]]));
      const score = n - 25 * t.broken - 25 * t.misses + 0.001 * t.calibrations;
      if (!best || score > best.score) best = { yes, no, score, broken: t.broken, reversed: 0, calibrations: t.calibrations, misses: t.misses };
    }
  }
  if (!best) return failed('one-class');
  const chosen = best;
  const reversed = trial(probes, classes.of, new Map([[chosen.yes, false], [chosen.no, true]]));
  const labelOf = new Map([[chosen.yes, true], [chosen.no, false]]);
  for (const other of order) {
    if (labelOf.has(other) || classes.sizes[other]! > 0.2 * probes.length) continue;
    const asYes = trial(probes, classes.of, new Map([...labelOf, [other, true]]));
    const asNo = trial(probes, classes.of, new Map([...labelOf, [other, false]]));
    if (asYes.broken <= chosen.broken && asYes.misses <= chosen.misses && asNo.broken + asNo.misses > asYes.broken + asYes.misses + 2) labelOf.set(other, true);
    else if (asNo.broken <= chosen.broken && asNo.misses <= chosen.misses && asYes.broken + asYes.misses > asNo.broken + asNo.misses + 2) labelOf.set(other, false);
  }
  const final = trial(probes, classes.of, labelOf);
  const labels = new Map<number, boolean>();
  probes.forEach((p, i) => {
    const l = labelOf.get(classes.of[i]!);
    if (l !== undefined) labels.set(p.eventId, l);
  });
  // bits have no redundancy: the other meaning turns letters into their complements, which are letters too, but of another alphabet
  const odd = reversed.broken > 0 && final.broken === 0 && final.strange === 0 ? reversed.strange : 0;
  const against = reversed.broken + 3 * reversed.misses + odd;
  const decided = against >= final.broken + 3 * final.misses + 3 && against >= 3 * final.broken;
  const empty = probes.length >= 30 && final.cells >= 3 && final.resolved < 0.1 * final.cells;
  const noise = final.cells === 0 ? 0 : final.broken / final.cells;
  const reason = empty ? 'one-class' : !decided ? 'undecided' : noise > 0.5 && final.broken > 5 ? 'noisy' : 'ok';
  return { resolved: final.resolved, oracle: { readable: reason === 'ok', reason, labels, noise, margin: classes.margin, contradictions: [final.broken, reversed.broken], calibrations: final.calibrations, feature: classes.feature } };
}

/** Contradictions, and calibrations that came out wrong, under one meaning of the classes. */
function trial(probes: readonly Probe[], of: readonly number[], labels: ReadonlyMap<number, boolean>): { broken: number; misses: number; calibrations: number; cells: number; resolved: number; strange: number } {
  const cells = new Map<string, Answer[]>();
  let misses = 0;
  let calibrations = 0;
  probes.forEach((p, i) => {
    const t = labels.get(of[i]!);
    if (t === undefined) return;
    if (p.key === '') {
      const v = truth(evaluate(p.question.condition, { dialect: p.dialect, vars: new Map() }));
      if (v === undefined) return;
      calibrations++;
      if ((v === 1) !== t) misses++;
    } else if (p.reading) {
      if (cells.size > 400 && !cells.has(p.key)) return;
      const list = cells.get(p.key) ?? [];
      list.push({ constraint: p.reading.constraint, truth: t, eventId: p.eventId, weight: 1 });
      cells.set(p.key, list);
    }
  });
  let broken = 0;
  let positions = 0;
  let resolved = 0;
  let strange = 0;
  for (const answers of cells.values()) {
    const s = solveCell(answers, probes[0]!.dialect);
    broken += s.contradictions;
    if (answers.some(a => a.constraint.kind === 'char' && a.constraint.test.how === 'bit')) strange += [...(s.pattern ?? '')].filter(ch => /[\u0080-\u00ff\uff61-\uff9f]/.test(ch)).length;
    resolved += [...(s.pattern ?? '')].filter(ch => ch !== '\ufffd').length + Number(s.value !== null || s.length !== null) + Number(s.bounds !== null);
    positions += new Set(answers.map(a => (a.constraint.kind === 'char' ? a.constraint.position : 0))).size;
  }
  return { broken, misses, calibrations, cells: positions, resolved, strange };
}

/** Status and size of the page, after taking out what it reflects; rows for database logs. */
function classifyPages(probes: readonly Probe[]): Classes[] {
  if (probes.every(p => p.bytes === null && p.status === null)) {
    if (probes.every(p => p.rowsOut === null && p.errCode === null)) return [];
    if (probes.every(p => p.rowsOut === null)) return [];
    return [cluster(probes.map(p => ({ group: p.errCode ?? '', value: p.rowsOut === null ? null : Math.min(p.rowsOut, 1) * 1000 })), 'rows')];
  }
  const group = (p: Probe): string => String(p.status ?? '');
  let best: { classes: Classes; cover: number } | null = null;
  let even: { classes: Classes; cover: number } | null = null;
  const options: [number, number][] = [[0, 0], [1, 0], [1, 1], [1, 2], [2, 0], [2, 1], [2, 2], [3, 0]];
  const fixed = [0, 1, 2].map(which => isFixed(probes, which));
  for (const [times, which] of options) {
    if (times > 0 && fixed[which]) continue;
    const classes = cluster(probes.map(p => ({ group: group(p), value: p.bytes === null ? null : p.bytes - times * (p.reflected[which] ?? 0) })), 'size');
    const sizes = [...classes.sizes].sort((a, b) => b - a);
    const cover = (sizes[0] ?? 0) + (sizes[1] ?? 0) - 0.2 * probes.length * Math.max(0, classes.sizes.filter(n => n > 0).length - 2) / 10 - (1 - classes.margin) * probes.length;
    if (!best || cover > best.cover * 1.02 + 0.5) best = { classes, cover };
    const both = (sizes[1] ?? 0) >= 0.1 * probes.length;
    if (both && (!even || cover > even.cover * 1.02 + 0.5)) even = { classes, cover };
    if (both && times === 0 && sizes.length >= 2 && sizes[0]! + sizes[1]! === probes.length && classes.margin > 0.9) break;
  }
  return even && even.classes !== best!.classes ? [best!.classes, even.classes] : [best!.classes];
}

/**
 * Most answers are of one size although what they would reflect is of several: the page reflects nothing. Without this an error page of one
 * size, less the digits of the numbers that were asked, would look like two answers.
 */
function isFixed(probes: readonly Probe[], which: number): boolean {
  const bySize = new Map<string, Map<number, number>>();
  for (const p of probes) {
    const key = `${p.status}|${p.bytes}`;
    const lengths = bySize.get(key) ?? new Map<number, number>();
    if (!bySize.has(key)) bySize.set(key, lengths);
    const n = p.reflected[which] ?? 0;
    lengths.set(n, (lengths.get(n) ?? 0) + 1);
  }
  return [...bySize.values()].some(lengths => {
    const n = [...lengths.values()].reduce((a, b) => a + b, 0);
    return n > 0.5 * probes.length && lengths.size > 1 && Math.max(...lengths.values()) <= 0.9 * n;
  });
}

/** One-dimensional clusters inside each status: the smallest tolerance that leaves few classes covering nearly everything. */
function cluster(values: readonly { readonly group: string; readonly value: number | null }[], feature: Oracle['feature']): Classes {
  const counts = new Map<string, Map<number, number>>();
  for (const v of values) {
    const m = counts.get(v.group) ?? new Map<number, number>();
    m.set(v.value ?? -1, (m.get(v.value ?? -1) ?? 0) + 1);
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
    const covered = ranked.slice(0, 3).reduce((a, b) => a + b, 0) / values.length;
    if (next < 2 && chosen) break;
    if (!chosen || covered > 0.9) {
      chosen = ids;
      const [one, two] = spans.map((span, i) => ({ span, n: sizes[i]! })).sort((a, b) => b.n - a.n);
      const gap = one && two && one.span.group === two.span.group ? Math.max(one.span.lo - two.span.hi, two.span.lo - one.span.hi) : null;
      margin = !two ? 0 : gap === null ? 0.95 : Math.max(0, (gap - tolerance) / (gap + tolerance + 1));
      if (covered >= 0.97) break;
    }
  }
  joinStragglers(counts, chosen!, values.length);
  const of = values.map(v => chosen!.get(`${v.group}\u0000${v.value ?? -1}`)!);
  const sizes: number[] = [];
  for (const c of of) sizes[c] = (sizes[c] ?? 0) + 1;
  return { of, sizes: Array.from(sizes, n => n ?? 0), margin, feature };
}

/** A page of a few answers right beside one of the two main classes, and far from the other, is that class: the edge of its jitter. */
function joinStragglers(counts: ReadonlyMap<string, ReadonlyMap<number, number>>, ids: Map<string, number>, total: number): void {
  const spans = new Map<number, { group: string; lo: number; hi: number; n: number }>();
  for (const [group, sizes] of counts) {
    for (const [value, n] of sizes) {
      const id = ids.get(`${group}\u0000${value}`)!;
      const s = spans.get(id);
      if (s) { s.lo = Math.min(s.lo, value); s.hi = Math.max(s.hi, value); s.n += n; } else spans.set(id, { group, lo: value, hi: value, n });
    }
  }
  const mains = [...spans].sort((a, b) => b[1].n - a[1].n || a[0] - b[0]).slice(0, 2);
  const distance = (group: string, value: number, m: { group: string; lo: number; hi: number }): number => (group !== m.group || value < 0 ? Number.POSITIVE_INFINITY : Math.max(0, m.lo - value, value - m.hi));
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

/** 0 = fast, 1 = slow, 2 = in between or unknown. */
function classifyTimes(probes: readonly Probe[]): Classes | null {
  const useDuration = probes.filter(p => p.durationUs !== null).length > 0.8 * probes.length;
  const value = (p: Probe): number | null => (useDuration ? p.durationUs : p.gapUs);
  const delays = probes.map(p => p.question.delay).filter(d => d !== null);
  const times = probes.map(value).filter(v => v !== null).sort((a, b) => a - b);
  if (times.length < 2) return null;
  let fast: number;
  let slow: number;
  if (delays.length > probes.length / 2) {
    const n = Math.min(...delays) * SECOND;
    [fast, slow] = useDuration ? [0.6 * n, 0.85 * n] : [n - 1, n];
    if (!useDuration && times.every(t => t % SECOND === 0)) [fast, slow] = [n - 1, n];
    else if (!useDuration) [fast, slow] = [0.6 * n, 0.9 * n];
  } else {
    const coarse = !useDuration && times.every(t => t % SECOND === 0);
    let widest = 0;
    let cut = 0;
    for (let i = 1; i < times.length; i++) {
      const gap = coarse ? (times[i]! - times[i - 1]!) / SECOND : Math.log(Math.max(times[i]!, 1000)) - Math.log(Math.max(times[i - 1]!, 1000));
      if (gap > widest) { widest = gap; cut = i; }
    }
    if (widest < (coarse ? 2 : 0.7)) return null;
    [fast, slow] = [times[cut - 1]!, times[cut]!];
  }
  const of = probes.map(p => {
    const v = value(p);
    if (v === null) return 2;
    return v <= fast ? 0 : v >= slow ? 1 : 2;
  });
  const sizes = [0, 1, 2].map(c => of.filter(x => x === c).length);
  return { of, sizes, margin: useDuration ? 0.95 : 0.6, feature: useDuration ? 'duration' : 'gap' };
}
