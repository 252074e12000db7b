/** One dialect: delimiter and line-end style. Quote is always `"`, doubled inside (RFC 4180). */
export type Dialect = { readonly delimiter: number; readonly carriageReturnEnds: boolean };

/** Cells of one record inside `bytes`: [start, end) pairs without the outer quotes, and how each was written. */
export type CsvRecord = {
  bytes: Uint8Array;
  cells: number;
  readonly starts: number[];
  readonly ends: number[];
  /** 0 plain, 1 quoted, 2 quoted with doubled quotes inside. */
  readonly quoting: number[];
  /** First physical line, from 1. */
  line: number;
  /** Facts about this record that matter to other readers. */
  stray: boolean;
  multiline: boolean;
  loneCr: boolean;
};

const QUOTE = 34;
const LF = 10;
const CR = 13;
/** A quoted cell longer than this is an opening quote that nobody closed. */
const LONGEST_CELL = 8 * 1024 * 1024;
/** After so many misused quotes every quote of the record is an ordinary character; keeps hostile lines linear. */
const MOST_STRAYS = 32;

/**
 * Cuts CSV bytes into records; total on any bytes. A quote that is never closed, or is followed by text after its closing, was not
 * meant as one: the record is read again with it as an ordinary character (`stray`).
 */
export class CsvScanner {
  private readonly dialect: Dialect;
  private rest: Uint8Array = new Uint8Array(0);
  private line = 1;
  private lfs = 0;
  /** Line ends seen: LF alone, CR LF, CR alone. */
  readonly ends = { lf: 0, crlf: 0, cr: 0 };
  private readonly record: CsvRecord = {
    bytes: new Uint8Array(0),
    cells: 0,
    starts: [],
    ends: [],
    quoting: [],
    line: 1,
    stray: false,
    multiline: false,
    loneCr: false,
  };

  constructor(dialect: Dialect) {
    this.dialect = dialect;
  }

  /** Feed bytes; `onRecord` sees each complete record (the object is reused). */
  feed(chunk: Uint8Array, onRecord: (record: CsvRecord) => void): void {
    this.run(this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk, false, onRecord);
  }

  finish(onRecord: (record: CsvRecord) => void): void {
    this.run(this.rest, true, onRecord);
  }

  private run(bytes: Uint8Array, atEnd: boolean, onRecord: (record: CsvRecord) => void): void {
    const r = this.record;
    r.bytes = bytes;
    let at = 0;
    while (at < bytes.length) {
      const next = this.read(bytes, at, atEnd);
      if (next < 0) break;
      r.line = this.line;
      this.line += this.lfs;
      at = next;
      onRecord(r);
    }
    this.rest = bytes.slice(at);
  }

  /** Read one record from `start`; the offset after its line end, or -1 when more bytes are needed. */
  private read(b: Uint8Array, start: number, atEnd: boolean): number {
    const r = this.record;
    const { delimiter, carriageReturnEnds } = this.dialect;
    const n = b.length;
    let literal: Set<number> | null = null;
    restart: for (;;) {
      let p = start;
      let cell = 0;
      r.stray = literal !== null;
      r.multiline = false;
      r.loneCr = false;
      this.lfs = 0;
      for (;;) {
        let from = p;
        let to: number;
        let quoting = 0;
        if (b[p] === QUOTE && p < n && !(literal && (literal.size > MOST_STRAYS || literal.has(p)))) {
          const open = p++;
          quoting = 1;
          from = p;
          for (;;) {
            while (p < n && b[p] !== QUOTE) {
              if (b[p] === LF || b[p] === CR) {
                r.multiline = true;
                if (b[p] === LF || (carriageReturnEnds && b[p + 1] !== LF)) this.lfs++;
              }
              p++;
            }
            if (p >= n || (p + 1 >= n && !atEnd)) {
              if (!atEnd && n - open <= LONGEST_CELL) return -1;
              if (p >= n) {
                (literal ??= new Set()).add(open);
                continue restart;
              }
            }
            if (b[p + 1] === QUOTE && p + 1 < n) {
              quoting = 2;
              p += 2;
              continue;
            }
            break;
          }
          to = p++;
          const c = p < n ? b[p]! : -1;
          if (c === CR && !carriageReturnEnds && p + 1 >= n && !atEnd) return -1;
          const ends = c === -1 || c === delimiter || c === LF || (c === CR && (carriageReturnEnds || (p + 1 < n && b[p + 1] === LF)));
          if (!ends) {
            (literal ??= new Set()).add(open);
            continue restart;
          }
        } else {
          for (;;) {
            if (p >= n) break;
            const c = b[p]!;
            if (c === delimiter || c === LF) break;
            if (c === CR) {
              if (carriageReturnEnds) break;
              if (p + 1 >= n && !atEnd) return -1;
              if (b[p + 1] === LF) break;
              r.loneCr = true;
            } else if (c === QUOTE) r.stray = true;
            p++;
          }
          to = p;
        }
        r.starts[cell] = from;
        r.ends[cell] = to;
        r.quoting[cell] = quoting;
        cell++;
        if (p >= n) {
          if (!atEnd) return -1;
          r.cells = cell;
          this.lfs++;
          return n;
        }
        const c = b[p]!;
        if (c === delimiter) {
          p++;
          if (p >= n && !atEnd) return -1;
          continue;
        }
        r.cells = cell;
        if (c === CR && p + 1 >= n && !atEnd) return -1;
        const pair = c === CR && b[p + 1] === LF;
        this.ends[pair ? 'crlf' : c === CR ? 'cr' : 'lf']++;
        this.lfs++;
        return p + (pair ? 2 : 1);
      }
    }
  }
}

/** The text of a cell; null for an unquoted empty cell or an unquoted `\N`, as PostgreSQL and MySQL write NULL. */
export function cellText(r: CsvRecord, i: number): string | null {
  const from = r.starts[i]!;
  const to = r.ends[i]!;
  const quoting = r.quoting[i]!;
  if (isNull(r, i)) return null;
  const text = Buffer.from(r.bytes.buffer, r.bytes.byteOffset + from, to - from).toString('utf8');
  return quoting === 2 ? text.replaceAll('""', '"') : text;
}

/** Unquoted and empty, or `\N`. */
export function isNull(r: CsvRecord, i: number): boolean {
  const from = r.starts[i]!;
  const length = r.ends[i]! - from;
  return r.quoting[i] === 0 && (length === 0 || (length === 2 && r.bytes[from] === 92 && r.bytes[from + 1] === 78));
}

/** Is the record an empty line? */
export function isBlank(r: CsvRecord): boolean {
  return r.cells === 1 && r.quoting[0] === 0 && r.starts[0] === r.ends[0];
}

/** The dialect of a file from its head (UTF-8): the delimiter that gives the most columns most consistently. */
export function sniffDialect(head: Uint8Array): Dialect {
  const carriageReturnEnds = !head.includes(LF) && head.includes(CR);
  let best = { delimiter: 44, score: 0 };
  for (const delimiter of [44, 9, 59, 124]) {
    const counts = new Map<number, number>();
    let records = 0;
    let header = 0;
    const scanner = new CsvScanner({ delimiter, carriageReturnEnds });
    const see = (r: CsvRecord): void => {
      if (isBlank(r)) return;
      if (records++ === 0) header = r.cells;
      counts.set(r.cells, (counts.get(r.cells) ?? 0) + 1);
    };
    scanner.feed(head, see);
    if (records === 0) scanner.finish(see);
    const score = header > 1 ? ((counts.get(header) ?? 0) / records) * (1 + Math.log(header)) : 0;
    if (score > best.score) best = { delimiter, score };
  }
  return { delimiter: best.delimiter, carriageReturnEnds };
}
