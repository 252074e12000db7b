import { afterAll, beforeAll, expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../src/base/index.ts';
import { afterResumptions } from '../../src/detections/behaviour/resumptions.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { loadEvents, memoryEngine } from '../fixtures/event-table.ts';
import { get, t0 } from '../fixtures/web-request.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

const hour = HOUR / SECOND;

/** A page every so many seconds in files whose borders are `[end, begin]`; the seconds of those of the `asked` that are just after a resumption. */
async function resumed(every: number, borders: readonly (readonly [number, number])[], asked: readonly number[], twin = false): Promise<number[]> {
  const pages = Array.from({ length: (10 * hour) / every }, (_, i) => i * every).filter(s => !borders.some(([a, b]) => s > a && s < b));
  const fileOf = (s: number): number => 1 + borders.filter(([, b]) => s >= b).length;
  const rows = [
    ...pages.map(s => get(s, '192.0.2.1', '/menu', { file_no: fileOf(s), line_no: s * 10 })),
    ...asked.map(s => get(s, '192.0.2.9', '/login', { file_no: fileOf(s), line_no: s * 10 + 1 })),
    ...(twin ? pages.map(s => get(s, '192.0.2.1', '/menu', { file_no: 9, line_no: s * 10 })) : []),
  ];
  await loadEvents(engine, rows);
  const entries = await engine.rows<{ eventId: number; s: number }>(
    'test',
    sql`select event_id as "eventId", (at_us - ${t0}) // ${SECOND} as s from event where src_ip = '192.0.2.9' order by s`,
  );
  const found = await afterResumptions(engine, entries);
  return entries.filter(e => found.has(e.eventId)).map(e => Number(e.s));
}

test('a log begins, and begins again where a rotation lost what was written meanwhile', async () => {
  const five = (5 * MINUTE) / SECOND;
  const asked = [five - 1, five + 1, 4 * hour + 81, 4 * hour + 80 + five + 1, 7 * hour + 11, 8 * hour];
  const lossy = [4 * hour, 4 * hour + 80] as const;
  expect(await resumed(5, [lossy, [7 * hour, 7 * hour + 5]], asked)).toEqual([five - 1, 4 * hour + 81]);
  expect(await resumed(60, [lossy], asked)).toEqual([five - 1]);
  expect(await resumed(5, [lossy], asked, true)).toEqual([]);
});

test('a log begins again where its coverage has a gap, but not where it is merely thin', async () => {
  const columns = [
    { name: 'evidence_id', type: 'VARCHAR' },
    { name: 'to_us', type: 'BIGINT' },
    { name: 'reason', type: 'VARCHAR' },
  ] as const;
  const gaps = [
    ['web', 3, 'silent'],
    ['web', 5, 'thin'],
    ['other', 7, 'silent'],
  ] as const;
  await engine.load(
    'coverage_gap',
    columns,
    gaps.map(([evidence, hours, reason]) => [evidence, t0 + hours * HOUR, reason]),
  );
  expect(
    await resumed(
      5,
      [],
      [3, 5, 7].map(h => h * hour + 10),
    ),
  ).toEqual([3 * hour + 10]);
  await engine.run('test', sql`drop table coverage_gap`);
});
