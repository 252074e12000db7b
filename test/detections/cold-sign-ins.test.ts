import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY, quietEffects, SECOND } from '../../src/base/index.ts';
import type { OpenCase } from '../../src/case/index.ts';
import { detect } from '../../src/detections/detect.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { browser, request, signIn, t0 } from '../fixtures/clerk-requests.ts';
import { type EventRow, loadEvents, memoryEngine } from '../fixtures/event-table.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

const script = 'python-requests/2.32.3';

/** People who open the sign-in page, sign in (some at the second try) and look up a few customers. */
function people(n: number, from = 0): EventRow[] {
  return Array.from({ length: n }, (_, u) => u).flatMap(u => {
    const ip = `203.0.113.${u + 1}`;
    const at = from + u * 700;
    return [
      request(at, ip, 'GET /login'),
      request(at + 1, ip, 'GET /static/app.css'),
      ...(u % 4 === 0 ? [signIn(at + 5, ip, { status: 401 })] : []),
      signIn(at + 9, ip),
      request(at + 10, ip, 'GET /menu'),
      request(at + 20, ip, 'GET /customers?page=1'),
      ...[1, 2, 3].map(i => request(at + 30 * i, ip, `GET /customers/${1000 + u * 7 + i}`)),
    ];
  });
}

async function cold(rows: readonly EventRow[]): Promise<{ ips: string[]; agents: (string | null)[]; events: number; outcome: string; doubtful: boolean }[]> {
  await loadEvents(
    engine,
    [...rows].sort((a, b) => (a['time_us'] as number) - (b['time_us'] as number)).map((r, i) => ({ ...r, line_no: i + 1 })),
  );
  await detect({ engine } as OpenCase, { ...quietEffects, lang: 'en' });
  const found = await engine.rows<{ ips: string[]; agents: string[]; events: number; outcome: string; facts: string }>(
    'test',
    sql`
    select list_sort(list(distinct src_ip)) as ips, list_sort(list(distinct user_agent)) as agents, count(*) as events, any_value(d.outcome) as outcome, any_value(d.facts) as facts
    from detection d join detection_event using (detection_id) join event e using (event_id) where rule_id = 'cold-sign-in' group by d.detection_id order by 1`,
  );
  return found.map(({ facts, ...f }) => ({ ...f, doubtful: (JSON.parse(facts) as { doubtful?: boolean }).doubtful ?? false }));
}

const walk = (at: number, ip: string, n: number, gap: number, first: number, more: EventRow = {}): EventRow[] =>
  Array.from({ length: n }, (_, i) => request(at + i * gap, ip, `GET /customers/${first + i}`, more));

describe('sign-ins of clients that never saw the sign-in page', () => {
  it('a program that walks a few records is found with all it did, from its second address too', async () => {
    const tool = { user_agent: script };
    const rows = [
      ...people(8),
      signIn(2000, '198.51.100.9', tool),
      request(2001, '198.51.100.9', 'GET /customers?page=1', tool),
      ...walk(2002, '198.51.100.9', 14, 0.05, 1001, tool),
      ...walk(2003, '192.0.2.77', 13, 0.05, 1015, tool),
    ];
    expect(await cold(rows)).toEqual([{ ips: ['192.0.2.77', '198.51.100.9'], agents: [script], events: 29, outcome: 'succeeded', doubtful: false }]);
  });

  it('nobody is judged just after an hour that came twice in local time', async () => {
    const taken = [...people(15), signIn(4000, '198.51.100.9'), ...walk(4100, '198.51.100.9', 20, 4, 1001)];
    const twice = (at: number): EventRow => request(at, '203.0.113.99', 'GET /menu', { time_span_us: 3600 * SECOND });
    expect([(await cold(taken)).length, (await cold([...taken, twice(100)])).length]).toEqual([1, 0]);
    expect(await cold([...taken, twice(12_000)])).toHaveLength(1);
  });

  it('an address without agents, or a client of the whole log, is a doubt only', async () => {
    const office = Array.from({ length: 12 }, (_, i) => [signIn(10 + i * 900, '198.51.100.9'), ...walk(20 + i * 900, '198.51.100.9', 8, 60, 1001 + i)]).flat();
    const rows = [...people(15), ...office];
    expect((await cold(rows)).map(f => [f.ips, f.doubtful])).toEqual([[['198.51.100.9'], true]]);
    const nameless = [...people(15), signIn(2000, '198.51.100.9'), ...walk(2100, '198.51.100.9', 20, 40, 1001)].map(r => ({ ...r, user_agent: null }));
    expect((await cold(nameless)).map(f => [f.ips, f.doubtful])).toEqual([[['198.51.100.9'], true]]);
  });

  it('a browser in a hand that works slowly is a doubt where few others sign in, certain beside many', async () => {
    const rows = (n: number): EventRow[] => [...people(n), signIn(2000, '198.51.100.9'), ...walk(2100, '198.51.100.9', 20, 400, 1001)];
    expect(await cold(rows(5))).toEqual([{ ips: ['198.51.100.9'], agents: [browser], events: 21, outcome: 'unknown', doubtful: true }]);
    expect(await cold(rows(15))).toEqual([{ ips: ['198.51.100.9'], agents: [browser], events: 21, outcome: 'succeeded', doubtful: false }]);
  });

  it('what calls itself a browser but loads no part of a page and has no time to read any is a program', async () => {
    const thief = (gap: number, more: EventRow[] = []): EventRow[] => [
      signIn(2000, '198.51.100.9'),
      request(2000 + gap, '198.51.100.9', 'GET /menu'),
      request(2000 + 2 * gap, '198.51.100.9', 'GET /customers?page=1'),
      request(2000 + 3 * gap, '198.51.100.9', 'GET /customers?page=2'),
      ...more,
    ];
    const doubtful = async (rows: EventRow[]): Promise<boolean[]> => (await cold(rows)).map(f => f.doubtful);
    expect(await doubtful([...people(5), ...thief(0.6)])).toEqual([false]);
    expect(await doubtful([...people(5), ...thief(9)])).toEqual([true]);
    expect(await doubtful([...people(5), ...thief(0.6, [request(2003, '198.51.100.9', 'GET /static/app.css')])])).toEqual([true]);
    const plain = people(5).filter(r => r['path'] !== '/static/app.css');
    expect(await doubtful([...plain, ...thief(0.6)])).toEqual([true]);
    // Where others get pages as fast, the site fetches them by itself.
    const burst = ['/menu', '/customers?page=1', '/news'].map((path, i) => request(500 + i * 0.4, '203.0.113.2', `GET ${path}`));
    expect(await doubtful([...people(5), ...burst, ...thief(0.6)])).toEqual([true]);
  });

  it('in an office that uses the same browser the session tells; the colleagues stay out', async () => {
    const office = '203.0.113.1';
    const rows = [
      ...people(12),
      ...people(12, 30_000).map(r => ({ ...r, src_ip: office, session: null })),
      signIn(31_000, office, { session: 'stolen' }),
      ...walk(31_010, office, 12, 30, 1001, { session: 'stolen' }),
    ];
    const found = await cold(rows);
    expect(found.map(f => ({ ...f, events: f.events }))).toEqual([{ ips: [office], agents: [browser], events: 13, outcome: 'unknown', doubtful: true }]);
  });

  it('nobody: people who bring the page, those whose page line was lost, where programs always sign in so, jobs at the same hour every day', async () => {
    expect(await cold(people(30))).toEqual([]);
    const lossy = people(30).filter((_, i) => i % 11 !== 0);
    expect(await cold(lossy)).toEqual([]);
    const api = Array.from({ length: 20 }, (_, u) => [
      signIn(u * 100, `198.51.100.${u + 1}`, { user_agent: script }),
      request(u * 100 + 2, `198.51.100.${u + 1}`, 'GET /export/customers.csv', { user_agent: script }),
    ]).flat();
    expect(await cold([...people(6), ...api])).toEqual([]);
    const job = [0, 1, 2, 3].flatMap(d => [
      signIn((d * DAY) / SECOND + 7200, '10.0.0.9', { user_agent: script }),
      request((d * DAY) / SECOND + 7201, '10.0.0.9', 'GET /export/customers.csv', { user_agent: script }),
    ]);
    expect(await cold([...people(20), ...job])).toEqual([]);
  });

  it('where no session tells people apart, what comes after it without half a day’s rest may be the same hands’', async () => {
    const hour = 3600;
    const office = '203.0.113.1';
    const slow = [3, 9, 20, 31].flatMap(h => walk(h * hour + 30_000, office, 1, 1, 1001 + h));
    const rows = [...people(12), signIn(30_000, office), ...slow, ...people(1, 2 * hour + 30_000), ...walk(60 * hour, office, 3, 60, 1100)];
    expect(await cold(rows)).toMatchObject([{ ips: [office], events: 1 + 4 + people(1).length, doubtful: true }]);
    const told = rows.map(r => ({ ...r, session: r['src_ip'] !== office || r['method'] === 'POST' ? null : slow.includes(r) ? 'his' : 'colleague’s' }));
    // The colleague's two tries carry no session yet.
    expect(await cold(told)).toMatchObject([{ ips: [office], events: 1 + 4 + 2, doubtful: true }]);
  });

  it('among few people, of some of whom the page is lost, who asks for nothing that people ask for next either', async () => {
    const office = people(5).filter(r => r['src_ip'] !== '203.0.113.2' || !['/login', '/static/app.css'].includes(`${r['path']}`) || r['method'] === 'POST');
    const visit = (next: EventRow[]): EventRow[] => [...office, signIn(2000, '198.51.100.9'), ...next, ...walk(9000, '198.51.100.9', 6, 4000, 1001)];
    expect((await cold(visit([]))).map(f => [f.ips, f.doubtful])).toEqual([[['198.51.100.9'], true]]);
    expect(await cold(visit([request(2001, '198.51.100.9', 'GET /menu')]))).toEqual([]);
    expect(await cold(visit([]).filter(r => !['/menu', '/customers'].includes(`${r['path']}`)))).toEqual([]);
  });

  it('a page that may stand in what a rotation lost is missed of nobody; a program has none there either', async () => {
    const files = (rows: readonly EventRow[]): EventRow[] => rows.map(r => ({ ...r, file_no: (r['time_us'] as number) < t0 + 9000 * SECOND ? 1 : 2 }));
    const hum = Array.from({ length: 4000 }, (_, i) => request(i * 5, `192.0.2.${i % 40}`, 'GET /news')).filter((_, i) => i < 1760 || i >= 1800);
    const visit = (user_agent: string, at: number): EventRow[] => [
      signIn(at, '198.51.100.9', { user_agent }),
      ...walk(at + 10, '198.51.100.9', 12, 60, 1001, { user_agent }),
    ];
    const site = [...people(12), ...hum];
    expect(await cold(files([...site, ...visit(browser, 9010)]))).toEqual([]);
    expect((await cold(files([...site, ...visit(browser, 9500)]))).map(f => f.ips)).toEqual([['198.51.100.9']]);
    expect((await cold(files([...site, ...visit(script, 9010)]))).map(f => f.ips)).toEqual([['198.51.100.9']]);
  });

  it('nobody: clerks whose own door has no page that people open first', async () => {
    const clerks = Array.from({ length: 8 }, (_, u) => [
      request(2000 + u * 60, '203.0.113.200', 'POST /staff/login', { status: 302, user_agent: `${browser} Tab/${u % 3}` }),
      ...walk(2010 + u * 60, '203.0.113.200', 12, 4, 1001 + u * 12, { user_agent: `${browser} Tab/${u % 3}` }),
    ]).flat();
    expect(await cold([...people(30), ...clerks])).toEqual([]);
  });

  it('a colleague on a phone whose address changes is no continuation', async () => {
    const tool = { user_agent: script };
    const rows = [
      ...people(8),
      signIn(2000, '198.51.100.9', tool),
      ...walk(2001, '198.51.100.9', 14, 0.05, 1001, tool),
      ...walk(2005, '192.0.2.99', 5, 20, 1015, { user_agent: browser }),
    ];
    expect((await cold(rows)).map(f => f.ips)).toEqual([['198.51.100.9']]);
  });
});
