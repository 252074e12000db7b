import { SECOND } from '../base/index.ts';
import { type Engine, sql } from '../engine/index.ts';

const slackUs = 2 * SECOND;
/** A program whose statements all fall into requests to a shell by chance is less likely than this. */
const chanceAtMost = 1e-3;
/** One connection of a program that others use as well is one of many: of any of them it must be as unlikely. */
const ofConnectionAtMost = 1e-4;

/**
 * Statements that commands of a web shell (or an injected command) made a program of their own run: a database client whose every statement in the log
 * falls into such requests, where that cannot be chance; or, where the log does not tell programs apart, a connection. Adds them to `actor_event` as
 * certain.
 */
export async function addShellStatements(engine: Engine): Promise<number> {
  const before = await count(engine);
  await engine.run(
    'intrusion.shell_requests',
    sql`create or replace temp table shell_request as
    select distinct x.actor_id, coalesce(e.start_lo_us, e.at_us) - ${slackUs}::bigint as lo, coalesce(e.end_hi_us, e.at_us) + ${slackUs}::bigint as hi
    from detection d join detection_event de using (detection_id) join event e using (event_id) join actor_event x on x.event_id = e.event_id and x.certainty = 'strict'
    where d.kind in ('web-shell', 'command-injection') and e.class = 1 and e.at_us is not null and e.status < 400`,
  );
  await engine.run(
    'intrusion.shell_statements',
    sql`insert into actor_event
    with line as (select event_id, at_us, conn_id, concat_ws('|', file_no, coalesce(db_user, ''), coalesce(app_name, ''), regexp_replace(coalesce(src_ip, ''), ':[0-9]+$', '')) as program, sql_text is not null as says from event where class = 2 and at_us is not null),
      statement as (select event_id, at_us, program, says, false as linked from line
        union all select event_id, at_us, concat_ws('|', program, 'connection', conn_id), says, true from line where conn_id is not null),
      log as (select min(at_us) as lo, max(at_us) as hi, count(*) as n, count(distinct conn_id) as connections from line),
      program as (select program, linked, min(at_us) as lo, max(at_us) as hi, count(*) as n, count(distinct at_us // ${SECOND}::bigint) filter (says) as instants from statement group by all),
      during as (select p.program, r.actor_id, count(distinct s.event_id) as n from program p join (select actor_id, min(lo) as lo, max(hi) as hi from shell_request group by actor_id) span on p.lo >= span.lo and p.hi <= span.hi
        join statement s on s.program = p.program join shell_request r on r.actor_id = span.actor_id and s.at_us between r.lo and r.hi group by all),
      share as (select actor_id, sum(hi - lo) / greatest((select hi - lo from log), 1) as share from shell_request group by actor_id),
      busy as (select r.actor_id, count(distinct l.event_id) as n from line l join shell_request r on l.at_us between r.lo and r.hi group by all)
    select distinct d.actor_id, s.event_id, 'strict', 'program-of-a-shell' from during d join program p on p.program = d.program and p.n = d.n and p.instants > 0 join share using (actor_id) join busy b using (actor_id) cross join log
      join statement s on s.program = d.program
    where case when p.linked then power(least(1, greatest(share, (b.n - p.n + 1) / (log.n - p.n + 1))), p.instants) * log.connections <= ${ofConnectionAtMost}
      else power(least(share, 1), p.instants) <= ${chanceAtMost} end and not exists (select 1 from actor_event a where a.event_id = s.event_id and a.actor_id = d.actor_id)
    order by s.event_id, d.actor_id`,
  );
  await engine.run('intrusion.drop', sql`drop table shell_request`);
  return (await count(engine)) - before;
}

async function count(engine: Engine): Promise<number> {
  return (await engine.row<{ n: number }>('intrusion.count', sql`select count(*) as n from actor_event`)).n;
}
