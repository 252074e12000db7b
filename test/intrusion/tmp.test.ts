import { it } from 'vitest';
import { type Played, named, play, total } from './played.ts';
import { carriers, dialects, rareTampers, strategies, tampers, vectors, webFormats, type DrillOptions } from '../../src/drills/index.ts';
import fs from 'node:fs';
const from = Number(process.env['DRILL_FROM'] ?? 0); const many = Number(process.env['DRILL_SEEDS'] ?? 20);
const only = process.env['DRILL_ONLY'];
const fixed = JSON.parse(process.env['DRILL_SET'] ?? '{}');
import "vitest";
const inj = ['sqli-boolean','sqli-time','sqli-error','sqli-stacked','sqli-union'] as const;
const all = ['id-enumeration','mass-export','credential-stuffing','password-spray','slow-scrape','web-shell','path-traversal','db-dump','full-chain'] as const;
const pick = <T,>(list: readonly T[], n: number): T => list[Math.abs(n) % list.length]!;
export function choose(seed: number): Partial<DrillOptions> & { scenario: (typeof inj)[number] | (typeof all)[number] } {
  const h = (k: number): number => Math.floor((Math.sin(seed * 12.9898 + k * 78.233) * 43758.5453) % 1e6);
  if (only === 'others') return { scenario: pick(all, seed), lines: 260, scale: 0.002, ...fixed };
  const scenario = pick(inj, seed);
  const dialect = pick(dialects, Math.floor(seed / 5));
  const carrier = h(1) % 3 === 0 ? pick(carriers, h(2)) : 'parameter';
  const timed = scenario === 'sqli-time' || scenario === 'sqli-stacked';
  const format = carrier === 'cookie' ? 'jsonl' : carrier === 'forwarded' ? 'aws-cloudfront' : carrier === 'referer' || carrier === 'user-agent' ? pick(['nginx-timed', 'jsonl', 'iis-w3c', 'aws-cloudfront'] as const, h(3)) : timed ? pick(['nginx-timed','iis-w3c','aws-alb','aws-cloudfront','haproxy','jsonl'] as const, h(4)) : pick(webFormats, h(5));
  return { scenario, dialect, database: 'none', carrier, format, strategy: pick(strategies, h(6)), tamper: h(7) % 3 === 0 ? pick(rareTampers, h(8)) : pick(tampers, h(9)),
    vector: pick(vectors, h(10)), targetRows: 2, threads: pick([1,1,1,3], h(11)), sharedAddress: h(12) % 5 === 0, oneShot: h(13) % 3 === 0, knowsWidth: h(14) % 3 === 0, outOfBand: h(15) % 6 === 0, ...fixed };
}
it('says', async () => {
  const list: Played[] = [];
  for (let s = from; s < from + many; s++) { try { const p = await play(s, choose(s)); if (p) list.push(p); } catch (e) { fs.appendFileSync('/tmp/h/rebuild/scratch/errors.txt', `${s} ${JSON.stringify(choose(s))} ${(e as Error).stack}\n`); console.log('ERROR', s, String(e).slice(0,200)); } }
  console.log([
    ...named(list, p => p.exact < p.cells || p.wrong.length > 0, p => `${p.exact}/${p.cells} wrong ${p.wrong.join(', ')}`),
    ...named(list, p => p.windowsMissed.length > 0, p => `windows ${p.windowsFound}/${p.windows} ${p.windowsMissed.slice(0,3).join('; ')}`),
    ...named(list, p => !p.startHeld || !p.endHeld, p => `window ${p.startHeld} ${p.endHeld}`),
    ...named(list, p => p.strictWrong > 0, p => `strict wrong ${p.strictWrong}/${p.strict} ${p.strictWrongSay.join('; ')}`),
    ...named(list, p => p.strictFound < 0.9 * p.requests, p => `recall strict ${p.strictFound} wide ${p.wideFound} of ${p.requests}`),
    `cells ${total(list, p => p.exact)}/${total(list, p => p.cells)} claimed ${total(list, p => p.claimed)} wrong ${total(list, p => p.wrong.length)}; union windows ${total(list, p => p.windowsFound)}/${total(list, p => p.windows)} cells claimed ${total(list, p => p.unionClaimed)}/${total(list, p => p.unionCells)}; held ${total(list, p => Number(p.startHeld) + Number(p.endHeld))}/${2*list.length}; strict ${total(list, p => p.strict)} wrong ${total(list, p => p.strictWrong)} recall ${total(list, p => p.strictFound)}/${total(list, p => p.requests)} wide ${total(list, p => p.wideFound)}; oob ${total(list, p => p.outOfBand)}`,
  ].join('\n'));
}, 900_000);
