import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type CaseFile, CaseStore, type OpenCase } from '../../src/case/index.ts';
import { Engine, sql } from '../../src/engine/index.ts';
import { writeCells } from '../../src/exposure/index.ts';
import { loadSnapshot } from './snapshot.ts';

/** A small site: 60 people, one page a person, a database log; and an intruder among its visitors. */

export type Event = {
  id: number;
  cls: number;
  us: number;
  method?: string;
  path?: string;
  query?: string;
  status?: number;
  bytes?: number;
  sql?: string;
  params?: (string | null)[];
  err?: string;
  message?: string;
  conn?: string;
};

export const people = Array.from({ length: 60 }, (_, i) => [
  String(100 + i),
  `name ${'x'.repeat(i % 9)}${i}`,
  i % 7 === 0 ? null : `street ${'y'.repeat((i * 5) % 23)}`,
  i % 2 === 0 ? 'north' : 'south',
]);
export const size = (row: (string | null)[]): number => 40 + row[1]!.length + (row[2]?.length ?? 4);
export const detail = 'SELECT name, address FROM people WHERE id = $1';

/** 60 requests of others, then those of the intruder (100 µs apart each pair of request and statement). */
export function traffic(intruder: readonly { id: string; status?: number; logged?: boolean; bytes?: number }[]): { events: Event[]; mine: number[] } {
  const events: Event[] = [];
  const mine: number[] = [];
  let us = 1_700_000_000_000_000;
  let id = 16;
  const visit = (key: string, of: { status?: number; logged?: boolean; bytes?: number }, own: boolean): void => {
    const row = people.find(p => p[0] === key);
    us += 10_000_000;
    id += 16;
    events.push({ id, cls: 1, us, method: 'GET', path: `/people/${key}`, status: of.status ?? (row ? 200 : 404), bytes: of.bytes ?? (row ? size(row) : 9) });
    if (own) mine.push(id);
    if (of.logged !== false) {
      id += 16;
      events.push({ id, cls: 2, us: us + 100, sql: detail, params: [key], conn: 'c1' });
    }
  };
  for (const p of people) visit(p[0]!, {}, false);
  for (const i of intruder) visit(i.id, i, true);
  return { events, mine };
}

export type Incident = OpenCase & { readonly dir: string; close(): void };
type More = {
  readonly routes?: CaseFile['routes'];
  /** Events that may be the intruder's or somebody else's. */
  readonly wide?: readonly number[];
  /** What was rebuilt of injections. */
  readonly injected?: readonly { readonly event: number; readonly technique: string; readonly sql: string; readonly shown: boolean }[];
};

/** The tables of the stages before, in memory. */
export async function openIncident(events: readonly Event[], mine: readonly number[], more: More = {}): Promise<Incident> {
  const routes = more.routes ?? [];
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-exposure-'));
  const engine = await Engine.open({ file: ':memory:', threads: 1 });
  await loadSnapshot(engine, [{ name: 'people', columns: ['id', 'name', 'address', 'region'], rows: people }]);
  const columns = [
    'event_id BIGINT',
    'file_no INTEGER',
    'system_id VARCHAR',
    'class INTEGER',
    'at_us BIGINT',
    'start_lo_us BIGINT',
    'start_hi_us BIGINT',
    'end_lo_us BIGINT',
    'end_hi_us BIGINT',
    'method VARCHAR',
    'path VARCHAR',
    'query VARCHAR',
    'status INTEGER',
    'bytes_out BIGINT',
    'duration_us BIGINT',
    'src_ip VARCHAR',
    'session VARCHAR',
    'account VARCHAR',
    'extra VARCHAR',
    'conn_id VARCHAR',
    'sql_text VARCHAR',
    'sql_params VARCHAR',
    'rows_out BIGINT',
    'err_code VARCHAR',
    'db_user VARCHAR',
    'app_name VARCHAR',
    'message VARCHAR',
    'stmt_kind VARCHAR',
    'line_no BIGINT',
    'byte_off BIGINT',
    'byte_len BIGINT',
    'seq BIGINT',
    'action VARCHAR',
    'outcome INTEGER',
  ];
  await engine.load(
    'event',
    columns.map(c => ({ name: c.split(' ')[0]!, type: c.split(' ')[1] as 'BIGINT' })),
    events.map(e => [
      e.id,
      e.cls,
      null,
      e.cls,
      e.us,
      e.us,
      e.us + 200,
      e.us + 200,
      e.us + 400,
      e.method ?? null,
      e.path ?? null,
      e.query ?? null,
      e.status ?? null,
      e.bytes ?? null,
      300,
      null,
      null,
      null,
      null,
      e.conn ?? null,
      e.sql ?? null,
      e.params ? JSON.stringify(e.params) : null,
      null,
      e.err ?? null,
      'app',
      null,
      e.message ?? null,
      null,
      e.id / 16,
      e.id * 10,
      100,
      null,
      null,
      null,
    ]),
  );
  await engine.run(
    'test.files',
    sql`create table event_file as select 1 as file_no, 'nginx-combined' as format, null::varchar as system_id union all select 2, 'pg-csvlog', null`,
  );
  await engine.run(
    'test.sources',
    sql`create table source_file as select 1 as file_no, 'web' as evidence_id, 'access.log' as path, 'aa' as sha256, 'evidence' as role union all select 2, 'db', 'db.csv', 'bb', 'evidence'`,
  );
  await engine.load(
    'actor_event',
    [
      { name: 'actor_id', type: 'VARCHAR' },
      { name: 'event_id', type: 'BIGINT' },
      { name: 'certainty', type: 'VARCHAR' },
      { name: 'reason', type: 'VARCHAR' },
    ],
    [...mine.map(id => ['a', id, 'strict', 'test']), ...(more.wide ?? []).map(id => ['b', id, 'wide', 'test'])],
  );
  if (more.injected)
    await engine.load(
      'injected_statement',
      [
        { name: 'event_id', type: 'BIGINT' },
        { name: 'step_id', type: 'VARCHAR' },
        { name: 'technique', type: 'VARCHAR' },
        { name: 'dialect', type: 'VARCHAR' },
        { name: 'sql_text', type: 'VARCHAR' },
        { name: 'response_shown', type: 'BOOLEAN' },
      ],
      more.injected.map(i => [i.event, null, i.technique, 'postgresql', i.sql, i.shown]),
    );
  const file = { id: 't', routes, datasets: [{ id: 'people', role: { constant: 'policyholder' } }] } as unknown as CaseFile;
  const store = new CaseStore(path.join(dir, 'case.sqlite'));
  const close = (): void => {
    engine.close();
    store.close();
    fs.rmSync(dir, { recursive: true, force: true });
  };
  return { file, casePath: path.join(dir, 'case.yaml'), caseDir: dir, outDir: dir, engine, store, dir, close };
}

/** `key.column` to `lower-upper`. */
export async function cellsOf(kase: OpenCase): Promise<Record<string, string>> {
  await writeCells(kase);
  const rows = await kase.engine.rows<{ key: string; column: string; tier_lower: number; tier_upper: number }>(
    'test.cells',
    sql`select key, "column", tier_lower, tier_upper from read_parquet(${path.join(kase.outDir, 'cells.parquet')}) order by key, "column"`,
  );
  return Object.fromEntries(rows.map(r => [`${r.key}.${r.column}`, `${r.tier_lower}-${r.tier_upper}`]));
}
