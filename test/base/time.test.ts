import { expect, test } from 'vitest';
import { addDays, dayIn, displayTime, isoUtc, localToUtc, parseDuration, parseIso, utcMicros, weekday } from '../../src/base/index.ts';

test('instants round-trip at microseconds', () => {
  const at = utcMicros(2026, 11, 21, 20, 23, 15, 255_001);
  expect(isoUtc(at)).toBe('2026-11-21T20:23:15.255001Z');
  expect(parseIso('2026-11-22T05:23:15.255001+09:00')).toBe(at);
  expect(parseIso('2026-11-22 05:23:15.255001', 'Asia/Tokyo')).toBe(at);
  expect(parseIso('2026-13-01')).toBeNull();
  expect(displayTime(at, 'Asia/Tokyo')).toBe('2026-11-22 05:23:15.255001 +09:00');
  expect(dayIn('Asia/Tokyo', at)).toBe('2026-11-22');
});

test('a civil time in a DST fold has two instants', () => {
  const fold = localToUtc(utcMicros(2025, 11, 2, 1, 30), 'America/New_York');
  expect(fold.latest - fold.earliest).toBe(3_600_000_000);
  const plain = localToUtc(utcMicros(2025, 7, 2, 1, 30), 'America/New_York');
  expect(plain.latest).toBe(plain.earliest);
});

test('durations and days', () => {
  expect(parseDuration('-287m')).toBe(-287 * 60_000_000);
  expect(parseDuration('5 minutes')).toBeNull();
  expect(weekday('2026-11-21')).toBe(6);
  expect(addDays('2024-02-28', 2)).toBe('2024-03-01');
});
