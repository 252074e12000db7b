import fs from 'node:fs';
import path from 'node:path';
import { eventClass } from './columns.ts';
import { ClusterSet, type PartMeta } from './ingest-meta.ts';
import { PartSink } from './ingest-sink.ts';
import { type Slice, textReader } from './record-text.ts';
import type { Framer, RecordParser, Source, SourceContext } from './source.ts';

/**
 * `part`: bytes of content in one part; a record belongs to the part in whose span it starts, however it is read. `line`: a longer line is
 * cut: kept as unread, with its place and length. `record`: the same for records that span lines; framers give up on their own before.
 */
export type IngestSizes = { readonly part: number; readonly line: number; readonly record: number };

export const usualSizes: IngestSizes = { part: 32 << 20, line: 16 << 20, record: 72 << 20 };

/** Whole lines whose first bytes lie in one part's span. `cut`: the last line was too long; so many bytes more belong to it. */
export type LineChunk = {
  readonly part: number;
  /** Offset of the first byte in the content, and the number of its line. */
  readonly offset: number;
  readonly line: number;
  readonly bytes: Uint8Array;
  readonly cut: { readonly extra: number; readonly ended: boolean } | null;
};

/** What ingest must know of a file, in a form that can be sent to a worker. */
export type IngestPlan = {
  readonly dir: string;
  readonly context: SourceContext;
  readonly sizes: IngestSizes;
  /** For transcoded content, read in order in one thread: the original offset of an offset, asked in ascending order. */
  readonly originalOffset?: (offset: number) => number | null;
};

const classOfKind = {
  'web-access': eventClass.http,
  'sql-audit': eventClass.sql,
  auth: eventClass.auth,
  waf: eventClass.waf,
  events: eventClass.app,
} as const;

/** Writes the parts of one file, in order, from records. */
export class RecordIngest {
  private readonly plan: IngestPlan;
  private readonly source: Source;
  private readonly parser: RecordParser;
  private readonly decoder: Slice | null;
  private part = -1;
  private sink: PartSink | null = null;
  private lines = 0;
  private parsed = 0;
  private unparsed = 0;
  private nulBytes = 0;
  private nulLine: number | null = null;
  private openEnd = false;
  private clusters = new ClusterSet();
  private carry: Uint8Array = new Uint8Array(0);
  private carryOffset = 0;
  private nextLine = 1;

  constructor(plan: IngestPlan, source: Source) {
    this.plan = plan;
    this.source = source;
    this.parser = source.open(plan.context);
    // What comes as bytes in a UTF-8 log is kept to the byte; the decoding chain looks for older encodings in targets.
    this.decoder = /^(utf-?(8|16.*)|auto)$/i.test(plan.context.encoding) ? null : textReader(plan.context.encoding);
  }

  /** Ingest a chunk of lines; the part it belongs to is complete after it. */
  lineChunk(chunk: LineChunk): PartMeta {
    const { bytes, offset, cut } = chunk;
    this.openPart(chunk.part);
    let line = chunk.line;
    const n = bytes.length;
    for (let p = 0; p < n; line++) {
      const newline = bytes.indexOf(10, p);
      const end = newline < 0 ? n : newline;
      if (newline < 0) {
        this.openEnd = !cut?.ended;
        this.record(bytes, p, end, offset, line, 1, cut?.extra ?? null);
        break;
      }
      this.record(bytes, p, end, offset, line, 1, null);
      p = newline + 1;
    }
    return this.closePart();
  }

  /** Ingest the next bytes of a content whose records span lines; `atEnd`: these are the last. Gives the parts that became complete. */
  block(block: Uint8Array, atEnd: boolean): PartMeta[] {
    const done: PartMeta[] = [];
    const { sizes } = this.plan;
    const framer = this.source.framing as Framer;
    let bytes = block;
    if (this.carry.length > 0) {
      bytes = new Uint8Array(this.carry.length + block.length);
      bytes.set(this.carry);
      bytes.set(block, this.carry.length);
    }
    const base = this.carryOffset;
    const n = bytes.length;
    let p = 0;
    while (p < n) {
      const limit = Math.min(n, p + sizes.record);
      const forced = limit - p === sizes.record;
      let end = framer(bytes, p, limit, atEnd && !forced);
      if (end < 0 && forced) end = framer(bytes, p, limit, true);
      if (end < 0) {
        if (!atEnd) break;
        end = n;
      }
      if (end <= p || end > n) end = Math.min(n, p + 1);
      const part = Math.floor((base + p) / sizes.part);
      if (part !== this.part) {
        if (this.part >= 0) done.push(this.closePart());
        this.openPart(part);
      }
      let lines = 0;
      for (let i = bytes.indexOf(10, p); i >= 0 && i < end; i = bytes.indexOf(10, i + 1)) lines++;
      let stop = end;
      if (bytes[stop - 1] === 10) stop -= this.source.binary ? 0 : 1;
      else if (end === n && atEnd) {
        lines++;
        this.openEnd = true;
      }
      this.record(bytes, p, stop, base, this.nextLine, lines, null);
      this.nextLine += lines;
      p = end;
    }
    this.carry = bytes.slice(p);
    this.carryOffset = base + p;
    if (atEnd && this.part >= 0) done.push(this.closePart());
    return done;
  }

  /** After the last record: what the parser has to say. */
  finish(): Readonly<Record<string, string | number>> {
    return this.parser.finish?.() ?? {};
  }

  private record(bytes: Uint8Array, from: number, end: number, base: number, line: number, lines: number, extra: number | null): void {
    let start = from;
    let to = end;
    if (!this.source.binary && to > start && bytes[to - 1] === 13) to--;
    if (bytes[start] === 0 && start < to && !this.source.binary) {
      while (start < to && bytes[start] === 0) start++;
      this.nulBytes += start - from;
      this.nulLine ??= line;
    }
    if (base + start === 0 && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf && to - start >= 3) start += 3;
    this.lines += lines;
    const sink = this.sink!;
    const original = this.plan.originalOffset;
    const offset = original?.(base + start) ?? base + start;
    sink.begin(line, offset, original ? (original(base + to) ?? base + to) - offset : to - start + (extra ?? 0), lines);
    let reason: string | null;
    if (extra !== null) reason = 'line-too-long';
    else if (start === to) reason = '';
    else {
      try {
        const outcome = this.parser.parse(bytes, start, to, sink);
        reason = outcome === 'event' ? null : outcome === 'meta' ? '' : outcome.unparsed;
      } catch {
        // The bytes are the intruder's: whatever a parser stumbles over is a line we could not read, listed as such.
        reason = 'reader-failed';
      }
    }
    if (reason === null) {
      this.parsed += lines;
      sink.commit();
      return;
    }
    sink.reset();
    if (reason === '') {
      this.parsed += lines;
      return;
    }
    this.unparsed += lines;
    this.clusters.add(reason, bytes, start, to, line, offset);
    sink.number('class', eventClass.unparsed);
    sink.text('message', reason);
    sink.commit();
  }

  private openPart(part: number): void {
    this.part = part;
    this.sink = new PartSink(
      path.join(this.plan.dir, `${partName(part)}.parquet.tmp`),
      classOfKind[this.source.kind],
      this.decoder,
      this.plan.context.edges ?? 0,
    );
    this.lines = this.parsed = this.unparsed = this.nulBytes = 0;
    this.nulLine = null;
    this.openEnd = false;
    this.clusters = new ClusterSet();
  }

  /** The Parquet file gets its name first, then its description: a part without description is not there. */
  private closePart(): PartMeta {
    const sink = this.sink!;
    sink.close();
    const meta: PartMeta = {
      part: this.part,
      rows: sink.rows,
      lines: this.lines,
      parsed: this.parsed,
      unparsed: this.unparsed,
      firstUs: sink.firstUs,
      lastUs: sink.lastUs,
      clusters: this.clusters.list(),
      nulBytes: this.nulBytes,
      nulLine: this.nulLine,
      openEnd: this.openEnd,
      facts: this.source.independent && this.source.framing === 'line' ? this.finish() : {},
    };
    const file = path.join(this.plan.dir, partName(this.part));
    if (meta.rows > 0) fs.renameSync(`${file}.parquet.tmp`, `${file}.parquet`);
    else fs.rmSync(`${file}.parquet.tmp`);
    fs.writeFileSync(`${file}.json.tmp`, JSON.stringify(meta));
    fs.renameSync(`${file}.json.tmp`, `${file}.json`);
    this.part = -1;
    this.sink = null;
    return meta;
  }
}

export function partName(part: number): string {
  return `part-${String(part).padStart(6, '0')}`;
}
