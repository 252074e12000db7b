import { beforeAll, describe, expect, it } from 'vitest';
import { readingOf } from '../../src/exposure/replay/statements.ts';
import { foldConstants } from '../../src/exposure/routes/fold.ts';
import { loadParser, shapeOf } from '../../src/exposure/sql/index.ts';

const select = (text: string) => {
  const read = readingOf(text);
  if ('none' in read) throw new Error(read.none);
  return read.select;
};
const like = (text: string) => {
  const { shape, slots } = shapeOf(select(text));
  return [JSON.parse(shape) as unknown, slots.map(s => s.value)];
};
const folded = (text: string) => {
  const f = foldConstants(select(text));
  const { shape, slots } = shapeOf(f.select);
  return { rest: [JSON.parse(shape) as unknown, slots.map(s => s.value)], switches: f.constants.length };
};

const ask = (n: number): string => `(select length(mark) from shelf limit 1) > ${n}`;

describe('conditions that do not look at rows', () => {
  beforeAll(loadParser);

  it('are taken out of both sides of an OR when they are the same', () => {
    expect(folded(`select id from book where lent and (title like '%a%' and ${ask(3)} or author like '%a%' and ${ask(3)})`)).toEqual({
      rest: like(`select id from book where lent and (title like '%a%' or author like '%a%')`),
      switches: 1,
    });
  });

  it('stay when the sides have different ones, or one side has none', () => {
    for (const text of [
      `select id from book where title like '%a%' and ${ask(3)} or author like '%a%' and ${ask(4)}`,
      `select id from book where title like '%a%' and ${ask(3)} or author like '%a%'`,
    ])
      expect(folded(text)).toEqual({ rest: like(text), switches: 0 });
  });

  it('are taken out of an AND as before', () => {
    expect(folded(`select id from book where title = 'a' and 1 = 1 and ${ask(3)}`)).toEqual({
      rest: like(`select id from book where title = 'a'`),
      switches: 2,
    });
  });

  it('leave no condition when one side asks nothing else', () => {
    expect(folded(`select id from book where (title = 'a' and ${ask(3)}) or ${ask(3)}`)).toEqual({ rest: like('select id from book'), switches: 1 });
  });
});
