import fs from 'node:fs';
import path from 'node:path';
import { type Effects, type Problem, problem } from '../../base/index.ts';
import { type DatasetSpec, type OpenCase, recordProblems } from '../../case/index.ts';
import { sql } from '../../engine/index.ts';
import { readSourceFiles, type SourceFile } from '../../evidence/index.ts';
import { uniqueNames } from './column-names.ts';
import { openCsv } from './csv-file.ts';
import { openJsonLines } from './json-file.ts';
import { checkKey, inferKey, keyExpression, keyText } from './key-columns.ts';
import { openParquet } from './parquet-file.ts';
import type { OpenFile, TableFile } from './table-file.ts';

export type DatasetsSummary = { readonly datasets: number; readonly rows: number; readonly problems: number };

/**
 * Load every data set as text-faithful columns and check its key. Writes `dataset`, `dataset_column` (numbered from 0) and one
 * `data_<id>` a data set; files are appended in path order, rows keep file order. Needs `source_file`.
 * NULL: an unquoted empty cell or an unquoted `\N` in CSV, null or absent in JSON lines, NULL in Parquet; a quoted "" is empty text.
 */
export async function loadDatasets(kase: OpenCase, effects: Effects): Promise<DatasetsSummary> {
  const sources = (await readSourceFiles(kase)).filter(s => s.role === 'dataset');
  const scratch = path.join(kase.outDir, 'work', 'datasets');
  fs.mkdirSync(scratch, { recursive: true });
  const problems: Problem[] = [];
  const loaded: Loaded[] = [];
  try {
    for (const spec of [...kase.file.datasets].sort((a, b) => (a.id < b.id ? -1 : 1))) {
      loaded.push(
        await loadDataset(
          kase,
          spec,
          sources.filter(s => s.evidence_id === spec.id),
          scratch,
          problems,
        ),
      );
      effects.progress({ stage: 'datasets', done: loaded.length, total: kase.file.datasets.length, unit: 'datasets' });
    }
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
  await kase.engine.load(
    'dataset',
    datasetColumns,
    loaded.map(d => [
      d.spec.id,
      d.spec.table,
      d.spec.system,
      d.rows,
      d.spec.asOfUs,
      JSON.stringify(d.spec.role),
      d.key,
      JSON.stringify(d.spec.legalPerson),
      d.format,
      d.encoding,
    ]),
  );
  await kase.engine.load(
    'dataset_column',
    columnColumns,
    loaded.flatMap(d => d.columns.map((c, i) => [d.spec.id, i, c])),
  );
  await recordProblems(kase.engine, 'datasets', problems);
  const rows = loaded.reduce((n, d) => n + d.rows, 0);
  effects.log('datasets.loaded', { datasets: loaded.length, rows, problems: problems.length });
  return { datasets: loaded.length, rows, problems: problems.length };
}

const datasetColumns = [
  { name: 'dataset_id', type: 'VARCHAR' },
  { name: 'table_name', type: 'VARCHAR' },
  { name: 'system_id', type: 'VARCHAR' },
  { name: 'rows', type: 'BIGINT' },
  { name: 'as_of_us', type: 'BIGINT' },
  { name: 'role_spec', type: 'VARCHAR' },
  { name: 'key_columns', type: 'VARCHAR[]' },
  { name: 'legal_person_spec', type: 'VARCHAR' },
  { name: 'format', type: 'VARCHAR' },
  { name: 'encoding', type: 'VARCHAR' },
] as const;
const columnColumns = [
  { name: 'dataset_id', type: 'VARCHAR' },
  { name: 'column_no', type: 'INTEGER' },
  { name: 'name', type: 'VARCHAR' },
] as const;

type Loaded = {
  readonly spec: DatasetSpec;
  readonly rows: number;
  readonly columns: readonly string[];
  readonly key: readonly string[];
  readonly format: string;
  readonly encoding: string;
};
type OpenedFile = { readonly source: SourceFile; readonly file: TableFile };

async function loadDataset(kase: OpenCase, spec: DatasetSpec, sources: readonly SourceFile[], scratch: string, problems: Problem[]): Promise<Loaded> {
  const { engine } = kase;
  const table = `data_${spec.id}`;
  const ref = { ref: spec.id };
  const opened: OpenedFile[] = [];
  for (const source of sources) {
    if (source.content_bytes === 0) continue;
    const file = await openTable({ source, absolute: path.resolve(kase.caseDir, source.path), encoding: spec.encoding, scratch, problems }, kase);
    if (file) opened.push({ source, file });
  }
  const columns: string[] = [];
  const placesOf = opened.map(o => placesIn(columns, o, problems));
  for (const [i, o] of opened.entries()) {
    const absent = columns.filter((_, c) => !placesOf[i]!.includes(c));
    if (absent.length > 0)
      problems.push(problem('evidence.dataset-missing-columns', 'warning', { file: o.source.path, ...ref }, { columns: absent.join(', ') }));
  }
  await engine.run(
    'dataset.table',
    sql`create or replace table ${sql.id(table)} (row_no bigint, key varchar${columns.length > 0 ? sql`, ` : sql``}${sql.join(columns.map(c => sql`${sql.id(c)} varchar`))})`,
  );
  const declared = declaredKey(spec, columns, problems);
  const keyPlaces = declared.map(k => columns.indexOf(k));
  let rows = 0;
  const spans: { from: number; to: number; o: OpenedFile }[] = [];
  for (const [i, o] of opened.entries()) {
    const n = await o.file.load({
      engine,
      table,
      firstRow: rows,
      columns,
      places: placesOf[i]!,
      keyOf: column => keyExpression(declared, column),
      keyText: row => keyText(keyPlaces, row),
    });
    spans.push({ from: rows, to: rows + n, o });
    rows += n;
  }
  const key = declared.length > 0 ? declared : await chooseKey(kase, spec, table, columns, rows, problems);
  if (key.length > 0 && rows > 0) await reportKey(kase, spec, table, key, spans, problems);
  const kinds = new Set(opened.map(o => o.file.format));
  const encodings = new Set(opened.map(o => o.file.encoding));
  return { spec, rows, columns, key, format: [...kinds].sort().join('+'), encoding: [...encodings].sort().join('+') };
}

/** By content: Parquet by its magic, JSON lines by an opening brace (or the name), everything else is CSV. */
async function openTable(file: OpenFile, kase: OpenCase): Promise<TableFile | null> {
  const fd = fs.openSync(file.absolute, 'r');
  const head = Buffer.alloc(4);
  fs.readSync(fd, head);
  fs.closeSync(fd);
  const where = { file: file.source.path, ref: file.source.evidence_id };
  const name = file.source.path.replace(/\.(gz|zst)$/i, '').toLowerCase();
  if (head.toString('latin1') === 'PAR1' || name.endsWith('.parquet')) {
    try {
      return await openParquet(file, kase.engine);
    } catch {
      file.problems.push(problem('evidence.dataset-bad-parquet', 'error', where));
      return null;
    }
  }
  return /\.(jsonl|ndjson|json)$/.test(name) ? openJsonLines(file) : openCsv(file);
}

/** Columns of one file by name (case aside) among those of the data set; new ones are added at the end. */
function placesIn(columns: string[], o: OpenedFile, problems: Problem[]): number[] {
  const { columns: named, changed } = uniqueNames(o.file.header);
  const where = { file: o.source.path, ref: o.source.evidence_id };
  if (changed.length > 0) {
    problems.push(
      problem(
        'evidence.dataset-renamed-columns',
        'warning',
        where,
        { columns: changed.map(c => `${c.given.trim() || '""'} → ${c.name}`).join(', ') },
        changed.length,
      ),
    );
  }
  const taken = new Set<number>();
  return named.map(({ name }) => {
    let place = columns.findIndex((c, i) => !taken.has(i) && c.toLowerCase() === name.toLowerCase());
    if (place < 0) place = columns.push(name) - 1;
    taken.add(place);
    return place;
  });
}

function declaredKey(spec: DatasetSpec, columns: readonly string[], problems: Problem[]): string[] {
  const key = spec.key.map(
    k =>
      columns.find(c => c === k) ??
      columns.find(c => c.toLowerCase() === k.trim().toLowerCase()) ??
      columns.find(c => c === `${k}_2` && k.toLowerCase() === 'key'),
  );
  const missing = spec.key.filter((_, i) => key[i] === undefined);
  if (missing.length === 0) return key as string[];
  if (columns.length > 0) problems.push(problem('evidence.dataset-no-key-column', 'error', { ref: spec.id }, { id: spec.id, columns: missing.join(', ') }));
  return [];
}

async function chooseKey(kase: OpenCase, spec: DatasetSpec, table: string, columns: readonly string[], rows: number, problems: Problem[]): Promise<string[]> {
  if (rows === 0) return [];
  const found = await inferKey(kase.engine, table, columns);
  const t = sql.id(table);
  if (found) {
    await kase.engine.run('dataset.set_key', sql`update ${t} set key = ${sql.id(found)}`);
    problems.push(problem('evidence.dataset-key-inferred', 'info', { ref: spec.id }, { id: spec.id, column: found }));
    return [found];
  }
  await kase.engine.run('dataset.set_key', sql`update ${t} set key = cast(row_no as varchar)`);
  problems.push(problem('evidence.dataset-key-row-number', 'warning', { ref: spec.id }, { id: spec.id }));
  return [];
}

async function reportKey(
  kase: OpenCase,
  spec: DatasetSpec,
  table: string,
  key: readonly string[],
  spans: readonly { from: number; to: number; o: OpenedFile }[],
  problems: Problem[],
): Promise<void> {
  const found = await checkKey(kase.engine, table, key);
  for (const [code, finding] of [
    ['null-keys', found.nulls],
    ['repeated-keys', found.repeats],
  ] as const) {
    if (finding.count === 0) continue;
    const places = await placesOfRows(finding.rows, spans);
    const first = places[0]!;
    problems.push(
      problem(
        `evidence.dataset-${code}`,
        'error',
        { file: first.file, ...(first.line !== null && { line: first.line }), ref: spec.id },
        {
          id: spec.id,
          columns: key.join(', '),
          lines: places.map(p => p.line ?? '?').join(', '),
          ...(code === 'repeated-keys' && { keys: found.repeats.keys }),
        },
        finding.count,
      ),
    );
  }
}

async function placesOfRows(
  rows: readonly number[],
  spans: readonly { from: number; to: number; o: OpenedFile }[],
): Promise<{ file: string; line: number | null }[]> {
  const out: { file: string; line: number | null }[] = [];
  for (const { from, to, o } of spans) {
    const mine = rows.filter(r => r >= from && r < to);
    if (mine.length === 0) continue;
    const lines = await o.file.linesOf(mine.map(r => r - from));
    out.push(...lines.map(line => ({ file: o.source.path, line })));
  }
  return out;
}
