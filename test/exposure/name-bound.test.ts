import { afterEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/index.ts';
import { sql } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { Claims } from '../../src/exposure/claims/claims.ts';
import { claimByNames } from '../../src/exposure/claims/name-bound.ts';
import { request } from './exchange.ts';
import { snapshotEngine } from './snapshot.ts';

let engine: Engine;

/** Rows that requests of one route may have shown, one request for each size. */
async function possible(values: Record<string, string>, path = '/export.csv', sizes: readonly number[] = [900]): Promise<{ rows: string[]; unnamed: number }> {
  engine = await snapshotEngine([
    {
      name: 'reader',
      columns: ['id', 'grade'],
      rows: [
        ['1', 'adult'],
        ['2', 'child'],
        ['3', 'adult'],
      ],
    },
    { name: 'book', columns: ['id', 'genre'], rows: [['7', 'poetry']] },
  ]);
  const requests = sizes.map((bytes, i) => request(path, 1, values, { eventId: i + 1, hiUs: 2, bytes, durationUs: null, actor: 'strict' }));
  const claims = await Claims.open(engine);
  const unnamed = await claimByNames(engine, await readCatalogue(engine), claims, requests, new Set());
  await claims.close();
  const rows = await engine.rows<{ id: string }>(
    'test.possible',
    sql`select distinct s.dataset_id || ':' || r.row_no as id from claim_row r join colset s using (colset_id) where r.tier_upper = 2 order by 1`,
  );
  return { rows: rows.map(r => r.id), unnamed: unnamed.size };
}

describe('a route that names no dataset', () => {
  afterEach(() => engine.close());

  it('is bound by the columns its parameters are called after', async () => {
    expect(await possible({ grade: 'adult' })).toEqual({ rows: ['reader:0', 'reader:2'], unnamed: 0 });
  });

  it('stays unnamed without such a parameter, and a small number may be the key of a record', async () => {
    expect(await possible({ v: '2' })).toEqual({ rows: ['reader:1'], unnamed: 1 });
    engine.close();
    expect(await possible({ v: '9' })).toEqual({ rows: [], unnamed: 1 });
    engine.close();
    expect(await possible({ grade: '' })).toEqual({ rows: [], unnamed: 1 });
  });

  it('may show every member of a list that it is asked for, by key or by a column of the parameter’s name', async () => {
    expect(await possible({ v: '1,3' })).toEqual({ rows: ['reader:0', 'reader:2'], unnamed: 1 });
    engine.close();
    expect(await possible({ v: '[2 | 7] and 1=1' })).toEqual({ rows: ['book:0', 'reader:1'], unnamed: 1 });
    engine.close();
    expect(await possible({ grade: 'child,adult' })).toEqual({ rows: ['reader:0', 'reader:1', 'reader:2'], unnamed: 0 });
  });
});

describe('a page that is asked for by nothing', () => {
  afterEach(() => engine.close());

  it('may show whom the request before it named, when that was accepted just then', async () => {
    const own = async (status: number, earlierUs: number, name: string): Promise<string[]> => {
      engine = await snapshotEngine([
        {
          name: 'reader',
          columns: ['id', 'grade'],
          rows: [
            ['000501', 'adult'],
            ['000502', 'child'],
          ],
        },
      ]);
      const opener = request('/confirm', 90_000_000 - earlierUs, { m: name }, { eventId: 1, status, ip: '192.0.2.7', actor: 'strict' });
      const page = request('/mypage', 90_000_000, {}, { eventId: 2, bytes: 900, ip: '192.0.2.7', actor: 'strict' });
      const claims = await Claims.open(engine);
      await claimByNames(engine, await readCatalogue(engine), claims, [opener, page], new Set());
      await claims.close();
      const rows = await engine.rows<{ id: string }>(
        'test.possible',
        sql`select distinct row_no::varchar as id from claim_row where tier_upper = 2 order by 1`,
      );
      return rows.map(r => r.id);
    };
    expect(await own(302, 1_000_000, '000502')).toEqual(['1']);
    engine.close();
    expect(await own(403, 1_000_000, '000502')).toEqual([]);
    engine.close();
    expect(await own(302, 80_000_000, '000502')).toEqual([]);
  });
});

describe('a route whose path names a dataset', () => {
  afterEach(() => engine.close());

  it('may show its records', async () => {
    expect(await possible({}, '/book/list', [120, 160])).toEqual({ rows: ['book:0'], unnamed: 0 });
  });

  it('shows something else too where answers differ by more than all these records make', async () => {
    expect(await possible({}, '/book/list', [120, 9000])).toEqual({ rows: ['book:0', 'reader:0', 'reader:1', 'reader:2'], unnamed: 0 });
  });
});

describe('a route that names a dataset', () => {
  afterEach(() => engine.close());

  it('may show the records that those of the named one refer to, or that refer to them', async () => {
    engine = await snapshotEngine([
      {
        name: 'loan',
        columns: ['slip', 'reader_id'],
        key: ['slip'],
        rows: [
          ['a1', '2'],
          ['a2', '3'],
        ],
      },
      {
        name: 'reader',
        columns: ['id', 'grade'],
        rows: [
          ['1', 'x'],
          ['2', 'x'],
          ['3', 'x'],
        ],
      },
      {
        name: 'note',
        columns: ['no', 'slip'],
        key: ['no'],
        rows: [
          ['n1', 'a1'],
          ['n2', 'a2'],
          ['n3', 'zz'],
        ],
      },
      { name: 'shelf', columns: ['no', 'room'], key: ['no'], rows: [['s1', 'x']] },
    ]);
    const claims = await Claims.open(engine);
    const asked = request('/loan/a2', 1, { 'path.2': 'a2' }, { eventId: 1, hiUs: 2, bytes: 900, durationUs: null, actor: 'strict' });
    await claimByNames(engine, await readCatalogue(engine), claims, [asked], new Set());
    await claims.close();
    const rows = await engine.rows<{ id: string }>(
      'test.possible',
      sql`select distinct s.dataset_id || ':' || r.row_no as id from claim_row r join colset s using (colset_id) where r.tier_upper = 2 order by 1`,
    );
    expect(rows.map(r => r.id)).toEqual(['loan:1', 'note:1', 'reader:2']);
  });
});
