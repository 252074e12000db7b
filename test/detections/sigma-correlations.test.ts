import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SECOND } from '../../src/base/index.ts';
import { correlate, type Occurrence } from '../../src/detections/sigma/correlate.ts';
import type { Correlation } from '../../src/detections/sigma/ir.ts';
import { readRules } from '../../src/detections/sigma/rule.ts';
import { runRules } from '../../src/detections/sigma/run.ts';
import type { Engine } from '../../src/engine/index.ts';
import { memoryEngine } from '../fixtures/event-table.ts';
import { byTryingChains, byTryingWindows } from '../reference/correlation-oracle.ts';

const compares = ['eq', 'neq', 'lt', 'lte', 'gt', 'gte'] as const;
const occurrence = fc.record({
  rule: fc.constantFrom('a', 'b', 'c'),
  source: fc.constantFrom('s', 't'),
  atUs: fc.integer({ min: 0, max: 40 }),
  group: fc.constantFrom('g', 'h'),
  value: fc.option(fc.constantFrom('1', '2', '3', '7', '-4', '2.5', 'x', '')),
});
const stream = fc.array(occurrence, { maxLength: 40 }).map(list => list.map((o, event): Occurrence => ({ ...o, event })));
const sliding = fc.record({
  type: fc.constantFrom('event_count', 'value_count', 'temporal', 'value_sum', 'value_avg', 'value_median', 'value_percentile'),
  rules: fc.constantFrom(['a', 'b', 'c'], ['a', 'b'], ['c']),
  spanUs: fc.integer({ min: 0, max: 15 }),
  percentile: fc.constantFrom(0, 10, 50, 90, 100),
  conditions: fc.array(fc.record({ compare: fc.constantFrom(...compares), value: fc.integer({ min: -2, max: 8 }) }), { maxLength: 2 }),
});

describe('correlations against trying everything', () => {
  it('sliding windows of every type, conditions on one side and both', () => {
    let held = 0;
    fc.assert(
      fc.property(stream, sliding, (list, options) => {
        const c = options as unknown as Correlation;
        const mine = list.filter(o => c.rules.includes(o.rule));
        const got = correlate(c, [...mine]);
        for (const group of ['g', 'h']) {
          const expected = byTryingWindows(
            c,
            mine.filter(o => o.group === group),
          );
          const own = got.filter(w => w.group === group);
          expect(new Set(own.flatMap(w => w.events))).toEqual(expected.events);
          expect(own.map(w => [w.fromUs, w.toUs])).toEqual(expected.spans);
          own.forEach((w, i) => {
            expect(w.metric).toBeCloseTo(expected.best[i]!, 9);
          });
          held += own.length;
        }
      }),
      { numRuns: 3000, seed: 21 },
    );
    expect(held).toBeGreaterThan(2000);
  });

  it('rules in their order: every end that a chain reaches, and nothing that stands in none', () => {
    let held = 0;
    const ordered = fc.record({
      rules: fc.constantFrom(['a', 'b'], ['a', 'b', 'c'], ['c', 'a', 'b'], ['a', 'a', 'b']),
      spanUs: fc.integer({ min: 0, max: 12 }),
    });
    fc.assert(
      fc.property(
        fc.array(occurrence, { maxLength: 16 }).map(list => list.map((o, event): Occurrence => ({ ...o, atUs: Math.floor(o.atUs / 4), group: 'g', event }))),
        ordered,
        (list, options) => {
          const c = { ...options, type: 'temporal_ordered', conditions: [] } as unknown as Correlation;
          const expected = byTryingChains(c, list);
          const got = correlate(c, [...list]);
          const events = new Set(got.flatMap(w => w.events));
          for (const end of expected.ends) expect(events.has(end)).toBe(true);
          for (const e of events) expect(expected.events.has(e)).toBe(true);
          expect(got.length > 0).toBe(expected.ends.size > 0);
          held += got.length;
        },
      ),
      { numRuns: 3000, seed: 22 },
    );
    expect(held).toBeGreaterThan(500);
  });

  it('the order of the lines changes nothing', () => {
    fc.assert(
      fc.property(stream, sliding, fc.infiniteStream(fc.nat()), (list, options, keys) => {
        const c = options as unknown as Correlation;
        const mixed = list.map(o => ({ o, k: keys.next().value as number })).sort((a, b) => a.k - b.k);
        expect(
          correlate(
            c,
            mixed.map(m => m.o),
          ),
        ).toEqual(correlate(c, [...list]));
      }),
      { numRuns: 300, seed: 23 },
    );
  });
});

describe('correlations over events, from the rule text on', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await memoryEngine();
  });
  afterAll(() => engine.close());

  const rule = (name: string, value: string): string =>
    JSON.stringify({ title: name, id: name, name, logsource: {}, detection: { s: { kind: value }, condition: 's' } });
  const event = fc.record({
    kind: fc.constantFrom('fail', 'ok', 'other'),
    at: fc.integer({ min: 0, max: 300 }),
    host: fc.option(fc.constantFrom('h1', 'h2'), { nil: undefined }),
    user: fc.option(fc.constantFrom('ann', 'bob', 'eve'), { nil: undefined }),
    account: fc.option(fc.constantFrom('ann', 'bob', 'eve'), { nil: undefined }),
    size: fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined }),
  });

  it('groups, aliases and spans mean the same there', { timeout: 60_000 }, async () => {
    const specs = [
      { type: 'event_count', rules: ['fail'], 'group-by': ['host'], timespan: '1m', condition: { gte: 3, lte: 6 } },
      { type: 'value_count', rules: ['fail'], 'group-by': ['host'], timespan: '45s', condition: { gte: 2, field: 'user' } },
      { type: 'value_sum', rules: ['fail', 'ok'], 'group-by': ['host'], timespan: '30s', condition: { gt: 40, field: 'size' } },
      { type: 'value_avg', rules: ['ok'], timespan: '2m', condition: { lt: 20, field: 'size' } },
      { type: 'temporal', rules: ['fail', 'ok'], 'group-by': ['who'], timespan: '20s', aliases: { who: { fail: 'user', ok: 'account' } } },
      { type: 'temporal_ordered', rules: ['fail', 'ok'], 'group-by': ['who', 'host'], timespan: '40s', aliases: { who: { fail: 'user', ok: 'account' } } },
    ];
    const texts = [rule('fail', 'fail'), rule('ok', 'ok'), ...specs.map((correlation, i) => JSON.stringify({ title: `c${i}`, id: `c${i}`, correlation }))];
    const read = texts.map((text, i) => readRules(text, `r${i}.yml`));
    expect(read.flatMap(r => r.unsupported)).toEqual([]);
    const all = { rules: read.flatMap(r => r.rules), correlations: read.flatMap(r => r.correlations), filters: [], unsupported: [] };
    expect(all.correlations.length).toBe(specs.length);
    let windows = 0;
    for (const events of fc.sample(fc.array(event, { minLength: 20, maxLength: 80 }), { numRuns: 25, seed: 31 })) {
      async function* documents() {
        for (const [i, data] of events.entries()) yield { file: 'f', line: i + 1, text: JSON.stringify(data), data, atUs: data.at * SECOND };
      }
      const run = await runRules(engine, all, documents(), false);
      for (const [i, c] of all.correlations.entries()) {
        const spec = specs[i]!;
        const occurrences = events.flatMap((e, n): Occurrence[] => {
          if (!spec.rules.includes(e.kind)) return [];
          const keys = (spec['group-by'] ?? []).map(k => (k === 'who' ? (e.kind === 'fail' ? e.user : e.account) : e.host));
          if (keys.some(k => k === undefined)) return [];
          const field = (spec.condition as { field?: 'user' | 'size' } | undefined)?.field;
          return [
            {
              rule: e.kind,
              event: n,
              atUs: e.at * SECOND,
              source: 'f',
              group: keys.join('\u001f'),
              value: field === undefined || e[field] === undefined ? null : String(e[field]),
            },
          ];
        });
        const got = run.correlations.filter(m => m.rule.id === c.id).map(m => m.window);
        windows += got.length;
        for (const group of new Set([...occurrences.map(o => o.group), ...got.map(w => w.group)])) {
          const mine = occurrences.filter(o => o.group === group);
          const events = new Set(got.filter(w => w.group === group).flatMap(w => w.events));
          if (c.type === 'temporal_ordered') {
            const { ends, events: possible } = byTryingChains(c, mine);
            expect([...ends].every(e => events.has(e)) && [...events].every(e => possible.has(e))).toBe(true);
          } else expect(events).toEqual(byTryingWindows(c, mine).events);
        }
      }
    }
    expect(windows).toBeGreaterThan(100);
  });
});
