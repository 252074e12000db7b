import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOUR, quietEffects, SECOND } from '../../src/base/index.ts';
import type { OpenCase } from '../../src/case/index.ts';
import { detect } from '../../src/detections/detect.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { combinedRows, type EventRow, loadEvents, memoryEngine, postgresRows } from '../fixtures/event-table.ts';
import { get, t0 } from '../fixtures/web-request.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

type Found = {
  kind: string;
  rule_id: string;
  outcome: string;
  level: string;
  events: number;
  ips: string[];
  facts: string;
  title_ja: string;
  author: string;
};

async function run(rows: Iterable<EventRow>): Promise<Found[]> {
  await loadEvents(engine, rows);
  await detect({ engine } as OpenCase, { ...quietEffects, lang: 'en' });
  return engine.rows<Found>(
    'test',
    sql`select d.kind, d.rule_id, d.outcome, d.level, d.events, d.facts, d.title_ja, d.author, list_sort(list(distinct src_ip)) as ips
    from detection d join detection_event using (detection_id) join event e using (event_id) group by d.detection_id, d.kind, d.rule_id, d.outcome, d.level, d.events, d.facts, d.title_ja, d.author, d.first_us
    order by d.first_us, d.rule_id, d.detection_id`,
  );
}

const agents = ['Mozilla/5.0 (Windows NT 10.0) Chrome/124.0', 'Mozilla/5.0 (Macintosh) Safari/605.1', 'Mozilla/5.0 (X11; Linux) Firefox/125.0'];

let seed = 1;
const random = (n: number): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % n;

/** Forty people who look up customers in no order, page through a list and export now and then. */
function people(): EventRow[] {
  seed = 1;
  const out: EventRow[] = [];
  for (let u = 0; u < 40; u++) {
    const ip = `203.0.113.${u + 1}`;
    const more = { user_agent: agents[u % 3] };
    for (let i = 0; i < 30; i++) out.push(get(u * 20 + i * 60 + random(50), ip, `/customers/${1000 + random(9000)}`, more));
    for (let p = 1; p < 8; p++) out.push(get(u * 20 + p * 30, ip, `/customers?page=${p}`, more));
    out.push(get(u * 20 + 5, ip, '/export/customers.csv?year=2024', { ...more, bytes_out: 9000 + random(3000) }));
    out.push({ ...get(u * 20, ip, '/login', more), method: 'POST', status: u % 5 === 0 ? 401 : 302 });
  }
  return numbered(out);
}

function numbered(rows: EventRow[]): EventRow[] {
  return rows.map((r, i) => ({ ...r, line_no: i + 1 }));
}

describe('what is found, and who is left alone', () => {
  it('people at work are nothing to detect', async () => {
    expect(await run(people())).toEqual([]);
  });

  it('a walk through numbers is found with all its requests, however its lines are ordered', async () => {
    const walk = Array.from({ length: 120 }, (_, i) => get(500 + Math.floor(i / 10), '192.0.2.7', `/customers/${2000 + i}`, { user_agent: agents[1] }));
    const rows = [...people(), ...walk];
    for (const order of [
      rows,
      [...rows].reverse(),
      rows
        .map((r, i) => ({ r, k: (i * 7919) % rows.length }))
        .sort((a, b) => a.k - b.k)
        .map(x => x.r),
    ]) {
      const found = await run(numbered(order));
      expect(found.map(f => [f.kind, f.events, f.ips])).toEqual([['idor-enumeration', 120, ['192.0.2.7']]]);
    }
  });

  it('an innocent who shares address and agent with the intruder is not in the walk', async () => {
    const walk = Array.from({ length: 150 }, (_, i) => get(500 + i * 2, '192.0.2.7', `/customers/${2000 + i}`, { user_agent: agents[1] }));
    const innocent = Array.from({ length: 12 }, (_, i) =>
      get(510 + i * 20, '192.0.2.7', `/customers/${5000 + ((i * 733) % 4000)}`, { user_agent: agents[1], bytes_out: 777 }),
    );
    const [found] = await run(numbered([...people(), ...walk, ...innocent]));
    expect([found!.kind, found!.events]).toEqual(['idor-enumeration', 150]);
  });

  it('with sessions the walk is the session, over two addresses, and the session elsewhere is told', async () => {
    const walk = Array.from({ length: 200 }, (_, i) =>
      get(500 + i, i % 3 === 0 ? '192.0.2.7' : '192.0.2.8', `/customers/${2000 + i}`, {
        session: 'stolen',
        user_agent: i % 3 === 0 ? agents[1] : 'curl/8',
      }),
    );
    const own = people().map(r => ({ ...r, session: `s-${r['src_ip']}` }));
    const found = await run(numbered([...own, ...walk]));
    expect(found.map(f => [f.kind, f.events, f.ips])).toEqual([
      ['idor-enumeration', 200, ['192.0.2.7', '192.0.2.8']],
      ['account-takeover', 200, ['192.0.2.7', '192.0.2.8']],
    ]);
  });

  it('a list walked by offset is found; an office that pages here and there is not', async () => {
    const office = Array.from({ length: 400 }, () => get(random(40_000), '203.0.113.200', `/members?after=${random(4000) * 20}`));
    const walk = Array.from({ length: 60 }, (_, i) => get(600 + i, '192.0.2.9', `/members?after=${i * 5000}`, { user_agent: 'python-requests/2.31' }));
    const found = await run(numbered([...people(), ...office, ...walk]));
    expect(found.map(f => [f.kind, f.rule_id, f.events, f.ips])).toEqual([['mass-export', 'list-walk', 60, ['192.0.2.9']]]);
  });

  it('guessing with one success is one campaign over its addresses, and what follows is theirs', async () => {
    const guess = Array.from({ length: 60 }, (_, i) => ({
      ...get(700 + i, `192.0.2.${30 + (i % 2)}`, '/login', { user_agent: 'python-requests/2' }),
      method: 'POST',
      status: i === 41 ? 302 : 401,
    }));
    const after = [
      get(800, '192.0.2.31', '/menu', { user_agent: 'python-requests/2' }),
      get(801, '192.0.2.31', '/customers/1', { user_agent: 'python-requests/2' }),
    ];
    const found = await run(numbered([...people(), ...guess, ...after]));
    expect(found.map(f => [f.kind, f.outcome, f.events, f.ips])).toEqual([
      ['credential-stuffing', 'succeeded', 60, ['192.0.2.30', '192.0.2.31']],
      ['account-takeover', 'succeeded', 2, ['192.0.2.31']],
    ]);
    expect(JSON.parse(found[0]!.facts)).toMatchObject({ failed: 59, succeeded: 1 });
  });

  it('a login that always answers 200 is split by size', async () => {
    const guess = Array.from({ length: 40 }, (_, i) => ({
      ...get(700 + i, '192.0.2.30', '/auth'),
      method: 'POST',
      status: 200,
      bytes_out: i === 30 ? 2300 : 412,
    }));
    const found = await run(numbered([...people(), ...guess]));
    expect(found.map(f => [f.rule_id, JSON.parse(f.facts).succeeded])).toEqual([['sign-in-campaign-success', 1]]);
  });

  it('a person who forgot the password is no campaign', async () => {
    const tries = Array.from({ length: 6 }, (_, i) => ({
      ...get(700 + i * 9, '203.0.113.90', '/login'),
      method: 'POST',
      status: i === 5 ? 302 : 401,
    }));
    expect(await run(numbered([...people(), ...tries]))).toEqual([]);
  });

  it('guessing in an authentication log: the success of another address is not its success', async () => {
    const row = (s: number, ip: string, account: string, outcome: number): EventRow => ({
      class: 3,
      time_us: t0 + s * SECOND,
      src_ip: ip,
      account,
      outcome,
      action: 'login',
      source_kind: 'auth',
    });
    const rows = [...Array.from({ length: 30 }, (_, i) => row(i, '192.0.2.50', `user${i % 10}`, 2)), row(31, '198.51.100.9', 'tanaka', 1)];
    const found = await run(numbered(rows));
    expect(found.map(f => [f.rule_id, f.outcome, f.events])).toEqual([['account-sign-in-campaign', 'attempted', 30]]);
    const caught = await run(numbered([...rows, row(32, '192.0.2.50', 'user3', 1)]));
    expect(caught.map(f => [f.rule_id, f.outcome, f.events])).toEqual([['account-sign-in-success', 'succeeded', 31]]);
    expect(JSON.parse(caught[0]!.facts).accounts_entered).toEqual(['user3']);
  });

  it('an injection is confirmed by the database log, and harmless when bound as a value', async () => {
    const payload = "x' AND 1=1 AND 'a'='a";
    const web = get(10, '192.0.2.4', `/s?q=${encodeURIComponent(payload)}`);
    const db = (more: EventRow): EventRow => ({ class: 2, file_no: 2, line_no: 1, time_us: t0 + 10.2 * SECOND, ...more });
    const kinds = async (more: EventRow) => (await run([{ ...web, line_no: 1 }, db(more)])).map(f => [f.kind, f.outcome]);
    expect(await kinds({ sql_text: `SELECT * FROM q WHERE name LIKE '%${payload}%'` })).toEqual([['sqli-boolean', 'succeeded']]);
    expect(await kinds({ sql_text: `SELECT * FROM q WHERE name LIKE '%${payload}%'`, err_code: '42601' })).toEqual([['sqli-boolean', 'unknown']]);
    expect(await kinds({ sql_text: 'SELECT * FROM q WHERE name = $1', sql_params: JSON.stringify([payload]) })).toEqual([['sqli-boolean', 'attempted']]);
    const word = get(10, '192.0.2.4', '/s?q=union+all+select+null');
    const literal = await run([{ ...word, line_no: 1 }, db({ sql_text: "SELECT * FROM q WHERE name LIKE '%union all select null%'" })]);
    expect(literal.map(f => [f.kind, f.outcome])).toEqual([['sqli-union', 'attempted']]);
    const number = await run([{ ...word, line_no: 1 }, db({ sql_text: 'SELECT * FROM q WHERE name = union all select null' })]);
    expect(number.map(f => [f.kind, f.outcome])).toEqual([['sqli-union', 'succeeded']]);
  });

  it('a refused attack is blocked, and a 200 alone is not success', async () => {
    const attack = (status: number): EventRow => get(1, '192.0.2.4', '/view?f=..%2f..%2f..%2fetc%2fpasswd', { status, line_no: 1 });
    expect((await run([attack(403)])).map(f => [f.kind, f.outcome])).toEqual([['path-traversal', 'blocked']]);
    expect((await run([attack(200)])).map(f => [f.kind, f.outcome])).toEqual([['path-traversal', 'unknown']]);
  });

  it('collecting without rest over days is found, an office with nights is not', async () => {
    const scrape = Array.from({ length: 600 }, (_, i) => get(i * 400 + random(200), '192.0.2.99', `/customers/${1000 + ((i * 7919) % 9000)}`));
    const office = Array.from({ length: 900 }, (_, i) =>
      get((i % 3) * 86_400 + 3600 * 9 + random(3600 * 9), '203.0.113.220', `/customers/${1000 + random(9000)}`),
    );
    const found = await run(numbered([...people(), ...scrape, ...office]));
    expect(found.map(f => [f.rule_id, f.events, f.ips])).toEqual([['slow-scrape', 600, ['192.0.2.99']]]);
  });

  it('a dump by another tool is told, the application at work is not', async () => {
    const app = Array.from(
      { length: 500 },
      (_, i): EventRow => ({
        class: 2,
        time_us: t0 + i * SECOND,
        db_user: 'app',
        app_name: 'web',
        sql_text: i % 9 === 0 ? `select * from t${i % 4}` : 'select * from q where id = $1',
      }),
    );
    const dump = ['customers', 'claims'].map(
      (table, i): EventRow => ({
        class: 2,
        time_us: t0 + HOUR + i * SECOND,
        db_user: 'postgres',
        app_name: 'psql',
        sql_text: `COPY ${table} TO STDOUT`,
      }),
    );
    const found = await run(numbered([...app, ...dump]));
    expect(found.map(f => [f.kind, f.events])).toEqual([['db-dump', 2]]);
  });

  it.each([
    ['203.0.113.10', undefined],
    ['10.0.1.9', true],
  ])('two tables read by mysqldump from %s', async (src_ip, doubtful) => {
    const app = Array.from(
      { length: 100 },
      (_, i): EventRow => ({ class: 2, time_us: t0 + i * SECOND, db_user: 'app', sql_text: 'select * from q where id = 1' }),
    );
    const dump = ['customers', 'quotes'].map(
      (table, i): EventRow => ({
        class: 2,
        time_us: t0 + HOUR + i * SECOND,
        db_user: 'report',
        src_ip,
        sql_text: `SELECT /*!40001 SQL_NO_CACHE */ * FROM \`${table}\``,
      }),
    );
    const found = await run(numbered([...app, ...dump]));
    const told = found.filter(f => f.rule_id === 'database-dump');
    const facts = told.map(f => JSON.parse(f.facts) as Record<string, unknown>);
    expect(told.map((f, i) => [f.kind, f.events, facts[i]!['tables'], facts[i]!['doubtful']])).toEqual([['db-dump', 2, ['`customers`', '`quotes`'], doubtful]]);
  });

  it('what the same role dumps at the same hour of three days is a backup, of two days a doubt; at another hour it is neither', async () => {
    const app = Array.from(
      { length: 100 },
      (_, i): EventRow => ({ class: 2, time_us: t0 + i * SECOND, db_user: 'app', sql_text: 'select * from q where id = 1' }),
    );
    const dump = (hours: number): EventRow => ({
      class: 2,
      time_us: t0 + hours * HOUR,
      db_user: 'postgres',
      app_name: 'pg_dump',
      src_ip: '203.0.113.10',
      sql_text: 'COPY public.customers TO stdout;',
    });
    const told = async (...hours: number[]) =>
      (await run(numbered([...app, ...hours.map(dump)])))
        .filter(f => f.rule_id === 'database-dump')
        .map(f => [f.level, f.outcome, (JSON.parse(f.facts) as { doubtful?: boolean }).doubtful]);
    expect(await told(2, 26, 50.5)).toEqual(Array.from({ length: 3 }, () => ['informational', 'unknown', undefined]));
    expect(await told(2, 26)).toEqual(Array.from({ length: 2 }, () => ['high', 'succeeded', true]));
    expect(await told(2, 26, 50, 60)).toContainEqual(['high', 'succeeded', undefined]);
  });

  it('an injection whose body was not logged is seen in the database log', async () => {
    const post = Array.from({ length: 20 }, (_, i): EventRow => ({ ...get(100 + i, '192.0.2.4', '/search'), method: 'POST' }));
    const statement = (i: number, text: string): EventRow => ({
      class: 2,
      time_us: t0 + (100 + i) * SECOND,
      db_user: 'app',
      sql_text: text,
    });
    const injected = Array.from({ length: 20 }, (_, i) =>
      statement(i, `SELECT a FROM q WHERE n = 'x' AND ASCII(SUBSTRING((SELECT p FROM u LIMIT 1),${i},1))>64 AND 'a'='a'`),
    );
    const usual = Array.from({ length: 50 }, (_, i) => statement(i, 'SELECT a FROM q WHERE n = $1'));
    const found = await run(numbered([...people(), ...injected, ...usual]));
    expect(found.map(f => [f.rule_id, f.kind, f.outcome, f.events])).toEqual([['database-injection', 'sqli-boolean', 'succeeded', 20]]);
    // The requests that came at the same moments, and nobody else's, are its own.
    const asked = await run(numbered([...people(), ...post, ...injected, ...usual]));
    expect(asked.map(f => [f.rule_id, f.kind, f.events, f.ips])).toEqual([['database-injection', 'sqli-boolean', 40, ['192.0.2.4', null]]]);
  });

  it('old records in the order of their numbers over days, though no more than others call up; new ones as they come are work', async () => {
    const day = 24 * 3600;
    const busy = (ip: string, u: number): EventRow[] =>
      Array.from({ length: 5 }, (_, d) => [
        get(d * day + u, ip, '/login'),
        ...Array.from({ length: 30 }, (_, i) => get(d * day + u + i * 300 + random(200), ip, `/customers/${1000 + random(3000)}`)),
        ...Array.from({ length: 20 }, (_, i) => get(d * day + u + i * 400 + random(200), ip, '/menu')),
      ]).flat();
    seed = 5;
    const peers = Array.from({ length: 12 }, (_, u) => busy(`203.0.113.${u + 1}`, u * 40)).flat();
    const walk = (ip: string, number: (i: number) => number, more: (at: number) => EventRow[] = () => []): EventRow[] =>
      Array.from({ length: 120 }, (_, i) => {
        const at = day * (1 + Math.floor(i / 40)) + (i % 40) * 200 + random(150);
        return [get(at, ip, `/customers/${number(i)}`), ...more(at)];
      }).flat();
    const sortedRows = (rows: EventRow[]): EventRow[] => numbered([...rows].sort((a, b) => (a['time_us'] as number) - (b['time_us'] as number)));
    const told = async (rows: EventRow[]) => (await run(sortedRows([...peers, ...rows]))).map(f => [f.rule_id, f.outcome, f.ips, f.events]);
    expect(await told(walk('192.0.2.9', i => 1500 + 4 * i))).toEqual([['ordered-walk', 'succeeded', ['192.0.2.9'], 120]]);
    // Beside other work it is a doubt; numbers nobody had seen yet are a queue; in no order it is what everybody does.
    expect(
      await told(
        walk(
          '192.0.2.9',
          i => 1500 + 4 * i,
          at => [get(at + 20, '192.0.2.9', '/menu')],
        ),
      ),
    ).toEqual([['ordered-walk', 'unknown', ['192.0.2.9'], 120]]);
    expect(await told(walk('192.0.2.9', i => 4100 + 4 * i))).toEqual([]);
    expect(await told(walk('192.0.2.9', () => 1000 + random(3000)))).toEqual([]);
  });

  it('after a broken door the same rare agent behind it is the same hands, at whatever address; a shared agent is not', async () => {
    const tool = { user_agent: 'okhttp/4.9' };
    const signIn = (seconds: number, ip: string, status: number, more: EventRow = {}): EventRow => ({
      ...get(seconds, ip, '/login', more),
      method: 'POST',
      status,
      bytes_out: status === 302 ? 0 : 120,
    });
    const door = [
      ...Array.from({ length: 80 }, (_, i) => signIn(9000 + i, '192.0.2.9', 401, tool)),
      signIn(9100, '192.0.2.9', 302, tool),
      get(9110, '192.0.2.9', '/customers/1001', tool),
    ];
    const elsewhere = [get(12_000, '192.0.2.10', '/export/customers.csv?all=1', { ...tool, bytes_out: 9500 }), get(12_010, '192.0.2.11', '/', tool)];
    const everybody = [...people(), ...Array.from({ length: 40 }, (_, u) => signIn(u * 20 + 2, `203.0.113.${u + 1}`, 302, { user_agent: agents[u % 3] }))];
    const entered = async (rows: EventRow[]): Promise<string[]> => (await run(numbered(rows))).find(f => f.rule_id === 'entry-after-guessing')?.ips ?? [];
    expect(await entered([...everybody, get(1, '203.0.113.200', '/'), ...door, ...elsewhere])).toEqual(['192.0.2.10', '192.0.2.9']);
    expect(await entered([...everybody, ...door, ...elsewhere, signIn(8000, '203.0.113.99', 302, tool)])).toEqual(['192.0.2.9']);
  });

  it('an export by somebody who never signed in, after a door was broken, is a doubt; before, or where nobody signs in, nothing', async () => {
    const signIn = (seconds: number, ip: string, status: number, more: EventRow = {}): EventRow => ({
      ...get(seconds, ip, '/login', more),
      method: 'POST',
      status,
      bytes_out: status === 302 ? 0 : 120,
    });
    const everybody = [...people(), ...Array.from({ length: 40 }, (_, u) => signIn(u * 20 + 2, `203.0.113.${u + 1}`, 302, { user_agent: agents[u % 3] }))];
    const door = [
      ...Array.from({ length: 80 }, (_, i) => signIn(9000 + i, '192.0.2.9', 401)),
      signIn(9100, '192.0.2.9', 302),
      get(9110, '192.0.2.9', '/customers/1001'),
    ];
    const taken = (at: number): EventRow => get(at, '192.0.2.10', '/export/customers.csv?year=2023', { bytes_out: 9500 });
    const exports = async (rows: EventRow[]) =>
      (await run(numbered(rows))).filter(f => f.rule_id === 'mass-export').map(f => [f.ips, (JSON.parse(f.facts) as { doubtful?: boolean }).doubtful]);
    expect(await exports([...everybody, ...door, taken(12_000)])).toEqual([[['192.0.2.10'], true]]);
    expect(await exports([...everybody, taken(8000), ...door])).toEqual([]);
    expect(await exports([...everybody, ...door, signIn(11_990, '192.0.2.10', 302), taken(12_000)])).toEqual([]);
  });

  it('one odd request in the web log does not explain a run of injections in the database log, the payloads themselves do', async () => {
    const payload = (i: number) => `1 AND ASCII(SUBSTRING((SELECT p FROM u LIMIT 1),${i},1))>64`;
    const statement = (i: number): EventRow => ({
      class: 2,
      time_us: t0 + (100 + i) * SECOND,
      db_user: 'app',
      account: 'app',
      sql_text: `SELECT a FROM q WHERE n = ${payload(i)}`,
    });
    const statements = Array.from({ length: 20 }, (_, i) => statement(i));
    const odd = get(99, '192.0.2.4', `/search?zz=${encodeURIComponent("1' UNION ALL SELECT NULL,table_name FROM information_schema.tables-- -")}`);
    const hidden = await run(numbered([...people(), odd, ...statements]));
    expect(hidden.filter(f => f.rule_id === 'database-injection').map(f => [f.kind, f.events])).toEqual([['sqli-boolean', 20]]);
    const shown = Array.from({ length: 20 }, (_, i) => get(100 + i, '192.0.2.4', `/search?n=${encodeURIComponent(payload(i))}`));
    expect((await run(numbered([...people(), odd, ...shown, ...statements]))).filter(f => f.rule_id === 'database-injection')).toEqual([]);
    // A request or two lost from the web log make no second intruder.
    expect((await run(numbered([...people(), odd, ...shown.slice(1), ...statements]))).filter(f => f.rule_id === 'database-injection')).toEqual([]);
    // Payloads that look otherwise stand in statements of their own: they explain no others.
    const word = (i: number) => `1 AND SUBSTR((SELECT p FROM u LIMIT 1),${i},1) IN ('a','b')`;
    const words = Array.from({ length: 40 }, (_, i) => get(100 + i / 2, '192.0.2.4', `/search?n=${encodeURIComponent(word(i))}`));
    const ofWords = words.map((r, i): EventRow => ({ ...statement(0), time_us: r['time_us'] as number, sql_text: `SELECT a FROM r WHERE n = ${word(i)}` }));
    const beside = await run(numbered([...people(), ...words, ...ofWords, ...statements]));
    expect(beside.filter(f => f.rule_id === 'database-injection').map(f => [f.kind, f.events])).toEqual([['sqli-boolean', 20]]);
  });

  it('the statement of a request that took long is found at its beginning', async () => {
    const payload = "x' or if(1=1,sleep(40),0) or '";
    const slow = get(60, '192.0.2.4', `/s?q=${encodeURIComponent(payload)}`, { duration_us: 40 * SECOND, line_no: 1 });
    const ran: EventRow = { class: 2, file_no: 2, line_no: 1, time_us: t0 + 20.1 * SECOND, sql_text: `SELECT * FROM q WHERE name = '${payload}'` };
    const found = async (duration_us: number) => (await run([{ ...slow, duration_us }, ran])).map(f => [f.kind, f.outcome]);
    expect(await found(40 * SECOND)).toEqual([['sqli-time', 'succeeded']]);
    expect(await found(0)).toEqual([['sqli-time', 'unknown']]);
  });

  it('rows without time, path, address or status neither crash nor vanish from a detection', async () => {
    const rows = [
      { target: "/a?x=1' OR '1'='1" },
      { target: "\u0000\ufffd%zz'--", path: null },
      {},
      { target: '/x', path: '/x', status: null, time_us: null },
      { class: 2 },
      { target: '/', extra: '{"s-ip":"10.0.1.5","s-port":"443"}' },
      { target: '/', extra: '{"broken' },
      { target: '/', extra: '[1]' },
      { target: '/p', extra: '{"body":"a=1\' OR 1=1-- ","cookie":"k=${x"}' },
      { class: 3, outcome: 2 },
      { class: 1, user_agent: '${jndi:ldap://h/x}' },
    ];
    const found = await run(numbered(rows.map(r => ({ ...r }))));
    expect(found.some(f => f.kind === 'sqli-boolean')).toBe(true);
    expect(found.every(f => f.title_ja.length > 0 && f.author.length > 0)).toBe(true);
  });

  it('the same events give the same rows, byte for byte', async () => {
    const rows = [...people(), ...Array.from({ length: 80 }, (_, i) => get(500 + i, '192.0.2.7', `/customers/${2000 + i}?a='%20or%201=1--`))];
    const dump = async (): Promise<string> => {
      await run(numbered(rows));
      return JSON.stringify([
        await engine.rows('d', sql`select * from detection order by detection_id`),
        await engine.rows('e', sql`select * from detection_event order by detection_id, event_id`),
      ]);
    };
    expect(await dump()).toBe(await dump());
  });
});

const shared = '../shared/data';
describe.skipIf(!fs.existsSync(`${shared}/range-01`))('shared material (skipped where it is not at hand)', () => {
  const truth = (): { name: string; ips: string[] }[] => JSON.parse(fs.readFileSync(`${shared}/range-01/truth/truth.json`, 'utf8')).phases;
  const wanted: Record<string, string> = {
    recon: 'scan',
    'credential-stuffing': 'credential-stuffing',
    idor: 'idor-enumeration',
    'mass-export': 'mass-export',
    'sqli-boolean': 'sqli-boolean',
    'sqli-union': 'sqli-union',
    'sqli-error': 'sqli-error',
    'sqli-time': 'sqli-time',
  };

  for (const [name, file, change] of [
    ['the timed log', 'access_timed.log', (t: string) => t],
    [
      'the plain log, lines shuffled, agents stripped',
      'access.log',
      (t: string) =>
        t
          .split('\n')
          .map((l, i) => ({ l, k: (i * 7919) % 24_821 }))
          .sort((a, b) => a.k - b.k)
          .map(x => x.l.replace(/"[^"]*"$/, '"-"'))
          .join('\n'),
    ],
  ] as const) {
    it(`range-01 from ${name}: every phase with its addresses, nobody else`, { timeout: 60_000 }, async () => {
      const text = change(fs.readFileSync(`${shared}/range-01/evidence/${file}`, 'utf8'));
      const found = await run([...combinedRows(text), ...postgresRows(`${shared}/range-01/evidence/postgresql.csv.gz`)]);
      const evil = new Set(truth().flatMap(p => p.ips));
      expect(found.flatMap(f => f.ips).filter(ip => !evil.has(ip))).toEqual([]);
      for (const phase of truth()) {
        const mine = found.filter(f => f.kind === wanted[phase.name]);
        expect([phase.name, phase.ips.filter(ip => !mine.some(f => f.ips.includes(ip)))]).toEqual([phase.name, []]);
      }
      for (const kind of ['sqli-boolean', 'sqli-union', 'sqli-error', 'sqli-time'])
        expect(found.some(f => f.kind === kind && f.outcome === 'succeeded')).toBe(true);
    });
  }

  it('ten thousand harmless requests: fewer than five detections, none of them grave', { timeout: 30_000 }, async () => {
    const found = await run(combinedRows(fs.readFileSync(`${shared}/weblogs/benign/apache-combined.log`, 'utf8')));
    expect(found.length).toBeLessThan(5);
    expect(found.filter(f => f.level === 'high' || f.level === 'critical')).toEqual([]);
  });
});
