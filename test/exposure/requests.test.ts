import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sql } from '../../src/engine/index.ts';
import { countRoutes, readOtherRequests, routeOf } from '../../src/exposure/routes/requests.ts';
import { loadEvents, memoryEngine, requestColumns } from '../fixtures/event-table.ts';

async function shapesOf(paths: readonly string[]) {
  const engine = await memoryEngine();
  await loadEvents(
    engine,
    paths.flatMap((p, i) => [0, 1].map(n => ({ time_us: i * 2 + n, status: 200, line_no: i * 2 + n + 1, ...requestColumns(`GET ${p} HTTP/1.1`) }))),
  );
  await engine.run('test', sql`create or replace table actor_event (actor_id varchar, event_id bigint, certainty varchar, reason varchar)`);
  const requests = await readOtherRequests(engine, 1000);
  const counted = await countRoutes(engine);
  engine.close();
  return { requests, counted };
}

it('codes of records are the variable parts of a path, names with a year or a version are not', async () => {
  const { requests } = await shapesOf([
    '/booking/BK300123',
    '/orders/ORD-2025-0017.pdf',
    '/v2/members/7/cards',
    '/campaign2025/top',
    '/a/0f3c9a7788b1d2e4',
    '/i18n/ja.js',
  ]);
  expect([...new Set(requests.map(r => `${routeOf(r)} ${[...r.values].join(' ')}`.trim()))]).toEqual([
    'GET /booking/{} path.2,BK300123',
    'GET /orders/{}.pdf path.2,ORD-2025-0017',
    'GET /v2/members/{}/cards path.3,7',
    'GET /campaign2025/top',
    'GET /a/{} path.2,0f3c9a7788b1d2e4',
    'GET /i18n/ja.js',
  ]);
});

it('the database and the program call a route by the same name', async () => {
  const segment = fc.oneof(fc.stringMatching(/^[A-Za-z]{0,3}[-_]?[0-9]{1,6}(\.[a-z]{2,4})?$/), fc.stringMatching(/^[A-Za-z0-9._~-]{1,12}$/), fc.uuid());
  const paths = fc.sample(
    fc.array(segment, { minLength: 1, maxLength: 3 }).map(s => `/${s.join('/')}`),
    { numRuns: 400, seed: 7 },
  );
  const { requests, counted } = await shapesOf(paths);
  for (const r of requests) expect(counted.has(routeOf(r)), r.path).toBe(true);
});
