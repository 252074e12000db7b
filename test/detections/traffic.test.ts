import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { prepareCalls } from '../../src/detections/behaviour/numbered-calls.ts';
import { prepareRequests } from '../../src/detections/requests/request.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { type EventRow, loadEvents, memoryEngine, requestColumns } from '../fixtures/event-table.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

const request = fc.record({
  who: fc.nat(3),
  session: fc.constantFrom(undefined, 's1', 's2'),
  target: fc.constantFrom('/', '/menu', '/r/7', '/r/8', '/r/71', '/r/7/x/9', '/list?page=3'),
  method: fc.constantFrom('GET', 'POST'),
  status: fc.constantFrom(200, 302, 404, null),
  at: fc.option(fc.nat(50)),
});

it('the traffic of a log is what a count of its requests gives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 40 }), async requests => {
      const rows: EventRow[] = requests.map((r, i) => ({
        line_no: i + 1,
        src_ip: `192.0.2.${r.who}`,
        ...(r.session !== undefined && { session: r.session }),
        ...requestColumns(`${r.method} ${r.target} HTTP/1.1`),
        status: r.status,
        time_us: r.at,
      }));
      await loadEvents(engine, rows);
      await prepareRequests(engine);
      const counted = (from: ReturnType<typeof sql>) =>
        engine.rows('test', sql`select who, client, route, status, got, numbered, n::integer as n, bit_count(marks) as marks from (${from}) order by all`);
      expect(await counted(sql`select * from detection_traffic left join detection_route using (route_no)`)).toEqual(
        await counted(
          sql`select actor_key as who, client_key as client, route, status, method = 'GET' as got, path_number >= 0 as numbered, count(*) as n, bit_or(1::uinteger << (path_number & 31)::uinteger) as marks from event where class = 1 group by all`,
        ),
      );
    }),
    { numRuns: 25 },
  );
});

it('a UUID in a path makes no place by number: there would be as many as records', async () => {
  const uuid = (n: number): string => `${(n * 2654435761).toString(16).padStart(12, '7')}-4a1b-9c3d-8e5f-${(n * 40503).toString(16).padStart(12, '3')}`;
  const targets = Array.from({ length: 30 }, (_, n) => [`/orders/${uuid(n)}`, `/orders/${n}`, `/receipts/R2024-10-${n}.pdf`]).flat();
  await loadEvents(
    engine,
    targets.map((target, i) => ({ line_no: i + 1, time_us: i, src_ip: '192.0.2.1', status: 200, ...requestColumns(`GET ${target} HTTP/1.1`) })),
  );
  await prepareRequests(engine);
  await prepareCalls(engine);
  expect(await engine.rows('test', sql`select route from detection_place order by route`)).toEqual([{ route: '/orders/#' }, { route: '/receipts/R#-#-#.pdf' }]);
});
