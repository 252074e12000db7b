import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type DrillOptions, tinyOptions } from '../../src/drills/index.ts';
import { type Played, playDrill } from '../fixtures/play-drill.ts';
import { temporaryFolder } from '../fixtures/run.ts';

/** Tiny incidents by the dozen: whatever the knobs, lower ⊆ truth ⊆ upper and nobody else is accused. */

export type Group = {
  readonly name: string;
  readonly options: Partial<DrillOptions>;
  readonly seeds: number;
  readonly first: number;
};

const minute = 60_000_000;
const day = 1440 * minute;

/** Evidence as it should be: both logs, every line; formats, clocks, files and the snapshot's time vary. */
export const completeGroups: readonly Group[] = [
  { name: 'as drawn', options: {}, seeds: 40, first: 0 },
  { name: 'PostgreSQL', options: { dialect: 'postgresql', tell: true }, seeds: 40, first: 2000 },
  { name: 'MySQL', options: { dialect: 'mysql', tell: true }, seeds: 14, first: 2100 },
  { name: 'JSON log with row counts', options: { dialect: 'postgresql', database: 'pg-jsonlog', auditRows: true, tell: true }, seeds: 14, first: 2200 },
  { name: 'rotated and packed', options: { dialect: 'postgresql', rotate: true, gzip: true, tell: true }, seeds: 10, first: 2300 },
  { name: 'clock 90 s fast', options: { dialect: 'postgresql', clockSkewUs: 1.5 * minute, tell: true }, seeds: 10, first: 2400 },
  { name: 'clock an hour slow', options: { dialect: 'postgresql', clockSkewUs: -60 * minute, tell: true }, seeds: 10, first: 2500 },
  { name: 'snapshot a day later', options: { dialect: 'postgresql', snapshotDelayUs: day, tell: true }, seeds: 10, first: 2600 },
  {
    name: 'snapshots before and a day later',
    options: { dialect: 'postgresql', snapshotDelayUs: day, firstSnapshot: true, tell: true },
    seeds: 4,
    first: 2610,
  },
  { name: 'snapshot ten days later', options: { dialect: 'postgresql', snapshotDelayUs: 10 * day, tell: true }, seeds: 2, first: 2700 },
  {
    name: 'snapshots before and ten days later',
    options: { dialect: 'postgresql', snapshotDelayUs: 10 * day, firstSnapshot: true, tell: true },
    seeds: 8,
    first: 2702,
  },
  { name: 'values broken off, answers flipped', options: { dialect: 'postgresql', interrupted: true, flipAnswers: 0.03, tell: true }, seeds: 10, first: 2800 },
];

/** Evidence as it often is: no database log, lost lines, a lost file, a shared address. */
export const poorGroups: readonly Group[] = [
  { name: 'no database log', options: { database: 'none', dialect: 'postgresql', tell: true }, seeds: 20, first: 3000 },
  { name: 'no database log, other dialects', options: { database: 'none', tell: true }, seeds: 20, first: 3100 },
  {
    name: 'no database log, later snapshot, clock off',
    options: { database: 'none', snapshotDelayUs: day, clockSkewUs: minute / 12, tell: true },
    seeds: 4,
    first: 3200,
  },
  {
    name: 'no database log, snapshots before and later',
    options: { database: 'none', snapshotDelayUs: day, clockSkewUs: minute / 12, firstSnapshot: true, tell: true },
    seeds: 8,
    first: 3204,
  },
  { name: 'one line in a hundred lost', options: { dialect: 'postgresql', loseLines: 0.01, tell: true }, seeds: 24, first: 3300 },
  { name: 'one line in a hundred lost, MySQL', options: { dialect: 'mysql', loseLines: 0.01, tell: true }, seeds: 12, first: 3400 },
  { name: 'three lines in a hundred lost', options: { dialect: 'postgresql', loseLines: 0.03, tell: true }, seeds: 14, first: 3500 },
  { name: 'a rotated file lost', options: { dialect: 'postgresql', rotationLoss: true, tell: true }, seeds: 14, first: 3600 },
  { name: 'an address shared with innocents', options: { dialect: 'postgresql', sharedAddress: true, tell: true }, seeds: 14, first: 3700 },
];

/** A seed whose scenario cannot be played with these options (a stolen database password needs the database's log) gives way to the next one. */
function playable(seed: number, options: Partial<DrillOptions>): number {
  let s = seed;
  while (options.database === 'none' && tinyOptions(s, '', options).scenario === 'db-dump') s += 10_000;
  return s;
}

const bounds = (p: Played) => ({ over: p.over, under: p.under, innocent: p.innocent, accused: p.scenario === 'benign' && p.steps > 0 });

/** Define one test for each seed of each group; prints how tight the bounds were. */
export function playGroups(groups: readonly Group[], check: (figures: ReadonlyMap<string, readonly Played[]>) => void): void {
  const root = temporaryFolder('truth');
  const figures = new Map<string, Played[]>();
  for (const group of groups) {
    const seeds = Array.from({ length: group.seeds }, (_, i) => playable(group.first + i, group.options));
    describe(group.name, () => {
      const holds = async ({ seed }: { seed: number }): Promise<void> => {
        const played = await playDrill(seed, path.join(root, String(seed)), group.options);
        figures.set(group.name, [...(figures.get(group.name) ?? []), played]);
        expect(bounds(played)).toEqual({ over: 0, under: 0, innocent: [], accused: false });
      };
      const named = seeds.map(seed => ({ seed, scenario: tinyOptions(seed, '', group.options).scenario }));
      test.each(named)('seed $seed, $scenario', holds);
    });
  }
  test('how tight they are', () => {
    expect([...figures.values()].flat()).toHaveLength(groups.reduce((n, g) => n + g.seeds, 0));
    check(figures);
  });
  afterAll(() => {
    const means = (list: readonly Played[]): string =>
      `lower/truth ${meanTightness(list).lower.toFixed(3)}  truth/upper ${meanTightness(list).upper.toFixed(3)}`;
    const line = (name: string, list: readonly Played[]): string => {
      const certain = list.filter(p => p.certain);
      const beside = certain.length === list.length ? '' : `  (${certain.length} with every actor certain: ${means(certain)})`;
      return `${name.padEnd(44)} ${String(list.length).padStart(3)} incidents  ${means(list)}${beside}\n`;
    };
    for (const [name, list] of figures) process.stdout.write(line(name, list));
    for (const scenario of [...new Set([...figures.values()].flat().map(p => p.scenario))].sort())
      process.stdout.write(
        line(
          `  ${scenario}`,
          [...figures.values()].flat().filter(p => p.scenario === scenario),
        ),
      );
    fs.rmSync(root, { recursive: true, force: true });
  });
}

/** Means of |lower| ÷ |truth| and |truth| ÷ |upper|; 1 where both are empty. */
export function meanTightness(list: readonly Played[]): { lower: number; upper: number } {
  const share = (a: number, b: number): number => (b === 0 ? (a === 0 ? 1 : 0) : a / b);
  const mean = (of: (p: Played) => number): number => list.reduce((n, p) => n + of(p), 0) / Math.max(1, list.length);
  return { lower: mean(p => share(p.lower, p.truth)), upper: mean(p => share(p.truth, p.upper)) };
}
