import { DAY, groupBy, HOUR } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { clientText, ofClient, pathMatches } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { loginPath } from './sign-in-answers.ts';
import { median, robustZ } from './weigh-clients.ts';

type Hour = { who: string; h: number; n: number };
type Odd = {
  readonly who: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly hours: readonly number[] | null;
  readonly ruleId: string;
  readonly facts: Record<string, unknown>;
};

const minDays = 5;
const minVolume = 100;
const minOddHours = 10;
const minDaysOfHours = 7;
const minDaysOfOthers = 50;
const minZ = 6;
const mostEvents = 5000;
const mostFindings = 50;

/**
 * Days on which an account (in web, authentication, API and database logs; a signed-in client where the log names no account) did far more than on its
 * own other days and than all others, and hours at which neither it nor next to anybody ever works. Robust baselines: median and MAD, so that a few
 * wild days move nothing. Numbers only: shown, accusing nobody (informational).
 */
export async function detectHabits(engine: Engine): Promise<Detection[]> {
  // Clients that signed in, and whose requests reach over enough days for one of them to stand out.
  const lasting = sql`signed as (select client_key from event where class = 1 and method = 'POST' and status < 400 and ${await pathMatches(engine, loginPath)} group by client_key),
      lasting as (select client_key from detection_client semi join signed using (client_key) where last_us // ${DAY}::bigint - first_us // ${DAY}::bigint >= ${minDays})`;
  const hours = await engine.rows<Hour>(
    'detection.habit-hours',
    sql`
    with ${lasting},
      named as (
        select coalesce('a:' || account, 'd:' || db_user || '|' || coalesce(app_name, '')) as who, h, n from (
          select account, db_user, app_name, at_us // ${HOUR}::bigint as h, count(*) as n from event
          where class in (1, 2, 3, 4) and at_us is not null and (account is not null or (class = 2 and db_user is not null)) group by all)
        union all select ${clientText}, h, n from (
          select src_ip, user_agent, at_us // ${HOUR}::bigint as h, count(*) as n from event semi join lasting using (client_key)
          where class = 1 and account is null and at_us is not null and src_ip is not null group by all)),
      hourly as (select who, h, sum(n)::bigint as n from named group by who, h),
      known as (select who from hourly group by who having count(distinct h // 24) > ${minDays})
    select who, h, n from hourly join known using (who) order by who, h limit 3000000`,
  );
  const byWho = groupBy(hours, r => r.who);
  const odd = [...oddVolumes(byWho), ...oddHours(byWho)].sort(
    (a, b) => Number(b.facts['robust_z'] ?? 0) - Number(a.facts['robust_z'] ?? 0) || a.fromUs - b.fromUs || (a.who < b.who ? -1 : 1),
  );
  const out: Detection[] = [];
  for (const o of odd.slice(0, mostFindings)) {
    const events = await engine.rows<{ event_id: number; at_us: number }>('detection.habit-events', eventsOf(o));
    if (events.length === 0) continue;
    out.push({
      ruleId: o.ruleId,
      kind: 'other',
      family: 'habit',
      level: 'informational',
      outcome: 'unknown',
      groupKey: `habit|${o.ruleId}|${o.who}|${o.fromUs}`,
      facts: { account: o.who.slice(2), ...o.facts },
      events: events.map(e => ({ eventId: e.event_id, atUs: e.at_us })),
    });
  }
  return out.sort((a, b) => (a.groupKey < b.groupKey ? -1 : 1));
}

function eventsOf(o: Odd) {
  const when = sql`at_us >= ${o.fromUs}::bigint and at_us < ${o.toUs}::bigint ${o.hours === null ? sql`` : sql`and (at_us // ${HOUR}::bigint) % 24 in (${sql.join(o.hours.map(h => sql`${h}::bigint`))})`}`;
  if (o.who.startsWith('i:'))
    return sql`select event_id, at_us from detection_request where ${ofClient(o.who)} and ${when} order by at_us, event_id limit ${mostEvents}`;
  if (o.who.startsWith('a:'))
    return sql`select event_id, at_us from event where account = ${o.who.slice(2)} and class in (1, 2, 3, 4) and ${when} order by at_us, event_id limit ${mostEvents}`;
  return sql`select event_id, at_us from event where class = 2 and account is null and db_user || '|' || coalesce(app_name, '') = ${o.who.slice(2)} and ${when} order by at_us, event_id limit ${mostEvents}`;
}

type ByWho = ReadonlyMap<string, readonly Hour[]>;
type Days = ReadonlyMap<number, number>;

const daysOf = (list: readonly Hour[]): Days => {
  const days = new Map<number, number>();
  for (const r of list) days.set(Math.floor(r.h / 24), (days.get(Math.floor(r.h / 24)) ?? 0) + Number(r.n));
  return days;
};
const kindOf = (who: string): string => who.slice(0, 1);

/** A day against the own other days, against the others on that day (a busy day for all is none), and against what others ever do in a day. */
export function oddVolumes(byWho: ByWho): Odd[] {
  const all = [...byWho].map(([who, list]) => ({ who, days: daysOf(list) }));
  const usual = new Map(all.map(a => [a.who, median([...a.days.values()])!]));
  const out: Odd[] = [];
  for (const { who, days } of all) {
    if (days.size <= minDays) continue;
    for (const [day, n] of days) {
      if (n < minVolume) continue;
      const rest = [...days].filter(([d]) => d !== day).map(([, x]) => x);
      const z = robustZ(n, rest)!;
      const most = Math.max(...rest);
      if (z < minZ || n < 3 * most) continue;
      const others = all.filter(a => a.who !== who && kindOf(a.who) === kindOf(who));
      const ratios = others.filter(a => a.days.has(day)).map(a => a.days.get(day)! / Math.max(1, usual.get(a.who)!));
      const busy = median(ratios) ?? 1;
      const ofOthers = others.reduce((m, a) => [...a.days.values()].reduce((x, v) => Math.max(x, v), m), 0);
      if (n < 3 * busy * usual.get(who)!) continue;
      out.push({
        who,
        fromUs: day * DAY,
        toUs: (day + 1) * DAY,
        hours: null,
        ruleId: 'unusual-volume',
        facts: {
          events: n,
          usual_per_day: usual.get(who),
          most_on_other_days: most,
          other_days: rest.length,
          robust_z: z,
          threshold_z: minZ,
          others: others.length,
          others_that_day: Math.round(busy * 100) / 100,
          most_of_others: ofOthers,
        },
      });
    }
  }
  return out;
}

/** Events at hours of the day at which this account was never seen on its other days, and at which the others together are next to never seen. */
export function oddHours(byWho: ByWho): Odd[] {
  const visits = new Map<string, { hour: Map<number, number>; days: number; whos: number }>();
  for (const [who, list] of byWho) {
    const kind = kindOf(who);
    const v = visits.get(kind) ?? { hour: new Map<number, number>(), days: 0, whos: 0 };
    visits.set(kind, v);
    v.whos++;
    v.days += daysOf(list).size;
    for (const r of list) v.hour.set(r.h % 24, (v.hour.get(r.h % 24) ?? 0) + 1);
  }
  const out: Odd[] = [];
  for (const [who, list] of byWho) {
    const days = groupBy(list, r => Math.floor(r.h / 24));
    if (days.size <= minDaysOfHours) continue;
    const v = visits.get(kindOf(who))!;
    const seen = new Map<number, Set<number>>();
    for (const [day, rows] of days) for (const r of rows) (seen.get(r.h % 24) ?? seen.set(r.h % 24, new Set()).get(r.h % 24)!).add(day);
    for (const [day, rows] of days) {
      const near = (h: number): boolean =>
        [h - 1, h, h + 1].some(x => [...(seen.get((x + 24) % 24) ?? [])].some(d => d !== day && Math.abs(d - day) > (x < 0 || x > 23 ? 1 : 0)));
      const odd = rows.filter(r => !near(r.h % 24));
      const n = odd.reduce((s, r) => s + Number(r.n), 0);
      if (n < minOddHours) continue;
      const hours = [...new Set(odd.map(r => r.h % 24))].sort((a, b) => a - b);
      const othersThen = hours.reduce((s, h) => s + (v.hour.get(h) ?? 0), 0) - hours.length;
      const otherDays = v.days - days.size;
      // Of the others at least four, and at most one of a hundred of their days touches such an hour.
      if (v.whos < 5 || otherDays < minDaysOfOthers || othersThen > 0.01 * otherDays * hours.length) continue;
      out.push({
        who,
        fromUs: day * DAY,
        toUs: (day + 1) * DAY,
        hours,
        ruleId: 'unusual-hours',
        facts: {
          events: n,
          hours_utc: hours,
          own_other_days: days.size - 1,
          own_other_days_then: 0,
          others: v.whos - 1,
          days_of_others: otherDays,
          others_then: othersThen,
          threshold_share: 0.01,
        },
      });
    }
  }
  return out;
}
