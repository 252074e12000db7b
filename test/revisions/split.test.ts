import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Cause, causes, chain, type Figures, figuresOf, rangeOf, splitChange } from '../../src/revisions/index.ts';

const figures = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 0, max: 1_000_000 }), { noNullPrototype: true });
const changed = fc.subarray([...causes]);

test('before, parts and remainder sum to after, whatever the runs said', () => {
  fc.assert(
    fc.property(figures, figures, changed, fc.option(figures), fc.array(fc.tuple(fc.constantFrom(...causes), figures)), (before, after, which, base, alone) => {
      const reruns = alone.length === 0 ? null : { base, alone: new Map<Cause, Figures>(alone) };
      const splits = splitChange(before, after, which, reruns);
      for (const s of splits) {
        expect(s.before + s.parts.reduce((n, p) => n + p.change, 0) + s.remainder).toBe(s.after);
        expect(s.before).toBe(before[s.figure] ?? 0);
        expect(s.after).toBe(after[s.figure] ?? 0);
      }
      for (const name of Object.keys({ ...before, ...after }))
        if ((before[name] ?? 0) !== (after[name] ?? 0)) expect(splits.map(s => s.figure)).toContain(name);
    }),
  );
});

test('a chain of runs sums as well', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(figures, changed), { minLength: 2, maxLength: 6 }), list => {
      const steps = list.slice(1).map(([f, which], i) => splitChange(list[i]![0], f, which, null));
      for (const s of chain(steps, list[0]![0], list.at(-1)![0])) expect(s.before + s.parts.reduce((n, p) => n + p.change, 0) + s.remainder).toBe(s.after);
    }),
  );
});

test('with one cause all of the change is its; with several nothing is guessed', () => {
  expect(splitChange({ a: 10 }, { a: 14 }, ['evidence'], null)).toEqual([
    { figure: 'a', before: 10, after: 14, parts: [{ cause: 'evidence', change: 4 }], remainder: 0, together: [] },
  ]);
  expect(splitChange({ a: 10 }, { a: 14 }, ['evidence', 'decision'], null)).toEqual([
    { figure: 'a', before: 10, after: 14, parts: [], remainder: 4, together: ['evidence', 'decision'] },
  ]);
  const alone = new Map<Cause, Figures>([
    ['evidence', { a: 13 }],
    ['decision', { a: 9 }],
  ]);
  expect(splitChange({ a: 10 }, { a: 14 }, ['evidence', 'decision'], { base: null, alone })[0]).toMatchObject({
    parts: [
      { cause: 'evidence', change: 3 },
      { cause: 'decision', change: -1 },
    ],
    remainder: 2,
  });
});

test('figures by name: what a result holds and what people call it', () => {
  const f = figuresOf({
    figures: { records: { possible: 7 }, persons: { possible: { lower: 3, best: 4, upper: 5 } } },
    roles: [{ role: 'agent', records: { lower: 1, upper: 2 } }],
    datasets: [{ id: 'd', rows: 9, columns: [{ name: 'x', possible: 3 }] }],
  });
  expect(rangeOf(f, 'records.possible')).toEqual({ lower: 7, upper: 7 });
  expect(rangeOf(f, 'persons.possible')).toEqual({ lower: 3, upper: 5 });
  expect(rangeOf(f, 'roles.agent.records')).toEqual({ lower: 1, upper: 2 });
  expect(rangeOf(f, 'roles.nobody.records')).toBeNull();
  expect(Object.keys(f)).not.toContain('datasets.d.columns.0.possible');
});
