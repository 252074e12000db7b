import { groupBy, MINUTE } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { Detection } from '../tables.ts';

/** Two changes back and forth could be a person who moves between two networks. */
const fewestTurns = 4;
const turnUs = 5 * MINUTE;
const rareShare = 0.01;
const rareCount = 3;
/** Whoever changes through more networks than this is on the way. */
const mostStrange = 3;
/** Where many sessions are seen at several addresses, that tells nothing, and is not counted. */
const mostSessions = 5000;

type Turn = { event_id: number; at_us: number; session: string; src_ip: string; before: string | null; gap: number | null };

/**
 * Sessions that two networks use in turn, again and again within minutes, with agents of one family: a cookie that somebody else sends while its owner works. The stranger's
 * network is not that where the session began, and shows no session that began there. A line that is split between two providers looks alike, so it is a doubt, and
 * none where it is common. `sessions`: those seen at several addresses, of `all` in the log.
 */
export async function detectTakenTurns(engine: Engine, sessions: readonly string[], all: number): Promise<Detection[]> {
  if (sessions.length === 0 || sessions.length > mostSessions) return [];
  await engine.load(
    'detection_shared_session',
    [{ name: 'session', type: 'VARCHAR' }],
    sessions.map(s => [s]),
  );
  const mine = sql`event semi join (select holder_key from detection_holder join detection_shared_session on holder = 's:' || session) on holder_key = actor_key semi join detection_shared_session using (session)`;
  const rows = await engine.rows<Turn>(
    'detection.turns',
    sql`select event_id, at_us, session, src_ip, lag(src_ip) over turn as before, at_us - lag(at_us) over turn as gap from ${mine}
      where class = 1 and src_ip is not null and at_us is not null window turn as (partition by session order by at_us, event_id) order by session, at_us, event_id`,
  );
  const taken = [...groupBy(rows, r => r.session).values()].map(strangersOf).filter(s => s !== null);
  if (taken.length === 0 || taken.length > Math.max(rareCount, rareShare * all)) return [];
  const atHome = await sessionsBegunAt(engine, new Set(taken.flatMap(t => t.strangers)));
  return taken.filter(t => !t.strangers.some(ip => atHome.has(ip))).map(t => detectionOf(t, all));
}

type Taken = { readonly session: string; readonly turns: number; readonly strangers: readonly string[]; readonly events: readonly Turn[] };

/** Who came to a session beside those where it began, where both sides took turns. */
function strangersOf(rows: readonly Turn[]): Taken | null {
  const home = networkOf(rows[0]!.src_ip);
  const away = rows.filter(r => networkOf(r.src_ip) !== home);
  const turns = rows.filter(r => r.before !== null && r.gap! <= turnUs && (networkOf(r.src_ip) === home) !== (networkOf(r.before) === home)).length;
  const strangers = [...new Set(away.map(r => r.src_ip))].sort();
  const isSameKind = strangers.every(ip => ip.includes(':') === rows[0]!.src_ip.includes(':'));
  if (turns < fewestTurns || strangers.length > mostStrange || !isSameKind) return null;
  return { session: rows[0]!.session, turns, strangers, events: away };
}

/** Addresses of one provider's line change within it: the first half of an IPv4 address, the first two groups of another. */
function networkOf(ip: string): string {
  return ip.includes(':') ? ip.split(':').slice(0, 2).join(':') : ip.split('.').slice(0, 2).join('.');
}

/** Addresses of these where any session began. */
async function sessionsBegunAt(engine: Engine, ips: ReadonlySet<string>): Promise<Set<string>> {
  const rows = await engine.rows<{ src_ip: string }>(
    'detection.begun-at',
    sql`with there as (select distinct session from event where class = 1 and session is not null and src_ip in (${sql.join([...ips].sort().map(ip => sql`${ip}`))})),
      began as (select arg_min(src_ip, (at_us, event_id)) as src_ip from event semi join there using (session) where class = 1 and src_ip is not null group by session)
    select distinct src_ip from began order by src_ip`,
  );
  return new Set(rows.map(r => r.src_ip));
}

function detectionOf(t: Taken, sessions: number): Detection {
  return {
    ruleId: 'session-elsewhere',
    kind: 'account-takeover',
    family: 'session',
    level: 'high',
    outcome: 'unknown',
    groupKey: `session|${t.session}`,
    facts: { addresses: t.strangers, turns: t.turns, requests: t.events.length, sessions, doubtful: true },
    events: t.events.map(e => ({ eventId: e.event_id, atUs: e.at_us })),
  };
}
