import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Effects } from '../../src/base/index.ts';
import { quietEffects } from '../../src/base/index.ts';
import { type CaseFile, CaseStore, emptyCaseFile, type OpenCase, recordDecision } from '../../src/case/index.ts';
import { readRevisions, recordRun, runs } from '../../src/revisions/index.ts';
import { temporaryFolder } from '../fixtures/run.ts';

const stores: CaseStore[] = [];
afterEach(() => {
  for (const s of stores.splice(0)) s.close();
});
let now = 0;
const effects: Effects = { ...quietEffects, now: () => ++now * 1_000_000 };
const exposure = (possible: number, lower: number, upper: number) => ({
  figures: { records: { possible }, persons: { possible: { lower, best: lower, upper } } },
});

function openCase(): { kase: OpenCase; run: (file: CaseFile, possible: number, lower: number, upper: number) => void } {
  const dir = temporaryFolder('runs');
  const store = new CaseStore(path.join(dir, 'case.sqlite'));
  stores.push(store);
  const kase = { file: emptyCaseFile('c', 'Asia/Tokyo'), casePath: path.join(dir, 'case.yaml'), caseDir: dir, outDir: dir, store } as unknown as OpenCase;
  return {
    kase,
    run: (file, possible, lower, upper) => recordRun({ ...kase, file }, exposure(possible, lower, upper), { version: '1', inputsRoot: 'r' }, effects),
  };
}

test('a run made over again is not written down twice; a published figure leads to today with a cause for every change', () => {
  const { kase, run } = openCase();
  const file = kase.file;
  run(file, 90, 40, 60);
  run(file, 90, 40, 60);
  expect(runs(kase.store)).toHaveLength(1);
  recordDecision(kase.store, 'figure.published', 'pr', effects.now(), {
    figure: 'persons.possible',
    lower: 40,
    upper: 100,
    unit: 'persons',
    published_on: '2025-04-25',
    document: '第1報',
  });
  recordDecision(kase.store, 'person.merged', 'kato', effects.now(), {
    records: [
      { dataset: 'd', key: '1' },
      { dataset: 'd', key: '2' },
    ],
  });
  run(file, 90, 39, 59);
  run({ ...file, title: { ja: '別', en: 'other' } }, 120, 45, 80);
  const r = readRevisions(kase.store);
  expect(r.runs.map(x => x.changed)).toEqual([[], ['linkage'], ['case-file']]);
  const [published] = r.published;
  expect(published).toMatchObject({ figure: 'persons.possible', published_on: '2025-04-25', document: '第1報', withdrawn: false });
  const [lower, upper] = published!.bounds;
  expect(lower).toMatchObject({ published: 40, today: 45, rounding: 0 });
  expect(upper).toMatchObject({ published: 100, today: 80, rounding: -40 });
  for (const b of [lower!, upper!]) expect(b.published + b.rounding + b.split!.parts.reduce((n, p) => n + p.change, 0) + b.split!.remainder).toBe(b.today);
  expect(upper!.split!.parts).toEqual([
    { cause: 'case-file', change: 21 },
    { cause: 'linkage', change: -1 },
  ]);
  expect(kase.store.verifyJournal()).toBeNull();
});

test('nothing recorded: nothing to show, no error; a figure nobody counts any more stays with what was published', () => {
  const { kase, run } = openCase();
  expect(readRevisions(kase.store)).toEqual({ runs: [], published: [], from: null, to: null, splits: [] });
  recordDecision(kase.store, 'figure.published', 'pr', effects.now(), {
    figure: 'roles.gone.records',
    lower: 1,
    upper: 2,
    unit: 'records',
    published_on: '2025-04-25',
  });
  run(kase.file, 1, 1, 1);
  expect(readRevisions(kase.store).published[0]!.bounds).toEqual([
    { bound: 'lower', published: 1, today: null, rounding: 0, split: null },
    { bound: 'upper', published: 2, today: null, rounding: 0, split: null },
  ]);
});
