import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOUR, quietEffects, SECOND } from '../../src/base/index.ts';
import type { OpenCase } from '../../src/case/index.ts';
import { readForeign } from '../../src/detections/behaviour/owners.ts';
import { median, robustZ } from '../../src/detections/behaviour/weigh-clients.ts';
import { detect } from '../../src/detections/detect.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { browser, request, signIn } from '../fixtures/clerk-requests.ts';
import { type EventRow, loadEvents, memoryEngine, requestColumns } from '../fixtures/event-table.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
  await engine.load(
    'dataset',
    [
      { name: 'dataset_id', type: 'VARCHAR' },
      { name: 'key_columns', type: 'VARCHAR[]' },
    ],
    [['customers', ['id']]],
  );
  await engine.load(
    'dataset_column',
    [
      { name: 'dataset_id', type: 'VARCHAR' },
      { name: 'column_no', type: 'INTEGER' },
      { name: 'name', type: 'VARCHAR' },
    ],
    ['id', 'name', 'rank', 'branch'].map((c, i) => ['customers', i, c]),
  );
  await engine.load(
    'data_customers',
    ['row_no', 'key', 'id', 'name', 'rank', 'branch'].map(name => ({ name, type: name === 'row_no' ? ('BIGINT' as const) : ('VARCHAR' as const) })),
    Array.from({ length: 600 }, (_, i) => [i, String(1000 + i), String(1000 + i), `n${i}`, i % 3 === 0 ? 'gold' : 'plain', branches[i % 4]!]),
  );
});
afterAll(() => engine.close());

const branches = ['tokyo', 'osaka', 'nagoya', 'sendai'];

/** Clerks who sign in on their page, page through the list and look at customers of their own branch. */
function clerks(n: number, from = 0): EventRow[] {
  return Array.from({ length: n }, (_, u) => u).flatMap(u => {
    const ip = `203.0.113.${u + 1}`;
    const at = from + u * 900;
    const own = (i: number): number => 1000 + (u % 4) + 4 * ((u * 13 + i * 7) % 150);
    return [
      request(at, ip, 'GET /login'),
      signIn(at + 9, ip),
      request(at + 10, ip, 'GET /menu'),
      ...Array.from({ length: 12 }, (_, i) =>
        i % 4 === 0 ? request(at + 20 + 30 * i, ip, `GET /customers?page=${i}`) : request(at + 20 + 30 * i, ip, `GET /customers/${own(i)}`),
      ),
    ];
  });
}

type Found = { rule: string; outcome: string; ips: string[]; events: number; facts: Record<string, unknown> };

async function find(rows: readonly EventRow[], rules: readonly string[]): Promise<Found[]> {
  await loadEvents(
    engine,
    [...rows].sort((a, b) => (a['time_us'] as number) - (b['time_us'] as number)).map((r, i) => ({ ...r, line_no: i + 1 })),
  );
  await detect({ engine } as OpenCase, { ...quietEffects, lang: 'en' });
  const found = await engine.rows<Omit<Found, 'facts'> & { facts: string }>(
    'test',
    sql`select d.rule_id as rule, any_value(d.outcome) as outcome, list_sort(list(distinct src_ip)) as ips, count(*)::integer as events, any_value(d.facts) as facts
    from detection d join detection_event using (detection_id) join event e using (event_id) group by d.detection_id, d.rule_id order by d.rule_id, 3`,
  );
  return found.filter(f => rules.includes(f.rule)).map(f => ({ ...f, facts: JSON.parse(f.facts) as Record<string, unknown> }));
}

describe('an intruder where few people work', () => {
  const reader = (ids: (i: number) => number, lists: boolean): EventRow[] => [
    request(-30_000, '198.18.0.1', 'GET /'),
    request(150_000, '198.18.0.1', 'GET /'),
    signIn(3000, '198.51.100.9'),
    ...Array.from({ length: 30 }, (_, i) => request(4000 + i * 2500, '198.51.100.9', `GET /customers/${ids(i)}`)),
    ...(lists ? Array.from({ length: 10 }, (_, i) => request(4100 + i * 7000, '198.51.100.9', `GET /customers?page=${i}`)) : []),
  ];

  it('who reads nothing but records, of all branches, without rest, is certain; each mark says against whom', async () => {
    const [found] = await find([...clerks(7), ...reader(i => 1000 + ((i * 37) % 600), false)], ['cold-sign-in']);
    expect([found!.outcome, found!.ips, found!.facts['doubtful']]).toEqual(['succeeded', ['198.51.100.9'], undefined]);
    const marks = found!.facts['marks'] as { mark: string; value: number; peers: number; weight: number; detail?: string }[];
    expect(marks.map(m => m.mark)).toEqual(['records-only', 'many-records', 'records-of-others', 'no-rest']);
    expect(marks.find(m => m.mark === 'records-of-others')).toMatchObject({ peers: 7, detail: 'customers.branch' });
    expect(marks.every(m => m.weight > 0 && m.weight <= 5)).toBe(true);
  });

  it('a colleague whose sign-in page is missing from the log stays a doubt', async () => {
    const own = [
      signIn(3000, '198.51.100.9'),
      ...Array.from({ length: 12 }, (_, i) =>
        i % 4 === 0
          ? request(3100 + 30 * i, '198.51.100.9', `GET /customers?page=${i}`)
          : request(3100 + 30 * i, '198.51.100.9', `GET /customers/${1002 + 4 * i}`),
      ),
    ];
    const [found] = await find([...clerks(7), ...own], ['cold-sign-in']);
    expect([found!.outcome, found!.facts['doubtful']]).toEqual(['unknown', true]);
  });

  it('the column that says whose a record is, is learned: not the rank, not where all look at everything', async () => {
    await find([...clerks(7), ...reader(i => 1000 + ((i * 37) % 600), false)], []);
    const [foreign, ...none] = await readForeign(engine);
    expect(none).toEqual([]);
    expect(foreign).toMatchObject({
      client: `i:198.51.100.9|${browser}`,
      dataset: 'customers',
      column: 'branch',
      records: 30,
      values: 4,
      peers: 7,
      peersBeyond: 0,
    });
    const anywhere = clerks(8).map((r, i) =>
      String(r['path']).startsWith('/customers/') ? { ...r, ...requestColumns(`GET /customers/${1000 + ((i * 37) % 600)} HTTP/1.1`) } : r,
    );
    await find([...anywhere, ...reader(i => 1000 + ((i * 37) % 600), false)], []);
    expect(await readForeign(engine)).toEqual([]);
  });

  it('a walk through numbers says whose records they were', async () => {
    const walk = Array.from({ length: 80 }, (_, i) => request(9000 + i, '198.51.100.9', `GET /customers/${1100 + i}`));
    const [found] = await find([...clerks(8), ...walk], ['id-enumeration']);
    expect(found!.facts['ownership']).toEqual({
      column: 'customers.branch',
      owners: 4,
      records: 80,
      of_others: 60,
      share_of_others: 0.75,
      peers_keeping_to_one: 8,
      peers: 9,
    });
  });

  it('a password tried on a dozen accounts from three addresses and agents is one campaign with its success; a bad morning is none', async () => {
    const tools = ['curl/8.9.1', 'Mozilla/5.0 (X11; Linux) Firefox/128.0', 'Go-http-client/1.1'];
    const spray = Array.from({ length: 24 }, (_, i) =>
      signIn(20_000 + Math.floor(i / 8) * 2400 + (i % 8) * 5, `198.51.100.${50 + (i % 3)}`, { user_agent: tools[i % 3], status: i === 20 ? 302 : 401 }),
    );
    const use = Array.from({ length: 4 }, (_, i) => request(26_000 + i * 20, '198.51.100.52', `GET /customers/${1000 + i}`, { user_agent: tools[2] }));
    const found = await find([...clerks(5), ...spray, ...use], ['sign-in-campaign-success', 'entry-after-guessing']);
    expect(found.map(f => [f.rule, f.ips, f.events])).toEqual([
      ['entry-after-guessing', ['198.51.100.52'], 4],
      ['sign-in-campaign-success', ['198.51.100.50', '198.51.100.51', '198.51.100.52'], 24],
    ]);
    const outage = clerks(8).flatMap(r =>
      r['method'] === 'POST'
        ? [
            { ...r, status: 401 },
            { ...r, time_us: (r['time_us'] as number) + 5 * SECOND, status: 401 },
          ]
        : [r],
    );
    expect(await find([...outage, ...clerks(8, 40_000)], ['sign-in-campaign', 'sign-in-campaign-success'])).toEqual([]);
  });

  it('where the log names no agent, what follows the next accepted sign-in of the address may be another’s', async () => {
    const bare = { user_agent: null };
    const guessing = Array.from({ length: 30 }, (_, i) => signIn(20_000 + i, '198.51.100.9', { ...bare, status: i === 25 ? 302 : 401 }));
    const use = Array.from({ length: 3 }, (_, i) => request(20_100 + i * 20, '198.51.100.9', `GET /customers/${1000 + i}`, bare));
    const colleague = [
      signIn(24_000, '198.51.100.9', bare),
      ...Array.from({ length: 5 }, (_, i) => request(24_100 + i * 60, '198.51.100.9', `GET /customers/${1100 + i}`, bare)),
    ];
    const nobody = clerks(6).map(r => ({ ...r, ...bare }));
    const found = await find([...nobody, ...guessing, ...use, ...colleague], ['entry-after-guessing']);
    expect(found.map(f => [f.outcome, f.events, f.facts['doubtful'] ?? false]).sort()).toEqual([
      ['succeeded', 3, false],
      ['unknown', 6, true],
    ]);
    const named = await find([...clerks(6), ...[...guessing, ...use, ...colleague].map(r => ({ ...r, user_agent: 'curl/8' }))], ['entry-after-guessing']);
    expect(named.map(f => [f.outcome, f.events])).toEqual([['succeeded', 9]]);
  });

  it('exports faster than anybody clicks, by somebody who never saw the sign-in page, are certain; on two days they are a job', async () => {
    const sweep = (at: number): EventRow[] => [
      signIn(at, '198.51.100.9'),
      ...Array.from({ length: 24 }, (_, i) => request(at + 2 + i * 0.7, '198.51.100.9', `GET /export/customers.csv?from=${i}&to=${i + 1}`)),
    ];
    const once = await find([...clerks(3), ...sweep(5000)], ['mass-export']);
    expect(once.map(f => [f.ips, f.events, f.facts['doubtful']])).toEqual([[['198.51.100.9'], 24, undefined]]);
    expect(once[0]!.facts['basis']).toContain('faster-than-anybody-clicks');
    const daily = await find([...clerks(3), ...sweep(5000), ...sweep(5000 + (24 * HOUR) / SECOND)], ['mass-export']);
    expect(daily.every(f => f.facts['doubtful'] === true)).toBe(true);
  });
});

describe('robust baselines', () => {
  it('stand where most stand', () => {
    expect(median([])).toBeNull();
    expect(median([5, 1, 9])).toBe(5);
    expect(median([4, 1, 9, 2])).toBe(3);
    expect(robustZ(10, [1, 2])).toBeNull();
    expect(robustZ(10, [10, 10, 10, 5000])).toBe(0);
    expect(robustZ(1000, [10, 11, 9, 12, 8])!).toBeGreaterThan(6);
    expect(robustZ(1000, [10, 2000, 9, 12, 8])!).toBeGreaterThan(6);
  });
});
