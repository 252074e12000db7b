import { describe, expect, test } from 'vitest';
import { spokenPeriod } from '../../src/reports/spoken.ts';

const zone = 'Asia/Tokyo';
const morning = '2025-04-14T08:22:10.000000Z';

describe('a period as people say it', () => {
  const cases = [
    ['days', '2025-04-20T18:05:00.000000Z', '2025年4月14日(月) 17時22分(日本時間)から2025年4月21日(月) 3時05分(日本時間)まで'],
    ['one day', '2025-04-14T09:40:59.000000Z', '2025年4月14日(月) 17時22分から18時40分まで(日本時間)'],
    ['one minute', '2025-04-14T08:22:58.000000Z', '2025年4月14日(月) 17時22分ごろ(日本時間)'],
  ] as const;
  test.each(cases)('%s', (_, end, said) => {
    expect(spokenPeriod('ja', morning, end, zone)).toBe(said);
  });
  test('within a sentence', () => {
    expect(spokenPeriod('ja', morning, cases[1][1], zone, true)).toBe('2025年4月14日(月) 17時22分から18時40分までの間(日本時間)に');
    expect(spokenPeriod('ja', morning, cases[2][1], zone, true)).toBe('2025年4月14日(月) 17時22分ごろ(日本時間)');
    expect(spokenPeriod('en', morning, cases[1][1], zone, true)).toBe('on 14 April 2025, between 17:22 and 18:40 (Asia/Tokyo)');
    expect(spokenPeriod('en', morning, cases[2][1], zone, true)).toBe('at about 17:22 on 14 April 2025 (Asia/Tokyo)');
  });
  test('days are those of the zone, and an unknown end is said', () => {
    expect(spokenPeriod('en', '2025-04-14T14:59:00.000000Z', '2025-04-14T15:01:00.000000Z', zone)).toBe(
      '14 April 2025, 23:59 (Asia/Tokyo) to 15 April 2025, 00:01 (Asia/Tokyo)',
    );
    expect(spokenPeriod('ja', morning, null, zone)).toContain('2025年4月14日(月) 17時22分(日本時間)から');
  });
});
