import { MINUTE } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';

/** Silence that ends an episode of one actor. */
export const episodeGapUs = 30 * MINUTE;

/**
 * Whole numbers that stand for `client` and `actor` in steps over all requests: grouping by them costs a fraction of grouping by texts. Two clients may
 * share one by bad luck, so they choose what is looked at and measure the peers; what is claimed is read by the texts again.
 */
export const clientKey: Sql = sql`hash(coalesce(src_ip, ''), coalesce(user_agent, ''))`;
export const actorKey: Sql = sql`case when session is not null then hash(session, 1) when account is not null then hash(account, 2) else ${clientKey} end`;

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

/** A view of the HTTP events of a table, with the identities of their senders. */
export async function viewRequests(engine: Engine, name: string, from: string): Promise<void> {
  await engine.run(
    'detection.request',
    sql`create or replace temp view ${sql.id(name)} as select ${sql.join(requestColumns.map(c => sql.id(c)))},
      ${actorText} as actor, ${clientText} as client
    from ${sql.id(from)} where class = 1`,
  );
}

/**
 * The view `detection_request`: HTTP events with `actor`, the best identity a request carries: session, else account, else address and agent.
 * `client` is always address and agent.
 */
export async function prepareRequests(engine: Engine): Promise<void> {
  await viewRequests(engine, 'detection_request', 'event');
  for (const column of ['user_agent', 'referer'] as const) {
    await engine.run(
      'detection.distinct',
      sql`create or replace temp table ${sql.id(`detection_${column}`)} as select distinct ${sql.id(column)} as value from event where class = 1 and ${sql.id(column)} is not null`,
    );
  }
}

/** SQL that is true where a column of few values has one that passes a test: the test is made once a value. */
export async function oneOf(engine: Engine, column: 'user_agent' | 'referer', holds: (value: Sql) => Sql): Promise<Sql> {
  const values = await valuesOf(engine, column, holds);
  if (values.length === 0) return sql`false`;
  if (values.length <= 100) return sql`coalesce(${sql.id(column)} in (${sql.join(values.map(v => sql.lit(v)))}), false)`;
  return sql`coalesce(${sql.id(column)} in (select unnest(${sql.lit(JSON.stringify(values))}::json::varchar[])), false)`;
}

/** The values of a column that pass a test, in order. */
export async function valuesOf(engine: Engine, column: 'user_agent' | 'referer', holds: (value: Sql) => Sql): Promise<string[]> {
  const rows = await engine.rows<{ value: string }>(
    'detection.values',
    sql`select value from ${sql.id(`detection_${column}`)} where ${holds(sql`value`)} order by value`,
  );
  return rows.map(r => r.value);
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
