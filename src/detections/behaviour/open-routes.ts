import { type Engine, sql } from '../../engine/index.ts';

const minReaders = 8;
const minStrangers = 0.3;
const readersOfOne = 4;

/**
 * Routes that show the same things to everybody: many of those who call one up never sign in, and what one reads several others read too, as with
 * news or goods. A record of somebody's own is read by few. Walkers themselves (`detection_hot`) do not count. Reads `detection_call` and `detection_sign_in_keyed`.
 */
export async function openRoutes(engine: Engine, among: readonly string[]): Promise<Set<string>> {
  const routes = [...new Set(among)].sort();
  if (routes.length === 0) return new Set();
  const rows = await engine.rows<{ route: string }>(
    'detection.open-routes',
    sql`
    with read as (select distinct place, client, object from detection_call
        where place in (select place from detection_place where route in (${sql.join(routes.map(r => sql`${r}`))}))
          and object is not null and status between 200 and 299 and who not in (select who from detection_hot)),
      strangers as (select place, count(*) as readers, avg((client not in (select who from detection_sign_in_keyed))::int) as share from (select distinct place, client from read) group by place),
      held as (select place, n, sum(n) as reads from (select place, object, count(*) as n from read group by place, object) group by place, n),
      ranked as (select place, n, sum(reads) over (partition by place order by n) as upto, sum(reads) over (partition by place) as total from held),
      middle as (select place, (min(n) filter (upto > (total - 1) // 2) + min(n) filter (upto > total // 2)) / 2 as n from ranked group by place)
    select route from strangers join middle using (place) join detection_place using (place)
    where readers >= ${minReaders} and share >= ${minStrangers} and n >= ${readersOfOne} order by route`,
  );
  return new Set(rows.map(r => r.route));
}
