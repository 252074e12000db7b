import fs from 'node:fs';
import path from 'node:path';
import { canonicalJson, type Effects, packageRoot, sha256Hex } from '../base/index.ts';
import { type Act, type CaseFile, type CaseStore, decisions, type OpenCase } from '../case/index.ts';
import { type Cause, causes, type Figures, figuresOf } from './figures.ts';

export type RunFile = { readonly role: string; readonly path: string; readonly sha256: string };

/** What one run depended on and what came out; kept in the journal, so that it outlives the output. */
export type RunRecord = {
  readonly seq: number;
  readonly at: string;
  readonly version: string;
  readonly inputs_root: string;
  readonly fingerprints: Readonly<Record<Cause, string>>;
  /** Enough to run it again while its files are at hand; `case_dir` from the output folder. */
  readonly inputs: {
    readonly case_dir: string;
    readonly file: CaseFile;
    readonly files: readonly RunFile[];
    readonly decisions: readonly { readonly kind: string; readonly by: string; readonly body: Readonly<Record<string, unknown>> }[];
  };
  readonly figures: Figures;
};

const kind = 'run.recorded';
/** The modules that figures come from. */
const counting = ['base', 'engine', 'case', 'evidence', 'events', 'detections', 'intrusion', 'exposure', 'persons'];

/** Write down a run at the end of the journal, unless it is the last one over again. */
export function recordRun(kase: OpenCase, exposure: unknown, facts: { readonly version: string; readonly inputsRoot: string }, effects: Effects): void {
  const manifest = readManifest(kase.outDir);
  const standing = decisions(kase.store).filter(d => d.withdrawnBy === null && d.kind !== 'decision.withdrawn' && d.kind !== 'figure.published');
  const told = standing.map(d => ({ kind: d.kind as string, by: d.by, body: d.body }));
  const { evidence, datasets, ...rest } = kase.file;
  const hash = (x: unknown): string => sha256Hex(canonicalJson(x as never)).slice(0, 32);
  const files = (role: string): RunFile[] => manifest.files.filter(f => f.role === role);
  const parts = (role: string): RunFile[] => manifest.parts.filter(f => f.role === role);
  const plain = (list: readonly { readonly id: string; readonly files: readonly string[] }[]): unknown =>
    [...list].sort((a, b) => (a.id < b.id ? -1 : 1)).map(x => ({ ...x, files: undefined }));
  const fingerprints: Record<Cause, string> = {
    evidence: hash(files('evidence')),
    dataset: hash(files('dataset')),
    'case-file': hash(JSON.parse(JSON.stringify({ ...rest, evidence: plain(evidence), datasets: plain(datasets) }))),
    rules: hash(parts('rules')),
    law: hash(parts('law')),
    decision: hash(told.filter(d => !d.kind.startsWith('person.'))),
    linkage: hash(told.filter(d => d.kind.startsWith('person.'))),
    code: codeHash(facts.version),
  };
  const body = {
    version: facts.version,
    inputs_root: facts.inputsRoot,
    fingerprints,
    inputs: {
      case_dir: path.relative(kase.outDir, kase.caseDir) || '.',
      file: JSON.parse(JSON.stringify(kase.file)) as CaseFile,
      files: manifest.files,
      decisions: told,
    },
    figures: figuresOf(exposure),
  };
  const last = runs(kase.store).at(-1);
  const core = (r: Omit<RunRecord, 'seq' | 'at'>): string => canonicalJson({ f: r.fingerprints, g: r.figures } as never);
  if (last && core(last) === core(body)) return;
  kase.store.append(kind, 'tadasu', effects.now(), body as unknown as Readonly<Record<string, unknown>>);
}

/** The runs of a case in order, earliest first. */
export function runs(store: CaseStore): RunRecord[] {
  return store.acts(kind).map((a: Act) => ({ seq: a.seq, at: a.at, ...(a.body as unknown as Omit<RunRecord, 'seq' | 'at'>) }));
}

/** What differs between the inputs of two runs. */
export function changedCauses(a: RunRecord, b: RunRecord): Cause[] {
  return causes.filter(c => a.fingerprints[c] !== b.fingerprints[c] && (c !== 'case-file' || wordsDiffer(a.inputs.file, b.inputs.file)));
}

/** Whether two case files say something else; a source that only one of them has is no change of words. */
function wordsDiffer(a: CaseFile, b: CaseFile): boolean {
  const rest = ({ evidence: _e, datasets: _d, ...other }: CaseFile): string => canonicalJson(other as never);
  const words = <T extends { readonly id: string; readonly files: readonly string[] }>(x: T): string => canonicalJson({ ...x, files: [] } as never);
  const differ = <T extends { readonly id: string; readonly files: readonly string[] }>(before: readonly T[], after: readonly T[]): boolean =>
    before.some(x => after.some(y => y.id === x.id && words(x) !== words(y)));
  return rest(a) !== rest(b) || differ(a.evidence, b.evidence) || differ(a.datasets, b.datasets);
}

function readManifest(outDir: string): { files: RunFile[]; parts: RunFile[] } {
  const file = path.join(outDir, 'manifest.json');
  if (!fs.existsSync(file)) return { files: [], parts: [] };
  const m = JSON.parse(fs.readFileSync(file, 'utf8')) as { files: RunFile[]; parts: RunFile[] };
  const short = (f: RunFile): RunFile => ({ role: f.role, path: f.path, sha256: f.sha256 });
  return { files: m.files.map(short), parts: m.parts.map(short) };
}

/** The compiled modules that count, or the version alone where they are not compiled. */
function codeHash(version: string): string {
  const dist = path.join(packageRoot, 'dist');
  const files = counting
    .flatMap(m => {
      const dir = path.join(dist, m);
      if (!fs.existsSync(dir)) return [];
      return fs
        .readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter(e => e.isFile() && e.name.endsWith('.js'))
        .map(e => path.join(e.parentPath, e.name));
    })
    .sort();
  return sha256Hex([version, ...files.map(f => sha256Hex(fs.readFileSync(f)))].join('\n')).slice(0, 32);
}
