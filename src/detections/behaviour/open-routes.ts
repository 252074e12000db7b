import { type Engine, type Sql, sql } from '../../engine/index.ts';

const minReaders = 8;
const minStrangers = 0.3;
const readersOfOne = 4;

/**
 * Routes that show the same things to everybody: many of those who call one up never sign in, and what one reads several others read too, as with
 * news or goods. A record of somebody's own is read by few. Walkers themselves (`detection_hot`) do not count. Reads `detection_reach`, `detection_call` and `detection_sign_in_keyed`.
 */
export async function openRoutes(engine: Engine, among: readonly string[]): Promise<Set<string>> {
  const routes = [...new Set(among)].sort();
  if (routes.length === 0) return new Set();
  const shown = await engine.rows<{ place: number }>(
    'detection.open-strangers',
    sql`
    with read as (select distinct place, client from detection_reach where answered > 0 and who not in (select who from detection_hot)
        and place in (select place from detection_place where route in (${sql.join(routes.map(r => sql`${r}`))})))
    select place from read group by place having count(*) >= ${minReaders} and avg((client not in (select who from detection_sign_in_keyed))::int) >= ${minStrangers} order by place`,
  );
  const out = new Set<string>();
  const unsettled: number[] = [];
  for (const p of await boundReaders(
    engine,
    shown.map(s => s.place),
  ))
    if (p.open) out.add(p.route);
    else if (!p.closed) unsettled.push(p.place);
  for (const route of await countReaders(engine, unsettled)) out.add(route);
  return out;
}

const readOf = (places: readonly number[]): Sql =>
  sql`detection_call where place in (${sql.join(places.map(p => sql`${p}`))}) and status between 200 and 299 and who not in (select who from detection_hot)`;

type Bounded = { readonly place: number; readonly route: string; readonly open: boolean; readonly closed: boolean };

/** What is certain without telling readers apart: a number has at most as many as it was read times, and at least as many as leave different marks among 62. */
async function boundReaders(engine: Engine, places: readonly number[]): Promise<Bounded[]> {
  if (places.length === 0) return [];
  return engine.rows<Bounded>(
    'detection.open-bounds',
    sql`
    with held as (select place, count(*) as most, bit_count(bit_or(1::bigint << (client % 62)::integer)) as least from ${readOf(places)} group by place, object),
      total as (select place, sum(least) as least, sum(most) as most, coalesce(sum(least(most, ${readersOfOne - 1})) filter (least < ${readersOfOne}), 0) as few_most,
          coalesce(sum(least) filter (most < ${readersOfOne}), 0) as few_least from held group by place)
    select place, route, few_most <= (least - 1) // 2 as open, few_least > most // 2 as closed from total join detection_place using (place) order by place`,
  );
}

/** Places where the middle one of all readings is of something that enough read. */
async function countReaders(engine: Engine, places: readonly number[]): Promise<string[]> {
  if (places.length === 0) return [];
  const rows = await engine.rows<{ route: string }>(
    'detection.open-routes',
    sql`
    with read as (select distinct place, client, object from ${readOf(places)}),
      held as (select place, n, sum(n) as reads from (select place, object, count(*) as n from read group by place, object) group by place, n),
      ranked as (select place, n, sum(reads) over (partition by place order by n) as upto, sum(reads) over (partition by place) as total from held),
      middle as (select place, (min(n) filter (upto > (total - 1) // 2) + min(n) filter (upto > total // 2)) / 2 as n from ranked group by place)
    select route from middle join detection_place using (place) where n >= ${readersOfOne} order by route`,
  );
  return rows.map(r => r.route);
}
