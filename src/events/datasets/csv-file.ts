import fs from 'node:fs';
import path from 'node:path';
import { problem } from '../../base/index.ts';
import { readContent } from '../../evidence/index.ts';
import { loadByEngine, loadByScanner } from './csv-load.ts';
import { rewriteCsv } from './csv-rewrite.ts';
import { type CsvRecord, CsvScanner, cellText, type Dialect, isBlank, sniffDialect } from './csv-scan.ts';
import { type CsvSurvey, type Places, surveyCsv } from './csv-survey.ts';
import { EncodingSurvey, toUtf8 } from './encoding.ts';
import type { OpenFile, TableFile } from './table-file.ts';

/** Column for cells beyond the header. Not lost, not guessed into a column. */
const EXTRA = 'extra_cells';

/** A small file is read faster by our own reader than the engine starts. */
const WORTH_THE_ENGINE = 2000;

/** Open a CSV: tells the encoding from all bytes, makes a UTF-8 copy when needed, finds the dialect and counts what is irregular. */
export async function openCsv(file: OpenFile): Promise<TableFile> {
  const { source, problems } = file;
  const where = { file: source.path, ref: source.evidence_id };
  const look = new EncodingSurvey();
  for await (const chunk of readContent(file.absolute)) look.add(chunk);
  const found = look.finish(file.encoding);
  if (found.unknownLabel) problems.push(problem('evidence.dataset-unknown-encoding', 'warning', where, { given: file.encoding, used: found.label }));
  if (found.doubtful) problems.push(problem('evidence.dataset-other-encoding', 'warning', where, { given: file.encoding, used: found.label }));
  let text = file.absolute;
  if (source.compression !== 'none' || found.label !== 'utf-8' || found.bomBytes > 0 || !found.valid) {
    text = path.join(file.scratch, `${source.file_no}.csv`);
    let invalid = 0;
    const out = fs.openSync(text, 'w');
    try {
      for await (const chunk of toUtf8(readContent(file.absolute), found, n => (invalid += n))) fs.writeSync(out, chunk);
    } finally {
      fs.closeSync(out);
    }
    if (invalid > 0) problems.push(problem('evidence.dataset-bad-bytes', 'warning', where, { encoding: found.label }, invalid));
  }
  const dialect = sniffDialect(headOf(text));
  const header = await readHeader(text, dialect);
  const survey = await surveyCsv(chunksOf(text), dialect, header.length);
  reportSurvey(survey, where, problems);
  const names = survey.extraEmpty ? header : [...header, EXTRA];
  return {
    format: 'csv',
    encoding: found.label === 'shift_jis' ? 'cp932' : found.label,
    header: names,
    load: async target => {
      if (survey.rows === 0) return 0;
      if (survey.rows >= WORTH_THE_ENGINE && (await loadFast())) return survey.rows;
      return loadByScanner(chunksOf(text), dialect, header.length, survey.extraEmpty, target);

      async function loadFast(): Promise<boolean> {
        if (survey.regular) return loadByEngine({ file: text, delimiter: dialect.delimiter, lineEnd: survey.lineEnd, columns: header.length }, survey, target);
        const even = path.join(file.scratch, `${source.file_no}-even.csv`);
        const expected = await rewriteCsv(chunksOf(text), dialect, header.length, !survey.extraEmpty, even);
        return loadByEngine({ file: even, delimiter: 44, lineEnd: 'lf', columns: names.length }, expected, target);
      }
    },
    linesOf: rows => linesOfRows(text, dialect, rows),
  };
}

function reportSurvey(s: CsvSurvey, where: { file: string; ref: string }, problems: OpenFile['problems']): void {
  const report = (code: string, severity: 'info' | 'warning' | 'error', p: Places): void => {
    if (p.count > 0) problems.push(problem(code, severity, { ...where, line: p.lines[0]! }, { lines: p.lines.join(', ') }, p.count));
  };
  report('evidence.dataset-short-rows', 'error', s.short);
  report('evidence.dataset-long-rows', s.extraEmpty ? 'info' : 'error', s.long);
  report('evidence.dataset-stray-quotes', 'warning', s.stray);
  report('evidence.dataset-blank-lines', 'info', s.blank);
}

async function* chunksOf(file: string): AsyncGenerator<Uint8Array> {
  for await (const chunk of fs.createReadStream(file, { highWaterMark: 1 << 20 })) yield chunk as Buffer;
}

function headOf(file: string): Uint8Array {
  const fd = fs.openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(1 << 17);
    return buffer.subarray(0, fs.readSync(fd, buffer));
  } finally {
    fs.closeSync(fd);
  }
}

async function readHeader(file: string, dialect: Dialect): Promise<string[]> {
  let header: string[] | null = null;
  const scanner = new CsvScanner(dialect);
  const see = (r: CsvRecord): void => {
    if (header === null && !isBlank(r)) header = Array.from({ length: r.cells }, (_, i) => cellText(r, i) ?? '');
  };
  for await (const chunk of chunksOf(file)) {
    scanner.feed(chunk, see);
    if (header) return header;
  }
  scanner.finish(see);
  return header ?? [];
}

async function linesOfRows(file: string, dialect: Dialect, rows: readonly number[]): Promise<(number | null)[]> {
  const wanted = new Map<number, number>();
  const last = Math.max(...rows);
  let at = -1;
  const scanner = new CsvScanner(dialect);
  const see = (r: CsvRecord): void => {
    if (isBlank(r)) return;
    if (at >= 0 && rows.includes(at)) wanted.set(at, r.line);
    at++;
  };
  for await (const chunk of chunksOf(file)) {
    scanner.feed(chunk, see);
    if (at > last) break;
  }
  scanner.finish(see);
  return rows.map(r => wanted.get(r) ?? null);
}
