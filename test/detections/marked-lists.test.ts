import { afterAll, beforeAll, expect, it } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import type { OpenCase } from '../../src/case/index.ts';
import { detect } from '../../src/detections/detect.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { request, signIn } from '../fixtures/clerk-requests.ts';
import { type EventRow, loadEvents, memoryEngine } from '../fixtures/event-table.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

const intruder = '192.0.2.71';

async function found(rows: readonly EventRow[], rule: string): Promise<[string, number][]> {
  await loadEvents(
    engine,
    [...rows].sort((a, b) => (a['time_us'] as number) - (b['time_us'] as number)).map((r, i) => ({ ...r, line_no: i + 1 })),
  );
  await detect({ engine } as OpenCase, { ...quietEffects, lang: 'en' });
  const list = await engine.rows<{ ip: string; n: number }>(
    'test',
    sql`select any_value(src_ip) as ip, count(*) as n from detection d join detection_event using (detection_id) join event using (event_id)
      where rule_id = ${rule} and d.level <> 'informational' group by d.detection_id order by 1`,
  );
  return list.map(r => [r.ip, Number(r.n)]);
}

const id = (n: number): string =>
  `/visits/${(n * 2_654_435_761).toString(16).padStart(8, '0').slice(-8)}-1a2b-4c3d-8e4f-${(n * 40_503 + 77).toString(16).padStart(12, '0')}`;
/** Clerks who look up a few records, by number and by an id that says nothing, and open some pages of a list. */
const clerks = Array.from({ length: 20 }, (_, u) => {
  const ip = `203.0.113.${u + 1}`;
  return [
    request(u * 300, ip, 'GET /login'),
    signIn(u * 300 + 5, ip),
    ...[0, 1, 2].map(i => request(u * 300 + 10 + i * 20, ip, `GET /list?after=${30 * (u + i)}&n=30`)),
    ...[0, 1, 2, 3].map(i => request(u * 300 + 80 + i * 25, ip, `GET /customers/${1000 + u * 9 + i}`)),
    ...[0, 1, 2, 3].map(i => request(u * 300 + 190 + i * 25, ip, `GET ${id(u * 10 + i)}`)),
  ];
}).flat();
const walk = (n: number, at: number, gap: number): EventRow[] =>
  Array.from({ length: n }, (_, i) => request(at + i * gap, intruder, `GET /customers/${1000 + i}`));
const leaf = (at: number, gap: number): EventRow[] => Array.from({ length: 8 }, (_, i) => request(at + i * gap, intruder, `GET /list?after=${i * 210}&n=200`));

it('a few large pages of a list, leafed through by who walks through records', async () => {
  expect(await found([...clerks, ...walk(300, 7000, 0.2), ...leaf(6990, 0.4)], 'list-walk')).toEqual([[intruder, 8]]);
});

it('nobody: at the pace of a reader, without another mark, or by an address most of whose work is another', async () => {
  expect(await found([...clerks, ...walk(300, 7000, 0.2), ...leaf(6900, 9)], 'list-walk')).toEqual([]);
  expect(await found([...clerks, ...leaf(6990, 0.4)], 'list-walk')).toEqual([]);
  const office = Array.from({ length: 400 }, (_, i) => request(i * 15, intruder, `GET /menu/${'abcdefgh'[i % 8]}`));
  expect(await found([...clerks, ...office, ...walk(300, 7000, 0.2), ...leaf(6990, 0.4)], 'list-walk')).toEqual([]);
});

it('records with ids that say nothing, called up without a pause by who guessed a password', async () => {
  const guesses = Array.from({ length: 60 }, (_, i) => signIn(5000 + i * 2, intruder, { status: 401 }));
  const taken = (gap: number): EventRow[] => [
    ...guesses,
    signIn(5130, intruder),
    request(5131, intruder, 'GET /menu'),
    ...Array.from({ length: 40 }, (_, i) => request(5140 + i * gap, intruder, `GET ${id(500 + i)}`)),
    ...Array.from({ length: 40 }, (_, i) => request(5140 + i * gap, '192.0.2.72', `GET ${id(600 + i)}`)),
  ];
  expect(await found([...clerks, ...taken(0.5)], 'opaque-id-enumeration')).toEqual([[intruder, 40]]);
});
