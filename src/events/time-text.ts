import { civilFromDays, daysFromCivil, HOUR, MINUTE } from '../base/index.ts';
import type { WebRow } from './web-row.ts';

/** Reads a stamp at `at` into the row; the offset after it, or -1 when none is there. */
export type TimeMatch = (bytes: Uint8Array, at: number, to: number, row: WebRow) => number;

function two(bytes: Uint8Array, at: number): number {
  const a = bytes[at]! - 0x30;
  const b = bytes[at + 1]! - 0x30;
  return a >= 0 && a <= 9 && b >= 0 && b <= 9 ? a * 10 + b : -1;
}

/** English month name of three letters at `at` → 1 to 12, or -1. */
export function monthAt(bytes: Uint8Array, at: number): number {
  const key = ((bytes[at]! | 32) << 16) | ((bytes[at + 1]! | 32) << 8) | (bytes[at + 2]! | 32);
  switch (key) {
    case 0x6a616e:
      return 1;
    case 0x666562:
      return 2;
    case 0x6d6172:
      return 3;
    case 0x617072:
      return 4;
    case 0x6d6179:
      return 5;
    case 0x6a756e:
      return 6;
    case 0x6a756c:
      return 7;
    case 0x617567:
      return 8;
    case 0x736570:
      return 9;
    case 0x6f6374:
      return 10;
    case 0x6e6f76:
      return 11;
    case 0x646563:
      return 12;
    default:
      return -1;
  }
}

/** `+0900`, `+09:00` or `Z` at `at`: sets the offset, returns the end or -1. */
function zoneAt(bytes: Uint8Array, at: number, to: number, row: WebRow): number {
  const sign = bytes[at];
  if (sign === 0x5a) {
    row.offset = 0;
    return at + 1;
  }
  if ((sign !== 0x2b && sign !== 0x2d) || at + 5 > to) return -1;
  const hours = two(bytes, at + 1);
  const colon = bytes[at + 3] === 0x3a ? 1 : 0;
  const minutes = at + 5 + colon <= to ? two(bytes, at + 3 + colon) : -1;
  if (hours < 0 || minutes < 0 || hours > 23 || minutes > 59) return -1;
  const east = hours * HOUR + minutes * MINUTE;
  row.offset = sign === 0x2d ? 0 - east : east;
  return at + 5 + colon;
}

/** `21/Nov/2026:20:23:15 +0000`. */
export const matchClfTime: TimeMatch = (bytes, at, to, row) => {
  if (at + 26 > to || bytes[at + 2] !== 0x2f || bytes[at + 6] !== 0x2f || bytes[at + 11] !== 0x3a || bytes[at + 20] !== 0x20) return -1;
  row.day = two(bytes, at);
  row.month = monthAt(bytes, at + 3);
  const century = two(bytes, at + 7);
  const years = two(bytes, at + 9);
  row.year = century < 0 || years < 0 ? -1 : century * 100 + years;
  row.hour = two(bytes, at + 12);
  row.minute = two(bytes, at + 15);
  row.second = two(bytes, at + 18);
  if (row.day < 1 || row.month < 1 || row.year < 0 || row.hour < 0 || row.minute < 0 || row.second < 0) return -1;
  return zoneAt(bytes, at + 21, to, row);
};

/** `[21/Nov/2026:20:23:15 +0000]`. */
export const matchBracketedClfTime: TimeMatch = (bytes, at, to, row) => {
  if (bytes[at] !== 0x5b) return -1;
  const end = matchClfTime(bytes, at + 1, to, row);
  return end > 0 && end < to && bytes[end] === 0x5d ? end + 1 : -1;
};

/** `1732220595.255`: seconds since 1970, with or without fraction; `unit` micros a unit for the whole-number forms. */
export function matchEpoch(unit: number): TimeMatch {
  return (bytes, at, to, row) => {
    let p = at;
    let whole = 0;
    while (p < to && bytes[p]! >= 0x30 && bytes[p]! <= 0x39 && p - at < 17) whole = whole * 10 + bytes[p++]! - 0x30;
    if (p === at) return -1;
    row.instant = whole * unit;
    if (bytes[p] !== 0x2e || unit !== 1_000_000) return p;
    return fractionAt(bytes, p + 1, to, row);
  };
}

/** Digits of a fraction of a second → row.micro. */
function fractionAt(bytes: Uint8Array, at: number, to: number, row: WebRow): number {
  let p = at;
  let value = 0;
  let scale = 100_000;
  while (p < to && bytes[p]! >= 0x30 && bytes[p]! <= 0x39) {
    value += (bytes[p++]! - 0x30) * scale;
    scale = scale > 1 ? scale / 10 : 0;
  }
  if (p === at) return -1;
  row.micro = value;
  return p;
}

/** `usec_frac`, `msec_frac`: digits of the fraction. */
export const matchFraction: TimeMatch = fractionAt;

/** ISO 8601 date and time with optional fraction and offset: `2026-11-21T20:23:15.123Z`. */
export const matchIsoTime: TimeMatch = (bytes, at, to, row) => {
  const end = matchStrftime('%Y-%m-%dT%H:%M:%S')(bytes, at, to, row);
  if (end < 0) return -1;
  let p = end;
  if (bytes[p] === 0x2e) p = fractionAt(bytes, p + 1, to, row);
  if (p < 0) return -1;
  const zone = p < to ? zoneAt(bytes, p, to, row) : -1;
  return zone < 0 ? p : zone;
};

type Step = (bytes: Uint8Array, at: number, to: number, row: WebRow) => number;

function digits(min: number, max: number, set: (row: WebRow, value: number) => void): Step {
  return (bytes, at, to, row) => {
    let p = at;
    let value = 0;
    while (p < to && p - at < max && bytes[p]! >= 0x30 && bytes[p]! <= 0x39) value = value * 10 + bytes[p++]! - 0x30;
    if (p - at < min) return -1;
    set(row, value);
    return p;
  };
}

const letters: Step = (bytes, at, to) => {
  let p = at;
  while (p < to && (bytes[p]! | 32) >= 0x61 && (bytes[p]! | 32) <= 0x7a) p++;
  return p > at ? p : -1;
};

const monthName: Step = (bytes, at, to, row) => {
  if (at + 3 > to) return -1;
  row.month = monthAt(bytes, at);
  return row.month < 0 ? -1 : letters(bytes, at, to, row);
};

const spaceThen =
  (step: Step): Step =>
  (bytes, at, to, row) =>
    step(bytes, bytes[at] === 0x20 ? at + 1 : at, to, row);

const dayOfYear = digits(1, 3, (row, v) => {
  row.month = 1;
  row.day = v;
});

const half: Step = (bytes, at, to, row) => {
  if (at + 2 > to || (bytes[at + 1]! | 32) !== 0x6d) return -1;
  if ((bytes[at]! | 32) === 0x70) row.hour = (row.hour % 12) + 12;
  else if (row.hour === 12) row.hour = 0;
  return at + 2;
};

const conversions: Readonly<Record<string, Step>> = {
  d: digits(1, 2, (r, v) => (r.day = v)),
  e: spaceThen(digits(1, 2, (r, v) => (r.day = v))),
  m: digits(1, 2, (r, v) => (r.month = v)),
  Y: digits(4, 4, (r, v) => (r.year = v)),
  y: digits(2, 2, (r, v) => (r.year = v < 69 ? 2000 + v : 1900 + v)),
  H: digits(1, 2, (r, v) => (r.hour = v)),
  k: spaceThen(digits(1, 2, (r, v) => (r.hour = v))),
  I: digits(1, 2, (r, v) => (r.hour = v)),
  l: spaceThen(digits(1, 2, (r, v) => (r.hour = v))),
  M: digits(2, 2, (r, v) => (r.minute = v)),
  S: digits(2, 2, (r, v) => (r.second = v)),
  s: digits(1, 12, (r, v) => (r.instant = v * 1_000_000)),
  b: monthName,
  B: monthName,
  h: monthName,
  a: letters,
  A: letters,
  Z: (bytes, at, to, row) => {
    const end = letters(bytes, at, to, row);
    if (end - at === 3 && ['UTC', 'GMT'].includes(String.fromCharCode(...bytes.subarray(at, end)))) row.offset = 0;
    return end;
  },
  z: zoneAt,
  p: half,
  j: dayOfYear,
};

const composite: Readonly<Record<string, string>> = {
  T: '%H:%M:%S',
  F: '%Y-%m-%d',
  D: '%m/%d/%y',
  R: '%H:%M',
  r: '%I:%M:%S %p',
  c: '%a %b %e %H:%M:%S %Y',
};

const compiled = new Map<string, TimeMatch>();

/** A strftime pattern of the C library, English names. An unknown conversion never matches. */
export function matchStrftime(pattern: string): TimeMatch {
  const known = compiled.get(pattern);
  if (known) return known;
  const expanded = pattern.replace(/%([TFDRrc])/g, (_, c: string) => composite[c]!);
  const steps: Step[] = [];
  const hasDayOfYear = expanded.includes('%j');
  for (let i = 0; i < expanded.length; i++) {
    if (expanded[i] === '%' && i + 1 < expanded.length && expanded[i + 1] !== '%') steps.push(conversions[expanded[++i]!] ?? (() => -1));
    else {
      if (expanded[i] === '%') i++;
      const code = expanded.charCodeAt(i);
      steps.push((bytes, at, to) => (at < to && bytes[at] === code ? at + 1 : -1));
    }
  }
  const match: TimeMatch = (bytes, at, to, row) => {
    let p = at;
    for (const step of steps) {
      p = step(bytes, p, to, row);
      if (p < 0) return -1;
    }
    if (hasDayOfYear && row.year >= 0) {
      const { month, day } = civilFromDays(daysFromCivil(row.year, 1, 1) + row.day - 1);
      row.month = month;
      row.day = day;
    }
    return p;
  };
  compiled.set(pattern, match);
  return match;
}
