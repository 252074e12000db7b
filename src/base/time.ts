/**
 * Instants are UTC microseconds since 1970 as a plain number (exact to the year 2255). A JS Date never holds an event.
 * Calendar days are `YYYY-MM-DD` text in a named zone.
 */

export type Micros = number;

export const SECOND: Micros = 1_000_000;
export const MINUTE: Micros = 60 * SECOND;
export const HOUR: Micros = 60 * MINUTE;
export const DAY: Micros = 24 * HOUR;

/** Days from 1970-01-01 to a proleptic Gregorian date (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yoe = y - era * 400;
  const doy = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const doe = yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy;
  return era * 146097 + doe - 719468;
}

/** The inverse of daysFromCivil. */
export function civilFromDays(days: number): { year: number; month: number; day: number } {
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const doe = z - era * 146097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  return { year: yoe + era * 400 + (month <= 2 ? 1 : 0), month, day: doy - Math.floor((153 * mp + 2) / 5) + 1 };
}

/** Microseconds of a civil time taken as UTC. */
export function utcMicros(year: number, month: number, day: number, hour = 0, minute = 0, second = 0, micro = 0): Micros {
  return (daysFromCivil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * SECOND + micro;
}

const pad = (n: number, width = 2): string => String(n).padStart(width, '0');

/** ISO 8601 in UTC, `2026-11-21T20:23:15.255Z`; the fraction has 0, 3 or 6 digits, as many as needed. */
export function isoUtc(micros: Micros): string {
  const { date, time, fraction } = parts(micros);
  return `${date}T${time}${fraction}Z`;
}

function parts(micros: Micros): { date: string; time: string; fraction: string } {
  const days = Math.floor(micros / DAY);
  const rest = micros - days * DAY;
  const { year, month, day } = civilFromDays(days);
  const seconds = Math.floor(rest / SECOND);
  const us = rest - seconds * SECOND;
  const fraction = us === 0 ? '' : us % 1000 === 0 ? `.${pad(us / 1000, 3)}` : `.${pad(us, 6)}`;
  const time = `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return { date: `${pad(year, 4)}-${pad(month)}-${pad(day)}`, time, fraction };
}

const isoPattern = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s?(Z|[+-]\d{2}:?\d{2})?$/i;

/** ISO 8601 date or date-time with optional offset → micros; a time without offset is read in `zone`. Null when malformed. */
export function parseIso(text: string, zone = 'UTC'): Micros | null {
  const m = isoPattern.exec(text.trim());
  if (!m) return null;
  const [, y, mo, d, h = '0', mi = '0', s = '0', f = '', off] = m;
  if (+mo! < 1 || +mo! > 12 || +d! < 1 || +d! > 31 || +h > 24 || +mi > 59 || +s > 60) return null;
  const civil = utcMicros(+y!, +mo!, +d!, +h, +mi, +s, Math.floor(+f.padEnd(6, '0').slice(0, 6)));
  if (off === undefined) return localToUtc(civil, zone).earliest;
  return civil - parseOffset(off);
}

/** `+09:00`, `+0900` or `Z` → microseconds east of UTC. */
export function parseOffset(text: string): Micros {
  if (text === 'Z' || text === 'z') return 0;
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.slice(1).replace(':', '');
  return sign * (+digits.slice(0, 2) * HOUR + +digits.slice(2, 4) * MINUTE);
}

const formatters = new Map<string, Intl.DateTimeFormat>();
const offsetCache = new Map<string, Map<number, Micros>>();

/** Microseconds east of UTC in an IANA zone at an instant; cached by quarter hour. Throws RangeError for an unknown zone. */
export function zoneOffset(zone: string, micros: Micros): Micros {
  if (zone === 'UTC') return 0;
  if (zone === 'Asia/Tokyo' && micros > -599_616_000_000_000) return 9 * HOUR;
  const slot = Math.floor(micros / (15 * MINUTE));
  let cache = offsetCache.get(zone);
  if (!cache) offsetCache.set(zone, (cache = new Map()));
  const known = cache.get(slot);
  if (known !== undefined) return known;
  let formatter = formatters.get(zone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-US-u-hc-h23', {
      timeZone: zone,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formatters.set(zone, formatter);
  }
  const at = slot * 15 * MINUTE;
  const p = Object.fromEntries(formatter.formatToParts(at / 1000).map(x => [x.type, +x.value]));
  const offset = utcMicros(p['year']!, p['month']!, p['day']!, p['hour']!, p['minute']!, p['second']!) - at;
  cache.set(slot, offset);
  return offset;
}

/** A civil time (as if UTC micros) in a zone → its instants: two differ in a DST fold; in a DST gap both are the shifted one. */
export function localToUtc(civil: Micros, zone: string): { earliest: Micros; latest: Micros } {
  const before = civil - zoneOffset(zone, civil - DAY);
  const after = civil - zoneOffset(zone, civil + DAY);
  const valid = [before, after].filter(t => t + zoneOffset(zone, t) === civil);
  if (valid.length === 0) return { earliest: before, latest: before };
  return { earliest: Math.min(...valid), latest: Math.max(...valid) };
}

/** The calendar day `YYYY-MM-DD` of an instant in a zone. */
export function dayIn(zone: string, micros: Micros): string {
  return parts(micros + zoneOffset(zone, micros)).date;
}

/** `2026-11-22 05:23:15 +09:00` — for people; always carries its zone. */
export function displayTime(micros: Micros, zone: string): string {
  const offset = zoneOffset(zone, micros);
  const { date, time, fraction } = parts(micros + offset);
  const sign = offset < 0 ? '-' : '+';
  const abs = Math.abs(offset);
  return `${date} ${time}${fraction} ${sign}${pad(Math.floor(abs / HOUR))}:${pad(Math.floor(abs / MINUTE) % 60)}`;
}

/** Calendar arithmetic on `YYYY-MM-DD`. */
export function addDays(day: string, n: number): string {
  const [y, m, d] = day.split('-').map(Number);
  const c = civilFromDays(daysFromCivil(y!, m!, d!) + n);
  return `${pad(c.year, 4)}-${pad(c.month)}-${pad(c.day)}`;
}

/** 0 = Sunday … 6 = Saturday. */
export function weekday(day: string): number {
  const [y, m, d] = day.split('-').map(Number);
  return (((daysFromCivil(y!, m!, d!) + 4) % 7) + 7) % 7;
}

const durationUnits: Record<string, Micros> = { us: 1, ms: 1000, s: SECOND, m: MINUTE, h: HOUR, d: DAY };

/** `-287m`, `1.5h`, `0s` → micros; null when malformed. */
export function parseDuration(text: string): Micros | null {
  const m = /^([+-]?\d+(?:\.\d+)?)(us|ms|s|m|h|d)$/.exec(text.trim());
  return m ? Math.round(+m[1]! * durationUnits[m[2]!]!) : null;
}
