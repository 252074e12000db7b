import { afterAll, describe, expect, it } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { sql } from '../../src/engine/index.ts';
import { assessExposure } from '../../src/exposure/index.ts';
import { cellsOf, type Incident, openIncident, people, traffic } from './incident.ts';

/** A web shell whose commands query the database over the connection everybody uses. */

const minute = 60_000_000;
const lengthOf = (rows: readonly (readonly (string | null)[])[], nulls: number): number =>
  rows.reduce((n, r) => n + r.reduce((m, v) => m + (v === null ? nulls : v.length) + 1, 0), 0);

describe('what a web shell answered', () => {
  const opened: Incident[] = [];
  afterAll(() => {
    for (const k of opened) k.close();
  });

  /** One command a result: `select * … limit n`, answered with so many bytes. */
  async function assess(results: readonly { readonly limit: number; readonly bytes: number }[]): Promise<Record<string, string>> {
    const { events } = traffic([]);
    let us = events.at(-1)!.us + minute;
    let id = events.at(-1)!.id;
    const mine: number[] = [];
    for (const { limit, bytes } of results) {
      us += minute;
      mine.push((id += 16));
      events.push({ id, cls: 1, us, method: 'POST', path: '/uploads/x.php', status: 200, bytes });
      events.push({ id: (id += 16), cls: 2, us: us + 100, sql: `SELECT * FROM people ORDER BY id LIMIT ${limit}`, params: [], conn: 'c1' });
    }
    const kase = await openIncident(events, mine);
    opened.push(kase);
    await kase.engine.run('test.step', sql`create table step as select 's' as step_id, 'web-shell' as kind, 'unknown' as outcome`);
    await kase.engine.run('test.step_event', sql`create table step_event as select 's' as step_id, event_id from actor_event`);
    await assessExposure(kase, quietEffects);
    return cellsOf(kase);
  }
  const certain = (cells: Record<string, string>): number => Object.values(cells).filter(t => t.startsWith('3') || t.startsWith('4')).length;
  const first = (n: number) => people.slice(0, n);

  it('is certain where it is as long as the result, to the byte', async () => {
    const cells = await assess([{ limit: 30, bytes: lengthOf(first(30), 4) }]);
    expect(certain(cells)).toBe(30 * 4);
    expect(Object.keys(cells)).toHaveLength(30 * 4);
  });

  it('is certain where several have one frame around their results', async () => {
    const cells = await assess([
      { limit: 30, bytes: 77 + lengthOf(first(30), 0) },
      { limit: 12, bytes: 77 + lengthOf(first(12), 0) },
    ]);
    expect(certain(cells)).toBe(30 * 4);
  });

  it('is only possible where the length does not fit', async () => {
    const cells = await assess([
      { limit: 30, bytes: 31 + lengthOf(first(30), 0) },
      { limit: 12, bytes: 64 + lengthOf(first(12), 0) },
    ]);
    expect(certain(cells)).toBe(0);
    expect(Object.keys(cells)).toHaveLength(30 * 4);
  });

  it('is only possible where it is too short to tell', async () => {
    const cells = await assess([{ limit: 3, bytes: lengthOf(first(3), 0) }]);
    expect(certain(cells)).toBe(0);
  });
});
