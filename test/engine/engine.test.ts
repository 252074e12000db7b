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

test('steps that are asked for at the same time each get all their rows', async () => {
  const engine = await Engine.open({ file: ':memory:', threads: 2 });
  const sizes = [10, 10, 5000, 100_000, 3];
  expect(await Promise.all(sizes.map(async n => (await engine.rows('t', sql`select i from range(${n}) t(i)`)).length))).toEqual(sizes);
  engine.close();
});

test('nothing runs on a connection that is streaming, for it would end the stream without a word', async () => {
  const engine = await Engine.open({ file: ':memory:', threads: 2 });
  const between = async (step: () => Promise<unknown>): Promise<void> => {
    for await (const _ of engine.stream('outer', sql`select i from range(5000) t(i)`)) await step();
  };
  await expect(between(() => engine.run('t', sql`select 1`))).rejects.toThrow('outer');
  await expect(between(() => engine.rows('t', sql`select 1`))).rejects.toThrow('outer');
  const reader = await engine.reader();
  await between(() => reader.row('t', sql`select 1 as a`));
  expect(await engine.row('t', sql`select 1 as a`)).toEqual({ a: 1 });
  engine.close();
});
