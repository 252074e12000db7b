import type { EventSink, ParseOutcome, Source } from '../../src/events/source.ts';

export type Row = Record<string, string | number>;

const utf8 = new TextDecoder();

/** A sink that keeps rows as objects; target is kept whole. */
export function rowSink(): EventSink & { rows: Row[]; done(): Row[] } {
  let row: Row = {};
  const rows: Row[] = [];
  return {
    rows,
    bytes: (column, bytes, from, to) => void (row[column] = utf8.decode(bytes.subarray(from, to))),
    text: (column, value) => void (row[column] = value),
    number: (column, value) => void (row[column] = value),
    target: (bytes, from, to) => void (row['target'] = Buffer.from(bytes.subarray(from, to)).toString('latin1')),
    next: () => {
      rows.push(row);
      row = {};
    },
    done: () => {
      rows.push(row);
      return rows;
    },
  };
}

/** Read lines with one parser: per line the outcome and the row. */
export function readLines(source: Source, lines: readonly (string | Uint8Array)[], zone = 'Asia/Tokyo'): { outcome: ParseOutcome; row: Row }[] {
  const parser = source.open({ zone, modifiedUs: 1_800_000_000_000_000, params: null, encoding: 'utf-8' });
  return lines.map(line => {
    const bytes = typeof line === 'string' ? Buffer.from(line, 'latin1') : line;
    const sink = rowSink();
    const outcome = parser.parse(bytes, 0, bytes.length, sink);
    return { outcome, row: sink.done().at(-1)! };
  });
}
