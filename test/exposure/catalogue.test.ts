import { expect, test } from 'vitest';
import { sql } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { caseOf } from '../persons/tables.ts';

test('a column is what all of its rows allow, also where only a late row speaks against it', async () => {
  const rows = Array.from({ length: 5000 }, (_, i) => [
    String(i + 1),
    String(i),
    `2024-01-${String(1 + (i % 28)).padStart(2, '0')}`,
    'a',
    i === 4321 ? null : `k${i}`,
  ]);
  rows[4500]![1] = 'x1';
  rows[4700]![2] = '2024-02-31';
  rows[4900]![3] = 'B';
  rows[4999]![4] = 'k0';
  const kase = await caseOf([{ id: 'late', columns: ['id', 'ints', 'days', 'words', 'codes'], rows }]);
  await kase.engine.run('test.columns', sql`alter table dataset add column system_id varchar`);
  await kase.engine.run('test.columns', sql`alter table dataset add column as_of_us bigint`);
  const catalogue = await readCatalogue(kase.engine);
  expect(catalogue.datasets[0]!.columns.map(c => [c.name, c.type, c.unique, c.hasNull])).toEqual([
    ['id', 'int', true, false],
    ['ints', 'text', true, false],
    ['days', 'text', false, false],
    ['words', 'text', false, false],
    ['codes', 'text', false, true],
  ]);
  expect(catalogue.datasets[0]!.columns[3]!.orderSafe).toBe(false);
  kase.close();
});
