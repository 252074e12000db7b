import { expect, test } from 'vitest';
import { compileSql, Engine, sql } from '../../src/engine/index.ts';

test('values are bound, never spliced, and come back exact', async () => {
  const engine = await Engine.open({ file: ':memory:', threads: 2 });
  const hostile = `'; drop table x; --`;
  expect(compileSql(sql`select ${hostile}`).sql).toBe('select $1');
  expect(await engine.row('t', sql`select ${hostile} as a, ${1_800_000_000_000_000} as b, [1, 2] as c, true as d, null as e`)).toEqual({
    a: hostile,
    b: 1_800_000_000_000_000,
    c: [1, 2],
    d: true,
    e: null,
  });
  const columns = [
    { name: 'k', type: 'BIGINT' },
    { name: 'v', type: 'VARCHAR' },
    { name: 'l', type: 'VARCHAR[]' },
  ] as const;
  expect(
    await engine.load('t1', columns, [
      [1, '利用者"名', ['a', 'b']],
      [2 ** 50, null, null],
    ]),
  ).toBe(2);
  expect(await engine.rows('t1', sql`select * from t1 order by k`)).toEqual([
    { k: 1, v: '利用者"名', l: ['a', 'b'] },
    { k: 2 ** 50, v: null, l: null },
  ]);
  engine.close();
});
