import { describe, expect, it } from 'vitest';
import { leverageOf, momentsOf } from '../../src/exposure/routes/leverage.ts';
import { fitSizes, judgeSize } from '../../src/exposure/routes/size-model.ts';

describe('how far a fit holds', () => {
  it('is one in the number of answers at their mean, and grows with the distance', () => {
    const x = Array.from({ length: 20 }, (_, i) => [1, i]);
    expect(leverageOf(momentsOf(x), [1, 9.5])).toBeCloseTo(1 / 20, 3);
    // (x − mean)² ÷ Σ(x − mean)² is what a slope adds.
    expect(leverageOf(momentsOf(x), [1, 40])).toBeCloseTo(1 / 20 + 30.5 ** 2 / 665, 2);
  });

  it('ends where two things always went together', () => {
    const x = Array.from({ length: 20 }, (_, i) => [1, i % 4, 3 * (i % 4)]);
    expect(leverageOf(momentsOf(x), [1, 3, 9])).toBeLessThan(1);
    expect(leverageOf(momentsOf(x), [1, 3, 12])).toBeGreaterThan(100);
  });
});

/** Pages of two shelves only: bytes, rows and the page itself cannot be told apart. Each byte counts one, each row 44, the page 33. */
describe('sizes of few different answers', () => {
  const page = (rows: number, bytes: number, noise = 0) => ({ features: [{ rows, bytes, nulls: 0 }], size: 33 + 44 * rows + bytes + noise });
  const model = fitSizes(
    Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? page(20, 803, i % 4) : page(14, 555, i % 3))),
    1,
  );
  const judged = (p: ReturnType<typeof page>): string => judgeSize(model, p.features, p.size);

  it('prove answers like theirs and refute none unlike them', () => {
    expect(model.valid).toBe(true);
    expect(judged(page(20, 803))).toBe('agrees');
    expect(judged(page(9, 300))).toBe('unknown');
  });

  it('do not tell an empty page that nobody saw', () => {
    const small = page(3, 90);
    expect(judgeSize(model, small.features, Math.round(model.intercept))).toBe('unknown');
  });
});
