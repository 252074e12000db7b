import { type Engine, sql } from '../../engine/index.ts';
import { clientKey, episodes, requestsWhere } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { isHurried } from '../times.ts';

const fewestMembers = 10;
const mostStrangers = 3;
const strangerShare = 0.01;
const manyRequests = 30;
/** Of those who get answers from a part of the site that is for members. */
const membersShare = 0.95;

type Stranger = { client: string; n: number };
type Asked = { event_id: number; at_us: number | null; client: string };

/**
 * Pages that nearly only those see who sign in here, read in numbers and faster than people read by somebody who never even tried to: a session was opened for
 * them elsewhere (a stolen cookie, a token from a mail). Who signed in before the log began looks alike, so it is a doubt, and none where it is common.
 */
export async function detectUnopened(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  await engine.run(
    'detection.members',
    sql`create or replace temp table detection_member as select distinct who from detection_sign_in_keyed where form and status < 400`,
  );
  const { members } = await engine.row<{ members: number }>('detection.members-count', sql`select count(*)::integer as members from detection_member`);
  if (members < fewestMembers) return [];
  const strangers = await engine.rows<Stranger>(
    'detection.strangers',
    sql`
    with answer as (select ${clientKey} as who, split_part(path, '/', 2) as section, count(*) as n from event where class = 1 and status < 300 and path is not null group by all),
      told as (select a.*, m.who is not null as member from answer a left join detection_member m using (who)),
      inner_section as (select section from told group by section having count(*) filter (member) >= ${fewestMembers} and count(*) filter (member) >= ${membersShare} * count(*)),
      stranger as (select who, sum(n)::integer as n from told semi join inner_section using (section) where not member group by who)
    select client, n from stranger join detection_client on client_key = who order by n desc, client`,
  );
  const known = new Set(found.flatMap(d => d.events.map(e => Number(e.eventId))));
  const many = strangers.filter(s => s.n >= manyRequests);
  if (many.length === 0 || strangers.length > Math.max(mostStrangers, strangerShare * members)) return [];
  await engine.load(
    'detection_stranger',
    [{ name: 'client', type: 'VARCHAR' }],
    many.map(s => [s.client]),
  );
  const rows = await engine.rows<Asked>(
    'detection.stranger-events',
    sql`select event_id, at_us, client from ${requestsWhere(sql`client_key in (select client_key from detection_client semi join detection_stranger using (client))`)} order by at_us nulls first, event_id`,
  );
  return many.flatMap(s => {
    const own = rows.filter(r => r.client === s.client).map(r => ({ ...r, atUs: r.at_us }));
    const told = own.filter(r => known.has(r.event_id)).length >= own.length / 2;
    return told || !episodes(own).some(isRush) ? [] : [detectionOf(s, own, members)];
  });
}

function isRush(part: readonly Asked[]): boolean {
  return part.length >= manyRequests && isHurried(part.length, part[0]!.at_us ?? 0, part.at(-1)!.at_us ?? 0);
}

function detectionOf(s: Stranger, own: readonly Asked[], members: number): Detection {
  return {
    ruleId: 'session-never-opened',
    kind: 'account-takeover',
    family: 'session',
    level: 'high',
    outcome: 'unknown',
    groupKey: `unopened|${s.client}`,
    facts: { requests: own.length, answered_ok: s.n, members, doubtful: true },
    events: own.map(e => ({ eventId: e.event_id, atUs: e.at_us })),
  };
}
