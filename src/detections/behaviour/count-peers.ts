import { type Engine, type Sql, sql } from '../../engine/index.ts';

/** Places with fewer actors are counted whole. */
const fewActors = 200;
/** Among fewer the percentile would be nearly the largest, which is the actor himself. */
const fewPeers = 20;

/**
 * How many distinct numbers of a place an actor called up, beside the others there: `into` gets `who, place, n, d, q95, actors` of all who may lie above
 * `q95`, the 95th percentile of `d`. Nobody reached more numbers than he made calls. So numbers are first told apart for those with the most calls; who made
 * fewer calls than the percentile among these is, moves nothing, and the few between are counted too. Among few actors the percentile is that of the others.
 * `reach`: `who, place, n` once each; `calls`: `who, place, object` of at least these.
 */
export async function countPeers(engine: Engine, into: string, reach: Sql, calls: Sql): Promise<void> {
  await engine.run(
    'detection.peers-most',
    sql`create or replace temp table detection_peer as
    with reach as (${reach}), cut as (select place, count(*) as actors, quantile_disc(n, 0.92) as least from reach group by place)
    select who, place, n, actors, n >= least or actors < ${fewActors} as counted from reach join cut using (place)`,
  );
  const distinct = (some: Sql): Sql =>
    sql`select who, place, count(*) as d from (select distinct who, place, object from (${calls}) semi join (${some}) using (who, place)) group by who, place`;
  await engine.run(
    'detection.peers-count',
    sql`create or replace temp table detection_peer_count as ${distinct(sql`select who, place from detection_peer where counted`)}`,
  );
  await engine.run(
    'detection.peers-between',
    sql`create or replace temp table detection_peer_between as
    with ranked as (select place, actors, d, row_number() over (partition by place order by d desc) as rank from detection_peer join detection_peer_count using (who, place)),
      least as (select place, d as least from ranked where rank = actors - floor((actors - 1) * 0.95))
    select who, place from detection_peer join least using (place) where not counted and n >= least`,
  );
  const { n } = await engine.row<{ n: number }>('detection.peers-between', sql`select count(*) as n from detection_peer_between`);
  if (n > 0) await engine.run('detection.peers-rest', sql`insert into detection_peer_count ${distinct(sql`from detection_peer_between`)}`);
  await engine.run(
    'detection.peers',
    sql`create or replace temp table ${sql.id(into)} as
    with reached as (select who, place, coalesce(d, n) as d from detection_peer left join detection_peer_count using (who, place)),
      peers as (select place, quantile_cont(d, 0.95) as q95, count(*) as actors from reached group by place),
      others as (select a.who, a.place, quantile_cont(b.d, 0.95) as q95 from reached a join reached b on b.place = a.place and b.who <> a.who
        where a.place in (select place from peers where actors < ${fewPeers}) group by a.who, a.place)
    select who, place, n, d, coalesce(others.q95, peers.q95) as q95, peers.actors from detection_peer join detection_peer_count using (who, place) join peers using (place) left join others using (who, place)`,
  );
}
