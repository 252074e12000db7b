import { expect, test } from 'vitest';
import { parseIso } from '../../src/base/index.ts';
import { deadlines, firstOpenDay, isClosedDay, readRegime, regimeIds } from '../../src/obligations/index.ts';

const final = (known: string, triggers: string[]) =>
  deadlines({ regime: 'jp-appi', knownUs: parseIso(known, 'Asia/Tokyo')!, triggers, organisationKind: 'non-life-insurer', asOfUs: null }).find(
    o => o.kind === 'final',
  )!.due;

/** known day, days, due: computed by hand from the calendar, holidays of the Cabinet Office. */
const vectors: [string, 30 | 60, string][] = [
  ['2025-04-21', 60, '2025-06-19'],
  ['2025-04-21', 30, '2025-05-20'],
  ['2025-09-29', 60, '2025-11-27'],
  ['2025-10-19', 60, '2025-12-17'],
  ['2024-06-08', 60, '2024-08-06'],
  ['2025-01-18', 60, '2025-03-18'],
  ['2026-07-22', 60, '2026-09-24'],
  ['2026-07-24', 60, '2026-09-24'],
  ['2026-07-27', 60, '2026-09-24'],
  ['2026-03-06', 60, '2026-05-07'],
  ['2026-04-04', 30, '2026-05-07'],
  ['2026-10-05', 30, '2026-11-04'],
  ['2026-10-25', 30, '2026-11-24'],
  ['2026-10-30', 60, '2026-12-28'],
  ['2026-10-31', 60, '2027-01-04'],
  ['2026-12-01', 30, '2027-01-04'],
  ['2026-12-05', 30, '2027-01-04'],
  ['2026-11-21', 30, '2026-12-21'],
  ['2026-11-21', 60, '2027-01-19'],
  ['2027-01-22', 60, '2027-03-23'],
  ['2028-02-01', 30, '2028-03-01'],
];

test.each(vectors)('known on %s, %i days: final report due %s', (known, days, due) => {
  expect(final(known, days === 60 ? ['T3'] : ['T4'])).toBe(due);
});

test('any combination with T3 has 60 days', () => {
  expect(final('2025-04-21', ['T1', 'T4'])).toBe('2025-05-20');
  expect(final('2025-04-21', ['T1', 'T3', 'T4'])).toBe('2025-06-19');
});

test('the day known is the day in Japan, also when the instant is still the day before in UTC', () => {
  expect(final('2025-04-20T15:00:00Z', ['T3'])).toBe('2025-06-19');
  expect(final('2025-04-20T14:59:59Z', ['T3'])).toBe('2025-06-18');
});

test('the preliminary report is guidance, never shifted, never called statutory', () => {
  const o = deadlines({ regime: 'jp-appi', knownUs: parseIso('2026-05-01T09:00:00+09:00')!, triggers: ['T3'], organisationKind: null, asOfUs: null });
  expect(o.find(x => x.kind === 'preliminary')).toMatchObject({ due: '2026-05-05', recipient: '個人情報保護委員会', status: 'due' });
  expect(o.find(x => x.kind === 'preliminary')!.counting).toContain('法定の日数ではない');
  expect(o.find(x => x.kind === 'individual-notice')).toMatchObject({ due: null, recipient: '本人' });
});

test('an insurer reports to the Financial Services Agency, My Number always to the Commission', () => {
  const ask = (regime: string) =>
    deadlines({ regime, knownUs: parseIso('2025-04-21')!, triggers: [], organisationKind: 'non-life-insurer', asOfUs: null })[0]!.recipient;
  expect(ask('jp-appi')).toContain('金融庁');
  expect(ask('jp-insurance')).toContain('金融庁');
  expect(ask('jp-my-number')).toBe('個人情報保護委員会');
});

test('overdue only from the day after, and only when a day to compare with is given', () => {
  const on = (day: string) =>
    deadlines({ regime: 'jp-appi', knownUs: parseIso('2025-04-21')!, triggers: ['T3'], organisationKind: null, asOfUs: parseIso(day, 'Asia/Tokyo') }).find(
      o => o.kind === 'final',
    )!.status;
  expect(on('2025-06-19T23:59:00')).toBe('due');
  expect(on('2025-06-20T00:00:00')).toBe('overdue');
});

test('28 December and 4 January are open, the days between closed', () => {
  expect(isClosedDay('2026-12-28')).toBe(false);
  expect(firstOpenDay('2026-12-29')).toBe('2027-01-04');
  expect(firstOpenDay('2026-09-19')).toBe('2026-09-24');
});

test('a year whose holidays are unknown is an error, not a guess', () => {
  expect(() => isClosedDay('2099-01-05')).toThrow('unknown-holidays');
});

test('every regime in law/ reads, and a slip names the nearest', () => {
  expect(regimeIds()).toEqual(['jp-appi', 'jp-insurance', 'jp-my-number']);
  for (const id of regimeIds()) expect(readRegime(id).regime).toBe(id);
  expect(() => readRegime('jp-apii')).toThrow(/jp-appi/);
});
