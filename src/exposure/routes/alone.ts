import { groupBy, SECOND } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { Statement } from '../replay/statements.ts';
import { matches, type RouteRead } from './binding.ts';
import { type Instance, showsBody, toParameters } from './instances.ts';
import { pathShape, type Request, requestEnd, requestStart, routeOf, type Span, spanOf } from './requests.ts';
import { type StatementIndex, statementSlackUs } from './statement-index.ts';

/** More than these are left as they are: each is held against all requests of its time. */
const mostSettled = 20_000;
/** Of each route this many requests of others are held against all requests of their time. */
const mostLearned = 60;
/** So often must a route have been seen without a statement before it is held not to run it. */
const fewestSeen = 3;

/**
 * A statement of which no value comes from its request is the request's own where nothing else can have run it: the database log lacks no
 * line of that time (`gaps`; so the request's statement is among those beside it, and there is one kind), and the route is sure to run it: every
 * other request of anybody in that time goes to a route that was seen without such a statement, or that was so for others on this route.
 * Nobody else is on the route in that time.
 */
export async function settleAlone(
  engine: Engine,
  instances: readonly Instance[],
  others: readonly Request[],
  index: StatementIndex,
  gaps: readonly Span[],
): Promise<Instance[]> {
  const open = instances.filter(i => unsettled(i, gaps)).slice(0, mostSettled);
  if (open.length === 0) return [...instances];
  const ran = await surelyRan(engine, open, others, index);
  const settled = new Set(open.filter(ran));
  const pairs = pairInOrder([...settled], index);
  const told = new Set<string>();
  return instances.flatMap(i => {
    if (!settled.has(i)) return [i];
    if (!i.ambiguous && oneKind(i, index)) return [{ ...i, conditional: false }];
    const s = pairs.get(i.routeRead!)?.get(i.request!);
    if (!s) return [i];
    const key = `${i.request!.eventId} ${i.read.shape}`;
    if (told.has(key)) return [];
    told.add(key);
    return [{ ...i, values: s.values, parameters: toParameters(i.read, s.values), statement: s, ambiguous: false, conditional: false }];
  });
}

/** Tells of an execution whether its route is sure to have run the statement. */
async function surelyRan(engine: Engine, open: readonly Instance[], others: readonly Request[], index: StatementIndex): Promise<(i: Instance) => boolean> {
  const byRoute = groupBy(others, routeOf);
  const learned = [...new Set(open.map(i => i.routeRead!.route))].flatMap(route => (byRoute.get(route) ?? []).slice(0, mostLearned));
  const beside = await routesBeside(engine, [...new Set([...open.map(i => i.request!), ...learned])]);
  const runs = (r: Request, shape: string): boolean => index.during(r).some(s => s.read.shape === shape);
  const innocent = remembered((route, shape) => {
    const seen = byRoute.get(route) ?? [];
    const without = seen.filter(r => !runs(r, shape)).length;
    return without >= fewestSeen && 2 * without > seen.length;
  });
  const alone = (r: Request, shape: string): boolean => (beside.get(r.eventId) ?? []).every(({ route }) => route === routeOf(r) || innocent(route, shape));
  // Somebody else on the same route runs it too, and the intruder may have been turned away.
  const crowded = (r: Request): boolean => (beside.get(r.eventId) ?? []).some(b => b.route === routeOf(r) && !b.intruder);
  // Where it was seen to run the statement with nobody beside it, others beside this request change nothing.
  const runsByItself = remembered((route, shape) => learned.filter(r => routeOf(r) === route && runs(r, shape) && alone(r, shape)).length >= fewestSeen);
  return i => !crowded(i.request!) && (alone(i.request!, i.read.shape) || runsByItself(i.routeRead!.route, i.read.shape));
}

/**
 * Requests of one route that lie so close that each may have run the statement of the other: where there are as many statements as requests,
 * all of them were run by these. Which by which does not matter for what was shown; they are given in order.
 */
function pairInOrder(open: readonly Instance[], index: StatementIndex): Map<RouteRead, Map<Request, Statement>> {
  const out = new Map<RouteRead, Map<Request, Statement>>();
  for (const route of new Set(open.map(i => i.routeRead!))) {
    const requests = [...new Set(open.filter(i => i.routeRead === route).map(i => i.request!))].sort((a, b) => a.loUs - b.loUs || a.eventId - b.eventId);
    const pairs = new Map<Request, Statement>();
    for (const near of clustersOf(requests)) {
      const statements = index
        .within(near[0]!.loUs - statementSlackUs, spanOf(near).toUs + statementSlackUs)
        .filter(s => !s.failed && s.read.shape === route.read.shape);
      if (statements.length === near.length && near.every((r, n) => matches(statements[n]!, route.bindings, r)))
        for (const [n, r] of near.entries()) pairs.set(r, statements[n]!);
    }
    out.set(route, pairs);
  }
  return out;
}

/** Requests in order of time, cut where the statements of one cannot be taken for those of the next. */
function clustersOf(requests: readonly Request[]): Request[][] {
  const out: Request[][] = [];
  let until = -Infinity;
  for (const r of requests) {
    if (r.loUs - statementSlackUs > until) out.push([]);
    out.at(-1)!.push(r);
    until = Math.max(until, r.hiUs + statementSlackUs);
  }
  return out;
}

/** What is asked of a route and a shape again and again. */
function remembered(ask: (route: string, shape: string) => boolean): (route: string, shape: string) => boolean {
  const known = new Map<string, boolean>();
  return (route, shape) => {
    const key = `${route}\u0001${shape}`;
    const told = known.get(key) ?? ask(route, shape);
    known.set(key, told);
    return told;
  };
}

function unsettled(i: Instance, gaps: readonly Span[]): boolean {
  const r = i.request;
  if (!r || !i.routeRead || i.routeRead.source !== 'log' || !i.conditional || i.certainty !== 'strict' || i.injected || !i.statement || showsBody(r) !== 'yes')
    return false;
  return !gaps.some(g => g.toUs >= r.loUs - statementSlackUs && g.fromUs <= r.hiUs + statementSlackUs);
}

/** Are all statements beside a request that its route may have run the same one? */
function oneKind(i: Instance, index: StatementIndex): boolean {
  const beside = index.during(i.request!).filter(s => s.read.shape === i.read.shape && matches(s, i.routeRead!.bindings, i.request!));
  return new Set(beside.map(s => JSON.stringify(s.values))).size === 1;
}

/** Requests are looked up by the minute in which they began; those that took longer than this are few and looked at one by one. */
const minuteUs = 60 * SECOND;
const longUs = 10 * minuteUs;

type Beside = { readonly request_id: number; readonly route: string; readonly intruder: boolean };

/** The routes of all other requests that may have run in the time in which each of these did. */
async function routesBeside(engine: Engine, requests: readonly Request[]): Promise<ReadonlyMap<number, readonly Beside[]>> {
  await engine.load(
    'alone_window',
    [
      { name: 'request_id', type: 'BIGINT' },
      { name: 'from_us', type: 'BIGINT' },
      { name: 'to_us', type: 'BIGINT' },
    ],
    requests.map(r => [r.eventId, r.loUs - 2 * statementSlackUs, r.hiUs + 2 * statementSlackUs]),
  );
  const told = sql`w.request_id, coalesce(e.method, '') || ' ' || ${pathShape} as route, e.event_id in (select event_id from actor_event) as intruder`;
  const overlaps = sql`${requestStart} <= w.to_us and ${requestEnd} >= w.from_us and e.event_id <> w.request_id`;
  // A hash join with the few windows: the log itself is never sorted nor held.
  const rows = await engine.rows<Beside>(
    'exposure.beside',
    sql`with minute as (select *, unnest(generate_series((from_us - ${longUs}) // ${minuteUs}, to_us // ${minuteUs})) as began from alone_window)
    select ${told} from event e join minute w on ${requestStart} // ${minuteUs} = w.began and ${overlaps} where e.class = 1 and ${requestEnd} - ${requestStart} <= ${longUs}
    union select ${told} from event e join alone_window w on ${overlaps} where e.class = 1 and ${requestEnd} - ${requestStart} > ${longUs}
    order by all`,
  );
  await engine.run('exposure.drop_alone', sql`drop table alone_window`);
  return groupBy(rows, r => r.request_id);
}
