import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY, HOUR, quietEffects, SECOND } from '../../src/base/index.ts';
import type { OpenCase } from '../../src/case/index.ts';
import { detect } from '../../src/detections/detect.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { type EventRow, loadEvents, memoryEngine } from '../fixtures/event-table.ts';
import { get, t0 } from '../fixtures/web-request.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

const day = DAY / SECOND;

/** Rule, whether it is a doubt, and how many events of every grave detection. */
async function run(rows: readonly EventRow[]): Promise<[string, boolean, number][]> {
  const sorted = [...rows].sort((a, b) => (a['time_us'] as number) - (b['time_us'] as number)).map((r, i) => ({ ...r, line_no: i + 1 }));
  await loadEvents(engine, sorted);
  await detect({ engine } as OpenCase, quietEffects);
  const found = await engine.rows<{ rule_id: string; facts: string; events: number }>(
    'test',
    sql`select rule_id, facts, events from detection where level in ('high', 'critical') order by first_us, detection_id`,
  );
  return found.map(f => [f.rule_id, (JSON.parse(f.facts) as { doubtful?: boolean }).doubtful === true, f.events]);
}

describe('a key that programs send', () => {
  const secret = (n: number): string => `k${n}${'0123456789abcdef'.repeat(2)}`;
  const call = (seconds: number, ip: string, key: number, agent: string, more: EventRow = {}): EventRow =>
    get(seconds, ip, `/v2/members/a${(seconds * 7919) % 1000}z?api_key=${secret(key)}`, { user_agent: agent, ...more });
  const partners = (): EventRow[] =>
    Array.from({ length: 4 }, (_, k) => Array.from({ length: 90 }, (_, i) => call(k * 13 + i * 3000, `203.0.113.${k}`, k, 'okhttp/4.12'))).flat();

  it('and one day somebody else from elsewhere, with another program: a doubt', async () => {
    const thief = [0, 1, 2].map(i => call(2 * day + i, '192.0.2.9', 2, 'python-requests/2.32'));
    expect(await run([...partners(), ...thief])).toEqual([['key-elsewhere', true, 3]]);
  });
  it('is no sign with the program of its owner, when it is refused, or where keys are passed round', async () => {
    const from = (key: number, agent: string, more: EventRow = {}): EventRow[] => [call(2 * day + key, `192.0.2.${key}`, key, agent, more)];
    expect(await run([...partners(), ...from(2, 'okhttp/4.12')])).toEqual([]);
    expect(await run([...partners(), ...from(2, 'python-requests/2.32', { status: 401 })])).toEqual([]);
    expect(await run([...partners(), ...from(2, 'python-requests/2.32'), ...from(3, 'python-requests/2.32')])).toEqual([]);
  });
});

describe('a machine at the database', () => {
  const statement = (us: number, ip: string, role: string, text: string): EventRow => ({
    class: 2,
    time_us: t0 + us,
    src_ip: ip,
    db_user: role,
    sql_text: text,
  });
  const usual = (): EventRow[] =>
    Array.from({ length: 4 }, (_, d) =>
      Array.from({ length: 60 }, (_, i) => statement(d * DAY + i * 60 * SECOND, '10.0.0.9', 'report', `select a from t where b = ${i}`)),
    ).flat();
  const visit = (ip: string, role = 'report', at = 2 * DAY + 9 * HOUR): EventRow[] =>
    [0, 1, 2, 3].map(i => statement(at + i * 60 * SECOND, ip, role, `select * from people order by id limit 200 offset ${i * 200}`));

  it('that a role never used before and never again, and that reads tables: a doubt', async () => {
    expect(await run([...usual(), ...visit('10.9.9.9')])).toEqual([['database-stranger', true, 4]]);
  });
  it('that came on the first day, looks at the catalogue only, or belongs to another role too is none', async () => {
    expect(await run([...usual(), ...visit('10.9.9.9', 'report', 9 * HOUR)])).toEqual([]);
    expect(await run([...usual(), ...visit('10.9.9.9').map(r => ({ ...r, sql_text: 'select relname from pg_catalog.pg_class' }))])).toEqual([]);
    expect(await run([...usual(), ...visit('10.9.9.9'), ...visit('10.9.9.9', 'dba')])).toEqual([]);
  });
});

describe('reads without a request', () => {
  const ask = (seconds: number, n: number): EventRow[] => [
    get(seconds, '203.0.113.9', `/claim/${n}`, { user_agent: 'Mozilla/5.0' }),
    { class: 2, time_us: t0 + seconds * SECOND + 1000, db_user: 'app', sql_text: `SELECT name FROM claims WHERE no = '${n}'` },
  ];
  const asked = (): EventRow[] => Array.from({ length: 600 }, (_, i) => ask(i * 90, (i * 37) % 500)).flat();
  const unasked = (from: number, text: (i: number) => string): EventRow[] =>
    Array.from({ length: 40 }, (_, i) => ({ class: 2, time_us: t0 + (from + i) * SECOND, db_user: 'app', sql_text: text(i) }));
  const own = (i: number): string => `SELECT name FROM claims WHERE no = '${700 + i}'`;

  it('of a kind that requests make, many in a short time: a doubt without an address', async () => {
    expect(await run([...asked(), ...unasked(9020, own)])).toEqual([['statements-without-requests', true, 40]]);
  });
  it('of a kind that no request makes, or that comes without requests at other times too, are a job', async () => {
    expect(await run([...asked(), ...unasked(9020, i => `SELECT total FROM sums WHERE day = ${i}`)])).toEqual([]);
    const nightly = Array.from({ length: 20 }, (_, i) => ({ ...unasked(495 + i * 900, own)[0]! }));
    expect(await run([...asked(), ...nightly, ...unasked(9020, own)])).toEqual([]);
  });
});

describe('records whose code holds several numbers', () => {
  const code = (i: number): string => `H${String(Math.floor(i / 50)).padStart(2, '0')}-${String(i % 50).padStart(3, '0')}`;
  const clerks = (target: (i: number) => string): EventRow[] =>
    Array.from({ length: 24 }, (_, c) =>
      Array.from({ length: 50 }, (_, i) => get(c * 11 + i * 300, '10.0.0.7', target((c * 7919 + i * 7331) % 1200), { session: `c${c}` })),
    ).flat();
  it.each([
    ['in a path', (i: number): string => `/k/${code(i)}`],
    ['in a parameter', (i: number): string => `/k?no=${code(i)}`],
  ])('are walked through %s as if it were one', async (_, target) => {
    const walk = Array.from({ length: 200 }, (_, i) => get(20_000 + i * 3, '10.0.0.7', target(300 + i), { session: 'night' }));
    expect(await run([...clerks(target), ...walk])).toEqual([['id-enumeration', false, 200]]);
  });
});

describe('many look-ups in no order', () => {
  const reads = (agent: string, n: number, refused: number): EventRow[] =>
    Array.from({ length: n }, (_, i) =>
      get(i * 90 + agent.length, '10.0.0.7', `/customer?id=${1 + ((i * 7919 + agent.length * 31) % 4001)}`, {
        user_agent: agent,
        status: i % 100 < refused ? 404 : 200,
      }),
    );
  it('by a clerk who meets deleted records as often as the others do are work; far more often, guesses', async () => {
    expect(await run([...reads('Chrome', 500, 12), ...reads('Safari', 60, 12)])).toEqual([]);
    expect((await run([...reads('Chrome', 500, 30), ...reads('Safari', 60, 4)])).map(f => f[0])).toEqual(['id-enumeration']);
  });
});

describe('the entrance of a database tool', () => {
  it('that is tried again and again and then opens was guessed', async () => {
    const post = (seconds: number, status: number): EventRow => ({ ...get(seconds, '192.0.2.7', '/adminer.php', { status }), method: 'POST' });
    expect(await run([...Array.from({ length: 40 }, (_, i) => post(i, 403)), post(41, 302)])).toEqual([['sign-in-campaign-success', false, 41]]);
  });
});

describe('a page that takes a short code', () => {
  const guess = (seconds: number, code: string, status: number): EventRow => get(seconds, '192.0.2.7', `/reset/confirm?m=000501&pin=${code}`, { status });
  it('on which codes are tried until one fits was guessed', async () => {
    const tries = Array.from({ length: 40 }, (_, i) => guess(i, String(i).padStart(4, '0'), 403));
    expect(await run([...tries, guess(41, '0040', 302)])).toEqual([['sign-in-campaign-success', false, 41]]);
  });
  it('is no door where what it takes is long, or the page is another', async () => {
    const links = Array.from({ length: 40 }, (_, i) => get(i, '192.0.2.7', `/reset/confirm?token=${'0123456789abcdef'.repeat(2)}${i}`, { status: 403 }));
    const shipping = Array.from({ length: 40 }, (_, i) => ({ ...get(i, '192.0.2.7', '/shipping', { status: 422 }), method: 'POST' }));
    expect(await run([...links, ...shipping])).toEqual([]);
  });
});
