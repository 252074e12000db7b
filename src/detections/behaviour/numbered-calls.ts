import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { actorKey, clientKey, oneOf, routeMatches } from '../requests/request.ts';
import { forgetOpenRoutes } from './open-routes.ts';

/** What may stand before the number in the code of a record (`R2024-`, `PO`): short, as no opaque id is. */
const codePrefix = String.raw`[A-Za-z](?:[A-Za-z0-9._-]{0,9}[A-Za-z._-])?`;
/** Query parameters that carry the number of a record, alone or at the end of a code (whose other digits stand before it where they vary), and those that carry a place in a list. */
const objectParameter = String.raw`(?:^|&)([\w.\[\]-]*?(?:id|no|num|number|code|key|user|uid|pid|cid|customer|account|order|doc|document|file|policy|claim|contract|invoice|member|record|quote|ref))=(${codePrefix})?([0-9]{1,15})(?:&|$)`;
const pageParameter = String.raw`(?:^|&)(page|p|pg|pageno|page_no|pagenum|page_index|offset|start|from|skip|first|index|cursor|after|since|since_id|last_id|lastid|marker|position)=([0-9]{1,9})(?:&|$)`;
/** Longer numbers are not exact everywhere. */
const mostDigits = 15;
/** Fewer calls by number, or of fewer numbers, tell nothing of an actor; eight numbers leave at least so many of 32 marks, nearly always. */
const leastCalls = 10;
const leastMarks = 6;
/** A segment of so many runs of digits is no code of numbers but an opaque id (a UUID, a hash): there may be as many routes as records. */
const opaque = '(?:#[^/#]+){4}#';
const asset = String.raw`\.(?:css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|eot|mp[34]|webm|html?)$`;

/**
 * What was called up by number, by actors who call up enough to tell. Opaque ids (UUID, long hex) are not numbers and are counted by exports and peers only.
 *
 * `detection_place`: places by number (of records from 1 up, of lists below 0), with the route in which the number is taken out, and `how`.
 * View `detection_call`: event, keys of actor (`who`) and client, `place`, and the number; the only number of a path is read where it is kept, others are
 * in `detection_parsed`. `detection_called` is the same with actors who call up too little. Table `detection_reach`: how often each actor and client
 * called up a place: hardly anything is asked of single calls that it does not settle first. Views `detection_object`, `detection_page`: calls of
 * records and of lists with the texts of actor and client.
 */
export async function prepareCalls(engine: Engine): Promise<void> {
  await engine.run(
    'detection.places',
    sql`create or replace temp table detection_place as
    select row_number() over (order by value)::integer as place, value as route, 'object' as how, value like '%#%#%' as several
    from detection_value where name = 'route' and contains(value, '#') and not regexp_matches(value, ${sql.lit(opaque)})`,
  );
  const isAsset = await routeMatches(engine, asset);
  await parsePaths(engine, isAsset);
  await parseParameters(engine);
  await engine.run(
    'detection.busy',
    sql`create or replace temp table detection_busy as
    with call as (
        select who, sum(n) as n, sum(bit_count(marks)) as different from detection_traffic join detection_route using (route_no) where numbered and contains(route, '#') and not ${isAsset} group by who
        union all select who, count(*), count(distinct object) from detection_parsed group by who, place)
    select who from call group by who having sum(n) >= ${leastCalls} and sum(different) >= ${leastMarks}`,
  );
  await engine.run(
    'detection.called',
    sql`create or replace temp view detection_called as
    select event_id, at_us, ${actorKey} as who, ${clientKey} as client, status, place, path_number as object
    from (select * from event where class = 1 and path_number >= 0 and not ${isAsset}) join (select place, route from detection_place where not several) using (route)
    union all select event_id, at_us, who, client, status, place, object from detection_parsed`,
  );
  await engine.run(
    'detection.call',
    sql`create or replace temp view detection_call as select * from detection_called where who in (select who from detection_busy)`,
  );
  await engine.run(
    'detection.reach',
    sql`create or replace temp table detection_reach as
    with called as (
        select who, client, place, n, status from detection_traffic join detection_route using (route_no) join (select place, route from detection_place where not several) using (route)
          where numbered and not ${isAsset}
        union all select who, client, place, 1, status from detection_parsed)
    select who, client, place, sum(n)::bigint as n,
      coalesce(sum(n) filter (status < 300), 0)::bigint as accepted, coalesce(sum(n) filter (status between 200 and 299), 0)::bigint as answered
    from called where who in (select who from detection_busy) group by who, client, place`,
  );
  await forgetOpenRoutes(engine);
  await viewTexts(engine, 'detection_object', sql`detection_call where place > 0`);
  await viewTexts(engine, 'detection_page', sql`detection_call where place < 0`);
}

async function viewTexts(engine: Engine, name: string, calls: Sql): Promise<void> {
  await engine.run(
    'detection.object',
    sql`create or replace temp view ${sql.id(name)} as
    select event_id, at_us, coalesce(holder, n.client) as actor, n.client, status, route, object
    from (select * from ${calls}) c join detection_place using (place) join detection_client n on n.client_key = c.client left join detection_holder on holder_key = who`,
  );
}

/**
 * Paths with several numbers, of which the one that varies most is meant, or with a long one. Several that vary within one segment (`H12-034`) are one code:
 * its runs of digits stand for one number, each as wide as the widest in its place.
 */
async function parsePaths(engine: Engine, isAsset: Sql): Promise<void> {
  const nths = [1, 2, 3];
  const run = (n: number): Sql => sql`case when list_contains(runs, ${n}) then lpad(numbers[${n}], widths[${n}], '0') else '' end`;
  await engine.run(
    'detection.numbered',
    sql`create or replace temp table detection_parsed as
    with listed as (select event_id, at_us, ${actorKey} as who, ${clientKey} as client, status, place, regexp_extract_all(path, '[0-9]+') as numbers from event join detection_place using (route)
        where class = 1 and path_number = -1 and not ${isAsset}),
      segment as (select place, flatten(list_transform(string_split(route, '/'), (s, i) -> list_transform(range(length(s) - length(replace(s, '#', ''))), x -> i))) as segments from detection_place where several),
      varying as (select place, [${sql.join(nths.map(n => sql`coalesce(approx_count_distinct(numbers[${n}]), 0)`))}] as distincts, [${sql.join(nths.map(n => sql`coalesce(max(length(numbers[${n}])), 0)::integer`))}] as widths from listed group by place),
      placed as (select place, widths, distincts, case when distincts[3] > greatest(distincts[1], distincts[2]) then 3 when distincts[2] > distincts[1] then 2 else 1 end as nth from varying),
      chosen as (select place, widths, nth, list_filter([${sql.join(nths.map(n => sql.lit(n)))}], n -> n = nth or (segments[n] = segments[nth] and distincts[n] > 1)) as runs from placed left join segment using (place)),
      fitting as (select place, widths, case when list_sum(list_transform(runs, n -> widths[n])) > ${mostDigits} then [nth] else runs end as runs from chosen)
    select * from (select event_id, at_us, who, client, status, place, try_cast(${sql.join(nths.map(run), sql` || `)} as bigint) as object from listed join fitting using (place)) where object is not null`,
  );
}

async function parseParameters(engine: Engine): Promise<void> {
  const parameter = `${objectParameter}|${pageParameter}`;
  const named = await oneOf(engine, 'shape', value => sql`regexp_matches(substring(${value}, strpos(${value}, '?') + 1), ${sql.lit(parameter)})`);
  // The patterns are tried once a query: `text` is an aggregate, or they would be tried on every row before.
  await engine.run(
    'detection.parameter',
    sql`create or replace temp table detection_parameter as
    with asked as (
        select event_id, at_us, ${actorKey} as who, ${clientKey} as client, status, path, query from event
        where class = 1 and query is not null and (${named} or (shape is null and regexp_matches(query, ${sql.lit(`=(?:${codePrefix})?[0-9]`)})))),
      different as materialized (select query, any_value(query) as text from asked group by query),
      read as materialized (select query, regexp_extract(lower(text), ${sql.lit(objectParameter)}, ['name', 'prefix', 'value']) as o, regexp_extract(lower(text), ${sql.lit(pageParameter)}, ['name', 'value']) as p
        from different where regexp_matches(lower(text), ${sql.lit(parameter)})),
      found as (select query, 'object' as how, o.name as name, regexp_replace(o.prefix, '[^0-9]', '', 'g') as lead, o.value as value from read where o.value <> ''
        union all select query, 'page', p.name, '', p.value from read where p.value <> ''),
      named as (select event_id, at_us, who, client, status, path || '?' || name as route, how, lead, value from asked join found using (query)),
      wide as (select route, how, max(length(value))::integer as width, min(lead) <> max(lead) and max(length(lead)) + max(length(value)) <= ${mostDigits} as whole from named group by route, how)
    select event_id, at_us, who, client, status, route, how, try_cast(case when whole then lead || lpad(value, width, '0') else value end as bigint) as object
    from named left join wide using (route, how)`,
  );
  await engine.run(
    'detection.places',
    sql`insert into detection_place (place, route, how)
    select case how when 'page' then -1 else 1 end * ((select count(*) from detection_place) + row_number() over (order by route, how)), route, how
    from (select distinct route, how from detection_parameter where route is not null)`,
  );
  await engine.run(
    'detection.parameter',
    sql`insert into detection_parsed select event_id, at_us, who, client, status, place, object from detection_parameter join detection_place using (route, how) where object is not null`,
  );
  await engine.run('detection.parameter-drop', sql`drop table detection_parameter`);
}
