import { DAY, groupBy, HOUR, MINUTE } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { ofClient, pathMatches, requestsWhere } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { spanOf } from '../times.ts';
import { clientsOf } from './opaque-ids.ts';

/** Functions that administer: by the words applications use for them, in the path's own segments. */
const adminPath = String.raw`(?:^|/)(?:admin(?:istrat\w*|s)?|manage(?:ment|r)?|backoffice|back-office|kanri|superuser|root|system|maintenance|settings?|config(?:uration)?|masters?|users?|accounts?|staff|roles?|permissions?|privileges?|grants?|audit(?:-?logs?)?|impersonate|sudo)(?:[/._-]|$)`;

const lifeBefore = 20;
const lifeUs = DAY;

/**
 * Growth of rights. In web logs: somebody who had worked for a while without them begins to be answered on administrative functions that few use.
 * In database logs: roles are made or raised, and then used. By itself it is shown only (administrators are made every day); it counts where the
 * same client or connection was already found, or where a program's own account raises rights beside an attack.
 */
export async function detectPrivilegeGrowth(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  return [...(await newFunctions(engine, found)), ...(await raisedRoles(engine, found))].sort((a, b) => (a.groupKey < b.groupKey ? -1 : 1));
}

type Reach = {
  who: string;
  client: string;
  route: string;
  first_ok: number;
  n: number;
  refused: number;
  first_us: number;
  users: number;
  people: number;
};

async function newFunctions(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  await engine.run(
    'detection.admin',
    sql`create or replace temp table detection_admin as
    select coalesce('s:' || account, client) as who, min(client) as client, min(account) as account, min(client_key) as client_key, route, min(at_us) filter (status < 300) as first_ok, (count(*) filter (status < 300))::integer as n,
      (count(*) filter (status in (401, 403)))::integer as refused, min(at_us) filter (status in (401, 403)) as first_no
    from ${requestsWhere(sql`at_us is not null and ${await pathMatches(engine, adminPath)} and method in ('GET', 'POST', 'PUT', 'PATCH', 'DELETE')`)} group by who, route`,
  );
  const { functions } = await engine.row<{ functions: number }>('detection.admin-any', sql`select count(*) as functions from detection_admin where n > 0`);
  if (functions === 0) return [];
  const known = sql`at_us is not null and (account in (select account from detection_admin where n > 0) or (account is null and client_key in (select client_key from detection_admin where n > 0)))`;
  // Who used one at the beginning of its life drops out before anybody is counted.
  await engine.run(
    'detection.admin-life',
    sql`create or replace temp table detection_admin_reach as
    with ok as (select * from detection_admin where n > 0),
      users as (select route, count(distinct who)::integer as users from ok group by route),
      life as (select coalesce('s:' || account, client) as who, min(at_us) as first_us from ${requestsWhere(known)} group by 1)
    select ok.*, users, first_us from ok join users using (route) join life using (who) where first_ok - first_us >= ${lifeUs}::bigint or first_no < first_ok`,
  );
  const { reached } = await engine.row<{ reached: number }>('detection.admin-reached', sql`select count(*) as reached from detection_admin_reach`);
  if (reached === 0) return [];
  const rows = await engine.rows<Reach>(
    'detection.admin-reach',
    sql`
    with people as (select approx_count_distinct(hash(account, src_ip, user_agent))::integer as people
        from (select account, any_value(src_ip) as src_ip, any_value(user_agent) as user_agent from event where class = 1 and status < 400 group by account, client_key))
    select who, client, route, first_ok, n, case when first_no < first_ok then refused else 0 end as refused, first_us, users, people from detection_admin_reach cross join people
    where users <= greatest(2, 0.05 * people) and people >= 10 order by who, first_ok, route limit 2000`,
  );
  if (rows.length === 0) return [];
  const marked = await clientsOf(engine, found);
  const out: Detection[] = [];
  for (const [who, list] of groupBy(rows, r => r.who)) {
    const first = list.reduce((a, r) => (r.first_ok < a.first_ok ? r : a));
    const mine = who.startsWith('s:') ? sql`account = ${who.slice(2)}` : sql`account is null and ${ofClient(who)}`;
    const { before } = await engine.row<{ before: number }>(
      'detection.admin-before',
      sql`select count(*)::integer as before from detection_request where ${mine} and at_us < ${first.first_ok}::bigint and status < 400`,
    );
    if (before < lifeBefore) continue;
    const routes = new Set(list.map(r => r.route));
    const events = await engine.rows<{ event_id: number; at_us: number }>(
      'detection.admin-events',
      sql`select event_id, at_us from detection_request where ${mine} and at_us is not null and route in (${sql.join([...routes].sort().map(r => sql`${r}`))}) order by at_us, event_id limit 5000`,
    );
    const also = list.some(r => marked.has(r.client)) && !who.startsWith('s:');
    out.push({
      ruleId: 'new-administrative-functions',
      kind: also ? 'account-takeover' : 'other',
      family: 'privilege',
      level: also ? 'medium' : 'informational',
      outcome: 'unknown',
      groupKey: `admin|${who}`,
      facts: {
        functions: [...routes].sort().slice(0, 20),
        requests: list.reduce((n, r) => n + r.n, 0),
        refused_before: list.reduce((n, r) => n + r.refused, 0),
        own_requests_before: before,
        own_hours_before: Math.round((first.first_ok - first.first_us) / HOUR),
        users_of_them: Math.max(...list.map(r => r.users)),
        people: first.people,
        threshold_users: Math.max(2, Math.floor(0.05 * first.people)),
        also_marked: also,
      },
      events: events.map(e => ({ eventId: e.event_id, atUs: e.at_us })),
    });
  }
  return out;
}

const change =
  /\b(?:create|alter)\s+(?:role|user|login)\s+(?:if\s+not\s+exists\s+)?["'`[]?([\w.$-]+)|\bgrant\b[\s\S]{1,400}?\bto\s+["'`[]?([\w.$-]+)|\bsp_addsrvrolemember\s+(?:@\w+\s*=\s*)?n?'([^']+)'|\balter\s+(?:server\s+)?role\s+["'`[]?[\w.$-]+["'`\]]?\s+add\s+member\s+["'`[]?([\w.$-]+)/i;
const structure = String.raw`\b(?:create|alter|drop)\s+(?:table|schema|sequence|index|view|database|extension)\b`;

type Change = {
  event_id: number;
  at_us: number | null;
  conn: string | null;
  db_user: string | null;
  app_name: string | null;
  text: string;
  ordinary: number;
  changes: number;
  migrating: boolean;
};

/** Who was given rights by a statement; null when it gives none. Names in lower case, without quotes. */
export function roleOf(text: string): string | null {
  const m = change.exec(text);
  return m ? ((m[1] ?? m[2] ?? m[3] ?? m[4] ?? null)?.toLowerCase() ?? null) : null;
}

async function raisedRoles(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const rows = await engine.rows<Change>(
    'detection.role-changes',
    sql`
    with hit as (select event_id, at_us, concat_ws('|', file_no, conn_id) as conn, db_user, app_name, left(sql_text, 2000) as text from event
        where class = 2 and sql_text is not null and (err_code is null or err_code = '00000') and regexp_matches(lower(sql_text), 'grant\\s|(?:create|alter)\\s+(?:server\\s+)?(?:role|user|login)\\s|sp_addsrvrolemember')),
      ordinary as (select db_user, count(*) as n from event where class = 2 and db_user in (select db_user from hit) and stmt_kind in ('SELECT', 'INSERT', 'UPDATE', 'DELETE') group by db_user),
      built as (select distinct concat_ws('|', file_no, conn_id) as conn from event where class = 2 and conn_id is not null and concat_ws('|', file_no, conn_id) in (select conn from hit) and regexp_matches(lower(sql_text), ${sql.lit(structure)}))
    select h.*, coalesce(o.n, 0)::integer as ordinary, (count(*) over (partition by h.db_user))::integer as changes, b.conn is not null as migrating
    from hit h left join ordinary o using (db_user) left join built b using (conn) order by at_us nulls first, event_id limit 20000`,
  );
  const named = rows.map(r => ({ ...r, role: roleOf(r.text) })).filter(r => r.role !== null);
  const attacks = found
    .filter(d => d.outcome === 'succeeded' && (d.family === 'sqli' || d.kind === 'web-shell' || d.kind === 'db-dump'))
    .map(d => spanOf(d.events.map(e => e.atUs)));
  const out: Detection[] = [];
  for (const [role, list] of groupBy(named, r => r.role!)) {
    const first = list[0]!.at_us ?? 0;
    const used = await engine.rows<{ event_id: number; at_us: number }>(
      'detection.role-use',
      sql`select event_id, at_us from event where class = 2 and lower(db_user) = ${role} and at_us > ${first}::bigint order by at_us, event_id limit 2000`,
    );
    const { before } = await engine.row<{ before: number }>(
      'detection.role-use-before',
      sql`select count(*)::integer as before from event where class = 2 and lower(db_user) = ${role} and at_us < ${first}::bigint`,
    );
    const besideAttack = list.some(r => r.at_us !== null && attacks.some(s => r.at_us! >= s.from - 5 * MINUTE && r.at_us! <= s.to + 5 * MINUTE));
    const byProgram = list.some(r => r.ordinary >= 200 && r.changes <= 5 && !r.migrating);
    out.push({
      ruleId: 'role-raised',
      kind: 'other',
      family: 'privilege',
      level: besideAttack && byProgram ? 'high' : 'informational',
      outcome: besideAttack && byProgram ? 'succeeded' : 'unknown',
      groupKey: `role|${role}`,
      facts: {
        role,
        changes: list.length,
        by: [...new Set(list.map(r => r.db_user))].sort().slice(0, 10),
        everyday_statements_of_giver: Math.max(...list.map(r => r.ordinary)),
        while_building: list.some(r => r.migrating),
        uses_after: used.length,
        uses_before: before,
        beside_an_attack: besideAttack,
      },
      // Use by the role itself may be anybody's right; only beside an attack it belongs to the finding.
      events: [
        ...list.map(r => ({ eventId: r.event_id, atUs: r.at_us })),
        ...(besideAttack && byProgram && before === 0 ? used.map(u => ({ eventId: u.event_id, atUs: u.at_us })) : []),
      ],
    });
  }
  return out;
}
