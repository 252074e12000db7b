import { type Engine, sql } from '../../engine/index.ts';

/**
 * What the requests of a log come to, in one pass, so that nothing needs to count them again. `detection_route`: `route_no` from 1, `route`.
 * `detection_traffic`: a row for each `who` (key of the actor), `client` (its key), `route_no` (NULL: no path), `status`, `got` (method GET) and `numbered` (the
 * path holds the one number that `path_number` keeps), with how many there are (`n`) and `marks`, one of 32 bits for each number: at least as many numbers as
 * bits were called up. Reads `detection_value`.
 */
export async function prepareTraffic(engine: Engine): Promise<void> {
  await engine.run(
    'detection.routes',
    sql`create or replace temp table detection_route as select row_number() over (order by value)::integer as route_no, value as route from detection_value where name = 'route'`,
  );
  await engine.run(
    'detection.traffic',
    sql`create or replace temp table detection_traffic as
    select actor_key as who, client_key as client, route_no, status, method is not distinct from 'GET' as got, path_number >= 0 as numbered,
      count(*) as n, bit_or(1::uinteger << (path_number & 31)::uinteger) as marks
    from (select * from event where class = 1) left join detection_route using (route) group by all`,
  );
}
