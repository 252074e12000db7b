import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundCount, boundFigure } from '../../src/exposure/index.ts';
import { patternOf } from '../../src/exposure/recovered/values.ts';
import { fitSizes, judgeSize } from '../../src/exposure/routes/size-model.ts';
import { holesIn } from '../../src/exposure/routes/walks.ts';

const family = (rows: number) =>
  fc.record({
    shown: fc.uniqueArray(fc.integer({ min: 0, max: rows - 1 })),
    known: fc.array(fc.boolean(), { minLength: rows, maxLength: rows }),
    never: fc.array(fc.boolean(), { minLength: rows, maxLength: rows }),
    sets: fc.array(fc.tuple(fc.uniqueArray(fc.integer({ min: 0, max: rows - 1 })), fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })), {
      maxLength: 5,
    }),
  });

describe('counts from must, may and constraints', () => {
  it('hold the true count, whatever was shown, and are exact for small families', () => {
    fc.assert(
      fc.property(family(9), ({ shown, known, never, sets }) => {
        const truth = new Set(shown);
        const must = new Set(shown.filter(r => known[r]));
        const may = new Set([...Array(9).keys()].filter(r => truth.has(r) || !never[r]));
        const constraints = sets.map(([rows, under, over]) => {
          const n = rows.filter(r => truth.has(r)).length;
          return { rows: new Set(rows), least: Math.max(0, n - under), most: n + over };
        });
        const bound = boundCount(must, may, constraints);
        let least = Infinity;
        let most = -Infinity;
        for (let set = 0; set < 1 << 9; set++) {
          const x = [...Array(9).keys()].filter(r => (set >> r) & 1);
          if (!x.every(r => may.has(r)) || ![...must].every(r => x.includes(r))) continue;
          if (
            !constraints.every(c => {
              const n = x.filter(r => c.rows.has(r)).length;
              return n >= c.least && n <= c.most;
            })
          )
            continue;
          least = Math.min(least, x.length);
          most = Math.max(most, x.length);
        }
        expect(bound).toEqual({ lower: least, upper: most });
      }),
      { numRuns: 300 },
    );
  });

  it('stay valid for large families, where the greedy bound is used', () => {
    fc.assert(
      fc.property(family(40), ({ shown, known, never, sets }) => {
        const truth = new Set(shown);
        const must = new Set(shown.filter(r => known[r]));
        const may = new Set([...Array(40).keys()].filter(r => truth.has(r) || !never[r]));
        const constraints = sets.map(([rows, under, over]) => {
          const n = rows.filter(r => truth.has(r)).length;
          return { rows: new Set(rows), least: Math.max(0, n - under), most: n + over };
        });
        const { lower, upper } = boundCount(must, may, constraints);
        expect(lower).toBeLessThanOrEqual(truth.size);
        expect(upper).toBeGreaterThanOrEqual(truth.size);
        expect(lower).toBeGreaterThanOrEqual(must.size);
        expect(upper).toBeLessThanOrEqual(may.size);
      }),
      { numRuns: 300 },
    );
  });

  it('do not add up two windows that may have shown the same rows', () => {
    const rows = new Set([...Array(100).keys()]);
    const window = { rows, least: 50, most: 50 };
    expect(boundCount(new Set(), rows, [window, window]).lower).toBe(50);
  });
});

describe('figures from statements that showed a number of unknown rows', () => {
  const world = fc.record({
    must: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { maxLength: 2 }),
    free: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { maxLength: 3 }),
    families: fc.array(
      fc.record({
        rows: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 5 }),
        least: fc.integer({ min: 0, max: 2 }),
        most: fc.integer({ min: 0, max: 3 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  });
  const subsets = (rows: readonly number[]): number[] => {
    const all = [0];
    for (const r of rows) for (const s of [...all]) all.push(s | (1 << r));
    return all;
  };
  const ones = (n: number): number => n.toString(2).replaceAll('0', '').length;

  it('hold every world that the evidence allows (all of them tried)', () => {
    fc.assert(
      fc.property(world, ({ must, free, families }) => {
        const clean = families.map(f => ({ rows: f.rows, most: Math.max(f.least, f.most), least: Math.min(f.least, f.most, f.rows.length) }));
        let worlds = new Set(subsets(free).map(s => s | must.reduce((m, r) => m | (1 << r), 0)));
        for (const f of clean) {
          const own = subsets(f.rows).filter(s => ones(s) >= f.least && ones(s) <= f.most);
          worlds = new Set([...worlds].flatMap(w => own.map(s => w | s)));
        }
        const counts = [...worlds].map(ones);
        const { lower, upper } = boundFigure(
          new Set(must),
          new Set(free),
          clean.map(f => ({ rows: new Set(f.rows), least: f.least, most: f.most })),
        );
        expect(lower).toBeLessThanOrEqual(Math.min(...counts));
        expect(upper).toBeGreaterThanOrEqual(Math.max(...counts));
        // So few rows are counted out: the lower bound is reached, and with one family the upper is too.
        expect(lower).toBe(Math.min(...counts));
        if (clean.length === 1) expect(upper).toBe(Math.max(...counts));
      }),
      { numRuns: 400 },
    );
  });

  it('show at most as many records as statements that gave one row each', () => {
    const table = new Set(Array.from({ length: 4650 }, (_, i) => i));
    expect(boundFigure(new Set(), new Set(), [{ rows: table, least: 1, most: 150 }])).toEqual({ lower: 1, upper: 150 });
    expect(boundFigure(new Set([1, 2]), new Set([3]), [{ rows: table, least: 50, most: 150 }])).toEqual({ lower: 50, upper: 153 });
  });
});

describe('an enumeration with lost lines', () => {
  it('has holes where steps are missing, also at its ends', () => {
    expect(holesIn([10, 11, 12, 14, 15, 16, 17, 19, 20])).toEqual([13, 18, 9, 21]);
    expect(holesIn([1200, 1205, 1210, 1220, 1225, 1230, 1235, 1240])).toEqual([1215, 1195, 1245]);
  });

  it('is none when the numbers follow no step', () => {
    expect(holesIn([3, 90, 17, 400, 1000, 52, 777, 640])).toEqual([]);
    expect(holesIn([1, 2, 3])).toEqual([]);
  });
});

describe('a partly rebuilt value', () => {
  it('is a pattern in which unknown characters are any character', () => {
    const p = patternOf('partial', JSON.stringify({ pattern: 'A\uFFFD(1', length: 4 }))!;
    expect(new RegExp(`^${p}$`).test('Ax(1')).toBe(true);
    expect(new RegExp(`^${p}$`).test('A(1')).toBe(false);
    expect(patternOf('partial', JSON.stringify({ pattern: '\uFFFD\uFFFD' }))).toBeNull();
    expect(patternOf('exact', '{}')).toBeNull();
    expect(patternOf('partial', 'not json')).toBeNull();
  });
});

describe('the size of an answer', () => {
  const observation = (bytes: number, rows: number, noise: number) => ({ features: [{ rows, bytes, nulls: 0 }], size: 80 + bytes + 12 * rows + noise });

  it('agrees with what was shown, is empty without it, and differs otherwise', () => {
    const model = fitSizes(
      Array.from({ length: 60 }, (_, i) => observation(100 + ((i * 37) % 300), 1 + (i % 4), i % 3)),
      1,
    );
    expect(model.valid).toBe(true);
    expect(model.displayed).toEqual(['yes']);
    expect(judgeSize(model, [{ rows: 2, bytes: 250, nulls: 0 }], 80 + 250 + 24 + 1)).toBe('agrees');
    expect(judgeSize(model, [{ rows: 2, bytes: 250, nulls: 0 }], 81)).toBe('empty');
    expect(judgeSize(model, [{ rows: 2, bytes: 250, nulls: 0 }], 200)).toBe('differs');
  });

  it('says nothing when sizes follow no values', () => {
    const model = fitSizes(
      Array.from({ length: 60 }, (_, i) => ({ features: [{ rows: 1, bytes: 100 + ((i * 37) % 300), nulls: 0 }], size: 500 + ((i * 7919) % 4000) })),
      1,
    );
    expect(model.valid).toBe(false);
    expect(judgeSize(model, [{ rows: 1, bytes: 200, nulls: 0 }], 700)).toBe('unknown');
  });

  it('that grows with every row never says the rows are not shown, though bytes and rows cannot be told apart', () => {
    const rows = [0, 0, 0, 1, 0, 1, 0, 2, 0, 0];
    const model = fitSizes(
      rows.map((n, i) => ({ features: [{ rows: n, bytes: 64 * n + (n === 0 ? 0 : i % 3), nulls: 0 }], size: 90 + (i % 2) + 72 * n })),
      1,
    );
    expect(model.displayed).not.toContain('no');
  });

  it('of one length for everybody makes short values of several lengths doubtful: a fixed width may hold them, or nothing does', () => {
    const shownOf = (lengths: readonly number[]) =>
      fitSizes(
        lengths.map(bytes => ({ features: [{ rows: Math.sign(bytes), bytes, nulls: 0 }], size: 212 })),
        1,
      ).displayed;
    expect(shownOf([1, 1, 2, 1, 2, 2, 1, 2])).toEqual(['doubtful']);
    expect(shownOf([1, 0, 1, 1, 0, 1, 1, 0])).toEqual(['doubtful']);
    expect(shownOf([2, 2, 2, 2, 2, 2, 2, 1])).toEqual(['unknown']);
  });

  it('of one length for everybody shows that the values are not in it', () => {
    const model = fitSizes(
      Array.from({ length: 60 }, (_, i) => ({ features: [{ rows: 1, bytes: 100 + ((i * 37) % 300), nulls: 0 }], size: 5 })),
      1,
    );
    expect(model.displayed).toEqual(['no']);
  });
});
