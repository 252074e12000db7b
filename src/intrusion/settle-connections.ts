import { HOUR, SECOND } from '../base/index.ts';
import type { PremiseName } from '../case/index.ts';
import { loginPath, loginStatement, pagePart, readingUs } from '../detections/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import { readConnections } from './connections.ts';

/** Clocks of two machines, and a request that is logged when it ends. */
const slackUs = 2 * SECOND;
const formUs = HOUR;
/** Marks of a sender by which an event became an actor's: nothing that he is known to have done. */
const bySender = sql`('own-address', 'address-and-agent', 'shared-address-and-agent', 'stated-address-shared', 'stated-in-case-file', 'another-signed-in')`;

/** `fails`: a person said that the premise does not hold. `mayKnow`: may the intruder have had the password of somebody in a table of accounts, or of that account? */
export type Settling = {
  readonly fails: (premise: PremiseName) => boolean;
  readonly mayKnow: (account: string, table: string) => boolean;
};

/**
 * Where several people send from one address and nothing else in the log tells them apart, their connections may: what comes over a connection that carried
 * certain acts of one actor is certainly that actor's (`one-connection-one-client`); what comes over one on which somebody signed in with the page for it, as an account
 * that is not known to be taken, and did nothing that stands out, is that account's owner's (`signed-in-as-owner`). Changes `actor_event`; reads `labelled`.
 * Gives how many events each premise decided.
 */
export async function settleConnections(engine: Engine, taken: readonly string[], settling: Settling): Promise<Map<PremiseName, number>> {
  const decided = new Map<PremiseName, number>();
  if (settling.fails('one-connection-one-client')) return decided;
  const addresses = sql`select distinct e.src_ip from actor_event x join event e using (event_id) where x.certainty = 'wide' and e.class = 1 and e.src_ip is not null`;
  if (!(await readConnections(engine, addresses))) return decided;
  // whoever came after a doubtful sign-in at the address is in that doubt as well
  await engine.run(
    'intrusion.acts',
    sql`create or replace temp table act as select distinct event_id from labelled join detection using (detection_id) where family <> 'session' or json_extract_string(facts, '$.doubtful') is distinct from 'true'`,
  );
  await readEntries(engine);
  const bound = await bindToActs(engine);
  if (bound > 0) decided.set('one-connection-one-client', bound);
  if (!settling.fails('signed-in-as-owner')) {
    const owners = await setOwnersAside(engine, new Set(taken), settling.mayKnow);
    if (owners > 0) decided.set('signed-in-as-owner', owners);
  }
  for (const t of ['connection', 'connection_entry', 'act']) await engine.run('intrusion.drop', sql`drop table ${sql.id(t)}`);
  return decided;
}

/**
 * Accepted sign-ins on connections that no detection has, with the accounts looked up at that moment: `connection_entry (connection, event_id, at_us, accounts, tables)`.
 * Two accounts on one connection are two people behind a machine that gathers their requests: nothing of such an address is left in `connection`.
 */
async function readEntries(engine: Engine): Promise<void> {
  await engine.run(
    'intrusion.connection_entries',
    sql`create or replace temp table connection_entry as
    with entry as (select c.connection, e.event_id, e.at_us, coalesce(e.duration_us, 0) as took_us from connection c join event e using (event_id)
        where e.method = 'POST' and e.status < 400 and regexp_matches(lower(coalesce(e.path, '')), ${sql.lit(loginPath)}) and not exists (select 1 from act a where a.event_id = e.event_id)),
      span as (select min(at_us) - ${slackUs}::bigint as lo, max(at_us + took_us) + ${slackUs}::bigint as hi from entry),
      lookup as (select at_us, regexp_extract(lower(sql_text), '\\bfrom\\s+["\x60\\[]?([\\w.]+)', 1) as table_name,
          coalesce(json_extract_string(try_cast(sql_params as json), '$[0]'), nullif(regexp_extract(sql_text, '(?is)\\bwhere\\b[^'']*=\\s*''([^'']*)''', 1), '')) as account
        from event where class = 2 and at_us between (select lo from span) and (select hi from span) and regexp_matches(lower(sql_text), ${sql.lit(loginStatement)}))
    select x.connection, x.event_id, x.at_us, coalesce(list_sort(list_distinct(list(l.account) filter (l.account is not null))), []) as accounts,
      coalesce(list_sort(list_distinct(list(l.table_name) filter (l.account is not null))), []) as tables
    from entry x left join lookup l on l.at_us between x.at_us - ${slackUs}::bigint and x.at_us + x.took_us + ${slackUs}::bigint group by all order by x.event_id`,
  );
  await engine.run(
    'intrusion.gathering',
    sql`delete from connection where src_ip in (select distinct src_ip from connection join (
      select connection from connection_entry group by connection having count(*) > 1 and (min(accounts) <> max(accounts) or bool_or(len(accounts) <> 1))) using (connection))`,
  );
}

/** What shares a connection with certain acts of one actor, and of no other, is as certain. */
async function bindToActs(engine: Engine): Promise<number> {
  await engine.run(
    'intrusion.same_connection',
    sql`create or replace temp table same_connection as
    with his as (select connection, min(actor_id) as actor_id from connection join actor_event using (event_id) where certainty = 'strict' group by connection having count(distinct actor_id) = 1)
    select h.actor_id, c.event_id from his h join connection c using (connection)
    where not exists (select 1 from actor_event x where x.event_id = c.event_id and (x.actor_id <> h.actor_id or x.certainty = 'strict'))`,
  );
  const { n } = await engine.row<{ n: number }>('intrusion.same_connection', sql`select count(*) as n from same_connection`);
  await engine.run(
    'intrusion.same_connection',
    sql`delete from actor_event using same_connection s where actor_event.actor_id = s.actor_id and actor_event.event_id = s.event_id`,
  );
  await engine.run(
    'intrusion.same_connection',
    sql`insert into actor_event select actor_id, event_id, 'strict', 'same-connection' from same_connection order by event_id, actor_id`,
  );
  await engine.run('intrusion.drop', sql`drop table same_connection`);
  return n;
}

type Visit = { connection: string; accounts: readonly string[]; tables: readonly string[] };

/** Connections without any act of an intruder, on which somebody saw the page for signing in, signed in once, and read at a person's pace. */
async function setOwnersAside(engine: Engine, taken: ReadonlySet<string>, mayKnow: Settling['mayKnow']): Promise<number> {
  const visits = await engine.rows<Visit>(
    'intrusion.owner_connections',
    sql`
    with sent as (select c.connection, e.event_id, e.at_us, e.method, e.status, lower(coalesce(e.path, '')) as path, a.event_id is not null as hit
        from connection c join event e using (event_id) left join act a using (event_id)),
      calm as (select connection from sent group by connection having not bool_or(hit)
        and max(at_us) - min(at_us) >= ${readingUs}::bigint * count(*) filter (method = 'GET' and not regexp_matches(path, ${sql.lit(pagePart)})))
    select n.connection, n.accounts, n.tables from connection_entry n semi join calm using (connection)
    where len(n.accounts) > 0 and exists (select 1 from sent s where s.connection = n.connection and s.method = 'GET' and s.status < 400 and regexp_matches(s.path, ${sql.lit(loginPath)}) and s.at_us between n.at_us - ${formUs}::bigint and n.at_us)
    order by n.event_id`,
  );
  const owners = visits.filter(v => v.accounts.every(a => !taken.has(a) && v.tables.every(t => !mayKnow(a, t))));
  await engine.load(
    'owner_connection',
    [{ name: 'connection', type: 'VARCHAR' }],
    owners.map(v => [v.connection]),
  );
  await engine.run(
    'intrusion.owner_events',
    sql`create or replace temp table owner_event as select x.actor_id, x.event_id from actor_event x join connection c using (event_id) semi join owner_connection using (connection)
      where x.certainty = 'wide' and (x.reason in ${bySender} or x.reason = 'detection')`,
  );
  const { n } = await engine.row<{ n: number }>('intrusion.owner_events', sql`select count(*) as n from owner_event`);
  await engine.run(
    'intrusion.owner_events',
    sql`delete from actor_event using owner_event o where actor_event.actor_id = o.actor_id and actor_event.event_id = o.event_id`,
  );
  for (const t of ['owner_connection', 'owner_event']) await engine.run('intrusion.drop', sql`drop table ${sql.id(t)}`);
  return n;
}

/** Addresses of which requests are only possible because others send from there as well. Reads `actor_event`. */
export async function countUntold(engine: Engine): Promise<number> {
  const { n } = await engine.row<{ n: number }>(
    'intrusion.untold',
    sql`select count(distinct e.src_ip) as n from actor_event x join event e using (event_id) where x.certainty = 'wide' and x.reason in ${bySender} and e.class = 1 and e.session is null and e.account is null`,
  );
  return n;
}
