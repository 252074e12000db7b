import { groupBy } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { knowFound } from '../found-events.ts';
import type { Detection } from '../tables.ts';
import { isHurried } from '../times.ts';
import { detectTakenTurns } from './taken-turns.ts';

type Use = {
  session: string;
  src_ip: string;
  agent: string;
  first_us: number | null;
  last_us: number | null;
  n: number;
  clients: number;
  first_rank: number;
};

const rareShare = 0.01;
const rareCount = 3;
const manyRequests = 30;
/** What more addresses than this send is no session of one person, or of two. */
const mostAddresses = 8;

/**
 * Sessions used from several addresses with agents of different families. People change networks and update browsers; one session on two
 * machines at once is something else. It counts where it is rare in this log, or where the session already stands out otherwise. So does one that two networks use in turn.
 */
export async function detectTakeovers(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const suspicious = await suspiciousSessions(engine, found);
  const uses = await engine.rows<Use>(
    'detection.session-uses',
    sql`
    with moved as (select holder_key from detection_holder where moved and starts_with(holder, 's:')),
      shared as (select session from event semi join moved on holder_key = actor_key where class = 1 and session is not null group by session having min(src_ip) <> max(src_ip)),
      raw as (
        select session, src_ip, user_agent, min(at_us) as first_us, max(at_us) as last_us, count(*) as n, min(event_id) as first_event
        from event semi join moved on holder_key = actor_key join shared using (session) where class = 1 and src_ip is not null group by all),
      use as (
        select session, src_ip, regexp_replace(coalesce(user_agent, ''), '[0-9][0-9._]*', '', 'g') as agent, min(first_us) as first_us, max(last_us) as last_us, sum(n)::bigint as n, min(first_event) as first_event
        from raw group by all)
    select session, src_ip, agent, first_us, last_us, n,
      (case when count(distinct agent) over (partition by session) > 1 then count(distinct src_ip) over (partition by session) else 0 end)::integer as clients,
      row_number() over (partition by session order by first_us nulls first, first_event) as first_rank
    from use order by session, first_rank`,
  );
  if (uses.length === 0) return [];
  const { sessions } = await engine.row<{ sessions: number }>(
    'detection.sessions',
    sql`select count(*) as sessions from detection_holder where starts_with(holder, 's:')`,
  );
  const bySession = groupBy(uses, u => u.session);
  const several = [...bySession.values()].filter(list => list[0]!.clients >= 2);
  const rare = several.length <= Math.max(rareCount, rareShare * sessions);
  const out: Detection[] = [];
  for (const [session, list] of bySession) {
    const flagged = suspicious.has(session);
    const agents = new Set(list.map(u => u.agent));
    const strange = strangeUses(list);
    const atOnce = strange.some(u => list.some(own => !strange.includes(own) && own.src_ip !== u.src_ip && overlap(own, u)));
    const addresses = [...new Set(list.map(u => u.src_ip))].sort();
    const odd = rare && strange.length > 0 && addresses.length <= mostAddresses;
    if (!(flagged && list.length >= 2) && !odd) continue;
    const rows = await engine.rows<SessionEvent>(
      'detection.session-events',
      sql`
      select event_id, at_us, src_ip, user_agent from detection_request where session = ${session} order by at_us nulls first, event_id`,
    );
    // Whether the first user is the owner or the thief cannot be told unless the session stands out by itself.
    const { events, possible } = flagged
      ? await sameHands(engine, rows, suspicious.get(session)!, addresses)
      : { events: rows.filter(r => strange.some(u => u.src_ip === r.src_ip && u.agent === familyOf(r.user_agent))), possible: [] };
    if (events.length === 0) continue;
    if (possible.length > 0) out.push(beside(session, possible));
    const sure = flagged || isRush(events.map(e => e.at_us));
    out.push({
      ruleId: 'session-elsewhere',
      kind: 'account-takeover',
      family: 'session',
      level: sure ? 'high' : 'medium',
      outcome: sure ? 'succeeded' : 'unknown',
      groupKey: `session|${session}`,
      facts: {
        addresses,
        agents: agents.size,
        requests: events.length,
        sessions_with_several_clients: several.length,
        sessions,
        also_flagged: flagged,
        ...(!sure && !atOnce && { doubtful: true }),
      },
      events: events.map(e => ({ eventId: e.event_id, atUs: e.at_us })),
    });
  }
  const told = new Set(out.map(d => d.groupKey));
  const untold = [...bySession.keys()].filter(s => !told.has(`session|${s}`));
  out.push(...(await detectTakenTurns(engine, untold, sessions)));
  return out;
}

type SessionEvent = { event_id: number; at_us: number | null; src_ip: string; user_agent: string | null };

/**
 * What came from the addresses that stand out. The session's other requests are of the same hands where it is all one agent that nobody else in the log has;
 * they may be where it is one agent that others have too: the owner of a session that was stolen rarely has the very agent of the thief.
 */
async function sameHands(
  engine: Engine,
  rows: readonly SessionEvent[],
  his: ReadonlySet<string>,
  addresses: readonly string[],
): Promise<{ readonly events: readonly SessionEvent[]; readonly possible: readonly SessionEvent[] }> {
  const events = rows.filter(r => his.has(r.src_ip));
  const agent = rows[0]?.user_agent ?? '';
  if (events.length === 0 || agent === '' || rows.some(r => r.user_agent !== agent)) return { events, possible: [] };
  const { others } = await engine.row<{ others: number }>(
    'detection.agent-elsewhere',
    sql`select count(*)::integer as others from detection_client where user_agent = ${agent} and src_ip not in (${sql.join(addresses.map(ip => sql`${ip}`))})`,
  );
  return others === 0 ? { events: rows, possible: [] } : { events, possible: rows.filter(r => !his.has(r.src_ip)) };
}

/** The part of a session that stands out elsewhere which may be the owner's as well. */
function beside(session: string, possible: readonly SessionEvent[]): Detection {
  return {
    ruleId: 'session-elsewhere',
    kind: 'account-takeover',
    family: 'session',
    level: 'medium',
    outcome: 'unknown',
    groupKey: `session|${session}|beside`,
    facts: { addresses: [...new Set(possible.map(e => e.src_ip))].sort(), requests: possible.length, doubtful: true },
    events: possible.map(e => ({ eventId: e.event_id, atUs: e.at_us })),
  };
}

function isRush(times: readonly (number | null)[]): boolean {
  const known = times.filter(t => t !== null);
  return known.length >= manyRequests && isHurried(known.length, known[0]!, known.at(-1)!);
}

/** Uses from another address than where the session began, by an agent that was not seen there: its holder may come from many addresses himself. */
function strangeUses(list: readonly Use[]): Use[] {
  const home = list[0]!.src_ip;
  const own = new Set(list.filter(u => u.src_ip === home).map(u => u.agent));
  return list.filter(u => u.src_ip !== home && !own.has(u.agent));
}

const overlap = (a: Use, b: Use): boolean => (a.first_us ?? 0) <= (b.last_us ?? 0) && (b.first_us ?? 0) <= (a.last_us ?? 0);

/** An agent without its versions, as the query of uses has it. */
const familyOf = (agent: string | null): string => (agent ?? '').replace(/[0-9][0-9._]*/g, '');

/** Sessions that another detection rests on, with the addresses it saw there. */
async function suspiciousSessions(engine: Engine, found: readonly Detection[]): Promise<Map<string, Set<string>>> {
  const ids = found
    .filter(d => (d.kind === 'idor-enumeration' || d.kind === 'credential-stuffing' || d.kind === 'mass-export') && d.facts['doubtful'] !== true)
    .flatMap(d => d.events.map(e => Number(e.eventId)));
  if (ids.length === 0) return new Map();
  await knowFound(engine, found);
  await engine.load(
    'detection_suspicious',
    [{ name: 'event_id', type: 'BIGINT' }],
    ids.map(id => [id]),
  );
  const rows = await engine.rows<{ session: string; src_ip: string }>(
    'detection.suspicious-sessions',
    sql`
    select holder[3:] as session, src_ip from (select distinct client_key, actor_key from detection_found semi join detection_suspicious using (event_id))
      join detection_client using (client_key) join detection_holder on holder_key = actor_key where starts_with(holder, 's:') and src_ip is not null order by 1, 2`,
  );
  const out = new Map<string, Set<string>>();
  for (const r of rows) {
    let set = out.get(r.session);
    if (!set) out.set(r.session, (set = new Set()));
    set.add(r.src_ip);
  }
  return out;
}
