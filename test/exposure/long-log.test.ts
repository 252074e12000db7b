import { afterAll, expect, test } from 'vitest';
import { DAY, quietEffects } from '../../src/base/index.ts';
import { sql } from '../../src/engine/index.ts';
import { assessExposure } from '../../src/exposure/index.ts';
import { cellsOf, detail, type Event, type Incident, openIncident, people, traffic } from './incident.ts';

const opened: Incident[] = [];
afterAll(() => {
  for (const k of opened) k.close();
});

/** An intruder who saw two people; days before, the application ran the same statement 300 times. */
async function assess(most: number): Promise<{ cells: Record<string, string>; left: number }> {
  const { events, mine } = traffic([{ id: '105' }, { id: '130', logged: false }]);
  const first = events[0]!.us - 5 * DAY;
  const before = Array.from(
    { length: 300 },
    (_, i): Event => ({
      id: 1_000_000 + 16 * i,
      cls: 2,
      us: first + i * 1_000_000,
      sql: detail,
      params: [people[i % people.length]![0]!],
      conn: 'c0',
    }),
  );
  const kase = await openIncident([...before, ...events], mine);
  opened.push(kase);
  await assessExposure(kase, quietEffects, most);
  const { n } = await kase.engine.row<{ n: number }>('test.left', sql`select count(*)::integer as n from problem where code = 'exposure.statements-left'`);
  return { cells: await cellsOf(kase), left: n };
}

test('of a log that is too long the time of the intrusion is read, wherever it lies', async () => {
  const whole = await assess(1000);
  expect(whole.cells).toMatchObject({ '105.name': '4-4', '105.address': '4-4' });
  expect(await assess(100)).toEqual(whole);
});

test('where not even that can be held, nothing is certain that was not, and any record is possible', async () => {
  const whole = await assess(1000);
  const short = await assess(20);
  expect(short.left).toBe(1);
  for (const p of people) expect([p[0], Number(short.cells[`${p[0]}.name`]?.split('-')[1]) >= 2]).toEqual([p[0], true]);
  const certain = (cells: Record<string, string>): string[] => Object.keys(cells).filter(c => !cells[c]!.startsWith('0'));
  expect(certain(whole.cells)).toEqual(expect.arrayContaining(certain(short.cells)));
});
