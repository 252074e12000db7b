import { describe, expect, it } from 'vitest';
import { alignOrders } from '../../src/intrusion/injection/align.ts';
import { isPairingTold } from '../reference/unlogged-answers.ts';
import { named, type Played, play, total } from './played.ts';

/** Injections that travel in POST bodies or unlogged headers: the web log holds the answers, the database log the statements. DRILL_SAY names what was missed. */

const techniques = ['sqli-boolean', 'sqli-time', 'sqli-stacked', 'sqli-error', 'sqli-union'] as const;
const strategies = ['bisection', 'sets', 'length-first', 'bits', 'prefix'] as const;
const vectors = ['and', 'or-not', 'case', 'failing'] as const;
const seeds = Array.from({ length: Number(process.env['DRILL_SEEDS'] ?? 20) }, (_, i) => i + Number(process.env['DRILL_FROM'] ?? 0));

describe('injections that only the database log holds', () => {
  it('are rebuilt from the statements and the answers of the requests that ran them; nothing is wrong', async () => {
    const all: Played[] = [];
    const told = new Set<Played>();
    for (const seed of seeds) {
      let isTold = false;
      const p = await play(
        seed,
        {
          scenario: techniques[seed % techniques.length]!,
          dialect: seed % 2 ? 'mysql' : 'postgresql',
          // a body, or a header that this log does not hold
          ...(seed % 4 === 3 ? { carrier: 'forwarded', format: 'nginx-timed' } : { bodies: true, format: seed % 3 ? 'nginx-timed' : 'jsonl' }),
          strategy: strategies[Math.floor(seed / 5) % strategies.length]!,
          vector: vectors[Math.floor(seed / 3) % vectors.length]!,
          tamper: 'none',
          threads: 1,
          targetRows: 2,
        },
        dir => {
          isTold = isPairingTold(dir);
        },
      );
      if (!p) continue;
      all.push(p);
      if (isTold) told.add(p);
    }
    const blind = all.filter(p => /sqli-(?:boolean|time|stacked)/.test(p.name));
    const missed = named(
      blind,
      p => p.exact < p.cells,
      p => `${p.exact}/${p.cells}`,
    ).join('\n');
    console.log(
      `unlogged injections, ${all.length} seeds, pairing told in ${told.size}: exact ${total(blind, p => p.exact)}/${total(blind, p => p.cells)}, wrong ${total(all, p => p.wrong.length)}, strict wrong ${total(all, p => p.strictWrong)}, requests found strictly ${total(all, p => p.strictFound)}/${total(all, p => p.requests)}${process.env['DRILL_SAY'] ? `\n${missed}\n${all.map(p => `${p.name} ${p.strictWrongSay.join(';')}`).join('\n')}` : ''}`,
    );
    expect(
      named(
        all,
        p => p.wrong.length > 0 || p.strictWrong > 0,
        p => [...p.wrong, ...p.strictWrongSay].join(', '),
      ),
    ).toEqual([]);
    // what the logs tell is claimed, all of it
    expect(
      named(
        blind,
        p => told.has(p) && p.exact < p.cells,
        p => `${p.exact}/${p.cells}`,
      ),
    ).toEqual([]);
    expect(blind.some(p => told.has(p) && p.cells > 0)).toBe(true);
  }, 600_000);
});

describe('order of requests and statements', () => {
  const at = (...list: [number, number][]) => list.map(([loUs, hiUs]) => ({ loUs, hiUs }));

  it('as many as there are requests: one each, whatever the clock says within its doubt', () => {
    const coarse = at([0, 9], [0, 9], [0, 9]);
    expect([...alignOrders(coarse, at([1, 1], [2, 2], [3, 3]))]).toEqual([0, 1, 2]);
  });

  it('one too few: what either of two could have run stays open, what time tells apart does not', () => {
    expect([...alignOrders(at([0, 9], [0, 9], [20, 29]), at([5, 5], [25, 25]))]).toEqual([-1, 2]);
  });

  it('a statement that nobody asked for has no request', () => {
    expect([...alignOrders(at([0, 1], [10, 11]), at([0, 1], [5, 6], [10, 11]))]).toEqual([0, -1, 1]);
  });
});
