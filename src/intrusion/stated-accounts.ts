import { type Engine, sql } from '../engine/index.ts';

/**
 * A stated account is the intruder's from his first use of it on: what it does then from his addresses, or with an agent that only he uses with it. Everything
 * else on the account stays possible: its owner may be at work beside him.
 */
export async function addStatedAccounts(engine: Engine, stated: readonly { readonly actorId: string; readonly account: string }[]): Promise<void> {
  if (stated.length === 0) return;
  await engine.load(
    'stated_account',
    [
      { name: 'actor_id', type: 'VARCHAR' },
      { name: 'account', type: 'VARCHAR' },
    ],
    stated.map(s => [s.actorId, s.account]),
  );
  await engine.run(
    'intrusion.stated_use',
    sql`create or replace temp table stated_use as
    with mine as (select s.actor_id, s.account, e.event_id, e.at_us, e.src_ip, coalesce(e.user_agent, '') as agent, x.certainty from stated_account s join event e on e.account = s.account and e.class <> 2
        join actor_event x on x.actor_id = s.actor_id and x.event_id = e.event_id where e.at_us is not null),
      first as (select actor_id, account, min(at_us) as at_us from mine where certainty = 'strict' group by all),
      address as (select distinct actor_id, account, src_ip from mine where certainty = 'strict'),
      agent as (select distinct m.actor_id, m.account, m.agent from mine m join first f using (actor_id, account) where m.certainty = 'strict' and m.agent <> ''
        and not exists (select 1 from event o where coalesce(o.user_agent, '') = m.agent and o.class <> 2 and ((o.account = m.account and o.at_us < f.at_us) or (o.account is not null and o.account <> m.account)))),
      own as (select distinct a.actor_id, a.account, a.src_ip from address a join first f using (actor_id, account)
        where not exists (select 1 from event o where o.src_ip = a.src_ip and o.account = a.account and o.at_us < f.at_us))
    select m.actor_id, m.event_id from mine m join first f using (actor_id, account) where m.at_us >= f.at_us and m.certainty <> 'strict'
      and (exists (select 1 from own o where o.actor_id = m.actor_id and o.account = m.account and o.src_ip = m.src_ip)
        or exists (select 1 from agent g where g.actor_id = m.actor_id and g.account = m.account and g.agent = m.agent))`,
  );
  await engine.run(
    'intrusion.stated_strict',
    sql`update actor_event set certainty = 'strict', reason = 'stated-account-after-first-use' from stated_use u where actor_event.actor_id = u.actor_id and actor_event.event_id = u.event_id`,
  );
  await engine.run('intrusion.drop', sql`drop table stated_use`);
  await engine.run('intrusion.drop', sql`drop table stated_account`);
}
