import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCatalogues } from '../../src/base/index.ts';
import { exactRule, figureText, lowerRule, manRule, publishedRule, publishedText, roundFigure, upperRule } from '../../src/persons/index.ts';

test.each([
  [3_370_000, '337万'],
  [143_000, '14.3万'],
  [1_638, '1,638'],
  [9_366, '9,366'],
  [17_480_000, '1,748万'],
  [552_834, '55万2834'],
  [123_456_789, '1億2,345万6789'],
  [100_000_000, '1億'],
  [10_000, '1万'],
  [0, '0'],
])('%i in Japanese is %s', (n, text) => {
  expect(figureText(n, 'ja')).toBe(text);
});

test('a rounded figure is marked as such, an exact one is not', () => {
  expect(publishedText(142_871, 'ja', publishedRule, '件')).toBe('約14.3万件');
  expect(publishedText(17_483_211, 'ja', manRule, '件')).toBe('約1,748万件');
  expect(publishedText(1_638, 'ja', publishedRule, '件')).toBe('1,638件');
  expect(publishedText(142_871, 'en', upperRule, 'records')).toBe('about 143,000 records');
  expect(publishedText(142_871, 'ja', exactRule, '件')).toBe('14万2871件');
});

test('upper bounds are never rounded down, lower bounds never up, and rounding twice is rounding once', () => {
  fc.assert(
    fc.property(fc.nat(2_000_000_000), n => {
      expect(roundFigure(n, upperRule)).toBeGreaterThanOrEqual(n);
      expect(roundFigure(n, lowerRule)).toBeLessThanOrEqual(n);
      expect(Math.abs(roundFigure(n, publishedRule) - n)).toBeLessThanOrEqual(n * 0.005 + 1);
      for (const rule of [upperRule, lowerRule, publishedRule]) expect(roundFigure(roundFigure(n, rule), rule)).toBe(roundFigure(n, rule));
    }),
  );
});

test('a published total is rounded from the exact total, not summed from rounded parts', () => {
  const [a, b] = [7_264_499, 1_784_400];
  const parts = roundFigure(a, publishedRule) + roundFigure(b, publishedRule);
  expect(roundFigure(a + b, publishedRule)).not.toBe(parts);
});

test('the texts of this module have the same keys in both languages', () => {
  const keys = (value: unknown, at = ''): string[] =>
    typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([k, v]) => keys(v, `${at}.${k}`)) : [at];
  const { ja, en } = readCatalogues();
  expect(keys(ja['persons'])).toEqual(keys(en['persons']));
});
