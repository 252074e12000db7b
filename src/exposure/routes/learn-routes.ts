import { SECOND } from '../../base/index.ts';
import type { ReadableStatement, StatementLog } from '../replay/statements.ts';
import { type Binding, matches, type RouteRead } from './binding.ts';
import { bestBinding, concatenationsOf, type Window } from './learn-bindings.ts';
import { formOf, type Request, routeOf } from './requests.ts';
import { type StatementIndex, statementSlackUs } from './statement-index.ts';

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
  const byRoute = answeredByRoute(requests);
  const { shapeCounts, constants, varying } = slotsOf(log);
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
  // A route that only sends on shows nothing: the page it leads to may read the same by what the session keeps.
  const showing = new Set(requests.filter(r => r.status !== null && (r.status < 300 || r.status === 404)).map(routeOf));
  const shapes = new Set(out.filter(r => told(r) && showing.has(r.route)).map(r => r.read.shape));
  return out.filter(r => told(r) || !r.bindings.some(b => b.from === 'free') || !shapes.has(r.read.shape));
}

/** Requests that were answered, by route. */
export function answeredByRoute(requests: readonly Request[]): Map<string, Request[]> {
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
  return byRoute;
}

/** Of each shape of a log: how many statements, the values of the first, and the slots that differ among them. */
export type LogSlots = {
  readonly shapeCounts: ReadonlyMap<string, number>;
  readonly constants: ReadonlyMap<string, readonly (string | null | undefined)[]>;
  readonly varying: ReadonlyMap<string, ReadonlySet<number>>;
};

export function slotsOf(log: StatementLog): LogSlots {
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
  return { shapeCounts, constants, varying };
}

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
  // People who all ask for the same few pages have one another's values beside them: then it is told like values of the session, of which some lines may be lost.
  const alike = (): boolean => {
    if (!even || joint <= 0.9 || own.length < 4) return false;
    const elsewhere = chanceElsewhere(own, bindings, read.shape, index);
    return elsewhere < 0.3 && elsewhere ** own.length < hardlyChance;
  };
  // Values that come from the session alone bind nothing: then every request has such a statement, there is one a request, and hardly any at other times.
  const linked =
    bound > 0
      ? joint - control > 0.5 || (joint > 0.97 && counted) || alike()
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
export function chance(own: readonly Window[], bindings: readonly Binding[], shape: string, index: StatementIndex): number {
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
