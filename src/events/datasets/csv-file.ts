import fs from 'node:fs';
import path from 'node:path';
import { problem } from '../../base/index.ts';
import { type ColumnSpec, sql } from '../../engine/index.ts';
import { readContent } from '../../evidence/index.ts';
import { type CsvRecord, CsvScanner, cellText, type Dialect, isBlank, sniffDialect } from './csv-scan.ts';
import { type CsvSurvey, type Places, surveyCsv } from './csv-survey.ts';
import { EncodingSurvey, toUtf8 } from './encoding.ts';
import type { LoadTarget, OpenFile, TableFile } from './table-file.ts';

/** Column for cells beyond the header. Not lost, not guessed into a column. */
const EXTRA = 'extra_cells';

/** Open a CSV: tells the encoding from all bytes, makes a UTF-8 copy when needed, finds the dialect and counts what is irregular. */
export async function openCsv(file: OpenFile): Promise<TableFile> {
  const { source, problems } = file;
  const where = { file: source.path, ref: source.evidence_id };
  const look = new EncodingSurvey();
  for await (const chunk of readContent(file.absolute)) look.add(chunk);
  const found = look.finish(file.encoding);
  if (found.unknownLabel)
    problems.push(problem('evidence.dataset-unknown-encoding', 'warning', where, { given: file.encoding, used: found.label }));
  if (found.doubtful)
    problems.push(problem('evidence.dataset-other-encoding', 'warning', where, { given: file.encoding, used: found.label }));
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
      if (survey.regular && survey.rows >= 2000 && (await loadByEngine(text, dialect, survey, header.length, target)))
        return survey.rows;
      return loadByScanner(text, dialect, header.length, survey.extraEmpty, target);
    },
    linesOf: rows => linesOfRows(text, dialect, header.length, rows),
  };
}

function reportSurvey(s: CsvSurvey, where: { file: string; ref: string }, problems: OpenFile['problems']): void {
  const report = (code: string, severity: 'info' | 'warning' | 'error', p: Places): void => {
    if (p.count > 0)
      problems.push(problem(code, severity, { ...where, line: p.lines[0]! }, { lines: p.lines.join(', ') }, p.count));
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

/** Let the engine read a regular file; its answer is kept only when cells, bytes, NULLs and the order of rows agree with the survey. */
async function loadByEngine(file: string, dialect: Dialect, s: CsvSurvey, columns: number, target: LoadTarget): Promise<boolean> {
  const { engine, table, firstRow } = target;
  const names = Array.from({ length: columns }, (_, i) => `c${i}`);
  const declared = sql.join(names.map(n => sql`${sql.raw(n)}: 'VARCHAR'`));
  const byPlace = new Map(target.places.map((place, i) => [place, names[i]!]));
  const value = (name: string) => {
    const source = byPlace.get(target.columns.indexOf(name));
    return source === undefined ? sql`cast(null as varchar)` : sql`${sql.id(source)}`;
  };
  const values = target.columns.map(value);
  const lengths = sql.join(
    target.columns.map(c => sql`coalesce(strlen(${sql.id(c)}), 0)`),
    sql` + `,
  );
  await engine.run('dataset.keep_order', sql`set preserve_insertion_order = true`);
  try {
    await engine.run(
      'dataset.read_csv',
      sql`insert into ${sql.id(table)}
      select row_number() over () - 1 + ${firstRow}::bigint, ${target.keyOf(value)}, ${sql.join(values)}
      from read_csv(${file}, auto_detect = false, header = true, delim = ${String.fromCharCode(dialect.delimiter)}, quote = '"', escape = '"',
        columns = {${declared}}, nullstr = ['', '\\N'], allow_quoted_nulls = false, strict_mode = true, max_line_size = 16777216,
        new_line = ${s.lineEnd === 'crlf' ? '\\r\\n' : '\\n'}, parallel = ${!s.multiline})`,
    );
    const got = await engine.row<{ rows: number; filled: number; bytes: number }>(
      'dataset.check',
      sql`select count(*) as rows,
      ${sql.join(
        target.columns.map(c => sql`count(${sql.id(c)})`),
        sql` + `,
      )} as filled, sum(${lengths})::bigint as bytes
      from ${sql.id(table)} where row_no >= ${firstRow}`,
    );
    const samples = new Map(s.samples.map(([row, bytes]) => [row + firstRow, bytes]));
    const seen = await engine.rows<{ row_no: number; bytes: number }>(
      'dataset.check_order',
      sql`select row_no, (${lengths})::bigint as bytes from ${sql.id(table)}
      where row_no in (${sql.join([...samples.keys()])})`,
    );
    const same =
      got.rows === s.rows &&
      got.filled === s.filled &&
      (got.bytes ?? 0) === s.filledBytes &&
      seen.length === samples.size &&
      seen.every(r => samples.get(r.row_no) === r.bytes);
    if (same) return true;
  } catch {
    // The engine refused what our own reader takes; it is read again below.
  } finally {
    await engine.run('dataset.free_order', sql`set preserve_insertion_order = false`);
  }
  await engine.run('dataset.undo', sql`delete from ${sql.id(table)} where row_no >= ${firstRow}`);
  return false;
}

/** Our own reader: any file, a few times slower. */
async function loadByScanner(
  file: string,
  dialect: Dialect,
  columns: number,
  extraEmpty: boolean,
  target: LoadTarget,
): Promise<number> {
  const specs: ColumnSpec[] = [
    { name: 'row_no', type: 'BIGINT' },
    { name: 'key', type: 'VARCHAR' },
    ...target.columns.map(name => ({ name, type: 'VARCHAR' as const })),
  ];
  let rowNo = target.firstRow;
  async function* rows(): AsyncGenerator<readonly unknown[]> {
    let header = true;
    let batch: unknown[][] = [];
    const scanner = new CsvScanner(dialect);
    const see = (r: CsvRecord): void => {
      if (isBlank(r) && columns > 1) return;
      if (header) {
        header = false;
        return;
      }
      const values: (string | null)[] = new Array(target.columns.length).fill(null);
      for (let i = 0; i < Math.min(columns, r.cells); i++) values[target.places[i]!] = cellText(r, i);
      if (r.cells > columns && !extraEmpty) {
        const extra = Array.from({ length: r.cells - columns }, (_, i) => cellText(r, columns + i) ?? '');
        values[target.places[columns]!] = extra.map(t => (/[",\r\n]/.test(t) ? `"${t.replaceAll('"', '""')}"` : t)).join(',');
      }
      batch.push([rowNo++, target.keyText(values), ...values]);
    };
    for await (const chunk of chunksOf(file)) {
      scanner.feed(chunk, see);
      yield* batch;
      batch = [];
    }
    scanner.finish(see);
    yield* batch;
  }
  return target.engine.append(target.table, specs, rows());
}

async function linesOfRows(file: string, dialect: Dialect, columns: number, rows: readonly number[]): Promise<(number | null)[]> {
  const wanted = new Map<number, number>();
  const last = Math.max(...rows);
  let at = -1;
  const scanner = new CsvScanner(dialect);
  const see = (r: CsvRecord): void => {
    if (isBlank(r) && columns > 1) return;
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
