import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detectEncoding, type Encoding } from '../../src/events/encoding.ts';
import { textReader, utf8Text } from '../../src/events/record-text.ts';
import { openTranscoder } from '../../src/events/transcode.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const utf16 = (text: string, big = false): Uint8Array => {
  const b = Buffer.from(text, 'utf16le');
  return Uint8Array.from(big ? b.swap16() : b);
};
/** 「顧客データの照会」 in three encodings, by hand from the code tables. */
const cp932 = hex('8CDA 8B71 8366 815B 835E 82CC 8FC6 89EF');
const euc = hex('B8DC B5D2 A5C7 A1BC A5BF A4CE BEC8 B2F1');
const japanese = '顧客データの照会';

function transcode(encoding: Exclude<Encoding, 'utf-8'>, bytes: Uint8Array, pieces: readonly number[], skip = 0) {
  const t = openTranscoder(encoding, skip);
  const out: Uint8Array[] = [];
  let at = 0;
  for (const n of pieces) {
    out.push(t.push(bytes.subarray(at, at + n), false));
    at += n;
  }
  out.push(t.push(bytes.subarray(at), true));
  return { text: Buffer.concat(out), t };
}

describe('detectEncoding', () => {
  const ascii = new TextEncoder().encode('10.0.0.1 - - [x] "GET / HTTP/1.1" 200\n');
  const mix = (b: Uint8Array): Uint8Array => Uint8Array.from(Array.from({ length: 20 }, () => [...ascii, ...b]).flat());
  it.each([
    ['plain ASCII', ascii, 'utf-8'],
    ['UTF-8', new TextEncoder().encode(`${japanese}\n`), 'utf-8'],
    ['CP932', mix(cp932), 'shift_jis'],
    ['EUC-JP', mix(euc), 'euc-jp'],
    ['UTF-16LE without mark', utf16('2026-11-22 log line\r\nnext 照会\r\n'), 'utf-16le'],
    ['UTF-16BE without mark', utf16('2026-11-22 log line\r\nnext\r\n', true), 'utf-16be'],
    ['UTF-8 with shell code', Uint8Array.from([...mix(new TextEncoder().encode(japanese)), 0x90, 0x90, 0xcd, 0x80, 0xe8, 0xff]), 'utf-8'],
    ['shell code only', Uint8Array.from([...ascii, 0x90, 0x90, 0x31, 0xc0, 0xcd, 0x80, 0xe8, 0xdc, 0xff, 0xff, 0xff]), 'utf-8'],
    ['Latin-1', mix(hex('63 61 66 E9 20 6E EF')), 'utf-8'],
  ] as const)('%s', (_, bytes, encoding) => expect(detectEncoding(bytes).encoding).toBe(encoding));
  it('honours byte order marks', () => {
    expect(detectEncoding(Uint8Array.from([0xff, 0xfe, 0x61, 0]))).toEqual({ encoding: 'utf-16le', bomBytes: 2, certain: true });
    expect(detectEncoding(Uint8Array.from([0xef, 0xbb, 0xbf, 0x61]))).toEqual({ encoding: 'utf-8', bomBytes: 3, certain: true });
  });
});

describe('openTranscoder', () => {
  it('reads the same text from three encodings', () => {
    expect(transcode('shift_jis', cp932, []).text.toString()).toBe(japanese);
    expect(transcode('euc-jp', euc, []).text.toString()).toBe(japanese);
    expect(transcode('utf-16le', Uint8Array.from([0xff, 0xfe, ...utf16(japanese)]), [], 2).text.toString()).toBe(japanese);
  });
  it('is the text of the platform decoder on valid input, and finds the way back, however it is cut', () => {
    const labels = ['shift_jis', 'euc-jp', 'utf-16le', 'utf-16be'] as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...labels),
        fc.array(fc.constantFrom('a', '\n', '照', 'の', 'ｱ', '髙', '😀', 'é', '\\', '漢')),
        fc.array(fc.nat(5), { maxLength: 8 }),
        (label, chars, pieces) => {
          const encoded = chars.flatMap(c => {
            if (label.startsWith('utf-16')) return [{ c, b: utf16(c, label === 'utf-16be') }];
            const b = encodeWith(label, c);
            return b ? [{ c, b }] : [];
          });
          const bytes = Uint8Array.from(encoded.flatMap(e => [...e.b]));
          const { text, t } = transcode(label, bytes, pieces);
          expect(text.toString()).toBe(encoded.map(e => e.c).join(''));
          let utf8At = 0;
          let originalAt = 0;
          for (const e of encoded) {
            expect(t.originalOffset(utf8At)).toBe(originalAt);
            utf8At += Buffer.byteLength(e.c);
            originalAt += e.b.length;
          }
          expect(t.originalOffset(utf8At)).toBe(bytes.length);
          expect(t.originalOffset(utf8At + 1)).toBeNull();
        },
      ),
      { numRuns: 300 },
    );
  });
  it('never loses a byte of any input', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('shift_jis', 'euc-jp', 'utf-16le', 'utf-16be'),
        fc.uint8Array({ maxLength: 60 }),
        fc.array(fc.nat(9), { maxLength: 6 }),
        (label, bytes, pieces) => {
          const { text, t } = transcode(label as 'euc-jp', bytes, pieces);
          expect(text.equals(transcode(label as 'euc-jp', bytes, []).text)).toBe(true);
          expect(Buffer.from(text.toString('utf8')).equals(text)).toBe(true);
          expect(t.originalOffset(text.length)).toBe(bytes.length);
        },
      ),
      { numRuns: 500 },
    );
  });
});

/** The bytes of one character, by search through the platform decoder. */
const found = new Map<string, Uint8Array | null>();
function encodeWith(label: string, c: string): Uint8Array | null {
  const key = label + c;
  if (found.has(key)) return found.get(key)!;
  const decoder = new TextDecoder(label, { fatal: true });
  const tries: number[][] = [];
  for (let a = 0; a < 256; a++) tries.push([a]);
  for (let a = 0x81; a < 256; a++) for (let b = 0x40; b < 256; b++) tries.push([a, b]);
  for (const t of tries) {
    try {
      if (decoder.decode(Uint8Array.from(t)) === c) {
        found.set(key, Uint8Array.from(t));
        return found.get(key)!;
      }
    } catch {
      // Not this one.
    }
  }
  found.set(key, null);
  return null;
}

describe('record text', () => {
  it('shows invalid bytes and keeps U+FFFD that really stands there', () => {
    expect(utf8Text(hex('61 ff e3 81 82 c0 af ef bf bd'), 0, 10)).toBe('a\\xFFあ\\xC0\\xAF\uFFFD');
    expect(textReader('shift_jis')(cp932, 0, cp932.length)).toBe(japanese);
    expect(textReader('utf-8')(cp932, 0, cp932.length)).toBe(japanese);
  });
});
