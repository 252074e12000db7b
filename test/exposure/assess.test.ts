import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { type OpenCase, recordDecision } from '../../src/case/index.ts';
import { sql } from '../../src/engine/index.ts';
import { assessExposure, explainRef, premiseStates, proofText, writeRecovered } from '../../src/exposure/index.ts';
import { instance } from './exchange.ts';
import { cellsOf, detail, type Event, type Incident, openIncident, people, traffic } from './incident.ts';

describe('assessing exposure', () => {
  const opened: Incident[] = [];
  const assess = async (...args: Parameters<typeof openIncident>): Promise<OpenCase> => {
    const kase = await openIncident(...args);
    opened.push(kase);
    await assessExposure(kase, quietEffects);
    return kase;
  };
  afterAll(() => {
    for (const k of opened) k.close();
  });

  it('finds nothing where there was no intruder', async () => {
    const { events } = traffic([]);
    const kase = await assess(events, []);
    expect(await cellsOf(kase)).toEqual({});
    expect((await kase.engine.row<{ n: number }>('test.claims', sql`select count(*) as n from claim`)).n).toBe(0);
    expect((await kase.engine.row<{ n: number }>('test.reach', sql`select count(*) as n from reachable`)).n).toBe(0);
  });

  it('confirms what a linked statement returned when the size of the answer agrees', async () => {
    const { events, mine } = traffic([{ id: '120' }]);
    expect(await cellsOf(await assess(events, mine))).toEqual({ '120.address': '4-4', '120.name': '4-4' });
  });

  it('discloses nothing where the answer was an error, a redirect, or as small as an empty one', async () => {
    const { events, mine } = traffic([{ id: '121', status: 500, bytes: 20 }, { id: '122', status: 302, bytes: 5 }, { id: '999' }]);
    expect(await cellsOf(await assess(events, mine))).toEqual({});
  });

  it('keeps a size that does not fit out of the lower bound but in the upper', async () => {
    const { events, mine } = traffic([{ id: '123', bytes: 5000 }]);
    expect(await cellsOf(await assess(events, mine))).toEqual({ '123.address': '0-2', '123.name': '0-2' });
  });

  it('does not hold a size against a record whose value was changed since', async () => {
    const { events, mine } = traffic([{ id: '123', bytes: 77 }]);
    const written: Event = {
      id: events.at(-1)!.id + 16,
      cls: 2,
      us: events.at(-1)!.us + 60_000_000,
      sql: 'UPDATE people SET name = $1 WHERE id = $2',
      params: [people.find(p => p[0] === '123')![1]!, '123'],
      conn: 'c1',
    };
    expect(await cellsOf(await assess(events, mine))).toEqual({ '123.address': '0-2', '123.name': '0-2' });
    expect(await cellsOf(await assess([...events, written], mine))).toEqual({ '123.address': '3-3', '123.name': '3-3' });
  });

  it('learns what a missing line of the database log said', async () => {
    const { events, mine } = traffic([{ id: '124', logged: false }]);
    expect(await cellsOf(await assess(events, mine))).toEqual({ '124.address': '4-4', '124.name': '4-4' });
  });

  it('takes a number missing from an enumeration as possible, never as certain', async () => {
    const { events, mine } = traffic(['130', '131', '132', '133', '135', '136', '137', '138', '139'].map(id => ({ id })));
    const found = await cellsOf(await assess(events, mine));
    expect(found['134.name']).toBe('0-2');
    expect(found['133.name']).toBe('4-4');
    expect(found['142.name']).toBeUndefined();
  });

  it('follows the routes of the case file when there is no database log', async () => {
    const { events, mine } = traffic([{ id: '125' }]);
    const kase = await assess(
      events.filter(e => e.cls === 1),
      mine,
      { routes: [{ method: 'GET', path: '/people/{id}', reads: 'SELECT name, address FROM people WHERE id = :id' }] },
    );
    expect(await cellsOf(kase)).toEqual({ '125.address': '4-4', '125.name': '4-4' });
  });

  it('tells from sizes alone which columns a route shows', async () => {
    const { events, mine } = traffic([{ id: '126' }]);
    const found = await cellsOf(
      await assess(
        events.filter(e => e.cls === 1),
        mine,
      ),
    );
    expect(found['126.name']).toBe('3-3');
    expect(found['126.address']).toBe('3-3');
    expect(
      Object.entries(found)
        .filter(([, tiers]) => tiers.startsWith('0'))
        .map(([cell]) => cell)
        .every(c => c === '126.id' || c === '126.region'),
    ).toBe(true);
  });

  it('gives the same claims in every run and explains a cell down to file, line and bytes', async () => {
    const { events, mine } = traffic([{ id: '127' }]);
    const a = await assess(events, mine);
    const b = await assess(events, mine);
    const ids = (k: OpenCase) => k.engine.rows('test.ids', sql`select claim_id, must_tier, may_tier from claim order by claim_id`);
    expect(await ids(a)).toEqual(await ids(b));
    const proof = await explainRef(a, 'people/127/name');
    const text = proofText(proof, 'en');
    expect(text).toContain('access.log:');
    expect(text).toContain('sha256:aa');
    expect(text).toContain(detail);
    expect(proof.text.ja).toContain('people/127/name');
    await expect(explainRef(a, 'people/none')).rejects.toThrow('exposure.unknown-ref');
    expect(proofText(await explainRef(a, 'people'), 'ja')).toContain('1件');
    await writeRecovered(a);
    expect(fs.readFileSync(path.join(a.outDir, 'recovered.jsonl'), 'utf8')).toBe('');
  });

  it('follows what a person has decided about a premise, and says so', async () => {
    const { events, mine } = traffic([{ id: '124', logged: false }, { id: '125' }]);
    const decide = async (premise: string, holds: boolean): Promise<{ found: Record<string, string>; kase: OpenCase }> => {
      const kase = await openIncident(events, mine);
      opened.push(kase);
      recordDecision(kase.store, 'premise.set', 'R. Kato', 0, { premise, holds, reason: '' });
      await assessExposure(kase, quietEffects);
      return { found: await cellsOf(kase), kase };
    };
    const route = await decide('route-stable', false);
    // The statement that is in the log needs no such premise.
    expect(route.found).toEqual({ '124.address': '0-2', '124.name': '0-2', '125.address': '4-4', '125.name': '4-4' });
    expect((await decide('route-stable', true)).found['124.name']).toBe('4-4');
    const snapshot = await decide('snapshot-unchanged', false);
    expect(new Set(Object.values(snapshot.found))).toEqual(new Set(['0-2']));
    const states = await premiseStates(snapshot.kase);
    expect(states.find(s => s.name === 'snapshot-unchanged')).toMatchObject({ state: 'fails', by: 'R. Kato' });
    const proof = proofText(await explainRef(snapshot.kase, 'people/125/name'), 'en');
    expect(proof).toContain('does not hold');
    expect(proofText(await explainRef(snapshot.kase, 'people/125/name'), 'ja')).toContain('成り立たない');
  });

  it('bounds a view that nobody defined by the table its name tells, and lists it', async () => {
    const us = 1_700_000_000_000_000;
    const kase = await openIncident([{ id: 1008, cls: 2, us, sql: 'SELECT name FROM v_people WHERE id = 3', conn: 'own' }], [1008]);
    opened.push(kase);
    await assessExposure(kase, quietEffects);
    const found = await cellsOf(kase);
    expect(Object.keys(found).filter(c => c.endsWith('.name'))).toHaveLength(60);
    expect(new Set(Object.values(found))).toEqual(new Set(['0-2']));
    const codes = await kase.engine.rows<{ code: string }>('test.problems', sql`select code from problem where code = 'exposure.unknown-table'`);
    expect(codes).toHaveLength(1);
  });

  it('counts rows of a window without an order: which is open, how many is not', async () => {
    const us = 1_700_000_000_000_000;
    const events: Event[] = [0, 1, 2].map(i => ({
      id: 1008 + 16 * i,
      cls: 2,
      us: us + i * 1_000_000,
      sql: `SELECT name FROM people LIMIT 2 OFFSET ${i * 2}`,
      conn: 'own',
    }));
    const kase = await openIncident(
      events,
      events.map(e => e.id),
    );
    opened.push(kase);
    await assessExposure(kase, quietEffects);
    const counts = await kase.engine.rows<{ scope: string; lower: number; upper: number }>(
      'test.counts',
      sql`select scope, lower, upper from claim_count order by upper`,
    );
    // One window starts at the first row, two later: two classes of windows that are alike.
    expect(counts).toEqual([
      { scope: 'rows', lower: 2, upper: 2 },
      { scope: 'rows', lower: 2, upper: 4 },
    ]);
    expect(Object.keys(await cellsOf(kase))).toHaveLength(60);
    const [claim] = await kase.engine.rows<{ claim_id: string }>('test.claim', sql`select claim_id from claim_count where upper = 4`);
    expect(proofText(await explainRef(kase, claim!.claim_id), 'en')).toContain('at least 2, at most 4 of 60');
  });

  it('survives hostile statements and parameters', async () => {
    const { events, mine } = traffic([{ id: '128' }]);
    const nasty = [
      `'; drop table people; --`,
      'SELECT',
      'SELECT * FROM people WHERE id = $9',
      'select * from people p, people q, people r, nowhere',
      `COPY people TO PROGRAM 'x'`,
      '\u0000\u202e',
      'SELECT read_csv(name) FROM people',
      'with recursive r as (select 1) select * from r',
    ];
    const extra = nasty.map((text, i): Event => ({ id: 100_000 + i * 16, cls: 2, us: 1_700_000_900_000_000 + i, sql: text, params: [null], conn: 'c9' }));
    const kase = await assess([...events, ...extra], [...mine, ...extra.map(e => e.id)]);
    const found = await cellsOf(kase);
    expect(found['128.name']).toBe('4-4');
    expect(Object.values(found).every(t => /^[0-5]-[2-5]$/.test(t))).toBe(true);
  });
});

describe('a group of statements of one shape', () => {
  it("is replayed with each member's own values, not with those of the statement the route was learned from", async () => {
    const { groupInstances } = await import('../../src/exposure/replay/replay-group.ts');
    const { readingOf } = await import('../../src/exposure/replay/statements.ts');
    const { loadParser } = await import('../../src/exposure/sql/index.ts');
    await loadParser();
    const read = readingOf(`select name from people where region = 'north' limit 5`);
    if ('none' in read) throw new Error(read.none);
    const [group] = groupInstances([instance(read, { values: ['south', '5'] })]);
    expect(group!.varying).toEqual([0]);
  });
});
