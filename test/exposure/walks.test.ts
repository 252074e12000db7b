import { describe, expect, it } from 'vitest';
import { dayOf, missingSteps } from '../../src/exposure/routes/walks.ts';

describe('steps left out of a walk', () => {
  it('through days are the days between, and one at each end', () => {
    const days = ['2024-02-26', '2024-02-27', '2024-02-28', '2024-03-01', '2024-03-02', '2024-03-03', '2024-03-04'];
    expect(missingSteps([days]).flat().sort()).toEqual(['2024-02-25', '2024-02-29', '2024-03-05']);
  });

  it('through months cross the year', () => {
    const months = ['2023-09', '2023-10', '2023-11', '2024-01', '2024-02', '2024-03'];
    expect(missingSteps([months]).flat().sort()).toEqual(['2023-08', '2023-12', '2024-04']);
  });

  it('through spans of days are spans that cover what lies between', () => {
    const from = ['2024-01-01', '2024-02-01', '2024-03-01', '2024-05-01', '2024-06-01', '2024-07-01'];
    const to = ['2024-01-31', '2024-03-02', '2024-03-31', '2024-05-31', '2024-07-01', '2024-07-31'];
    const spans = missingSteps([from, to]);
    const covered = (d: string): boolean => spans.some(([a, b]) => dayOf(a)! <= dayOf(d)! && dayOf(d)! <= dayOf(b)!);
    expect(['2024-04-01', '2024-04-15', '2024-04-30', '2023-12-15', '2024-08-15'].map(covered)).toEqual([true, true, true, true, true]);
    expect(['2024-02-10', '2023-10-01', '2024-10-01'].map(covered)).toEqual([false, false, false]);
  });

  it('are none where nobody walks', () => {
    expect(missingSteps([['2024-01-01', '2024-09-17', '2023-03-05', '2024-02-02', '2022-12-24', '2024-11-11']])).toEqual([]);
    expect(missingSteps([['7', '9000', '12', '55', '3000', '41']])).toEqual([]);
  });
});
