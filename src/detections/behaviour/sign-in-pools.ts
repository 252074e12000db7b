import { groupBy, HOUR } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { clientKey, episodes } from '../requests/request.ts';
import { readSignIns, type SignIn } from './sign-in-answers.ts';

const togetherUs = 12 * HOUR;
const minFailures = 10;
const minFailuresEach = 2;
const minPeers = 2;
const usualShare = 0.8;

/**
 * Clients that did nothing but fail at signing in, too little each to stand out, together a campaign: none of them ever looked at a page before,
 * where those who sign in otherwise do. People who cannot remember their password have the page before them. Reads `detection_sign_in` without what
 * `detection_taken` has.
 */
export async function pooledRuns(engine: Engine): Promise<SignIn[][]> {
  const failures = sql`count(*) filter (where outcome = 'failure')`;
  await engine.run(
    'detection.pool',
    sql`create or replace temp table detection_pool as
    select who, ${failures} as failed, coalesce(max(at_us) filter (where outcome = 'failure'), 0) as last_us,
      coalesce(arg_min(at_us, (coalesce(at_us, -1), event_id)), 0) as first_us, ${failures} >= ${minFailuresEach} and ${failures} >= 0.7 * count(*) as failing
    from detection_sign_in_keyed where event_id not in (select event_id from detection_taken) group by who`,
  );
  const { failed, suspects } = await engine.row<{ failed: number; suspects: number }>(
    'detection.pool-size',
    sql`select coalesce(sum(failed), 0)::bigint as failed, coalesce(sum(failed) filter (where failing), 0)::bigint as suspects from detection_pool`,
  );
  if (failed < minFailures || suspects < minFailures) return [];
  const pages = (among: Sql): Sql => sql`
    select who, min(at_us) as page_us from (select ${clientKey} as who, at_us from event where class = 1 and method in ('GET', 'HEAD') and status < 400 and at_us is not null)
    where who in (select who from detection_pool where ${among}) group by who`;
  await engine.run(
    'detection.pool-cold',
    sql`create or replace temp table detection_pool_cold as
    select p.* from detection_pool p left join (${pages(sql`failing`)}) using (who) where failing and coalesce(page_us > last_us, true)`,
  );
  const { cold } = await engine.row<{ cold: number }>(
    'detection.pool-cold-size',
    sql`select coalesce(sum(failed), 0)::bigint as cold from detection_pool_cold`,
  );
  if (cold < minFailures) return [];
  const { others, usual } = await engine.row<{ others: number; usual: number }>(
    'detection.pool-others',
    sql`select count(*) as others, count(*) filter (where page_us <= first_us) as usual from detection_pool p left join (${pages(sql`true`)}) using (who)
    where who not in (select who from detection_pool_cold)`,
  );
  if (others < minPeers || usual < usualShare * others) return [];
  const list = await readSignIns(
    engine,
    'detection.pool-sign-ins',
    sql`event_id not in (select event_id from detection_taken) and who in (select who from detection_pool_cold)`,
  );
  const out: SignIn[][] = [];
  for (const [, route] of groupBy(list, a => a.route)) {
    const sorted = [...route].sort((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0) || (a.eventId < b.eventId ? -1 : 1));
    for (const part of episodes(sorted, togetherUs)) {
      const failed = part.filter(a => a.outcome === 'failure').length;
      if (failed >= minFailures && failed >= 0.8 * part.length) out.push(part);
    }
  }
  return out;
}
