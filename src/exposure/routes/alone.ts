import { type Engine, sql } from '../../engine/index.ts';
import { type Instance, showsBody } from './instances.ts';
import { matches, type StatementIndex, statementSlackUs } from './link-statements.ts';
import { pathShape, type Request, requestEnd, requestStart, routeOf, type Span } from './requests.ts';

/** More than these are left as they are: each is held against all requests of its time. */
const mostSettled = 20_000;
/** So often must a route have been seen without a statement before it is held not to run it. */
const fewestSeen = 3;

/**
 * A statement of which no value comes from its request is the request's own where nothing else can have run it: the database log lacks no
 * line of that time (`gaps`; so the request's statement is among those beside it, and there is one kind), and every other request of anybody
 * in that time goes to a route that was seen without such a statement.
 */
export async function settleAlone(
  engine: Engine,
  instances: readonly Instance[],
  others: readonly Request[],
  index: StatementIndex,
  gaps: readonly Span[],
): Promise<Instance[]> {
  const open = new Map<number, Request>();
  for (const i of instances) if (open.size < mostSettled && unsettled(i, gaps) && oneKind(i, index)) open.set(i.request!.eventId, i.request!);
  if (open.size === 0) return [...instances];
  const beside = await routesBeside(engine, [...open.values()]);
  const byRoute = new Map<string, Request[]>();
  for (const r of others) byRoute.set(routeOf(r), [...(byRoute.get(routeOf(r)) ?? []), r]);
  const known = new Map<string, boolean>();
  const innocent = (route: string, shape: string): boolean => {
    const key = `${route}\u0001${shape}`;
    if (!known.has(key)) {
      const seen = byRoute.get(route) ?? [];
      const without = seen.filter(r => !index.during(r).some(s => s.read.shape === shape)).length;
      known.set(key, without >= fewestSeen && 2 * without > seen.length);
    }
    return known.get(key)!;
  };
  return instances.map(i =>
    i.conditional &&
    i.request &&
    open.has(i.request.eventId) &&
    unsettled(i, gaps) &&
    oneKind(i, index) &&
    (beside.get(i.request.eventId) ?? []).every(route => route === i.routeRead!.route || innocent(route, i.read.shape))
      ? { ...i, conditional: false }
      : i,
  );
}

function unsettled(i: Instance, gaps: readonly Span[]): boolean {
  const r = i.request;
  if (!r || !i.routeRead || i.routeRead.source !== 'log' || !i.conditional || i.ambiguous || i.injected || !i.statement || showsBody(r) !== 'yes') return false;
  return !gaps.some(g => g.toUs >= r.loUs - statementSlackUs && g.fromUs <= r.hiUs + statementSlackUs);
}

/** Are all statements beside a request that its route may have run the same one? */
function oneKind(i: Instance, index: StatementIndex): boolean {
  const beside = index.during(i.request!).filter(s => s.read.shape === i.read.shape && matches(s, i.routeRead!.bindings, i.request!));
  return new Set(beside.map(s => JSON.stringify(s.values))).size === 1;
}

/** The routes of all other requests that may have run in the time in which each of these did. */
async function routesBeside(engine: Engine, requests: readonly Request[]): Promise<Map<number, string[]>> {
  await engine.load(
    'alone_window',
    [
      { name: 'request_id', type: 'BIGINT' },
      { name: 'from_us', type: 'BIGINT' },
      { name: 'to_us', type: 'BIGINT' },
    ],
    requests.map(r => [r.eventId, r.loUs - 2 * statementSlackUs, r.hiUs + 2 * statementSlackUs]),
  );
  const rows = await engine.rows<{ request_id: number; called: string }>(
    'exposure.beside',
    sql`select distinct w.request_id, coalesce(e.method, '') || ' ' || ${pathShape} as called from event e join alone_window w
      on ${requestStart} <= w.to_us and ${requestEnd} >= w.from_us where e.class = 1 and e.event_id <> w.request_id order by w.request_id, called`,
  );
  await engine.run('exposure.drop_alone', sql`drop table alone_window`);
  const out = new Map<number, string[]>();
  for (const r of rows) out.set(r.request_id, [...(out.get(r.request_id) ?? []), r.called]);
  return out;
}
