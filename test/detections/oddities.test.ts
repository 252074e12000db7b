import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY, HOUR, quietEffects, SECOND } from '../../src/base/index.ts';
import type { OpenCase } from '../../src/case/index.ts';
import { oddHours, oddVolumes } from '../../src/detections/behaviour/habits.ts';
import { roleOf } from '../../src/detections/behaviour/privilege-growth.ts';
import { detect } from '../../src/detections/detect.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { request as clerkRequest, t0 } from '../fixtures/clerk-requests.ts';
import { type EventRow, loadEvents, memoryEngine, requestColumns } from '../fixtures/event-table.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

/** Seconds from the site's fixed time to a midnight. */
const midnight = 20_800;
const request = (us: number, ip: string, line: string, more: EventRow = {}): EventRow => clerkRequest(midnight + us / SECOND, ip, line, more);

type Found = { rule: string; kind: string; level: string; outcome: string; ips: (string | null)[]; events: number; facts: Record<string, unknown> };

async function find(rows: readonly EventRow[], ...rules: string[]): Promise<Found[]> {
  await loadEvents(
    engine,
    [...rows].sort((a, b) => (a['time_us'] as number) - (b['time_us'] as number)).map((r, i) => ({ ...r, line_no: i + 1 })),
  );
  await detect({ engine } as OpenCase, { ...quietEffects, lang: 'en' });
  const found = await engine.rows<Omit<Found, 'facts'> & { facts: string }>(
    'test',
    sql`select d.rule_id as rule, any_value(d.kind) as kind, any_value(d.level) as level, any_value(d.outcome) as outcome, list_sort(list(distinct src_ip)) as ips, count(*)::integer as events, any_value(d.facts) as facts
    from detection d join detection_event using (detection_id) join event e using (event_id) group by d.detection_id, d.rule_id order by d.rule_id, min(e.at_us), min(event_id), d.detection_id`,
  );
  return found.filter(f => rules.includes(f.rule)).map(f => ({ ...f, facts: JSON.parse(f.facts) as Record<string, unknown> }));
}

const uuid = (n: number): string => {
  const h = (Math.imul(n + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0');
  return `${h}-${h.slice(0, 4)}-4${h.slice(1, 4)}-a${h.slice(5)}-${h}${h.slice(0, 4)}`;
};

/** Ten accounts, ten days, office hours (9 to 17): about twenty requests an hour-pair each. */
function office(account: (u: number) => EventRow = u => ({ account: `user${u}` })): EventRow[] {
  const out: EventRow[] = [];
  for (let d = 0; d < 10; d++)
    for (let u = 0; u < 10; u++)
      for (let h = 9; h < 17; h++)
        for (let i = 0; i < 2 + ((u + d + h) % 3); i++)
          out.push(request(d * DAY + h * HOUR + i * 600 * SECOND + u * SECOND, `203.0.113.${u + 1}`, `GET /notes/${(d * 31 + u * 7 + i) % 40}`, account(u)));
  return out;
}

describe('habits of accounts', () => {
  it('a quiet office has none', async () => {
    expect(await find(office(), 'unusual-volume', 'unusual-hours')).toEqual([]);
  });

  it('a day far above the own other days and those of all others is told, with the numbers behind it', async () => {
    const surge = Array.from({ length: 400 }, (_, i) =>
      request(6 * DAY + 10 * HOUR + i * 30 * SECOND, '203.0.113.4', `GET /notes/${i % 40}`, { account: 'user3' }),
    );
    const found = await find([...office(), ...surge], 'unusual-volume', 'unusual-hours');
    expect(found.map(f => [f.rule, f.level, f.facts['account']])).toEqual([['unusual-volume', 'informational', 'user3']]);
    expect(found[0]!.facts).toMatchObject({ other_days: 9, threshold_z: 6, others: 9 });
    expect(found[0]!.facts['robust_z'] as number).toBeGreaterThan(6);
  });

  it('a day that is busy for everybody is nobody’s', async () => {
    const busy = Array.from({ length: 10 }, (_, u) =>
      Array.from({ length: 300 }, (_, i) =>
        request(6 * DAY + 9 * HOUR + i * 60 * SECOND, `203.0.113.${u + 1}`, '/x', { ...requestColumns(`GET /notes/${i % 40} HTTP/1.1`), account: `user${u}` }),
      ),
    ).flat();
    expect(await find([...office(), ...busy], 'unusual-volume')).toEqual([]);
  });

  it('work at three in the morning, where nobody ever works, is told; a night worker’s is not', async () => {
    const night = Array.from({ length: 15 }, (_, i) => request(6 * DAY + 3 * HOUR + i * 60 * SECOND, '203.0.113.4', `GET /notes/${i}`, { account: 'user3' }));
    const found = await find([...office(), ...night], 'unusual-hours');
    expect(found.map(f => [f.facts['account'], f.events, f.facts['hours_utc'], f.facts['others_then']])).toEqual([['user3', 15, [3], 0]]);
    const shifts = Array.from({ length: 10 }, (_, d) => night.map(r => ({ ...r, time_us: (r['time_us'] as number) + (d - 6) * DAY, account: 'night' }))).flat();
    expect(await find([...office(), ...shifts, ...night], 'unusual-hours')).toEqual([]);
  });

  it('too few days are no baseline', () => {
    const few = new Map([['a:x', Array.from({ length: 5 }, (_, d) => ({ who: 'a:x', h: d * 24 + 9, n: d === 4 ? 100_000 : 3 }))]]);
    expect([...oddVolumes(few), ...oddHours(few)]).toEqual([]);
  });
});

describe('ids that say nothing', () => {
  const people = (n: number): EventRow[] =>
    Array.from({ length: n }, (_, u) => [
      request(u * 100 * SECOND, `203.0.113.${u + 1}`, 'GET /orders'),
      ...Array.from({ length: 5 + (u % 4) }, (_, i) => request((u * 100 + i * 20 + 5) * SECOND, `203.0.113.${u + 1}`, `GET /orders/${uuid(u * 10 + i)}`)),
    ]).flat();

  it('people with a few each, images and pages that list are nothing', async () => {
    const images = Array.from({ length: 200 }, (_, i) =>
      request(5000 * SECOND + i * SECOND, '198.51.100.9', `GET /pictures/${uuid(i)}`, { content_type: 'image/jpeg' }),
    );
    const lists = Array.from({ length: 300 }, (_, i) =>
      request(6000 * SECOND + i * SECOND, '198.51.100.10', i % 3 === 0 ? `GET /orders?page=${i}` : `GET /orders/${uuid(i)}`),
    );
    expect(await find([...people(20), ...images, ...lists], 'opaque-id-enumeration')).toEqual([]);
  });

  it('one client with hundreds and no page that named them is shown; with many that do not exist it counts', async () => {
    const grab = (missing: (i: number) => boolean): EventRow[] =>
      Array.from({ length: 200 }, (_, i) =>
        request(5000 * SECOND + i * SECOND, '198.51.100.9', `GET /orders/${uuid(1000 + i)}`, { status: missing(i) ? 404 : 200 }),
      );
    const shown = await find([...people(20), ...grab(() => false)], 'opaque-id-enumeration');
    expect(shown.map(f => [f.level, f.outcome, f.ips, f.events, f.facts['distinct'], f.facts['peers']])).toEqual([
      ['informational', 'unknown', ['198.51.100.9'], 200, 200, 20],
    ]);
    const guessed = await find([...people(20), ...grab(i => i % 2 === 0)], 'opaque-id-enumeration');
    expect(guessed.map(f => [f.level, f.outcome, f.facts['missing'], f.facts['doubtful']])).toEqual([['high', 'succeeded', 100, true]]);
  });
});

describe('growth of rights', () => {
  const colleagues = office(u => ({ account: `user${u}` }));
  const statement = (us: number, text: string, more: EventRow = {}): EventRow => ({
    time_us: t0 + midnight * SECOND + us,
    class: 2,
    source_kind: 'sql-audit',
    file_no: 1,
    conn_id: 'c1',
    db_user: 'app',
    app_name: 'web',
    sql_text: text,
    stmt_kind: text.split(' ')[0]!.toUpperCase(),
    ...more,
  });

  it('an administrative function first used after days of ordinary work is shown with what was refused before; who always had it is not', async () => {
    const grown = [
      ...[1, 2, 3].map(i => request(5 * DAY + 10 * HOUR + i * SECOND, '203.0.113.4', 'GET /admin/users', { account: 'user3', status: 403 })),
      ...[1, 2, 3, 4].map(i => request(6 * DAY + 10 * HOUR + i * SECOND, '203.0.113.4', 'GET /admin/users', { account: 'user3' })),
    ];
    const found = await find([...colleagues, ...grown], 'new-administrative-functions');
    expect(found.map(f => [f.level, f.kind, f.facts['functions'], f.facts['refused_before'], f.facts['users_of_them']])).toEqual([
      ['informational', 'other', ['/admin/users'], 3, 1],
    ]);
    const always = Array.from({ length: 10 }, (_, d) => request(d * DAY + 9 * HOUR, '203.0.113.50', 'GET /admin/users', { account: 'boss' }));
    expect(await find([...colleagues, ...always], 'new-administrative-functions')).toEqual([]);
    const everybody = colleagues.map((r, i) => (i % 5 === 0 ? { ...r, ...requestColumns('GET /settings HTTP/1.1') } : r));
    expect(await find(everybody, 'new-administrative-functions')).toEqual([]);
  });

  it('names the role that a statement raises', () => {
    for (const [text, role] of [
      ['CREATE ROLE shadow LOGIN SUPERUSER', 'shadow'],
      ['alter user "Report" with password \'x\'', 'report'],
      ['GRANT SELECT, UPDATE ON customers TO report', 'report'],
      ['grant dba to `scott`', 'scott'],
      ["EXEC sp_addsrvrolemember 'eve', 'sysadmin'", 'eve'],
      ['ALTER SERVER ROLE sysadmin ADD MEMBER [eve]', 'eve'],
      ["select * from grants where who = 'to me'", null],
      ['ALTER TABLE users ADD role text', null],
      ['', null],
    ] as const)
      expect([text, roleOf(text)]).toEqual([text, role]);
  });

  it('a role raised by the program’s own account beside an injection counts, with its use; a release or an administrator is only shown', async () => {
    const everyday = Array.from({ length: 300 }, (_, i) => statement(i * 60 * SECOND, `SELECT id, name FROM customers WHERE id = ${i}`));
    const payload = "1'; ALTER ROLE report SUPERUSER--";
    const attack = [
      request(5 * HOUR, '198.51.100.9', `GET /search?q=${encodeURIComponent(payload)}`),
      statement(5 * HOUR + 1000, `SELECT id FROM customers WHERE name = '${payload}'`),
      statement(5 * HOUR + 2000, 'ALTER ROLE report SUPERUSER'),
      statement(6 * HOUR, 'SELECT * FROM secrets', { db_user: 'report', conn_id: 'c9', app_name: 'psql' }),
    ];
    const found = await find([...everyday, ...attack], 'role-raised');
    expect(found.map(f => [f.level, f.outcome, f.facts['role'], f.facts['uses_after'], f.facts['beside_an_attack']])).toEqual([
      ['high', 'succeeded', 'report', 1, true],
    ]);
    const release = [
      statement(5 * HOUR, 'CREATE TABLE t (id int)', { conn_id: 'c2' }),
      statement(5 * HOUR + 1, 'GRANT SELECT ON t TO report', { conn_id: 'c2' }),
    ];
    const admin = [statement(7 * HOUR, 'GRANT SELECT ON t TO auditor', { conn_id: 'c3', db_user: 'postgres', app_name: 'psql' })];
    expect((await find([...everyday, ...release, ...admin], 'role-raised')).map(f => [f.level, f.facts['role'], f.facts['while_building']])).toEqual([
      ['informational', 'report', true],
      ['informational', 'auditor', false],
    ]);
  });
});

describe('what a protecting product said', () => {
  const waf = (us: number, line: string, rules: object[], more: EventRow & { body?: string } = {}): EventRow => {
    const { body, ...rest } = more;
    return {
      ...request(us, '198.51.100.7', line),
      class: 6,
      source_kind: 'waf',
      action: 'alert',
      outcome: 0,
      message: null,
      ...rest,
      extra: JSON.stringify({ ...(body !== undefined && { request_body: body }), rules }),
    };
  };
  const sqlRule = { id: '942100', msg: 'SQL Injection Attack', severity: 'CRITICAL', tags: ['attack-sqli'] };

  it('is shown by client and kind, with its rules and our own score; a body that only it holds is scored', async () => {
    const rows = [
      ...Array.from({ length: 5 }, (_, i) =>
        waf(i * SECOND, 'POST /search', [sqlRule], { body: `q=${encodeURIComponent(`x' UNION SELECT ${i},login,password FROM users--`)}` }),
      ),
      ...Array.from({ length: 4 }, (_, i) => waf(i * SECOND, 'GET /a', [sqlRule], { outcome: 2, action: 'blocked', status: 403, src_ip: '198.51.100.8' })),
      waf(9 * SECOND, 'GET /b', [{ id: '920350', msg: 'Host header is a numeric address', severity: 'WARNING' }], { src_ip: '198.51.100.9' }),
      waf(9 * SECOND, 'GET /c', [], { src_ip: '198.51.100.10', action: 'audit' }),
    ];
    const found = await find(rows, 'product-finding');
    expect(found.map(f => [f.kind, f.level, f.outcome, f.ips, f.events])).toEqual([
      ['sqli-union', 'medium', 'unknown', ['198.51.100.7'], 5],
      ['other', 'low', 'blocked', ['198.51.100.8'], 4],
      ['other', 'informational', 'unknown', ['198.51.100.9'], 1],
    ]);
    expect(found[0]!.facts).toMatchObject({ stopped: 0, grave: 5, product_rules: { 942100: 5 }, messages: ['SQL Injection Attack'] });
    expect(found[0]!.facts['own_signatures']).toContain('sqli/union-select');
  });

  it('is total: broken, odd and empty records', async () => {
    const rows: EventRow[] = ['', '{', '[]', 'null', '{"rules":{}}', '{"rules":[null,1,{"id":7,"tags":[null]}],"request_body":5}'].map((extra, i) => ({
      ...waf(i * SECOND, 'GET /a', []),
      extra,
      message: i % 2 === 0 ? 'Attack found' : null,
    }));
    expect((await find(rows, 'product-finding')).length).toBeGreaterThan(0);
  });
});
