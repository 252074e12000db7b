import { SECOND } from '../../base/index.ts';
import type { ReadableStatement, Statement, StatementLog } from '../replay/statements.ts';
import { type Coding, codings, decodedAs } from './coding.ts';
import { formOf, type Request, routeOf } from './requests.ts';

/** Where the value of one slot of a statement comes from. */
export type Binding =
  | { readonly from: 'constant'; readonly value: string | null }
  | { readonly from: 'request'; readonly name: string; readonly before: string; readonly after: string; readonly coding?: Coding }
  | { readonly from: 'linear'; readonly name: string; readonly factor: number; readonly add: number; readonly whenAbsent: string | null }
  | { readonly from: 'free' };

/** Text that an application builds by concatenation: what stands before and after the request's value, and between when it is pasted more than once. */
export type Concatenation = {
  readonly name: string;
  readonly coding?: Coding;
  readonly prefix: string;
  readonly suffix: string;
  readonly between?: readonly string[];
};

/** What a request sent in a parameter, as the application read it; undefined when it sent nothing of the kind. */
export function sentValue(r: Request, parameter: { readonly name: string; readonly coding?: Coding }): string | undefined {
  const value = r.values.get(parameter.name);
  return value === undefined ? undefined : decodedAs(value, parameter.coding);
}

/** The text that comes out when a value is pasted in. */
export function pasted(c: Concatenation, value: string): string {
  return [c.prefix, ...(c.between ?? []), c.suffix].join(value);
}

/** "A request of this route runs this statement": learned from the requests of everybody else, or given by the user. */
export type RouteRead = {
  readonly route: string;
  readonly read: ReadableStatement;
  readonly bindings: readonly Binding[];
  readonly concatenations: readonly Concatenation[];
  /** Share of the learning requests that had the statement with all its bindings in their interval, and how many there were. */
  readonly support: number;
  readonly learnedFrom: number;
  readonly source: 'log' | 'case-file' | 'sizes';
  readonly parameters: boolean;
  /** The sets of parameters (`formOf`) that the learning requests came with; absent where nothing was learned from requests. */
  readonly forms?: ReadonlySet<string>;
  /** Only requests of this form run it; others run something else. */
  readonly onlyForm?: string;
  /** Per slot: the one value that every learning request found in its statement; absent where there is none. */
  readonly usual?: readonly (string | null | undefined)[];
  /** Query parameters that hardly varied among the learning requests, with the values they had. */
  readonly seen?: ReadonlyMap<string, ReadonlySet<string>>;
};

/** Clocks of the web server and the database agree no better than this. */
export const statementSlackUs = 1.5 * SECOND;

/** Statements by start time, for interval look-ups. */
export class StatementIndex {
  private readonly list: readonly Statement[];
  private readonly starts: Float64Array;
  constructor(statements: readonly Statement[]) {
    this.list = [...statements].sort((a, b) => a.loUs - b.loUs || a.eventId - b.eventId);
    this.starts = Float64Array.from(this.list, s => s.loUs);
  }

  get size(): number {
    return this.list.length;
  }

  /** How many statements began before a time. */
  before(us: number): number {
    let lo = 0;
    let hi = this.starts.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.starts[mid]! < us) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }

  within(fromUs: number, toUs: number): Statement[] {
    const out: Statement[] = [];
    for (let i = this.before(fromUs); i < this.list.length && this.starts[i]! <= toUs; i++) out.push(this.list[i]!);
    return out;
  }

  during(r: Request): Statement[] {
    return this.within(r.loUs - statementSlackUs, r.hiUs + statementSlackUs);
  }
}

/**
 * Learn which statements a route runs and where their values come from: a slot is bound to a request parameter when nearly every
 * request of the route has, in its interval, a statement of that shape with exactly that value, and far fewer would have it by chance.
 * `alone` are routes that only the intruder uses: two requests teach them, and chance is what other times of the log hold.
 */
export function learnRoutes(
  requests: readonly Request[],
  log: StatementLog,
  index: StatementIndex,
  routeCounts: ReadonlyMap<string, { readonly all: number; readonly others: number }>,
  alone: ReadonlySet<string> = new Set(),
): RouteRead[] {
  const byRoute = new Map<string, Request[]>();
  const redirected = new Map<string, Request[]>();
  for (const r of requests) {
    if (r.status === null || (r.status >= 400 && r.status !== 404)) continue;
    const lists = r.status >= 300 && r.status < 400 ? redirected : byRoute;
    const key = routeOf(r);
    const list = lists.get(key);
    if (list) list.push(r);
    else lists.set(key, [r]);
  }
  // What answers by sending on (a sign-in) shows nothing, but its statements are explained.
  for (const [route, list] of redirected) if (!byRoute.has(route)) byRoute.set(route, list);
  const shapeCounts = new Map<string, number>();
  const constants = new Map<string, (string | null | undefined)[]>();
  const varying = new Map<string, Set<number>>();
  for (const s of log.statements) {
    shapeCounts.set(s.read.shape, (shapeCounts.get(s.read.shape) ?? 0) + 1);
    const first = constants.get(s.read.shape);
    if (!first) {
      constants.set(s.read.shape, [...s.values]);
      varying.set(s.read.shape, new Set());
      continue;
    }
    const set = varying.get(s.read.shape)!;
    for (let i = 0; i < s.values.length; i++) if (s.values[i] !== first[i]) set.add(i);
  }
  const out: RouteRead[] = [];
  for (const [route, list] of [...byRoute].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const fewest = alone.has(route) ? 2 : 3;
    if (list.length < fewest) continue;
    const sample = list.slice(0, 300);
    const windows = sample.map(r => ({ r, statements: index.during(r) }));
    const shapes = new Map<string, ReadableStatement>();
    for (const w of windows) for (const s of w.statements) if ((shapeCounts.get(s.read.shape) ?? 0) >= 2) shapes.set(s.read.shape, s.read);
    for (const read of shapes.values()) {
      const found = learnRead(
        route,
        read,
        windows,
        constants.get(read.shape)!,
        varying.get(read.shape)!,
        shapeCounts.get(read.shape) ?? 0,
        routeCounts.get(route) ?? { all: list.length, others: list.length },
        index,
        fewest,
      );
      if (found) out.push(found);
    }
  }
  // What another route runs with values of its own requests is not what this one runs with values of nothing.
  const told = (r: RouteRead): boolean => r.bindings.some(b => b.from === 'request' || b.from === 'linear');
  const shapes = new Set(out.filter(told).map(r => r.read.shape));
  return out.filter(r => told(r) || !r.bindings.some(b => b.from === 'free') || !shapes.has(r.read.shape));
}

type Window = { readonly r: Request; readonly statements: readonly Statement[] };

/** Less likely than this no series of statements beside requests is taken for chance. */
const hardlyChance = 1e-4;

function learnRead(
  route: string,
  read: ReadableStatement,
  windows: readonly Window[],
  constants: readonly (string | null | undefined)[],
  varying: ReadonlySet<number>,
  shapeCount: number,
  routeCount: { readonly all: number; readonly others: number },
  index: StatementIndex,
  fewest: number,
): RouteRead | null {
  const own = windows.map(w => ({ r: w.r, statements: w.statements.filter(s => s.read.shape === read.shape) }));
  const covered = own.filter(w => w.statements.length > 0).length / own.length;
  if (covered < 0.8) return null;
  const names = [...new Set(own.flatMap(w => [...w.r.values.keys()]))].sort();
  const bindings: Binding[] = read.slots.map((_, slot): Binding => {
    if (!varying.has(slot)) return constants[slot] === undefined ? { from: 'free' } : { from: 'constant', value: constants[slot] ?? null };
    return bestBinding(slot, names, own, fewest);
  });
  const bound = bindings.filter(b => b.from === 'request' || b.from === 'linear').length;
  const joint = own.filter(w => w.statements.some(s => matches(s, bindings, w.r))).length / own.length;
  if (joint < 0.8) return null;
  const control = bound === 0 || fewest < 3 ? chanceElsewhere(own, bindings, read.shape, index) : chance(own, bindings, read.shape, index);
  // As many statements as requests: between those of everybody else (successful ones) and all requests of the route.
  const near = (n: number): boolean => Math.abs(shapeCount - n) <= Math.max(2, 0.03 * n);
  const counted = shapeCount >= 0.97 * routeCount.others - 2 && shapeCount <= 1.03 * routeCount.all + 2;
  const even = near(routeCount.all) || near(routeCount.others);
  // Values that come from the session alone bind nothing: then every request has such a statement, there is one a request, and hardly any at other times.
  const linked =
    bound > 0
      ? joint - control > 0.5 || (joint > 0.97 && counted)
      : even && (varying.size === 0 || (joint > 0.97 && own.length >= 4 && control < 0.3 && control ** own.length < hardlyChance));
  if (!linked) return null;
  return {
    route,
    read,
    bindings,
    concatenations: concatenationsOf(own, bindings, read),
    support: joint,
    learnedFrom: own.length,
    source: 'log',
    parameters: read.slots.some(s => s.kind === 'parameter'),
    forms: new Set(own.map(w => formOf(w.r))),
    usual: read.slots.map((_, slot) => usualValue(own, bindings, slot)),
    seen: fewValues(own, names),
  };
}

/** How often a request finds its values in the same shape around another request's time: the rate of chance. */
function chance(own: readonly Window[], bindings: readonly Binding[], shape: string, index: StatementIndex): number {
  let hits = 0;
  for (let i = 0; i < own.length; i++) {
    const other = own[(i + (own.length >> 1) + 1) % own.length]!;
    if (index.during(other.r).some(s => s.read.shape === shape && matches(s, bindings, own[i]!.r))) hits++;
  }
  return hits / own.length;
}

/** The same for requests that came in one burst: their own windows overlap, so other times of the day are asked. */
function chanceElsewhere(own: readonly Window[], bindings: readonly Binding[], shape: string, index: StatementIndex): number {
  const shifts = [-3600, -600, -60, 60, 600, 3600].map(s => s * SECOND);
  let hits = 0;
  for (const { r } of own)
    for (const d of shifts)
      if (index.within(r.loUs + d - statementSlackUs, r.hiUs + d + statementSlackUs).some(s => s.read.shape === shape && matches(s, bindings, r))) hits++;
  return hits / (own.length * shifts.length);
}

function fewValues(own: readonly Window[], names: readonly string[]): Map<string, Set<string>> {
  const out = new Map<string, Set<string>>();
  for (const name of names) {
    if (name.startsWith('path.')) continue;
    const values = new Set(own.map(w => w.r.values.get(name) ?? ''));
    if (values.size <= 3) out.set(name, values);
  }
  return out;
}

/** The one value of a slot that is among the statements of every request that has any. */
function usualValue(own: readonly Window[], bindings: readonly Binding[], slot: number): string | null | undefined {
  let common: Set<string | null | undefined> | null = null;
  for (const w of own) {
    const fitting = w.statements.filter(s => matches(s, bindings, w.r));
    if (fitting.length === 0) continue;
    const values: Set<string | null | undefined> = new Set(fitting.map(s => s.values[slot]));
    common = common === null ? values : new Set([...(common as typeof values)].filter(v => values.has(v)));
  }
  return common?.size === 1 ? [...common][0] : undefined;
}

/** What an application puts around a value it searches for. */
const surroundings = [
  ['', ''],
  ['%', '%'],
  ['', '%'],
  ['%', ''],
] as const;

function bestBinding(slot: number, names: readonly string[], own: readonly Window[], fewest: number): Binding {
  let best: Binding = { from: 'free' };
  let bestShare = 0.8;
  for (const name of names) {
    const having = own.filter(w => w.r.values.has(name) && w.r.values.get(name) !== '');
    if (having.length < fewest || (fewest < 3 && new Set(having.map(w => w.r.values.get(name))).size < 2)) continue;
    for (const coding of [undefined, ...codings]) {
      const read = having.map(w => decodedAs(w.r.values.get(name)!, coding));
      if (read.every(v => v === undefined)) continue;
      for (const [before, after] of surroundings) {
        const share =
          having.filter((w, i) => read[i] !== undefined && w.statements.some(s => s.values[slot] === before + read[i]! + after)).length / having.length;
        if (share > bestShare) {
          best = { from: 'request', name, before, after, ...(coding && { coding }) };
          bestShare = share;
        }
      }
    }
    const linear = linearBinding(slot, name, having, own);
    if (linear && linear.share > bestShare) {
      best = linear.binding;
      bestShare = linear.share;
    }
  }
  return best;
}

/** `offset = page × size − size` and the like: factor and summand that most requests agree on. */
function linearBinding(slot: number, name: string, having: readonly Window[], own: readonly Window[]): { binding: Binding; share: number } | null {
  const numeric = having.filter(w => /^-?\d{1,9}$/.test(w.r.values.get(name)!));
  if (numeric.length < 3 || new Set(numeric.map(w => w.r.values.get(name))).size < 2) return null;
  const votes = new Map<string, number>();
  for (let i = 0; i < Math.min(numeric.length, 60); i++) {
    const a = numeric[i]!;
    const b = numeric.find(w => w.r.values.get(name) !== a.r.values.get(name) && w !== a);
    if (!b) continue;
    const x1 = Number(a.r.values.get(name));
    const x2 = Number(b.r.values.get(name));
    const seen = new Set<string>();
    for (const s1 of a.statements.slice(0, 200))
      for (const s2 of b.statements.slice(0, 200)) {
        const [y1, y2] = [Number(s1.values[slot] ?? NaN), Number(s2.values[slot] ?? NaN)];
        const factor = (y2 - y1) / (x2 - x1);
        if (Number.isInteger(factor) && factor > 1) seen.add(`${factor},${y1 - factor * x1}`);
      }
    for (const v of seen) votes.set(v, (votes.get(v) ?? 0) + 1);
  }
  const ranked = [...votes].sort((p, q) => q[1] - p[1] || (p[0] < q[0] ? -1 : 1)).slice(0, 12);
  let best: { binding: Binding; share: number } | null = null;
  for (const [v] of ranked) {
    const [factor, add] = v.split(',').map(Number) as [number, number];
    const share =
      numeric.filter(w => w.statements.some(s => Number(s.values[slot] ?? NaN) === factor * Number(w.r.values.get(name)) + add)).length / numeric.length;
    if (!best || share > best.share + 1e-9) best = { binding: { from: 'linear', name, factor, add, whenAbsent: absentValue(slot, name, own) }, share };
  }
  return best;
}

function absentValue(slot: number, name: string, own: readonly Window[]): string | null {
  const without = own.filter(w => !w.r.values.has(name));
  if (without.length < 3) return null;
  const counts = new Map<string, number>();
  for (const w of without) for (const v of new Set(w.statements.map(s => s.values[slot]))) if (typeof v === 'string') counts.set(v, (counts.get(v) ?? 0) + 1);
  const top = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0];
  return top && top[1] >= 0.95 * without.length ? top[0] : null;
}

/** The value a request gives a slot: a text, null for SQL NULL, undefined when the request does not determine it. */
export function slotValue(b: Binding, r: Request): string | null | undefined {
  switch (b.from) {
    case 'constant':
      return b.value;
    case 'request': {
      const v = sentValue(r, b);
      return v === undefined ? undefined : b.before + v + b.after;
    }
    case 'linear': {
      const v = r.values.get(b.name);
      if (v === undefined) return b.whenAbsent ?? undefined;
      return /^-?\d{1,9}$/.test(v) ? String(b.factor * Number(v) + b.add) : undefined;
    }
    case 'free':
      return undefined;
  }
}

/** Does a statement carry the values the request would give it (free slots match anything)? */
export function matches(s: Statement, bindings: readonly Binding[], r: Request): boolean {
  return bindings.every((b, i) => {
    const v = slotValue(b, r);
    return v === undefined || s.values[i] === v;
  });
}

/** Literal slots bound to a request value: the text around the value, as several requests with different values agree on it. */
function concatenationsOf(own: readonly Window[], bindings: readonly Binding[], read: ReadableStatement): Concatenation[] {
  const out: Concatenation[] = [];
  bindings.forEach((b, slot) => {
    if (b.from !== 'request' || read.slots[slot]?.kind !== 'literal') return;
    const votes = new Map<string, number>();
    for (const w of own) {
      const value = sentValue(w.r, b);
      if (value === undefined || value.length < 2) continue;
      const s = w.statements.find(x => matches(x, bindings, w.r));
      const parts = s?.text.split(value);
      if (parts && parts.length >= 2 && parts.length <= 9) votes.set(JSON.stringify(parts), (votes.get(JSON.stringify(parts)) ?? 0) + 1);
    }
    const top = [...votes].sort((x, y) => y[1] - x[1] || (x[0] < y[0] ? -1 : 1))[0];
    if (!top || top[1] < 2) return;
    const parts = JSON.parse(top[0]) as string[];
    if (out.some(c => c.name === b.name && JSON.stringify([c.prefix, ...(c.between ?? []), c.suffix]) === top[0])) return;
    out.push({
      name: b.name,
      ...(b.coding && { coding: b.coding }),
      prefix: parts[0]!,
      suffix: parts[parts.length - 1]!,
      ...(parts.length > 2 && { between: parts.slice(1, -1) }),
    });
  });
  return out;
}
