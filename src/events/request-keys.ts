/**
 * What ingest derives of every request beside what was logged, so that detection groups by whole numbers and tests few texts instead of all:
 * keys of the sender, the path without its numbers, and the target without what varies. Pure functions of bytes.
 */

const spread = 4294967296;
const high = 0x1fffff;

/** A hash of 53 bits of a text, never 0: 0 stands for no text. */
export function textKey(bytes: Uint8Array, from: number, to: number): number {
  let a = 0x3c6ef372 ^ (to - from);
  let b = 0x2545f491;
  let i = from;
  for (const stop = to - 3; i < stop; i += 4) {
    const w = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    a = Math.imul(a ^ w, 0x5bd1e995);
    a ^= a >>> 15;
    b = (Math.imul(b, 0x1b873593) + w) ^ (b >>> 17);
  }
  for (; i < to; i++) {
    const c = bytes[i]!;
    a = Math.imul(a ^ c, 0x5bd1e995);
    a ^= a >>> 15;
    b = (Math.imul(b, 0x1b873593) + c) ^ (b >>> 17);
  }
  return finish(a, b);
}

/** One key of two. */
export function joinKeys(x: number, y: number): number {
  const w = x | 0;
  const u = y | 0;
  let a = Math.imul(0x1f83d9ab ^ w, 0x5bd1e995);
  let b = (Math.imul(0x5be0cd19, 0x1b873593) + x / spread) | 0;
  a = Math.imul((a ^ (a >>> 15)) + b, 0x5bd1e995) ^ u;
  b = (Math.imul(b ^ (b >>> 17) ^ a, 0x1b873593) + y / spread) | 0;
  a = Math.imul(a ^ (a >>> 15), 0x5bd1e995) ^ b;
  return finish(a, b);
}

function finish(x: number, y: number): number {
  let a = x ^ (x >>> 13);
  let b = y ^ (a >>> 5);
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b);
  a = Math.imul(a ^ b, 0xc2b2ae35 | 0);
  a ^= a >>> 16;
  b ^= b >>> 13;
  return (b & high) * spread + (a >>> 0) || 1;
}

/** Address and agent together. */
export const clientKeyOf = (address: number, agent: number): number => joinKeys(address, agent);

/** The session, else the account; 0 when there is neither. */
export const holderKeyOf = (session: number, account: number): number => (session !== 0 ? session : account !== 0 ? joinKeys(account, 2) : 0);

/** Writes each run of digits as one `#` and returns how many bytes were written. */
export function collapseNumbers(bytes: Uint8Array, from: number, to: number, out: Uint8Array): number {
  let p = 0;
  for (let i = from; i < to; i++) {
    const b = bytes[i]!;
    if (b < 0x30 || b > 0x39) {
      out[p++] = b;
      continue;
    }
    out[p++] = 0x23;
    while (i + 1 < to && bytes[i + 1]! >= 0x30 && bytes[i + 1]! <= 0x39) i++;
  }
  return p;
}

const mostDigits = 15;
export const noNumber = -2;

/** The number in a path that holds one run of digits, short enough to be exact, and no `#` of its own; -1: its numbers are others; `noNumber`: it holds none. */
export function onlyNumber(bytes: Uint8Array, from: number, to: number): number {
  let digits = 0;
  let value = 0;
  let other = false;
  for (let i = from; i < to; i++) {
    const b = bytes[i]!;
    if (b === 0x23) other = true;
    if (b < 0x30 || b > 0x39) continue;
    if (digits > 0) return -1;
    for (; i < to && bytes[i]! >= 0x30 && bytes[i]! <= 0x39; i++) {
      if (++digits > mostDigits) return -1;
      value = value * 10 + bytes[i]! - 0x30;
    }
    i--;
  }
  return digits === 0 ? noNumber : other ? -1 : value;
}

/** Longer targets have no shape: they hardly ever come twice. */
export const longestShape = 256;

const lowered = new Uint8Array(128);
/** 1 digit, 2 letter that may be hexadecimal, 4 other letter, 0 anything else. */
const kindOf = new Uint8Array(128);
for (let c = 0; c < 128; c++) {
  const digit = c >= 0x30 && c <= 0x39;
  const upper = c >= 0x41 && c <= 0x5a;
  const letter = upper || (c >= 0x61 && c <= 0x7a);
  lowered[c] = digit ? 0x30 : upper ? c | 32 : c;
  kindOf[c] = digit ? 1 : letter ? ((c | 32) <= 0x66 ? 2 : 4) : 0;
}

/**
 * A target in small letters in which every digit is `0`, and so is every letter of a word of nothing but hexadecimal digits with at least one from 0 to 9:
 * as long as before, and every character of a class like [0-9a-f] still of it. Returns how many bytes were written, or -1: no ASCII, no path, too long.
 */
export function writeShape(bytes: Uint8Array, from: number, to: number, out: Uint8Array): number {
  if (to - from > longestShape || bytes[from] !== 0x2f) return -1;
  let p = 0;
  let word = 0;
  let kinds = 0;
  for (let i = from; i < to; i++) {
    const b = bytes[i]!;
    if (b > 127) return -1;
    const kind = kindOf[b]!;
    if (kind === 0) {
      if (kinds === 3) while (word < p) out[word++] = 0x30;
      out[p++] = b;
      word = p;
      kinds = 0;
    } else {
      out[p++] = lowered[b]!;
      kinds |= kind;
    }
  }
  if (kinds === 3) while (word < p) out[word++] = 0x30;
  return p;
}

const encoder = new TextEncoder();
const mostBars = 8;

/**
 * The client keys that a client's text `i:<address>|<agent>` may have: where there are several bars the address may hold some of them.
 * Null when there are too many.
 */
export function clientKeysOf(client: string): number[] | null {
  const keys = new Set<number>();
  const key = (text: string): number => {
    const bytes = encoder.encode(text);
    return bytes.length === 0 ? 0 : textKey(bytes, 0, bytes.length);
  };
  for (let at = client.indexOf('|'); at >= 0; at = client.indexOf('|', at + 1)) {
    if (keys.size === mostBars) return null;
    keys.add(clientKeyOf(key(client.slice(2, at)), key(client.slice(at + 1))));
  }
  return keys.size === 0 ? null : [...keys];
}
