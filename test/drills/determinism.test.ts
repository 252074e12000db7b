import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { createDrill, createTinyDrill, type DrillOptions, scenarioNames, tinyOptions } from '../../src/drills/index.ts';
import { createRandom } from '../../src/drills/random.ts';
import { freshFolder } from './reading.ts';

function digest(dir: string): string {
  const hash = createHash('sha256');
  for (const file of (fs.readdirSync(dir, { recursive: true }) as string[]).sort()) {
    const full = path.join(dir, file);
    if (fs.statSync(full).isFile()) hash.update(file).update(fs.readFileSync(full));
  }
  return hash.digest('hex');
}

describe('a drill is a function of its options', () => {
  const sizes: Partial<Record<string, Partial<DrillOptions>>> = {
    'indicator-subsystem': { scale: 0.0003, lines: 400 },
    'pet-insurance': { scale: 0.001, lines: 400 },
  };
  it.each(scenarioNames)('%s: same seed, same bytes; another seed, other bytes', async scenario => {
    const options = { ...tinyOptions(7, '', { scenario }), ...sizes[scenario], scenario };
    const [a, b, c] = [freshFolder(scenario), freshFolder(scenario), freshFolder(scenario)];
    await createDrill({ ...options, out: a }, quietEffects);
    await createDrill({ ...options, out: b }, quietEffects);
    await createDrill({ ...options, out: c, seed: 8 }, quietEffects);
    expect(digest(b)).toBe(digest(a));
    expect(digest(c)).not.toBe(digest(a));
  });

  it('refuses a folder that holds something', async () => {
    const out = freshFolder('full');
    fs.mkdirSync(out);
    fs.writeFileSync(path.join(out, 'mine.txt'), 'x');
    await expect(createTinyDrill(1, out, quietEffects)).rejects.toThrow('drills.folder-not-empty');
    expect(fs.readdirSync(out)).toEqual(['mine.txt']);
  });
});

describe('random numbers', () => {
  it('a fork never moves its parent, and streams are flat', () => {
    const a = createRandom(5, 'x');
    const b = createRandom(5, 'x');
    const child = a.fork('child');
    for (let i = 0; i < 100; i++) child.float();
    expect(Array.from({ length: 20 }, () => a.float())).toEqual(Array.from({ length: 20 }, () => b.float()));
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) counts[b.int(0, 15)]!++;
    // 15 degrees of freedom: above 50 happens once in 100,000 flat streams.
    expect(counts.reduce((n, c) => n + (c - 1000) ** 2 / 1000, 0)).toBeLessThan(50);
  });
});
