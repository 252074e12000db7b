import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { langs, t, UserError } from '../../src/base/index.ts';
import { CaseStore, decisionBody, decisionKinds, decisions, recordDecision, standingDecisions, withSubject } from '../../src/case/index.ts';

let dir: string;
let store: CaseStore;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-decisions-'));
  store = new CaseStore(path.join(dir, 'case.sqlite'));
});
afterEach(() => {
  store.close();
  fs.rmSync(dir, { recursive: true, force: true });
});

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return error.code;
    throw error;
  }
  return 'nothing';
};

describe('decisions', () => {
  test('a decision holds until it is withdrawn, and both stay in the journal', () => {
    const first = recordDecision(store, 'step.dismissed', ' 佐藤 ', 1_000_000, { step_id: 'step-1', reason: '社内の診断' });
    const second = recordDecision(store, 'step.dismissed', '鈴木', 2_000_000, { step_id: 'step-2' });
    expect(first.by).toBe('佐藤');
    expect(standingDecisions(store, 'step.dismissed').map(d => d.body['step_id'])).toEqual(['step-1', 'step-2']);
    recordDecision(store, 'decision.withdrawn', '佐藤', 3_000_000, { seq: first.seq });
    expect(standingDecisions(store, 'step.dismissed').map(d => d.seq)).toEqual([second.seq]);
    expect(decisions(store).map(d => [d.kind, d.withdrawnBy])).toEqual([
      ['step.dismissed', 3],
      ['step.dismissed', null],
      ['decision.withdrawn', null],
    ]);
    expect(store.verifyJournal()).toBeNull();
  });

  test('nothing is written without a name, a known kind, a whole body or a decision to withdraw', () => {
    const before = store.acts().length;
    expect(codeOf(() => recordDecision(store, 'step.dismissed', '  ', 0, { step_id: 's' }))).toBe('case.decision-by');
    expect(codeOf(() => recordDecision(store, 'evidence.received', 'x', 0, {}))).toBe('case.decision-unknown');
    expect(codeOf(() => recordDecision(store, 'constructor', 'x', 0, {}))).toBe('case.decision-unknown');
    expect(codeOf(() => recordDecision(store, 'person.merged', 'x', 0, { records: [{ dataset: 'a', key: '1' }] }))).toBe('case.decision-shape');
    expect(codeOf(() => recordDecision(store, 'step.dismissed', 'x', 0, { step_id: 's', more: 1 }))).toBe('case.decision-shape');
    expect(codeOf(() => recordDecision(store, 'decision.withdrawn', 'x', 0, { seq: 1 }))).toBe('case.decision-not-standing');
    expect(store.acts().length).toBe(before);
  });

  test('a decision is withdrawn once, and a withdrawal cannot be withdrawn', () => {
    const one = recordDecision(store, 'obligation.done', 'x', 0, { id: 'o' });
    const two = recordDecision(store, 'decision.withdrawn', 'x', 0, { seq: one.seq });
    expect(codeOf(() => recordDecision(store, 'decision.withdrawn', 'x', 0, { seq: one.seq }))).toBe('case.decision-not-standing');
    expect(codeOf(() => recordDecision(store, 'decision.withdrawn', 'x', 0, { seq: two.seq }))).toBe('case.decision-not-standing');
  });

  test('the words of a command line become the body', () => {
    expect(decisionBody('person.split', ['c/1,c/2', 'q/a/b'], { reason: 'r' })).toEqual({
      sides: [
        [
          { dataset: 'c', key: '1' },
          { dataset: 'c', key: '2' },
        ],
        [{ dataset: 'q', key: 'a/b' }],
      ],
      reason: 'r',
    });
    expect(decisionBody('premise.set', ['actor-wide=off'], {})).toEqual({ premise: 'actor-wide', holds: false });
    expect(decisionBody('figure.published', ['persons.possible=120..340'], { unit: 'persons', published_on: '2025-07-25' })).toEqual({
      figure: 'persons.possible',
      lower: 120,
      upper: 340,
      unit: 'persons',
      published_on: '2025-07-25',
    });
    expect(codeOf(() => recordDecision(store, 'premise.set', 'x', 0, decisionBody('premise.set', ['actor-wide'], {})))).toBe('case.decision-shape');
    expect(codeOf(() => recordDecision(store, 'premise.set', 'x', 0, decisionBody('premise.set', ['log-complete=on'], {})))).toBe('case.decision-shape');
  });

  test('a subject the result does not hold is refused', () => {
    const result = {
      intrusion: { steps: [{ id: 's', kind: 'scan', from: 'a', to: 'b', detections: ['d'] }], actors: [{ ips: ['192.0.2.1'] }] },
      obligations: [{ id: 'o' }],
    };
    expect(withSubject(result, 'step.dismissed', { step_id: 's' })).toEqual({ step_id: 's', detections: ['d'], about: 'scan a – b' });
    expect(codeOf(() => withSubject(result, 'step.dismissed', { step_id: 't' }))).toBe('case.decision-no-subject');
    expect(codeOf(() => withSubject(result, 'actor.split', { ips: ['192.0.2.1', '192.0.2.2'] }))).toBe('case.decision-no-subject');
    expect(codeOf(() => withSubject(result, 'obligation.done', { id: 'p' }))).toBe('case.decision-no-subject');
  });

  test('every kind has its words in both languages', () => {
    for (const kind of decisionKinds) for (const lang of langs) expect(t(lang, `case:decision.kind.${kind}`).length).toBeGreaterThan(3);
  });

  test('whatever is given as a body is written whole or refused, never half', () => {
    fc.assert(
      fc.property(fc.constantFrom(...decisionKinds), fc.array(fc.string()), fc.dictionary(fc.string(), fc.jsonValue()), (kind, words, fields) => {
        const before = store.acts().length;
        const code = codeOf(() => recordDecision(store, kind, 'x', 0, decisionBody(kind, words, fields)));
        expect(store.acts().length - before).toBe(code === 'nothing' ? 1 : 0);
        expect(store.verifyJournal()).toBeNull();
      }),
      { numRuns: 60 },
    );
  });
});
