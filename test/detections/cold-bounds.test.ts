import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Entry, judgeEntries, mayBeJudged } from '../../src/detections/behaviour/judge-entries.ts';

const entry = fc.record({
  no: fc.nat(14),
  door: fc.constantFrom(0, -1),
  forms: fc.oneof({ weight: 6, arbitrary: fc.constant(['/login']) }, { weight: 1, arbitrary: fc.subarray(['/', '/login', '/menu']) }),
});

it('a part of the clients ends the search only where nobody would be judged', () => {
  let ended = 0;
  let judged = 0;
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 3 }), (drawn, parts, lost) => {
      const entries: Entry[] = drawn
        .map((e, i) => ({ ...e, forms: new Set(i % 4 < lost ? [] : e.forms), landings: new Set<string>(), atUs: i, eventId: i }))
        .sort((a, b) => a.no - b.no || a.atUs - b.atUs);
      const doors = [0, -1].map(door => {
        const own = entries.filter(e => e.door === door);
        return { door, n: own.length, most: Math.max(0, ...entries.map(x => own.filter(e => e.no === x.no).length)) };
      });
      const found = judgeEntries(entries).length;
      const may = mayBeJudged(
        doors.filter(d => d.n > 0),
        entries.filter(e => e.no % parts === 0),
      );
      if (!may) expect(found).toBe(0);
      if (!may) ended++;
      if (found > 0) judged++;
    }),
    { numRuns: 3000 },
  );
  expect(ended).toBeGreaterThan(100);
  expect(judged).toBeGreaterThan(100);
});
