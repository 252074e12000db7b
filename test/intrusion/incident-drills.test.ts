import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseOther } from './matrix.ts';
import { named, type Played, play, total } from './played.ts';

/** Who and since when, over all scenarios; and what must not change the answer. */

const from = Number(process.env['DRILL_FROM'] ?? 0);
const many = Number(process.env['DRILL_SEEDS'] ?? 54);

/** The web log with its lines in another order, stable for a seed. */
function shuffle(dir: string): void {
  const file = path.join(dir, 'evidence', 'access.log');
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
  const keyed = lines.map((l, i) => [Math.imul(i + 1, 0x9e3779b1) >>> 0, l] as const).sort((a, b) => a[0] - b[0]);
  fs.writeFileSync(file, `${keyed.map(k => k[1]).join('\n')}\n`);
}

describe('simulated incidents', () => {
  it('the period holds and strict actors are the intruder, over all scenarios', async () => {
    const all: Played[] = [];
    for (let seed = from; seed < from + many; seed++) {
      const p = await play(seed, chooseOther(seed));
      if (p) all.push(p);
    }
    // an incident that no method saw has no period that could be wrong: how many those are is counted by itself
    const found = all.filter(p => p.strict > 0 || p.wideFound > 0);
    const held = total(found, p => Number(p.startHeld) + Number(p.endHeld));
    const say = named(
      all,
      p => !p.startHeld || !p.endHeld || p.strictWrong > 0 || p.strictFound < 0.9 * p.requests,
      p => `start ${p.startHeld} end ${p.endHeld} strict ${p.strictFound} wide ${p.wideFound} of ${p.requests}, wrong ${p.strictWrongSay.join('; ')}`,
    ).join('\n');
    console.log(
      `incidents, ${all.length} seeds, ${found.length} found: start and end held ${held} of ${2 * found.length}; strict precision ${total(all, p => p.strict - p.strictWrong)} of ${total(all, p => p.strict)}; ` +
        `recall strict ${total(all, p => p.strictFound)}, with possible ones ${total(all, p => p.wideFound)} of ${total(all, p => p.requests)}${process.env['DRILL_SAY'] ? `\n${say}` : ''}`,
    );
    expect(found.length / all.length, say).toBeGreaterThanOrEqual(0.95);
    expect(held / (2 * found.length), say).toBeGreaterThanOrEqual(0.99);
    expect(total(all, p => p.strictWrong) / total(all, p => p.strict), say).toBeLessThanOrEqual(0.001);
    expect(total(all, p => p.wideFound) / total(all, p => p.requests), say).toBeGreaterThanOrEqual(0.95);
  }, 1_800_000);

  // where lines carry whole seconds their order is all that tells what came first: the walk is shuffled in a log with finer stamps
  for (const [scenario, seed, format, another] of [
    ['sqli-boolean', 3, 'nginx-timed', 'jsonl'],
    ['sqli-error', 4, 'nginx-timed', 'aws-cloudfront'],
    ['sqli-union', 5, 'nginx-timed', 'jsonl'],
    ['id-enumeration', 6, 'jsonl', 'nginx-timed'],
  ] as const)
    it(`${scenario}: shuffled lines, another log format, agents stripped: same answer`, async () => {
      const base = { scenario, database: 'none', dialect: 'postgresql', format, lines: 160, scale: 0.0015, threads: 1, sharedAddress: false } as const;
      const plain = (await play(seed, base))!;
      expect((await play(seed, base, shuffle))!.answer).toBe(plain.answer);
      const core = (p: Played): unknown => {
        const { cells, actors } = JSON.parse(p.answer) as Record<string, unknown>;
        return { cells, actors };
      };
      expect(core((await play(seed, { ...base, format: another }))!)).toEqual(core(plain));
      const strip = (dir: string): void => {
        const file = path.join(dir, 'evidence', 'access.log');
        const text = fs.readFileSync(file, 'utf8');
        fs.writeFileSync(
          file,
          format === 'jsonl' ? text.replace(/"agent":"(?:[^"\\]|\\.)*"/g, '"agent":null') : text.replace(/"[^"]*"( [\d.]+ "[^"]*")$/gm, '"-"$1'),
        );
      };
      expect(core((await play(seed, base, strip))!)).toEqual(core(plain));
    }, 300_000);
});
