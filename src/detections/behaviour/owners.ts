import { groupBy } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Detection } from '../tables.ts';

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

const mostChance = 1e-5;

const minRecords = 2;
const minPeers = 3;
const mostPairs = 40;
const mostColumns = 60;

type Held = { client: string; column_name: string; records: number; top: number; top_value: string; n_values: number };

/** A column that says whose a record of a route is. */
export type Owner = { readonly route: string; readonly dataset: string; readonly column: string; readonly peers: number; readonly kept: number };

/**
 * Which column says whose a record is, learned from use: nearly every client calls up records with one value of it (a branch, an owner, an
 * account), different clients different values. Those who go beyond are told with their share. Uses `detection_object` and the data sets.
 */
export async function readForeign(engine: Engine): Promise<Foreign[]> {
  const best = groupBy((await readOwners(engine)).beyond, f => f.client);
  return [...best.values()].map(list => [...list].sort((a, b) => b.foreign - a.foreign || b.peers - a.peers || (a.column < b.column ? -1 : 1))[0]!);
}

/** The same, with the columns themselves. */
export async function readOwners(engine: Engine, of?: readonly string[]): Promise<{ owners: Owner[]; beyond: Foreign[] }> {
  const owners: Owner[] = [];
  const beyond: Foreign[] = [];
  if (!(await engine.hasTable('dataset'))) return { owners, beyond };
  const sets = await engine.rows<{ dataset_id: string }>(
    'detection.datasets',
    sql`select dataset_id from dataset where len(key_columns) = 1 order by dataset_id`,
  );
  if (sets.length === 0) return { owners, beyond };
  const routes = of ?? (await commonRoutes(engine));
  let pairs = 0;
  for (const route of routes) {
    await engine.run('detection.asked', sql`create or replace temp table detection_asked as ${callsOf(route)}`);
    for (const { dataset_id } of sets) {
      if (++pairs > mostPairs) break;
      const found = await foreignIn(engine, route, dataset_id);
      owners.push(...found.owners);
      beyond.push(...found.beyond);
    }
  }
  return { owners, beyond };
}

async function commonRoutes(engine: Engine): Promise<string[]> {
  const rows = await engine.rows<{ route: string }>(
    'detection.object-routes',
    sql`select route from detection_reach join detection_place using (place) where how = 'object' and accepted > 0 group by route order by count(distinct client) desc, sum(accepted) desc, route limit 5`,
  );
  return rows.map(r => r.route);
}

/** Detections of walks through records, each with whose records they were where a column tells: how many of the commonest owner, how many of others. */
export async function withOwnership(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const walks = found.filter(d => d.kind === 'idor-enumeration' && typeof d.facts['route'] === 'string');
  if (walks.length === 0) return [...found];
  const { owners } = await readOwners(engine, [...new Set(walks.map(d => String(d.facts['route'])))].sort().slice(0, 8));
  const out: Detection[] = [];
  for (const d of found) {
    const owner = owners.filter(o => o.route === d.facts['route'] && walks.includes(d)).sort((a, b) => b.kept - a.kept || (a.column < b.column ? -1 : 1))[0];
    const objects = [...new Set(d.events.map(e => e.facts?.['object']).filter(o => typeof o === 'number' || typeof o === 'bigint'))].map(String).sort();
    if (!owner || objects.length === 0) {
      out.push(d);
      continue;
    }
    const values = await engine.rows<{ n: number }>(
      'detection.walk-owners',
      sql`select count(*)::integer as n from ${sql.id(`data_${owner.dataset}`)} where key in (select unnest(${JSON.stringify(objects)}::json::varchar[])) and ${sql.id(owner.column)} is not null
      group by ${sql.id(owner.column)} order by n desc`,
    );
    const records = values.reduce((n, v) => n + v.n, 0);
    if (records === 0) out.push(d);
    else
      out.push({
        ...d,
        facts: {
          ...d.facts,
          ownership: {
            column: `${owner.dataset}.${owner.column}`,
            owners: values.length,
            records,
            of_others: records - values[0]!.n,
            share_of_others: Math.round((1 - values[0]!.n / records) * 1000) / 1000,
            peers_keeping_to_one: owner.kept,
            peers: owner.peers,
          },
        },
      });
  }
  return out;
}

async function foreignIn(engine: Engine, route: string, dataset: string): Promise<{ owners: Owner[]; beyond: Foreign[] }> {
  const data = sql.id(`data_${dataset}`);
  await engine.run(
    'detection.owned',
    sql`create or replace temp table detection_owned as
    select a.client, a.k, d.* exclude (row_no, key) from detection_asked a join ${data} d on d.key = a.k`,
  );
  const { asked, held } = await engine.row<{ asked: number; held: number }>(
    'detection.owned-share',
    sql`select (select count(distinct k) from detection_asked) as asked, (select count(distinct k) from detection_owned) as held`,
  );
  if (held < 10 || held < 0.8 * asked) return { owners: [], beyond: [] };
  const columns = await engine.rows<{ name: string }>(
    'detection.owned-columns',
    sql`select name from dataset_column where dataset_id = ${dataset} order by column_no limit ${mostColumns}`,
  );
  if (columns.length === 0) return { owners: [], beyond: [] };
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
  const owners: Owner[] = [];
  const out: Foreign[] = [];
  for (const [column, list] of groupBy(rows, r => r.column_name)) {
    const beyond = (r: Held): boolean => r.top < 0.9 * r.records;
    const kept = list.filter(r => !beyond(r));
    // One value for everybody says nothing; several clients must keep to values of their own.
    if (kept.length < minPeers || kept.length < 0.75 * list.length || chanceOf(kept) > mostChance) continue;
    owners.push({ route, dataset, column, peers: list.length, kept: kept.length });
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
  return { owners, beyond: out };
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
  if (route.split('#').length !== 2) return sql`select distinct client, object::varchar as k from detection_object where route = ${route} and status < 300`;
  return sql`select distinct client, k from (select client, try_cast(regexp_extract(path, '[0-9]+') as bigint)::varchar as k from detection_request
    where route = ${route} and route <> path and status < 300) where k is not null`;
}

/** How likely clients would keep to one value each if the value had nothing to do with them. */
function chanceOf(kept: readonly Held[]): number {
  const total = kept.reduce((n, r) => n + r.records, 0);
  const commonest = Math.max(...[...groupBy(kept, r => r.top_value).values()].map(list => list.reduce((n, r) => n + r.top, 0)));
  return (commonest / total) ** (total - kept.length);
}
