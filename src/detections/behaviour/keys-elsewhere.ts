import { DAY, groupBy } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { clientKey, oddTargets, oneOf } from '../requests/request.ts';
import type { Detection } from '../tables.ts';

/** Parameters that carry a secret which a program shows with every request. */
const keyParameter = String.raw`(?:^|&)(?:api[-_]?key|apikey|app[-_]?key|access[-_]?key|subscription[-_]?key|access[-_]?token|auth[-_]?token|api[-_]?token|token|key)=([^&]{12,})`;

const leastAtHome = 50;
const mostHomes = 3;
const homeDays = 2;
/** Where keys are passed round, a new address says nothing. */
const mostMoved = 0.1;

type Use = { event_id: number; at_us: number | null; who: number; src_ip: string | null; nth: number; homes: number; status: number | null };

/**
 * A key that a program sends day after day from the same few addresses, and then somebody else from another with a program never seen with it.
 * The owner may have a new machine, so it is a doubt. The key itself is written nowhere.
 */
export async function detectKeysElsewhere(engine: Engine): Promise<Detection[]> {
  const named = await oneOf(engine, 'shape', value => sql`regexp_matches(substring(${value}, strpos(${value}, '?') + 1), '(?:key|token)=')`);
  // Where most targets without shape come again, they are known, and mostly none of them holds a key.
  const odd = await oddTargets(engine, sql`regexp_matches(split_part(target, '?', 2), ${sql.lit(keyParameter)}, 'i')`);
  await engine.run(
    'detection.keys',
    sql`create or replace temp table detection_key as
    with sent as (select event_id, at_us, ${clientKey} as who, status, regexp_extract(query, ${sql.lit(keyParameter)}, 1, 'i') as secret from event
        where class = 1 and query is not null and at_us is not null and (${named} or ${odd}) and regexp_matches(query, ${sql.lit(keyParameter)}, 'i')),
      often as (select secret from sent group by secret having count(*) >= ${leastAtHome})
    select event_id, at_us, who, src_ip, coalesce(user_agent, '') as agent, status, dense_rank() over (order by secret) as nth from sent semi join often using (secret) join detection_client on client_key = who`,
  );
  const rows = await engine.rows<Use>(
    'detection.keys-elsewhere',
    sql`
    with place as (select nth, src_ip, min(at_us) as first_us, count(*) as n, count(distinct at_us // ${DAY}::bigint) as days from detection_key where status < 400 group by all),
      began as (select nth, min(first_us) as first_us from place group by nth),
      home as (select nth, src_ip, n from place join began using (nth) where days >= ${homeDays} and place.first_us < began.first_us + ${DAY}::bigint),
      whole as (select nth, count(*) as homes, sum(n) as n from home group by nth having count(*) <= ${mostHomes} and sum(n) >= ${leastAtHome}),
      away as (select p.nth, p.src_ip, homes from place p join whole using (nth) join began using (nth) where p.first_us >= began.first_us + ${DAY}::bigint
        and not exists (select 1 from home h where h.nth = p.nth and h.src_ip = p.src_ip)
        and not exists (select 1 from detection_key k join home h on h.nth = k.nth and h.src_ip = k.src_ip
          where k.nth = p.nth and k.agent in (select agent from detection_key o where o.nth = p.nth and o.src_ip = p.src_ip)))
    select event_id, at_us, who, k.src_ip, k.nth, homes, status from detection_key k join away a on a.nth = k.nth and a.src_ip = k.src_ip order by at_us, event_id`,
  );
  const { keys } = await engine.row<{ keys: number }>('detection.keys-count', sql`select count(distinct nth) as keys from detection_key`);
  await engine.run('detection.keys-drop', sql`drop table detection_key`);
  const moved = new Set(rows.map(r => r.nth)).size;
  if (moved > Math.max(1, mostMoved * keys)) return [];
  return [...groupBy(rows, r => `${r.nth}|${r.src_ip}`).values()].map(list => ({
    ruleId: 'key-elsewhere',
    kind: 'account-takeover',
    family: 'session',
    level: 'high',
    outcome: 'unknown',
    groupKey: `key|${list[0]!.src_ip}|${list[0]!.nth}`,
    facts: { requests: list.length, answered_ok: list.filter(r => r.status !== null && r.status < 300).length, homes: list[0]!.homes, doubtful: true },
    events: list.map(r => ({ eventId: r.event_id, atUs: r.at_us })),
  }));
}
