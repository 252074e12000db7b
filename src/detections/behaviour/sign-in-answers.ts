import { MINUTE } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { clientKey, pathMatches } from '../requests/request.ts';
import type { EventId } from '../tables.ts';

export type SignIn = {
  readonly eventId: EventId;
  readonly atUs: number | null;
  readonly srcIp: string | null;
  readonly agent: string;
  readonly account: string | null;
  readonly route: string;
  readonly status: number | null;
  readonly bytes: number | null;
  readonly outcome: 'success' | 'failure' | 'unknown';
};

const deniedStatuses = [400, 401, 403, 404, 422, 423, 429];

/** Paths where people sign in, in the last or last but one segment. */
export const loginPath = String.raw`(?:^|/)(?:[\w.-]*(?:log[-_]?[io]n|sign[-_]?[io]n|logon|authenticate|authorize|j_security_check)[\w.-]*|auth|sessions?|oauth2?/token|token|wp-login\.php|user/auth|account/access|connect/token)/?$`;

/** The entrance pages of tools that administer a database over the web: what is posted to them without a query is an account and its password. */
const toolEntrance = String.raw`(?:^|/)(?:adminer[\w.-]*|(?:php-?my-?admin|pma|mysql-?admin|db-?admin|sql-?admin|php-?pg-?admin)[\w.-]*(?:/(?:index|redirect)\.php)?)/?$`;

/** Pages that take a short code instead of a password: in the query, or (told by their name alone) in a body. */
const codePath = String.raw`(?:^|/)[\w./-]*(?:reset|recover|verif|confirm|activat|otp|mfa|2fa|factor|passcode|pin)[\w.-]*/?$`;
const codePost = String.raw`(?:^|[/_.-])(?:otp|totp|mfa|2fa|two-?factor|passcode|pin)(?:[_.-]\w+)?/?$`;
const codeQuery = '(?:^|&)(?:pin|code|otp|passcode|pass_?code|token)=[0-9a-z]{3,8}(?:&|$)';

/**
 * `detection_sign_in`: requests that try to sign in, with what their answers mean (`outcome`), `route` (the path in small
 * letters), `who` (clientKey) and `form`: a POST to a path where one signs in. The view has the texts of the client, the table below it, `_keyed`, does not.
 */
export async function prepareSignIns(engine: Engine): Promise<void> {
  const login = await pathMatches(engine, loginPath);
  const entrance = sql`(method = 'POST' and query is null and ${await pathMatches(engine, toolEntrance)})`;
  const code = sql`((regexp_matches(lower(coalesce(query, '')), ${sql.lit(codeQuery)}) and ${await pathMatches(engine, codePath)}) or (method = 'POST' and ${await pathMatches(engine, codePost)}))`;
  const other = sql`not coalesce(${login}, false) and not coalesce(${entrance}, false)`;
  await engine.run(
    'detection.sign-ins',
    sql`create or replace temp table detection_sign_in_raw as
    select event_id, at_us, account, coalesce(lower(path), '') as route, status, bytes_out, ${clientKey} as who,
      coalesce(method = 'POST' and (${login} or ${entrance}), false) as form, null as outcome
    from (select * from event where class = 1 and ${login} and (method = 'POST' or (query is not null and regexp_matches(lower(query), '(?:^|&)(?:pass|passwd|password|pwd)=')) or (status = 401 and account is not null))
      union all select * from event where class = 1 and ${entrance} and not coalesce(${login}, false)
      union all select * from event where class = 1 and status = 401 and (method = 'POST' or account is not null) and ${other} and not coalesce(${code}, false)
      union all select * from event where class = 1 and ${code} and ${other})`,
  );
  await classifyTable(engine, 'detection_sign_in_raw', sql`true`, 'detection_sign_in_keyed');
  await engine.run(
    'detection.sign-ins-view',
    sql`create or replace temp view detection_sign_in as
    select s.*, src_ip, coalesce(user_agent, '') as agent from detection_sign_in_keyed s join detection_client on client_key = who`,
  );
  await engine.run('detection.sign-ins-drop', sql`drop table detection_sign_in_raw`);
}

/**
 * Rows of a table like `detection_sign_in` that pass a test, each with what its answer means: "in" or "refused", by status where the route uses several,
 * else by size: the size that repeats for clients who try again and again is the refusal (when it is at least two thirds of what they see), others
 * are not. Where neither tells, the outcome stays unknown. Of an answer that everybody gets, only those are refused who ask for hardly anything else, and not like clockwork.
 */
export async function classifyTable(engine: Engine, from: string, where: Sql, into: string): Promise<void> {
  const denied = sql`status in (${sql.join(deniedStatuses.map(s => sql.lit(s)))})`;
  await engine.run(
    'detection.sign-in-rules',
    sql`create or replace temp table detection_sign_in_rule as
    with attempt as (select * from ${sql.id(from)} where ${where}),
      seen as (select route, coalesce(bool_or(${denied}), false) as refuses, coalesce(bool_or(status between 300 and 399), false) and coalesce(bool_or(status between 200 and 299), false) as redirects
        from attempt group by route),
      many as (select route, who from attempt semi join (select route from seen where not refuses and not redirects) using (route) group by route, who having count(*) >= ${manyTries}),
      sizes as (select route, coalesce(bytes_out::varchar, 'null') as size, count(*) as n from attempt semi join many using (route, who) group by all),
      top as (select route, arg_min(size, (-n, size)) as size, max(n) as n, sum(n) as total from sizes group by route)
    select route, refuses, refuses or redirects as by_status, case when size <> 'null' and n >= (2 / 3) * total then size::bigint end as size from seen left join top using (route)`,
  );
  await engine.run(
    'detection.sign-in-answers',
    sql`create or replace temp table ${sql.id(into)} as
    select attempt.*, case when status is null or status >= 500 then 'unknown'
        when by_status then case when ${denied} then 'failure' when refuses or status >= 300 then 'success' else 'failure' end
        when size is null or bytes_out is null then 'unknown' when abs(bytes_out - size) <= 2 then 'failure' else 'success' end as outcome
    from (select * exclude (outcome) from ${sql.id(from)} where ${where}) attempt join detection_sign_in_rule using (route)`,
  );
  await leaveOpen(engine, into);
}

const manyTries = 10;
const mostlyTries = 2 / 3;

/** A program that signs in again and again at one distance in time, and not in haste, watches whether the site is up. */
const leastPause = MINUTE;
const clockwork = 0.2;

/** One answer for all: the refusal only of clients who come to sign in and for hardly anything else, and not like clockwork; of whom it let in nothing is known. */
async function leaveOpen(engine: Engine, table: string): Promise<void> {
  const rows = await engine.rows<{ route: string }>(
    'detection.sign-in-alike',
    sql`select route from ${sql.id(table)} join (select route from detection_sign_in_rule where not by_status and size is not null) using (route)
    group by route having not bool_or(outcome = 'success') order by route`,
  );
  if (rows.length === 0) return;
  await engine.run(
    'detection.sign-in-open',
    sql`update ${sql.id(table)} set outcome = 'unknown' where outcome = 'failure' and route in (${sql.join(rows.map(r => sql`${r.route}`))}) and (route, who) not in (
      with pause as (select route, who, at_us - lag(at_us) over (partition by route, who order by at_us) as us from ${sql.id(table)} where route in (${sql.join(rows.map(r => sql`${r.route}`))})),
        steady as (select route, who from pause group by route, who having median(us) >= ${leastPause} and quantile_cont(us, 0.9) - quantile_cont(us, 0.1) <= ${clockwork} * median(us)),
        tries as (select route, who, count(*) as n from ${sql.id(table)} anti join steady using (route, who) group by route, who having count(*) >= ${manyTries})
      select tries.route, who from tries left join event on class = 1 and client_key = who and lower(path) not in (select route from ${sql.id(table)})
      group by tries.route, who, n having n >= ${mostlyTries} * (n + count(event_id)))`,
  );
}

type Row = {
  event_id: number;
  at_us: number | null;
  src_ip: string | null;
  agent: string;
  account: string | null;
  route: string;
  status: number | null;
  bytes_out: number | null;
  outcome: SignIn['outcome'];
};

/** Sign-ins of a query over `detection_sign_in` (in `s`), in order of time. */
export async function readSignIns(engine: Engine, step: string, where: Sql): Promise<SignIn[]> {
  const rows = await engine.rows<Row>(
    step,
    sql`select event_id, at_us, src_ip, agent, account, nullif(route, '') as route, status, bytes_out, outcome from detection_sign_in s where ${where} order by at_us nulls first, event_id`,
  );
  return rows.map(r => ({
    eventId: r.event_id,
    atUs: r.at_us,
    srcIp: r.src_ip,
    agent: r.agent,
    account: r.account,
    route: r.route,
    status: r.status,
    bytes: r.bytes_out,
    outcome: r.outcome,
  }));
}
