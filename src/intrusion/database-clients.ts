import { HOUR } from '../base/index.ts';
import { type Engine, sql } from '../engine/index.ts';

/** The work of one intrusion at a database: what its machine did before and after what stood out. */
const around = 12 * HOUR;
/** A machine with a larger share of all statements is the application’s, or that of people who work there. */
const rareShare = 0.02;

/**
 * Statements from the machine of somebody who connected to the database himself, when that machine came for nothing else: in the whole log it appears only
 * around what stood out, with one role and few statements. They are as certain as what stood out.
 */
export async function addDatabaseClients(engine: Engine): Promise<void> {
  await engine.run(
    'intrusion.database_clients',
    sql`create or replace temp table database_client as
    with mark as (select x.actor_id, e.src_ip, e.db_user, min(e.at_us) as lo, max(e.at_us) as hi, case when bool_or(x.certainty = 'strict') then 'strict' else 'wide' end as certainty
        from actor_event x join labelled l using (event_id) join event e using (event_id) where e.class = 2 and l.ip is not null group by all),
      machine as (select src_ip, count(*) as n, count(distinct coalesce(db_user, '')) as roles, min(at_us) as first_us, max(at_us) as last_us
        from event where class = 2 and src_ip in (select src_ip from mark) group by src_ip),
      whole as (select count(*) as n from event where class = 2),
      own as (select mark.* from mark join machine using (src_ip), whole where roles = 1 and machine.n <= ${rareShare} * whole.n and first_us >= lo - ${around}::bigint and last_us <= hi + ${around}::bigint)
    select o.actor_id, e.event_id, o.certainty from event e join own o on e.src_ip = o.src_ip and e.db_user is not distinct from o.db_user where e.class = 2`,
  );
  await engine.run(
    'intrusion.database_clients',
    sql`update actor_event set certainty = 'strict', reason = 'database-client' from database_client d
    where d.actor_id = actor_event.actor_id and d.event_id = actor_event.event_id and d.certainty = 'strict' and actor_event.certainty = 'wide'`,
  );
  await engine.run(
    'intrusion.database_clients',
    sql`insert into actor_event select actor_id, event_id, certainty, 'database-client' from database_client d
    where not exists (select 1 from actor_event x where x.event_id = d.event_id and x.actor_id = d.actor_id) order by event_id, actor_id`,
  );
  await engine.run('intrusion.drop', sql`drop table database_client`);
}
