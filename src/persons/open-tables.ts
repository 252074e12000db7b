import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Effects, UserError } from '../base/index.ts';
import { CaseStore, type DatasetSpec, emptyCaseFile, type OpenCase } from '../case/index.ts';
import { Engine } from '../engine/index.ts';
import { loadDatasets } from '../events/index.ts';
import { sourceFileColumns } from '../evidence/index.ts';

export type OpenTables = OpenCase & {
  /** The file of each data set, as given. */
  readonly given: readonly { readonly dataset: string; readonly file: string }[];
  close(): void;
};

/**
 * Open table files on their own, without a case: each becomes a data set `t0`, `t1` … in a database in a temporary folder, which
 * `close` removes. Throws UserError for a file that cannot be read and for a key column that is not there.
 */
export async function openTables(files: readonly string[], key: string | null, effects: Effects): Promise<OpenTables> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-tables-'));
  const remove = (): void => fs.rmSync(dir, { recursive: true, force: true });
  try {
    const specs: DatasetSpec[] = files.map((f, i) => ({
      id: `t${i}`,
      system: null,
      table: path.basename(f).replace(/\.[^.]*$/, ''),
      files: [f],
      encoding: 'auto',
      key: key === null ? [] : [key],
      asOfUs: null,
      createdColumn: null,
      changedColumn: null,
      role: { constant: 'other' },
      legalPerson: { constant: false },
      columns: {},
    }));
    const sources = files.map((f, i) => {
      const bytes = sizeOf(f);
      return [i + 1, `t${i}`, null, 'dataset', path.resolve(f), '', bytes, '', bytes, compressionOf(f), 'dataset', 0];
    });
    const engine = await Engine.open({ file: path.join(dir, 'tables.duckdb'), threads: effects.threads, memory: '3GB', tempDirectory: dir });
    const store = new CaseStore(path.join(dir, 'case.sqlite'));
    const kase: OpenTables = {
      file: { ...emptyCaseFile('tables', 'Asia/Tokyo'), datasets: specs },
      casePath: path.join(dir, 'case.yaml'),
      caseDir: process.cwd(),
      outDir: dir,
      engine,
      store,
      given: files.map((file, i) => ({ dataset: `t${i}`, file })),
      close() {
        engine.close();
        store.close();
        remove();
      },
    };
    await engine.load('source_file', sourceFileColumns, sources);
    await loadDatasets(kase, effects);
    return kase;
  } catch (error) {
    remove();
    throw error;
  }
}

function sizeOf(file: string): number {
  try {
    const stat = fs.statSync(file);
    if (!stat.isFile()) throw new Error('not a file');
    return stat.size;
  } catch (cause) {
    throw new UserError('persons.no-file', { file: path.basename(file) }, { cause });
  }
}

function compressionOf(file: string): 'none' | 'gzip' | 'zstd' {
  const handle = fs.openSync(file, 'r');
  const head = Buffer.alloc(4);
  fs.readSync(handle, head);
  fs.closeSync(handle);
  return head.readUInt16BE(0) === 0x1f8b ? 'gzip' : head.readUInt32LE(0) === 0xfd2fb528 ? 'zstd' : 'none';
}
