import { DAY, groupBy, HOUR } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { actorKey } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { countPeers } from './count-peers.ts';
import { closedPlaces, openRoutes } from './open-routes.ts';

type Steady = {
  actor: string;
  who: string;
  n: number;
  d: number;
  first_us: number;
  last_us: number;
  longest_pause: number;
  other_share: number;
  q95: number;
  actors: number;
};

type Call = { who: string; event_id: number; at_us: number | null; route: string; object: number; status: number | null };

const minObjects = 200;
const longestPauseUs = 3 * HOUR;

/**
 * Slow scraping over days, in any order: far more distinct records than peers and never a night's rest. People pause, and so do the shared
 * addresses of offices; the few who never do stand out. Uses `detection_reach` and `detection_called` (records: `place` > 0). Runs already found are left out.
 */
export async function detectSlowScrapes(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const taken = new Set(found.filter(d => d.kind === 'idor-enumeration').map(d => d.groupKey.slice(d.groupKey.indexOf('|', 5) + 1)));
  const some = await engine.rows<{ actor: string | null }>(
    'detection.steady-some',
    sql`select coalesce(holder, client) as actor from (select who from detection_reach where place > 0 and place in ${closedPlaces} group by who having sum(n) >= ${minObjects})
      left join detection_holder on holder_key = who left join detection_client on client_key = who`,
  );
  if (some.every(s => s.actor !== null && taken.has(s.actor))) return [];
  await countPeers(
    engine,
    'detection_many',
    sql`select who, 0 as place, sum(n)::bigint as n from detection_reach where place > 0 group by who`,
    sql`select who, 0 as place, object from detection_called where place > 0`,
  );
  await engine.run('detection.steady-many', sql`delete from detection_many where d < ${minObjects} or d < 2 * q95`);
  const rows = await engine.rows<Steady>(
    'detection.steady',
    sql`
    with paced as (select who, at_us, at_us - lag(at_us) over (partition by who order by at_us) as pause
        from (select at_us, ${actorKey} as who from event where class = 1 and at_us is not null) semi join detection_many using (who)),
      rest as (select coalesce(holder, client) as actor, r.* from (select who, count(*) as all_n, max(pause) as longest_pause, min(at_us) as first_us, max(at_us) as last_us from paced group by who) r
        left join detection_holder on holder_key = who left join detection_client on client_key = who)
    select actor, who::varchar as who, n, d, first_us, last_us, longest_pause, 1 - n / all_n as other_share, q95, actors from detection_many join rest using (who)
    where last_us - first_us >= ${1.25 * DAY}::bigint and longest_pause <= ${longestPauseUs}::bigint order by actor`,
  );
  const many = rows.length > Math.max(3, 0.05 * (rows[0]?.actors ?? 0));
  const steady = many ? [] : rows.filter(r => !taken.has(r.actor) && r.other_share <= 0.4);
  if (steady.length === 0) return [];
  const whos = sql.join(steady.map(r => sql`${r.who}::bigint`));
  const calls = groupBy(
    await engine.rows<Call>(
      'detection.steady-events',
      sql`select who::varchar as who, event_id, at_us, route, object, status from detection_called join detection_place using (place)
        where place > 0 and who in (${whos}) and client in (select client from detection_reach where who in (${whos})) order by at_us nulls first, event_id`,
    ),
    c => c.who,
  );
  // Goods and news are there to be read, and crawlers read them all.
  const open = await openRoutes(
    engine,
    [...calls.values()].flat().map(c => c.route),
  );
  const out: Detection[] = [];
  for (const r of steady) {
    const events = (calls.get(r.who) ?? []).filter(c => !open.has(c.route));
    if (new Set(events.map(e => e.object)).size < minObjects) continue;
    out.push({
      ruleId: 'slow-scrape',
      kind: 'idor-enumeration',
      family: 'enumeration',
      level: 'high',
      outcome: events.some(e => e.status !== null && e.status < 300) ? 'succeeded' : 'attempted',
      groupKey: `slow|${r.actor}`,
      facts: {
        requests: events.length,
        distinct: r.d,
        hours: Math.round((r.last_us - r.first_us) / HOUR),
        longest_pause_minutes: Math.round((r.longest_pause / HOUR) * 60),
        peers: r.actors,
        peers_q95: r.q95,
      },
      events: events.map(e => ({ eventId: e.event_id, atUs: e.at_us, facts: { object: e.object } })),
    });
  }
  return out;
}
