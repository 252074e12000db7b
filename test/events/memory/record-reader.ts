import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { lineEnd } from '../../../src/events/framing.ts';
import type { EventSink, ParseOutcome, Source, SourceContext } from '../../../src/events/source.ts';

/** One row as a plain object: what a sink keeps in memory for tests. */
export type MemoryRow = Record<string, string | number>;

export class MemorySink implements EventSink {
  rows: MemoryRow[] = [];
  row: MemoryRow = {};
  bytes(column: string, bytes: Uint8Array, from: number, to: number): void {
    this.row[column] = Buffer.from(bytes.subarray(from, to)).toString('utf8');
  }
  text(column: string, value: string): void {
    if (typeof value !== 'string') throw new Error(`${column}: not a text`);
    this.row[column] = value;
  }
  number(column: string, value: number): void {
    if (!Number.isSafeInteger(value)) throw new Error(`${column}: ${value} is no whole number`);
    if (value < 0 && column !== 'time_us') throw new Error(`${column}: ${value} is negative`);
    this.row[column] = value;
  }
  target(bytes: Uint8Array, from: number, to: number): void {
    this.row['target'] = Buffer.from(bytes.subarray(from, to)).toString('utf8');
  }
  next(): void {
    this.rows.push(this.row);
    this.row = {};
  }
}

export type Reading = {
  rows: MemoryRow[];
  unparsed: { at: number; reason: string; text: string }[];
  meta: number;
  records: number;
  bytes: number;
  facts: Readonly<Record<string, string | number>>;
};

export const context: SourceContext = {
  zone: 'Asia/Tokyo',
  modifiedUs: Date.UTC(2026, 10, 22) * 1000,
  params: null,
  encoding: 'utf-8',
};

/** Frame and parse a whole content; throws when the framer stands still or leaves bytes out. `window` feeds it in growing pieces. */
export function readAll(source: Source, content: Uint8Array, use: SourceContext = context, window = 0): Reading {
  const parser = source.open(use);
  const out: Reading = { rows: [], unparsed: [], meta: 0, records: 0, bytes: 0, facts: {} };
  let from = 0;
  let to = window > 0 ? Math.min(window, content.length) : content.length;
  while (from < content.length) {
    const atEnd = to === content.length;
    const held = window > 0 ? content.slice(0, to) : content;
    const end = source.framing === 'line' ? lineEnd(held, from, to, atEnd) : source.framing(held, from, to, atEnd);
    if (end === -1) {
      if (atEnd) throw new Error(`framer wants more at the end, from ${from}`);
      to = Math.min(content.length, to + window);
      continue;
    }
    if (!(end > from && end <= to)) throw new Error(`framer went from ${from} to ${end} of ${to}`);
    let last = end;
    if (!source.binary && last > from && content[last - 1] === 10) last--;
    if (!source.binary && last > from && content[last - 1] === 13) last--;
    const sink = new MemorySink();
    const outcome: ParseOutcome = parser.parse(content, from, last, sink);
    out.records++;
    if (outcome === 'event') {
      if (sink.rows.length === 0 || Object.keys(sink.row).length > 0) sink.next();
      for (const row of sink.rows) out.rows.push({ ...row, byte_off: from, byte_len: last - from });
    } else if (outcome === 'meta') out.meta++;
    else
      out.unparsed.push({
        at: from,
        reason: outcome.unparsed,
        text: Buffer.from(content.subarray(from, Math.min(last, from + 200))).toString('latin1'),
      });
    out.bytes += end - from;
    from = end;
  }
  out.facts = parser.finish?.() ?? {};
  return out;
}

export const shared = path.resolve(import.meta.dirname, '../../../../shared/data');
export const haveShared = fs.existsSync(shared);

export function sharedFile(name: string): Uint8Array {
  const data = fs.readFileSync(path.join(shared, name));
  return name.endsWith('.gz') ? zlib.gunzipSync(data) : data;
}
