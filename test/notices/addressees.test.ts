import { afterAll, beforeAll, expect, test } from 'vitest';
import { sql } from '../../src/engine/index.ts';
import { findAddressees } from '../../src/notices/addressees.ts';
import { countExposure } from '../../src/persons/index.ts';
import { caseOf, linkRecords } from '../persons/tables.ts';

const columns = ['id', 'name', 'dob', 'postal_code', 'address', 'phone'];
const customers = [
  ['1', '佐藤 太郎', '1970-01-02', null, null, '090-1111-2222'],
  ['2', '佐藤 太郎', '1970-01-02', '100-0001', '東京都千代田区千代田1-1', '090-1111-2222'],
  ['3', '鈴木 花子', '1985-05-06', '530-0001', '大阪府大阪市北区梅田1-2-3', null],
  ['4', '株式会社例示商事', null, '460-0001', '愛知県名古屋市中区三の丸1-2', '052-111-2222'],
  ['5', '田中 実', '1950-12-31', '060-0001', '北海道札幌市中央区北1条西2丁目', '011-222-3333'],
];
/** Name and telephone of the first, third and fourth record; of the last only the key. */
const disclosed = [
  [0, 1],
  [0, 5],
  [2, 1],
  [2, 5],
  [3, 1],
  [3, 5],
  [4, 0],
];

let kase: Awaited<ReturnType<typeof caseOf>>;
beforeAll(async () => {
  kase = await caseOf([{ id: 'customers', columns, rows: customers, spec: { legalPerson: { column: 'id', map: { '4': true } } } }]);
  await linkRecords(kase);
  for (const [row, column] of disclosed)
    await kase.engine.run('test.tier', sql`insert into cell_tier values ('customers', ${row}, ${column}, 2, 3, 'claim-1')`);
  await countExposure(kase);
});
afterAll(() => kase.close());

test('who is told, of which items, at which address', async () => {
  const { total, list } = await findAddressees(kase, 10);
  const told = list.map(p => [p.records, p.elements, p.name, p.postalCode, p.address]).sort();
  // The telephone of the second person is empty; the address of the first stands in another record; a company and a key alone get no letter.
  expect(told).toEqual([
    [['customers/1'], ['contact.phone', 'person.name'], '佐藤 太郎', '100-0001', '東京都千代田区千代田1-1'],
    [['customers/3'], ['person.name'], '鈴木 花子', '530-0001', '大阪府大阪市北区梅田1-2-3'],
  ]);
  expect(total).toBe(2);
});

test('beyond the limit persons are counted only', async () => {
  const all = await findAddressees(kase, 10);
  expect(await findAddressees(kase, 1)).toEqual({ total: 2, list: all.list.slice(0, 1) });
});
