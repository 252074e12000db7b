import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { quietEffects } from '../../src/base/index.ts';
import { CaseStore, type DatasetSpec, emptyCaseFile, type OpenCase } from '../../src/case/index.ts';
import { type ColumnType, Engine, sql } from '../../src/engine/index.ts';
import { classifyColumns, identifyPersons } from '../../src/persons/index.ts';

export type TestTable = {
  readonly id: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly key?: string;
  readonly spec?: Partial<DatasetSpec>;
};

/** An open case in memory that holds just these tables. */
export async function caseOf(tables: readonly TestTable[]): Promise<OpenCase & { close(): void }> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'persons-'));
  const engine = await Engine.open({ file: ':memory:', threads: 2 });
  const store = new CaseStore(path.join(dir, 'case.sqlite'));
  const specs: DatasetSpec[] = tables.map(t => ({
    id: t.id,
    system: null,
    table: t.id,
    files: [],
    encoding: 'auto',
    key: [t.key ?? t.columns[0]!],
    asOfUs: null,
    createdColumn: null,
    changedColumn: null,
    role: { constant: 'policyholder' },
    legalPerson: { constant: false },
    columns: {},
    ...t.spec,
  }));
  const varchar = 'VARCHAR' as ColumnType;
  await engine.load(
    'dataset',
    [
      { name: 'dataset_id', type: 'VARCHAR' },
      { name: 'table_name', type: 'VARCHAR' },
      { name: 'rows', type: 'BIGINT' },
      { name: 'role_spec', type: 'VARCHAR' },
      { name: 'key_columns', type: 'VARCHAR[]' },
    ],
    tables.map((t, i) => [t.id, t.id, t.rows.length, JSON.stringify(specs[i]!.role), specs[i]!.key]),
  );
  await engine.load(
    'dataset_column',
    [
      { name: 'dataset_id', type: 'VARCHAR' },
      { name: 'column_no', type: 'INTEGER' },
      { name: 'name', type: 'VARCHAR' },
    ],
    tables.flatMap(t => t.columns.map((c, i) => [t.id, i, c])),
  );
  for (const t of tables) {
    const key = t.columns.indexOf(t.key ?? t.columns[0]!);
    await engine.load(
      `data_${t.id}`,
      [{ name: 'row_no', type: 'BIGINT' }, { name: 'key', type: varchar }, ...t.columns.map(name => ({ name, type: varchar }))],
      t.rows.map((r, i) => [i, r[key], ...r]),
    );
  }
  await engine.run(
    'test.tiers',
    sql`create table cell_tier (dataset_id varchar, row_no bigint, column_no integer, tier_lower tinyint, tier_upper tinyint, claim_id varchar)`,
  );
  const file = { ...emptyCaseFile('test', 'Asia/Tokyo'), datasets: specs };
  return {
    file,
    casePath: path.join(dir, 'case.yaml'),
    caseDir: dir,
    outDir: dir,
    engine,
    store,
    close() {
      engine.close();
      store.close();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Rows of a CSV file as texts; quotes and newlines in cells understood. Empty cells are null. */
export function readCsv(file: string, separator = ','): { header: string[]; rows: (string | null)[][] } {
  const text = fs.readFileSync(file, 'utf8').replace(/^\ufeff/, '');
  const rows: (string | null)[][] = [];
  let row: (string | null)[] = [];
  let cell = '';
  let quoted = false;
  const end = (): void => {
    row.push(cell === '' ? null : cell);
    cell = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') {
        cell += '"';
        i++;
      } else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === separator) end();
    else if (c === '\n') {
      end();
      rows.push(row);
      row = [];
    } else if (c !== '\r') cell += c;
  }
  if (cell !== '' || row.length > 0) {
    end();
    rows.push(row);
  }
  return { header: rows[0]!.map(h => (h ?? '').trim()), rows: rows.slice(1) };
}

/** A record and the person it is of: for certain (`s`), most likely (`b`), possibly (`w`). */
export type LinkedRecord = { d: string; key: string; s: string; b: string; w: string };

/** What the linkage makes of a case's records, in their order. */
export async function linkRecords(kase: OpenCase): Promise<LinkedRecord[]> {
  await classifyColumns(kase, quietEffects);
  await identifyPersons(kase, quietEffects);
  return kase.engine.rows<LinkedRecord>(
    'test.linked',
    sql`select dataset_id as d, key, person_strict as s, person_best as b, person_wide as w from person_record order by dataset_id, row_no`,
  );
}
