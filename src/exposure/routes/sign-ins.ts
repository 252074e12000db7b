import { groupBy } from '../../base/index.ts';
import { columnsIn, type ReadableStatement, type StatementLog } from '../replay/statements.ts';
import { child } from '../sql/index.ts';
import type { RouteRead } from './binding.ts';
import { showsBody } from './instances.ts';
import { formOf, type Request, routeOf } from './requests.ts';
import type { StatementIndex } from './statement-index.ts';

const secret = /pass(?:wo?r?d|wd|phrase|code)|^pwd|_pwd$|secret|^pin(?:_?code)?$|パスワード|暗証/i;
const leastRequests = 3;
/** Logs that lose lines lose those of either side. */
const asMany = (checks: number, requests: number): boolean => Math.abs(checks - requests) <= Math.max(2, 0.1 * requests);
const mostBeside = 0.8;
/** So many requests must have been answered without a body before it is held that none shows anything. */
const leastSilent = 5;

/** A select that compares values with a password. What it asks with came in the body of a request: no session keeps it. */
export function asksPassword(read: ReadableStatement): boolean {
  return read.slots.length > 0 && [...columnsIn(child(read.select, 'whereClause'))].some(c => secret.test(c));
}

/**
 * Whose statements the password checks of the log are: of the one kind of request with a body (`sent`, whatever they were answered) that has as many
 * requests as there are checks, nearly each beside one. A request without a body that usually follows it (the page a sign-in leads to) runs none.
 */
export function settleSignIns(
  learned: readonly RouteRead[],
  sent: readonly Request[],
  log: StatementLog,
  index: StatementIndex,
  routeCounts: ReadonlyMap<string, { readonly all: number }>,
): RouteRead[] {
  const checks = new Map<string, { read: ReadableStatement; n: number }>();
  for (const s of log.statements) {
    const known = checks.get(s.read.shape);
    if (known) known.n++;
    else if (asksPassword(s.read)) checks.set(s.read.shape, { read: s.read, n: 1 });
  }
  const routes = [...groupBy(sent, routeOf)].filter(([, list]) => list.length >= leastRequests);
  let out = [...learned];
  for (const [shape, { read, n }] of [...checks].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const own = routes.filter(
      ([route, list]) =>
        asMany(n, routeCounts.get(route)?.all ?? list.length) &&
        list.filter(r => index.during(r).some(s => s.read.shape === shape)).length >= mostBeside * list.length,
    );
    if (own.length !== 1) continue;
    const [route, list] = own[0]!;
    out = out.filter(r => r.read.shape !== shape || r.route === route || r.bindings.some(b => b.from === 'request' || b.from === 'linear'));
    if (!out.some(r => r.read.shape === shape && r.route === route))
      out.push({
        route,
        read,
        bindings: read.slots.map(() => ({ from: 'free' })),
        concatenations: [],
        support: 1,
        learnedFrom: list.length,
        source: 'log',
        parameters: read.slots.some(s => s.kind === 'parameter'),
        forms: new Set(list.map(formOf)),
      });
  }
  return out;
}

/**
 * Kinds of statement that only routes run whose answers never have a body (a sign-in sends on or turns away): whoever ran one was shown nothing of it.
 */
export function silentShapes(learned: readonly RouteRead[], requests: readonly Request[]): ReadonlySet<string> {
  const byRoute = groupBy(requests, routeOf);
  const silent = (route: string): boolean => {
    const list = byRoute.get(route) ?? [];
    return list.length >= leastSilent && list.every(r => showsBody(r) === 'no');
  };
  return new Set([...groupBy(learned, r => r.read.shape)].filter(([, reads]) => reads.every(r => silent(r.route))).map(([shape]) => shape));
}
