import { afterAll, beforeAll, expect, it } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
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

/** Whether the walk over two hundred records is a doubt, beside fifteen users whose addresses begin like this. */
async function isDoubted(users: string, walker: string, agent: string): Promise<(boolean | undefined)[]> {
  const people = Array.from({ length: 15 }, (_, u) =>
    Array.from({ length: 6 }, (_, i) =>
      get(u * 40 + i * 60, `${users}${u + 1}`, `/people/${(u * 37 + i * 91) % 500}`, { session: `s${u}`, user_agent: 'Mozilla/5.0' }),
    ),
  ).flat();
  const walk = Array.from({ length: 200 }, (_, i): EventRow => get(5000 + i, walker, `/people/${i}`, { session: 'batch', user_agent: agent }));
  await loadEvents(
    engine,
    [...people, ...walk].sort((a, b) => (a['time_us'] as number) - (b['time_us'] as number)).map((r, i) => ({ ...r, line_no: i + 1 })),
  );
  await detect({ engine } as OpenCase, quietEffects);
  const found = await engine.rows<{ facts: string }>('test', sql`select facts from detection where rule_id = 'id-enumeration' order by detection_id`);
  return found.map(f => (JSON.parse(f.facts) as { doubtful?: boolean }).doubtful);
}

it('a program at an inner address of a site whose users come from outside may be its own batch', async () => {
  expect(await isDoubted('203.0.113.', '10.0.0.7', 'curl/8.5')).toEqual([true]);
  expect(await isDoubted('203.0.113.', '10.0.0.7', 'Mozilla/5.0 (X11)')).toEqual([undefined]);
  expect(await isDoubted('203.0.113.', '198.51.100.7', 'curl/8.5')).toEqual([undefined]);
  expect(await isDoubted('10.0.3.', '10.0.0.7', 'curl/8.5')).toEqual([undefined]);
});
