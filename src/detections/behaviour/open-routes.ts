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
    with read as (select distinct route, client, object from detection_call
        where route in (${sql.join(routes.map(r => sql`${r}`))}) and object is not null and status between 200 and 299 and who not in (select who from detection_hot)),
      readers as (select route, client, bool_or(s.who is not null) as signed from read left join (select distinct who from detection_sign_in_keyed) s on s.who = client group by all),
      shared as (select route, median(n) as n from (select route, object, count(*) over (partition by route, object) as n from read) group by route)
    select route from readers join shared using (route) group by route
    having count(*) >= ${minReaders} and avg((not signed)::int) >= ${minStrangers} and any_value(n) >= ${readersOfOne} order by route`,
  );
  return new Set(rows.map(r => r.route));
}
