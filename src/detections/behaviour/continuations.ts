import { DAY, MINUTE } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { ofClient, pathMatches } from '../requests/request.ts';
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
    with own as (select distinct client_key from detection_request where ${ofClient(client)}),
      mine as (select distinct route from detection_request where ${ofClient(client)} and method = 'GET' and status < 300),
      fresh as (select client_key from detection_request anti join own using (client_key) group by client_key
        having min(at_us) between ${from}::bigint and ${to}::bigint and count(*) >= ${minRequests} and bool_and(method = 'GET') and bool_and(coalesce(user_agent, '') = ${agent})),
      asked as (select f.client_key, bool_and(m.route is not null) as same from detection_request r join fresh f using (client_key)
        left join mine m on m.route = r.route or starts_with(r.route, m.route || '/') group by f.client_key),
      kin as (select client_key from asked where same),
      guarded as (select m.route from mine m where not exists (
        select 1 from detection_request r where r.route = m.route and r.status < 300 and r.client_key not in (select client_key from own) and r.client_key not in (select client_key from kin)
          and r.client_key not in (select who from detection_entry) and r.at_us > (select min(at_us) + ${60 * MINUTE}::bigint from detection_request))),
      within as (select distinct x.client_key from detection_request x semi join kin using (client_key) join guarded g on x.route = g.route where x.status < 300)
    select event_id, at_us from detection_request semi join within using (client_key) order by at_us nulls first, event_id`,
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
    with entered as (select distinct client_key from detection_request join detection_entered using (client)),
      agent as (select distinct user_agent from detection_request semi join entered using (client_key) where user_agent is not null),
      signer as (select client_key from detection_request where method = 'POST' and ${await pathMatches(engine, loginPath)} group by client_key),
      holder as (select client_key, user_agent, min(at_us) as first_us from detection_request semi join agent using (user_agent) group by client_key, user_agent),
      fresh as (select h.client_key, h.user_agent from holder h anti join entered using (client_key) anti join signer using (client_key)
        where h.first_us between ${sinceUs}::bigint and ${sinceUs + carriedUs}::bigint),
      shared as (select distinct user_agent from holder anti join entered using (client_key) anti join fresh using (client_key)),
      kin as (select client_key from fresh anti join shared using (user_agent)),
      asked as (select distinct route from detection_request semi join kin using (client_key) where status < 300),
      open as (select distinct route from detection_request r anti join signer using (client_key) anti join kin using (client_key) where r.status < 300),
      behind as (select distinct r.client_key from detection_request r semi join kin using (client_key) semi join (select route from asked anti join open using (route)) g
        using (route) where r.status < 300)
    select event_id, at_us from detection_request semi join behind using (client_key) order by at_us nulls first, event_id`,
  );
}
