import { expect, it } from 'vitest';
import { type ColumnSpec, Engine } from '../../src/engine/index.ts';
import { readKeyedWindows, readSnapshot, readWindow } from '../../src/intrusion/injection/snapshot.ts';

/** Windows that differ in the value of their condition are read at once; each must be what it is by itself. */
it('many windows at once are what each of them is alone', async () => {
  const engine = await Engine.open({ file: ':memory:', threads: 1 });
  try {
    const text = (names: string): ColumnSpec[] => names.split(' ').map(name => ({ name, type: 'VARCHAR' }));
    const big = (names: string): ColumnSpec[] => names.split(' ').map(name => ({ name, type: 'BIGINT' }));
    await engine.load('dataset', [...text('dataset_id table_name'), ...big('rows')], [['t', 't', 60]]);
    await engine.load(
      'dataset_column',
      [...text('dataset_id name'), ...big('column_no')],
      ['id', 'Town', 'rank'].map((name, i) => ['t', name, i]),
    );
    await engine.load(
      'data_t',
      [...big('row_no'), ...text('key id Town rank')],
      Array.from({ length: 60 }, (_, i) => [
        i,
        String(i),
        String((i * 7) % 10),
        ['ueno', 'Ueno', null, 'mito'][i % 4] ?? null,
        i % 5 === 0 ? '' : String((i * 13) % 11),
      ]),
    );
    const table = (await readSnapshot(engine))('public.T')!;
    const window = (values: readonly string[], from = 0, to = 99) => ({ values, from, to });
    for (const [columns, windows] of [
      [['id'], [window(['3']), window(['5'], 1, 3), window(['77']), window(['3.0'], 2, 2)]],
      [['town'], [window(['ueno'], 0, 4), window(['Ueno']), window(['x'])]],
      [
        ['town', 'id'],
        [window(['mito', '1']), window(['mito', '3']), window(['ueno', '4'], 0, 0)],
      ],
    ] as const)
      for (const order of [
        [],
        [{ column: 'rank', descending: true }],
        [
          { column: 'town', descending: false },
          { column: 'id', descending: false },
        ],
      ]) {
        const together = await readKeyedWindows(engine, table, ['rank', 'Town'], columns, order, windows);
        for (const [i, w] of windows.entries()) {
          const where = columns.map((column, c) => ({ column, op: '=', value: w.values[c]! }));
          expect(together[i]).toEqual(await readWindow(engine, table, ['rank', 'Town'], where, order, w.from, w.to));
        }
      }
  } finally {
    engine.close();
  }
});
