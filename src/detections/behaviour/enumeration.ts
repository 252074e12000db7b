import { DAY, groupBy, SECOND } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { innerAddress } from '../../events/index.ts';
import { count } from '../requests/judge.ts';
import { episodes } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { readingUs } from '../times.ts';
import { countPeers } from './count-peers.ts';
import { prepareCalls } from './numbered-calls.ts';
import { openRoutes } from './open-routes.ts';
import { withOwnership } from './owners.ts';
import { programAgent } from './program-agent.ts';
import { splitRun } from './shared-walks.ts';

const minObjects = 30;
/** Fewer calls of a peer tell no share of refusals. */
const leastCalls = 20;
/** So many in exactly one stride come by no chance; they need not outdo the others by as much. */
const manyInStride = 100;
const strideLead = 1.5;
/** Who reads the same records again on that many days is a job of the site. */
const jobDays = 3;
/** Fewer who do the same may be one. */
const fewestOfPractice = 3;

type Walk = {
  actor: string;
  route: string;
  how: 'object' | 'page';
  n: number;
  d: number;
  lo: number;
  hi: number;
  steps: number;
  same_steps: number;
  corr: number | null;
  missed: number;
  gap_us: number | null;
  all_requests: number;
  q95: number;
  actors: number;
  /** The least share of refusals that another actor with calls enough met there. */
  peers_missed: number;
};

/**
 * Walking through records by number, or through a list by page. An actor stands out when it called up far more distinct numbers of one
 * route than its peers did AND in a way people do not: small steps, or numbers that grow with time and cover a range densely, or (in any order)
 * so many, so fast and with so many that do not exist that no person does it.
 */
export async function detectEnumeration(engine: Engine): Promise<Detection[]> {
  await prepareCalls(engine);
  const walks = await findWalks(engine);
  if (walks.length > 0) await leaveOutJobs(engine);
  const doubted = new Set([...(await practicesOf(engine, walks)), ...(await housekeepingOf(engine, walks))]);
  const out: Detection[] = [];
  for (const [actor, list] of groupBy(walks, w => w.actor)) {
    for (const how of ['object', 'page'] as const) {
      const own = list.filter(w => w.how === how).sort((a, b) => b.d - a.d || (a.route < b.route ? -1 : 1));
      if (own.length > 0) out.push(...(await walkDetections(engine, actor, how, own, doubted)));
    }
  }
  return withOwnership(engine, out);
}

/**
 * Walks that are how a function is used: at least half of all who use it walk it at the pace of people, and they are several, with clients of their own (invoices
 * printed one by one at the end of the month). Accomplices would look alike, so these are doubts.
 */
async function practicesOf(engine: Engine, walks: readonly Walk[]): Promise<ReadonlySet<Walk>> {
  const out = new Set<Walk>();
  for (const [route, list] of groupBy(
    walks.filter(w => w.how === 'object' && w.gap_us !== null && w.gap_us >= readingUs),
    w => w.route,
  )) {
    if (list.length < fewestOfPractice || 2 * list.length < list[0]!.actors) continue;
    const { clients } = await engine.row<{ clients: number }>(
      'detection.walk-clients',
      sql`select count(distinct client)::integer as clients from detection_walk where route = ${route} and actor in (${sql.join(list.map(w => sql`${w.actor}`))})`,
    );
    if (clients >= fewestOfPractice) for (const w of list) out.add(w);
  }
  return out;
}

/** Where so many clients come from outside, an address that no packet from outside bears is a machine of the site. */
const mostlyOutside = 0.7;

/** Walks by programs at inner addresses of a site whose users come from outside: its own batches, also when they run for the first time. Whoever got into such a machine looks alike: a doubt. */
async function housekeepingOf(engine: Engine, walks: readonly Walk[]): Promise<Walk[]> {
  if (walks.length === 0) return [];
  const isInner = sql`regexp_matches(src_ip, ${sql.lit(innerAddress)})`;
  const { outside } = await engine.row<{ outside: number }>(
    'detection.walk-outside',
    sql`select coalesce(avg((not ${isInner})::int), 0) as outside from (select distinct src_ip from detection_client where src_ip is not null)`,
  );
  if (outside < mostlyOutside) return [];
  const rows = await engine.rows<{ actor: string }>(
    'detection.walk-inside',
    sql`select actor from (select distinct actor, client from detection_walk) join detection_client using (client)
      group by actor having bool_and(coalesce(${isInner}, false) and regexp_matches(coalesce(user_agent, ''), ${sql.lit(`(?i)${programAgent.source}`)})) order by actor`,
  );
  const inside = new Set(rows.map(r => r.actor));
  return walks.filter(w => inside.has(w.actor));
}

/**
 * Walks that stand out. What is usual on a route is measured over all actors by key; those who reach the least number are read with their texts
 * (`detection_walk`) and judged by these. Who walks through pages that are open to everybody reaches nobody's records.
 */
async function findWalks(engine: Engine): Promise<Walk[]> {
  await countPeers(
    engine,
    'detection_far',
    sql`select who, place, sum(n)::bigint as n from detection_reach where place in (select place from detection_reach group by who, place having sum(n) >= ${minObjects}) group by who, place`,
    sql`select who, place, object from detection_called`,
  );
  await engine.run(
    'detection.walk-hot',
    sql`create or replace temp table detection_hot as
    with rate as (select who, place, 1 - sum(accepted) / sum(n) as missed from detection_reach group by who, place having sum(n) >= ${leastCalls}),
      least as (select place, arg_min(who, missed, 2) as whos, min(missed, 2) as rates from rate group by place)
    select who, route, how, d, q95, actors, coalesce(case when whos[1] = who then rates[2] else rates[1] end, 0) as peers_missed
    from detection_far join detection_place using (place) left join least using (place) where d >= ${minObjects} and (d >= 2 * q95 or actors < 10 or (d >= ${manyInStride} and d >= ${strideLead} * q95))`,
  );
  const { n } = await engine.row<{ n: number }>('detection.walk-count', sql`select count(*) as n from detection_hot`);
  // All that the hot ones called up, on other routes too: a walk goes on below its route.
  await engine.run(
    'detection.walk-texts',
    sql`create or replace temp table detection_walk as
    select event_id, at_us, who, coalesce(holder, n.client) as actor, n.client, status, route, how, object
    from (select * from detection_called where ${n > 0} and client in (select client from detection_reach semi join detection_hot using (who)) and who in (select who from detection_hot)) c join detection_place using (place)
      join detection_client n on n.client_key = c.client left join detection_holder on holder_key = who`,
  );
  if (n === 0) return [];
  return engine
    .rows<Walk>(
      'detection.walks',
      sql`
    with hot as (
        select actor, route, how, count(distinct object) as d, any_value(q95) as q95, any_value(h.actors) as actors, any_value(h.peers_missed) as peers_missed
        from detection_walk w join detection_hot h using (who, route, how) group by actor, route, how),
      ordered as (
        select o.actor, o.route, o.how, o.object, o.at_us, o.status, object - lag(object) over w as step, o.at_us - lag(o.at_us) over w as gap
        from detection_walk o join hot using (actor, route, how)
        window w as (partition by o.actor, o.route, o.how order by o.at_us, o.event_id)),
      whole as (select actor, all_requests from (select who, sum(n)::bigint as all_requests from detection_traffic where who in (select who from detection_hot) group by who)
        join (select distinct who, actor from detection_walk) using (who)),
      shape as (
        select actor, route, how, count(*) as n, min(object) as lo, max(object) as hi,
          coalesce(avg((abs(step) between 1 and 5)::int) filter (where step <> 0), 0) as steps,
          coalesce(avg((step = usual)::int) filter (where step <> 0), 0) as same_steps, abs(corr(at_us, object)) as corr,
          avg((status in (403, 404, 410, 400))::int) as missed, median(gap) as gap_us
        from ordered join (select actor, route, how, mode(step) filter (where step <> 0) as usual from ordered group by all) using (actor, route, how) group by actor, route, how)
    select shape.*, hot.d, hot.q95, hot.actors, hot.peers_missed, all_requests from shape join hot using (actor, route, how) join whole using (actor)
    order by actor, how, route`,
    )
    .then(async rows => {
      const walks = rows.filter(isWalk);
      const open = await openRoutes(
        engine,
        walks.filter(w => w.how === 'object').map(w => w.route),
      );
      return walks.filter(w => !open.has(w.route));
    });
}

function isWalk(w: Walk): boolean {
  const coverage = w.d / (w.hi - w.lo + 1);
  const peersLittle = w.actors < 10;
  // Whether a list was really walked is seen on its values one by one: see longestChain.
  if (w.how === 'page') return w.d >= Math.max(minObjects, 2 * (peersLittle ? 0 : w.q95)) && (w.same_steps >= 0.3 || (w.corr ?? 0) >= 0.9);
  const inOrder = w.steps >= 0.6 || ((w.corr ?? 0) >= 0.95 && coverage >= 0.1);
  if (inOrder) return w.d >= Math.max(minObjects, 2 * (peersLittle ? 15 : w.q95));
  if (!peersLittle && w.same_steps >= 0.95 && (w.corr ?? 0) >= 0.99 && w.d >= Math.max(manyInStride, strideLead * w.q95)) return true;
  const fast = w.gap_us !== null && w.gap_us < 2 * SECOND;
  const onlyThis = w.n >= 0.6 * w.all_requests;
  // Where everybody meets deleted records, meeting them is no sign of guessing.
  const guesses = w.missed >= Math.max(0.1, 2 * w.peers_missed);
  const many = w.d >= (peersLittle ? 300 : Math.max(100, 6 * w.q95));
  // An address may be an office: many people in no order look like one who looks up everything, but they also open lists and menus.
  if (w.actor.startsWith('i:')) return many && onlyThis && (guesses || (fast && w.n >= 0.9 * w.all_requests) || (fast && !peersLittle && w.d >= 8 * w.q95));
  return many && onlyThis && (guesses || (fast && coverage >= 0.05) || coverage >= 0.5);
}

/** A client that reads most of its records of a route anew on several days takes nothing: a nightly batch, a cache that is kept warm. */
async function leaveOutJobs(engine: Engine): Promise<void> {
  await engine.run(
    'detection.walk-jobs',
    sql`delete from detection_walk using (
      select client, route from (select client, route, object, count(distinct at_us // ${DAY}::bigint) as days from detection_walk group by all)
      group by client, route having avg((days >= ${jobDays})::int) >= 0.5) job
    where detection_walk.client = job.client and detection_walk.route = job.route`,
  );
}

type ObjectEvent = {
  event_id: number;
  at_us: number | null;
  atUs: number | null;
  client: string;
  route: string;
  object: number;
  status: number | null;
};

/** All requests of the walk: of this actor, on this route and what lies below it, without strangers who share its address. */
async function walkDetections(engine: Engine, actor: string, how: 'object' | 'page', walks: readonly Walk[], doubted: ReadonlySet<Walk>): Promise<Detection[]> {
  const rows = await engine.rows<Omit<ObjectEvent, 'atUs'>>(
    'detection.walk-events',
    sql`
    select event_id, at_us, client, route, object, status from detection_walk where actor = ${actor} and how = ${how} order by at_us nulls first, event_id`,
  );
  const out: Detection[] = [];
  const taken = new Set<number>();
  for (const w of walks) {
    const here = rows.filter(r => !taken.has(r.event_id) && (r.route === w.route || r.route.startsWith(`${w.route}/`)));
    const own = here.map(r => ({ ...r, atUs: r.at_us }));
    const run = how === 'page' ? longestChain(own) : keepRun(own, actor.startsWith('i:'));
    if (new Set(run.map(r => r.object)).size < minObjects) continue;
    for (const r of run) taken.add(r.event_id);
    const { sure, doubtful } = actor.startsWith('i:') && how === 'object' ? splitRun(run, isLine(w)) : { sure: episodes(run), doubtful: [] };
    for (const part of sure) out.push(walkDetection(w, part, doubted.has(w)));
    if (doubtful.length > 0) out.push(walkDetection(w, doubtful, true));
  }
  return out;
}

function walkDetection(w: Walk, part: readonly ObjectEvent[], doubtful: boolean): Detection {
  const ok = part.filter(r => r.status !== null && r.status >= 200 && r.status < 300).length;
  const objects = new Set(part.map(r => r.object));
  return {
    ruleId: w.how === 'object' ? 'id-enumeration' : 'list-walk',
    kind: w.how === 'object' ? 'idor-enumeration' : 'mass-export',
    family: 'enumeration',
    level: objects.size >= 100 ? 'high' : 'medium',
    outcome: doubtful ? 'unknown' : ok > 0 ? 'succeeded' : part.every(r => r.status === 403) ? 'blocked' : 'attempted',
    groupKey: `walk|${w.route}|${w.actor}${doubtful ? '|beside' : ''}`,
    facts: {
      ...(doubtful && { doubtful }),
      route: w.route,
      requests: part.length,
      distinct: objects.size,
      lowest: w.lo,
      highest: w.hi,
      coverage: round(w.d / (w.hi - w.lo + 1)),
      small_steps: round(w.steps),
      same_steps: round(w.same_steps),
      order_correlation: w.corr === null ? null : round(w.corr),
      missing: round(w.missed),
      answered_ok: ok,
      peers: w.actors,
      peers_q95: w.q95,
    },
    events: part.map(r => ({ eventId: r.event_id, atUs: r.at_us, facts: { object: r.object } })),
  };
}

/** From end to end one line: what lies on it needs no further sign. */
const isLine = (w: Walk): boolean => w.steps >= 0.9 && (w.corr ?? 0) >= 0.95;

/**
 * With a session the actor is exact, but a session that was stolen was somebody's: only clients that carry the pattern stay.
 * With an address alone, numbers far off the run (an innocent beside the intruder) are left out: the run's place at a time is the median of its neighbours.
 */
function keepRun(events: readonly ObjectEvent[], addressOnly: boolean): ObjectEvent[] {
  if (!addressOnly) {
    const clients = groupBy(events, e => e.client);
    const keep = new Set([...clients].filter(([, list]) => clients.size === 1 || new Set(list.map(e => e.object)).size >= 10).map(([c]) => c));
    return events.filter(e => keep.has(e.client));
  }
  const sorted = [...events].sort((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0) || (a.event_id < b.event_id ? -1 : 1));
  const near = sorted.map((e, i) => {
    const window = sorted
      .slice(Math.max(0, i - 20), i + 21)
      .map(x => x.object)
      .sort((a, b) => a - b);
    const median = window[window.length >> 1]!;
    const spread = window.map(x => Math.abs(x - median)).sort((a, b) => a - b)[window.length >> 1]!;
    return Math.abs(e.object - median) <= Math.max(60, 6 * spread);
  });
  return sorted.filter((_, i) => near[i]);
}

/**
 * The longest run of list places in one step (the page size, whatever it is), called up in that order. People behind one address also page,
 * but here and there: their places make many short runs, or a dense range in no order. Empty unless most places are in one run.
 */
function longestChain(events: readonly ObjectEvent[]): ObjectEvent[] {
  const first = new Map<number, number>();
  for (const e of events) if (!first.has(e.object)) first.set(e.object, e.atUs ?? 0);
  const values = [...first.keys()].sort((a, b) => a - b);
  const steps = count(values.slice(1).map((v, i) => String(v - values[i]!)));
  const step = Number(steps[0]?.[0] ?? 0);
  if (step <= 0) return [];
  let best: number[] = [];
  for (const v of values) {
    if (first.has(v - step)) continue;
    const chain = [v];
    while (first.has(chain[chain.length - 1]! + step)) chain.push(chain[chain.length - 1]! + step);
    if (chain.length > best.length) best = chain;
  }
  const forward = best.slice(1).filter((v, i) => first.get(v)! >= first.get(best[i]!)!).length;
  if (best.length < minObjects || best.length < 0.6 * values.length || forward < 0.9 * (best.length - 1)) return [];
  const inside = new Set(best);
  return events.filter(e => inside.has(e.object));
}

function round(x: number): number {
  return Math.round(x * 1000) / 1000;
}
