import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quietEffects, SECOND } from '../../src/base/index.ts';
import type { OpenCase } from '../../src/case/index.ts';
import { splitRun } from '../../src/detections/behaviour/shared-walks.ts';
import { detect } from '../../src/detections/detect.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { request, signIn, t0 } from '../fixtures/clerk-requests.ts';
import { type EventRow, loadEvents, memoryEngine } from '../fixtures/event-table.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

const nameless = { user_agent: null };
const office = '203.0.113.10';

type Found = { rule: string; doubtful: boolean; seconds: number[] };

async function found(rows: readonly EventRow[]): Promise<Found[]> {
  await loadEvents(
    engine,
    [...rows].sort((a, b) => (a['time_us'] as number) - (b['time_us'] as number)).map((r, i) => ({ ...r, line_no: i + 1 })),
  );
  await detect({ engine } as OpenCase, { ...quietEffects, lang: 'en' });
  const list = await engine.rows<{ rule: string; facts: string; times: number[] }>(
    'test',
    sql`select d.rule_id as rule, any_value(d.facts) as facts, list(at_us::double order by at_us) as times from detection d join detection_event using (detection_id) join event e using (event_id)
      where d.level <> 'informational' group by d.detection_id, d.rule_id order by min(at_us), d.rule_id`,
  );
  return list.map(f => ({
    rule: f.rule,
    doubtful: (JSON.parse(f.facts) as { doubtful?: boolean }).doubtful ?? false,
    seconds: f.times.map(t => Math.round((t - t0) / SECOND)),
  }));
}

const at = (seconds: number, object: number) => ({ atUs: seconds * SECOND, object });
const walk = (from: number, gap: number, numbers: readonly number[]) => numbers.map((n, i) => at(from + i * gap, n));
const upward = (first: number, n: number): number[] => Array.from({ length: n }, (_, i) => first + i);
const clerk = [1033, 1019, 1021, 1083, 1051, 1029, 1012, 1100];

describe('a walk that only an address tells', () => {
  it('what a few clerks looked up at another time is doubtful', () => {
    const { sure, doubtful } = splitRun([...walk(0, 30, clerk), ...walk(20_000, 20, upward(1032, 40))], false);
    expect(sure.map(p => p.map(e => e.object))).toEqual([upward(1032, 40)]);
    expect(doubtful.map(e => e.object)).toEqual(clerk);
  });

  it('and so is what lies off the walk in its midst', () => {
    const run = [...walk(0, 20, upward(1000, 20)), at(390, 1090), ...walk(400, 20, upward(1020, 20))];
    expect(splitRun(run, false).doubtful).toEqual([at(390, 1090)]);
  });

  it('faster than anybody reads no order is needed; a person’s pace in no order is doubtful', () => {
    const mixed = Array.from({ length: 40 }, (_, i) => 1000 + ((i * 17) % 40) * 7);
    expect(splitRun(walk(0, 0.1, mixed), false)).toEqual({ sure: [walk(0, 0.1, mixed)], doubtful: [] });
    expect(splitRun(walk(0, 20, mixed), false)).toEqual({ sure: [], doubtful: walk(0, 20, mixed) });
  });

  it('lines of one second may stand in any order', () => {
    const run = upward(1000, 40).map(n => at(Math.floor((1040 - n) / 10), n));
    const { sure, doubtful } = splitRun(
      [...run.filter(e => e.object % 2), at(2, 1090), ...run.filter(e => e.object % 2 === 0)].sort((a, b) => a.atUs - b.atUs),
      false,
    );
    expect(sure.map(p => p.map(e => e.object))).toEqual([upward(1000, 40).reverse()]);
    expect(doubtful).toEqual([at(2, 1090)]);
  });

  it('of one line from end to end each stretch is sure', () => {
    const run = upward(1000, 40).map((n, i) => at(i * 4000, n));
    expect(splitRun(run, true)).toEqual({ sure: run.map(e => [e]), doubtful: [] });
  });
});

describe('people beside the intruder at one address, in a log that names neither agent nor session', () => {
  const guesses = Array.from({ length: 40 }, (_, i) => signIn(1000 + i * 0.1, office, { ...nameless, status: 401 }));
  const page = (seconds: number, n: number): EventRow => request(seconds, office, `GET /customers/${n}`, nameless);
  const campaign = async (rows: readonly EventRow[]): Promise<Found[]> =>
    (await found([...guesses, ...rows])).filter(f => f.rule === 'sign-in-campaign-success');

  it('a success at the pace of the failures is the campaign’s, one minutes before or after is not', async () => {
    const own = signIn(1003.95, office, nameless);
    const [whole] = await campaign([own]);
    expect(whole!.seconds).toHaveLength(41);
    const [beside] = await campaign([own, signIn(700, office, nameless), signIn(1300, office, nameless)]);
    expect(beside!.seconds).toEqual(whole!.seconds);
    expect(await campaign([signIn(700, office, nameless)])).toEqual([]);
  });

  it('what comes after somebody opens the page where one signs in is doubtful, though his sign-in itself is lost', async () => {
    const rows = [...guesses, signIn(1003.95, office, nameless), page(2000, 1), page(2010, 2), request(3000, office, 'GET /login', nameless), page(3010, 3)];
    const entries = (await found(rows)).filter(f => f.rule === 'entry-after-guessing');
    expect(entries).toEqual([
      { rule: 'entry-after-guessing', doubtful: false, seconds: [2000, 2010] },
      { rule: 'entry-after-guessing', doubtful: true, seconds: [3000, 3010] },
    ]);
  });

  it('an export that nothing speaks against but a walk from the same address is doubtful', async () => {
    const step = (i: number): EventRow => request(5000 + i * 0.1, office, `GET /customers/${1000 + i}`, nameless);
    const taken = request(6000, office, 'GET /export/customers.csv?month=4', nameless);
    const exports = (await found([...Array.from({ length: 60 }, (_, i) => step(i)), taken])).filter(f => f.rule === 'mass-export');
    expect(exports).toEqual([{ rule: 'mass-export', doubtful: true, seconds: [6000] }]);
  });
});
