import path from 'node:path';
import { type Problem, problem } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { expandGlob } from './glob.ts';

/** A file somebody asked us to read, before anything was read. `path` is relative to the case file, with `/`. */
export type GivenFile = {
  readonly role: 'evidence' | 'dataset';
  readonly id: string;
  readonly systemId: string | null;
  readonly kind: string;
  readonly path: string;
  readonly absolute: string;
};

/** Expand the globs of every evidence and dataset entry: evidence first, then datasets, each by (id, path). */
export function gatherFiles(kase: Pick<OpenCase, 'file' | 'caseDir' | 'outDir'>): { files: GivenFile[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  const evidence = [...kase.file.evidence].sort(byId).flatMap(e => expandEntry(kase, { role: 'evidence', kind: e.kind, ...pick(e) }, problems));
  const datasets = [...kase.file.datasets].sort(byId).flatMap(d => expandEntry(kase, { role: 'dataset', kind: 'dataset', ...pick(d) }, problems));
  return { files: [...evidence, ...datasets], problems };
}

type Entry = Omit<GivenFile, 'path' | 'absolute'> & { readonly files: readonly string[] };

const pick = (e: { id: string; system: string | null; files: readonly string[] }) => ({
  id: e.id,
  systemId: e.system,
  files: e.files,
});

function expandEntry(kase: Pick<OpenCase, 'caseDir' | 'outDir'>, entry: Entry, problems: Problem[]): GivenFile[] {
  const { files: patterns, ...common } = entry;
  const found = new Map<string, GivenFile>();
  for (const pattern of patterns) {
    const result = expandGlob(kase.caseDir, pattern);
    // Our own output may lie beside the evidence and match a wide pattern; it is never evidence.
    const files = result.files.filter(f => !f.startsWith(kase.outDir + path.sep));
    for (const dir of result.unreadable) problems.push(problem('evidence.folder-unreadable', 'error', { file: relativePath(kase, dir), ref: entry.id }));
    for (const dir of result.folders.filter(d => d !== kase.outDir)) {
      problems.push(problem('evidence.is-a-folder', files.length > 0 ? 'warning' : 'error', { file: relativePath(kase, dir), ref: entry.id }, { pattern }));
    }
    if (files.length === 0 && result.folders.length === 0) problems.push(problem('evidence.no-match', 'error', { ref: entry.id }, { pattern, id: entry.id }));
    for (const absolute of files) {
      const file = relativePath(kase, absolute);
      if (found.has(file)) problems.push(problem('evidence.overlapping-patterns', 'info', { file, ref: entry.id }, { pattern }));
      else found.set(file, { ...common, path: file, absolute });
    }
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Relative to the case file, with `/`. */
export function relativePath(kase: Pick<OpenCase, 'caseDir'>, absolute: string): string {
  return path.relative(kase.caseDir, absolute).split(path.sep).join('/');
}
