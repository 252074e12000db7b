import fs from 'node:fs';
import path from 'node:path';
import { canonicalJson } from '../base/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import { digestMany } from './digest-many.ts';
import { writeWhole } from './manifest.ts';
import { openSigningKey, type Signature, signContent } from './signing-key.ts';

export const outputsName = 'outputs.json';

/** One file under the output folder as it was at the end of the run; `blocks` are RFC 6962 leaf hashes of its blocks. */
export type OutputFile = {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly block_bytes: number;
  readonly blocks: readonly string[];
};

/** `outputs.json`: everything under the output folder, signed. */
export type Outputs = {
  readonly content: {
    readonly schema: 'tadasu.outputs/1';
    /** Where the case file's folder is, seen from the output folder. */
    readonly case_dir: string;
    readonly files: readonly OutputFile[];
    /** Databases with unwritten changes when the run was sealed, so not covered. */
    readonly uncovered: readonly string[];
  };
  readonly signature: Signature;
};

/** Never part of the seal: the seal itself, locks, spill and the write-ahead files of open databases. */
export function isPassing(name: string): boolean {
  return (
    name === outputsName ||
    name.endsWith('.new') ||
    name === 'work/lock' ||
    name.startsWith('work/spill/') ||
    /-(wal|shm|journal)$/.test(name) ||
    name.endsWith('.duckdb.wal')
  );
}

/** Every file below a folder, relative with `/`, in code-unit order. Links are listed, not followed. */
export function listFiles(dir: string): string[] {
  return fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(e => !e.isDirectory())
    .map(e => path.relative(dir, path.join(e.parentPath, e.name)).split(path.sep).join('/'))
    .sort();
}

/** Fine blocks for small files, so that `verify` can point close; coarse ones for big files. */
export function blockBytesFor(bytes: number): number {
  return bytes <= 1 << 20 ? 1024 : bytes <= 1 << 26 ? 1 << 16 : 1 << 20;
}

/**
 * Hash every file under the output folder and sign the list as `outputs.json`. Call it last: what is written afterwards is not covered.
 * With the case still open give its engine, so that the database is complete on disk first; a database with changes still in its
 * write-ahead file is left out and named.
 */
export async function sealOutputs(outDir: string, engine: Pick<Engine, 'run'> | null = null): Promise<Outputs> {
  if (engine) await engine.run('seal.checkpoint', sql`checkpoint`);
  const key = openSigningKey(outDir);
  const names = listFiles(outDir).filter(n => !isPassing(n));
  const uncovered = names.filter(n => n.endsWith('.duckdb') && (fs.statSync(path.join(outDir, `${n}.wal`), { throwIfNoEntry: false })?.size ?? 0) > 0);
  const sealed = names.filter(n => !uncovered.includes(n));
  const requests = sealed.map(n => {
    const file = path.join(outDir, n);
    return { file, content: false, blockBytes: blockBytesFor(fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) };
  });
  const digests = await digestMany(requests, 2);
  const files = sealed.flatMap((name, i): OutputFile[] => {
    const d = digests[i]!;
    return 'failed' in d ? [] : [{ path: name, bytes: d.bytes, sha256: d.sha256, block_bytes: requests[i]!.blockBytes, blocks: d.blocks }];
  });
  const content = { schema: 'tadasu.outputs/1' as const, case_dir: caseDirOf(outDir), files, uncovered };
  const outputs: Outputs = { content, signature: signContent(key, content) };
  writeWhole(path.join(outDir, outputsName), canonicalJson(outputs));
  return outputs;
}

/** From the marker the case leaves in the work folder; the parent folder when there is none. */
export function caseDirOf(outDir: string): string {
  try {
    const { case: file } = JSON.parse(fs.readFileSync(path.join(outDir, 'work', 'case-path.json'), 'utf8')) as { case: string };
    return path.dirname(file).split(path.sep).join('/');
  } catch {
    return '..';
  }
}
