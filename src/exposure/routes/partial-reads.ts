import type { ReadableStatement, StatementLog } from '../replay/statements.ts';
import { type Binding, matches, type RouteRead } from './binding.ts';
import { bestBinding, concatenationsOf, type Window } from './learn-bindings.ts';
import { answeredByRoute, chance, type LogSlots, slotsOf } from './learn-routes.ts';
import { formOf, type Request } from './requests.ts';
import type { StatementIndex } from './statement-index.ts';

const fewestRequests = 10;
const fewestSeen = 5;
const fewestValues = 3;
const mostRequests = 300;
const mostly = 0.8;
/** So many times as often as by chance do a route's requests have such a statement with their own values. */
const oftener = 5;

/**
 * Statements that only some requests of a route have beside them, but nearly always with a value of the request, from a log that shows only some of what ran: the other
 * requests may have run them as well. What a route was learned to run in full (`told`, shapes) is that route's.
 */
export function learnPartialReads(requests: readonly Request[], log: StatementLog, index: StatementIndex, told: ReadonlySet<string>): RouteRead[] {
  const slots = slotsOf(log);
  const out: RouteRead[] = [];
  for (const [route, list] of [...answeredByRoute(requests)].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    if (list.length < fewestRequests) continue;
    const windows = list.slice(0, mostRequests).map(r => ({ r, statements: index.during(r) }));
    const shapes = new Map<string, ReadableStatement>();
    for (const w of windows) for (const s of w.statements) if (!told.has(s.read.shape)) shapes.set(s.read.shape, s.read);
    for (const read of shapes.values()) {
      const found = partialRead(route, read, windows, slots, index);
      if (found) out.push(found);
    }
  }
  return out;
}

function partialRead(route: string, read: ReadableStatement, windows: readonly Window[], slots: LogSlots, index: StatementIndex): RouteRead | null {
  const all = windows.map(w => ({ r: w.r, statements: w.statements.filter(s => s.read.shape === read.shape) }));
  const own = all.filter(w => w.statements.length > 0);
  if (own.length < fewestSeen) return null;
  const names = [...new Set(own.flatMap(w => [...w.r.values.keys()]))].sort();
  const constants = slots.constants.get(read.shape) ?? [];
  const varying = slots.varying.get(read.shape) ?? new Set();
  const bindings = read.slots.map((_, slot): Binding => {
    if (!varying.has(slot)) return constants[slot] === undefined ? { from: 'free' } : { from: 'constant', value: constants[slot] ?? null };
    return bestBinding(slot, names, own, fewestValues);
  });
  if (!bindings.some(b => b.from === 'request' || b.from === 'linear')) return null;
  const fitting = own.filter(w => w.statements.some(s => matches(s, bindings, w.r)));
  const values = new Set(fitting.map(w => JSON.stringify([...w.r.values])));
  if (fitting.length < mostly * own.length || values.size < fewestValues) return null;
  const support = fitting.length / all.length;
  if (support < oftener * chance(all, bindings, read.shape, index)) return null;
  return {
    route,
    read,
    bindings,
    concatenations: concatenationsOf(own, bindings, read),
    support,
    learnedFrom: all.length,
    source: 'log',
    parameters: read.slots.some(s => s.kind === 'parameter'),
    forms: new Set(all.map(w => formOf(w.r))),
    partial: true,
  };
}
