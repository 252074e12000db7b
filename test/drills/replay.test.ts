import { PGlite } from '@electric-sql/pglite';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { createTinyDrill, type DrillOptions, type ScenarioName, strategies, tampers } from '../../src/drills/index.ts';
import { freshFolder, parseCsv, readLog, readPostgres, readTable, readTrace, readTruth } from './reading.ts';

/** Everything the simulator claims about answers is worked out again by real databases from the exported tables. */

const tables: Record<string, string> = {
  customers:
    'id int, policy_no text, kind text, name text, kana text, dob date, sex text, zip text, address text, phone text, email text, branch text, status text, created_at date',
  bank_accounts: 'id int, customer_id int, bank_code text, branch_code text, account_type text, account_no text, holder_kana text',
  claims: 'id int, customer_id int, accident_no text, paid_amount int, note text, at date',
  victims: 'id int, claim_id int, name text, kana text, address text, phone text',
  quotes: 'id int, name text, kana text, sex text, dob date, address text, phone text, email text, pet_type text, requested_at date, status_public boolean',
  agents: 'id int, login text, password text, license_id text, name text, dob date, branch text',
  indicators: 'id int, month text, branch text, name text, value int',
};

let shared: Promise<PGlite> | null = null;
afterAll(async () => (await shared)?.close());

async function postgres(dir: string): Promise<PGlite> {
  shared ??= PGlite.create();
  const db = await shared;
  for (const [name, declaration] of Object.entries(tables)) {
    await db.exec(`drop table if exists ${name}; create table ${name} (${declaration})`);
    const { columns, rows } = readTable(dir, name);
    if (rows.length)
      await db.query(`insert into ${name} select * from json_populate_recordset(null::${name}, $1::json)`, [
        JSON.stringify(rows.map(r => Object.fromEntries(columns.map(c => [c, r[c] === '' ? null : r[c]])))),
      ]);
  }
  await db.exec('drop table if exists quote_inbox; create table quote_inbox (name text, phone text, pet_type text)');
  return db;
}

/** What was really run, without the waiting. */
const awake = (sql: string): string => sql.replace(/PG_SLEEP\(\d+\)/gi, 'generate_series(1,1)');

/** At most about `n` of a list, evenly spread. */
const sample = <T>(list: T[], n: number): T[] => list.filter((_, i) => i % Math.ceil(list.length / n) === 0);

type Ran = { rows: Record<string, unknown>[]; error: string | null };
async function run(db: PGlite, sql: string, params: (string | null)[]): Promise<Ran> {
  try {
    if (params.length) return { rows: (await db.query<Record<string, unknown>>(awake(sql), params)).rows, error: null };
    return { rows: (await db.exec(awake(sql)))[0]!.rows as Record<string, unknown>[], error: null };
  } catch (error) {
    return { rows: [], error: (error as { code?: string }).code ?? 'unknown' };
  }
}

function request(
  line: string,
  style: { encoding: string; searchParameter: string },
): { path: string; value: string; status: number; bytes: number; seconds: number } | null {
  const m = /"GET (\S+) HTTP\/1\.1" (\d+) (\d+) "[^"]*" "[^"]*" ([\d.]+) "/.exec(line);
  if (!m) return null;
  const at = m[1]!.indexOf('?');
  const value = new URLSearchParams(m[1]!.slice(at + 1).replaceAll('+', '%2B'));
  let text = value.get(style.searchParameter) ?? value.get('id') ?? '';
  if (style.encoding === 'double') text = decodeURIComponent(text.includes('%') && /%[0-9A-F]{2}/.test(text) ? text : encodeURIComponent(text));
  if (style.encoding === 'base64') text = Buffer.from(text, 'base64').toString('utf8');
  return { path: m[1]!.slice(0, at), value: text, status: +m[2]!, bytes: +m[3]!, seconds: +m[4]! };
}

async function checkPostgres(
  seed: number,
  overrides: Partial<DrillOptions> & { scenario: ScenarioName },
): Promise<{ statements: number; injected: number; delays: number }> {
  const dir = freshFolder(overrides.scenario);
  await createTinyDrill(seed, dir, quietEffects, { dialect: 'postgresql', database: 'pg-csvlog', format: 'nginx-timed', auditRows: true, ...overrides });
  const db = await postgres(dir);
  const truth = readTruth(dir);
  const counts = new Map<string, number[]>();
  for (const r of parseCsv(`${readLog(dir, 'database').join('\n')}\n`)) {
    if (!r[13]!.startsWith('AUDIT: ')) continue;
    const a = parseCsv(`${r[13]!.slice(7)}\n`)[0]!;
    const text = `${a[7]}\n${a[8]}`;
    counts.set(text, [...(counts.get(text) ?? []), +a[9]!]);
  }
  // Statements: rows and errors as logged are the rows and errors of the database.
  const seen = new Set<string>();
  const complete = readPostgres(dir).length <= 400;
  const shownIds = new Set<string>();
  let injected = 0;
  for (const s of sample(readPostgres(dir), 400)) {
    const key = JSON.stringify([s.sql, s.params]);
    if (seen.has(key) || s.sql.startsWith('COPY') || s.sql === 'SELECT version()') continue;
    seen.add(key);
    if (/ORDER BY id LIMIT 20$/.test(s.sql) && /SELECT .* SELECT /i.test(s.sql)) injected++;
    const ran = await run(db, s.sql, s.params);
    expect(ran.error, s.sql).toBe(s.error);
    if (s.error === null && !s.sql.startsWith('INSERT')) {
      const list = s.params.length === 0 ? '<none>' : null;
      if (list) expect(counts.get(`${s.sql}\n${list}`), s.sql).toContain(ran.rows.length);
    }
    if (ran.rows.length) shownIds.add(JSON.stringify(ran.rows.map(r => r['id'])));
  }
  // Trace: what a page showed is exactly what one statement returned.
  for (const t of complete ? readTrace(dir) : [])
    if (
      ['list', 'customer', 'bank', 'claims', 'export', 'search', 'status', 'shell'].includes(t.ep) &&
      (t.table === 'quotes' || t.ep !== 'search') &&
      (t.table === 'quotes' || t.ep !== 'status')
    ) {
      expect(shownIds.has(JSON.stringify(t.ids)), JSON.stringify(t)).toBe(true);
    }
  // Web log: sizes and delays follow from the answers of the database.
  let delays = 0;
  const asked = readLog(dir, 'access')
    .map(line => request(line, truth.style))
    .filter(q => q !== null && q.status === 200 && /\/quotes\/(search|status)$/.test(q.path));
  for (const q of sample(asked as NonNullable<(typeof asked)[number]>[], 160)) {
    const sql = q.path.endsWith('search')
      ? `SELECT id, name, pet_type, requested_at::text FROM quotes WHERE status_public AND name LIKE '%${q.value}%' ORDER BY id LIMIT 20`
      : `SELECT id, pet_type, requested_at::text FROM quotes WHERE id = ${q.value}`;
    const ran = await run(db, sql, []);
    expect(ran.error, sql).toBeNull();
    const items = Buffer.byteLength(JSON.stringify(ran.rows));
    const rest = q.bytes - items;
    const echo = (truth.style as unknown as { reflects: boolean }).reflects ? Buffer.byteLength(JSON.stringify(q.value)) - 2 + 6 : 0;
    expect(rest - echo, sql).toBeGreaterThanOrEqual(31);
    expect(rest - echo, sql).toBeLessThanOrEqual(34);
    const condition = /CASE WHEN \((.*)\) THEN \(SELECT \d+ FROM PG_SLEEP\((\d)\)/is.exec(sql.replaceAll('/**/', ' '));
    if (condition) {
      delays++;
      const holds = (await db.query<{ x: boolean | null }>(`select (${condition[1]}) as x`)).rows[0]!.x === true;
      expect(q.seconds >= +condition[2]!, `${condition[1]} ${q.seconds}`).toBe(holds);
    }
  }
  return { statements: seen.size, injected, delays };
}

describe('a real PostgreSQL agrees with every logged statement, size and delay', () => {
  const scenarios: ScenarioName[] = [
    'id-enumeration',
    'mass-export',
    'sqli-union',
    'sqli-error',
    'sqli-boolean',
    'sqli-time',
    'sqli-stacked',
    'full-chain',
    'web-shell',
  ];
  it.each(scenarios)('%s', async scenario => {
    const result = await checkPostgres(21, { scenario });
    expect(result.statements).toBeGreaterThan(50);
    if (scenario === 'sqli-time') expect(result.delays).toBeGreaterThan(40);
  });
  it.each(tampers.map((tamper, i) => [tamper, strategies[i % strategies.length]!] as const))('tamper %s, strategy %s', async (tamper, strategy) => {
    await checkPostgres(32, { scenario: 'sqli-boolean', strategy, tamper });
    await checkPostgres(33, { scenario: 'sqli-union', tamper });
  });
});

describe('a real SQLite agrees with every injected answer', () => {
  it.each(['sqli-boolean', 'sqli-union', 'sqli-time'] as const)('%s', async scenario => {
    let checked = 0;
    for (const [i, strategy] of strategies.entries()) {
      const dir = freshFolder('sqlite');
      await createTinyDrill(50 + i, dir, quietEffects, { scenario, strategy, dialect: 'sqlite', database: 'none', format: 'nginx-timed' });
      const truth = readTruth(dir);
      const db = new DatabaseSync(':memory:');
      for (const name of Object.keys(tables)) {
        const { columns, rows } = readTable(dir, name);
        db.exec(`create table ${name} (${tables[name]!.replaceAll('boolean', 'int')})`);
        const insert = db.prepare(`insert into ${name} values (${columns.map(() => '?').join(',')})`);
        for (const r of rows) insert.run(...columns.map(c => (r[c] === '' ? null : c === 'status_public' ? (r[c] === 't' ? 1 : 0) : r[c]!)));
      }
      for (const line of readLog(dir, 'access')) {
        const q = request(line, truth.style);
        if (q?.status !== 200 || !/\/quotes\/(search|status)$/.test(q.path)) continue;
        const text = q.path.endsWith('search')
          ? `SELECT id, name, pet_type, requested_at FROM quotes WHERE status_public = 1 AND name LIKE '%${q.value}%' ORDER BY id LIMIT 20`
          : `SELECT id, pet_type, requested_at FROM quotes WHERE id = ${q.value}`;
        const heavy = /CASE WHEN \((.*)\) THEN (?=\d+\+\(LIKE)/is.exec(text.replaceAll('/**/', ' '));
        const rows = db.prepare(text.replace(/\d00000000\/2/g, '1')).all();
        const echo = (truth.style as unknown as { reflects: boolean }).reflects ? Buffer.byteLength(JSON.stringify(q.value)) - 2 + 6 : 0;
        const rest = q.bytes - Buffer.byteLength(JSON.stringify(rows)) - echo;
        expect([31, 32, 33, 34], `${text} ${q.bytes} ${JSON.stringify(rows)}`).toContain(rest);
        if (heavy) expect(q.seconds >= 1, text).toBe(Object.values(db.prepare(`select (${heavy[1]}) as x`).get() as object)[0] === 1);
        checked++;
      }
      db.close();
    }
    expect(checked).toBeGreaterThan(100);
  });
});
