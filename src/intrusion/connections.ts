import { type Engine, type Sql, sql } from '../engine/index.ts';

/** A port that comes back after more other connections of its address than this may have been given to somebody else: of 16,384 at least, less than one in a thousand. */
const mostBetween = 16;
/** A pause is held if that many connections held one as long, and one in so many of those who came back after it. */
const leastHeld = 3;
const leastShare = 0.05;
/** Addresses among which it is learned how long connections are held. */
const sampled = 500;

/** Requests whose client's own port is known: behind a proxy of the site the port is the proxy's. */
const ported = sql`class = 1 and src_ip is not null and src_port is not null and src_port > 0 and proxy_ip is null and at_us is not null`;

/**
 * Writes `connection (connection, event_id, src_ip, at_us)`: the requests of the given addresses by the connection they came over: one address, one port, no
 * longer pause than connections are held in this log, and few other connections between. Addresses whose
 * connections carry several agents are left out: something there gathers the requests of many. False where no port is logged.
 */
export async function readConnections(engine: Engine, addresses: Sql): Promise<boolean> {
  await engine.run(
    'intrusion.ported',
    sql`create or replace temp table ported as
      with place as (select distinct src_ip from event where src_ip in (${addresses}) and ${ported})
      select event_id, src_ip, src_port, at_us, coalesce(user_agent, '') as agent from event semi join place using (src_ip) where ${ported}`,
  );
  const { n } = await engine.row<{ n: number }>('intrusion.ported', sql`select count(*) as n from ported`);
  if (n === 0) {
    await engine.run('intrusion.drop', sql`drop table ported`);
    return false;
  }
  const held = await longestHeld(engine);
  await engine.run(
    'intrusion.connections',
    sql`create or replace temp table connection as
    with sent as (select *, (lag(at_us) over port is null)::int as opens, at_us - lag(at_us) over port as rest_us from ported window port as (partition by src_ip, src_port order by at_us, event_id)),
      counted as (select *, sum(opens) over (partition by src_ip order by at_us, event_id rows unbounded preceding) as opened from sent),
      cut as (select *, rest_us is null or rest_us > ${held}::bigint or opened - lag(opened) over port > ${mostBetween} as begins from counted window port as (partition by src_ip, src_port order by at_us, event_id)),
      run as (select *, sum(begins::int) over (partition by src_ip, src_port order by at_us, event_id rows unbounded preceding) as run from cut),
      gathering as (select src_ip from (select src_ip from run group by src_ip, src_port, run having count(distinct agent) > 1) group by src_ip)
    select concat_ws('|', src_ip, src_port, run) as connection, event_id, src_ip, at_us from run anti join gathering using (src_ip)`,
  );
  await engine.run('intrusion.drop', sql`drop table ported`);
  return true;
}

/**
 * The longest pause, micros, over which connections of this log are held: as long as some come back over the same port after it, which by chance next to none
 * would. Each connection counts once, with its longest pause; against it stand those who came back over a new one. Programs, browsers and servers end their
 * connections after very different times.
 */
async function longestHeld(engine: Engine): Promise<number> {
  const { held } = await engine.row<{ held: number | null }>(
    'intrusion.held',
    sql`
    with address as (select distinct src_ip from event where ${ported}),
      place as (select src_ip from address where hash(src_ip) % greatest(1, (select count(*) from address) // ${sampled})::ubigint = 0 union select src_ip from ported),
      sent as (select src_ip, src_port, at_us - lag(at_us) over (partition by src_ip, src_port order by at_us, event_id) as same_us, at_us - lag(at_us) over (partition by src_ip order by at_us, event_id) as any_us
        from event semi join place using (src_ip) where ${ported}),
      back as (select max(same_us) as rest_us, 1 as kept from sent where same_us is not null group by src_ip, src_port
        union all select any_us, 0 from sent where same_us is null and any_us is not null),
      ranked as (select rest_us, kept, sum(kept) over longer as held, count(*) over longer as n from back window longer as (order by rest_us desc))
    select max(rest_us) filter (kept = 1 and held >= ${leastHeld} and held >= ${leastShare} * n) as held from ranked`,
  );
  return held ?? 0;
}
