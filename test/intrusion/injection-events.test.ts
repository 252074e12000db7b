import { expect, it } from 'vitest';
import { type Engine, sql } from '../../src/engine/index.ts';
import { injectionEvents } from '../../src/intrusion/injection/injection-events.ts';
import type { InjectionEvent } from '../../src/intrusion/injection/rebuild.ts';
import { type EventRow, loadEvents, memoryEngine } from '../fixtures/event-table.ts';

const columns = [
  'event_id',
  'class',
  'src_ip',
  'host',
  'method',
  'path',
  'query',
  'user_agent',
  'referer',
  'forwarded',
  'session',
  'sql_text',
  'extra',
] as const;

async function read(engine: Engine, rows: readonly EventRow[]): Promise<InjectionEvent[]> {
  await loadEvents(engine, rows);
  for (const [table, definition] of [
    ['detection', 'detection_id VARCHAR, kind VARCHAR'],
    ['detection_event', 'detection_id VARCHAR, event_id BIGINT'],
    ['event_file', 'file_no INTEGER, time_kind INTEGER'],
    ['injection_answer', 'event_id BIGINT, request_id BIGINT'],
    ['statement_error', 'event_id BIGINT, error_id BIGINT, err_code VARCHAR'],
  ] as const)
    await engine.run(table, sql`create or replace table ${sql.id(table)} (${sql.raw(definition)})`);
  await engine.run('t', sql`insert into detection values ('d', 'sqli-boolean')`);
  await engine.run('t', sql`insert into detection_event select 'd', event_id from event where class = 1`);
  await engine.run('t', sql`insert into injection_answer select max(event_id), min(event_id) from event`);
  const events: InjectionEvent[] = [];
  for await (const batch of injectionEvents(engine)) events.push(...batch);
  return events;
}

it('every text comes back as it stands in the table, whatever is in it', async () => {
  const texts = [null, '', ' ', "a\nb'", '"\\"', '\u0000\u0001\u007f', '清水 🐈', '{"path":null}', '\\n\\u0041'];
  const at = (i: number): string | null => texts[i % texts.length]!;
  const requests = texts.flatMap((text, i) =>
    [0, 1].map(again => ({
      at_us: 1000 * i + again,
      src_ip: at(i + 1),
      host: at(i + 2),
      method: at(i + 3),
      path: at(i + 4),
      query: text,
      user_agent: at(i + 5),
      referer: at(i + 6),
      forwarded: at(i + 7),
      session: at(i + 8),
      extra: at(i + 3 + again),
      status: 200 + i,
    })),
  );
  const statement = { class: 2, at_us: 90_000, sql_text: "SELECT 1\nWHERE ASCII((SELECT '🐈\u0000'))>1", extra: 'x' };
  const engine = await memoryEngine();
  const events = await read(engine, [...requests, statement]);
  expect(events.length).toBe(requests.length + 1);
  const table = await engine.rows('t', sql`select ${sql.join(columns.map(c => sql.id(c)))} from event order by at_us`);
  expect(events.slice(0, -1).map(e => Object.fromEntries(columns.map(c => [c, e[c]])))).toEqual(table.slice(0, -1));
  expect(events.map(e => e.status)).toEqual([...requests.map(r => r.status), 200]);
  // a statement that stands for a request: address, page and answer are the request's
  expect(events.at(-1)).toMatchObject({ class: 2, sql_text: statement.sql_text, query: null, extra: null, answered: true, path: at(4), src_ip: at(1) });
  expect(events[0]!.answered).toBe(false);
  engine.close();
});
