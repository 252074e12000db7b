import { daysFromCivil } from '../../base/index.ts';
import { widen } from './kana.ts';
import { kanjiNumber } from './numerals.ts';

const eras: Record<string, number> = {
  令和: 2018,
  平成: 1988,
  昭和: 1925,
  大正: 1911,
  明治: 1867,
  令: 2018,
  平: 1988,
  昭: 1925,
  大: 1911,
  明: 1867,
  R: 2018,
  H: 1988,
  S: 1925,
  T: 1911,
  M: 1867,
  '㋿': 2018,
};
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** A calendar day written in any usual way → `YYYY-MM-DD`, or null. `order` says how 3/4/1980 is read. 和暦 included; a time of day is dropped. */
export function normaliseDate(text: string, order: 'mdy' | 'dmy' = 'mdy'): string | null {
  const quick = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (quick) return day(+quick[1]!, +quick[2]!, +quick[3]!);
  const s = widen(text)
    .replace(/[Tt ]\d{1,2}:\d{2}.*$/, '')
    .trim();
  let m = /^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?$/.exec(s) ?? /^(\d{4})(\d{2})(\d{2})$/.exec(s);
  if (m) return day(+m[1]!, +m[2]!, +m[3]!);
  m =
    /^(令和|平成|昭和|大正|明治|[令平昭大明]|[RHSTM])[.\s]*(元|\d{1,2}|[一二三四五六七八九十]+)\s*[-/.年]\s*(\d{1,2}|[一二三四五六七八九十]+)\s*[-/.月]\s*(\d{1,2}|[一二三四五六七八九十]+)\s*日?$/i.exec(
      s,
    );
  if (m) {
    const number = (x: string): number => (x === '元' ? 1 : /^\d/.test(x) ? +x : (kanjiNumber(x) ?? 0));
    return day(eras[m[1]!.toUpperCase()]! + number(m[2]!), number(m[3]!), number(m[4]!));
  }
  m = /^([RHSTM])(\d{2})(\d{2})(\d{2})$/i.exec(s);
  if (m) return day(eras[m[1]!.toUpperCase()]! + +m[2]!, +m[3]!, +m[4]!);
  m = /^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})$/.exec(s);
  if (m) {
    const [a, b, y] = [+m[1]!, +m[2]!, +m[3]!];
    return order === 'dmy' ? (day(y, b, a) ?? day(y, a, b)) : (day(y, a, b) ?? day(y, b, a));
  }
  m = /^(\d{1,2})[-\s]?([A-Za-z]{3})[a-z]*[-,\s]+(\d{4})$/.exec(s);
  if (m) return day(+m[3]!, months.indexOf(m[2]!.toLowerCase()) + 1, +m[1]!);
  m = /^([A-Za-z]{3})[a-z]*\s+(\d{1,2}),?\s+(\d{4})$/.exec(s);
  return m ? day(+m[3]!, months.indexOf(m[1]!.toLowerCase()) + 1, +m[2]!) : null;
}

function day(y: number, m: number, d: number): string | null {
  if (y < 1800 || y > 2200 || m < 1 || m > 12 || d < 1 || d > 31) return null;
  const next = m === 12 ? daysFromCivil(y + 1, 1, 1) : daysFromCivil(y, m + 1, 1);
  if (d > next - daysFromCivil(y, m, 1)) return null;
  return `${y}-${String(m).padStart(2, '0')}-${String(d).padStart(2, '0')}`;
}
