import { expect, test } from 'vitest';
import { type Findings, judge, obligationsOf, readRegime } from '../../src/obligations/index.ts';

const appi = readRegime('jp-appi');
const base: Findings = {
  intrusion: true,
  improperPurpose: true,
  personsPossible: 10,
  personsNotExcluded: 10,
  combinations: [{ elements: ['person.name', 'contact.*'], persons: 10 }],
  roles: ['policyholder'],
};
const state = (id: string, f: Partial<Findings>, regime = appi) => judge(regime.triggers.find(t => t.id === id)!, regime.regime, { ...base, ...f }).state;

test('exactly 1,000 persons is not more than 1,000; the largest possible number counts', () => {
  expect(state('T4', { personsPossible: 1000, personsNotExcluded: 1000 })).toBe('not-met');
  expect(state('T4', { personsPossible: 1001 })).toBe('met');
  expect(state('T4', { personsPossible: 10, personsNotExcluded: 5000 })).toBe('needs-decision');
});

test('one person is enough for health data and for an improper purpose', () => {
  expect(state('T1', { combinations: [{ elements: ['sensitive.health'], persons: 1 }] })).toBe('met');
  expect(state('T1', {})).toBe('not-met');
  expect(state('T3', { personsPossible: 1 })).toBe('met');
  expect(state('T3', { improperPurpose: false })).toBe('not-met');
  expect(state('T3', { improperPurpose: null })).toBe('met');
});

test('a card number is damage to property, a bare bank account needs a decision, login and password count together', () => {
  expect(state('T2', { combinations: [{ elements: ['finance.card_number'], persons: 1 }] })).toBe('met');
  expect(state('T2', { combinations: [{ elements: ['finance.bank_account'], persons: 5 }] })).toBe('needs-decision');
  expect(state('T2', { combinations: [{ elements: ['auth.login', 'auth.password'], persons: 5 }] })).toBe('met');
  expect(
    state('T2', {
      combinations: [
        { elements: ['auth.login'], persons: 5 },
        { elements: ['auth.password'], persons: 5 },
      ],
    }),
  ).toBe('not-met');
});

test('nothing happened: no duty', () => {
  const f: Findings = { intrusion: false, improperPurpose: null, personsPossible: 0, personsNotExcluded: 100, combinations: [], roles: [] };
  expect(appi.triggers.map(t => judge(t, 'jp-appi', f).state)).toEqual(['not-met', 'not-met', 'not-met', 'not-met']);
  expect(
    obligationsOf(
      appi,
      appi.triggers.map(t => judge(t, 'jp-appi', f)),
      '2025-04-21',
      null,
    ),
  ).toEqual([]);
});

test('the insurer reports one customer, not one agent', () => {
  const insurance = readRegime('jp-insurance');
  expect(state('C1', { personsPossible: 1 }, insurance)).toBe('met');
  expect(state('C1', { roles: ['agent'] }, insurance)).toBe('not-met');
});

test('without the day of knowledge the obligation stands and asks for a decision', () => {
  const states = appi.triggers.map(t => judge(t, 'jp-appi', base));
  const list = obligationsOf(appi, states, null, 'non-life-insurer');
  expect(list.map(o => [o.kind, o.due, o.status])).toEqual([
    ['preliminary', null, 'needs-decision'],
    ['final', null, 'needs-decision'],
    ['individual-notice', null, 'due'],
  ]);
});
