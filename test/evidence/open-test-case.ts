import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Problem } from '../../src/base/index.ts';
import { type CaseFile, CaseStore, type DatasetSpec, type EvidenceSpec, emptyCaseFile, type OpenCase, readProblems } from '../../src/case/index.ts';
import { Engine } from '../../src/engine/index.ts';

export const evidenceSpec = (id: string, files: readonly string[]): EvidenceSpec => ({
  id,
  system: null,
  kind: 'web-access',
  files,
  format: 'auto',
  fields: null,
  encoding: 'auto',
  timezone: 'Asia/Tokyo',
  clockOffsetUs: null,
});

export const datasetSpec = (id: string, files: readonly string[], more: Partial<DatasetSpec> = {}): DatasetSpec => ({
  id,
  system: null,
  table: id,
  files,
  encoding: 'auto',
  key: ['id'],
  asOfUs: null,
  createdColumn: null,
  changedColumn: null,
  role: { constant: 'policyholder' },
  legalPerson: { constant: false },
  columns: {},
  ...more,
});

/** A case in a fresh folder, with an in-memory engine; `close` removes everything. */
export async function openTestCase(
  evidence: readonly EvidenceSpec[],
  datasets: readonly DatasetSpec[] = [],
  dir?: string,
): Promise<OpenCase & { close(): void; forget(): void }> {
  const caseDir = dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-evidence-'));
  const outDir = path.join(caseDir, 'out');
  fs.mkdirSync(outDir, { recursive: true });
  const casePath = path.join(caseDir, 'case.yaml');
  if (!fs.existsSync(casePath)) fs.writeFileSync(casePath, 'schema: tadasu.case/1\nid: t\nevidence: []\ndatasets: []\n');
  const file: CaseFile = { ...emptyCaseFile('t', 'Asia/Tokyo'), title: { ja: 't', en: 't' }, evidence, datasets };
  const engine = await Engine.open({ file: ':memory:', threads: 2 });
  const store = new CaseStore(path.join(outDir, 'case.sqlite'));
  const close = (): void => {
    engine.close();
    store.close();
  };
  return {
    file,
    casePath,
    caseDir,
    outDir,
    engine,
    store,
    close,
    forget: () => {
      close();
      fs.rmSync(caseDir, { recursive: true, force: true });
    },
  };
}

/** `code file` of every problem, in the stable order. */
export async function problemList(kase: OpenCase): Promise<string[]> {
  return (await readProblems(kase.engine)).map((p: Problem) => `${p.code} ${p.where.file ?? '-'}`);
}
