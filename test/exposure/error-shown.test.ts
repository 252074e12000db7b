import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, sql } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { Claims } from '../../src/exposure/claims/claims.ts';
import { claimErrors } from '../../src/exposure/claims/error-shown.ts';
import { type ReadableStatement, readingOf } from '../../src/exposure/replay/statements.ts';
import type { RouteRead } from '../../src/exposure/routes/binding.ts';
import type { Request } from '../../src/exposure/routes/requests.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { snapshotEngine } from './snapshot.ts';

/** Three of four books have no shelf: by shelf, their order is open. */
const books = [
  ['1', 'B-100', ''],
  ['2', 'B-200', ''],
  ['3', 'B-300', ''],
  ['4', 'B-400', 'z9'],
] as const;
let engine: Engine;

async function shown(probe: string, message: string | null): Promise<{ key: string; name: string; lower: number; upper: number }[]> {
  engine = await snapshotEngine([{ name: 'book', columns: ['id', 'mark', 'shelf'], rows: books }]);
  const prefix = `select id from book where mark = '`;
  const value = `x' and 1 = cast('<<' || (${probe}) || '>>' as numeric) and 'a' = 'a`;
  const read = readingOf(`${prefix}x'`) as ReadableStatement;
  const route: RouteRead = {
    route: 'GET /book',
    read,
    bindings: [{ from: 'request', name: 'mark', before: '', after: '' }],
    concatenations: [{ name: 'mark', prefix, suffix: `'` }],
    support: 1,
    learnedFrom: 9,
    source: 'log',
    parameters: false,
  };
  const request: Request = {
    eventId: 7,
    loUs: 1000,
    hiUs: 2000,
    systemId: null,
    method: 'GET',
    shape: '/book',
    values: new Map([['mark', value]]),
    status: 500,
    bytes: 40,
    durationUs: 1000,
    ip: null,
    session: null,
    account: null,
    actor: 'strict',
    path: '/book',
  };
  const catalogue = await readCatalogue(engine);
  const claims = await Claims.open(engine);
  const errors = new Map(message === null ? [] : [[`${prefix}${value}'`, [{ us: 1100, eventId: 8, message }]]]);
  await claimErrors(engine, catalogue, claims, [request], [route], { statements: [], unparseable: [], errors, present: true });
  await claims.close();
  return engine.rows(
    'test.shown',
    sql`select d.key, c.name, r.tier_lower as lower, r.tier_upper as upper from claim_row r join colset s using (colset_id) join dataset_column c on c.dataset_id = s.dataset_id and c.column_no = s.column_no
    join data_book d using (row_no) where r.tier_upper > 0 order by d.key, c.name`,
  );
}

describe('what an error message showed', () => {
  beforeAll(loadParser);
  afterEach(() => engine.close());

  it('is the row whose value the message spells, though the order left it open', async () => {
    const cells = await shown('select mark from book order by shelf offset 1 limit 1', 'invalid input syntax for type numeric: "<<B-200>>"');
    expect(cells.map(c => [c.key, c.name])).toEqual([['2', 'mark']]);
    expect(cells[0]!.lower).toBeGreaterThanOrEqual(3);
  });

  it('stays open between the rows that share the value', async () => {
    const cells = await shown('select shelf from book order by shelf offset 1 limit 1', 'invalid input syntax for type numeric: "<<>>"');
    expect(cells.map(c => [c.key, c.name, c.lower, c.upper])).toEqual([
      ['1', 'shelf', 0, 2],
      ['2', 'shelf', 0, 2],
      ['3', 'shelf', 0, 2],
    ]);
  });

  it('is one of the rows without a value when the message spells none, however the export writes that', async () => {
    const cells = await shown(`select coalesce(shelf, ' ') from book order by mark desc offset 1 limit 1`, 'invalid input syntax for type numeric: "<<>>"');
    expect(cells.map(c => c.key)).not.toContain('4');
    const open = await shown(
      `select coalesce(nullif(shelf, ''), ' ') from book order by shelf offset 1 limit 1`,
      'invalid input syntax for type numeric: "<<>>"',
    );
    expect(open.map(c => [c.key, c.lower])).toEqual([
      ['1', 0],
      ['2', 0],
      ['3', 0],
    ]);
  });

  it('stays open between all candidates without a message, or with one that fits none', async () => {
    for (const message of ['invalid input syntax for type numeric: "<<B-777>>"', null]) {
      const cells = await shown('select mark from book order by shelf offset 1 limit 1', message);
      expect(cells.filter(c => c.lower > 0)).toEqual([]);
      expect(cells.map(c => c.key)).toEqual(expect.arrayContaining(['1', '2', '3']));
    }
  });
});
