import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Engine, sql } from '../../src/engine/index.ts';
import { memoised } from '../../src/persons/linkage/memo.ts';
import { mapTexts, readTexts, textRows } from '../../src/persons/linkage/text-columns.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.open({ file: ':memory:', threads: 2 });
});
afterAll(() => engine.close());

const gap = '\u001e';

/** The rows after their way through columns of texts and back. */
async function there(rows: readonly (readonly (string | null)[])[]): Promise<unknown[]> {
  const specs = ['i', 'a', 'b'].map(name => ({ name, type: 'VARCHAR' as const }));
  await engine.load(
    't',
    specs,
    rows.map((r, i) => [String(i), ...r]),
  );
  const { rows: back, held } = textRows(await readTexts(engine, ['i', 'a', 'b'], sql`select * from t`));
  const column = (name: string) => (held.has(name) ? sql.id(name) : sql`null as ${sql.id(name)}`);
  return engine.rows('test.back', sql`select ${sql.join(['i', 'a', 'b'].map(column))} from ${back} x order by i::integer`);
}

test('texts come back as they went, each in its row; the empty text is none', async () => {
  const cell = fc.option(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom('', 'a\u0000b', '佐藤 花子', ',\n"', '\u001d', '\u001f')), {
    nil: null,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 40 }), async rows => {
      expect(await there(rows)).toEqual(rows.map(([a, b], i) => ({ i: String(i), a: a || null, b: b || null })));
    }),
    { numRuns: 60, seed: 3 },
  );
});

test('a text that holds what stands between texts shifts no other', async () => {
  expect(
    await there([
      ['a', `x${gap}y`],
      ['b', gap],
      ['c', null],
    ]),
  ).toEqual([
    { i: '0', a: 'a', b: 'x y' },
    { i: '1', a: 'b', b: ' ' },
    { i: '2', a: 'c', b: null },
  ]);
});

test('texts of absurd length stay apart from each other', async () => {
  const long = 'あ'.repeat(5000);
  const back = (await there([
    [`${long}1`, 'x'],
    [`${long}2`, 'y'],
    [`${long}1`, 'z'],
  ])) as { a: string }[];
  expect(back.map(r => r.a.length < 600)).toEqual([true, true, true]);
  expect(back[0]!.a).toBe(back[2]!.a);
  expect(back[0]!.a).not.toBe(back[1]!.a);
});

test('what is said of a column is as long as the column, however long that is', () => {
  const texts = Array.from({ length: 30_000 }, (_, i) => (i % 7 === 0 ? '' : `text ${i}`));
  const [odd, none, all] = mapTexts(texts.join(gap), 3, t => [Number(t.slice(5)) % 2 === 1 ? t : null, null, `${t}!`]) as [string, string, string];
  expect(odd.split(gap)).toEqual(texts.map((t, i) => (t !== '' && i % 2 === 1 ? t : '')));
  expect(none.split(gap)).toEqual(texts.map(() => ''));
  expect(all.split(gap)).toEqual(texts.map(t => (t === '' ? '' : `${t}!`)));
});

test('a memo does not ask again for a text it met last, and holds one text at each place', () => {
  const asked: string[] = [];
  const read = memoised(t => {
    asked.push(t);
    return t.length;
  }, 1);
  expect(['a', 'a', 'a long text to be read', 'a long text to be read', 'b', 'a'].map(read)).toEqual([1, 1, 22, 22, 1, 1]);
  expect(asked).toEqual(['a', 'a long text to be read', 'b', 'a']);
});

test('a memo says of every text what its reader says, however few its places', () => {
  const read = memoised(t => [...t].reverse().join(''), 16);
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 20 })), texts => texts.forEach(t => expect(read(t)).toBe([...t].reverse().join('')))),
  );
});
