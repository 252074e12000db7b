import type { Encoding } from './encoding.ts';

/**
 * Content in another encoding as UTF-8, piece by piece, with the way back: every UTF-8 offset can be turned into the offset of the
 * original character, so that original bytes stay reachable. Bytes that are no character become the four ASCII characters `\xHH`.
 */
export type Transcoder = {
  /** UTF-8 of the next original bytes; what ends inside a character waits for the next call. `atEnd`: nothing more comes. */
  push(bytes: Uint8Array, atEnd: boolean): Uint8Array;
  /** The original offset of a UTF-8 offset. Must be asked in ascending order; null for what lies ahead of the output. */
  originalOffset(utf8Offset: number): number | null;
};

/** `skip`: length of the byte order mark, dropped from the output and counted in original offsets. */
export function openTranscoder(encoding: Exclude<Encoding, 'utf-8'>, skip = 0): Transcoder {
  const step = stepper(encoding);
  let rest = new Uint8Array(0);
  let toSkip = skip;
  let pieces: { widths: Uint8Array; length: number }[] = [];
  let inPiece = 0;
  let utf8At = 0;
  let originalAt = skip;
  return {
    push(block, atEnd) {
      let bytes = block;
      if (rest.length > 0) {
        bytes = new Uint8Array(rest.length + block.length);
        bytes.set(rest);
        bytes.set(block, rest.length);
      }
      const start = Math.min(toSkip, bytes.length);
      toSkip -= start;
      const out = new Uint8Array((bytes.length - start) * 4 + 8);
      const widths = new Uint8Array(out.length);
      const done = step(bytes, start, atEnd, out, widths);
      rest = bytes.slice(done.read);
      pieces.push({ widths: widths.subarray(0, done.written), length: done.written });
      return out.subarray(0, done.written);
    },
    originalOffset(utf8Offset) {
      while (utf8At < utf8Offset) {
        const piece = pieces[0];
        if (!piece) return null;
        const n = Math.min(piece.length - inPiece, utf8Offset - utf8At);
        for (let i = 0; i < n; i++) originalAt += piece.widths[inPiece + i]!;
        utf8At += n;
        inPiece += n;
        if (inPiece === piece.length) {
          pieces = pieces.slice(1);
          inPiece = 0;
        }
      }
      return utf8At === utf8Offset ? originalAt : null;
    },
  };
}

/** Writes UTF-8 to `out`; `widths[i]` = original bytes of the character that starts at out[i]. */
type Step = (bytes: Uint8Array, from: number, atEnd: boolean, out: Uint8Array, widths: Uint8Array) => { read: number; written: number };

function stepper(encoding: Exclude<Encoding, 'utf-8'>): Step {
  if (encoding === 'utf-16le') return wideStep(0);
  if (encoding === 'utf-16be') return wideStep(1);
  const table = encoding === 'shift_jis' ? cp932() : eucJp();
  return (bytes, from, atEnd, out, widths) => {
    let i = from;
    let o = 0;
    while (i < bytes.length) {
      const a = bytes[i]!;
      const need = a < 0x80 ? 1 : table.length(a);
      if (i + need > bytes.length && !atEnd) break;
      const code = a < 0x80 ? a : i + need > bytes.length ? 0 : table.code(bytes, i);
      if (code === 0 && a >= 0x80) {
        o = writeHex(a, out, o, widths);
        i++;
        continue;
      }
      widths[o] = need;
      o = writeCode(code, out, o);
      i += need;
    }
    return { read: i, written: o };
  };
}

function wideStep(high: 0 | 1): Step {
  return (bytes, from, atEnd, out, widths) => {
    const unit = (i: number): number => (high === 0 ? bytes[i]! | (bytes[i + 1]! << 8) : (bytes[i]! << 8) | bytes[i + 1]!);
    let i = from;
    let o = 0;
    while (i + 2 <= bytes.length) {
      const a = unit(i);
      if (a >= 0xd800 && a < 0xdc00) {
        if (i + 4 > bytes.length && !atEnd) break;
        const b = i + 4 <= bytes.length ? unit(i + 2) : 0;
        if (b >= 0xdc00 && b < 0xe000) {
          widths[o] = 4;
          o = writeCode(0x10000 + ((a - 0xd800) << 10) + (b - 0xdc00), out, o);
          i += 4;
          continue;
        }
      }
      if (a >= 0xd800 && a < 0xe000) {
        o = writeHex(bytes[i]!, out, o, widths);
        o = writeHex(bytes[i + 1]!, out, o, widths);
      } else {
        widths[o] = 2;
        o = writeCode(a, out, o);
      }
      i += 2;
    }
    if (atEnd && i < bytes.length) o = writeHex(bytes[i++]!, out, o, widths);
    return { read: i, written: o };
  };
}

const hexDigits = '0123456789ABCDEF';

function writeHex(byte: number, out: Uint8Array, at: number, widths: Uint8Array): number {
  widths[at] = 1;
  out[at] = 0x5c;
  out[at + 1] = 0x78;
  out[at + 2] = hexDigits.charCodeAt(byte >> 4);
  out[at + 3] = hexDigits.charCodeAt(byte & 15);
  return at + 4;
}

function writeCode(code: number, out: Uint8Array, at: number): number {
  if (code < 0x80) {
    out[at] = code;
    return at + 1;
  }
  if (code < 0x800) {
    out[at] = 0xc0 | (code >> 6);
    out[at + 1] = 0x80 | (code & 63);
    return at + 2;
  }
  if (code < 0x10000) {
    out[at] = 0xe0 | (code >> 12);
    out[at + 1] = 0x80 | ((code >> 6) & 63);
    out[at + 2] = 0x80 | (code & 63);
    return at + 3;
  }
  out[at] = 0xf0 | (code >> 18);
  out[at + 1] = 0x80 | ((code >> 12) & 63);
  out[at + 2] = 0x80 | ((code >> 6) & 63);
  out[at + 3] = 0x80 | (code & 63);
  return at + 4;
}

type Table = { length(lead: number): number; code(bytes: Uint8Array, at: number): number };

/** Code points of all double-byte characters of an encoding, asked once from the platform's decoder. 0 = no character. */
function pairTable(label: string, prefix: readonly number[]): Uint16Array {
  const table = new Uint16Array(65536);
  const decoder = new TextDecoder(label, { fatal: true });
  for (let a = 0x81; a <= 0xfe; a++) {
    for (let b = 0x40; b <= 0xfe; b++) {
      try {
        const text = decoder.decode(Uint8Array.from([...prefix, a, b]));
        if (text.length === 1) table[(a << 8) | b] = text.charCodeAt(0);
      } catch {
        // No character there.
      }
    }
  }
  return table;
}

const kept = new Map<string, Table>();

function cp932(): Table {
  const known = kept.get('shift_jis');
  if (known) return known;
  const pairs = pairTable('shift_jis', []);
  const isLead = (a: number): boolean => (a >= 0x81 && a <= 0x9f) || (a >= 0xe0 && a <= 0xfc);
  const table: Table = {
    length: a => (isLead(a) ? 2 : 1),
    code: (bytes, at) => {
      const a = bytes[at]!;
      if (isLead(a)) return pairs[(a << 8) | bytes[at + 1]!]!;
      return a >= 0xa1 && a <= 0xdf ? 0xff61 + a - 0xa1 : 0;
    },
  };
  kept.set('shift_jis', table);
  return table;
}

function eucJp(): Table {
  const known = kept.get('euc-jp');
  if (known) return known;
  const pairs = pairTable('euc-jp', []);
  const more = pairTable('euc-jp', [0x8f]);
  const table: Table = {
    length: a => (a === 0x8f ? 3 : a === 0x8e || (a >= 0xa1 && a <= 0xfe) ? 2 : 1),
    code: (bytes, at) => {
      const a = bytes[at]!;
      if (a === 0x8f) return more[(bytes[at + 1]! << 8) | bytes[at + 2]!]!;
      return a === 0x8e || (a >= 0xa1 && a <= 0xfe) ? pairs[(a << 8) | bytes[at + 1]!]! : 0;
    },
  };
  kept.set('euc-jp', table);
  return table;
}
