import { SECOND } from '../base/index.ts';
import { idleSessionUs, loginPath } from '../detections/index.ts';
import { type Engine, sql } from '../engine/index.ts';

/** Clocks of two machines, and a request that is logged when it ends. */
const slackUs = 2 * SECOND;

/**
 * Many web logs carry no account. Where the database log shows a stated account being looked up, the sign-ins of that moment are its own: all of
 * them, since two people may sign in within the same second. When none of them is surely the intruder's, each may be, and what its client or
 * session did from then on is added to `actor_event` as wide; when one is, the statement is explained, and the other clients are taken for the
 * account's owner: they go to `owner_sign_in` (`account, src_ip, event_id`). Accounts that the web log names itself are left to it. Of an account
 * that no log names, whose intruder nothing else points at, any sign-in may be, and how long it lasted is not known either.
 */
export async function addStatedSignIns(engine: Engine, stated: readonly { readonly actorId: string; readonly account: string }[]): Promise<void> {
  await engine.load('owner_sign_in', ownerSignInColumns, []);
  if (stated.length === 0) return;
  await engine.load(
    'stated_account',
    ['actor_id', 'account'].map(name => ({ name, type: 'VARCHAR' as const })),
    stated.map(s => [s.actorId, s.account]),
  );
  await engine.run(
    'intrusion.stated_sign_ins',
    sql`create or replace temp table stated_sign_in as
    with silent as (select distinct account from stated_account n where not exists (select 1 from event e where e.class = 1 and e.account = n.account)),
      said as (select distinct n.account, e.at_us from silent n join event e on e.class = 2 and e.at_us is not null
        and (contains(coalesce(e.sql_params, ''), to_json(n.account)::varchar) or contains(coalesce(e.sql_text, ''), '''' || n.account || ''''))),
      entry as (select r.event_id, r.at_us, r.src_ip, coalesce(r.user_agent, '') as agent, r.session, r.status, coalesce(r.duration_us, 0) as duration_us from event r
        where r.class = 1 and r.src_ip is not null and upper(coalesce(r.method, 'POST')) = 'POST' and regexp_matches(lower(split_part(coalesce(r.target_norm, r.target, ''), '?', 1)), ${sql.lit(loginPath)})),
      unheard as (select distinct account from stated_account semi join silent using (account) anti join said using (account) anti join actor_event using (actor_id))
    select distinct s.account, true as heard, r.* exclude (duration_us) from entry r join said s on r.at_us between s.at_us - ${slackUs} and s.at_us + ${slackUs} + r.duration_us
    union all select u.account, false, r.* exclude (duration_us) from entry r cross join unheard u where coalesce(r.status, 200) < 400`,
  );
  await engine.run(
    'intrusion.explained_accounts',
    sql`create or replace temp table explained_account as select distinct s.account from stated_sign_in s join actor_event x using (event_id)
      where x.certainty = 'strict' and coalesce(s.status, 200) < 400`,
  );
  await engine.run(
    'intrusion.owner_sign_ins',
    sql`insert into owner_sign_in select s.account, s.src_ip, s.event_id from stated_sign_in s semi join explained_account using (account)
      where coalesce(s.status, 200) < 400 and not exists (select 1 from actor_event x where x.event_id = s.event_id) order by s.event_id, s.account`,
  );
  await engine.run(
    'intrusion.stated_use',
    sql`insert into actor_event with doubt as (select a.actor_id, s.* from stated_sign_in s join stated_account a using (account) where s.account not in (select account from explained_account)),
      begun as (select actor_id, src_ip, agent, min(at_us) - ${slackUs} as from_us, max(at_us) as signed_us, bool_and(heard) as heard from doubt where session is null group by all),
      used as (select b.actor_id, b.src_ip, b.agent, e.at_us as rest_us, lead(e.at_us) over (partition by b.actor_id, b.src_ip, b.agent order by e.at_us) as next_us
        from begun b join event e on e.src_ip = b.src_ip and coalesce(e.user_agent, '') = b.agent and e.at_us >= b.signed_us where b.heard),
      ended as (select actor_id, src_ip, agent, min(rest_us) as to_us from used where next_us is null or next_us - rest_us > ${idleSessionUs} group by all),
      span as (select b.actor_id, b.src_ip, b.agent, b.from_us, n.to_us from begun b left join ended n using (actor_id, src_ip, agent)),
      found as (
        select d.actor_id, e.event_id from event e join (select distinct actor_id, session, src_ip from doubt where session is not null) d on e.session = d.session and e.src_ip = d.src_ip
        union select s.actor_id, e.event_id from event e join span s on e.src_ip = s.src_ip and coalesce(e.user_agent, '') = s.agent and e.at_us >= s.from_us and e.at_us <= coalesce(s.to_us, e.at_us))
    select actor_id, event_id, 'wide', 'stated-account-signed-in' from found f
      where not exists (select 1 from actor_event x where x.actor_id = f.actor_id and x.event_id = f.event_id) order by event_id, actor_id`,
  );
  for (const t of ['stated_account', 'stated_sign_in', 'explained_account']) await engine.run('intrusion.drop', sql`drop table ${sql.id(t)}`);
}

const ownerSignInColumns = [
  { name: 'account', type: 'VARCHAR' },
  { name: 'src_ip', type: 'VARCHAR' },
  { name: 'event_id', type: 'BIGINT' },
] as const;

/** Sign-ins to a stated account that were taken for its owner's. */
export async function ownerSignIns(engine: Engine): Promise<number> {
  return (await engine.row<{ n: number }>('intrusion.owner_sign_in_count', sql`select count(distinct event_id) as n from owner_sign_in`)).n;
}
