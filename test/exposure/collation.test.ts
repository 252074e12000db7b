import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Engine, sql } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { failed, replay } from '../../src/exposure/replay/replay.ts';
import { readAll } from '../../src/exposure/replay/statements.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { snapshotEngine } from './snapshot.ts';

const names = [
  '佐藤',
  '佐藤　花子',
  '佐 藤',
  '加藤',
  'Sato',
  'ＳＡＴＯ',
  '鈴木',
  'すずき',
  '福\uFA00',
  '渡部',
  '渡邉部',
  '佐々木',
  '宮\uFA11',
  '\u{20BB7}川',
  '辻\u{E0100}',
  '㊞藤',
];

describe('text of a database whose collation is not known', () => {
  let engine: Engine;
  beforeAll(async () => {
    await loadParser();
    engine = await snapshotEngine([
      {
        name: 'people',
        columns: ['id', 'name', 'mail', 'open'],
        rows: names.map((n, i) => [String(100 + i), n, i % 2 ? null : `m${i}@x`, i < 6 ? 'true' : 'false']),
      },
    ]);
  });
  afterAll(() => engine.close());

  /** Names surely and possibly found by a statement of MySQL. */
  async function found(text: string): Promise<{ must: string[]; may: string[] }> {
    const reading = readAll(text, 'mysql');
    if (reading === 'unparseable') throw new Error(text);
    const r = await replay(engine, await readCatalogue(engine), { select: reading[0]!.select, parameters: [], batch: null, foreign: reading[0]!.foreign });
    if (failed(r)) throw new Error(r.failure);
    const rows = await engine.rows<{ row: number; m: boolean }>(
      'test.rows',
      sql`select ${sql.id(r.relation.occurrences[0]!.ref)} as row, m from replay_result`,
    );
    const of = (list: typeof rows): string[] => list.map(x => names[x.row]!).sort((a, b) => names.indexOf(a) - names.indexOf(b));
    return { must: of(rows.filter(x => x.m)), may: of(rows) };
  }

  test('kanji are compared, what stands between them may be ignored', async () => {
    expect(await found("SELECT mail FROM people WHERE name = '佐藤'")).toEqual({ must: ['佐藤'], may: ['佐藤', '佐 藤', '福\uFA00', '㊞藤'] });
    expect(await found("SELECT mail FROM people WHERE name LIKE '%佐藤%'")).toEqual({
      must: ['佐藤', '佐藤　花子'],
      may: ['佐藤', '佐藤　花子', '佐 藤', '福\uFA00', '㊞藤'],
    });
  });

  test('a kanji that stands among the compatibility ideographs without being one is a kanji', async () => {
    expect(await found("SELECT mail FROM people WHERE name LIKE '%\uFA11%'")).toEqual({ must: ['宮\uFA11'], may: ['福\uFA00', '宮\uFA11', '㊞藤'] });
  });

  test('a kanji beyond the first plane is no other one, and a variant of a kanji may be that kanji', async () => {
    expect((await found("SELECT mail FROM people WHERE name LIKE '%川%'")).may).toEqual(['福\uFA00', '\u{20BB7}川', '㊞藤']);
    expect((await found("SELECT mail FROM people WHERE name = '辻'")).may).toEqual(['福\uFA00', '辻\u{E0100}', '㊞藤']);
    expect((await found("SELECT mail FROM people WHERE name LIKE '%印%'")).may).toContain('㊞藤');
  });

  test('a wildcard between kanji, kana and marks of repetition may be anything', async () => {
    for (const pattern of ['%渡%部%', '佐_', 'すずき', '佐々木']) {
      const { may } = await found(`SELECT mail FROM people WHERE name LIKE '${pattern}'`);
      expect(may).toEqual(names);
    }
  });

  test('truth is 1 and 0, CHAR without a length keeps the text, CONCAT with a NULL shows nothing', async () => {
    expect((await found('SELECT mail FROM people WHERE open = 1')).must).toHaveLength(6);
    const [reading] = readAll('SELECT CONCAT(name, 0x7e, IFNULL(CAST(mail AS CHAR), 0x20)), CONCAT(name, mail) FROM people', 'mysql') as Exclude<
      ReturnType<typeof readAll>,
      string
    >;
    const r = await replay(engine, await readCatalogue(engine), { select: reading!.select, parameters: [], batch: null, foreign: true });
    if (failed(r)) throw new Error(r.failure);
    const rows = await engine.rows<{ a: string; b: string | null }>('test.shown', sql`select c0 as a, c1 as b from replay_result order by 1`);
    expect(rows.find(x => x.a.startsWith('佐藤~'))).toEqual({ a: '佐藤~m0@x', b: '佐藤m0@x' });
    expect(rows.find(x => x.a.startsWith('加藤~'))).toEqual({ a: '加藤~ ', b: null });
    expect(r.relation.columns.map(c => c.fragile)).toEqual([true, true]);
  });
});
