import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY, quietEffects, SECOND } from '../../src/base/index.ts';
import type { OpenCase } from '../../src/case/index.ts';
import { detect } from '../../src/detections/detect.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { type EventRow, loadEvents, memoryEngine } from '../fixtures/event-table.ts';
import { get } from '../fixtures/web-request.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

const day = DAY / SECOND;
const read = (seconds: number, ip: string, session: string, record: number): EventRow => get(seconds, ip, `/people/${record}`, { session });

/** Numbers lie 37 apart. Clerks look up whoever comes, each in a session a day. */
const numberOf = (i: number): number => 31_000_000 + 37 * i;
const clerks = (): EventRow[] =>
  Array.from({ length: 20 }, (_, c) =>
    Array.from({ length: 4 }, (_, d) =>
      Array.from({ length: 80 }, (_, i) => read(d * day + c * 11 + i * 300, '10.0.0.7', `c${c}-${d}`, numberOf((c * 7919 + d * 104_729 + i * 7331) % 1600))),
    ).flat(),
  ).flat();
const run = async (rows: EventRow[]): Promise<{ rule_id: string; outcome: string; events: number }[]> => {
  const sorted = [...rows].sort((a, b) => (a['time_us'] as number) - (b['time_us'] as number)).map((r, i) => ({ ...r, line_no: i + 1 }));
  await loadEvents(engine, sorted);
  await detect({ engine } as OpenCase, quietEffects);
  return engine.rows('test', sql`select rule_id, outcome, events from detection where level <> 'informational' order by first_us, detection_id`);
};
const walk = (at: number, session: string, from: number, n: number): EventRow[] =>
  Array.from({ length: n }, (_, i) => read(at + i * 9, '10.0.0.7', session, numberOf(from + i)));

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
  it('by most of those who use the function, each with a client of his own and at the pace of people, is how it is used or the work of accomplices: a doubt', async () => {
    const printer = (c: number, gap: number): EventRow[] =>
      Array.from({ length: 60 }, (_, i) =>
        get(1.6 * day + c * 3 + i * gap, `10.0.0.${20 + c}`, `/people/${5000 + c * 60 + i}/invoice`, { session: `print-${c}`, user_agent: `Agent/${c}` }),
      );
    const doubts = async (...rows: EventRow[][]): Promise<(boolean | undefined)[]> => {
      await run([...clerks(), ...rows.flat()]);
      const found = await engine.rows<{ facts: string }>(
        'test',
        sql`select facts from detection where rule_id = 'id-enumeration' order by first_us, detection_id`,
      );
      return found.map(f => (JSON.parse(f.facts) as { doubtful?: boolean }).doubtful);
    };
    expect(await doubts(printer(0, 9), printer(1, 9), printer(2, 9))).toEqual([true, true, true]);
    expect(await doubts(printer(0, 9), printer(1, 9))).toEqual([undefined, undefined]);
    expect(await doubts(printer(0, 1), printer(1, 1), printer(2, 1))).toEqual([undefined, undefined, undefined]);
  });
});
