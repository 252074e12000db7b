import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rebuildInjections } from '../../src/intrusion/injection/rebuild.ts';
import { type Attack, type Channel, type Dialect, runAttack, type Strategy } from '../reference/blind-attacker.ts';

const dialects: readonly Dialect[] = ['postgresql', 'mysql', 'mssql', 'oracle', 'sqlite'];
const strategies: readonly Strategy[] = [
  'greater',
  'less-equal',
  'not-between',
  'in-set',
  'equal',
  'bits',
  'shift',
  'greatest',
  'like',
  'regexp',
  'left',
  'case',
  'xor',
];

function random(seed: number): () => number {
  let s = seed >>> 0;
  return () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return s / 2 ** 32;
  };
}

const plus = (s: string): string => encodeURIComponent(s).replaceAll('%20', '+');
const encoders: Record<string, (s: string) => string> = {
  url: plus,
  twice: s => encodeURIComponent(encodeURIComponent(s)),
  base64: s => encodeURIComponent(Buffer.from(s).toString('base64')),
  json: s => plus(JSON.stringify({ filter: { id: s } })),
  thrice: s => encodeURIComponent(encodeURIComponent(encodeURIComponent(s))),
};
const dresses: Record<string, (s: string) => string> = {
  none: s => s,
  comments: s => s.replaceAll(' ', '/**/'),
  cases: s => s.replace(/\b(?:SELECT|FROM|WHERE|AND|CASE|WHEN|ORDER)\b/g, w => [...w].map((c, i) => (i % 2 ? c.toLowerCase() : c)).join('')),
  newlines: s => s.replaceAll(' ', '\n'),
};

function supports(d: Dialect, s: Strategy): boolean {
  if (s === 'greatest') return d !== 'mssql' && d !== 'sqlite';
  if (s === 'regexp') return d === 'mysql';
  if (s === 'left') return d === 'mysql' || d === 'postgresql' || d === 'mssql';
  if (s === 'shift') return d !== 'mssql';
  return s !== 'xor' || d === 'mysql';
}

const attack = (o: Partial<Attack> & { dialect: Dialect; strategy: Strategy }): Attack => ({
  channel: 'size',
  column: 'secret',
  table: 'staff',
  values: ['abc1', 'x'],
  encode: plus,
  dress: s => s,
  random: random(1),
  lengthFirst: false,
  clients: 1,
  negate: false,
  ...o,
});

const valuesOf = (a: Attack, events = runAttack(a)): (string | null)[] => {
  const cells = rebuildInjections(events).cells.filter(c => c.binding.table === a.table && c.binding.column === a.column);
  return a.values.map((_, k) => {
    const c = cells.find(x => x.binding.ordinal === k);
    return c?.solution.status === 'exact' ? c.solution.value : null;
  });
};

/** Letters without case for the forms in which MySQL and SQL Server cannot tell case apart. */
const caseless = new Set<Strategy>(['like', 'regexp', 'left']);
const folds = (d: Dialect, s: Strategy): boolean => caseless.has(s) && (d === 'mysql' || d === 'mssql' || (d === 'sqlite' && s === 'like'));

describe('what a blind injection obtained is rebuilt', () => {
  for (const dialect of dialects) {
    for (const strategy of strategies.filter(s => supports(dialect, s))) {
      it(`${dialect}, ${strategy}`, () => {
        const values = folds(dialect, strategy) ? ['2152-68', '07', '3'] : ['abc1', 'x', 'q-7_z'];
        const a = attack({ dialect, strategy, values });
        expect(valuesOf(a)).toEqual(values);
      });
    }
    it(`${dialect}: Japanese text, read by code`, () => {
      const values = ['ｶﾄｳ ﾕｳｺ', '髙橋 花子', 'Añb'];
      expect(valuesOf(attack({ dialect, strategy: 'greater', values }))).toEqual(values);
    });
    for (const channel of ['size', 'reflected', 'status', 'duration', 'gap-start', 'gap-end'] as const satisfies readonly Channel[]) {
      it(`${dialect}: answer by ${channel}`, () => {
        expect(valuesOf(attack({ dialect, strategy: 'greater', channel }))).toEqual(['abc1', 'x']);
        expect(valuesOf(attack({ dialect, strategy: 'not-between', channel, negate: dialect !== 'oracle', lengthFirst: true }))).toEqual(['abc1', 'x']);
      });
    }
  }
  for (const [name, encode] of Object.entries(encoders)) {
    it(`payload as ${name}`, () => {
      for (const dialect of dialects) expect(valuesOf(attack({ dialect, strategy: 'greater', encode }))).toEqual(['abc1', 'x']);
    });
  }
  for (const [name, dress] of Object.entries(dresses)) {
    it(`dressed with ${name}`, () => {
      for (const dialect of dialects) expect(valuesOf(attack({ dialect, strategy: 'greater', dress }))).toEqual(['abc1', 'x']);
    });
  }
});

const scenario = fc.record({
  dialect: fc.constantFrom(...dialects),
  strategy: fc.constantFrom<Strategy>('greater', 'less-equal', 'not-between', 'in-set', 'case', 'bits'),
  channel: fc.constantFrom<Channel>('size', 'reflected', 'status', 'duration'),
  values: fc.array(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,7}[A-Za-z0-9]$/), { minLength: 2, maxLength: 5 }),
  lengthFirst: fc.boolean(),
  clients: fc.integer({ min: 1, max: 8 }),
  seed: fc.integer({ min: 1, max: 1e9 }),
});

describe('properties', () => {
  it('complete logs give the values, whatever the order of their lines', () => {
    let cells = 0;
    let exact = 0;
    fc.assert(
      fc.property(scenario, s => {
        const a = attack({ ...s, random: random(s.seed) });
        const events = runAttack(a);
        const got = valuesOf(a, events);
        got.forEach((v, i) => {
          cells++;
          if (v === a.values[i]) exact++;
          expect([null, a.values[i]]).toContain(v);
        });
        const next = random(s.seed + 1);
        const shuffled = [...events]
          .map(e => [next(), e] as const)
          .sort((x, y) => x[0] - y[0])
          .map(x => x[1]);
        expect(valuesOf(a, shuffled)).toEqual(got);
      }),
      { numRuns: 100, seed: 20_261 },
    );
    expect(exact / cells).toBeGreaterThanOrEqual(0.99);
  }, 60_000);

  it('lost lines take values away and never make wrong ones', () => {
    let cells = 0;
    let wrong = 0;
    fc.assert(
      fc.property(scenario, fc.double({ min: 0.01, max: 0.1, noNaN: true }), (s, loss) => {
        const a = attack({ ...s, random: random(s.seed) });
        const next = random(s.seed + 2);
        const got = valuesOf(
          a,
          runAttack(a).filter(() => next() > loss),
        );
        got.forEach((v, i) => {
          cells++;
          if (v !== null && v !== a.values[i]) wrong++;
        });
      }),
      { numRuns: 60, seed: 77 },
    );
    expect(cells).toBeGreaterThan(150);
    expect(wrong).toBe(0);
  }, 60_000);

  it('pages of one size, whatever was asked, tell nothing', () => {
    for (const dialect of ['mysql', 'postgresql', 'mssql', 'oracle', 'sqlite'] as const)
      for (const strategy of ['greater', 'equal'] as const) {
        const events = runAttack(attack({ dialect, strategy: strategy as Strategy, values: ['abc1', 'x', 'Zz9'] })).map(e => ({
          ...e,
          status: 404,
          bytes_out: 439,
        }));
        expect(rebuildInjections(events).cells.filter(c => c.solution.status === 'exact')).toEqual([]);
      }
    // The digits of the number asked for must not be taken out of a page that does not show them.
    const draw = random(3);
    const asked = runAttack(attack({ dialect: 'postgresql', strategy: 'greater', values: ['abcdefghijklmnopqrstuvwxyz'] })).map((e, i) => ({
      ...e,
      query: `id=${encodeURIComponent(i % 2 ? "' OR 1=1-- -" : `1) AND ASCII(SUBSTRING((SELECT secret FROM staff LIMIT 1),1,1))>${Math.floor(draw() * 128)}-- -`)}`,
      status: 404,
      bytes_out: 439,
    }));
    expect(rebuildInjections(asked).cells.filter(c => c.solution.status === 'exact')).toEqual([]);
  });

  it('a few pages of another size among pages of one size tell nothing', () => {
    for (const strategy of ['bits', 'greater'] as const) {
      const values = ['abc1', 'x', 'Zz9', 'secret', '0009', '1234567'];
      const events = runAttack(attack({ dialect: 'postgresql', strategy, values })).filter(e => e.query?.includes('secret'));
      const sized = events.map((e, i) => ({ ...e, bytes_out: i >= events.length - 4 ? 26 : 439 }));
      expect(rebuildInjections(sized).cells.filter(c => c.solution.status !== 'attempted')).toEqual([]);
    }
  });

  it('any text is read without harm', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.constantFrom("' AND ", '1 UNION ALL SELECT ', '1;IF(', '((((((((('), (noise, start) => {
        const [event] = runAttack(attack({ dialect: 'mysql', strategy: 'greater', values: ['a'] }));
        const r = rebuildInjections([
          { ...event!, query: `id=${encodeURIComponent(start)}${noise}` },
          { ...event!, query: null, path: `/${noise}`, extra: `{"body":${JSON.stringify(start + noise)}}` },
          { ...event!, class: 2, sql_text: start + noise },
        ]);
        expect(r.cells.every(c => c.solution.status !== 'exact')).toBe(true);
      }),
      { numRuns: 200, seed: 5 },
    );
  });
});
