import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { sql } from '../../src/engine/index.ts';
import { assessExposure, explainRef, proofText } from '../../src/exposure/index.ts';
import { type ContactCount, countExposure } from '../../src/persons/index.ts';
import { cellsOf, type Incident, openIncident, people, traffic } from './incident.ts';

describe('what values had to do with answers', () => {
  let kase: Incident;
  let counts: ContactCount[];
  let tiers: Record<string, string>;
  beforeAll(async () => {
    const { events, mine } = traffic([{ id: '101' }, { id: '103' }]);
    const us = events.at(-1)!.us;
    // The intruder on the database: an aggregate, a join in which one side is not shown, and a question of existence.
    const own = [
      `select count(address) as m, count(*) as n from people where region = 'south'`,
      `select p.name from people p join people q on q.name = p.name where p.id = '120'`,
      `select name from people where id = '122' and exists (select 1 from people z where z.id = '101')`,
    ].map((text, i) => ({ id: 100_000 + 16 * i, cls: 2, us: us + 60_000_000 * (i + 1), sql: text, conn: 'db9' }));
    kase = await openIncident([...events, ...own], [...mine, ...own.map(e => e.id)]);
    await assessExposure(kase, quietEffects);
    tiers = await cellsOf(kase);
    await kase.engine.run(
      'test.elements',
      sql`create table column_element (dataset_id varchar, column_no integer, element varchar, confidence double, basis varchar)`,
    );
    counts = (await countExposure(kase)).contacts;
  }, 60_000);
  afterAll(() => kase.close());
  const of = (contact: string): ContactCount => counts.find(c => c.contact === contact)!;

  it('is told apart from display: only displayed values have tiers', () => {
    expect(Object.keys(tiers).sort()).toEqual(['101.address', '101.name', '103.address', '103.name', '120.name', '122.name']);
    expect(tiers['120.name']).toBe('3-3');
    const displayed = ['101', '103'].flatMap(id => people.find(p => p[0] === id)!.slice(1, 3)).filter(v => v !== null).length + 2;
    expect(of('displayed').values.lower).toBe(displayed);
  });

  it('counts each value once, by its closest contact', () => {
    // `id = …` of the two pages and of the two records shown; `region = 'south'` of the thirty that were counted.
    expect(of('disclosed').values.lower).toBe(4 + 30);
    const south = people.filter(p => p[3] === 'south');
    const addresses = south.filter(p => p[2] !== null && !['101', '103'].includes(p[0]!)).length;
    expect(of('derived').values).toEqual({ lower: addresses, upper: addresses });
    expect(of('influenced').records.lower).toBe(0);
    for (const side of ['lower', 'upper'] as const) expect(counts.reduce((n, c) => n + c.records[side], 0)).toBeLessThanOrEqual(people.length);
  });

  it('is explained for a value that was not displayed', async () => {
    const told = proofText(await explainRef(kase, 'people/101/id'), 'en');
    expect(told).toContain('Known from conditions');
    expect(proofText(await explainRef(kase, 'people/105/address'), 'ja')).toContain('集計に反映');
  });
});
