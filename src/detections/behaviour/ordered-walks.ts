import { DAY, groupBy, HOUR } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { clientKey } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { closedPlaces, openRoutes } from './open-routes.ts';

type Ordered = {
  key: string;
  client: string;
  place: number;
  route: string;
  n: number;
  d: number;
  lo: number;
  hi: number;
  first_us: number;
  last_us: number;
  forward: number;
  share: number;
  peers_share: number | null;
  peers: number;
  peers_ordered: number;
  older: number;
  coverage: number;
};

const leastObjects = 30;
const minObjects = 100;
const minPeers = 5;

/**
 * Records called up in the order of their numbers, over days and at a person's pace. Nobody need have called up more than the busiest of
 * its peers for this: the order itself does not come by chance, and the records are old ones, so that it is no queue of work that comes in.
 * Certain where the client did nothing else, unlike its peers; else a doubt (somebody may have been told to go through the files).
 */
export async function detectOrderedWalks(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const taken = new Set(found.filter(d => d.kind === 'idor-enumeration').flatMap(d => d.events.map(e => Number(e.eventId))));
  const places = await openPlaces(engine, taken);
  if (places.length === 0) return [];
  const ordered = (await readOrdered(engine, places)).filter(isWalk);
  const open = await openRoutes(
    engine,
    ordered.map(w => w.route),
  );
  const rows = ordered.filter(w => !open.has(w.route));
  // Where many do it, it is how this site is used.
  const walks = [...groupBy(rows, r => r.route).values()].filter(list => list.length <= Math.max(3, 0.05 * list[0]!.peers)).flat();
  const calls = await readCalls(engine, walks);
  const out: Detection[] = [];
  for (const w of walks) {
    const events = calls.get(placeOf(w)) ?? [];
    if (events.some(e => taken.has(e.event_id))) continue;
    const ok = events.filter(e => e.status !== null && e.status < 300).length;
    const doubtful = !(w.peers >= minPeers && w.share >= 0.85 && w.peers_share !== null && w.peers_share <= 0.8 * w.share);
    out.push({
      ruleId: 'ordered-walk',
      kind: 'idor-enumeration',
      family: 'enumeration',
      level: 'high',
      outcome: doubtful ? 'unknown' : ok > 0 ? 'succeeded' : 'attempted',
      groupKey: `ordered|${w.route}|${w.client}`,
      facts: {
        ...(doubtful && { doubtful }),
        route: w.route,
        requests: w.n,
        distinct: w.d,
        lowest: w.lo,
        highest: w.hi,
        in_order: Math.round(w.forward * 1000) / 1000,
        share_of_requests: Math.round(w.share * 1000) / 1000,
        hours: Math.round((w.last_us - w.first_us) / HOUR),
        answered_ok: ok,
        peers: w.peers,
      },
      events: events.map(e => ({ eventId: e.event_id, atUs: e.at_us, facts: { object: e.object } })),
    });
  }
  return out.sort((a, b) => (a.groupKey < b.groupKey ? -1 : 1));
}

const leastSpanUs = Math.round(0.75 * DAY);

/** Places at which somebody called up enough over enough time whom no other method found there. */
async function openPlaces(engine: Engine, taken: ReadonlySet<number>): Promise<number[]> {
  const often = sql`select client, place from detection_reach where place > 0 and place in ${closedPlaces} group by client, place having sum(n) >= ${minObjects}`;
  const { n } = await engine.row<{ n: number }>('detection.ordered-some', sql`select count(*) as n from (${often})`);
  if (n === 0) return [];
  await engine.run(
    'detection.ordered-long',
    sql`create or replace temp table detection_long as
    select client, place from detection_call semi join (${often}) using (client, place) where at_us is not null
    group by client, place having count(*) >= ${minObjects} and max(at_us) - min(at_us) >= ${leastSpanUs}::bigint`,
  );
  const some = await engine.rows<{ client: string; place: number; route: string }>(
    'detection.ordered-some',
    sql`select n.client, place, route from detection_long l join detection_client n on n.client_key = l.client join detection_place using (place) order by place, n.client`,
  );
  if (some.length === 0) return [];
  const known = new Set<string>();
  const walked = await engine.rows<{ event_id: number; client: string; route: string }>(
    'detection.ordered-known',
    sql`select event_id, client, route from detection_walk where client in (select n.client from detection_long l join detection_client n on n.client_key = l.client)`,
  );
  for (const w of walked) if (taken.has(w.event_id)) known.add(`${w.route}\u0000${w.client}`);
  return [...new Set(some.filter(s => !known.has(`${s.route}\u0000${s.client}`)).map(s => s.place))];
}

type Call = { key: string; place: number; event_id: number; at_us: number | null; object: number; status: number | null };
const placeOf = (w: { readonly key: string; readonly place: number }): string => `${w.place}|${w.key}`;

/** The calls of these walks, each by its client's own text. */
async function readCalls(engine: Engine, walks: readonly Ordered[]): Promise<Map<string, Call[]>> {
  if (walks.length === 0) return new Map();
  await engine.load(
    'detection_in_order',
    [
      { name: 'client', type: 'BIGINT' },
      { name: 'place', type: 'INTEGER' },
      { name: 'text', type: 'VARCHAR' },
    ],
    walks.map(w => [Number(w.key), w.place, w.client]),
  );
  const rows = await engine.rows<Call>(
    'detection.ordered-events',
    sql`
    select c.client::varchar as key, place, event_id, c.at_us, object, c.status from detection_call c join detection_in_order using (client, place)
      join (select event_id, client as own from detection_request where client_key in (select client from detection_in_order)) using (event_id) where own = text order by c.at_us nulls first, event_id`,
  );
  return groupBy(rows, placeOf);
}

/** Of a place with more clients so many tell what is usual there: those of the least keys, which are hashes. */
const mostPeers = 2000;

/** Clients that called up enough numbers of these places in nearly the order of time, beside their peers there. By keys; their texts at the end. */
async function readOrdered(engine: Engine, places: readonly number[]): Promise<Ordered[]> {
  const here = sql`place in (${sql.join(places.map(p => sql`${p}`))})`;
  await engine.run(
    'detection.ordered-peers',
    sql`create or replace temp table detection_ordered as
    with often as (select client, place from detection_reach where ${here} group by client, place having sum(n) >= ${leastObjects}),
      looked as (select client, place from (select client, place, row_number() over (partition by place order by client) as nth from often) where nth <= ${mostPeers} union select client, place from detection_long where ${here})
    select client, place, count(*) as n, count(distinct object) as d, abs(corr(at_us, object)) as r, min(object) as lo, max(object) as hi, min(at_us) as first_us, max(at_us) as last_us
    from (select client, place, object, at_us from detection_call where ${here} and at_us is not null) semi join looked using (client, place) group by client, place having count(distinct object) >= ${leastObjects}`,
  );
  await engine.run(
    'detection.ordered-hot',
    sql`create or replace temp table detection_ordered_hot as select o.* from detection_ordered o semi join detection_long using (client, place) where d >= ${minObjects} and r >= 0.9 and n <= 2 * d`,
  );
  const { n } = await engine.row<{ n: number }>('detection.ordered-hot', sql`select count(*) as n from detection_ordered_hot`);
  if (n === 0) return [];
  return engine.rows<Ordered>(
    'detection.ordered-walks',
    sql`
    with seen as (select client, place, object, at_us, event_id from detection_call where place in (select place from detection_ordered_hot) and at_us is not null),
      per as (from detection_ordered),
      whole as (select client, sum(n) as all_n from detection_traffic where client in (select client from per) group by client),
      hot as (select h.*, n / all_n as share from detection_ordered_hot h join whole using (client)),
      peers as (select h.client, h.place, quantile_cont(p.n / w.all_n, 0.95) as peers_share, count(*) as peers, count(*) filter (where p.r >= 0.9) as peers_ordered
        from hot h join per p on p.place = h.place and p.client <> h.client join whole w on w.client = p.client group by h.client, h.place),
      steps as (select s.client, s.place, s.object - lag(s.object) over (partition by s.client, s.place order by s.at_us, s.event_id) as step from seen s semi join hot using (client, place)),
      way as (select client, place, greatest(avg((step > 0)::int), avg((step < 0)::int)) as forward from steps where step <> 0 group by client, place),
      before as (select h.client, h.place, max(s.object) as highest from hot h join seen s on s.place = h.place and s.client <> h.client and s.at_us < h.first_us group by h.client, h.place),
      older as (select s.client, s.place, avg((s.object <= b.highest)::int) as older from seen s join before b using (client, place) group by s.client, s.place),
      known as (select h.client, h.place, h.d / count(distinct s.object) as coverage from hot h join seen s on s.place = h.place and s.object between h.lo and h.hi group by h.client, h.place, h.d),
      named as (select client_key as key, client as text from detection_client where ${clientKey} in (select client from hot))
    select key::varchar as key, text as client, hot.place, route, n, d, lo, hi, first_us, last_us, forward, share, peers_share, peers, peers_ordered, older, coverage
    from hot join peers using (client, place) join way using (client, place) join older using (client, place) join known using (client, place) join named on key = hot.client
      join detection_place on detection_place.place = hot.place order by route, text`,
  );
}

function isWalk(w: Ordered): boolean {
  return w.forward >= 0.95 && w.older >= 0.8 && w.coverage >= 0.2 && w.peers_ordered <= Math.max(1, 0.05 * w.peers);
}
