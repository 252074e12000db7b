import { utf8Length } from './record-text.ts';

/** Encodings a log may come in, as WHATWG labels; `shift_jis` there is CP932. */
export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'shift_jis' | 'euc-jp';

/** What people call the encodings, in small letters. */
export const encodingNames: Readonly<Record<string, Encoding>> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  cp932: 'shift_jis',
  ms932: 'shift_jis',
  'windows-31j': 'shift_jis',
  shift_jis: 'shift_jis',
  'shift-jis': 'shift_jis',
  sjis: 'shift_jis',
  'euc-jp': 'euc-jp',
  eucjp: 'euc-jp',
  'eucjp-ms': 'euc-jp',
  'utf-16': 'utf-16le',
  utf16: 'utf-16le',
  'utf-16le': 'utf-16le',
  'utf-16be': 'utf-16be',
};

/** `bomBytes`: length of the mark to skip. `certain` is false when nothing but ASCII was seen or the reading is a guess. */
export type EncodingReport = { readonly encoding: Encoding; readonly bomBytes: number; readonly certain: boolean };

/**
 * The encoding of a sample (64 KiB are enough). A log that is UTF-8 with some hostile bytes in it stays UTF-8: another encoding is
 * only believed when it explains nearly all bytes above 0x7F and gives Japanese letters.
 */
export function detectEncoding(sample: Uint8Array): EncodingReport {
  if (sample[0] === 0xef && sample[1] === 0xbb && sample[2] === 0xbf) return { encoding: 'utf-8', bomBytes: 3, certain: true };
  if (sample[0] === 0xff && sample[1] === 0xfe) return { encoding: 'utf-16le', bomBytes: 2, certain: true };
  if (sample[0] === 0xfe && sample[1] === 0xff) return { encoding: 'utf-16be', bomBytes: 2, certain: true };
  const wide = wideKind(sample);
  if (wide) return { encoding: wide, bomBytes: 0, certain: true };
  const utf8 = utf8Share(sample);
  if (utf8.high === 0) return { encoding: 'utf-8', bomBytes: 0, certain: false };
  if (utf8.good / utf8.high >= 0.8) return { encoding: 'utf-8', bomBytes: 0, certain: utf8.good === utf8.high };
  const sjis = cp932Share(sample);
  const euc = eucShare(sample);
  const score = (s: Share): number => (s.good / s.high >= 0.98 && s.kana * 8 >= s.pairs ? s.good / s.high + s.kana / Math.max(1, s.pairs) : 0);
  const [a, b] = [score(sjis), score(euc)];
  if (a === 0 && b === 0) return { encoding: 'utf-8', bomBytes: 0, certain: false };
  return { encoding: a >= b ? 'shift_jis' : 'euc-jp', bomBytes: 0, certain: Math.abs(a - b) > 0.1 };
}

/** Zero bytes in every other place, all on one side, in text that has line feeds or spaces of two bytes. */
function wideKind(s: Uint8Array): Encoding | null {
  const n = Math.min(s.length, 65536) & ~1;
  if (n < 8) return null;
  let even = 0;
  let odd = 0;
  let little = 0;
  let big = 0;
  for (let i = 0; i < n; i += 2) {
    if (s[i] === 0) even++;
    if (s[i + 1] === 0) odd++;
    if (s[i + 1] === 0 && (s[i] === 10 || s[i] === 32)) little++;
    if (s[i] === 0 && (s[i + 1] === 10 || s[i + 1] === 32)) big++;
  }
  const pairs = n / 2;
  if (odd > pairs * 0.2 && even * 20 < odd && little > 0) return 'utf-16le';
  return even > pairs * 0.2 && odd * 20 < even && big > 0 ? 'utf-16be' : null;
}

/** Bytes above 0x7F, how many an encoding explains, double-byte characters and those of them that are kana. */
type Share = { high: number; good: number; pairs: number; kana: number };

function utf8Share(s: Uint8Array): Share {
  const out = { high: 0, good: 0, pairs: 0, kana: 0 };
  for (let i = 0; i < s.length; ) {
    if (s[i]! < 0x80) {
      i++;
      continue;
    }
    const n = utf8Length(s, i, s.length);
    out.high += n || 1;
    out.good += n;
    i += n || 1;
  }
  return out;
}

function cp932Share(s: Uint8Array): Share {
  const out = { high: 0, good: 0, pairs: 0, kana: 0 };
  for (let i = 0; i < s.length; i++) {
    const a = s[i]!;
    if (a < 0x80) continue;
    out.high++;
    const b = s[i + 1] ?? 0;
    const lead = (a >= 0x81 && a <= 0x9f) || (a >= 0xe0 && a <= 0xfc);
    if (lead && b >= 0x40 && b <= 0xfc && b !== 0x7f) {
      out.good++;
      out.pairs++;
      if ((a === 0x82 && b >= 0x9f && b <= 0xf1) || (a === 0x83 && b <= 0x96)) out.kana++;
      if (b >= 0x80) {
        out.high++;
        out.good++;
      }
      i++;
    } else if (a >= 0xa1 && a <= 0xdf) out.good++;
  }
  return out;
}

function eucShare(s: Uint8Array): Share {
  const out = { high: 0, good: 0, pairs: 0, kana: 0 };
  for (let i = 0; i < s.length; i++) {
    const a = s[i]!;
    if (a < 0x80) continue;
    const b = s[i + 1] ?? 0;
    const pair = (a >= 0xa1 && a <= 0xfe && b >= 0xa1 && b <= 0xfe) || (a === 0x8e && b >= 0xa1 && b <= 0xdf);
    const triple = a === 0x8f && b >= 0xa1 && (s[i + 2] ?? 0) >= 0xa1;
    if (pair || triple) {
      const n = triple ? 3 : 2;
      out.high += n;
      out.good += n;
      out.pairs++;
      if (a === 0xa4 || a === 0xa5) out.kana++;
      i += n - 1;
    } else out.high++;
  }
  return out;
}
