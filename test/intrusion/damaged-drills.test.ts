import { describe, expect, it } from 'vitest';
import { chooseInjection } from './matrix.ts';
import { named, type Played, play, total } from './played.ts';

/** Logs with lost lines and flipped answers, and clocks of one second: cells become partial, never silently wrong. */

const from = Number(process.env['DRILL_FROM'] ?? 0);
const many = Number(process.env['DRILL_SEEDS'] ?? 50);

describe('damaged logs', () => {
  it('lost lines, flipped answers and clocks of one second: wrong at most once in a thousand', async () => {
    const all: Played[] = [];
    for (let seed = from; seed < from + many; seed++) {
      const { vector: _, ...choice } = chooseInjection(seed);
      const kind = seed % 3;
      const damage =
        kind === 0
          ? { loseLines: 0.05 }
          : kind === 1
            ? { flipAnswers: 0.01 }
            : { format: 'nginx-combined' as const, carrier: 'parameter' as const, scenario: seed % 2 ? ('sqli-time' as const) : ('sqli-stacked' as const) };
      const p = await play(seed, { ...choice, ...damage });
      if (p) all.push(p);
    }
    const say = named(
      all,
      p => p.wrong.length > 0,
      p => p.wrong.join(', '),
    ).join('\n');
    console.log(
      `injections, damaged logs, ${all.length} seeds: cells exact ${total(all, p => p.exact)} of ${total(all, p => p.cells)}, wrong ${total(all, p => p.wrong.length)} of ${total(all, p => p.claimed)} claimed; strict precision ${total(all, p => p.strict - p.strictWrong)} of ${total(all, p => p.strict)}${process.env['DRILL_SAY'] ? `\n${say}` : ''}`,
    );
    expect(total(all, p => p.claimed)).toBeGreaterThan(0);
    expect(
      total(all, p => p.wrong.length),
      say,
    ).toBeLessThanOrEqual(total(all, p => p.claimed) / 1000);
    expect(total(all, p => p.strictWrong) / total(all, p => p.strict)).toBeLessThanOrEqual(0.001);
  }, 1_800_000);
});
