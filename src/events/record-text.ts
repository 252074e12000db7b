import { japaneseText } from './decode.ts';

/** Turning record bytes into text without ever losing a byte: what is not valid in the encoding becomes `\xHH`. */

export type Slice = (bytes: Uint8Array, from: number, to: number) => string;

let lastBytes: Uint8Array | null = null;
let lastView: Buffer = Buffer.alloc(0);

function view(bytes: Uint8Array): Buffer {
  if (bytes !== lastBytes) {
    lastBytes = bytes;
    lastView = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  return lastView;
}

/** UTF-8 text of bytes[from, to); invalid bytes as `\xHH`. */
export function utf8Text(bytes: Uint8Array, from: number, to: number): string {
  const text = view(bytes).toString('utf8', from, to);
  return text.includes('\uFFFD') ? carefulUtf8(bytes, from, to) : text;
}

/** One character a byte. For positions and patterns that are pure ASCII. */
export function latin1Text(bytes: Uint8Array, from: number, to: number): string {
  return view(bytes).toString('latin1', from, to);
}

/** The length of the valid UTF-8 sequence at `at`, or 0. Overlong forms, surrogates and > U+10FFFF are invalid. */
export function utf8Length(bytes: Uint8Array, at: number, to: number): number {
  const a = bytes[at]!;
  if (a < 0x80) return 1;
  const n = a >= 0xc2 && a <= 0xdf ? 2 : a >= 0xe0 && a <= 0xef ? 3 : a >= 0xf0 && a <= 0xf4 ? 4 : 0;
  if (n === 0 || at + n > to) return 0;
  const b = bytes[at + 1]!;
  if ((b & 0xc0) !== 0x80) return 0;
  if ((a === 0xe0 && b < 0xa0) || (a === 0xed && b > 0x9f) || (a === 0xf0 && b < 0x90) || (a === 0xf4 && b > 0x8f)) return 0;
  for (let i = 2; i < n; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  return n;
}

function carefulUtf8(bytes: Uint8Array, from: number, to: number): string {
  let out = '';
  let clean = from;
  for (let i = from; i < to; ) {
    const n = utf8Length(bytes, i, to);
    if (n > 0) {
      i += n;
      continue;
    }
    out += view(bytes).toString('utf8', clean, i) + hexByte(bytes[i]!);
    clean = ++i;
  }
  return out + view(bytes).toString('utf8', clean, to);
}

const hexByte = (b: number): string => `\\x${b.toString(16).toUpperCase().padStart(2, '0')}`;

/** UTF-8; a record that is none is read as Japanese in an older encoding where that makes sense, else with `\xHH`. */
function utf8OrJapanese(bytes: Uint8Array, from: number, to: number): string {
  const text = view(bytes).toString('utf8', from, to);
  return text.includes('\uFFFD') ? (japaneseText(bytes, from, to) ?? carefulUtf8(bytes, from, to)) : text;
}

/** How the records of a file in this encoding (a WHATWG label) become text. UTF-16 content must have been transcoded before. */
export function textReader(encoding: string): Slice {
  const label = encoding.toLowerCase();
  if (!['shift_jis', 'cp932', 'windows-31j', 'sjis', 'euc-jp', 'eucjp', 'iso-2022-jp'].includes(label)) return utf8OrJapanese;
  const decoder = new TextDecoder(label === 'cp932' || label === 'sjis' ? 'shift_jis' : label === 'eucjp' ? 'euc-jp' : label, {
    fatal: true,
  });
  return (bytes, from, to) => {
    let ascii = true;
    for (let i = from; i < to && ascii; i++) ascii = bytes[i]! < 0x80;
    if (ascii && label !== 'iso-2022-jp') return latin1Text(bytes, from, to);
    try {
      return decoder.decode(bytes.subarray(from, to));
    } catch {
      return utf8OrJapanese(bytes, from, to);
    }
  };
}
