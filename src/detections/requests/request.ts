import { MINUTE } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { clientKeysOf } from '../../events/index.ts';
import { distinctValues } from '../distinct-values.ts';
import { forgetFound } from '../found-events.ts';
import { prepareTraffic } from './traffic.ts';

/** Silence that ends an episode of one actor. */
export const episodeGapUs = 30 * MINUTE;

/**
 * Whole numbers that stand for `client` and `actor` in steps over all requests (ingest wrote them): grouping by them costs a fraction of grouping by
 * texts. Two clients may share one by bad luck, so they choose what is looked at and measure the peers; what is claimed is read by the texts again.
 */
export const clientKey: Sql = sql`client_key`;
export const actorKey: Sql = sql`actor_key`;

/** The identities as texts, of a table with the columns of events: `actor` is the best a request carries, `client` always address and agent. */
export const clientText: Sql = sql`'i:' || coalesce(src_ip, '') || '|' || coalesce(user_agent, '')`;
export const actorText: Sql = sql`coalesce('s:' || session, 'a:' || account, ${clientText})`;

/** What the views of requests are made of. */
export const requestColumns = [
  'event_id',
  'at_us',
  'file_no',
  'system_id',
  'src_ip',
  'session',
  'account',
  'user_agent',
  'method',
  'target',
  'target_norm',
  'path',
  'query',
  'status',
  'bytes_out',
  'duration_us',
  'referer',
  'forwarded',
  'content_type',
  'extra',
] as const;
const keyColumns = ['client_key', 'actor_key', 'route', 'shape'] as const;

/** A view of the HTTP events of a table, with the identities of their senders. */
export async function viewRequests(engine: Engine, name: string, from: string, columns: readonly string[] = requestColumns): Promise<void> {
  await engine.run(
    'detection.request',
    sql`create or replace temp view ${sql.id(name)} as select ${sql.join(columns.map(c => sql.id(c)))},
      ${actorText} as actor, ${clientText} as client
    from ${sql.id(from)} where class = 1`,
  );
}

/** Requests that pass a test of the columns of events, with their senders: the texts are those of the keys, so that no others are read. */
export const requestsWhere = (test: Sql): Sql =>
  sql`(select e.*, coalesce(h.holder, c.client) as actor, c.client from (select * from event where class = 1 and ${test}) e
    join detection_client c using (client_key) left join detection_holder h on h.holder_key = actor_key)`;

const distinctColumns = ['user_agent', 'referer', 'route', 'shape'] as const;

/**
 * The view `detection_request`: HTTP events with `actor`, the best identity a request carries: session, else account, else address and agent.
 * `client` is always address and agent. Beside it tables of the texts of all keys, of the distinct values of each column that repeats
 * (`detection_value`), and of what all requests come to (`detection_traffic`).
 */
export async function prepareRequests(engine: Engine): Promise<void> {
  await viewRequests(engine, 'detection_request', 'event', [...requestColumns, ...keyColumns]);
  await engine.run(
    'detection.clients',
    sql`create or replace temp table detection_client as
    select client_key, ${clientText} as client, src_ip, user_agent, first_us, last_us
    from (select client_key, any_value(src_ip) as src_ip, any_value(user_agent) as user_agent, min(at_us) as first_us, max(at_us) as last_us from event where class = 1 group by client_key)`,
  );
  await engine.run(
    'detection.holders',
    sql`create or replace temp table detection_holder as
    select actor_key as holder_key, coalesce('s:' || any_value(session), 'a:' || any_value(account)) as holder, min(client_key) <> max(client_key) as moved from event where class = 1 and actor_key <> client_key group by actor_key`,
  );
  await forgetFound(engine);
  await prepareOddTargets(engine);
  await distinctValues(engine, 'detection_value', distinctColumns, sql`1`);
  await prepareTraffic(engine);
}

const none = sql`false`;

/** SQL that is true where a column of few values has one that passes a test: the test is made once a value. */
export async function oneOf(engine: Engine, column: (typeof distinctColumns)[number], holds: (value: Sql) => Sql): Promise<Sql> {
  return among(column, await valuesOf(engine, column, holds));
}

/** SQL that is true where a column of few values has one of these. */
function among(column: (typeof distinctColumns)[number], values: readonly string[]): Sql {
  if (values.length === 0) return none;
  // A function of one column is tried once a value by itself, and before other columns are read.
  if (values.length <= 16) return sql`coalesce(list_contains([${sql.join(values.map(v => sql.lit(v)))}], ${sql.id(column)}), false)`;
  return sql`coalesce(${sql.id(column)} in (select unnest(${sql.lit(JSON.stringify(values))}::json::varchar[])), false)`;
}

/** The values of a column that pass a test, in order. */
async function valuesOf(engine: Engine, column: (typeof distinctColumns)[number], holds: (value: Sql) => Sql): Promise<string[]> {
  const rows = await engine.rows<{ value: string }>(
    'detection.values',
    sql`select value from detection_value where name = ${sql.lit(column)} and ${holds(sql`value`)} order by value`,
  );
  return rows.map(r => r.value);
}

/**
 * SQL that is true for requests whose lower-case path matches, tried once a route. In a route a run of digits is `#`, so that the pattern (in which a
 * digit stands alone) is widened first and the paths of the routes that are left are tried themselves. A route without numbers is its path.
 * `only`: a test of the route, `value`, that those of interest pass.
 */
export async function pathMatches(engine: Engine, pattern: string, only: Sql = sql`true`): Promise<Sql> {
  const routes = await matchingRoutes(engine, pattern, only);
  if (isBlindToDigits(pattern) || !routes.some(r => r.includes('#'))) return among('route', routes);
  return sql`(${among('route', routes)} and case when contains(route, '#') then regexp_matches(lower(path), ${sql.lit(pattern)}) else true end)`;
}

/** The same of the route alone, for where there are no paths: whatever number stands in it will do. */
export async function routeMatches(engine: Engine, pattern: string): Promise<Sql> {
  return among('route', await matchingRoutes(engine, pattern, sql`true`));
}

function matchingRoutes(engine: Engine, pattern: string, only: Sql): Promise<string[]> {
  const holds = (route: Sql, of: string): Sql => sql`regexp_matches(lower(${route}), ${sql.lit(of)})`;
  return valuesOf(
    engine,
    'route',
    route => sql`case when contains(${route}, '#') then ${holds(route, routePattern(pattern))} else ${holds(route, pattern)} end and ${only}`,
  );
}

/** Whether a pattern says nothing of digits, so that it matches a path when it matches its route: letters, slashes, escaped signs, choices, `?` and ends only. */
export function isBlindToDigits(pattern: string): boolean {
  return /^(?:[a-z/|()?:^$-]|\\[./+-])*$/.test(pattern) && !/\)\?|\(\?[^:]/.test(pattern);
}

/** The pattern with `#` wherever it takes a digit: alone, in a class, in braces not (there they count). */
export function routePattern(pattern: string): string {
  return pattern.replace(/\\[wd]|\\.|\{[0-9,]*\}|\[\^?(?:\\.|[^\]\\])*\]|[0-9]/g, part => {
    if (part === '\\w' || part === '\\d') return `[#${part}]`;
    if (part.startsWith('[')) return part.startsWith('[^') ? part : `[#${part.slice(1)}`;
    return /^[0-9]$/.test(part) ? `[#${part}]` : part;
  });
}

/** More in an eighth of a log are too many to hold. */
const mostOdd = 500_000;

/** `detection_odd_target`: targets (of applications too) without shape (decoded, not ASCII, long), each once; none where hardly any comes twice: they are then tried where they stand. */
async function prepareOddTargets(engine: Engine): Promise<void> {
  const odd = sql`event where class in (1, 7) and shape is null and target is not null`;
  const { lines } = await engine.row<{ lines: number }>(
    'detection.odd-targets',
    sql`select coalesce(max(line_no), 0)::bigint as lines from event where class in (1, 7)`,
  );
  // The beginning tells whether they come again; later they do so more.
  const { n, d } = await engine.row<{ n: number; d: number }>(
    'detection.odd-targets',
    sql`select count(*) as n, approx_count_distinct(target) as d from ${odd} and line_no <= ${Math.max(100_000, Math.floor(lines / 8))}`,
  );
  await engine.run(
    'detection.odd-targets',
    sql`create or replace temp table detection_odd_target as select distinct target, target_norm from (select * from ${odd}) where ${n > 2 * d && d < mostOdd}`,
  );
}

/** SQL that is true for requests without shape whose target, or decoded target, passes a test. */
export async function oddTargets(engine: Engine, holds: Sql): Promise<Sql> {
  const { n } = await engine.row<{ n: number }>('detection.odd-targets', sql`select count(*) as n from detection_odd_target`);
  if (n === 0) return sql`(shape is null and ${holds})`;
  const passing = sql`select distinct target from detection_odd_target where ${holds}`;
  const rows = await engine.rows<{ target: string }>('detection.odd-targets', sql`${passing} order by target limit ${mostListed + 1}`);
  if (rows.length === 0) return none;
  if (rows.length > mostListed) return sql`(shape is null and target in (${passing}))`;
  return sql`(shape is null and coalesce(list_contains([${sql.join(rows.map(r => sql.lit(r.target)))}], target), false))`;
}

const mostListed = 256;

/** SQL that is true for requests whose target matches a pattern of lower-case texts, tried once a shape. `onShapes` must match every shape of a target that matches. */
export async function targetMatches(engine: Engine, onShapes: string, exact: Sql): Promise<Sql> {
  const shapes = await oneOf(engine, 'shape', value => sql`regexp_matches(${value}, ${sql.lit(onShapes)})`);
  const odd = await oddTargets(engine, exact);
  if (shapes === none) return odd;
  return sql`(${odd} or (${shapes} and case when ${shapes} then ${exact} else false end))`;
}

/** SQL that is true for the requests of one client, which is named by its text. */
export function ofClient(client: string): Sql {
  const keys = clientKeysOf(client);
  return keys === null ? sql`client = ${client}` : sql`(client_key in (${sql.join(keys.map(k => sql`${k}::bigint`))}) and client = ${client})`;
}

/** The same for several clients. */
export function ofClients(clients: readonly string[]): Sql {
  const keys = clients.map(clientKeysOf);
  const named = sql`client in (${sql.join(clients.map(c => sql`${c}`))})`;
  if (clients.length === 0 || keys.includes(null)) return clients.length === 0 ? none : named;
  return sql`(client_key in (${sql.join([...new Set(keys.flatMap(k => k ?? []))].map(k => sql`${k}::bigint`))}) and ${named})`;
}

/** Cut a list in time order where more than `gap` lies between neighbours. Events without a time go to the first episode. */
export function episodes<T extends { readonly atUs: number | null }>(events: readonly T[], gap: number = episodeGapUs): T[][] {
  const out: T[][] = [];
  let last: number | null = null;
  for (const e of events) {
    if (out.length === 0 || (last !== null && e.atUs !== null && e.atUs - last > gap)) out.push([]);
    out[out.length - 1]!.push(e);
    if (e.atUs !== null) last = e.atUs;
  }
  return out;
}
