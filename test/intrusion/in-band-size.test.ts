import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitSizes, type Sized } from '../../src/intrusion/injection/in-band-size.ts';

/** Answers of a page with a constant part, so many bytes a row, and a few that vary. */
const page = fc.record({
  constant: fc.integer({ min: 20, max: 5000 }),
  overhead: fc.integer({ min: 0, max: 200 }),
  noise: fc.integer({ min: 0, max: 3 }),
});
const shown = fc.array(fc.record({ rows: fc.integer({ min: 1, max: 60 }), each: fc.integer({ min: 4, max: 60 }), pad: fc.integer({ min: 0, max: 99 }) }), {
  minLength: 5,
  maxLength: 30,
});
const answer = (p: { constant: number; overhead: number; noise: number }, s: { rows: number; each: number; pad: number }, slope = 1): Sized => ({
  bytes: Math.round(p.constant + p.overhead * s.rows + slope * s.rows * s.each) + (s.pad % (p.noise + 1)),
  length: s.rows * s.each,
  rows: s.rows,
  calibration: false,
});
const proofs = (points: readonly Sized[]): (string | null)[] => fitSizes(points).results.map(r => r.proof);
/** Enough spread for the slope to be seen at all. */
const telling = (points: readonly Sized[]): boolean =>
  new Set(points.map(p => p.rows)).size >= 3 && Math.max(...points.map(p => p.length)) - Math.min(...points.map(p => p.length)) >= 200;

describe('size as proof', () => {
  it('finds the constant and the overhead of a row from the answers alone', () => {
    let found = 0;
    fc.assert(
      fc.property(page, shown, (p, list) => {
        const points = list.map(s => answer(p, s));
        fc.pre(telling(points));
        const fit = fitSizes(points);
        if (fit.results.every(r => r.proof === 'size-series')) found++;
        for (const r of fit.results) expect([null, 'size-series']).toContain(r.proof);
      }),
      { numRuns: 300, seed: 11 },
    );
    expect(found).toBeGreaterThan(280);
  });

  it('a page of constant size, whatever it was asked, proves nothing', () => {
    fc.assert(
      fc.property(page, shown, (p, list) => {
        const points = list.map(s => ({ ...answer(p, s), bytes: p.constant + (s.pad % (p.noise + 1)) }));
        expect(proofs(points).filter(Boolean)).toEqual([]);
      }),
      { numRuns: 500, seed: 12 },
    );
  });

  it('nor do sizes that have nothing to do with what was asked', () => {
    let proven = 0;
    let all = 0;
    fc.assert(
      fc.property(shown, fc.array(fc.integer({ min: 100, max: 4000 }), { minLength: 30, maxLength: 30 }), (list, sizes) => {
        const points = list.map((s, i) => ({ ...answer({ constant: 0, overhead: 0, noise: 0 }, s), bytes: sizes[i]! }));
        all += points.length;
        proven += proofs(points).filter(Boolean).length;
      }),
      { numRuns: 500, seed: 13 },
    );
    expect(proven / all).toBeLessThan(1e-3);
  });

  it('compressed answers are told, and none of them is a proof of values', () => {
    let told = 0;
    fc.assert(
      fc.property(page, shown, fc.double({ min: 0.15, max: 0.6, noNaN: true }), (p, list, ratio) => {
        const points = list.map(s => answer({ ...p, overhead: 0 }, s, ratio));
        fc.pre(telling(points));
        expect(proofs(points).filter(x => x === 'size' || x === 'size-series')).toEqual([]);
        if (proofs(points).every(x => x === 'size-compressed')) told++;
      }),
      { numRuns: 300, seed: 14 },
    );
    expect(told).toBeGreaterThan(250);
  });

  it('one test of the vector proves answers of the same form, unless their length is that of the test', () => {
    const test: Sized = { bytes: 510, length: 10, rows: 1, calibration: true };
    expect(proofs([test, { bytes: 640, length: 140, rows: 1, calibration: false }])).toEqual([null, 'size']);
    expect(proofs([test, { bytes: 510, length: 140, rows: 1, calibration: false }])).toEqual([null, null]);
    expect(proofs([test, { bytes: 511, length: 11, rows: 1, calibration: false }])).toEqual([null, null]);
    expect(proofs([test, { bytes: 640, length: 140, rows: 7, calibration: false }])).toEqual([null, null]);
  });
});
