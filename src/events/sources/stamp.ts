import { HOUR, localToUtc, MINUTE, type Micros, SECOND, utcMicros, zoneOffset } from '../../base/index.ts';

/** An instant as logged: `us` is the earliest reading, `span` how much later it may be (DST fold, ambiguous zone name). */
export type Stamp = { readonly us: Micros; readonly span: number };

const hours = (...h: number[]): readonly number[] => h.map(x => x * HOUR);

/** Zone abbreviations as servers print them; those with several readings list them all. */
const zoneNames: Readonly<Record<string, readonly number[]>> = {
  UTC: [0],
  GMT: [0],
  Z: [0],
  UCT: [0],
  WET: [0],
  WEST: hours(1),
  BST: hours(1, 6),
  CET: hours(1),
  CEST: hours(2),
  MET: hours(1),
  MEST: hours(2),
  EET: hours(2),
  EEST: hours(3),
  MSK: hours(3),
  IST: hours(5.5, 2, 1),
  SGT: hours(8),
  HKT: hours(8),
  WIB: hours(7),
  ICT: hours(7),
  CST: hours(-6, 8),
  JST: hours(9),
  KST: hours(9),
  AWST: hours(8),
  ACST: hours(9.5),
  ACDT: hours(10.5),
  AEST: hours(10),
  AEDT: hours(11),
  NZST: hours(12),
  NZDT: hours(13),
  EST: hours(-5),
  EDT: hours(-4),
  CDT: hours(-5),
  MST: hours(-7),
  MDT: hours(-6),
  PST: hours(-8),
  PDT: hours(-7),
  AKST: hours(-9),
  AKDT: hours(-8),
  HST: hours(-10),
  BRT: hours(-3),
  ART: hours(-3),
  CAT: hours(2),
  SAST: hours(2),
  EAT: hours(3),
};

/** A civil time (as if UTC) read in a zone name or offset such as `JST`, `+09`, `+05:30`, `Z`; null when the name is unknown. */
export function inNamedZone(civil: Micros, name: string, zone: string): Stamp | null {
  const m = /^([+-])(\d{2}):?(\d{2})?(?::?(\d{2}))?$/.exec(name);
  if (m) {
    const east = +m[2]! * HOUR + +(m[3] ?? 0) * MINUTE + +(m[4] ?? 0) * SECOND;
    return { us: civil - (m[1] === '-' ? -east : east), span: 0 };
  }
  const offsets = zoneNames[name.toUpperCase()];
  if (!offsets) return null;
  if (offsets.length > 1) {
    const local = offsets.find(o => zoneOffset(zone, civil - o) === o);
    if (local !== undefined) return { us: civil - local, span: 0 };
  }
  const east = Math.max(...offsets);
  return { us: civil - east, span: east - Math.min(...offsets) };
}

/** A civil time in an IANA zone, both readings of a DST fold kept. */
export function inZone(civil: Micros, zone: string): Stamp {
  const { earliest, latest } = localToUtc(civil, zone);
  return { us: earliest, span: latest - earliest };
}

const isoPattern = /^(\d{4})[-/](\d{2})[-/](\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?\s?(Z|[+-]\d{2}(?::?\d{2}){0,2}|[A-Za-z]{1,5})?$/;

/** `2026-11-22 05:23:10.421 JST`, ISO 8601 with or without zone, `/` for `-`. Null when it is none. */
export function readIso(text: string, zone: string): Stamp | null {
  const m = isoPattern.exec(text);
  if (!m) return null;
  const civil = civilOf(+m[1]!, +m[2]!, +m[3]!, +m[4]!, +m[5]!, +m[6]!, m[7]);
  if (civil === null) return null;
  return m[8] === undefined ? inZone(civil, zone) : inNamedZone(civil, m[8] === 'z' ? 'Z' : m[8], zone);
}

/** Checked civil time as if UTC, years 1900 to 2250; `fraction` is a run of digits. */
export function civilOf(year: number, month: number, day: number, hour: number, minute: number, second: number, fraction = ''): Micros | null {
  if (year < 1900 || year > 2250 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 24 || minute > 59 || second > 60) return null;
  return utcMicros(year, month, day, hour, minute, second, fraction === '' ? 0 : +fraction.slice(0, 6).padEnd(6, '0'));
}

export function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

const months = 'janfebmaraprmayjunjulaugsepoctnovdec';

/** `Jan` … `Dec` in any case → 1 … 12, else 0. */
export function monthNumber(name: string): number {
  const i = months.indexOf(name.toLowerCase());
  return name.length === 3 && i >= 0 && i % 3 === 0 ? i / 3 + 1 : 0;
}

const clfPattern = /^\[?(\d{1,2})\/([A-Za-z]{3})\/(\d{4}):(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))? ([+-]\d{4})\]?$/;
const ctimePattern = /^[A-Za-z]{3} ([A-Za-z]{3}) {1,2}(\d{1,2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))? (\d{4})$/;

/** `11/Dec/2012:09:19:25 +0700` or `Sun Dec 04 04:47:44 2005`. */
export function readWebStamp(text: string, zone: string): Stamp | null {
  const m = clfPattern.exec(text);
  if (m) {
    const civil = civilOf(+m[3]!, monthNumber(m[2]!), +m[1]!, +m[4]!, +m[5]!, +m[6]!, m[7]);
    return civil === null ? null : inNamedZone(civil, m[8]!, zone);
  }
  const c = ctimePattern.exec(text);
  if (!c) return null;
  const civil = civilOf(+c[7]!, monthNumber(c[1]!), +c[2]!, +c[3]!, +c[4]!, +c[5]!, c[6]);
  return civil === null ? null : inZone(civil, zone);
}

/** Epoch number in seconds, milliseconds, microseconds or nanoseconds, told by its size (years 1973 to 2255). */
export function readEpoch(value: number): Micros | null {
  if (!Number.isFinite(value) || value < 1e8) return null;
  if (value < 9e9) return Math.round(value * 1e6);
  if (value < 9e12) return Math.round(value * 1e3);
  if (value < 9e15) return Math.round(value);
  return value < 9e18 ? Math.round(value / 1e3) : null;
}

/** For sources whose stamps differ in digits (resolution 1 µs): what the digits of this one leave open becomes its span. */
export function openDigits(stamp: Stamp | null, text: string): Stamp | null {
  if (!stamp) return null;
  const digits = (/:\d\d[.,](\d{1,9})/.exec(text)?.[1] ?? '').length;
  return digits >= 6 ? stamp : { us: stamp.us, span: stamp.span + 10 ** (6 - digits) - 1 };
}
