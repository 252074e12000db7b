import { type CsvRecord, CsvScanner, type Dialect, isBlank, isNull } from './csv-scan.ts';
import { OrderSamples } from './order-samples.ts';

/** First few places of something that happens many times. */
export type Places = { count: number; readonly lines: number[] };

/** What one pass over a CSV file counted, and whether another reader can be trusted with it. */
export type CsvSurvey = {
  rows: number;
  /** Cells that are not NULL, and the bytes of their text: a second reader must find the same. */
  filled: number;
  filledBytes: number;
  /** `[row, bytes of its cells]` of a few rows all over the file: proves the order of a second reader. */
  samples: [number, number][];
  readonly short: Places;
  readonly long: Places;
  readonly stray: Places;
  readonly blank: Places;
  /** Longest number of cells. */
  widest: number;
  /** Every cell beyond the header was empty. */
  extraEmpty: boolean;
  /** A reader that follows RFC 4180 strictly reads the same cells. */
  regular: boolean;
  multiline: boolean;
  lineEnd: 'lf' | 'crlf' | 'mixed';
};

const places = (): Places => ({ count: 0, lines: [] });

export function note(p: Places, line: number): void {
  if (p.count++ < 5) p.lines.push(line);
}

/** Read a CSV (UTF-8, no mark) once, header included, counting only. */
export async function surveyCsv(content: AsyncIterable<Uint8Array>, dialect: Dialect, columns: number): Promise<CsvSurvey> {
  const s: CsvSurvey = {
    rows: 0,
    filled: 0,
    filledBytes: 0,
    samples: [],
    short: places(),
    long: places(),
    stray: places(),
    blank: places(),
    widest: columns,
    extraEmpty: true,
    regular: true,
    multiline: false,
    lineEnd: 'lf',
  };
  let header = true;
  const samples = new OrderSamples();
  const scanner = new CsvScanner(dialect);
  const see = (r: CsvRecord): void => {
    if (r.multiline) s.multiline = true;
    if (r.loneCr) s.regular = false;
    if (r.stray) {
      s.regular = false;
      note(s.stray, r.line);
    }
    if (isBlank(r)) {
      s.regular = false;
      if (!header) note(s.blank, r.line);
      return;
    }
    if (header) {
      header = false;
      return;
    }
    let bytes = 0;
    for (let i = 0; i < r.cells; i++) {
      let length = r.ends[i]! - r.starts[i]!;
      if (isNull(r, i)) continue;
      if (r.quoting[i] === 2) length -= doubled(r, i);
      if (length > 1_000_000) s.regular = false;
      if (i >= columns) s.extraEmpty = false;
      s.filled++;
      bytes += length;
    }
    s.filledBytes += bytes;
    if (r.cells < columns) note(s.short, r.line);
    if (r.cells > columns) note(s.long, r.line);
    if (r.cells > s.widest) s.widest = r.cells;
    samples.add(s.rows, bytes);
    s.rows++;
  };
  for await (const chunk of content) {
    if (s.regular && chunk.includes(0)) s.regular = false;
    scanner.feed(chunk, see);
  }
  scanner.finish(see);
  const { lf, crlf, cr } = scanner.ends;
  s.lineEnd = cr > 0 || (lf > 0 && crlf > 0) ? 'mixed' : crlf > 0 ? 'crlf' : 'lf';
  if (s.short.count + s.long.count > 0 || s.lineEnd === 'mixed') s.regular = false;
  s.samples = samples.list;
  return s;
}

function doubled(r: CsvRecord, i: number): number {
  let n = 0;
  for (let p = r.starts[i]!; p < r.ends[i]!; p++) if (r.bytes[p] === 34) n++;
  return n / 2;
}
