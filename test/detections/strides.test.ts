import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY, quietEffects, SECOND } from '../../src/base/index.ts';
import type { OpenCase } from '../../src/case/index.ts';
import { detect } from '../../src/detections/detect.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { type EventRow, loadEvents, memoryEngine, requestColumns } from '../fixtures/event-table.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

const day = DAY / SECOND;
const t0 = 1_745_000_000 * SECOND;
const get = (seconds: number, ip: string, session: string, record: number): EventRow => ({
  time_us: t0 + Math.round(seconds * SECOND),
  src_ip: ip,
  session,
  user_agent: 'Mozilla/5.0 (Windows NT 10.0) Chrome/124.0',
  status: 200,
  bytes_out: 500,
  ...requestColumns(`GET /people/${record} HTTP/1.1`),
});

/** Numbers lie 37 apart. Clerks look up whoever comes, each in a session a day. */
const numberOf = (i: number): number => 31_000_000 + 37 * i;
const clerks = (): EventRow[] =>
  Array.from({ length: 20 }, (_, c) =>
    Array.from({ length: 4 }, (_, d) =>
      Array.from({ length: 80 }, (_, i) => get(d * day + c * 11 + i * 300, '10.0.0.7', `c${c}-${d}`, numberOf((c * 7919 + d * 104_729 + i * 7331) % 1600))),
    ).flat(),
  ).flat();
const run = async (rows: EventRow[]): Promise<{ rule_id: string; outcome: string; events: number }[]> => {
  const sorted = [...rows].sort((a, b) => (a['time_us'] as number) - (b['time_us'] as number)).map((r, i) => ({ ...r, line_no: i + 1 }));
  await loadEvents(engine, sorted);
  await detect({ engine } as OpenCase, quietEffects);
  return engine.rows('test', sql`select rule_id, outcome, events from detection where level <> 'informational' order by first_us, detection_id`);
};
const walk = (at: number, session: string, from: number, n: number): EventRow[] =>
  Array.from({ length: n }, (_, i) => get(at + i * 9, '10.0.0.7', session, numberOf(from + i)));

describe('records in one stride', () => {
  it('from behind the address of the office, at the pace of a person and not twice as many as others: a walk', async () => {
    expect(await run([...clerks(), ...walk(1.6 * day, 'night', 300, 150)])).toEqual([{ rule_id: 'id-enumeration', outcome: 'succeeded', events: 150 }]);
    expect(await run([...clerks(), ...walk(1.6 * day, 'night', 300, 90)])).toEqual([]);
  });
  it('the same records night after night are a job; other ones each night are not', async () => {
    const nights = (shift: number): EventRow[] => [0, 1, 2].flatMap(d => walk((d + 0.6) * day, `job-${d}`, 300 + d * shift, 150));
    const others = (rows: EventRow[]): EventRow[] => rows.map(r => ({ ...r, src_ip: '10.0.0.99', user_agent: 'Java/17' }));
    expect(await run([...clerks(), ...others(nights(0))])).toEqual([]);
    expect((await run([...clerks(), ...others(nights(200))])).map(f => f.events)).toEqual([150, 150, 150]);
  });
});
