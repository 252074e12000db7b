import { afterEach, describe, expect, it } from 'vitest';
import { type Engine, sql } from '../../src/engine/index.ts';
import { type Catalogue, readCatalogue } from '../../src/exposure/catalogue.ts';
import { Claims } from '../../src/exposure/claims/claims.ts';
import { claimByNames } from '../../src/exposure/claims/name-bound.ts';
import { countBits, inferTerms } from '../../src/exposure/routes/infer-terms.ts';
import type { Request } from '../../src/exposure/routes/requests.ts';
import { request } from './exchange.ts';
import { snapshotEngine } from './snapshot.ts';

let engine: Engine;

/** Ships under a flag and of a port; every harbour's name is in three ports at most. */
const ports = ['Ayr', 'Bar', 'Cobh', 'Dover', 'Eide', 'Faro', 'Gdynia', 'Hull'];
const ships = ports.flatMap((port, i) =>
  Array.from({ length: 1 + (i % 3) }, (_, n) => [`${i}${n}`, `ship ${'s'.repeat(4 + ((3 * i + n) % 5))}`, port, n === 2 ? 'hidden' : 'shown']),
);
const searched = [...ports, 'nowhere', 'nothing', 'neither', 'no', 'naught'];
const shownOf = (q: string, filtered: boolean): readonly (readonly string[])[] =>
  ships.filter(s => (s[1]!.includes(q) || s[2]!.includes(q)) && (!filtered || s[3] === 'shown'));
const sizeOf = (rows: readonly (readonly string[])[]): number => 40 + rows.reduce((n, s) => n + 60 + s[1]!.length, 0);

/** Rows that stay possible for what the intruder asks. */
async function possible(sizes: (q: string) => number, asked: Readonly<Record<string, string>>): Promise<string[]> {
  engine = await snapshotEngine([{ name: 'ship', columns: ['id', 'name', 'port', 'state'], rows: ships }]);
  const catalogue: Catalogue = await readCatalogue(engine);
  const others: Request[] = searched.map((q, i) => request('/ships/find', i, { q }, { bytes: sizes(q) }));
  const own = request('/ships/find', 99, asked, { actor: 'strict', bytes: 400 });
  const searches = await inferTerms(engine, [own], others, new Set(), () => catalogue.datasets);
  const claims = await Claims.open(engine);
  await claimByNames(engine, catalogue, claims, [own], new Set(), () => false, new Map(), searches);
  await claims.close();
  const rows = await engine.rows<{ key: string }>(
    'test.possible',
    sql`select distinct d.key from claim_row r join colset using (colset_id) join data_ship d using (row_no) where r.tier_upper = 2 order by 1`,
  );
  return rows.map(r => r.key);
}

describe('a search of which only the sizes of answers are known', () => {
  afterEach(() => engine.close());
  const of = (port: string): string[] => ships.filter(s => s[2] === port).map(s => s[0]!);
  const all = ships.map(s => s[0]!).sort();

  it('shows rows that hold its term', async () => {
    expect(await possible(q => sizeOf(shownOf(q, false)), { q: 'Cobh' })).toEqual(of('Cobh'));
  });

  it('shows no more than these where some of them are held back', async () => {
    expect(await possible(q => sizeOf(shownOf(q, true)), { q: 'Cobh' })).toEqual(of('Cobh'));
  });

  it('may show anything where the sizes follow something else, or another parameter stands beside the term', async () => {
    expect(await possible(q => 40 + 60 * (q.length % 4), { q: 'Cobh' })).toEqual(all);
    engine.close();
    expect(await possible(q => sizeOf(shownOf(q, false)), { q: 'Cobh', all: '1' })).toEqual(all);
    engine.close();
    expect(await possible(q => sizeOf(shownOf(q, false)), { q: `Cobh' or 1=1 --` })).toEqual(all);
  });
});

describe('numbers of rows told by sizes', () => {
  const counts = [0, 0, 0, 0, 1, 1, 2, 3, 1, 2];
  const answers = counts.map((k, i) => ({ q: `q${i}`, size: 40 + 70 * k + (i % 3) }));

  it('speak the more, the rarer they are', () => {
    const sum = counts.reduce((bits, k) => bits - Math.log2(counts.filter(x => x === k).length / counts.length), 0);
    expect(countBits(answers, counts, 0, 3)).toBeCloseTo(sum, 6);
  });

  it('say nothing where one of them is wrong or nobody got the empty page', () => {
    expect(countBits(answers, counts.with(7, 2), 0, 3)).toBe(0);
    expect(countBits(answers.slice(3), counts.slice(3), 0, 3)).toBe(0);
  });
});
