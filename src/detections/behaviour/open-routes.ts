import { type Engine, type Sql, sql } from '../../engine/index.ts';

const minReaders = 8;
const minStrangers = 0.3;
const readersOfOne = 4;

/**
 * Routes that show the same things to everybody: many of those who call one up never sign in, and what one reads several others read too, as with
 * news or goods. A record of somebody's own is read by few. Walkers themselves (`detection_hot`) do not count. Reads `detection_reach`, `detection_call` and
 * `detection_sign_in_keyed`; keeps what it found in `detection_open_route` (see `forgetOpenRoutes`).
 */
export async function openRoutes(engine: Engine, among: readonly string[]): Promise<Set<string>> {
  const known = await knownRoutes(engine);
  const open = new Set([...known].filter(([, isOpen]) => isOpen).map(([route]) => route));
  const fresh = [...new Set(among)].filter(r => !known.has(r)).sort();
  if (fresh.length > 0) {
    const found = await judgeRoutes(engine, fresh);
    for (const r of found) open.add(r);
    const rows = fresh.map(route => sql`(${route}, ${found.has(route)})`);
    await engine.run('detection.open-kept', sql`insert into detection_open_route values ${sql.join(rows)}`);
  }
  return new Set(among.filter(r => open.has(r)));
}

/** The routes that were judged so far, and whether they are open. */
async function knownRoutes(engine: Engine): Promise<ReadonlyMap<string, boolean>> {
  const rows = await engine.rows<{ route: string; open: boolean }>('detection.open-known', sql`select route, open from detection_open_route`);
  return new Map(rows.map(r => [r.route, r.open]));
}

/** SQL for the places that are not known to be open. */
export const closedPlaces: Sql = sql`(select place from detection_place where route not in (select route from detection_open_route where open))`;

/** Before the first question of a log. */
export async function forgetOpenRoutes(engine: Engine): Promise<void> {
  await engine.run('detection.open-forgotten', sql`create or replace temp table detection_open_route (route varchar, open boolean)`);
}

async function judgeRoutes(engine: Engine, routes: readonly string[]): Promise<Set<string>> {
  const shown = await engine.rows<Shown>(
    'detection.open-strangers',
    sql`
    with read as (select place, client, sum(answered)::double as n from detection_reach where answered > 0 and who not in (select who from detection_hot)
        and place in (select place from detection_place where route in (${sql.join(routes.map(r => sql`${r}`))}))
        group by place, client)
    select place, sum(n)::double as readings from read group by place having count(*) >= ${minReaders} and avg((client not in (select who from detection_sign_in_keyed))::int) >= ${minStrangers} order by place`,
  );
  const bounds = await boundReaders(engine, shown);
  const met = new Map(bounds.map(p => [p.place, p]));
  const whole = shown.filter(s => partsOf(s) > 1 && (met.get(s.place)?.things ?? 0) < enoughThings).map(s => ({ ...s, readings: 0 }));
  for (const p of await boundReaders(engine, whole)) met.set(p.place, p);
  const places = [...new Map([...shown, ...whole].map(s => [s.place, s])).values()];
  const out = new Set([...met.values()].filter(p => p.open).map(p => p.route));
  const isSettled = ({ place }: Shown): boolean => met.get(place)?.open === true || met.get(place)?.closed === true;
  const unsettled = places.filter(s => !isSettled(s));
  for (const route of await countReaders(engine, unsettled)) out.add(route);
  return out;
}

/** A place where readings are looked at; of a place with very many only those of one thing in so many, but all of these. */
type Shown = { readonly place: number; readonly readings: number };
const enoughReadings = 200_000;
/** Fewer things than so many are all looked at. */
const enoughThings = 1000;
const partsOf = (shown: Shown): number => Math.max(1, Math.ceil(shown.readings / enoughReadings));

const readOf = (places: readonly Shown[]): Sql => {
  const looked = places.map(p => sql`(place = ${p.place} and hash(object) % ${partsOf(p)}::ubigint = 0)`);
  return sql`detection_call where (${sql.join(looked, sql` or `)}) and status between 200 and 299 and who not in (select who from detection_hot)`;
};

type Bounded = { readonly place: number; readonly route: string; readonly things: number; readonly open: boolean; readonly closed: boolean };

/** What is certain without telling readers apart: a number has at most as many as it was read times, and at least as many as leave different marks among 62. */
async function boundReaders(engine: Engine, places: readonly Shown[]): Promise<Bounded[]> {
  if (places.length === 0) return [];
  return engine.rows<Bounded>(
    'detection.open-bounds',
    sql`
    with held as (select place, count(*) as most, bit_count(bit_or(1::bigint << (client % 62)::integer)) as least from ${readOf(places)} group by place, object),
      total as (select place, count(*) as things, sum(least) as least, sum(most) as most, coalesce(sum(least(most, ${readersOfOne - 1})) filter (least < ${readersOfOne}), 0) as few_most,
          coalesce(sum(least) filter (most < ${readersOfOne}), 0) as few_least from held group by place)
    select place, route, things, few_most <= (least - 1) // 2 as open, few_least > most // 2 as closed from total join detection_place using (place) order by place`,
  );
}

/** Places where the middle one of all readings is of something that enough read. */
async function countReaders(engine: Engine, places: readonly Shown[]): Promise<string[]> {
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
