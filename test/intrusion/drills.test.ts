import { describe, expect, it } from 'vitest';
import { chooseInjection } from './matrix.ts';
import { named, type Played, play, total } from './played.ts';

/**
 * Simulated injections from evidence to recovered cells, held against the simulator's truth: five techniques, five dialects, strategies, tampers and encodings,
 * carriers, vectors, log formats, several threads and addresses, addresses shared with innocents. DRILL_FROM and DRILL_SEEDS play others.
 */

const from = Number(process.env['DRILL_FROM'] ?? 0);
const many = Number(process.env['DRILL_SEEDS'] ?? 150);

async function playAll(seeds: readonly number[], more: (seed: number) => Parameters<typeof play>[1]): Promise<Played[]> {
  const out: Played[] = [];
  for (const seed of seeds) {
    const p = await play(seed, more(seed));
    if (p) out.push(p);
  }
  return out;
}
const range = (start: number, n: number): number[] => Array.from({ length: n }, (_, i) => start + i);
const wrongOf = (list: readonly Played[]): string[] =>
  named(
    list,
    p => p.wrong.length > 0,
    p => p.wrong.join(', '),
  );
const share = (a: number, b: number): string => `${a}/${b} (${((100 * a) / Math.max(1, b)).toFixed(2)} %)`;

describe('simulated injections', () => {
  it('complete logs: at least 99 of 100 cells exact, none wrong; UNION windows right; the period holds; nobody else is taken for the intruder', async () => {
    const all = await playAll(range(from, many), chooseInjection);
    // behind compression a page may change by less than its noise: what is read then is right, but need not be all
    const plain = all.filter(p => !p.name.includes('gzip'));
    const missed = [
      ...named(
        plain,
        p => p.exact < p.cells,
        p => `${p.exact}/${p.cells}`,
      ),
      ...named(
        all,
        p => p.windowsMissed.length > 0,
        p => p.windowsMissed.join('; '),
      ),
      ...named(
        all,
        p => !p.startHeld || !p.endHeld || p.strictWrong > 0,
        p => `start ${p.startHeld} end ${p.endHeld} strict wrong ${p.strictWrongSay.join('; ')}`,
      ),
    ].join('\n');
    console.log(
      `injections, complete logs, ${all.length} seeds: cells exact ${share(
        total(plain, p => p.exact),
        total(plain, p => p.cells),
      )}, wrong ${total(all, p => p.wrong.length)} of ${total(all, p => p.claimed)} claimed; ` +
        `UNION windows ${share(
          total(all, p => p.windowsFound),
          total(all, p => p.windows),
        )}, their cells proven by size ${share(
          total(all, p => p.unionClaimed),
          total(all, p => p.unionCells),
        )}; ` +
        `start and end held ${share(
          total(all, p => Number(p.startHeld) + Number(p.endHeld)),
          2 * all.length,
        )}; strict precision ${share(
          total(all, p => p.strict - p.strictWrong),
          total(all, p => p.strict),
        )}, ` +
        `recall ${share(
          total(all, p => p.strictFound),
          total(all, p => p.requests),
        )}${process.env['DRILL_SAY'] ? `\n${missed}` : ''}`,
    );
    expect(all.length).toBeGreaterThanOrEqual(0.95 * many);
    expect(wrongOf(all)).toEqual([]);
    expect(total(plain, p => p.exact) / total(plain, p => p.cells), missed).toBeGreaterThanOrEqual(0.99);
    expect(total(all, p => p.windowsFound) / total(all, p => p.windows), missed).toBeGreaterThanOrEqual(0.99);
    expect(total(all, p => Number(p.startHeld) + Number(p.endHeld)) / (2 * all.length), missed).toBeGreaterThanOrEqual(0.99);
    expect(total(all, p => p.strictWrong) / total(all, p => p.strict), missed).toBeLessThanOrEqual(0.001);
    expect(total(all, p => p.outOfBand)).toBeGreaterThan(0);
  }, 1_800_000);

  it('windows of a table, asked for without a test of the vector, are proven by their sizes; behind compression none is', async () => {
    const union = { scenario: 'pet-insurance', scale: 0.003, lines: 300, database: 'none', dialect: 'postgresql', threads: 1, days: 3 } as const;
    const plain = await playAll([1, 2], () => union);
    expect(wrongOf(plain)).toEqual([]);
    expect(total(plain, p => p.unionClaimed)).toBe(total(plain, p => p.unionCells));
    const packed = await playAll([1], () => ({ ...union, compressed: true }));
    expect([total(packed, p => p.unionClaimed), wrongOf(packed)]).toEqual([0, []]);
    expect(total(packed, p => p.windowsFound)).toBe(total(packed, p => p.windows));
  }, 600_000);
});
