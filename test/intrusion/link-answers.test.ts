import { afterAll, beforeAll, expect, it } from 'vitest';
import { SECOND } from '../../src/base/index.ts';
import type { Engine } from '../../src/engine/index.ts';
import { eventClass } from '../../src/events/columns.ts';
import { linkAnswers } from '../../src/intrusion/injection/link-answers.ts';
import { type EventRow, loadEvents, memoryEngine, requestColumns } from '../fixtures/event-table.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
  await engine.load(
    'event_file',
    [
      { name: 'file_no', type: 'INTEGER' },
      { name: 'time_kind', type: 'INTEGER' },
      { name: 'resolution_us', type: 'BIGINT' },
    ],
    [[1, 1, 1000]],
  );
});
afterAll(() => engine.close());

const n = 40;
const requests = Array.from(
  { length: n },
  (_, i): EventRow => ({
    time_us: i * 2 * SECOND,
    src_ip: '192.0.2.4',
    status: 200,
    bytes_out: 100 + (i % 2),
    duration_us: 10_000,
    ...requestColumns('GET /find HTTP/1.1'),
  }),
);
const statements = Array.from(
  { length: n },
  (_, i): EventRow => ({
    class: eventClass.sql,
    file_no: 2,
    line_no: i + 1,
    time_us: i * 2 * SECOND + 3000,
    sql_text: `SELECT a FROM things WHERE name = 'x' AND ascii(substr((select p from u),${i},1))>64`,
  }),
);

/** Statements that were given a request, when those in `traced` were found in logged requests. */
async function linked(traced: readonly number[]): Promise<number> {
  await loadEvents(engine, [...requests, ...statements]);
  await engine.load(
    'detection_traced',
    [{ name: 'event_id', type: 'BIGINT' }],
    traced.map(i => [2 * 2 ** 40 + (i + 1) * 16]),
  );
  return (await linkAnswers(engine, 'ascii\\(substr')).size;
}

it('statements whose text no request shows are put beside the requests of one page', async () => {
  expect(await linked([])).toBe(n);
});

it('nobody is given a statement where most payloads of its kind stand in logged requests', async () => {
  expect(await linked(Array.from({ length: 30 }, (_, i) => i))).toBe(0);
});
