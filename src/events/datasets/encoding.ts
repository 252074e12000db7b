import { isUtf8 } from 'node:buffer';
import { encodingNames } from '../encoding.ts';
import { utf8Text } from '../record-text.ts';

/** What a look at all bytes of a text file says about its encoding. `label` is a WHATWG label; `shift_jis` there is CP932. */
export type EncodingFinding = {
  readonly label: string;
  readonly bomBytes: number;
  readonly valid: boolean;
  readonly doubtful: boolean;
  readonly unknownLabel: boolean;
};

/** Collects what is needed to tell the encoding, chunk by chunk: validity as UTF-8 and a sample of the bytes around non-ASCII ones. */
export class EncodingSurvey {
  private head: Uint8Array = new Uint8Array(0);
  private rest: Uint8Array = new Uint8Array(0);
  private utf8 = true;
  private ascii = true;
  private sample: Uint8Array[] = [];
  private sampled = 0;

  add(chunk: Uint8Array): void {
    if (this.head.length < 4096) this.head = Buffer.concat([this.head, chunk.subarray(0, 4096)]);
    const bytes = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    const cut = safeCut(bytes);
    this.rest = bytes.slice(cut);
    this.look(bytes.subarray(0, cut));
  }

  finish(declared: string): EncodingFinding {
    this.look(this.rest);
    const wanted = encodingNames[declared.toLowerCase()] ?? (declared === 'auto' || isKnown(declared) ? declared.toLowerCase() : null);
    const bom = bomOf(this.head);
    const unknownLabel = wanted === null;
    const finding = (label: string, bomBytes: number, doubtful = false): EncodingFinding => ({
      label,
      bomBytes,
      valid: label === 'utf-8' ? this.utf8 : true,
      doubtful,
      unknownLabel,
    });
    if (bom) return finding(bom.label, bom.bytes, wanted !== null && wanted !== 'auto' && wanted !== bom.label && declared.toLowerCase() !== 'utf-16');
    const sixteen = wideBytes(this.head);
    const found = sixteen ?? (this.utf8 ? 'utf-8' : guessJapanese(Buffer.concat(this.sample)));
    if (wanted === null || wanted === 'auto') return finding(found, 0);
    if (found === wanted || this.ascii) return finding(wanted, 0);
    // Text of another encoding is practically never valid UTF-8 by chance.
    const clearlyUtf8 = this.utf8 && sixteen === null && !wanted.startsWith('utf-16') && wanted !== 'iso-2022-jp' && this.sampled >= 30;
    return clearlyUtf8 ? finding('utf-8', 0, true) : finding(wanted, 0, sixteen !== null && !wanted.startsWith('utf-16'));
  }

  private look(bytes: Uint8Array): void {
    if (this.utf8 && !isUtf8(bytes)) this.utf8 = false;
    if (this.sampled >= 262144) return;
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i]! < 0x80) continue;
      this.ascii = false;
      let from = i;
      while (from > 0 && bytes[from - 1] !== 10) from--;
      let to = bytes.indexOf(10, i);
      if (to < 0) to = bytes.length;
      this.sample.push(bytes.slice(from, to + 1));
      this.sampled += to + 1 - from;
      if (this.sampled >= 262144) return;
      i = to;
    }
  }
}

function isKnown(label: string): boolean {
  try {
    new TextDecoder(label);
    return true;
  } catch {
    return false;
  }
}

function bomOf(head: Uint8Array): { label: string; bytes: number } | null {
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return { label: 'utf-8', bytes: 3 };
  if (head[0] === 0xff && head[1] === 0xfe) return { label: 'utf-16le', bytes: 2 };
  if (head[0] === 0xfe && head[1] === 0xff) return { label: 'utf-16be', bytes: 2 };
  return null;
}

/** UTF-16 without a mark: many zero bytes on one side of the pairs, among them those of line ends and separators. */
function wideBytes(head: Uint8Array): string | null {
  const zeros = [0, 0];
  const marks = [0, 0];
  for (let i = 0; i + 1 < head.length; i += 2) {
    const [a, b] = [head[i]!, head[i + 1]!];
    if (a === 0) zeros[0]!++;
    if (b === 0) zeros[1]!++;
    if (a === 0 && [9, 10, 13, 44, 59].includes(b)) marks[0]!++;
    if (b === 0 && [9, 10, 13, 44, 59].includes(a)) marks[1]!++;
  }
  if (zeros[0]! + zeros[1]! < head.length / 20) return null;
  if (marks[1]! > 0 && zeros[1]! > zeros[0]! * 4) return 'utf-16le';
  return marks[0]! > 0 && zeros[0]! > zeros[1]! * 4 ? 'utf-16be' : null;
}

/** The encoding in which the sample has the fewest impossible and implausible characters. */
function guessJapanese(sample: Uint8Array): string {
  const score = (label: string): number => {
    const text = new TextDecoder(label).decode(sample);
    let bad = 0;
    for (const c of text) {
      const p = c.codePointAt(0)!;
      if (p === 0xfffd) bad += 20;
      else if (p >= 0xff61 && p <= 0xff9f) bad += 2;
      else if (p >= 0xe000 && p <= 0xf8ff) bad += 5;
      else if (p >= 0x80 && p < 0xa0) bad += 10;
      else if (p >= 0x0370 && p <= 0x04ff) bad += 2;
    }
    return bad;
  };
  const candidates = ['utf-8', 'shift_jis', 'euc-jp'].map(label => ({ label, bad: score(label) }));
  return candidates.reduce((best, c) => (c.bad < best.bad ? c : best)).label;
}

/** Where a chunk can be cut without splitting a multi-byte character: after the last line feed, else after the last ASCII byte. */
function safeCut(bytes: Uint8Array): number {
  const line = bytes.lastIndexOf(10);
  if (line >= 0) return line + 1;
  for (let i = bytes.length - 1; i >= 0; i--) if (bytes[i]! < 0x80) return i + 1;
  return bytes.length > 1 << 20 ? bytes.length : 0;
}

/** Content as UTF-8 bytes without mark. Bytes that are not valid UTF-8 become `\xHH`; in other encodings they become U+FFFD and are counted. */
export async function* toUtf8(content: AsyncIterable<Uint8Array>, finding: EncodingFinding, onInvalid: (count: number) => void): AsyncGenerator<Uint8Array> {
  let skip = finding.bomBytes;
  if (finding.label === 'utf-8') {
    let rest: Uint8Array = new Uint8Array(0);
    for await (const raw of content) {
      const joined = rest.length > 0 ? Buffer.concat([rest, raw]) : raw;
      const cut = safeCut(joined);
      rest = joined.slice(cut);
      if (cut === 0) continue;
      yield utf8Only(joined.subarray(skip, cut), onInvalid);
      skip = 0;
    }
    yield utf8Only(rest.subarray(skip), onInvalid);
    return;
  }
  const decoder = new TextDecoder(finding.label);
  const encode = (text: string): Uint8Array => {
    for (let at = text.indexOf('\ufffd'); at >= 0; at = text.indexOf('\ufffd', at + 1)) onInvalid(1);
    return Buffer.from(text, 'utf8');
  };
  for await (const chunk of content) {
    yield encode(decoder.decode(chunk, { stream: true }));
  }
  yield encode(decoder.decode());
}

function utf8Only(bytes: Uint8Array, onInvalid: (count: number) => void): Uint8Array {
  if (isUtf8(bytes)) return bytes;
  const text = utf8Text(bytes, 0, bytes.length);
  onInvalid(1);
  return Buffer.from(text, 'utf8');
}
