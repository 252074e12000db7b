import holidayJp from '@holiday-jp/holiday_jp';
import { addDays, UserError, weekday } from '../base/index.ts';

const holidays = holidayJp.holidays as Readonly<Record<string, unknown>>;
const years = new Set(Object.keys(holidays).map(d => d.slice(0, 4)));

/**
 * A day on which Japanese government offices are closed: Saturday, Sunday, national holiday (substitute holidays and days between
 * holidays included), 29 December to 3 January. 行政機関の休日に関する法律第1条.
 * Throws a UserError for a year whose holidays are not known: never a guess.
 */
export function isClosedDay(day: string): boolean {
  if (!years.has(day.slice(0, 4))) throw new UserError('obligations.unknown-holidays', { year: day.slice(0, 4) });
  const dow = weekday(day);
  const monthDay = day.slice(5);
  return dow === 0 || dow === 6 || monthDay >= '12-29' || monthDay <= '01-03' || holidays[day] !== undefined;
}

/** The day itself when open, else the next open day (repeated). */
export function firstOpenDay(day: string): string {
  let d = day;
  while (isClosedDay(d)) d = addDays(d, 1);
  return d;
}

/** The N-th day counting the first as day 1 (通則編 3-5-3-4: その時点を1日目とする). */
export function nthDay(first: string, n: number): string {
  return addDays(first, n - 1);
}
