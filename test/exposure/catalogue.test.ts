import { expect, test } from 'vitest';
import { sql } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { caseOf } from '../persons/tables.ts';
import { snapshotEngine } from './snapshot.ts';

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

test('data sets of one table are one: snapshots by key, parts side by side, those of several systems apart', async () => {
  const engine = await snapshotEngine([
    {
      name: 'old',
      columns: ['id', 'name', 'note'],
      rows: [
        ['1', 'a', 'x'],
        ['2', 'b', 'y'],
        ['3', 'c', 'z'],
      ],
    },
    {
      name: 'new',
      columns: ['id', 'name'],
      rows: [
        ['2', 'b'],
        ['3', 'C'],
        ['4', 'd'],
      ],
    },
  ]);
  const united = async (change: ReturnType<typeof sql>) => {
    await engine.run('test.change', change);
    const catalogue = await readCatalogue(engine);
    expect(catalogue.datasets).toHaveLength(1);
    const d = catalogue.byTable('t')!;
    expect(catalogue.byTable('old')).toBe(d);
    return {
      mode: catalogue.unions[0]!.mode,
      rows: (
        await engine.rows<{ v: string }>(
          'test.rows',
          sql`select concat_ws(',', id, name, coalesce(note, '-')) as v from ${sql.id(`data_${d.id}`)} order by row_no`,
        )
      ).map(r => r.v),
      touched: (
        await engine.rows<{ v: string }>(
          'test.touched',
          sql`select d.key || '.' || column_no as v from snapshot_touch join ${sql.id(`data_${d.id}`)} d using (row_no) order by d.key, column_no`,
        )
      ).map(r => r.v),
    };
  };
  const asOf = (when: ReturnType<typeof sql>) => sql`update dataset set table_name = 't', as_of_us = ${when}`;
  expect(await united(asOf(sql`case dataset_id when 'old' then 1 else 2 end`))).toEqual({
    mode: 'snapshots',
    rows: ['1,a,x', '2,b,y', '3,C,z', '4,d,-'],
    touched: ['1.-1', '1.1', '1.2', '3.1', '4.-1', '4.1', '4.2'],
  });
  await engine.run('test.parts', sql`delete from data_new where key in ('2', '3')`);
  expect(await united(asOf(sql`5`))).toEqual({ mode: 'parts', rows: ['1,a,x', '2,b,y', '3,c,z', '4,d,-'], touched: [] });
  expect(await united(sql`update dataset set system_id = dataset_id`)).toEqual({
    mode: 'apart',
    rows: ['1,a,x', '2,b,y', '3,c,z', '4,d,-'],
    touched: ['1.-1', '2.-1', '3.-1', '4.-1'],
  });
  engine.close();
});
