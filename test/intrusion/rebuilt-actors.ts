import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { quietEffects } from '../../src/base/index.ts';
import { CaseStore, type OpenCase } from '../../src/case/index.ts';
import { type ColumnSpec, Engine, sql } from '../../src/engine/index.ts';
import { reconstruct } from '../../src/intrusion/index.ts';

/** An event, `at` in seconds; with `sql` one of a database. */
export type Event = {
  ip: string;
  agent: string;
  session?: string | null;
  account?: string | null;
  at: number;
  target?: string;
  status?: number;
  bytes?: number;
  sql?: string;
  program?: string;
  connection?: string;
  params?: string;
  method?: string;
  port?: number;
};
export type Det = { id: string; kind: string; family?: string; level?: string; outcome?: string; events: number[]; doubtful?: boolean };

export const S = 1_000_000;
export const T0 = 1_700_000_000 * S;
export const text = (names: string): ColumnSpec[] => names.split(' ').map(name => ({ name, type: 'VARCHAR' }));
export const big = (names: string): ColumnSpec[] => names.split(' ').map(name => ({ name, type: 'BIGINT' }));

/** A case whose earlier stages are as given; `act` may write into its journal before the rebuild. */
export async function rebuild(
  events: Event[],
  detections: Det[],
  options: {
    acts?: (store: CaseStore, steps: string[]) => void;
    contained?: number;
    gaps?: [from: number, to: number, evidence?: string][];
    gapReason?: string;
    logUntil?: number;
    attackers?: string[];
    accounts?: string[];
  } = {},
) {
  const engine = await Engine.open({ file: ':memory:', threads: 1 });
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'actors-'));
  const store = new CaseStore(path.join(dir, 'case.sqlite'));
  const columns = [
    ...big('event_id file_no at_us class status bytes_out duration_us rows_out start_lo_us start_hi_us end_lo_us end_hi_us src_port'),
    ...text(
      'src_ip user_agent session account conn_id path query target target_norm host method err_code sql_text extra referer forwarded db_user app_name sql_params proxy_ip',
    ),
  ];
  await engine.load(
    'event',
    columns,
    events.map((e, i) => {
      const at = T0 + e.at * S;
      const [path, query = null] = (e.target ?? '/home').split('?');
      const row: Record<string, unknown> =
        e.sql === undefined
          ? {
              file_no: 1,
              class: 1,
              status: e.status ?? 200,
              bytes_out: e.bytes ?? 100,
              end_hi_us: at + S,
              user_agent: e.agent,
              session: e.session,
              account: e.account,
              path,
              query,
              target: e.target ?? '/home',
              method: e.method ?? 'GET',
              src_port: e.port,
            }
          : { file_no: 2, class: 2, conn_id: e.connection ?? 'c1', sql_text: e.sql, sql_params: e.params, db_user: 'app', app_name: e.program ?? '' };
      const all: Record<string, unknown> = {
        event_id: (i + 1) * 16,
        at_us: at,
        start_lo_us: at,
        start_hi_us: at,
        end_lo_us: at,
        end_hi_us: at,
        src_ip: e.ip,
        ...row,
      };
      return columns.map(c => all[c.name] ?? null);
    }),
  );
  await engine.load(
    'event_file',
    [...big('file_no time_kind first_us last_us clock_offset_us')],
    (['web', 'sql'] as const).flatMap((kind, i) => {
      const mine = events.filter(e => (e.sql !== undefined) === (kind === 'sql')).map(e => e.at);
      return mine.length === 0 ? [] : [[i + 1, 1, T0 + Math.min(...mine) * S, T0 + Math.max(...mine, options.logUntil ?? 0) * S, 0]];
    }),
  );
  await engine.load(
    'source_file',
    [...big('file_no'), ...text('evidence_id')],
    [
      [1, 'web'],
      [2, 'sql'],
    ],
  );
  await engine.load(
    'coverage_gap',
    [...big('file_no from_us to_us'), ...text('evidence_id reason')],
    (options.gaps ?? []).map(([a, b, evidence = 'web']) => [1, T0 + a * S, T0 + b * S, evidence, options.gapReason ?? 'silent']),
  );
  await engine.load('dataset', [...text('dataset_id table_name'), ...big('rows')], []);
  await engine.load('dataset_column', [...text('dataset_id name'), ...big('column_no')], []);
  await engine.load(
    'detection',
    [...text('detection_id rule_id kind family level outcome group_key facts'), ...big('first_us last_us events')],
    detections.map(d => [
      d.id,
      'r',
      d.kind,
      d.family ?? 'f',
      d.level ?? 'high',
      d.outcome ?? 'succeeded',
      d.id,
      d.doubtful ? '{"doubtful":true}' : '{}',
      T0 + Math.min(...d.events.map(i => events[i]!.at)) * S,
      T0 + Math.max(...d.events.map(i => events[i]!.at)) * S,
      d.events.length,
    ]),
  );
  await engine.load(
    'detection_event',
    [...text('detection_id'), ...big('event_id')],
    detections.flatMap(d => d.events.map(i => [d.id, (i + 1) * 16])),
  );
  await engine.load('detection_traced', big('event_id'), []);
  const facts = {
    attackerIps: { value: options.attackers ?? [], source: null, by: null },
    compromisedAccounts: { value: options.accounts ?? [], source: null, by: null },
    containedAt: options.contained === undefined ? null : { value: T0 + options.contained * S, source: null, by: null },
  };
  const kase = { engine, store, file: { facts } } as unknown as OpenCase;
  await reconstruct(kase, quietEffects);
  if (options.acts) {
    options.acts(
      store,
      (await engine.rows<{ step_id: string }>('t', sql`select step_id from step order by from_us, step_id`)).map(s => s.step_id),
    );
    await reconstruct(kase, quietEffects);
  }
  const read = <R extends object>(q: ReturnType<typeof sql>): Promise<R[]> => engine.rows<R>('t', q);
  const out = {
    actors: await read<{ actor_id: string; ips: string[]; certainty: string; basis: string }>(
      sql`select actor_id, ips, certainty, basis from actor order by first_us, actor_id`,
    ),
    events: await read<{ n: number; certainty: string; actor_id: string }>(
      sql`select cast(event_id / 16 - 1 as integer) as n, certainty, actor_id from actor_event order by event_id, actor_id`,
    ),
    steps: await read<{ step_id: string; kind: string; outcome: string; summary_ja: string; summary_en: string; facts: string }>(
      sql`select * from step order by from_us, step_id`,
    ),
    window: (await read<Record<string, number | string | boolean | null>>(sql`select * from intrusion_window`))[0]!,
    sources: await read<Record<string, number | string | boolean | null>>(sql`select * from intrusion_window_source order by evidence_id`),
    premises: await read<{ premise: string; events: number }>(sql`select * from attribution_premise order by premise`),
    problems: (await read<{ code: string }>(sql`select code from problem where stage = 'intrusion' order by code`)).map(p => p.code),
  };
  engine.close();
  store.close();
  fs.rmSync(dir, { recursive: true });
  return out;
}
