import { type Engine, sql } from '../engine/index.ts';
import type { DetectionRow } from './tables.ts';

/** One way in which a detection's events name their sender. */
export type Identity = {
  readonly detection_id: string;
  readonly ip: string | null;
  readonly agent: string | null;
  readonly session: string | null;
  readonly account: string | null;
  readonly conn: string | null;
  readonly events: number;
};

/** How an address (or an address with an agent) is used besides what is labelled. */
export type Use = {
  readonly total: number;
  readonly labelled: number;
  readonly innocentSessions: number;
  readonly innocentAccounts: number;
  readonly innocentAgents: number;
};

/** Detections worth an actor: something graver than one odd request. */
export async function readDetections(engine: Engine): Promise<DetectionRow[]> {
  return engine.rows<DetectionRow>(
    'intrusion.detections',
    sql`select detection_id, rule_id, kind, family, level, outcome, first_us, last_us, events, group_key, facts from detection
    where first_us is not null and level <> 'informational' order by first_us, detection_id`,
  );
}

/**
 * Fill `labelled (detection_id, event_id)` from the given detections and read who sent those events. An injected statement (or one on a connection that
 * mostly serves others) came over the application's own connection, from its host and as its user: none of these names the intruder.
 */
export async function readIdentities(engine: Engine, detections: readonly DetectionRow[]): Promise<Identity[]> {
  await engine.load(
    'labelled_detection',
    [{ name: 'detection_id', type: 'VARCHAR' }],
    detections.map(d => [d.detection_id]),
  );
  await engine.run(
    'intrusion.labelled',
    sql`create or replace table labelled as
    with hit as (select distinct x.detection_id, d.family, e.event_id, e.class, e.src_ip, e.user_agent, e.session, e.account, e.file_no, e.conn_id
        from labelled_detection join detection d using (detection_id) join detection_event x using (detection_id) join event e using (event_id)),
      named as (select file_no, conn_id, count(distinct event_id) as labelled from hit where class = 2 and family not in ('sqli', 'unasked') group by all),
      own as (select n.file_no, n.conn_id from named n join event e on e.class = 2 and e.file_no = n.file_no and e.conn_id is not distinct from n.conn_id
        group by n.file_no, n.conn_id, n.labelled having n.labelled * 2 >= count(*)),
      told as (select h.*, h.class <> 2 or (h.family not in ('sqli', 'unasked') and o.file_no is not null) as named from hit h left join own o on o.file_no = h.file_no and o.conn_id is not distinct from h.conn_id)
    select detection_id, event_id, class, user_agent as agent, session, file_no, case when named then src_ip end as ip, case when named then account end as account,
      case when class = 2 and named then concat_ws('|', file_no, conn_id) end as conn from told`,
  );
  return engine.rows<Identity>(
    'intrusion.identities',
    sql`select detection_id, ip, agent, session, account, conn, count(*) as events from labelled group by all
    order by detection_id, ip nulls first, agent nulls first, session nulls first, account nulls first, conn nulls first`,
  );
}

export type Uses = { readonly ips: ReadonlyMap<string, Use>; readonly pairs: ReadonlyMap<string, Use>; readonly sessionIps: ReadonlyMap<string, number> };

/** A session seen at more addresses than this is no one's: a mark that the application gives to many. */
const hubSession = 50;

/** Does the session tell one client? */
export const tellsOne = (use: Uses, session: string): boolean => (use.sessionIps.get(session) ?? 1) <= hubSession;

/** Use of every labelled or stated address, and of every pair of address and agent there. Keys: ip, and ip + NUL + agent. */
export async function readUse(engine: Engine, stated: Iterable<string>): Promise<Uses> {
  await engine.load(
    'stated_address',
    [{ name: 'ip', type: 'VARCHAR' }],
    [...stated].map(ip => [ip]),
  );
  type Row = Use & { ip: string; agent: string | null };
  const select = (
    by: 'ip' | 'pair',
  ) => sql`with mine as (select distinct ip from labelled where ip is not null union select ip from stated_address), marked as (select distinct event_id from labelled),
      seen as (select e.src_ip as ip, ${by === 'pair' ? sql`e.user_agent` : sql`null`} as agent, e.user_agent as agent_name, e.session, e.account, m.event_id is not null as hit
        from event e join mine on e.src_ip = mine.ip left join marked m using (event_id) where e.class <> 2),
      guilty_session as (select distinct session from labelled where session is not null), guilty_account as (select distinct account from labelled where account is not null),
      guilty_pair as (select distinct ip, coalesce(agent, '') as agent from labelled where ip is not null)
    select seen.ip as ip, seen.agent as agent, count(*) as total, count(*) filter (hit) as labelled,
      count(distinct seen.session) filter (seen.session is not null and gs.session is null) as "innocentSessions",
      count(distinct seen.account) filter (seen.account is not null and ga.account is null) as "innocentAccounts",
      count(distinct coalesce(seen.agent_name, '')) filter (gp.ip is null) as "innocentAgents"
    from seen left join guilty_session gs on gs.session = seen.session left join guilty_account ga on ga.account = seen.account
      left join guilty_pair gp on gp.ip = seen.ip and gp.agent = coalesce(seen.agent_name, '') group by seen.ip, seen.agent order by seen.ip, seen.agent nulls first`;
  const ips = new Map((await engine.rows<Row>('intrusion.ip_use', select('ip'))).map(r => [r.ip, r]));
  const pairs = new Map((await engine.rows<Row>('intrusion.pair_use', select('pair'))).map(r => [`${r.ip}\u0000${r.agent ?? ''}`, r]));
  const sessions = await engine.rows<{ session: string; ips: number }>(
    'intrusion.session_use',
    sql`select e.session, count(distinct e.src_ip) as ips from event e
    where e.session in (select distinct session from labelled where session is not null) group by 1 order by 1`,
  );
  await engine.run('intrusion.drop', sql`drop table stated_address`);
  return { ips, pairs, sessionIps: new Map(sessions.map(s => [s.session, s.ips])) };
}

/** Nobody else uses it: no session, account or agent without a labelled request, and most of its requests are labelled. */
export const isOwn = (use: Use | undefined): boolean =>
  use !== undefined && use.innocentSessions === 0 && use.innocentAccounts === 0 && use.innocentAgents === 0 && use.labelled * 2 >= use.total;

/**
 * True when others than the intruder use a stated address too: somebody signed in there with an agent that no detection points at; where nothing points at the
 * address at all, several people.
 */
export function isShared(ip: string, use: Uses): boolean {
  const pairs = [...use.pairs].filter(([k]) => k.startsWith(`${ip}\u0000`)).map(([, u]) => u);
  const signedIn = pairs.filter(u => u.innocentSessions > 0 || u.innocentAccounts > 0);
  if (pairs.some(u => u.labelled > 0)) return signedIn.some(u => u.labelled === 0 || u.innocentAccounts > 0);
  return signedIn.length > 1 || signedIn.some(u => u.innocentAccounts > 1);
}
