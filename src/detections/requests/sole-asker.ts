import { groupBy, type Micros } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { EventId } from '../tables.ts';

const fewestMoments = 3;
/** Moments that are looked at, evenly chosen; more do not tell more. */
const mostMoments = 200;
/** Stamps of the two logs may be that far apart. */
const slackUs = 500_000;
/** How long a request without a logged duration is taken to last. */
const unknownUs = 1_000_000;

type Met = { event_id: number; at_us: number | null; client: number; route: string | null; moment: number };
type Request = { readonly eventId: EventId; readonly atUs: Micros | null };

/**
 * Requests of the one client that can have caused all the statements of these moments: at each of them a request of its was being answered, at
 * no more than half of them one of anybody else. Of its requests those of the route that meets most of them. Empty when nobody, or more than one, fits.
 * `told`: requests whose own statements are known.
 */
export async function soleAsker(engine: Engine, moments: readonly Micros[], told: ReadonlySet<EventId> = new Set()): Promise<Request[]> {
  const seconds = new Set(moments.map(t => Math.floor(t / 1_000_000)));
  if (seconds.size < fewestMoments) return [];
  const every = Math.ceil(moments.length / mostMoments);
  const chosen = moments.filter((_, i) => i % every === 0);
  await engine.load(
    'detection_moment',
    [
      { name: 'moment', type: 'INTEGER' },
      { name: 'said_us', type: 'BIGINT' },
    ],
    chosen.map((at, i) => [i, at]),
  );
  const all = await engine.rows<Met>(
    'detection.requests-beside',
    sql`
    with near as (select event_id, at_us, client_key, route, coalesce(start_lo_us, end_lo_us - ${unknownUs}) - ${slackUs} as lo,
        coalesce(end_hi_us, start_hi_us + ${unknownUs}) + ${slackUs} as hi from event
      where class = 1 and at_us between (select min(said_us) from detection_moment) - 120000000 and (select max(said_us) from detection_moment) + 120000000)
    select event_id, near.at_us, client_key as client, route, moment from near join detection_moment m on m.said_us between near.lo and near.hi order by event_id, moment`,
  );
  await engine.run('detection.moments-done', sql`drop table detection_moment`);
  const met = all.filter(m => !told.has(m.event_id));
  const [first, second] = [...groupCount(met, m => m.client)].sort((a, b) => b[1] - a[1]);
  if (!first || first[1] < 0.95 * chosen.length || (second && second[1] > chosen.length / 2)) return [];
  const own = met.filter(m => m.client === first[0]);
  const [route] = [...groupCount(own, m => m.route)].sort((a, b) => b[1] - a[1])[0]!;
  const requests = own.filter(m => m.route === route).map(m => [m.event_id, { eventId: m.event_id, atUs: m.at_us }] as const);
  return [...new Map(requests).values()];
}

/** In how many moments each of them shows up. */
function groupCount<K>(met: readonly Met[], keyOf: (m: Met) => K): Map<K, number> {
  return new Map([...groupBy(met, keyOf)].map(([key, list]) => [key, new Set(list.map(m => m.moment)).size]));
}
