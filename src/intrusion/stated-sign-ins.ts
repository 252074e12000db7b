import { HOUR, SECOND } from '../base/index.ts';
import { loginPath } from '../detections/index.ts';
import { type Engine, sql } from '../engine/index.ts';

/** A sign-in to a stated account that only the database log names: what its client or session did from then on may be the intruder's. */
export type StatedSignIn = {
  readonly account: string;
  readonly ip: string;
  readonly agent: string;
  readonly session: string | null;
  readonly fromUs: number;
  readonly toUs: number;
};

/** Clocks of two machines, and a request that is logged when it ends. */
const slackUs = 2 * SECOND;
/** Without a session id in the log, as long as a session may last. */
const sessionUs = 12 * HOUR;

/**
 * Many web logs carry no account. Where the database log shows the account being looked up, the sign-ins of that moment are taken: all of
 * them, since two people may sign in within the same second. Accounts that the web log names itself are left to it.
 */
export async function statedSignIns(engine: Engine, accounts: readonly string[]): Promise<StatedSignIn[]> {
  if (accounts.length === 0) return [];
  await engine.load(
    'stated_name',
    [{ name: 'account', type: 'VARCHAR' }],
    [...new Set(accounts)].map(a => [a]),
  );
  const rows = await engine.rows<{ account: string; ip: string; agent: string; session: string | null; from_us: number; to_us: number }>(
    'intrusion.stated_sign_ins',
    sql`with silent as (select account from stated_name n where not exists (select 1 from event e where e.class = 1 and e.account = n.account)),
      said as (select distinct n.account, e.at_us from silent n join event e on e.class = 2 and e.at_us is not null
        and (contains(coalesce(e.sql_params, ''), to_json(n.account)::varchar) or contains(coalesce(e.sql_text, ''), '''' || n.account || '''')))
    select s.account, r.src_ip as ip, coalesce(r.user_agent, '') as agent, r.session, min(r.at_us) - ${slackUs} as from_us, max(r.at_us) + ${sessionUs} as to_us
    from event r join said s on r.at_us between s.at_us - ${slackUs} and s.at_us + ${slackUs} + coalesce(r.duration_us, 0)
    where r.class = 1 and r.src_ip is not null and upper(coalesce(r.method, 'POST')) = 'POST' and regexp_matches(lower(split_part(coalesce(r.target_norm, r.target, ''), '?', 1)), ${sql.lit(loginPath)})
    group by all order by s.account, ip, agent, r.session nulls first`,
  );
  await engine.run('intrusion.drop', sql`drop table stated_name`);
  return rows.map(({ from_us, to_us, ...r }) => ({ ...r, fromUs: from_us, toUs: to_us }));
}
