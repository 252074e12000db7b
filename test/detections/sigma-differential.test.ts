import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { correlate, type Occurrence } from '../../src/detections/sigma/correlate.ts';
import { flatten } from '../../src/detections/sigma/documents.ts';
import type { Correlation, Expr } from '../../src/detections/sigma/ir.ts';
import { necessaryWords } from '../../src/detections/sigma/literals.ts';
import { matchesPattern, parsePattern } from '../../src/detections/sigma/pattern.ts';
import { readRules } from '../../src/detections/sigma/rule.ts';
import { runRules } from '../../src/detections/sigma/run.ts';
import { addressHex, base64Offsets } from '../../src/detections/sigma/transform.ts';
import type { Engine } from '../../src/engine/index.ts';
import { memoryEngine } from '../fixtures/event-table.ts';
import { holds } from '../reference/sigma-interpreter.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

const fields = ['a', 'b', 'c.d'];
const words = ['x', 'Y', 'xy', 'x*y', '*x', 'a?c', "o'n", 'a_c', 'a%c', 'x\\*y', 'C:\\x', '5', '10', '', 'é', '10.1.2.3', '2001:db8::1'];
const modifiers = ['', '|contains', '|startswith', '|endswith', '|cased', '|contains|all', '|neq', '|re', '|gt', '|cidr', '|fieldref', '|exists', '|windash'];

const leaf = fc
  .tuple(fc.constantFrom(...fields), fc.constantFrom(...modifiers), fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 3 }))
  .map(([f, m, values]) => {
    if (m === '|re') return { [f + m]: '^[a-y]{1,3}$' };
    if (m === '|gt') return { [f + m]: 7 };
    if (m === '|cidr') return { [f + m]: ['10.0.0.0/8', '2001:db8::/32'] };
    if (m === '|fieldref') return { [f + m]: fields[(fields.indexOf(f) + 1) % fields.length]! };
    if (m === '|exists') return { [f + m]: values.length > 1 };
    return { [f + m]: values.length === 1 ? values[0] : values };
  });
const search = fc.oneof(
  fc.array(leaf, { minLength: 1, maxLength: 2 }).map(l => Object.assign({}, ...l) as object),
  fc.array(leaf, { minLength: 2, maxLength: 2 }),
  leaf.map(l => Object.fromEntries(Object.keys(l).map(k => [k.split('|')[0]!, null]))),
);
const rules = fc.tuple(search, search, fc.constantFrom('s', 'not s', 's and not t', 's or t', '1 of *', 'all of *', 'not (s and t)', 'not s and not t'));
const value = fc.constantFrom(
  'x',
  'Xy',
  'x*y',
  'x1y',
  'abc',
  "O'N",
  'a_c',
  'a%c',
  'axc',
  'c:\\X',
  5,
  10,
  100,
  '',
  'É',
  'a\nc',
  '10.9.9.9',
  '192.0.2.1',
  '2001:DB8:0::9',
  '-x',
  '/x',
);
const record = fc.record({
  a: fc.option(value, { nil: undefined }),
  b: fc.option(fc.oneof(value, fc.array(value, { minLength: 2, maxLength: 3 })), { nil: undefined }),
  c: fc.option(fc.record({ d: value }), { nil: undefined }),
});

it('compiled rules and the slow interpreter agree on every record', { timeout: 60_000 }, async () => {
  const specs = fc.sample(rules, { numRuns: 300, seed: 7 });
  const records = fc.sample(record, { numRuns: 400, seed: 8 });
  const read = specs.map(([s, t, condition], i) =>
    readRules(JSON.stringify({ title: `t${i}`, id: `r${i}`, logsource: {}, detection: { s, t, condition } }), `r${i}.yml`),
  );
  const list = read.flatMap(r => r.rules);
  expect(read.flatMap(r => r.unsupported)).toEqual([]);
  async function* documents() {
    let line = 0;
    for (const data of records) yield { file: 'f', line: ++line, text: JSON.stringify(data), data };
  }
  const run = await runRules(engine, { rules: list, correlations: [], filters: [], unsupported: [] }, documents(), false);
  expect(run.unsupported).toEqual([]);
  const got = new Set(run.matches.map(m => `${m.rule.id} ${m.event}`));
  const wrong: string[] = [];
  records.forEach((data, n) => {
    const flat = flatten(data);
    for (const r of list) {
      const expected = holds(r.expr, flat, '');
      if (expected !== got.has(`${r.id} ${n}`))
        wrong.push(`${expected ? 'missed' : 'invented'} ${JSON.stringify(data)} by ${JSON.stringify(specs[Number(r.id.slice(1))])}`);
    }
  });
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(got.size).toBeGreaterThan(1000);
});

it('a rule that holds has one of its necessary words in the text', () => {
  const word = fc.constantFrom('select', 'Union', 'etc/passwd', 'abc*def', 'xyz');
  const tree: fc.Arbitrary<Expr> = fc.letrec<{ e: Expr }>(tie => ({
    e: fc.oneof(
      { maxDepth: 3 },
      fc.tuple(word, fc.constantFrom('f', 'g', null)).map(
        ([w, field]): Expr => ({
          op: 'leaf',
          field,
          at: '',
          test: { kind: 'pattern', cased: false, pattern: [{ any: 'many' }, ...parsePattern(w), { any: 'many' }] },
        }),
      ),
      fc.tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('e'), { minLength: 1, maxLength: 3 })).map(([op, items]): Expr => ({ op, items })),
      tie('e').map((item): Expr => ({ op: 'not', item })),
    ),
  })).e;
  fc.assert(
    fc.property(
      tree,
      fc.array(fc.constantFrom('select', 'UNION', 'ETC/passwd', 'abc-def', 'xyz', 'q'), { maxLength: 4 }),
      fc.array(fc.constantFrom('select', 'union', 'abcdef', 'xyz'), { maxLength: 3 }),
      (expr, f, g) => {
        const record = new Map([
          ['f', f.join(' ')],
          ['g', g.join(' ')],
        ]);
        const message = `${f.join(' ')} ${g.join(' ')}`;
        const necessary = necessaryWords(expr, () => true);
        if (necessary !== null && holds(expr, record, message)) expect([...necessary].some(w => message.toLowerCase().includes(w))).toBe(true);
      },
    ),
    { numRuns: 2000, seed: 3 },
  );
});

it('a burst over a boundary is one window; order counts only where it is ordered', () => {
  const at = (rule: string, event: number, atUs: number): Occurrence => ({
    rule,
    event,
    atUs,
    source: 's',
    group: '',
    value: String(atUs),
  });
  const base = { rules: ['a', 'b'], spanUs: 10, conditions: [] } as unknown as Correlation;
  expect(correlate({ ...base, type: 'temporal' }, [at('b', 1, 5), at('a', 2, 9)]).length).toBe(1);
  expect(correlate({ ...base, type: 'temporal_ordered' }, [at('b', 1, 5), at('a', 2, 9)])).toEqual([]);
  expect(correlate({ ...base, type: 'temporal_ordered' }, [at('a', 1, 5), at('b', 2, 9)]).map(w => w.events)).toEqual([[1, 2]]);
  expect(correlate({ ...base, type: 'temporal_ordered' }, [at('a', 1, 5), at('b', 2, 16)])).toEqual([]);
  expect(
    correlate({ ...base, type: 'value_sum', conditions: [{ compare: 'gt', value: 13 }] }, [at('a', 1, 5), at('a', 2, 9), at('a', 3, 30)]).map(w => w.metric),
  ).toEqual([14, 30]);
  expect(
    correlate({ ...base, type: 'value_percentile', percentile: 50, conditions: [{ compare: 'gte', value: 7 }] }, [at('a', 1, 5), at('a', 2, 9)]).map(
      w => w.metric,
    ),
  ).toEqual([7]);
});

it('patterns mean what a regular expression of the same shape means', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '\\', '.', '\n'), maxLength: 8 });
  fc.assert(
    fc.property(text, text, (pattern, subject) => {
      const parsed = parsePattern(pattern);
      const source = parsed.map(p => (typeof p === 'string' ? p.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : p.any === 'one' ? '[^]' : '[^]*')).join('');
      expect(matchesPattern(parsed, subject)).toBe(new RegExp(`^${source}$`).test(subject));
    }),
    { numRuns: 3000, seed: 1 },
  );
});

it('base64 is found at every offset, and an address has one hex form', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 3, maxLength: 20 }), fc.string({ maxLength: 6 }), fc.string({ maxLength: 6 }), (needle, before, after) => {
      const encoded = Buffer.from(before + needle + after).toString('base64');
      expect(base64Offsets(Buffer.from(needle)).some(t => encoded.includes(t))).toBe(true);
    }),
    { numRuns: 500, seed: 2 },
  );
  expect(addressHex('::ffff:192.0.2.1')).toBe(addressHex('192.0.2.1'));
  expect(addressHex('2001:DB8::1')).toBe(addressHex('2001:0db8:0:0:0:0:0:1'));
  for (const bad of ['', '1.2.3', '1.2.3.256', ':::', 'g::1', '1::2::3', '-']) expect(addressHex(bad)).toBeNull();
});
