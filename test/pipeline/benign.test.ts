import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { createTinyDrill } from '../../src/drills/index.ts';
import { proofText } from '../../src/exposure/index.ts';
import { classifyColumns, countExposure, type ExposureCounts, explainAnything, identifyPersons } from '../../src/persons/index.ts';
import { assessCells, openInMemory } from '../fixtures/play-drill.ts';
import { temporaryFolder } from '../fixtures/run.ts';

/** Two days in which nothing happened: every figure is nothing, and why "cannot be excluded" is what it is can be asked. */
describe.each([
  { name: 'with a database log', options: { dialect: 'postgresql' as const } },
  { name: 'without one', options: { database: 'none' as const } },
])('a period without an incident, $name', ({ name, options }) => {
  const dir = path.join(temporaryFolder('benign'), 'case');
  let kase: Awaited<ReturnType<typeof openInMemory>>;
  let counts: ExposureCounts;
  beforeAll(async () => {
    await createTinyDrill(name.length, dir, quietEffects, { scenario: 'benign', ...options });
    kase = await openInMemory(path.join(dir, 'case.yaml'), path.join(dir, 'out'));
    await assessCells(kase);
    await classifyColumns(kase, quietEffects);
    await identifyPersons(kase, quietEffects);
    counts = await countExposure(kase);
  });
  afterAll(() => {
    kase.close();
    fs.rmSync(path.dirname(dir), { recursive: true, force: true });
  });

  it('exposes nothing at any tier', () => {
    expect(counts.figures.records).toEqual({ confirmed: 0, executed: 0, possible: 0, not_excluded: 0 });
    expect(counts.datasets.map(d => d.records.not_excluded)).toEqual(counts.datasets.map(() => 0));
    expect(counts.combinations).toEqual([]);
  });

  it('says of every element what was checked before it is called absent', () => {
    expect(counts.absent.map(a => a.element)).toEqual(expect.arrayContaining(['finance.card_number', 'id.my_number', 'sensitive.health']));
    for (const a of counts.absent) expect(a.basis).toMatch(/\d/);
  });

  it('explains the figure of what cannot be excluded', async () => {
    fs.writeFileSync(path.join(kase.outDir, 'result.json'), JSON.stringify({ exposure: counts }));
    const proof = await explainAnything(kase, 'figure:records.not_excluded');
    for (const lang of ['ja', 'en'] as const) expect(proofText(proof, lang).length).toBeGreaterThan(20);
    expect(proofText(proof, 'en')).toMatch(/\b0\b/);
  });
});
