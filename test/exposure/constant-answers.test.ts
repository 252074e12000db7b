import { expect, it } from 'vitest';
import { answeredAsAlways, sameAlways } from '../../src/exposure/routes/constant-answers.ts';
import { request } from './exchange.ts';

it('an answer is as always where everybody got one of that size, and it is one of them', () => {
  const of = (path: string, sizes: readonly number[]) => sizes.map((bytes, i) => request(path, i, {}, { bytes }));
  const others = [...of('/login', [310, 311, 310, 310, 310]), ...of('/card', [310, 355, 341, 310, 362]), ...of('/new', [310, 310])];
  const asAlways = answeredAsAlways(others);
  expect(['/login', '/card', '/new'].map(path => asAlways(request(path, 9, {}, { bytes: 310 })))).toEqual([true, false, false]);
  expect(asAlways(request('/login', 9, {}, { bytes: 900 }))).toBe(false);
});

it('a byte more or less may be a digit of what was shown; too few answers tell nothing', () => {
  const of = (sizes: readonly number[]) => sizes.map((bytes, i) => request('/ticket', i, {}, { bytes }));
  expect(
    [
      [256, 256, 256, 256, 256],
      [256, 257, 256, 256, 256],
      [256, 256],
    ].map(sizes => sameAlways(of(sizes), 0)),
  ).toEqual([true, false, false]);
});
