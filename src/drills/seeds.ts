import type { Effects } from '../base/index.ts';
import { createInsurerDrill, type Drill } from './create.ts';
import { type DrillOptions, strategies, tampers, webFormats } from './options.ts';
import { createRandom } from './random.ts';
import { scenarios } from './scenarios.ts';

const names = (Object.keys(scenarios) as (keyof typeof scenarios)[]).filter(n => n !== 'pet-insurance');

/** Options of a tiny incident chosen by a seed: scenario, dialect, strategy, tamper, format and addresses vary; logs are complete unless overridden. */
export function tinyOptions(seed: number, out: string, overrides: Partial<DrillOptions> = {}): DrillOptions & { scenario: keyof typeof scenarios } {
  const random = createRandom(seed, 'tiny');
  const scenario = (overrides.scenario ?? random.pick(names)) as keyof typeof scenarios;
  const timed = scenario === 'sqli-time' || scenario === 'sqli-stacked' || scenario === 'full-chain';
  const drawn: DrillOptions = {
    scenario,
    out,
    seed,
    scale: 0.002,
    lines: 260,
    days: 2,
    targetRows: random.int(2, 4),
    format: timed ? 'nginx-timed' : random.pick(webFormats),
    strategy: random.pick(strategies),
    tamper: random.chance(0.6) ? 'none' : random.pick(tampers),
    threads: random.pick([1, 1, 1, 3]),
    sharedAddress: random.chance(0.15),
  };
  return { ...drawn, ...overrides, scenario };
}

/** A tiny incident in well under a second, for tests that want hundreds. Same seed and overrides, same bytes. */
export function createTinyDrill(seed: number, out: string, effects: Effects, overrides: Partial<DrillOptions> = {}): Promise<Drill> {
  const options = tinyOptions(seed, out, overrides);
  return createInsurerDrill(options, scenarios[options.scenario], effects);
}
