import { groupBy, SECOND } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { count } from '../requests/judge.ts';
import { actorKey, clientKey, episodes, oneOf, pathMatches } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { openRoutes } from './open-routes.ts';
import { withOwnership } from './owners.ts';
import { splitRun } from './shared-walks.ts';

/** What may stand before the number in the code of a record (`R2024-`, `PO`): short, as no opaque id is. */
const codePrefix = String.raw`[A-Za-z](?:[A-Za-z0-9._-]{0,9}[A-Za-z._-])?`;
/** Query parameters that carry the number of a record, alone or at the end of a code, and those that carry a place in a list. */
const objectParameter = String.raw`(?:^|&)([\w.\[\]-]*?(?:id|no|num|number|code|key|user|uid|pid|cid|customer|account|order|doc|document|file|policy|claim|contract|invoice|member|record|quote|ref))=(?:${codePrefix})?([0-9]{1,15})(?:&|$)`;
const pageParameter = String.raw`(?:^|&)(page|p|pg|pageno|page_no|pagenum|page_index|offset|start|from|skip|first|index|cursor|after|since|since_id|last_id|lastid|marker|position)=([0-9]{1,9})(?:&|$)`;
const asset = String.raw`\.(?:css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|eot|mp[34]|webm|html?)$`;

const minObjects = 30;

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
};

/**
 * Walking through records by number, or through a list by page. An actor stands out when it called up far more distinct numbers of one
 * route than its peers did AND in a way people do not: small steps, or numbers that grow with time and cover a range densely, or (in any order)
 * so many, so fast and with so many that do not exist that no person does it.
 */
export async function detectEnumeration(engine: Engine): Promise<Detection[]> {
  await prepareObjects(engine);
  const walks = await findWalks(engine);
  const out: Detection[] = [];
  for (const [actor, list] of groupBy(walks, w => w.actor)) {
    for (const how of ['object', 'page'] as const) {
      const own = list.filter(w => w.how === how).sort((a, b) => b.d - a.d || (a.route < b.route ? -1 : 1));
      if (own.length > 0) out.push(...(await walkDetections(engine, actor, how, own)));
    }
  }
  return withOwnership(engine, out);
}

/**
 * `detection_call`: event, keys of actor and client, `place`, and the number, for actors who call up enough of them to tell. Opaque ids (UUID, long hex) are
 * not numbers and are counted by exports and peers only. `detection_place`: places by number (of records from 1 up, of lists below 0), with the route
 * in which the number is taken out, and `how`. The view `detection_object` shows all that with the texts of actor and client.
 */
async function prepareObjects(engine: Engine): Promise<void> {
  await engine.run(
    'detection.busy',
    sql`create or replace temp table detection_busy as
    select who from (select ${actorKey} as who, target from event where class = 1 and case when shape is null then regexp_matches(target, '[0-9]') else contains(shape, '0') end)
    group by who having count(*) >= 10 and approx_count_distinct(target) >= 8`,
  );
  await callsOfPaths(engine);
  await callsOfParameters(engine);
  await engine.run(
    'detection.object',
    sql`create or replace temp view detection_object as
    select event_id, at_us, coalesce(holder, n.client) as actor, n.client, status, route, how, object
    from detection_call c join detection_place using (place) join detection_client n on n.client_key = c.client left join detection_holder on holder_key = who`,
  );
}

async function callsOfPaths(engine: Engine): Promise<void> {
  await engine.run(
    'detection.places',
    sql`create or replace temp table detection_place as
    select row_number() over (order by value)::integer as place, value as route, 'object' as how, value like '%#%#%' as several, strpos(value, '#') as begins, length(value) as width
    from detection_value where name = 'route' and contains(value, '#')`,
  );
  const isAsset = await pathMatches(engine, asset);
  // A path that holds the very sign of a number is no route with one.
  const numbered = (several: Sql): Sql => sql`
    (select event_id, at_us, ${actorKey} as who, ${clientKey} as client, status, path, place, begins, width from event join (select * from detection_place where ${several}) using (route)
      where class = 1 and route <> path and not ${isAsset} and ${actorKey} in (select who from detection_busy))`;
  // With one number in a path its place and length are told by the route: no second pass of a pattern is needed.
  await engine.run(
    'detection.numbered',
    sql`create or replace temp table detection_call as
    select event_id, at_us, who, client, status, place, try_cast(substring(path, begins, length(path) - width + 1) as bigint) as object from ${numbered(sql`not several`)}`,
  );
  await engine.run(
    'detection.call',
    sql`insert into detection_call
    with listed as (select event_id, at_us, who, client, status, place, regexp_extract_all(path, '[0-9]+') as numbers from ${numbered(sql`several`)}),
      varying as (select place, approx_count_distinct(numbers[1]) as a, approx_count_distinct(numbers[2]) as b, approx_count_distinct(numbers[3]) as c from listed group by place),
      placed as (select place, case when coalesce(c, 0) > greatest(a, coalesce(b, 0)) then 3 when coalesce(b, 0) > a then 2 else 1 end as nth from varying)
    select event_id, at_us, who, client, status, place, try_cast(numbers[nth] as bigint) from listed join placed using (place)`,
  );
}

async function callsOfParameters(engine: Engine): Promise<void> {
  const parameter = `${objectParameter}|${pageParameter}`;
  const named = await oneOf(engine, 'shape', value => sql`regexp_matches(substring(${value}, strpos(${value}, '?') + 1), ${sql.lit(parameter)})`);
  await engine.run(
    'detection.parameter',
    sql`create or replace temp table detection_parameter as
    with asked as (
        select event_id, at_us, ${actorKey} as who, ${clientKey} as client, status, path, query from event
        where class = 1 and query is not null and (${named} or (shape is null and regexp_matches(query, ${sql.lit(`=(?:${codePrefix})?[0-9]`)}))) and ${actorKey} in (select who from detection_busy)),
      different as materialized (select distinct query from asked),
      read as materialized (select query, regexp_extract(lower(query), ${sql.lit(objectParameter)}, ['name', 'value']) as o, regexp_extract(lower(query), ${sql.lit(pageParameter)}, ['name', 'value']) as p
        from different where regexp_matches(lower(query), ${sql.lit(parameter)})),
      found as (select query, 'object' as how, o as found from read where o.value <> '' union all select query, 'page', p from read where p.value <> '')
    select event_id, at_us, who, client, status, path || '?' || found.name as route, how, try_cast(found.value as bigint) as object from asked join found using (query)`,
  );
  await engine.run(
    'detection.places',
    sql`insert into detection_place (place, route, how)
    select case how when 'page' then -1 else 1 end * ((select count(*) from detection_place) + row_number() over (order by route, how)), route, how
    from (select distinct route, how from detection_parameter where route is not null)`,
  );
  await engine.run(
    'detection.parameter',
    sql`insert into detection_call select event_id, at_us, who, client, status, place, object from detection_parameter join detection_place using (route, how)`,
  );
  await engine.run('detection.parameter-drop', sql`drop table detection_parameter`);
}

/**
 * Walks that stand out. What is usual on a route is measured over all actors by key; those who reach the least number are read with their texts
 * (`detection_walk`) and judged by these. Who walks through pages that are open to everybody reaches nobody's records.
 */
async function findWalks(engine: Engine): Promise<Walk[]> {
  await engine.run(
    'detection.walk-hot',
    sql`create or replace temp table detection_hot as
    with often as (select distinct place from (select place from detection_call where object is not null group by who, place having count(*) >= ${minObjects})),
      per as (select who, place, count(*) as d from (select distinct who, place, object from detection_call semi join often using (place) where object is not null) group by all),
      peers as (select place, quantile_cont(d, 0.95) as q95, count(*) as actors from per group by all)
    select who, route, how, d, q95, actors from per join peers using (place) join detection_place using (place) where d >= ${minObjects} and (d >= 2 * q95 or actors < 10)`,
  );
  const { n } = await engine.row<{ n: number }>('detection.walk-count', sql`select count(*) as n from detection_hot`);
  if (n === 0) return [];
  // All that the hot ones called up, on other routes too: a walk goes on below its route.
  await engine.run(
    'detection.walk-texts',
    sql`create or replace temp table detection_walk as
    select event_id, at_us, who, coalesce(holder, n.client) as actor, n.client, status, route, how, object
    from (select * from detection_call where who in (select who from detection_hot) and object is not null) c join detection_place using (place)
      join detection_client n on n.client_key = c.client left join detection_holder on holder_key = who`,
  );
  return engine
    .rows<Walk>(
      'detection.walks',
      sql`
    with hot as (
        select actor, route, how, count(distinct object) as d, any_value(q95) as q95, any_value(h.actors) as actors
        from detection_walk w join detection_hot h using (who, route, how) group by actor, route, how),
      ordered as (
        select o.actor, o.route, o.how, o.object, o.at_us, o.status, object - lag(object) over w as step, o.at_us - lag(o.at_us) over w as gap
        from detection_walk o join hot using (actor, route, how)
        window w as (partition by o.actor, o.route, o.how order by o.at_us, o.event_id)),
      whole as (select actor, all_requests from (select ${actorKey} as who, count(*) as all_requests from event where class = 1 and ${actorKey} in (select who from detection_hot) group by who)
        join (select distinct who, actor from detection_walk) using (who)),
      shape as (
        select actor, route, how, count(*) as n, min(object) as lo, max(object) as hi,
          coalesce(avg((abs(step) between 1 and 5)::int) filter (where step <> 0), 0) as steps,
          coalesce(avg((step = usual)::int) filter (where step <> 0), 0) as same_steps, abs(corr(at_us, object)) as corr,
          avg((status in (403, 404, 410, 400))::int) as missed, median(gap) as gap_us
        from ordered join (select actor, route, how, mode(step) filter (where step <> 0) as usual from ordered group by all) using (actor, route, how) group by actor, route, how)
    select shape.*, hot.d, hot.q95, hot.actors, all_requests from shape join hot using (actor, route, how) join whole using (actor)
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
  const fast = w.gap_us !== null && w.gap_us < 2 * SECOND;
  const onlyThis = w.n >= 0.6 * w.all_requests;
  const many = w.d >= (peersLittle ? 300 : Math.max(100, 6 * w.q95));
  // An address may be an office: many people in no order look like one who looks up everything, but they also open lists and menus.
  if (w.actor.startsWith('i:'))
    return many && onlyThis && (w.missed >= 0.1 || (fast && w.n >= 0.9 * w.all_requests) || (fast && !peersLittle && w.d >= 8 * w.q95));
  return many && onlyThis && (w.missed >= 0.1 || (fast && coverage >= 0.05) || coverage >= 0.5);
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
async function walkDetections(engine: Engine, actor: string, how: 'object' | 'page', walks: readonly Walk[]): Promise<Detection[]> {
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
    for (const part of sure) out.push(walkDetection(w, part, false));
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
