import fs from 'node:fs';
import { type CsvRecord, CsvScanner, cellText, type Dialect, isBlank, isNull } from './csv-scan.ts';
import { OrderSamples } from './order-samples.ts';

/** What a second reader of the rewritten file must find. */
export type Expected = {
  readonly rows: number;
  readonly filled: number;
  readonly filledBytes: number;
  readonly samples: readonly (readonly [number, number])[];
  readonly multiline: boolean;
};

const QUOTE = 34;

/**
 * Write an irregular CSV again so that any reader agrees on it: comma, LF, every cell that is not NULL quoted, as many cells as `columns`
 * (and one more for what is beyond them when `extra`). Bytes are copied, not decoded.
 */
export async function rewriteCsv(content: AsyncIterable<Uint8Array>, dialect: Dialect, columns: number, extra: boolean, target: string): Promise<Expected> {
  const out = fs.openSync(target, 'w');
  let buffer = Buffer.allocUnsafe(1 << 20);
  let used = 0;
  let filled = 0;
  let filledBytes = 0;
  let multiline = false;
  let header = true;
  let rows = 0;
  const samples = new OrderSamples();
  const room = (n: number): void => {
    if (used + n <= buffer.length) return;
    fs.writeSync(out, buffer, 0, used);
    used = 0;
    if (n > buffer.length) buffer = Buffer.allocUnsafe(n);
  };
  /** Returns the length of the text that a reader gets back. */
  const quoted = (bytes: Uint8Array, from: number, to: number, double: boolean): number => {
    room((to - from) * 2 + 3);
    let length = to - from;
    buffer[used++] = QUOTE;
    for (let p = from; p < to; p++) {
      const c = bytes[p]!;
      buffer[used++] = c;
      if (c !== QUOTE) continue;
      if (double) buffer[used++] = QUOTE;
      else {
        buffer[used++] = bytes[++p]!;
        length--;
      }
    }
    buffer[used++] = QUOTE;
    return length;
  };
  const see = (r: CsvRecord): void => {
    if (isBlank(r)) return;
    if (header) {
      header = false;
      const names = Array.from({ length: columns + (extra ? 1 : 0) }, (_, i) => `c${i}`).join(',');
      room(names.length + 1);
      used += buffer.write(`${names}\n`, used);
      return;
    }
    if (r.multiline || r.loneCr) multiline = true;
    let bytes = 0;
    for (let i = 0; i < Math.min(columns, r.cells); i++) {
      room(2);
      if (i > 0) buffer[used++] = 44;
      if (isNull(r, i)) continue;
      filled++;
      bytes += quoted(r.bytes, r.starts[i]!, r.ends[i]!, r.quoting[i] === 0);
    }
    room(columns + 2);
    for (let i = Math.max(1, r.cells); i < columns + (extra ? 1 : 0); i++) buffer[used++] = 44;
    if (extra && r.cells > columns) {
      if (r.cells > columns) buffer[used++] = 44;
      const text = Buffer.from(extraCells(r, columns));
      filled++;
      bytes += quoted(text, 0, text.length, true);
    }
    room(1);
    buffer[used++] = 10;
    filledBytes += bytes;
    samples.add(rows++, bytes);
  };
  try {
    const scanner = new CsvScanner(dialect);
    for await (const chunk of content) scanner.feed(chunk, see);
    scanner.finish(see);
    fs.writeSync(out, buffer, 0, used);
  } finally {
    fs.closeSync(out);
  }
  return { rows, filled, filledBytes, samples: samples.list, multiline };
}

/** The cells beyond the header as one RFC 4180 line. */
export function extraCells(r: CsvRecord, columns: number): string {
  return Array.from({ length: r.cells - columns }, (_, i) => cellText(r, columns + i) ?? '')
    .map(t => (/[",\r\n]/.test(t) ? `"${t.replaceAll('"', '""')}"` : t))
    .join(',');
}
