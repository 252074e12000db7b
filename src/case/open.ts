import fs from 'node:fs';
import path from 'node:path';
import { UserError } from '../base/index.ts';
import { Engine } from '../engine/index.ts';
import type { OpenCase } from './open-case.ts';
import { readCaseFile } from './read-case.ts';
import { CaseStore } from './store.ts';

export type OpenOptions = { readonly threads: number; readonly memory?: string };

const marker = 'case-path.json';

/** The output folder a case file has by default: `tadasu-out` beside it. */
export function defaultOutDir(casePath: string): string {
  return path.join(path.dirname(path.resolve(casePath)), 'tadasu-out');
}

/** Open a case to investigate: derived tables start empty, what people did stays. One process at a time. */
export async function openForInvestigation(casePath: string, outDir: string, options: OpenOptions): Promise<OpenCase & { close(): void }> {
  const file = readCaseFile(casePath);
  const absolute = path.resolve(casePath);
  const out = path.resolve(outDir);
  try {
    fs.mkdirSync(path.join(out, 'work', 'spill'), { recursive: true });
  } catch (cause) {
    throw new UserError('case.cannot-write', { dir: outDir, reason: (cause as NodeJS.ErrnoException).code ?? 'error' }, { cause });
  }
  const unlock = lock(out);
  for (const f of ['events.duckdb', 'events.duckdb.wal']) fs.rmSync(path.join(out, 'work', f), { force: true });
  fs.writeFileSync(path.join(out, 'work', marker), JSON.stringify({ case: path.relative(out, absolute) }));
  return open(file, absolute, out, options, unlock);
}

/** Open the result of an earlier investigation for reading (and for new acts). */
export async function openResult(outDir: string, options: OpenOptions): Promise<OpenCase & { close(): void }> {
  const out = path.resolve(outDir);
  const markerFile = path.join(out, 'work', marker);
  if (!fs.existsSync(markerFile) || !fs.existsSync(path.join(out, 'result.json'))) throw new UserError('case.nothing-there', { dir: outDir });
  const absolute = path.resolve(out, (JSON.parse(fs.readFileSync(markerFile, 'utf8')) as { case: string }).case);
  const unlock = lock(out);
  return open(readCaseFile(absolute), absolute, out, options, unlock);
}

async function open(file: OpenCase['file'], casePath: string, outDir: string, options: OpenOptions, unlock: () => void) {
  try {
    const engine = await Engine.open({
      file: path.join(outDir, 'work', 'events.duckdb'),
      threads: options.threads,
      memory: options.memory ?? '4GB',
      tempDirectory: path.join(outDir, 'work', 'spill'),
    });
    const store = new CaseStore(path.join(outDir, 'case.sqlite'));
    return {
      file,
      casePath,
      caseDir: path.dirname(casePath),
      outDir,
      engine,
      store,
      close() {
        engine.close();
        store.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** A lock file with our process id; a lock whose process is gone is taken over. */
function lock(outDir: string): () => void {
  const file = path.join(outDir, 'work', 'lock');
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      fs.writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => fs.rmSync(file, { force: true });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new UserError('case.cannot-write', { dir: outDir, reason: (cause as NodeJS.ErrnoException).code ?? 'error' }, { cause });
      const pid = Number(fs.readFileSync(file, { encoding: 'utf8' }).trim());
      if (pid !== process.pid && isAlive(pid)) throw new UserError('case.open-elsewhere', { pid });
      fs.rmSync(file, { force: true });
    }
  }
  throw new UserError('case.open-elsewhere', { pid: 0 });
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
