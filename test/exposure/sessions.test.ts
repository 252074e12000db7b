import { afterEach, describe, expect, it } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { sql } from '../../src/engine/index.ts';
import { assessExposure } from '../../src/exposure/index.ts';
import { cellsOf, type Event, type Incident, openIncident, people, traffic } from './incident.ts';

let incident: Incident;
const assess = async (...args: Parameters<typeof openIncident>): Promise<Incident> => {
  incident = await openIncident(...args);
  await assessExposure(incident, quietEffects);
  return incident;
};
afterEach(() => incident.close());

describe('a taken-over account', () => {
  it('exposes what the intruder was shown, not what its owner looked at; what may be either is possible', async () => {
    const { events, mine } = traffic([{ id: '120' }, { id: '121' }, { id: '122' }]);
    const [intruder, , either] = mine;
    const kase = await assess(events, [intruder!], { wide: [either!] });
    expect(await cellsOf(kase)).toEqual({ '120.address': '4-4', '120.name': '4-4', '122.address': '0-2', '122.name': '0-2' });
  });
});

describe('what was only attempted', () => {
  it('is listed by column, and nothing of it is exposed', async () => {
    const { events, mine } = traffic([{ id: '123', status: 500, bytes: 20 }]);
    const kase = await assess(events, mine);
    expect(await cellsOf(kase)).toEqual({});
    const columns = await kase.engine.rows<{ name: string }>(
      'test.attempted',
      sql`select c.name from attempted a join dataset_column c using (dataset_id, column_no) order by c.name`,
    );
    expect(columns.map(c => c.name)).toEqual(['address', 'name']);
  });
});

describe('an injection', () => {
  /** `/find?region=…` pastes its parameter into the statement; the intruder adds a UNION. */
  const search = (logged: boolean): { events: Event[]; mine: number[] } => {
    const { events } = traffic([]);
    let id = 900_000;
    let us = 1_700_100_000_000_000;
    const find = (value: string, bytes: number, own: boolean): void => {
      us += 10_000_000;
      id += 16;
      events.push({ id, cls: 1, us, method: 'GET', path: '/find', query: `region=${encodeURIComponent(value)}`, status: 200, bytes });
      if (!own || logged) events.push({ id: (id += 16), cls: 2, us: us + 100, sql: `SELECT name FROM people WHERE region = '${value}'`, conn: 'c1' });
    };
    const bytes = (region: string): number => 30 + people.filter(p => p[3] === region).reduce((n, p) => n + p[1]!.length + 3, 0);
    for (let i = 0; i < 24; i++) {
      const region = ['north', 'south', 'west'][i % 3]!;
      find(region, bytes(region), false);
    }
    const mine = [id + 16];
    find(`west' UNION SELECT address FROM people -- `, 30 + people.reduce((n, p) => n + (p[2]?.length ?? 0) + 3, 0), true);
    return { events, mine };
  };
  const rebuilt = (event: number) => [
    { event, technique: 'union', sql: `SELECT name FROM people WHERE region = 'west' UNION SELECT address FROM people`, shown: true },
  ];

  it('without its statement in the database log is claimed from what was rebuilt of it', async () => {
    const { events, mine } = search(false);
    const found = await cellsOf(await assess(events, mine, { injected: rebuilt(mine[0]!) }));
    const addresses = Object.entries(found).filter(([cell]) => cell.endsWith('.address'));
    expect(addresses).toHaveLength(people.length);
    expect(addresses.every(([, tiers]) => Number(tiers.split('-')[1]) >= 2)).toBe(true);
  });

  it('with its statement there is claimed from the log', async () => {
    const { events, mine } = search(true);
    const kase = await assess(events, mine, { injected: rebuilt(mine[0]!) });
    const found = await cellsOf(kase);
    expect(Object.keys(found).filter(cell => cell.endsWith('.address'))).toHaveLength(people.length);
    const kinds = await kase.engine.rows<{ kind: string }>('test.kinds', sql`select distinct kind from claim where rule = 'injected-statement' order by kind`);
    expect(kinds.map(k => k.kind)).toEqual(['request']);
  });
});
