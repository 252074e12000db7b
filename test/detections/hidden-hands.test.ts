import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quietEffects, SECOND } from '../../src/base/index.ts';
import type { OpenCase } from '../../src/case/index.ts';
import { detect } from '../../src/detections/detect.ts';
import { soleAsker } from '../../src/detections/requests/sole-asker.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { type EventRow, loadEvents, memoryEngine } from '../fixtures/event-table.ts';
import { get, t0 } from '../fixtures/web-request.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

type Found = { rule_id: string; kind: string; outcome: string; facts: string; ips: string[] };

const agents = ['Mozilla/5.0 (Windows NT 10.0) Chrome/124.0', 'Mozilla/5.0 (iPhone) Safari/605.1', 'Mozilla/5.0 (X11; Linux) Firefox/125.0'];
const signIn = (seconds: number, ip: string, more: EventRow = {}): EventRow => ({ ...get(seconds, ip, '/login', more), method: 'POST', status: 302 });
const statement = (seconds: number, text: string): EventRow => ({ class: 2, time_us: t0 + Math.round(seconds * SECOND), db_user: 'app', sql_text: text });
const sorted = (rows: EventRow[]): EventRow[] =>
  [...rows].sort((a, b) => (a['time_us'] as number) - (b['time_us'] as number)).map((r, i) => ({ ...r, line_no: i + 1 }));
/** A word that names a record and cannot be counted through. */
const word = (i: number): string => `${((i * 2654435761) >>> 0).toString(36)}x${((i * 40503 + 7) % 46_656).toString(36)}`;

/** Members sign in and read a few pages, each under a session of their own. */
const members = (sessions: boolean): EventRow[] =>
  Array.from({ length: 20 }, (_, u) => {
    const more = { user_agent: agents[u % 3]!, ...(sessions && { session: `s${u}` }) };
    return [
      signIn(u * 30, `203.0.113.${u + 1}`, more),
      ...Array.from({ length: 8 }, (_, i) => get(u * 30 + 5 + i * 25, `203.0.113.${u + 1}`, `/card/${word(u * 50 + i)}`, more)),
    ];
  }).flat();

async function run(rows: EventRow[]): Promise<Found[]> {
  await loadEvents(engine, sorted(rows));
  await detect({ engine } as OpenCase, { ...quietEffects, lang: 'en' });
  return engine.rows<Found>(
    'test',
    sql`select d.rule_id, d.kind, d.outcome, d.facts, list_sort(list(distinct src_ip) filter (src_ip is not null)) as ips
    from detection d join detection_event using (detection_id) join event e using (event_id) group by d.detection_id, d.rule_id, d.kind, d.outcome, d.facts, d.first_us order by d.first_us, d.rule_id`,
  );
}
const isDoubtful = (f: Found): boolean => (JSON.parse(f.facts) as { doubtful?: boolean }).doubtful === true;

describe('a session of somebody else', () => {
  const taken = (gap: number, n: number, agent: string): EventRow[] =>
    Array.from({ length: n }, (_, i) => get(5000 + i * gap, '192.0.2.9', `/card/${word(5000 + i)}`, { user_agent: agent, session: 's4' }));
  const told = async (rows: EventRow[]) => (await run([...members(true), ...rows])).map(f => [f.rule_id, f.outcome, isDoubtful(f), f.ips]);

  it('used later from elsewhere by another kind of agent is a doubt; in haste it is certain', async () => {
    expect(await told(taken(20, 40, agents[2]!))).toEqual([['session-elsewhere', 'unknown', true, ['192.0.2.9']]]);
    expect(await told(taken(0.5, 40, agents[2]!))).toEqual([['session-elsewhere', 'succeeded', false, ['192.0.2.9']]]);
  });
  it("opened at another address by an agent that nobody else has was never anybody else's; with a usual agent it is possible", async () => {
    const walk = (agent: string): EventRow[] => [
      get(4990, '192.0.2.8', '/home', { user_agent: agent, session: 'own' }),
      ...Array.from({ length: 150 }, (_, i) => get(5000 + i, '192.0.2.9', `/members/${100 + i}`, { user_agent: agent, session: 'own' })),
    ];
    const elsewhere = async (agent: string) =>
      (await run([...members(true), ...walk(agent)])).filter(f => f.rule_id === 'session-elsewhere').map(f => [f.ips, isDoubtful(f)]);
    expect(await elsewhere('Mozilla/5.0 (X11) Rare/1.0')).toEqual([[['192.0.2.8', '192.0.2.9'], false]]);
    expect(await elsewhere(agents[0]!)).toEqual([
      [['192.0.2.8'], true],
      [['192.0.2.9'], false],
    ]);
  });
  it('that very many send is no session', async () => {
    const shared = Array.from({ length: 60 }, (_, i) => get(100 + i * 7, `198.51.100.${i % 12}`, '/', { user_agent: agents[i % 3]!, session: 'pref=north' }));
    expect(await told(shared)).toEqual([]);
  });
  it('that somebody else uses at once accuses no other address of its holder, who changes them with one agent', async () => {
    const onTheWay = Array.from({ length: 40 }, (_, i) =>
      get(4000 + i * 60, `203.0.113.${100 + (i % 4)}`, `/card/${word(8000 + i)}`, { user_agent: agents[1]!, session: 's4' }),
    );
    expect(await told([...onTheWay, ...taken(30, 20, agents[2]!)])).toEqual([['session-elsewhere', 'unknown', false, ['192.0.2.9']]]);
    expect(await told(onTheWay)).toEqual([]);
  });
  it('that two networks use in turn with one kind of agent is a doubt; not where sessions begin at both, nor a short change of network', async () => {
    const both = (n: number, session: string, ip = '192.0.2.9', gap = 20): EventRow[] =>
      Array.from({ length: n }, (_, i) => [
        get(5000 + i * gap, '203.0.113.5', `/card/${word(6000 + i)}`, { user_agent: agents[1]!, session }),
        get(5000 + (i + 0.4) * gap, ip, `/card/${word(7000 + i)}`, { user_agent: agents[1]!, session }),
      ]).flat();
    expect(await told(both(10, 's4'))).toEqual([['session-elsewhere', 'unknown', true, ['192.0.2.9']]]);
    expect(await told(both(2, 's4'))).toEqual([]);
    expect(await told(both(10, 's4', '192.0.2.9', 1200))).toEqual([]);
    expect(await told(both(10, 's4', '203.0.77.9'))).toEqual([]);
    expect(await told([...both(10, 's4'), get(9000, '192.0.2.9', '/card/own', { user_agent: agents[0]!, session: 'other' })])).toEqual([]);
  });
  it('used later from elsewhere with the same kind of agent is somebody on the way', async () => {
    expect(await told(taken(20, 40, agents[1]!))).toEqual([]);
  });
});

describe('members only', () => {
  const stranger = (gap: number, n: number, page = '/card/'): EventRow[] =>
    Array.from({ length: n }, (_, i) => get(5000 + i * gap, '192.0.2.9', `${page}${word(5000 + i)}`, { user_agent: agents[2]! }));
  const told = async (rows: EventRow[]) => (await run([...members(false), ...rows])).map(f => [f.rule_id, f.outcome, isDoubtful(f), f.ips]);

  it('who reads their pages in haste and never signed in has a session from elsewhere: a doubt', async () => {
    expect(await told(stranger(0.8, 60))).toEqual([['session-never-opened', 'unknown', true, ['192.0.2.9']]]);
  });
  it('who changes addresses is one where nobody else has that agent', async () => {
    const ips = ['192.0.2.9', '192.0.2.10', '192.0.2.11', '192.0.2.12'];
    const wandering = (agent: string): EventRow[] => stranger(0.8, 80).map((r, i) => ({ ...r, src_ip: ips[Math.floor(i / 20)]!, user_agent: agent }));
    const addresses = async (agent: string) => (await told(wandering(agent))).map(f => f[3]);
    expect(await addresses('HeadlessChrome/129')).toEqual([['192.0.2.10', '192.0.2.11', '192.0.2.12', '192.0.2.9']]);
    expect(await addresses(agents[2]!)).toEqual([]);
  });
  it('an agent that hundreds have is nobody in particular', async () => {
    const crowd = (n: number): EventRow[] =>
      stranger(0.1, 2 * n).map((r, i) => ({ ...r, src_ip: `198.18.${(i % n) >> 8}.${(i % n) & 255}`, user_agent: 'HeadlessChrome/129' }));
    expect((await told(crowd(250))).map(f => [f[0], (f[3] as string[]).length])).toEqual([['session-never-opened', 250]]);
    expect(await told(crowd(400))).toEqual([]);
  });
  it('a person who reads on from before the log began, an open part of the site, many such readers: nothing', async () => {
    expect(await told(stranger(15, 60))).toEqual([]);
    expect(await told(stranger(0.8, 60, '/news/'))).toEqual([]);
    const many = Array.from({ length: 6 }, (_, k) => stranger(0.8, 60).map(r => ({ ...r, src_ip: `192.0.2.${k + 20}` }))).flat();
    expect(await told(many)).toEqual([]);
  });
});

describe('injections of the database log alone', () => {
  const union = (i: number): string =>
    `SELECT nick, id FROM users WHERE nick = 'q' UNION SELECT mail, id FROM users WHERE id BETWEEN ${i} AND ${i + 9} -- ' AND id <> 7`;

  it('a stored value that becomes a UNION later is found, with the only client who asked at each of its moments', async () => {
    const asked = [0, 40, 80, 120].flatMap(s => [get(6000 + s, '192.0.2.9', '/friends', { user_agent: agents[2]! }), statement(6000 + s, union(s))]);
    const found = await run([...members(false), ...asked]);
    expect(found.map(f => [f.rule_id, f.kind, f.outcome, f.ips])).toEqual([['database-injection', 'sqli-union', 'succeeded', ['192.0.2.9']]]);
  });
  it("a UNION or a comment of the application's own is none", async () => {
    const own = [
      "SELECT a FROM t WHERE n = 'x -- y' UNION SELECT a FROM u",
      "SELECT a FROM t UNION SELECT a FROM u /* action='list' */",
      '-- name: List\nSELECT a FROM t UNION SELECT a FROM u',
      'SELECT a FROM t -- both\nUNION SELECT a FROM u',
    ];
    expect(await run([...members(false), ...own.map((text, i) => statement(6000 + i, text))])).toEqual([]);
  });
  it('two clients at all moments, too few moments, or nobody: no one is named', async () => {
    const at = (s: number): EventRow[] => [get(s, '192.0.2.9', '/friends'), get(s, '192.0.2.10', '/friends')];
    const moments = [10, 20, 30, 40];
    const asker = async (rows: EventRow[], of = moments) => {
      await loadEvents(engine, sorted(rows));
      return (
        await soleAsker(
          engine,
          of.map(s => t0 + s * SECOND),
        )
      ).length;
    };
    expect(await asker(moments.flatMap(s => at(s).slice(0, 1)))).toBe(4);
    expect(await asker(moments.flatMap(at))).toBe(0);
    expect(
      await asker(
        moments.slice(0, 2).flatMap(s => at(s).slice(0, 1)),
        [10, 20],
      ),
    ).toBe(0);
    expect(await asker(at(500))).toBe(0);
  });
});
