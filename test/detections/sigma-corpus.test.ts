import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonDocuments } from '../../src/detections/sigma/json-file.ts';
import { readRuleFolder } from '../../src/detections/sigma/rule-folder.ts';
import { runRules } from '../../src/detections/sigma/run.ts';
import type { Engine } from '../../src/engine/index.ts';
import { memoryEngine } from '../fixtures/event-table.ts';

const root = '../shared/data/sigma';

function samples(dir: string): string[] {
  return fs
    .readdirSync(dir, { withFileTypes: true })
    .flatMap(e => (e.isDirectory() ? samples(path.join(dir, e.name)) : e.name.endsWith('.json') ? [path.join(dir, e.name)] : []))
    .sort();
}

describe.skipIf(!fs.existsSync(root))('the public rules (skipped where they are not at hand)', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await memoryEngine();
  });
  afterAll(() => engine.close());

  it('every document compiles or is named with its reason; every sample fires its rule', { timeout: 120_000 }, async () => {
    const folders = ['rules', 'rules-emerging-threats'].map(f => readRuleFolder(path.join(root, f)));
    const read = {
      rules: folders.flatMap(f => f.rules),
      correlations: [],
      filters: [],
      unsupported: folders.flatMap(f => f.unsupported),
    };
    expect(read.rules.length).toBeGreaterThan(3500);
    expect(read.unsupported.filter(u => !u.reason.startsWith('placeholder'))).toEqual([]);
    const files = samples(path.join(root, 'regression_data'));
    const origin: string[] = [];
    const bad = { count: 0 };
    async function* documents() {
      for (const f of files)
        for await (const d of jsonDocuments(f, f, bad)) {
          origin.push(f);
          yield d;
        }
    }
    const run = await runRules(engine, read, documents(), false);
    expect(run.unsupported).toEqual([]);
    expect(bad.count).toBe(0);
    const fired = new Set(run.matches.map(m => `${origin[m.event]} ${m.rule.id}`));
    const known = new Set(read.rules.map(r => r.id));
    const wanted = files.map(f => ({ f, id: path.basename(f, '.json') })).filter(s => known.has(s.id));
    expect(wanted.length).toBeGreaterThanOrEqual(201);
    expect(wanted.filter(s => !fired.has(`${s.f} ${s.id}`))).toEqual([]);
  });
});
