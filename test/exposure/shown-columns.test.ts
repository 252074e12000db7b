import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fitColumns } from '../../src/exposure/routes/shown-columns.ts';

/** Answers of a page that shows some of the columns 0…n-1 of the rows it reads, beside a frame and one other read. */
const pages = fc
  .record({
    factors: fc.array(fc.constantFrom(0, 1, 2), { minLength: 2, maxLength: 6 }),
    frame: fc.integer({ min: 100, max: 5000 }),
    seed: fc.integer({ min: 1, max: 1e6 }),
  })
  .map(({ factors, frame, seed }) => {
    let s = seed;
    const random = (n: number): number => {
      s = (Math.imul(s, 1103515245) + 12345) >>> 0;
      return (s >>> 8) % n;
    };
    const rows = Array.from({ length: 120 }, () => ({ own: factors.map(() => 3 + random(12)), other: random(90) }));
    return {
      factors,
      observations: rows.map(r => ({
        size: frame + 2 * r.other + r.own.reduce((a, n, i) => a + n * factors[i]!, 0) + random(3),
        features: [
          { rows: 1, bytes: r.own.reduce((a, n) => a + n, 8), nulls: 0 },
          { rows: 1, bytes: r.other, nulls: 0 },
        ],
      })),
      lengths: rows.map(r => new Map([...r.own.map((n, i): [number, number] => [i, n]), [99, 8]])),
    };
  });

it('sizes tell which columns a page shows; of values of one length they tell nothing', () => {
  fc.assert(
    fc.property(pages, ({ factors, observations, lengths }) => {
      const told = fitColumns(observations, 0, lengths)!;
      expect([...told.shown].sort()).toEqual(factors.flatMap((f, i) => (f > 0 ? [i] : [])));
      expect([...told.hidden].sort()).toEqual(factors.flatMap((f, i) => (f === 0 ? [i] : [])));
    }),
    { numRuns: 60 },
  );
});

it('columns that always go together, few answers, or answers that follow something else leave it open', () => {
  const at = (size: number): Parameters<typeof fitColumns>[0][number] => ({ size, features: [{ rows: 1, bytes: 0, nulls: 0 }] });
  const twins = Array.from(
    { length: 60 },
    (_, i) =>
      new Map([
        [0, i % 17],
        [1, i % 17],
      ]),
  );
  expect(
    fitColumns(
      Array.from({ length: 60 }, (_, i) => at(500 + (i % 17))),
      0,
      twins,
    ),
  ).toEqual({ shown: new Set(), hidden: new Set() });
  const one = Array.from({ length: 60 }, (_, i) => new Map([[0, i % 17]]));
  expect(
    fitColumns(
      Array.from({ length: 60 }, (_, i) => at(500 + ((i * 7919) % 400))),
      0,
      one,
    ),
  ).toBeNull();
  expect(
    fitColumns(
      Array.from({ length: 10 }, (_, i) => at(500 + i)),
      0,
      one.slice(0, 10),
    ),
  ).toBeNull();
});
