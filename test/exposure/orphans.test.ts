import { beforeAll, describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../src/base/index.ts';
import { replacedOf } from '../../src/exposure/claims/missing.ts';
import { activeTimes, orphansOf } from '../../src/exposure/claims/orphans.ts';
import type { Statement } from '../../src/exposure/replay/statements.ts';
import type { RouteRead } from '../../src/exposure/routes/binding.ts';
import { aloneInstance, type Instance } from '../../src/exposure/routes/instances.ts';
import { StatementIndex } from '../../src/exposure/routes/statement-index.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { request, statement } from './exchange.ts';

const t0 = 1_745_000_000 * SECOND;
const reading = 'select id, title from book where id = $1';
/** An hour of the intruder; what readers ran is explained by their requests. */

const own = { certainty: 'strict', ambiguous: false, injected: false } as const;

function orphans(
  unexplained: readonly Statement[],
  explained: readonly Statement[],
  instances: readonly Instance[] = [],
  served: (shape: string) => boolean = () => false,
): number[] {
  const log = { statements: [...explained, ...unexplained], unparseable: [], errors: new Map(), present: true };
  const times = activeTimes(
    Array.from({ length: 60 }, (_, i) => request('/', t0 + i * MINUTE, {})),
    log,
  );
  return orphansOf(log, new StatementIndex(log.statements), instances, new Set(explained.map(s => s.eventId)), times, served).map(i => i.statement!.eventId);
}

describe('a statement without a request', () => {
  beforeAll(loadParser);
  const reader = (): Statement => statement(t0 + MINUTE, reading, ['7']);

  it('may be the intruder’s where requests run such statements, whatever it asked for', () => {
    const lost = statement(t0 + 20 * MINUTE, reading, ['4711']);
    expect(orphans([lost], [reader()])).toEqual([lost.eventId]);
  });

  it('is looked for near the intruder’s traces, and the farther the rarer they are', () => {
    const times = (...minutes: number[]): [number, number][] =>
      activeTimes(
        minutes.map(m => request('/', t0 + m * MINUTE, {}, { hiUs: t0 + m * MINUTE })),
        { statements: [], unparseable: [], errors: new Map(), present: true },
      ).map(t => [(t.fromUs - t0) / MINUTE, (t.toUs - t0) / MINUTE]);
    expect(times(0, 1, 2, 600, 601)).toEqual([
      [-10, 12],
      [590, 611],
    ]);
    expect(times(0, 20, 45)).toEqual([[-60, 120]]);
    expect(times(0)).toEqual([[-180, 180]]);
  });

  it('is looked for around the intruder’s statements too, where a whole file of requests is lost', () => {
    const own = { ...statement(t0 + 5 * HOUR, reading, ['8']), actor: 'wide' as const };
    const lost = statement(t0 + 5 * HOUR + MINUTE, reading, ['9']);
    expect(orphans([own, lost], [reader()])).toEqual([lost.eventId]);
    expect(orphans([lost], [reader()])).toEqual([]);
  });

  it('is explained by the second of two equal requests that were linked to one statement', () => {
    const [first, second, third] = [0, 1, 2].map(i => statement(t0 + i * SECOND, reading, ['7'])) as [Statement, Statement, Statement];
    const linked = [request('/book', t0, {}), request('/book', t0 + SECOND, {})].map(r => ({ ...aloneInstance(first, own), request: r }));
    expect(orphans([second], [first, reader()], linked)).toEqual([]);
    expect(orphans([second, third], [first, reader()], linked)).toEqual([third.eventId]);
  });

  it('is nobody’s where it failed, or is known to be somebody’s', () => {
    const failed = { ...statement(t0 + 5 * MINUTE, reading, ['8']), failed: true };
    const known = { ...statement(t0 + 6 * MINUTE, reading, ['9']), actor: 'strict' as const };
    expect(orphans([failed, known], [reader()])).toEqual([]);
  });

  it('is not looked for among those of a program that serves no request', () => {
    const saved = { ...statement(t0 + MINUTE, 'select * from book'), program: 'backup' };
    expect(orphans([saved], [reader()])).toEqual([]);
    expect(orphans([saved], [])).toEqual([saved.eventId]);
  });

  it('of a kind that no request runs counts where that kind hardly runs at other times', () => {
    const odd = statement(t0 + 10 * MINUTE, 'select * from book', []);
    expect(orphans([odd], [reader()])).toEqual([odd.eventId]);
    const daily = Array.from({ length: 5 }, (_, i) => statement(t0 - (i + 1) * 24 * HOUR, 'select * from book', []));
    expect(orphans([odd, ...daily], [reader()])).toEqual([]);
    expect(orphans([odd, ...daily], [reader()], [], shape => shape === odd.read.shape)).toEqual([odd.eventId]);
  });
});

describe('a request that did not run what its route runs', () => {
  beforeAll(loadParser);
  const learned = { route: 'GET /members', read: statement(t0, reading, ['7']).read, source: 'log' } as unknown as RouteRead;
  const asked = request('/members', t0 + MINUTE, { limit: '200', offset: '400' });
  const without = (s: Statement | null): Instance => ({
    ...aloneInstance(statement(t0, reading, ['7']), own),
    request: asked,
    statement: s,
    routeRead: learned,
  });
  const beside = (parameters: string[]): Statement => statement(t0 + MINUTE + 200, 'select id, mail from member order by id limit $1 offset $2', parameters);
  const found = (s: Statement, instance: Instance, explained: number[] = []): number =>
    replacedOf([instance], new StatementIndex([s]), new Set(explained)).length;

  it('ran the statement beside it that is made of its own values alone', () => {
    expect(found(beside(['200', '400']), without(null))).toBe(1);
    expect(found(beside(['200', '500']), without(null))).toBe(0);
  });
  it('unless it ran the usual one, or somebody else ran that', () => {
    const s = beside(['200', '400']);
    expect([found(s, without(statement(t0 + MINUTE, reading, ['7']))), found(s, without(null), [s.eventId])]).toEqual([0, 0]);
  });
});
