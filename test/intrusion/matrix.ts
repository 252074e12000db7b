import { carriers, type DrillOptions, dialects, rareTampers, type ScenarioName, strategies, tampers, vectors, webFormats } from '../../src/drills/index.ts';

/** Which drill a seed plays: techniques and dialects in turn, everything else mixed so that all pairs come up. */

export const injections = ['sqli-boolean', 'sqli-time', 'sqli-error', 'sqli-stacked', 'sqli-union'] as const;
export const others = [
  'id-enumeration',
  'mass-export',
  'credential-stuffing',
  'password-spray',
  'slow-scrape',
  'web-shell',
  'path-traversal',
  'db-dump',
  'full-chain',
] as const;

type Choice = Partial<DrillOptions> & { readonly scenario: ScenarioName };
const pick = <T>(list: readonly T[], n: number): T => list[n % list.length]!;
/** A number that depends on seed and purpose only. */
function mix(seed: number, purpose: number): number {
  let h = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(purpose + 7, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return (h ^ (h >>> 13)) >>> 0;
}

export function chooseInjection(seed: number): Choice {
  const m = (purpose: number): number => mix(seed, purpose);
  const scenario = pick(injections, seed);
  const carrier = m(1) % 3 === 0 ? pick(carriers, m(2)) : 'parameter';
  const timed = scenario === 'sqli-time' || scenario === 'sqli-stacked';
  const headers = carrier === 'referer' || carrier === 'user-agent';
  const format =
    carrier === 'cookie'
      ? pick(['jsonl', 'aws-cloudfront'] as const, m(3))
      : carrier === 'forwarded'
        ? 'aws-cloudfront'
        : headers
          ? pick(['nginx-timed', 'jsonl', 'iis-w3c', 'aws-cloudfront'] as const, m(3))
          : timed
            ? pick(['nginx-timed', 'iis-w3c', 'aws-alb', 'aws-cloudfront', 'haproxy', 'jsonl'] as const, m(3))
            : pick(webFormats, m(3));
  return {
    scenario,
    dialect: pick(dialects, Math.floor(seed / 5)),
    database: 'none',
    carrier,
    format,
    strategy: pick(strategies, m(4)),
    tamper: m(5) % 3 === 0 ? pick(rareTampers, m(6)) : pick(tampers, m(6)),
    vector: pick(vectors, m(7)),
    targetRows: 2,
    threads: pick([1, 1, 1, 3], m(8)),
    sharedAddress: m(9) % 5 === 0,
    oneShot: m(10) % 3 === 0,
    knowsWidth: m(11) % 3 === 0,
    outOfBand: m(12) % 6 === 0,
    compressed: m(13) % 8 === 0,
  };
}

export const chooseOther = (seed: number): Choice => ({ scenario: pick(others, seed), lines: 260, scale: 0.002 });
