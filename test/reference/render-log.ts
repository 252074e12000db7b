import { isIP } from 'node:net';

/** Slow, obvious writers and readers of web log lines, to hold the scanner to. Bytes are Latin-1 text here: one character a byte. */

export type Request = {
  readonly ip: string;
  readonly user: string;
  readonly atUs: number;
  readonly method: string;
  readonly target: string;
  readonly protocol: string;
  readonly status: number;
  readonly bytes: number;
  readonly referer: string;
  readonly agent: string;
  readonly durationMs: number;
  readonly cookie: string;
};

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (n: number): string => String(n).padStart(2, '0');

/** `21/Nov/2026:20:23:15 +0900` of UTC micros. */
export function clfTime(us: number, offsetHours: number): string {
  const d = new Date(us / 1000 + offsetHours * 3_600_000);
  const sign = offsetHours < 0 ? '-' : '+';
  return `${two(d.getUTCDate())}/${months[d.getUTCMonth()]}/${d.getUTCFullYear()}:${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} ${sign}${two(Math.abs(offsetHours))}00`;
}

/** As Apache’s ap_escape_logitem writes a field. */
export function apacheEscape(latin1: string): string {
  return [...latin1]
    .map(c => {
      const code = c.charCodeAt(0);
      if (c === '"' || c === '\\') return `\\${c}`;
      const short = { 8: 'b', 9: 't', 10: 'n', 11: 'v', 13: 'r' }[code];
      if (short) return `\\${short}`;
      return code < 32 || code > 126 ? `\\x${code.toString(16).padStart(2, '0')}` : c;
    })
    .join('');
}

/** As nginx writes a variable with escape=default. */
export function nginxEscape(latin1: string): string {
  return [...latin1]
    .map(c => {
      const code = c.charCodeAt(0);
      return c === '"' || c === '\\' || code < 32 || code > 126 ? `\\x${code.toString(16).toUpperCase().padStart(2, '0')}` : c;
    })
    .join('');
}

/** As nginx writes a variable with escape=json. */
export function nginxJsonEscape(latin1: string): string {
  return [...latin1]
    .map(c => {
      const code = c.charCodeAt(0);
      if (c === '"' || c === '\\') return `\\${c}`;
      const short = { 8: 'b', 9: 't', 10: 'n', 12: 'f', 13: 'r' }[code];
      if (short) return `\\${short}`;
      return code < 32 ? `\\u${code.toString(16).toUpperCase().padStart(4, '0')}` : c;
    })
    .join('');
}

export type ReferenceRow = {
  readonly ip: string;
  readonly user: string;
  readonly timeUs: number;
  readonly request: string;
  readonly status: number;
  readonly bytes: number | null;
  readonly referer: string;
  readonly agent: string;
};

const line =
  /^(\S+) (\S+) (.*?) \[(\d\d)\/(\w{3})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\] "((?:[^"\\]|\\.)*)" (\d{3}|-) (\d+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"$/s;

/** Combined lines by regular expression; fields as they stand, escapes and all. Null when it is no combined line. */
export function referenceCombined(text: string): ReferenceRow | null {
  const m = line.exec(text);
  if (!m) return null;
  if (isIP(m[1]!) === 0 && !/^[\w-]+(\.[\w-]+)*\.?$/.test(m[1]!)) return null;
  // An address there follows the name of a virtual host; one with a nought too many is one as well.
  if (isIP(m[2]!) !== 0 || /^\d+(?:\.\d+){3}$/.test(m[2]!)) return null;
  const month = months.findIndex(x => x.toLowerCase() === m[5]!.toLowerCase());
  if (month < 0 || +m[4]! < 1 || +m[4]! > 31 || +m[7]! > 23 || +m[8]! > 59 || +m[9]! > 60 || +m[11]! > 23 || +m[12]! > 59) return null;
  const offset = (+m[11]! * 60 + +m[12]!) * 60_000 * (m[10] === '-' ? -1 : 1);
  return {
    ip: m[1]!,
    user: m[3]!,
    // Two-digit years would be taken for those of the last century.
    timeUs: (new Date(Date.UTC(2000, 0, 1, +m[7]!, +m[8]!, +m[9]!)).setUTCFullYear(+m[6]!, month, +m[4]!) - offset) * 1000,
    request: m[13]!,
    status: Number(m[14]),
    bytes: m[15] === '-' ? null : Number(m[15]),
    referer: m[16]!,
    agent: m[17]!,
  };
}
