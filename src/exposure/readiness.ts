import type { OpenCase } from '../case/index.ts';
import { sql } from '../engine/index.ts';

export type ReadinessAnswer = 'yes' | 'partly' | 'no';
export type Readiness = {
  readonly dataset: string;
  readonly answer: ReadinessAnswer /** Keys of advice: what would change it. */;
  readonly advice: readonly string[];
};

/** For each data set: could its exposure be bounded with the logging of this case, and which setting would change that. Needs the events stage only. */
export async function assessReadiness(kase: OpenCase): Promise<Readiness[]> {
  const e = kase.engine;
  const datasets = await e.rows<{ dataset_id: string; system_id: string | null; as_of_us: number | null }>(
    'readiness.datasets',
    sql`select dataset_id, system_id, as_of_us from dataset order by dataset_id`,
  );
  const events = await e.hasTable('event');
  const out: Readiness[] = [];
  for (const d of datasets) {
    const system = d.system_id === null ? sql`true` : sql`(system_id is null or system_id = ${d.system_id})`;
    const f = events
      ? await e.row<{
          web: number;
          sized: number;
          timed: number;
          named: number;
          told: number;
          stmts: number;
          params: number;
          bound: number;
          counted: number;
          posts: number;
          writes: number;
          connected: number;
          coarse: number;
        }>(
          'readiness.sources',
          sql`
      select count(*) filter (where class = 1) as web, count(*) filter (where class = 1 and bytes_out is not null) as sized, count(*) filter (where class = 1 and duration_us is not null) as timed,
        count(*) filter (where class = 1 and (session is not null or account is not null)) as named,
        count(*) filter (where class = 1 and (session is not null or account is not null or user_agent is not null)) as told, count(*) filter (where class = 2 and sql_text is not null) as stmts,
        count(*) filter (where class = 2 and contains(sql_text, '$1')) as params, count(*) filter (where class = 2 and contains(sql_text, '$1') and sql_params is not null) as bound,
        count(*) filter (where class = 2 and rows_out is not null) as counted, count(*) filter (where class = 1 and method = 'POST' and extra is null) as posts,
        count(*) filter (where class = 2 and regexp_matches(sql_text, '^\\s*(?i:insert|update|delete|merge)\\b')) as writes, count(*) filter (where class = 2 and sql_text is not null and conn_id is not null) as connected,
        count(*) filter (where file_no in (select file_no from event_file where resolution_us >= 1000000)) as coarse
      from event where ${system}`,
        )
      : { web: 0, sized: 0, timed: 0, named: 0, told: 0, stmts: 0, params: 0, bound: 0, counted: 0, posts: 0, writes: 0, connected: 0, coarse: 0 };
    const advice: string[] = [];
    if (f.stmts === 0) advice.push('sql-audit');
    if (f.params > 0 && f.bound < 0.9 * f.params) advice.push('parameters');
    if (f.stmts > 0 && f.counted < 0.5 * f.stmts) advice.push('rows');
    if (f.web === 0) advice.push('web-access');
    if (f.web > 0 && f.sized < 0.9 * f.web) advice.push('size');
    if (f.web > 0 && f.timed < 0.5 * f.web) advice.push('duration');
    if (f.web > 0 && f.named === 0) advice.push('session');
    if (f.web > 0 && f.told < 0.5 * f.web) advice.push('client');
    if (f.posts > 0 && f.stmts === 0) advice.push('bodies');
    if (f.stmts > 0 && f.writes === 0) advice.push('writes');
    if (f.stmts > 0 && f.connected < 0.9 * f.stmts) advice.push('connection');
    if (f.stmts > 0 && f.web > 0 && f.coarse > 0) advice.push('clock');
    if (d.as_of_us === null) advice.push('snapshot-date');
    const replayable = f.stmts > 0 && (f.params === 0 || f.bound >= 0.9 * f.params);
    out.push({ dataset: d.dataset_id, answer: replayable ? 'yes' : f.stmts > 0 || f.sized > 0 ? 'partly' : 'no', advice });
  }
  return out;
}
