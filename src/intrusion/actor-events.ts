import { HOUR } from '../base/index.ts';
import { type Engine, sql } from '../engine/index.ts';

/** Write `actor_event`: every event that a row of `actor_scope` finds, an actor's once, as surely as its surest scope says. Reads `open_sender`, `labelled`. */
export async function writeActorEvents(engine: Engine): Promise<void> {
  await engine.run(
    'intrusion.actor_event',
    sql`create or replace table actor_event as
    with sender_scope as (select s.actor_id, s.how, s.a, s.b, case when o.how is not null and s.reason <> 'stated-in-case-file' then 'wide' else s.certainty end as certainty, s.reason
        from actor_scope s left join open_sender o on o.how = s.how and o.a = s.a and o.b is not distinct from s.b where s.how in ('ip', 'pair')),
    found as (
      select s.actor_id, l.event_id, s.certainty, s.reason from actor_scope s join labelled l on s.how = 'detection' and s.a = l.detection_id
      union all select s.actor_id, e.event_id, s.certainty, s.reason from event e join (select * from sender_scope where how = 'ip') s on e.src_ip = s.a
      union all select s.actor_id, e.event_id, s.certainty, s.reason from event e join (select * from sender_scope where how = 'pair') s on e.src_ip = s.a and coalesce(e.user_agent, '') = s.b
      union all select s.actor_id, e.event_id, s.certainty, s.reason from event e join (select * from actor_scope where how = 'nameless') s on e.src_ip = s.a and coalesce(e.user_agent, '') = s.b
        where e.session is null and e.account is null
      union all select s.actor_id, e.event_id, s.certainty, s.reason from event e join (select * from actor_scope where how = 'session') s on e.session = s.a and e.src_ip = s.b
      union all select s.actor_id, e.event_id, s.certainty, s.reason from event e join (select * from actor_scope where how = 'conn') s on e.class = 2 and concat_ws('|', e.file_no, e.conn_id) = s.a
      union all select s.actor_id, e.event_id, s.certainty, s.reason from event e join (select * from actor_scope where how = 'account') s on e.account = s.a),
    marked as (select s.actor_id, min(e.at_us) - ${HOUR} as lo, max(e.at_us) + ${HOUR} as hi from actor_scope s join labelled l on s.how = 'detection' and s.a = l.detection_id join event e using (event_id) group by 1)
    select f.actor_id, f.event_id, case when bool_or(f.reason = 'another-signed-in') then 'wide' else min(case when f.reason in ('own-address', 'address-and-agent') and not (e.at_us between m.lo and m.hi) then 'wide' else f.certainty end) end as certainty, min(f.reason) as reason
    from found f join event e using (event_id) left join marked m using (actor_id) group by f.actor_id, f.event_id order by f.event_id, f.actor_id`,
  );
}

/** What the events of an actor come to. First and last are those of events that are surely its own. */
export type ActorSums = {
  readonly actor_id: string;
  readonly events: number;
  readonly first_us: number;
  readonly last_us: number;
  readonly sessions: number;
  readonly accounts: readonly string[];
};

export async function readActorSums(engine: Engine): Promise<Map<string, ActorSums>> {
  return new Map(
    (
      await engine.rows<ActorSums>(
        'intrusion.actor_sums',
        sql`select x.actor_id, count(*) as events, coalesce(min(e.at_us) filter (x.certainty = 'strict'), min(e.at_us)) as first_us, coalesce(max(e.at_us) filter (x.certainty = 'strict'), max(e.at_us)) as last_us, count(distinct e.session) as sessions,
      coalesce(list_sort(list_distinct(list(e.account) filter (e.account is not null and (x.certainty = 'strict')))), []) as accounts
    from actor_event x join event e using (event_id) group by 1 order by 1`,
      )
    ).map(r => [r.actor_id, r]),
  );
}
