import { type Engine, type Sql, sql } from '../engine/index.ts';
import { groupBy } from './group.ts';

/** How far what one client called up belongs to others: `column` of `dataset` has one value for all that a peer calls up. */
export type Foreign = {
  readonly client: string;
  readonly route: string;
  readonly dataset: string;
  readonly column: string;
  readonly records: number;
  /** Records whose value differs from the commonest of this client. */
  readonly foreign: number;
  readonly values: number;
  readonly peers: number;
  /** Peers who, like this client, go beyond one value. */
  readonly peersBeyond: number;
};

const mostChance = 1e-4;

const minRecords = 5;
const minPeers = 3;
const mostPairs = 40;
const mostColumns = 60;

type Held = { client: string; column_name: string; records: number; top: number; top_value: string; n_values: number };

/**
 * Which column says whose a record is, learned from use: nearly every client calls up records with one value of it (a branch, an owner, an
 * account), different clients different values. Those who go beyond are told with their share. Uses `detection_object` and the data sets.
 */
export async function readForeign(engine: Engine): Promise<Foreign[]> {
  const { n } = await engine.row<{ n: number }>(
    'detection.has-datasets',
    sql`select count(*) as n from information_schema.tables where table_name = 'dataset'`,
  );
  if (n === 0) return [];
  const sets = await engine.rows<{ dataset_id: string }>(
    'detection.datasets',
    sql`select dataset_id from dataset where len(key_columns) = 1 order by dataset_id`,
  );
  const routes = await engine.rows<{ route: string }>(
    'detection.object-routes',
    sql`select route from detection_object where how = 'object' and object is not null and status < 300 group by route having count(distinct client) > ${minPeers}
    order by count(*) desc, route limit 8`,
  );
  const best = new Map<string, Foreign[]>();
  let pairs = 0;
  for (const { route } of routes) {
    for (const { dataset_id } of sets) {
      if (++pairs > mostPairs) break;
      for (const f of await foreignIn(engine, route, dataset_id)) best.set(f.client, [...(best.get(f.client) ?? []), f]);
    }
  }
  return [...best.values()].map(list => list.sort((a, b) => b.foreign - a.foreign || b.peers - a.peers || (a.column < b.column ? -1 : 1))[0]!);
}

async function foreignIn(engine: Engine, route: string, dataset: string): Promise<Foreign[]> {
  const data = sql.id(`data_${dataset}`);
  await engine.run(
    'detection.owned',
    sql`create or replace temp table detection_owned as
    with asked as (${callsOf(route)})
    select a.client, a.k, d.* exclude (row_no, key) from asked a join ${data} d on d.key = a.k`,
  );
  const { asked, held } = await engine.row<{ asked: number; held: number }>(
    'detection.owned-share',
    sql`select (select count(distinct k) from (${callsOf(route)})) as asked, (select count(distinct k) from detection_owned) as held`,
  );
  if (held < 10 || held < 0.8 * asked) return [];
  const columns = await engine.rows<{ name: string }>(
    'detection.owned-columns',
    sql`select name from dataset_column where dataset_id = ${dataset} order by column_no limit ${mostColumns}`,
  );
  if (columns.length === 0) return [];
  const parts = columns.map(
    c =>
      sql`select client, ${c.name} as column_name, ${sql.id(c.name)} as v, count(*) as n from detection_owned where ${sql.id(c.name)} is not null group by all`,
  );
  const rows = await engine.rows<Held>(
    'detection.held',
    sql`
    with each_value as (${sql.join(parts, sql` union all `)})
    select client, column_name, sum(n)::integer as records, max(n)::integer as top, arg_max(v, (n, v)) as top_value, count(*)::integer as n_values from each_value
    group by client, column_name having sum(n) >= ${minRecords} order by column_name, client`,
  );
  const out: Foreign[] = [];
  for (const [column, list] of groupBy(rows, r => r.column_name)) {
    const beyond = (r: Held): boolean => r.top < 0.9 * r.records;
    const kept = list.filter(r => !beyond(r));
    // One value for everybody says nothing; several clients must keep to values of their own.
    if (kept.length < minPeers || kept.length < 0.75 * list.length || chanceOf(kept) > mostChance) continue;
    for (const r of list) {
      if (!beyond(r)) continue;
      out.push({
        client: r.client,
        route,
        dataset,
        column,
        records: r.records,
        foreign: r.records - r.top,
        values: r.n_values,
        peers: list.length - 1,
        peersBeyond: list.length - kept.length - 1,
      });
    }
  }
  return out;
}

/** Distinct (client, number) that were answered on a route of `detection_object`, of everybody and not only of busy clients. */
function callsOf(route: string): Sql {
  const mark = route.indexOf('?');
  if (mark >= 0) {
    const name = route.slice(mark + 1).replace(/[^\w.-]/g, m => `\\${m}`);
    return sql`select distinct client, k from (select client, try_cast(regexp_extract(query, ${sql.lit(`(?i)(?:^|&)${name}=([0-9]{1,15})(?:&|$)`)}, 1) as bigint)::varchar as k
      from detection_request where path = ${route.slice(0, mark)} and status < 300) where k is not null`;
  }
  // Which number of several is meant is settled in the enumeration pass; with one number there is no choice.
  if (route.split('#').length !== 2)
    return sql`select distinct client, object::varchar as k from detection_object where route = ${route} and how = 'object' and object is not null and status < 300`;
  return sql`select distinct client, k from (select client, try_cast(regexp_extract(path, '[0-9]+') as bigint)::varchar as k from detection_request
    where starts_with(path, ${route.slice(0, route.indexOf('#'))}) and regexp_matches(path, '[0-9]') and regexp_replace(path, '[0-9]+', '#', 'g') = ${route} and status < 300) where k is not null`;
}

/** How likely clients would keep to one value each if the value had nothing to do with them. */
function chanceOf(kept: readonly Held[]): number {
  const total = kept.reduce((n, r) => n + r.records, 0);
  const commonest = Math.max(...[...groupBy(kept, r => r.top_value).values()].map(list => list.reduce((n, r) => n + r.top, 0)));
  return (commonest / total) ** (total - kept.length);
}
