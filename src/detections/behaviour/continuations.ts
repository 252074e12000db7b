import { DAY, MINUTE } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { loginPath } from './sign-in-answers.ts';

export type Continued = { event_id: number; at_us: number | null };

const handOverUs = 10 * MINUTE;
const minRequests = 3;

/**
 * The same work gone on from another address: a client with the same agent that appears for the first time while (or just after) this one
 * works, never signs in, asks for nothing else, and is answered on pages for which everybody else signed in first.
 */
export async function continuations(engine: Engine, client: string, own: readonly Continued[]): Promise<Continued[]> {
  const times = own.map(e => e.at_us).filter(t => t !== null);
  if (times.length === 0) return [];
  const from = times[0]!;
  const to = times[times.length - 1]! + handOverUs;
  const agent = client.slice(client.indexOf('|') + 1);
  return engine.rows<Continued>(
    'detection.continuations',
    sql`
    with mine as (select distinct regexp_replace(path, '[0-9]+', '#', 'g') as route from detection_request where client = ${client} and method = 'GET' and status < 300),
      fresh as (select client from detection_request where client <> ${client} group by client
        having min(at_us) between ${from}::bigint and ${to}::bigint and count(*) >= ${minRequests} and bool_and(method = 'GET') and bool_and(coalesce(user_agent, '') = ${agent})),
      asked as (select f.client, bool_and(m.route is not null) as same from detection_request r join fresh f using (client)
        left join mine m on m.route = regexp_replace(r.path, '[0-9]+', '#', 'g') or starts_with(regexp_replace(r.path, '[0-9]+', '#', 'g'), m.route || '/')
        group by f.client),
      guarded as (select m.route from mine m where not exists (
        select 1 from detection_request r where regexp_replace(r.path, '[0-9]+', '#', 'g') = m.route and r.status < 300 and r.client <> ${client} and r.client not in (select client from asked where same)
          and r.client not in (select client from detection_entry) and r.at_us > (select min(at_us) + ${60 * MINUTE}::bigint from detection_request)))
    select event_id, at_us from detection_request r join asked a on a.client = r.client and a.same
    where exists (select 1 from detection_request x join guarded g on regexp_replace(x.path, '[0-9]+', '#', 'g') = g.route where x.client = r.client and x.status < 300)
    order by at_us nulls first, event_id`,
  );
}

/** Everything done in sessions that these events opened, from whatever address: who opened a session with another's password may carry it elsewhere. */
export async function openedSessions(engine: Engine, own: readonly Continued[]): Promise<Continued[]> {
  await engine.load(
    'detection_opening',
    [{ name: 'event_id', type: 'BIGINT' }],
    own.map(e => [e.event_id]),
  );
  return engine.rows<Continued>(
    'detection.opened-sessions',
    sql`
    with mine as (select distinct session from detection_request join detection_opening using (event_id) where session is not null),
      opened as (select session from (select session, arg_min(event_id, (at_us, event_id)) as first_event from detection_request join mine using (session) where at_us is not null group by session)
        where first_event in (select event_id from detection_opening))
    select event_id, at_us from detection_request join opened using (session) where event_id not in (select event_id from detection_opening) order by at_us nulls first, event_id`,
  );
}

const carriedUs = 7 * DAY;

/**
 * Pages behind the sign-in, answered to clients that never signed in, whose agent only the entered clients and their like have: where no
 * session is logged, a rare agent is what is left of one that was carried to another address. `sinceUs` is when the door was first opened.
 */
export async function sameAgentElsewhere(engine: Engine, clients: readonly string[], sinceUs: number): Promise<Continued[]> {
  await engine.load(
    'detection_entered',
    [{ name: 'client', type: 'VARCHAR' }],
    clients.map(c => [c]),
  );
  return engine.rows<Continued>(
    'detection.same-agent',
    sql`
    with agent as (select distinct user_agent from detection_request join detection_entered using (client) where user_agent is not null),
      signer as (select distinct client from detection_request where method = 'POST' and regexp_matches(lower(path), ${sql.lit(loginPath)})),
      holder as (select client, user_agent, min(at_us) as first_us from detection_request join agent using (user_agent) group by client, user_agent),
      fresh as (select h.client, h.user_agent from holder h anti join detection_entered using (client) anti join signer using (client)
        where h.first_us between ${sinceUs}::bigint and ${sinceUs + carriedUs}::bigint),
      shared as (select distinct user_agent from holder anti join detection_entered using (client) anti join fresh using (client)),
      kin as (select client from fresh anti join shared using (user_agent)),
      asked as (select distinct regexp_replace(path, '[0-9]+', '#', 'g') as route from detection_request join kin using (client) where status < 300),
      open as (select distinct regexp_replace(r.path, '[0-9]+', '#', 'g') as route from detection_request r anti join signer using (client) anti join kin using (client) where r.status < 300),
      behind as (select distinct r.client from detection_request r join kin using (client) join (select route from asked anti join open using (route)) g
        on g.route = regexp_replace(r.path, '[0-9]+', '#', 'g') where r.status < 300)
    select event_id, at_us from detection_request join behind using (client) order by at_us nulls first, event_id`,
  );
}
