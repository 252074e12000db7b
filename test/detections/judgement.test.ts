import { describe, expect, it } from 'vitest';
import { SECOND } from '../../src/base/index.ts';
import { judge, type Scored } from '../../src/detections/requests/judge.ts';
import type { StatementFate } from '../../src/detections/requests/statement-trace.ts';

/** One attack a call, alike but for what the answer shows. */
function attacks(n: number, answer: (i: number) => Partial<Scored> & { value?: string }, technique = 'sqli-boolean'): Scored[] {
  return Array.from({ length: n }, (_, i): Scored => {
    const { value = `x' and ${i}=1--`, ...more } = answer(i);
    return {
      eventId: i + 1,
      atUs: i * SECOND,
      path: '/search',
      status: 200,
      bytes: 900,
      durationUs: 20_000,
      srcIp: '192.0.2.1',
      actor: 'i:192.0.2.1|',
      score: { family: 'sqli', technique, score: 9, signatures: [], stage: 0, part: 'query-value', name: 'q', value },
      ...more,
    };
  });
}

const said = (fates: (i: number) => StatementFate | null, n: number): Map<number, StatementFate | null> =>
  new Map(Array.from({ length: n }, (_, i) => [i + 1, fates(i)]));
const nothing = new Map<number, StatementFate | null>();

/** What so many attacks that answer like this come to, without a word from the database. */
const outcome = (technique: string, n: number, answer: Parameters<typeof attacks>[1]): string =>
  judge(technique, attacks(n, answer, technique), nothing).outcome;

describe('attempted, plausibly succeeded, confirmed', () => {
  it('database: a failure that names a value it read confirms an error-based injection; another failure does not', () => {
    const failures = (fate: StatementFate) =>
      judge(
        'sqli-error',
        attacks(5, () => ({ status: 500 }), 'sqli-error'),
        said(() => fate, 5),
      );
    expect(failures('failed').outcome).toBe('attempted');
    const told = failures('told');
    expect([told.outcome, told.facts['basis'], told.facts['certainty']]).toEqual(['succeeded', ['database-message'], 'confirmed']);
    expect(told.facts['database']).toEqual({ executed: 0, failed: 5, bound: 0 });
  });

  it('status: refused by all means blocked; answered proves nothing; errors are attempts', () => {
    expect(outcome('xss', 5, () => ({ status: 403 }))).toBe('blocked');
    expect(outcome('sqli-boolean', 5, i => ({ status: [403, 406, 429][i % 3]! }))).toBe('blocked');
    expect(outcome('sqli-boolean', 5, i => ({ status: i === 0 ? 200 : 403 }))).toBe('unknown');
    expect(outcome('path-traversal', 5, () => ({ status: 404 }))).toBe('attempted');
    expect(outcome('sqli-boolean', 5, () => ({ status: 500 }))).toBe('attempted');
    expect(
      judge(
        'sqli-boolean',
        attacks(40, () => ({})),
        nothing,
      ),
    ).toMatchObject({ outcome: 'unknown', facts: { statuses: { 200: 40 } } });
  });

  it('size: two answers that repeat tell yes from no; one answer, or a different one each time, tells nothing', () => {
    const two = judge(
      'sqli-boolean',
      attacks(40, i => ({ bytes: i % 3 === 0 ? 900 : 1500 })),
      nothing,
    );
    expect([two.outcome, two.facts['basis'], two.facts['certainty']]).toEqual(['succeeded', ['two-answer-classes'], 'plausible']);
    expect(outcome('sqli-boolean', 40, i => ({ bytes: i === 7 ? 1500 : 900 }))).toBe('unknown');
    expect(outcome('sqli-boolean', 40, i => ({ bytes: 900 + 17 * i }))).toBe('unknown');
    // Too few to tell a pattern from chance.
    expect(outcome('sqli-boolean', 12, i => ({ bytes: i % 2 === 0 ? 900 : 1500 }))).toBe('unknown');
  });

  it('size: rows of a UNION make answers of many sizes; a page that only repeats what was asked does not', () => {
    const rows = judge(
      'sqli-union',
      attacks(12, i => ({ bytes: 900 + ((i * i * 31) % 500), value: `1 union select ${i}` }), 'sqli-union'),
      nothing,
    );
    expect([rows.outcome, rows.facts['basis'], rows.facts['certainty']]).toEqual(['succeeded', ['answer-sizes'], 'plausible']);
    const value = (i: number): string => `1 union select ${'null,'.repeat(i)}null`;
    for (const times of [1, 2]) expect(outcome('sqli-union', 12, i => ({ bytes: 900 + times * value(i).length, value: value(i) }))).toBe('unknown');
    const coded = (i: number): string => encodeURIComponent(value(i));
    expect(outcome('sqli-union', 12, i => ({ bytes: 900 + value(i).length, value: coded(i) }))).toBe('unknown');
    expect(outcome('sqli-error', 12, i => ({ bytes: 900 + ((i * 37) % 90), status: 500 }))).toBe('succeeded');
    expect(outcome('sqli-error', 12, i => ({ bytes: 900 + ((i * 37) % 90), status: 404 }))).toBe('attempted');
  });

  it('timing: some answers wait as they were told, the others do not; a slow server is no proof', () => {
    const waits = judge(
      'sqli-time',
      attacks(12, i => ({ durationUs: i % 3 === 0 ? 5 * SECOND : 20_000 }), 'sqli-time'),
      nothing,
    );
    expect([waits.outcome, waits.facts['basis'], waits.facts['certainty']]).toEqual(['succeeded', ['timing'], 'plausible']);
    expect(outcome('sqli-time', 12, () => ({ durationUs: 3 * SECOND }))).toBe('unknown');
    expect(outcome('sqli-time', 12, i => ({ durationUs: i === 0 ? 9 * SECOND : 20_000 }))).toBe('unknown');
    expect(outcome('sqli-time', 12, () => ({ durationUs: null }))).toBe('unknown');
    // Waiting proves waiting only: the same times say nothing for another technique.
    expect(outcome('sqli-boolean', 12, i => ({ durationUs: i % 3 === 0 ? 5 * SECOND : 20_000 }))).toBe('unknown');
  });

  it('database log: run confirms, bound as a value was harmless, failed is an attempt', () => {
    const ran = judge(
      'sqli-stacked',
      attacks(3, () => ({}), 'sqli-stacked'),
      said(i => (i === 1 ? 'executed' : null), 3),
    );
    expect([ran.outcome, ran.facts['basis'], ran.facts['certainty'], ran.facts['database']]).toEqual([
      'succeeded',
      ['database-log'],
      'confirmed',
      { executed: 1, failed: 0, bound: 0 },
    ]);
    const bound = judge(
      'sqli-union',
      attacks(3, () => ({}), 'sqli-union'),
      said(() => 'bound', 3),
    );
    expect([bound.outcome, bound.facts['basis']]).toEqual(['attempted', ['bound-as-parameter']]);
    const failed = judge(
      'sqli-union',
      attacks(3, () => ({ status: 500 }), 'sqli-union'),
      said(() => 'failed', 3),
    );
    expect([failed.outcome, failed.facts['database']]).toEqual(['attempted', { executed: 0, failed: 3, bound: 0 }]);
  });

  it('several kinds of evidence are all named; the database log decides the certainty', () => {
    const both = judge(
      'sqli-boolean',
      attacks(40, i => ({ bytes: i % 3 === 0 ? 900 : 1500 })),
      said(i => (i < 5 ? 'executed' : null), 40),
    );
    expect([both.facts['basis'], both.facts['certainty']]).toEqual([['database-log', 'two-answer-classes'], 'confirmed']);
  });

  it('what is no injection is never called succeeded for an answer', () => {
    for (const technique of ['xss', 'path-traversal', 'ssrf', 'template', 'command-injection'])
      expect(outcome(technique, 40, i => ({ bytes: i % 3 === 0 ? 900 : 1500 }))).toBe('unknown');
  });
});
