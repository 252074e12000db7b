import { type ColumnSpec, sql } from '../../engine/index.ts';
import { type Expected, extraCells } from './csv-rewrite.ts';
import { type CsvRecord, CsvScanner, cellText, type Dialect, isBlank } from './csv-scan.ts';
import { type LoadTarget, literalPath } from './table-file.ts';

/** A UTF-8 CSV that every reader reads alike. */
export type EngineFile = {
  readonly file: string;
  readonly delimiter: number;
  readonly lineEnd: 'lf' | 'crlf' | 'mixed';
  readonly columns: number;
};

/** Let the engine read a regular file; its answer is kept only when cells, bytes, NULLs and the order of rows agree with the survey. */
export async function loadByEngine(given: EngineFile, s: Expected, target: LoadTarget): Promise<boolean> {
  const { engine, table, firstRow } = target;
  const { file, delimiter, lineEnd, columns } = given;
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
      from read_csv(${literalPath(file)}, auto_detect = false, header = true, delim = ${String.fromCharCode(delimiter)}, quote = '"', escape = '"',
        columns = {${declared}}, nullstr = ['', '\\N'], allow_quoted_nulls = false, strict_mode = true, max_line_size = 16777216,
        new_line = ${lineEnd === 'crlf' ? '\\r\\n' : '\\n'}, parallel = ${!s.multiline})`,
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
export async function loadByScanner(
  content: AsyncIterable<Uint8Array>,
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
      if (isBlank(r)) return;
      if (header) {
        header = false;
        return;
      }
      const values: (string | null)[] = new Array(target.columns.length).fill(null);
      for (let i = 0; i < Math.min(columns, r.cells); i++) values[target.places[i]!] = cellText(r, i);
      if (r.cells > columns && !extraEmpty) {
        values[target.places[columns]!] = extraCells(r, columns);
      }
      batch.push([rowNo++, target.keyText(values), ...values]);
    };
    for await (const chunk of content) {
      scanner.feed(chunk, see);
      yield* batch;
      batch = [];
    }
    scanner.finish(see);
    yield* batch;
  }
  return target.engine.append(target.table, specs, rows());
}
