import { MINUTE } from '../base/index.ts';
import { loginPath, pagePart } from '../detections/index.ts';
import { type Engine, sql } from '../engine/index.ts';

const visitGapUs = 30 * MINUTE;
/**
 * Writes `open_sender (how, a, b)`: senders of `actor_scope` (an address; an address with an agent) whose requests carry neither session nor account, and
 * where somebody else may sit beside the intruder: a visit without any act of his, or between his acts an accepted sign-in or a browser's fetching of page
 * parts that no detection has. Nothing tells two people apart there: what is the intruder's is what the detections name.
 */
export async function findOpenSenders(engine: Engine): Promise<void> {
  await engine.run(
    'intrusion.open_senders',
    sql`create or replace temp table open_sender as
    with sender as (select distinct how, a, b from actor_scope where how in ('ip', 'pair')),
      hit as (select distinct event_id from labelled l join actor_scope s on s.how = 'detection' and s.a = l.detection_id where s.certainty = 'strict'),
      sent as (
        select s.how, s.a, s.b, e.event_id, e.at_us, e.session, e.account, h.event_id is not null as hit, coalesce(e.status, 200) < 400 as answered, e.method, lower(coalesce(e.path, '')) as path
        from event e join sender s on e.src_ip = s.a and (s.how = 'ip' or coalesce(e.user_agent, '') = s.b) left join hit h using (event_id) where e.class = 1),
      nameless as (select how, a, b from sent group by all having count(session) = 0 and count(account) = 0),
      timed as (select sent.*, at_us - lag(at_us) over w as pause from sent semi join nameless on sent.how = nameless.how and sent.a = nameless.a and sent.b is not distinct from nameless.b
        where at_us is not null window w as (partition by sent.how, sent.a, sent.b order by at_us, event_id)),
      visited as (select *, sum((coalesce(pause, 0) > ${visitGapUs})::int) over (partition by how, a, b order by at_us, event_id rows unbounded preceding) as visit from timed),
      visit as (select how, a, b, bool_or(hit) as his, bool_or(not hit and answered and ((method = 'POST' and regexp_matches(path, ${sql.lit(loginPath)}))
        or regexp_matches(path, ${sql.lit(pagePart)}))) as anothers from visited group by how, a, b, visit)
    select how, a, b from visit group by how, a, b having bool_or(anothers or not his)`,
  );
}
