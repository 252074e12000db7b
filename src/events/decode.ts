import { decodeFlag } from './columns.ts';

/** One view of a request target: what it says after `depth` rounds of decoding. `flags` are decodeFlag bits seen up to here. */
export type DecodeStage = { readonly stage: string; readonly depth: number; readonly flags: number };

/** What `decodeBytes` leaves: the decoded bytes (good UTF-8), how many rounds it took, and what was seen. */
export type Decoded = { bytes: Uint8Array; length: number; depth: number; flags: number };

export const maxDecodeRounds = 5;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Every view of a raw request target or parameter, the raw text first, the normal form last but for one alternative: when full-width
 * forms occur, their NFKC reading is added after it with the flag `fullWidth`. `inQuery` says that `raw` is a query, not a whole target.
 */
export function decodeStages(raw: string, inQuery = false): DecodeStage[] {
  const stages: DecodeStage[] = [{ stage: raw, depth: 0, flags: 0 }];
  const input = encoder.encode(raw);
  for (let round = 1; round <= maxDecodeRounds; round++) {
    const d = decodeBytes(input, 0, input.length, inQuery, round);
    const stage = decodeText(d.bytes, 0, d.length);
    if (stage === stages.at(-1)!.stage) break;
    stages.push({ stage, depth: d.depth, flags: d.flags });
  }
  const last = stages.at(-1)!;
  if (/[\uff01-\uff5e\u3000]/.test(last.stage)) {
    const folded = last.stage.normalize('NFKC');
    if (folded !== last.stage) stages.push({ stage: folded, depth: last.depth, flags: last.flags | decodeFlag.fullWidth });
  }
  return stages;
}

let front = new Uint8Array(1 << 12);
let back = new Uint8Array(1 << 12);

/**
 * Decode bytes[from, to) until nothing changes: per round percent (with %uXXXX) and then HTML entities; `+` is a space in the query part
 * in the first round only. NULs are taken out at the end, overlong UTF-8 becomes what it stands for, bytes that are no UTF-8 are read as
 * Shift_JIS or EUC-JP when they are good there, else kept as \xHH text. The result is valid until the next call.
 */
export function decodeBytes(bytes: Uint8Array, from: number, to: number, inQuery = false, rounds = maxDecodeRounds): Decoded {
  const room = (to - from) * 4 + 64;
  if (front.length < room) {
    front = new Uint8Array(room * 2);
    back = new Uint8Array(room * 2);
  }
  let flags = 0;
  let depth = 0;
  let source = bytes;
  let start = from;
  let end = to;
  for (;;) {
    let target = source === front ? back : front;
    const r = depth < rounds ? decodeRound(source, start, end, target, depth === 0, inQuery) : unchanged;
    flags |= r.flags;
    if (r.changed) {
      source = target;
      start = 0;
      end = r.length;
      depth++;
      if (depth < rounds) continue;
    }
    target = source === front ? back : front;
    const clean = cleanBytes(source, start, end, target);
    flags |= clean.flags;
    if (clean.changed) depth = Math.max(depth, 1);
    source = target;
    start = 0;
    end = clean.length;
    // What an overlong form or a NUL hid may be encoded once more.
    if (!clean.changed || (clean.flags & decodeFlag.invalidUtf8) !== 0 || depth >= rounds) return { bytes: target, length: end, depth, flags };
  }
}

const unchanged = { changed: false, flags: 0, length: 0 } as const;
const round = { changed: false, flags: 0, length: 0 };

function decodeRound(bytes: Uint8Array, from: number, to: number, out: Uint8Array, first: boolean, inQuery: boolean): typeof round {
  let p = 0;
  let changed = false;
  let flags = 0;
  let query = inQuery;
  let entities = false;
  for (let i = from; i < to; i++) {
    const b = bytes[i]!;
    if (b === 0x25) {
      const hi = hexDigit(bytes, i + 1, to);
      const lo = hexDigit(bytes, i + 2, to);
      if (hi >= 0 && lo >= 0) {
        out[p++] = (hi << 4) | lo;
        i += 2;
        changed = true;
        continue;
      }
      if (i + 5 < to && (bytes[i + 1]! | 32) === 0x75) {
        const unit = hexUnit(bytes, i + 2, to);
        if (unit >= 0) {
          let code = unit;
          i += 5;
          if (unit >= 0xd800 && unit < 0xdc00 && bytes[i + 1] === 0x25 && (bytes[i + 2]! | 32) === 0x75) {
            const low = hexUnit(bytes, i + 3, to);
            if (low >= 0xdc00 && low < 0xe000) {
              code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
              i += 6;
            }
          }
          p = writeCodePoint(out, p, code);
          flags |= decodeFlag.unicodePercent;
          changed = true;
          continue;
        }
      }
      flags |= decodeFlag.badPercent;
    } else if (b === 0x3f && !query) query = true;
    else if (b === 0x2b && first && query) {
      out[p++] = 0x20;
      flags |= decodeFlag.plusAsSpace;
      changed = true;
      continue;
    } else if (b === 0x26) entities = true;
    out[p++] = b;
  }
  if (entities) {
    const length = decodeEntities(out, p);
    if (length !== p) {
      p = length;
      flags |= decodeFlag.html;
      changed = true;
    }
  }
  round.changed = changed;
  round.flags = flags;
  round.length = p;
  return round;
}

function hexDigit(bytes: Uint8Array, at: number, to: number): number {
  if (at >= to) return -1;
  const b = bytes[at]!;
  if (b >= 0x30 && b <= 0x39) return b - 0x30;
  const l = b | 32;
  return l >= 0x61 && l <= 0x66 ? l - 0x57 : -1;
}

function hexUnit(bytes: Uint8Array, at: number, to: number): number {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const d = hexDigit(bytes, at + i, to);
    if (d < 0) return -1;
    value = (value << 4) | d;
  }
  return value;
}

function writeCodePoint(out: Uint8Array, at: number, code: number): number {
  const c = (code >= 0xd800 && code < 0xe000) || code > 0x10ffff ? 0xfffd : code;
  let p = at;
  if (c < 0x80) out[p++] = c;
  else if (c < 0x800) {
    out[p++] = 0xc0 | (c >> 6);
    out[p++] = 0x80 | (c & 63);
  } else if (c < 0x10000) {
    out[p++] = 0xe0 | (c >> 12);
    out[p++] = 0x80 | ((c >> 6) & 63);
    out[p++] = 0x80 | (c & 63);
  } else {
    out[p++] = 0xf0 | (c >> 18);
    out[p++] = 0x80 | ((c >> 12) & 63);
    out[p++] = 0x80 | ((c >> 6) & 63);
    out[p++] = 0x80 | (c & 63);
  }
  return p;
}

/** The entities that smuggle SQL and markup past a filter; others stay as they are. */
const named = new Map([
  ['lt', 0x3c],
  ['gt', 0x3e],
  ['amp', 0x26],
  ['quot', 0x22],
  ['apos', 0x27],
  ['nbsp', 0x20],
  ['lpar', 0x28],
  ['rpar', 0x29],
  ['sol', 0x2f],
  ['bsol', 0x5c],
  ['colon', 0x3a],
  ['semi', 0x3b],
  ['equals', 0x3d],
  ['comma', 0x2c],
  ['num', 0x23],
  ['percnt', 0x25],
  ['Tab', 0x09],
  ['NewLine', 0x0a],
]);

/** In place; entities must end in `;`, so that an ordinary `&lt=1` parameter is left alone. */
function decodeEntities(bytes: Uint8Array, length: number): number {
  let p = 0;
  for (let i = 0; i < length; i++) {
    if (bytes[i] === 0x26) {
      let end = i + 1;
      while (end < length && end - i < 12 && bytes[end] !== 0x3b && bytes[end] !== 0x26) end++;
      if (end < length && bytes[end] === 0x3b) {
        const code = entityCode(bytes, i + 1, end);
        if (code > 0) {
          p = writeCodePoint(bytes, p, code);
          i = end;
          continue;
        }
      }
    }
    bytes[p++] = bytes[i]!;
  }
  return p;
}

function entityCode(bytes: Uint8Array, from: number, to: number): number {
  const name = String.fromCharCode(...bytes.subarray(from, to));
  const m = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(name);
  if (m) return m[1] !== undefined ? Number.parseInt(m[1], 16) : Number(m[2]);
  return named.get(name) ?? 0;
}

const cleaned = { changed: false, flags: 0, length: 0 };

/** Drop NULs, map overlong forms, make the rest good UTF-8. `out` has room for four times the input. */
function cleanBytes(bytes: Uint8Array, from: number, to: number, out: Uint8Array): typeof cleaned {
  let p = 0;
  let flags = 0;
  let changed = false;
  let invalid = false;
  for (let i = from; i < to; ) {
    const b = bytes[i]!;
    if (b === 0) {
      flags |= decodeFlag.nul;
      changed = true;
      i++;
    } else if (b < 0x80) {
      out[p++] = b;
      i++;
    } else {
      const n = sequenceLength(bytes, i, to);
      if (n > 0) {
        for (let k = 0; k < n; k++) out[p++] = bytes[i + k]!;
        i += n;
      } else if (n < 0) {
        p = writeCodePoint(out, p, overlongValue(bytes, i, -n));
        flags |= decodeFlag.overlong;
        changed = true;
        i -= n;
      } else {
        invalid = true;
        break;
      }
    }
  }
  if (invalid) {
    changed = true;
    flags |= decodeFlag.invalidUtf8;
    p = writeForeign(bytes, from, to, out);
  } else if ((flags & decodeFlag.fullWidth) === 0 && hasFullWidth(out, p)) flags |= decodeFlag.fullWidth;
  cleaned.changed = changed;
  cleaned.flags = flags;
  cleaned.length = p;
  return cleaned;
}

function hasFullWidth(bytes: Uint8Array, length: number): boolean {
  for (let i = 0; i + 2 < length; i++) {
    if (bytes[i] !== 0xef) continue;
    const second = bytes[i + 1]!;
    if ((second === 0xbc && bytes[i + 2]! >= 0x81) || (second === 0xbd && bytes[i + 2]! <= 0x9e)) return true;
  }
  return false;
}

/** Length of the UTF-8 sequence at `i`: positive when good, negative when overlong but complete, 0 when it is none (surrogates included). */
export function sequenceLength(bytes: Uint8Array, i: number, to: number): number {
  const b = bytes[i]!;
  if (b < 0x80) return 1;
  if (b < 0xc0 || b > 0xf7) return 0;
  const n = b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
  if (i + n > to) return 0;
  for (let k = 1; k < n; k++) if ((bytes[i + k]! & 0xc0) !== 0x80) return 0;
  const second = bytes[i + 1]!;
  if (b < 0xc2 || (b === 0xe0 && second < 0xa0) || (b === 0xf0 && second < 0x90)) return -n;
  if ((b === 0xed && second >= 0xa0) || b > 0xf4 || (b === 0xf4 && second >= 0x90)) return 0;
  return n;
}

function overlongValue(bytes: Uint8Array, i: number, n: number): number {
  let value = bytes[i]! & (0x7f >> n);
  for (let k = 1; k < n; k++) value = (value << 6) | (bytes[i + k]! & 63);
  return value === 0 ? 0x20 : value;
}

const japanese = ['shift_jis', 'euc-jp'].map(label => new TextDecoder(label, { fatal: true }));

/** Bytes that are no UTF-8: as Japanese text when one legacy encoding takes them and gives Japanese letters, else good parts and \xHH. */
function writeForeign(bytes: Uint8Array, from: number, to: number, out: Uint8Array): number {
  const text = japaneseText(bytes, from, to);
  if (text !== null) {
    const encoded = encoder.encode(text);
    if (encoded.length <= out.length) {
      out.set(encoded);
      return encoded.length;
    }
  }
  return writeVisible(bytes, from, to, out, 0, true);
}

/** Japanese letters count for a reading, half-width kana and rare symbols against it; null when neither encoding fits. */
export function japaneseText(bytes: Uint8Array, from: number, to: number): string | null {
  let best: string | null = null;
  let bestScore = 0;
  for (const decoder of japanese) {
    try {
      const text = decoder.decode(bytes.subarray(from, to));
      if (text.includes('\0')) continue;
      const good = text.match(/[\u3041-\u3096\u30a1-\u30fc\u4e00-\u9fff\uff01-\uff5e]/g)?.length ?? 0;
      const bad = text.match(/[\uff61-\uff9f\u0080-\u00ff\u0370-\u04ff\u2500-\u257f\ue000-\uf8ff]/g)?.length ?? 0;
      const score = good - bad * 2;
      if (score > bestScore) [best, bestScore] = [text, score];
    } catch {
      // Not this encoding.
    }
  }
  return best;
}

const hex = encoder.encode('0123456789ABCDEF');

/** Copy as UTF-8, each byte that belongs to no good sequence as the four characters \xHH. Returns the end in `out`. */
export function writeVisible(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number, dropNul = false): number {
  let p = at;
  for (let i = from; i < to; ) {
    const n = sequenceLength(bytes, i, to);
    if (n > 0) {
      if (!(dropNul && bytes[i] === 0)) for (let k = 0; k < n; k++) out[p++] = bytes[i + k]!;
      i += n;
      continue;
    }
    const b = bytes[i++]!;
    out[p++] = 0x5c;
    out[p++] = 0x78;
    out[p++] = hex[b >> 4]!;
    out[p++] = hex[b & 15]!;
  }
  return p;
}

function decodeText(bytes: Uint8Array, from: number, to: number): string {
  return utf8.decode(bytes.subarray(from, to));
}
