import { DAY, groupBy, HOUR, MINUTE, SECOND } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { knowFound } from '../found-events.ts';
import { count } from '../requests/judge.ts';
import { actorKey, episodes, pathMatches } from '../requests/request.ts';
import { readSenders, type Senders } from '../senders.ts';
import type { Detection } from '../tables.ts';
import { medianGap, spanOf } from '../times.ts';
import { loginPath } from './sign-in-answers.ts';

const exportPath = String.raw`export|download|report|dump|backup|extract|bulk|\.(?:csv|tsv|xlsx?|zip|gz|sql|ndjson|jsonl|parquet|bak)$|/csv(?:/|$)`;
const exportType = String.raw`text/csv|octet-stream|ms-excel|spreadsheetml|/zip`;

type Export = {
  event_id: number;
  at_us: number | null;
  who: number;
  client: number;
  route: string;
  query: string | null;
  bytes_out: number;
};

const minOthers = 20;

/**
 * Exports that nobody else takes: much larger than the largest of all other actors on that route, or larger and with parameters nobody else
 * uses, or taken by an actor that another method already points at, or by a function of the application that only such an actor and its like
 * ever used. A large export that is usual on its route is none.
 */
export async function detectExports(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const rows = await readExports(engine);
  const marks = found.filter(pointsAtActor);
  const marked = await markedActors(engine, marks);
  const sure = new Set(marks.filter(d => !isDoubtful(d)).flatMap(d => d.events.map(e => Number(e.eventId))));
  const kin = await kinOfMarked(engine, rows, marked);
  const unsigned = await neverSignedIn(engine, rows, found);
  const out: Detection[] = [];
  for (const [route, list] of groupBy(rows, r => r.route)) {
    const chosen = new Map<Export, string[]>();
    const perActor = groupBy(list, r => r.who);
    const maxima = [...perActor].map(([who, l]) => ({ who, max: l.reduce((m, r) => Math.max(m, r.bytes_out), 0) })).sort((a, b) => b.max - a.max);
    let usedBy: ReadonlyMap<string, number> | null = null;
    const ofOne = (name: string): boolean => {
      usedBy ??= new Map(count([...perActor.values()].flatMap(l => [...new Set(l.flatMap(x => parameterNames(x.query)))])));
      return usedBy.get(name) === 1;
    };
    for (const r of list) {
      const reasons: string[] = [];
      const others = maxima.find(m => m.who !== r.who && !marked.has(m.who))?.max ?? null;
      const enough = perActor.size - 1 >= minOthers;
      if (enough && others !== null && r.bytes_out >= 3 * others) reasons.push('largest-by-far');
      if (enough && others !== null && r.bytes_out >= 1.25 * others && parameterNames(r.query).some(ofOne)) reasons.push('larger-with-new-parameter');
      if (isMarked(marked, r)) reasons.push('actor-already-marked');
      else if (kin.has(r)) reasons.push('function-only-of-a-marked-actor');
      else if (unsigned.has(r)) reasons.push('never-signed-in-after-a-broken-door');
      if (reasons.length > 0) chosen.set(r, reasons);
    }
    for (const [r, reason] of burstsOf(perActor, marked)) chosen.set(r, [...(chosen.get(r) ?? []), reason]);
    for (const [r, reason] of sweepsOf(perActor, marked)) chosen.set(r, [...(chosen.get(r) ?? []), reason]);
    const senders = await readSenders(engine, chosen.keys());
    const isAnybodys = (r: Export): boolean => isShared(senders.actor(r), r, chosen.get(r)!, sure);
    for (const events of groupBy(chosen.keys(), r => `${isAnybodys(r)}|${r.who}`).values()) {
      const [{ who }] = events as [Export];
      const actor = senders.actor(events[0]!);
      const anybodys = isAnybodys(events[0]!);
      const reasons = [...new Set(events.flatMap(e => chosen.get(e)!))].sort();
      out.push({
        ruleId: 'mass-export',
        kind: 'mass-export',
        family: 'export',
        level: 'high',
        outcome: 'succeeded',
        groupKey: `export|${route}|${actor}${anybodys ? '|beside' : ''}`,
        facts: {
          ...((anybodys || restsOnDoubt(marked, reasons, events)) && { doubtful: true }),
          route,
          basis: reasons,
          requests: events.length,
          bytes: events.reduce((n, e) => n + e.bytes_out, 0),
          largest_of_others: maxima.find(m => m.who !== who)?.max ?? null,
          other_actors: perActor.size - 1,
        },
        events: events.map(e => ({ eventId: e.event_id, atUs: e.at_us, facts: { bytes: e.bytes_out } })),
      });
    }
  }
  return out.sort((a, b) => (a.groupKey < b.groupKey ? -1 : 1));
}

/** All answered exports in order of time. There may be millions: senders and routes come as numbers, and a route is held once. */
async function readExports(engine: Engine): Promise<Export[]> {
  const named = await pathMatches(engine, exportPath);
  const exported = (test: Sql): Sql =>
    sql`select event_id, at_us, ${actorKey} as who, client_key, route, query, bytes_out from event where class = 1 and status between 200 and 299 and bytes_out > 0 and ${test}`;
  await engine.run(
    'detection.exports',
    sql`create or replace temp table detection_export as
    select event_id, at_us, who, client_key, route_no, query, bytes_out
    from (${exported(named)} union all ${exported(sql`content_type is not null and regexp_matches(lower(content_type), ${sql.lit(exportType)}) and not coalesce(${named}, false)`)}) join detection_route using (route)`,
  );
  const routes = await engine.rows<{ route_no: number; route: string }>(
    'detection.export-routes',
    sql`select route_no, route from detection_route where route_no in (select route_no from detection_export)`,
  );
  const textOf = new Map(routes.map(r => [r.route_no, r.route]));
  const out: Export[] = [];
  const batches = engine.stream<Omit<Export, 'route'> & { route_no: number }>(
    'detection.exports',
    sql`select event_id, at_us::double as at_us, who::double as who, client_key::double as client, route_no, query, bytes_out::double as bytes_out from detection_export e
    order by e.at_us nulls first, event_id`,
  );
  for await (const batch of batches)
    for (const { event_id, at_us, who, client, route_no, query, bytes_out } of batch)
      out.push({ event_id, at_us, who, client, route: textOf.get(route_no)!, query, bytes_out });
  return out;
}

const burstGapUs = 5 * MINUTE;
const minBurst = 8;

/** Runs of many different exports in a short time: at least eight, and three times what any other actor takes in one go. */
function burstsOf(perActor: ReadonlyMap<number, readonly Export[]>, marked: ReadonlyMap<number, Span>): [Export, string][] {
  const bursts = [...perActor].filter(([, list]) => list.length >= minBurst).flatMap(runsOf);
  if (perActor.size - 1 < 5 || !bursts.some(b => b.different >= minBurst)) return [];
  const runs = [...perActor].flatMap(runsOf).sort((a, b) => b.different - a.different);
  return runs
    .filter(run => run.different >= minBurst)
    .flatMap(run => {
      const others = runs.find(o => o.who !== run.who && !marked.has(o.who))?.different ?? 0;
      return run.different >= 3 * others ? run.part.map((r): [Export, string] => [r.row, 'many-exports-in-a-row']) : [];
    });
}

type Run = { readonly who: number; readonly part: readonly { readonly row: Export }[]; readonly different: number };

function runsOf([who, list]: readonly [number, readonly Export[]]): Run[] {
  const timed = list.map(r => ({ atUs: r.at_us, row: r }));
  return episodes(timed, burstGapUs).map(part => ({ who, part, different: new Set(part.map(r => r.row.query)).size }));
}

const minSweep = 20;
const clickUs = 2 * SECOND;

/** Runs of at least twenty different exports faster than anybody clicks, by an actor at whom another method points; not where they come on other days too. */
function sweepsOf(perActor: ReadonlyMap<number, readonly Export[]>, marked: ReadonlyMap<number, Span>): [Export, string][] {
  const out: [Export, string][] = [];
  for (const list of perActor.values()) {
    // Only what a marked actor did is ever told.
    if (!list.some(r => marked.has(r.who) || marked.has(r.client))) continue;
    const timed = list.map(r => ({ atUs: r.at_us, row: r }));
    const runs = episodes(timed, burstGapUs).filter(part => new Set(part.map(r => r.row.query)).size >= minSweep && medianGap(part.map(r => r.atUs)) < clickUs);
    if (runs.length === 0 || new Set(runs.map(part => Math.floor((part[0]!.atUs ?? 0) / DAY))).size > 1) continue;
    for (const { row } of runs.flat()) if (isMarked(marked, row)) out.push([row, 'faster-than-anybody-clicks']);
  }
  return out;
}

/**
 * Exports by a client that nothing else points at, of a function (last word of the path, on whatever table) that nobody uses but marked actors and
 * clients with the very agent of one of them, an agent nobody else has: the same hands from another address.
 */
async function kinOfMarked(engine: Engine, rows: readonly Export[], marked: ReadonlyMap<number, Span>): Promise<Set<Export>> {
  const out = new Set<Export>();
  if (marked.size === 0) return out;
  const { actors } = await engine.row<{ actors: number }>('detection.actors', sql`select count(*) as actors from detection_client`);
  if (actors <= minOthers) return out;
  const isFound = (r: Export): boolean => isMarked(marked, r);
  for (const list of groupBy(rows, r => r.route.slice(r.route.lastIndexOf('/') + 1)).values()) {
    const marks = list.filter(isFound);
    const others = list.filter(r => !isFound(r));
    if (marks.length === 0 || others.length === 0) continue;
    const areTheirs = (of: Senders, some: readonly Export[]): boolean => {
      const agents = new Set(marks.map(of.agent));
      return some.every(r => of.agent(r) !== null && agents.has(of.agent(r)));
    };
    // Where many use a function, a few of them mostly tell that it is no such one.
    const first = others.slice(0, 100);
    if (!areTheirs(await readSenders(engine, [...marks, ...first]), first)) continue;
    const senders = await readSenders(engine, list);
    if (!areTheirs(senders, others)) continue;
    const clients = new Set(list.map(senders.client));
    const holders = await engine.rows<{ client: string }>(
      'detection.agent-holders',
      sql`select distinct client from detection_request where user_agent in (${sql.join([...new Set(others.map(r => senders.agent(r)!))].sort().map(a => sql`${a}`))}) order by client limit ${clients.size + 1}`,
    );
    if (holders.every(h => clients.has(h.client))) for (const r of others) out.add(r);
  }
  return out;
}

const carriedUs = 7 * DAY;
const minSigners = 3;

/**
 * Exports by clients that came only after somebody guessed a password, and never signed in where (nearly) all others who export did: a session
 * carried to another address, or a person whose own address changed. A doubt, which widens the upper bound.
 */
async function neverSignedIn(engine: Engine, rows: readonly Export[], found: readonly Detection[]): Promise<Set<Export>> {
  const out = new Set<Export>();
  const entered = found
    .filter(d => d.ruleId === 'sign-in-campaign-success')
    .flatMap(d => d.events.filter(e => e.facts?.['outcome'] === 'success').map(e => e.atUs))
    .filter(t => t !== null);
  if (entered.length === 0 || rows.length === 0) return out;
  const { from, to } = spanOf(entered);
  await engine.load(
    'detection_exporter',
    [{ name: 'client_key', type: 'BIGINT' }],
    [...new Set(rows.map(r => r.client))].map(c => [c]),
  );
  const clients = await engine.rows<{ client: number; first_us: number; signed: boolean }>(
    'detection.export-clients',
    sql`select client_key::double as client, min(at_us) as first_us, coalesce(bool_or(method = 'POST' and ${await pathMatches(engine, loginPath)}), false) as signed
      from event semi join detection_exporter using (client_key) where class = 1 and at_us is not null group by client_key`,
  );
  const signed = new Set(clients.filter(c => c.signed).map(c => c.client));
  const late = new Set(clients.filter(c => !c.signed && c.first_us >= from && c.first_us <= to + carriedUs).map(c => c.client));
  const senders = await readSenders(
    engine,
    rows.filter(r => late.has(r.client)),
  );
  for (const [, list] of groupBy(rows, r => r.route)) {
    const others = [...new Set(list.map(r => r.client))].filter(c => !late.has(c));
    const n = others.filter(c => signed.has(c)).length;
    if (n >= minSigners && n >= 0.9 * others.length) for (const r of list) if (late.has(r.client) && !senders.actor(r).startsWith('s:')) out.add(r);
  }
  return out;
}

function parameterNames(query: string | null): string[] {
  return query === null
    ? []
    : query
        .split('&')
        .map(p => p.split('=')[0]!.toLowerCase())
        .filter(n => n !== '');
}

/** From when to when an actor is marked; `doubtful` when every mark is itself only a doubt. */
type Span = { readonly from: number; readonly to: number; readonly doubtful: boolean };

const pointsAtActor = (d: Detection): boolean => d.kind === 'idor-enumeration' || d.kind === 'account-takeover' || d.ruleId === 'list-walk';

/** Taken at an address that several may share (its requests name neither agent nor holder), and marked by nothing but another request from there. */
function isShared(actor: string, r: Export, reasons: readonly string[], sure: ReadonlySet<number>): boolean {
  return actor.startsWith('i:') && actor.endsWith('|') && reasons.every(x => x === 'actor-already-marked') && !sure.has(r.event_id);
}

/** Sessions and clients that walked through records or got in by guessing, and when. */
async function markedActors(engine: Engine, marks: readonly Detection[]): Promise<Map<number, Span>> {
  if (marks.length === 0) return new Map();
  await knowFound(engine, marks);
  await engine.load(
    'detection_suspicious',
    [
      { name: 'event_id', type: 'BIGINT' },
      { name: 'doubtful', type: 'BOOLEAN' },
    ],
    marks.flatMap(d => d.events.map(e => [Number(e.eventId), isDoubtful(d)])),
  );
  const rows = await engine.rows<{ who: number; from_us: number; to_us: number; doubtful: boolean }>(
    'detection.marked-actors',
    sql`
    select ${actorKey}::double as who, coalesce(min(at_us), 0) as from_us, coalesce(max(at_us), 0) as to_us, bool_and(doubtful) as doubtful
    from detection_found join detection_suspicious using (event_id) where client_key is not null group by who order by who`,
  );
  return new Map(rows.map(r => [r.who, { from: r.from_us, to: r.to_us, doubtful: r.doubtful }]));
}

const isDoubtful = (d: Detection): boolean => d.facts['doubtful'] === true;

/** An export that stands out by nothing but a doubtful mark is itself a doubt: it may widen the upper bound, it accuses nobody. */
function restsOnDoubt(marked: ReadonlyMap<number, Span>, reasons: readonly string[], events: readonly Export[]): boolean {
  if (reasons.every(r => r === 'never-signed-in-after-a-broken-door')) return true;
  const own = reasons.every(r => r === 'actor-already-marked' || r === 'function-only-of-a-marked-actor');
  const spans = events.flatMap(e => [marked.get(e.who), marked.get(e.client)]).filter(m => m !== undefined);
  return own && (spans.length > 0 ? spans.every(m => m.doubtful) : [...marked.values()].every(m => m.doubtful));
}

/** A session stays its holder's; an address and agent may be others' at other times. */
function isMarked(marked: ReadonlyMap<number, Span>, r: Export): boolean {
  const near = (span: Span | undefined): boolean => span !== undefined && r.at_us !== null && r.at_us >= span.from - HOUR && r.at_us <= span.to + 12 * HOUR;
  return near(marked.get(r.client)) || (r.who !== r.client && marked.has(r.who));
}
