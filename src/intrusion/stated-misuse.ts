import { SECOND } from '../base/index.ts';
import { loginPath } from '../detections/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import { readConnections } from './connections.ts';
import type { DetectionRow } from './tables.ts';

/** Clocks of two machines, and a request that is logged when it ends. */
const slackUs = 2 * SECOND;

/** What a stated account's misuse is: something that a method found odd, or a sign-in (its event) that is the only one. */
export type Misuse = { readonly detections: ReadonlySet<string>; readonly entries: readonly number[] };

export const noMisuse: Misuse = { detections: new Set(), entries: [] };

type Use = { account: string; entry_id: number; detection_id: string | null };

/**
 * The case file says that an account was misused, no log names accounts, and nothing in the evidence is certain: then the only sign-in to it (known by the moment at
 * which the database log shows it looked up), or of several the only one that a method found odd, is the misuse (`stated-account-misused`), and the method's doubt is
 * settled. Only where no log is known to lack lines, each look-up has one sign-in, and one session, connection or client of its own holds all that the method found.
 * Reads `labelled` and, where there is one, `coverage_gap`.
 */
export async function findStatedMisuse(
  engine: Engine,
  detections: readonly DetectionRow[],
  accounts: readonly string[],
  isDoubtful: (d: DetectionRow) => boolean,
): Promise<Misuse> {
  if (accounts.length === 0 || detections.some(d => d.outcome === 'succeeded' && !isDoubtful(d)) || (await lacksLines(engine))) return noMisuse;
  await readStatedEntries(engine, accounts);
  const uses = await engine.rows<Use>(
    'intrusion.stated_uses',
    sql`with heard as (select distinct account from stated_lookup where account not in (select account from stated_lookup group by account, event_id having count(entry_id) <> 1))
      select distinct k.account, k.entry_id, l.detection_id from stated_lookup k semi join heard using (account)
      left join (select l.event_id, l.detection_id from labelled l join detection d using (detection_id) where d.kind = 'account-takeover') l on l.event_id = k.entry_id
      where k.status < 400 order by 1, 2, 3 nulls first`,
  );
  const doubtful = new Set(detections.filter(isDoubtful).map(d => d.detection_id));
  const found = new Set<string>();
  const entries: number[] = [];
  for (const account of accounts) {
    const own = uses.filter(u => u.account === account);
    const odd = [...new Set(own.flatMap(u => u.detection_id ?? []))];
    if (odd.length === 0 && new Set(own.map(u => u.entry_id)).size === 1) entries.push(own[0]!.entry_id);
    if (odd.length === 1 && doubtful.has(odd[0]!) && (await isOneHand(engine, odd[0]!, account))) found.add(odd[0]!);
  }
  await engine.run('intrusion.drop', sql`drop table stated_lookup`);
  return { detections: found, entries };
}

/**
 * Of what came after these sign-ins to stated accounts and is possible for that reason alone, what the same session or connection holds is certain, where that was
 * only ever used by one client. Gives the actors, each with the number of its events. Changes `actor_event`.
 */
export async function settleMisuse(engine: Engine, entries: readonly number[]): Promise<Map<string, number>> {
  if (entries.length === 0) return new Map();
  await engine.load(
    'misuse_entry',
    [{ name: 'event_id', type: 'BIGINT' }],
    entries.map(id => [id]),
  );
  const ported = await readConnections(engine, sql`select src_ip from event semi join misuse_entry using (event_id)`);
  await engine.run(
    'intrusion.misuse_events',
    sql`create or replace temp table misuse_event as
    with session as (select session from event where session in (select session from event semi join misuse_entry using (event_id)) group by session having count(distinct (src_ip, user_agent)) = 1),
      same as (select event_id from event semi join session using (session) ${ported ? sql`union select c.event_id from connection c where c.connection in (select connection from connection semi join misuse_entry using (event_id))` : sql``})
    select x.actor_id, x.event_id from actor_event x semi join same using (event_id) where x.certainty = 'wide' and x.reason = 'stated-account-signed-in'`,
  );
  const rows = await engine.rows<{ actor_id: string; n: number }>(
    'intrusion.misuse_events',
    sql`select actor_id, count(*) as n from misuse_event group by actor_id order by actor_id`,
  );
  await engine.run(
    'intrusion.misuse_events',
    sql`update actor_event set certainty = 'strict', reason = 'stated-account-misused' from misuse_event m where actor_event.actor_id = m.actor_id and actor_event.event_id = m.event_id`,
  );
  for (const t of ['misuse_entry', 'misuse_event', ...(ported ? ['connection'] : [])]) await engine.run('intrusion.drop', sql`drop table ${sql.id(t)}`);
  return new Map(rows.map(r => [r.actor_id, r.n]));
}

/** Is a log known to have lost lines? */
async function lacksLines(engine: Engine): Promise<boolean> {
  if (!(await engine.hasTable('coverage_gap'))) return false;
  return (
    (await engine.row<{ n: number }>('intrusion.lost_lines', sql`select count(*) as n from coverage_gap where reason in ('sequence', 'rotation', 'truncated')`))
      .n > 0
  );
}

/** `stated_lookup (account, event_id, entry_id, status)`: statements that look up a stated account, each with the sign-ins of that moment; accounts that the web log names itself are left out. */
async function readStatedEntries(engine: Engine, accounts: readonly string[]): Promise<void> {
  await engine.load(
    'stated_name',
    [{ name: 'account', type: 'VARCHAR' }],
    accounts.map(a => [a]),
  );
  await engine.run(
    'intrusion.stated_lookups',
    sql`create or replace temp table stated_lookup as
    with silent as (select account from stated_name n where not exists (select 1 from event e where e.class = 1 and e.account = n.account)),
      said as (select n.account, e.event_id, e.at_us from silent n join event e on e.class = 2 and e.at_us is not null
        and (contains(coalesce(e.sql_params, ''), to_json(n.account)::varchar) or contains(coalesce(e.sql_text, ''), '''' || n.account || ''''))),
      entry as (select event_id, at_us, status, coalesce(duration_us, 0) as took_us from event
        where class = 1 and src_ip is not null and upper(coalesce(method, 'POST')) = 'POST' and regexp_matches(lower(split_part(coalesce(target_norm, target, ''), '?', 1)), ${sql.lit(loginPath)}))
    select s.account, s.event_id, e.event_id as entry_id, coalesce(e.status, 200) as status from said s left join entry e on e.at_us between s.at_us - ${slackUs} and s.at_us + ${slackUs} + e.took_us`,
  );
  await engine.run('intrusion.drop', sql`drop table stated_name`);
}

/** Is all that a detection found one person's, and every sign-in in it one to the account? */
async function isOneHand(engine: Engine, detection: string, account: string): Promise<boolean> {
  await engine.run(
    'intrusion.found_use',
    sql`create or replace temp table found_use as
    select e.event_id, e.src_ip, e.user_agent, e.session, e.status, k.entry_id is not null as entered,
      e.method = 'POST' and coalesce(e.status, 200) < 400 and regexp_matches(lower(coalesce(e.path, '')), ${sql.lit(loginPath)}) as signs_in
    from labelled l join event e using (event_id) left join (select distinct entry_id from stated_lookup where account = ${account}) k on k.entry_id = e.event_id where l.detection_id = ${detection} and e.class = 1`,
  );
  const u = await engine.row<{ entries: number; foreign: number; sessions: number; nameless: number; clients: number; agents: number }>(
    'intrusion.found_use',
    sql`select count(*) filter (entered and coalesce(status, 200) < 400) as entries, count(*) filter (signs_in and not entered) as "foreign", count(distinct session) as sessions,
      count(*) filter (session is null and not entered) as nameless, count(distinct (src_ip, coalesce(user_agent, ''))) as clients, count(distinct user_agent) as agents from found_use`,
  );
  const one =
    u.foreign === 0 &&
    u.entries > 0 &&
    ((u.nameless === 0 && u.sessions <= u.entries) || (u.agents === 1 && u.clients === 1 && (await isAlone(engine))) || (await isOneConnection(engine)));
  await engine.run('intrusion.drop', sql`drop table found_use`);
  return one;
}

/** Did address and agent send nothing but this? */
async function isAlone(engine: Engine): Promise<boolean> {
  const { n } = await engine.row<{ n: number }>(
    'intrusion.found_client',
    sql`select count(*) as n from event e semi join found_use u on u.src_ip = e.src_ip and u.user_agent is not distinct from e.user_agent where e.class = 1 and e.event_id not in (select event_id from found_use)`,
  );
  return n === 0;
}

async function isOneConnection(engine: Engine): Promise<boolean> {
  if (!(await readConnections(engine, sql`select distinct src_ip from found_use`))) return false;
  const { n, missing } = await engine.row<{ n: number; missing: number }>(
    'intrusion.found_connection',
    sql`select count(distinct connection) as n, count(*) filter (connection is null) as missing from found_use left join connection using (event_id)`,
  );
  await engine.run('intrusion.drop', sql`drop table connection`);
  return n === 1 && missing === 0;
}
