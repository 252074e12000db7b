import type { EventColumnName } from './columns.ts';

/**
 * What one log format is. Ingest cuts the content into records (`framing`), hands each to the parser, and counts lines.
 * The parser writes the columns it knows into the sink; ingest writes line_no, byte_off, byte_len, line_count itself.
 */
export type Source = {
  /** The name of contract §4, e.g. `nginx-combined`. */
  readonly name: string;
  readonly kind: 'web-access' | 'sql-audit' | 'auth' | 'waf' | 'events';
  /** timeKind of columns.ts. */
  readonly timeKind: number;
  /** Resolution of the stamp in micros (1_000_000 for whole seconds). */
  readonly resolutionUs: number;
  /** bytesKind of columns.ts. */
  readonly bytesKind: number;
  /** What this source cannot show: `post-bodies`, `response-bodies`, `bind-parameters`, `rows-returned` … */
  readonly blindTo: readonly string[];
  /**
   * True when any record can be parsed without those before it, so that chunks may run on several threads.
   * Such a source writes at most 16 rows a record.
   */
  readonly independent: boolean;
  readonly framing: Framing;
  /** The content is no text: records reach the parser whole, nothing is stripped from their ends. */
  readonly binary?: boolean;
  /** How far a logged duration may be from the true one, micros; 0 or absent when the source logs none. */
  readonly durationResolutionUs?: number;
  open(context: SourceContext): RecordParser;
};

/** `line`: one record a physical line. Otherwise the framer is asked where the record that starts at `from` ends. */
export type Framing = 'line' | Framer;

/**
 * Returns the offset just after the record's last line end, or -1 when the record needs more bytes than [from, to).
 * With `atEnd` true there are no more bytes: it must return an offset > from. It must be total on any bytes.
 */
export type Framer = (bytes: Uint8Array, from: number, to: number, atEnd: boolean) => number;

export type SourceContext = {
  /** Zone for stamps that carry none. */
  readonly zone: string;
  /** Modification time of the file, UTC micros: the latest instant an inferred year may lead to. Null when unknown. */
  readonly modifiedUs: number | null;
  /** Source specific: a field map, a format string. */
  readonly params: unknown;
  /** Encoding label of the content; records reach the parser as raw bytes. */
  readonly encoding: string;
  /** Proxies with addresses from outside that every request passes before the site's inner one. */
  readonly edges?: number;
};

/**
 * `event`: one row was written and is complete. `meta`: header, directive, blank line or continuation, accounted for, no row.
 * `{unparsed}`: a reason code (kebab-case); ingest resets the row and keeps the line as class 0.
 */
export type ParseOutcome = 'event' | 'meta' | { readonly unparsed: string };

export type RecordParser = {
  /** One record in bytes[from, to), line end stripped. Never throws on any bytes. May write several rows with `sink.next()`. */
  parse(bytes: Uint8Array, from: number, to: number, sink: EventSink): ParseOutcome;
  /** After the last record: what changed on the way (`#Fields`, the inferred years), as facts for the file’s metadata. */
  finish?(): Readonly<Record<string, string | number>>;
};

/** The row being written. Bytes are copied as UTF-8 (invalid bytes as \xHH text); unset columns are NULL. */
export type EventSink = {
  bytes(column: EventColumnName, bytes: Uint8Array, from: number, to: number): void;
  text(column: EventColumnName, value: string): void;
  number(column: EventColumnName, value: number): void;
  /** Writes target, path, query, target_norm, decode_depth, decode_flags from a raw request target. */
  target(bytes: Uint8Array, from: number, to: number): void;
  /** Ends the current row and starts another for the same record (one log line that holds several events). */
  next(): void;
};

/** What detection sees of a file of unknown format: its first bytes (at most 64 KiB) and whole lines from head, middle and tail, line ends stripped. */
export type Sample = { readonly head: Uint8Array; readonly lines: readonly Uint8Array[] };

/**
 * A format that `auto` may choose. `sniff` says how sure it is, 0 to 1: the share of the sample that has this shape.
 * It is total on any bytes. The highest wins; equal ones are reported.
 */
export type SourceEntry = { readonly source: Source; sniff(sample: Sample): number };
