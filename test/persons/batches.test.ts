import { expect, test } from 'vitest';
import { sql } from '../../src/engine/index.ts';
import { caseOf, linkRecords, type TestTable } from './tables.ts';

const people: TestTable = {
  id: 'customers',
  columns: ['id', 'name', 'kana', 'dob', 'sex', 'address', 'phone', 'email'],
  rows: [
    ['1', '渡邊 花子', 'ワタナベ ハナコ', '1980-04-05', 'F', '東京都新宿区西新宿2丁目8番1号 コーポ桜101号室', '090-1111-2222', 'hanako@example.jp'],
    ['2', null, null, null, null, null, null, null],
    ['3', '渡辺花子', 'ﾜﾀﾅﾍﾞ ﾊﾅｺ', '昭和55年4月5日', '女', '新宿区西新宿２－８－１　コーポ桜１０１', '０９０１１１１２２２２', 'HANAKO@example.jp'],
    ['4', '鈴木 大輝', 'スズキ ダイキ', '2001-07-07', 'M', '大阪府大阪市北区梅田1-2-3', '080-3333-4444', null],
    ['5', '株式会社山田商事', null, null, null, '東京都港区六本木6-10-1', '03-1234-5678', null],
    ['6', '（株）山田商事', null, null, null, '港区六本木６丁目１０番１号', '0312345678', null],
  ],
};

test('records are read batch by batch: numbers that lie far apart change nothing', async () => {
  const [near, far] = [await caseOf([people]), await caseOf([people])];
  await far.engine.run('test.far', sql`update data_customers set row_no = row_no * 30000 + 7`);
  const expected = await linkRecords(near);
  expect(await linkRecords(far)).toEqual(expected);
  const best = new Map(expected.map(r => [r.key, r.b]));
  expect(best.get('3')).toBe(best.get('1'));
  expect(best.get('6')).toBe(best.get('5'));
  expect(new Set(best.values()).size).toBe(4);
  near.close();
  far.close();
});

test('the case file says who is a company also where a data set says nothing else of people', async () => {
  const kase = await caseOf([
    {
      id: 'parties',
      columns: ['id', 'kind'],
      rows: [
        ['1', 'x'],
        ['2', 'y'],
        ['3', null],
      ],
      spec: { legalPerson: { column: 'kind', map: { x: true, y: false } } },
    },
  ]);
  await linkRecords(kase);
  expect(await kase.engine.rows('test.legal', sql`select key, legal_person as legal from person_record order by key`)).toEqual([
    { key: '1', legal: true },
    { key: '2', legal: false },
    { key: '3', legal: false },
  ]);
  kase.close();
});
