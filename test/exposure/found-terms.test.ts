import { afterEach, expect, it } from 'vitest';
import { type Engine, sql } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { Claims } from '../../src/exposure/claims/claims.ts';
import { termsOf } from '../../src/exposure/claims/found-terms.ts';
import { claimByNames } from '../../src/exposure/claims/name-bound.ts';
import { request } from './exchange.ts';
import { snapshotEngine } from './snapshot.ts';

let engine: Engine;
afterEach(() => engine.close());

/** Rows that a request of a route without a name may have shown. */
async function possible(values: Record<string, string>): Promise<string[]> {
  engine = await snapshotEngine([
    {
      name: 'reader',
      columns: ['card', 'name'],
      key: ['card'],
      rows: [
        ['R100', 'Aoki'],
        ['R200', 'Baba'],
        ['R300', 'Chiba'],
      ],
    },
    {
      name: 'loan',
      columns: ['slip', 'card', 'title'],
      key: ['slip'],
      rows: [
        ['f81d4fae', 'R200', 'Poems'],
        ['0b7ac2d1', 'R300', 'Songs'],
      ],
    },
    { name: 'shelf', columns: ['slip', 'room'], key: ['slip'], rows: [['zzzz', 'north']] },
  ]);
  const claims = await Claims.open(engine);
  const asked = request('/view', 1, values, { eventId: 1, hiUs: 2, bytes: 900, durationUs: null, actor: 'strict' });
  await claimByNames(engine, await readCatalogue(engine), claims, [asked], new Set());
  await claims.close();
  const rows = await engine.rows<{ id: string }>(
    'test.possible',
    sql`select distinct s.dataset_id || ':' || r.row_no as id from claim_row r join colset s using (colset_id) where r.tier_upper = 2 order by 1`,
  );
  return rows.map(r => r.id);
}

it('a record that is found brings those it refers to and those that refer to it', async () => {
  expect(await possible({ q: 'f81d4fae' })).toEqual(['loan:0', 'reader:1']);
  engine.close();
  expect(await possible({ q: 'Chiba' })).toEqual(['loan:1', 'reader:2']);
  engine.close();
  expect(await possible({ q: 'Aoki' })).toEqual(['reader:0']);
  engine.close();
  expect(await possible({ q: 'R300' })).toEqual(['loan:1', 'reader:2']);
});

it('what stands in quotes inside of a value is asked for too', async () => {
  expect(await possible({ query: '{reader(card:"R100"){name}}' })).toEqual(['reader:0']);
  expect(termsOf("name eq 'Aoki' and x")).toEqual(['name eq', 'Aoki']);
  expect(termsOf('plain')).toEqual(['plain']);
});
