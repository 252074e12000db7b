import { beforeAll, describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../src/base/index.ts';
import { orphansOf, orphanTime } from '../../src/exposure/claims/orphans.ts';
import type { Statement } from '../../src/exposure/replay/statements.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { statement } from './exchange.ts';

const t0 = 1_745_000_000 * SECOND;
const reading = 'select id, title from book where id = $1';
/** An hour of the intruder; what readers ran is explained by their requests. */
const time = orphanTime({ fromUs: t0, toUs: t0 + HOUR });
const on = (conn: string, s: Statement): Statement => ({ ...s, conn });

function orphans(unexplained: readonly Statement[], explained: readonly Statement[]): number[] {
  const log = { statements: [...explained, ...unexplained], unparseable: [], errors: new Map(), present: true };
  return orphansOf(log, [], new Set(explained.map(s => s.eventId)), time).map(i => i.statement!.eventId);
}

describe('a statement without a request', () => {
  beforeAll(loadParser);
  const reader = (): Statement => on('pool', statement(t0 + MINUTE, reading, ['7']));

  it('may be the intruder’s where requests run such statements, whatever it asked for', () => {
    const lost = on('pool', statement(t0 + 20 * MINUTE, reading, ['4711']));
    expect(orphans([lost], [reader()])).toEqual([lost.eventId]);
  });

  it('is looked for half an hour around what is left of the intruder, not further', () => {
    const after = on('pool', statement(t0 + HOUR + 29 * MINUTE, reading, ['8']));
    const later = on('pool', statement(t0 + HOUR + 31 * MINUTE, reading, ['9']));
    expect(orphans([after, later], [reader()])).toEqual([after.eventId]);
  });

  it('is nobody’s where it failed, or is known to be somebody’s', () => {
    const failed = { ...on('pool', statement(t0 + 5 * MINUTE, reading, ['8'])), failed: true };
    const known = { ...on('pool', statement(t0 + 6 * MINUTE, reading, ['9'])), actor: 'strict' as const };
    expect(orphans([failed, known], [reader()])).toEqual([]);
  });

  it('is another program’s on a connection that serves no request', () => {
    const batch = Array.from({ length: 5 }, (_, i) => on('batch', statement(t0 + i * MINUTE, reading, [String(i)])));
    expect(orphans(batch, [reader()])).toEqual([]);
    expect(orphans(batch.slice(0, 4), [reader()])).toHaveLength(4);
  });

  it('of a kind that no request runs counts where that kind hardly runs at other times', () => {
    const odd = on('pool', statement(t0 + 10 * MINUTE, 'select * from book', []));
    expect(orphans([odd], [reader()])).toEqual([odd.eventId]);
    const daily = Array.from({ length: 5 }, (_, i) => on('pool', statement(t0 - (i + 1) * 24 * HOUR, 'select * from book', [])));
    expect(orphans([odd, ...daily], [reader()])).toEqual([]);
  });
});
