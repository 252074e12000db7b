import type { Lang } from '../base/index.ts';
import { figure, type Inline } from '../view/index.ts';

/** Whole numbers as documents show them. Exact; rounding is a decision of a publication, never of a draft. */
export function count(lang: Lang, n: number, unit: 'records' | 'persons'): string {
  const digits = n.toLocaleString('en-US');
  if (lang === 'ja') return `${digits}${unit === 'records' ? '件' : '人'}`;
  const word = unit === 'records' ? (n === 1 ? 'record' : 'records') : n === 1 ? 'person' : 'persons';
  return `${digits} ${word}`;
}

type Range = { readonly lower: number; readonly upper: number };

/** `12人` or `10〜12人`: an interval of records or persons. */
export function countRange(lang: Lang, p: Range, unit: 'records' | 'persons'): string {
  if (p.lower === p.upper) return count(lang, p.upper, unit);
  return `${p.lower.toLocaleString('en-US')}${lang === 'ja' ? '〜' : '–'}${count(lang, p.upper, unit)}`;
}

export const personRange = (lang: Lang, p: Range): string => countRange(lang, p, 'persons');
export const recordFigure = (lang: Lang, ref: string, n: number): Inline => figure(`figure:${ref}`, count(lang, n, 'records'));
export const personFigure = (lang: Lang, ref: string, p: Range): Inline => figure(`figure:${ref}`, personRange(lang, p));
/** An interval of records or persons with its reference. */
export const rangeFigure = (lang: Lang, ref: string, p: Range, unit: 'records' | 'persons'): Inline => figure(`figure:${ref}`, countRange(lang, p, unit));
