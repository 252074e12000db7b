import type { Lang } from '../../base/index.ts';

/**
 * How a published figure is rounded: once, at output, never summed afterwards. `nearest` is 四捨五入, `down` 切捨て, `up` 切上げ.
 * `digits` significant digits are kept; figures below `exactBelow` are given exactly. With `unit` (10,000 for 万件) figures are rounded to it instead.
 */
export type RoundingRule = { readonly direction: 'nearest' | 'down' | 'up'; readonly digits: number; readonly exactBelow: number; readonly unit?: number };

export const exactRule: RoundingRule = { direction: 'nearest', digits: 15, exactBelow: Number.MAX_SAFE_INTEGER };
/** Point figures: 約14.3万件. */
export const publishedRule: RoundingRule = { direction: 'nearest', digits: 3, exactBelow: 10_000 };
/** Whole 万: 約1,748万件. */
export const manRule: RoundingRule = { ...publishedRule, unit: 10_000 };
/** Upper bounds never understate: 切上げ. */
export const upperRule: RoundingRule = { ...publishedRule, direction: 'up' };
/** Lower bounds never overstate: 切捨て. */
export const lowerRule: RoundingRule = { ...publishedRule, direction: 'down' };

/** Round a whole number by a rule. Throws on anything that is not a whole number ≥ 0 (a bug). */
export function roundFigure(n: number, rule: RoundingRule): number {
  if (!Number.isSafeInteger(n) || n < 0) throw new Error(`not a count: ${n}`);
  if (n < rule.exactBelow) return n;
  const drop = String(n).length - rule.digits;
  if (rule.unit === undefined && drop <= 0) return n;
  const unit = rule.unit ?? 10 ** drop;
  const whole = Math.floor(n / unit);
  const rest = n - whole * unit;
  const up = rule.direction === 'up' ? rest > 0 : rule.direction === 'nearest' ? rest * 2 >= unit : false;
  return (whole + (up ? 1 : 0)) * unit;
}

/** A whole number in the way people read it: 143,000 → `14.3万` in Japanese, `143,000` in English. Below 10,000 plain digits with commas. */
export function figureText(n: number, lang: Lang): string {
  if (lang === 'en' || n < 10_000) return grouped(String(n));
  const oku = Math.floor(n / 100_000_000);
  const rest = n % 100_000_000;
  if (oku > 0) {
    const man = Math.floor(rest / 10_000);
    const ones = rest % 10_000;
    return `${grouped(String(oku))}億${man > 0 ? `${grouped(String(man))}万` : ''}${ones > 0 ? String(ones) : ''}`;
  }
  const man = Math.floor(rest / 10_000);
  const ones = rest % 10_000;
  if (ones === 0) return `${grouped(String(man))}万`;
  return ones % 100 === 0 ? `${grouped(String(man))}.${String(ones).padStart(4, '0').replace(/0+$/, '')}万` : `${grouped(String(man))}万${String(ones)}`;
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** The text of a published figure: rounded by the rule and marked 約 / about when that changed it. `unit` is 件, 人, records, persons … */
export function publishedText(n: number, lang: Lang, rule: RoundingRule, unit = ''): string {
  const rounded = roundFigure(n, rule);
  const text = figureText(rounded, lang);
  if (lang === 'ja') return `${rounded === n ? '' : '約'}${text}${unit}`;
  return `${rounded === n ? '' : 'about '}${text}${unit === '' ? '' : ` ${unit}`}`;
}
