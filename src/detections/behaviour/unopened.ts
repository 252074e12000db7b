import { groupBy } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { episodes, requestsWhere } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { isHurried } from '../times.ts';

const fewestMembers = 10;
const mostStrangers = 3;
const strangerShare = 0.01;
/** So many addresses may be those of a few who change them; more strangers are the public. */
const mostAddresses = 300;
const addressShare = 0.05;
const manyRequests = 30;
/** Of those who get answers from a part of the site that is for members; one is always let pass. */
const strangersHere = 0.05;

/** `hand`: the agent, where no member has it, so that whoever changes addresses is one; else the client. */
type Stranger = { client: string; hand: string; n: number };
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
    with answer as (select client as who, split_part(route, '/', 2) as section, sum(n) as n from detection_traffic join detection_route using (route_no) where status < 300 group by all),
      common as (select distinct user_agent from detection_client join detection_member on who = client_key where user_agent <> ''),
      hand as (select client_key as who, client, m.who is not null as member,
          case when m.who is null and user_agent <> '' and user_agent not in (select user_agent from common) then user_agent else client end as hand
        from detection_client left join detection_member m on m.who = client_key),
      told as (select who, section, n, member, hash(hand) as hand from answer join hand using (who)),
      counted as (select section, count(*) filter (member) as members, count(distinct hand) filter (not member) as strangers from told group by section),
      inner_section as (select section from counted where members >= ${fewestMembers} and strangers <= greatest(1, ${strangersHere} * (members + strangers)))
    select client, any_value(hand.hand) as hand, sum(n)::integer as n from told semi join inner_section using (section) join hand using (who) where not told.member group by client order by n desc, client`,
  );
  if (strangers.length > Math.max(mostAddresses, addressShare * members)) return [];
  const hands = [...groupBy(strangers, s => s.hand).values()];
  const known = new Set(found.flatMap(d => d.events.map(e => Number(e.eventId))));
  const many = hands.filter(list => list.reduce((n, s) => n + s.n, 0) >= manyRequests);
  if (many.length === 0 || hands.length > Math.max(mostStrangers, strangerShare * members)) return [];
  await engine.load(
    'detection_stranger',
    [{ name: 'client', type: 'VARCHAR' }],
    many.flat().map(s => [s.client]),
  );
  const rows = await engine.rows<Asked>(
    'detection.stranger-events',
    sql`select event_id, at_us, client from ${requestsWhere(sql`client_key in (select client_key from detection_client semi join detection_stranger using (client))`)} order by at_us nulls first, event_id`,
  );
  const handOf = new Map(many.flatMap(list => list.map(s => [s.client, list] as const)));
  const asked = groupBy(rows, r => handOf.get(r.client));
  return many.flatMap(list => {
    const own = (asked.get(list) ?? []).map(r => ({ ...r, atUs: r.at_us }));
    const told = own.filter(r => known.has(r.event_id)).length >= own.length / 2;
    return told || !episodes(own).some(isRush) ? [] : [detectionOf(list, own, members)];
  });
}

function isRush(part: readonly Asked[]): boolean {
  return part.length >= manyRequests && isHurried(part.length, part[0]!.at_us ?? 0, part.at(-1)!.at_us ?? 0);
}

function detectionOf(list: readonly Stranger[], own: readonly Asked[], members: number): Detection {
  return {
    ruleId: 'session-never-opened',
    kind: 'account-takeover',
    family: 'session',
    level: 'high',
    outcome: 'unknown',
    groupKey: `unopened|${list[0]!.client}`,
    facts: { requests: own.length, answered_ok: list.reduce((n, s) => n + s.n, 0), members, doubtful: true },
    events: own.map(e => ({ eventId: e.event_id, atUs: e.at_us })),
  };
}
