import fs from 'node:fs';
import path from 'node:path';
import { type CaseFile, CaseStore } from '../case/index.ts';
import { type Cause, causes, type Figures } from './figures.ts';
import { sha256File } from './hash-file.ts';
import { changedCauses, type RunRecord, runs } from './run-record.ts';
import { type FigureSplit, type Reruns, splitChange } from './split.ts';

/** Count again from these inputs with today's tool; `file` names its files by absolute paths. */
export type Recount = (inputs: { readonly file: CaseFile; readonly decisions: RunRecord['inputs']['decisions'] }) => Promise<Figures>;

export type RunComparison = {
  readonly changed: readonly Cause[];
  /** How the parts were found: `one` cause differs · `runs` were made again, one cause at a time · `none`: the inputs of the earlier run are not at hand. */
  readonly told: 'one' | 'runs' | 'none' | 'same';
  readonly splits: readonly FigureSplit[];
};

/** The last runs of two output folders, each figure's change by cause. Null when a folder has no journal of runs. */
export async function compareRuns(dirA: string, dirB: string, recount: Recount | null): Promise<RunComparison | null> {
  const [a, b] = [lastRun(dirA), lastRun(dirB)];
  if (a === null || b === null) return null;
  const changed = changedCauses(a, b);
  if (changed.length <= 1 || recount === null) {
    return { changed, told: changed.length === 0 ? 'same' : changed.length === 1 ? 'one' : 'none', splits: splitChange(a.figures, b.figures, changed, null) };
  }
  const [before, after] = [whole(a, dirA), whole(b, dirB)];
  if (!(await atHand(a, before.dir)) || !(await atHand(b, after.dir)))
    return { changed, told: 'none', splits: splitChange(a.figures, b.figures, changed, null) };
  const tool = changed.some(c => c === 'code' || c === 'rules' || c === 'law');
  const base = tool ? await recount({ file: before.file, decisions: a.inputs.decisions }) : null;
  const alone = new Map<Cause, Figures>();
  for (const cause of causes) {
    if (!changed.includes(cause)) continue;
    const person = (d: { readonly kind: string }): boolean => d.kind.startsWith('person.');
    const decisions =
      cause === 'decision'
        ? [...b.inputs.decisions.filter(d => !person(d)), ...a.inputs.decisions.filter(person)]
        : cause === 'linkage'
          ? [...a.inputs.decisions.filter(d => !person(d)), ...b.inputs.decisions.filter(person)]
          : a.inputs.decisions;
    if (cause === 'evidence')
      alone.set(cause, await recount({ file: { ...before.file, evidence: swapFiles(before.file.evidence, after.file.evidence) }, decisions }));
    else if (cause === 'dataset')
      alone.set(cause, await recount({ file: { ...before.file, datasets: swapFiles(before.file.datasets, after.file.datasets) }, decisions }));
    else if (cause === 'case-file')
      alone.set(
        cause,
        await recount({
          file: {
            ...after.file,
            evidence: keepFiles(after.file.evidence, before.file.evidence),
            datasets: keepFiles(after.file.datasets, before.file.datasets),
          },
          decisions,
        }),
      );
    else if (cause === 'decision' || cause === 'linkage') alone.set(cause, await recount({ file: before.file, decisions }));
  }
  const reruns: Reruns = { base, alone };
  return { changed, told: 'runs', splits: splitChange(a.figures, b.figures, changed, reruns) };
}

function lastRun(dir: string): RunRecord | null {
  const file = path.join(dir, 'case.sqlite');
  if (!fs.existsSync(file)) return null;
  const store = new CaseStore(file);
  try {
    return runs(store).at(-1) ?? null;
  } finally {
    store.close();
  }
}

type Source = { readonly id: string; readonly files: readonly string[] };

/** The case file of a run with every file named from the root. */
function whole(run: RunRecord, outDir: string): { file: CaseFile; dir: string } {
  const dir = path.resolve(outDir, run.inputs.case_dir);
  const located = <T extends Source>(list: readonly T[]): T[] => list.map(x => ({ ...x, files: x.files.map(f => path.resolve(dir, f)) }));
  return { dir, file: { ...run.inputs.file, evidence: located(run.inputs.file.evidence), datasets: located(run.inputs.file.datasets) } };
}

/** The files of the later run under the words of the earlier; sources that are new come as they are. */
function swapFiles<T extends Source>(before: readonly T[], after: readonly T[]): T[] {
  return after.map(x => {
    const was = before.find(y => y.id === x.id);
    return was ? { ...was, files: x.files } : x;
  });
}

/** The words of the later run over the files of the earlier; sources that it has not stay away, those it dropped stay. */
function keepFiles<T extends Source>(after: readonly T[], before: readonly T[]): T[] {
  return before.map(x => {
    const now = after.find(y => y.id === x.id);
    return now ? { ...now, files: x.files } : x;
  });
}

/** Are the files of a run still what they were? */
async function atHand(run: RunRecord, dir: string): Promise<boolean> {
  for (const f of run.inputs.files) {
    const file = path.resolve(dir, f.path);
    if (!fs.existsSync(file) || (await sha256File(file)) !== f.sha256) return false;
  }
  return true;
}
