/** `backslash`: \" \\ \n \t \xHH as Apache and nginx write them. `json`: also \uXXXX. `none`: the source does not escape. */
export type Escapes = 'backslash' | 'json' | 'none';

let scratch = new Uint8Array(1 << 16);
let used = 0;

/** Where the last unescaped field stands in `scratchBytes()`; it stays valid until `resetScratch`. */
export const scratchEnd = { from: 0, to: 0 };

export function resetScratch(): void {
  used = 0;
}

export function scratchBytes(): Uint8Array {
  return scratch;
}

/** True when bytes[from, to) held escapes; the plain text is then in the scratch bytes. */
export function unescapeField(bytes: Uint8Array, from: number, to: number, escapes: Escapes): boolean {
  let i = from;
  while (i < to && bytes[i] !== 0x5c) i++;
  if (i === to) return false;
  if (scratch.length - used < to - from + 8) {
    scratch = new Uint8Array(Math.max(scratch.length * 2, (to - from) * 2 + 64));
    used = 0;
  }
  const start = used;
  const out = scratch;
  let p = start;
  for (let k = from; k < i; k++) out[p++] = bytes[k]!;
  while (i < to) {
    const b = bytes[i]!;
    if (b !== 0x5c || i + 1 >= to) {
      out[p++] = b;
      i++;
      continue;
    }
    const c = bytes[i + 1]!;
    if (c === 0x78) {
      const value = hexAt(bytes, i + 2, 2, to);
      if (value >= 0) {
        out[p++] = value;
        i += 4;
        continue;
      }
    } else if (c === 0x75 && escapes === 'json') {
      const value = hexAt(bytes, i + 2, 4, to);
      const low = value >= 0xd800 && value < 0xdc00 && bytes[i + 6] === 0x5c && bytes[i + 7] === 0x75 ? hexAt(bytes, i + 8, 4, to) : -1;
      if (low >= 0xdc00 && low < 0xe000) {
        p = writeUnit(out, p, 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00));
        i += 12;
        continue;
      }
      if (value >= 0) {
        p = writeUnit(out, p, value >= 0xd800 && value < 0xe000 ? 0xfffd : value);
        i += 6;
        continue;
      }
    } else {
      const plain = simple(c);
      if (plain >= 0) {
        out[p++] = plain;
        i += 2;
        continue;
      }
    }
    out[p++] = b;
    i++;
  }
  used = p;
  scratchEnd.from = start;
  scratchEnd.to = p;
  return true;
}

function simple(c: number): number {
  switch (c) {
    case 0x22:
    case 0x5c:
    case 0x2f:
      return c;
    case 0x6e:
      return 10;
    case 0x74:
      return 9;
    case 0x72:
      return 13;
    case 0x62:
      return 8;
    case 0x66:
      return 12;
    case 0x76:
      return 11;
    default:
      return -1;
  }
}

function hexAt(bytes: Uint8Array, at: number, count: number, to: number): number {
  if (at + count > to) return -1;
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const b = bytes[i]!;
    const l = b | 32;
    const d = b >= 0x30 && b <= 0x39 ? b - 0x30 : l >= 0x61 && l <= 0x66 ? l - 0x57 : -1;
    if (d < 0) return -1;
    value = value * 16 + d;
  }
  return value;
}

function writeUnit(out: Uint8Array, at: number, code: number): number {
  let p = at;
  if (code < 0x80) out[p++] = code;
  else if (code < 0x800) {
    out[p++] = 0xc0 | (code >> 6);
    out[p++] = 0x80 | (code & 63);
  } else {
    if (code < 0x10000) out[p++] = 0xe0 | (code >> 12);
    else {
      out[p++] = 0xf0 | (code >> 18);
      out[p++] = 0x80 | ((code >> 12) & 63);
    }
    out[p++] = 0x80 | ((code >> 6) & 63);
    out[p++] = 0x80 | (code & 63);
  }
  return p;
}
