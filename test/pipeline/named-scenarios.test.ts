import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { openForInvestigation } from '../../src/case/index.ts';
import { detect } from '../../src/detections/index.ts';
import { createTinyDrill, type DrillOptions, scoreDrill, tinyOptions } from '../../src/drills/index.ts';
import { sql } from '../../src/engine/index.ts';
import { estimateClockOffsets, measureCoverage, readEvents } from '../../src/events/index.ts';
import { collectEvidence } from '../../src/evidence/index.ts';
import { assessExposure, writeCells } from '../../src/exposure/index.ts';
import { reconstruct } from '../../src/intrusion/index.ts';
import { temporaryFolder } from '../fixtures/run.ts';

/** Scenarios by name; incidents drawn by seed are in the truth tests. Here the cells are those written for people, and the scorer is the drill's own. */
const named: readonly [number, Partial<DrillOptions>][] = [
  [204, { scenario: 'web-shell', database: 'mysql-general' }],
  [206, { scenario: 'web-shell' }],
  [300, { scenario: 'db-dump' }],
  [301, { scenario: 'sqli-stacked' }],
  [302, { scenario: 'slow-scrape' }],
  [303, { scenario: 'password-spray' }],
  [304, { scenario: 'id-enumeration', tell: true }],
  [305, { scenario: 'mass-export', tell: true }],
  [306, { scenario: 'credential-stuffing', sharedAddress: true }],
  [307, { scenario: 'sqli-union' }],
  [308, { scenario: 'sqli-error' }],
  [309, { scenario: 'benign' }],
];
const root = temporaryFolder('seeds');
const figures: { name: string; lower: number; upper: number }[] = [];

type Truth = { readonly phases: readonly { readonly name: string; readonly ips: readonly string[] }[] };

/** From evidence to cells, stage by stage, in this process. */
async function investigate(dir: string): Promise<{ steps: number; actors: string[] }> {
  const out = path.join(dir, 'out');
  const kase = await openForInvestigation(path.join(dir, 'case.yaml'), out, { threads: 1 });
  const effects = { ...quietEffects, threads: 1 };
  try {
    for (const stage of [collectEvidence, readEvents, estimateClockOffsets, measureCoverage, detect, reconstruct, assessExposure]) await stage(kase, effects);
    await writeCells(kase);
    const actors = await kase.engine.rows<{ ip: string }>('test', sql`select distinct unnest(ips) as ip from actor where certainty = 'strict' order by ip`);
    const { n } = await kase.engine.row<{ n: number }>('test', sql`select count(*) as n from step`);
    return { steps: n, actors: actors.map(a => a.ip) };
  } finally {
    kase.close();
  }
}

describe('small incidents of every kind', () => {
  test.each(named.map(([seed, more]) => ({ seed, more, scenario: tinyOptions(seed, '', more).scenario })))(
    'seed $seed, $scenario: lower ⊆ truth ⊆ upper, nobody else accused',
    async ({ seed, more, scenario }) => {
      const dir = path.join(root, String(seed));
      await createTinyDrill(seed, dir, quietEffects, more);
      const found = await investigate(dir);
      const truth = JSON.parse(fs.readFileSync(path.join(dir, 'truth', 'truth.json'), 'utf8')) as Truth;
      const intruders = new Set(truth.phases.flatMap(p => p.ips));
      const score = await scoreDrill(dir, path.join(dir, 'out'));
      figures.push({ name: scenario, lower: score.tightLower, upper: score.tightUpper });
      expect({ over: score.overExamples, under: score.underExamples, innocent: found.actors.filter(ip => !intruders.has(ip)), steps: found.steps > 0 }).toEqual(
        { over: [], under: [], innocent: [], steps: scenario !== 'benign' },
      );
      fs.rmSync(dir, { recursive: true, force: true });
    },
    60_000,
  );
});

afterAll(() => {
  const mean = (list: readonly number[]): string => (list.reduce((a, b) => a + b, 0) / list.length).toFixed(3);
  for (const name of [...new Set(figures.map(f => f.name))].sort()) {
    const own = figures.filter(f => f.name === name);
    process.stdout.write(
      `${name.padEnd(20)} ${String(own.length).padStart(3)} seeds  lower/truth ${mean(own.map(f => f.lower))}  truth/upper ${mean(own.map(f => f.upper))}\n`,
    );
  }
  fs.rmSync(root, { recursive: true, force: true });
});
