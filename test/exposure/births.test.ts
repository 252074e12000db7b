import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, type Problem, SECOND } from '../../src/base/index.ts';
import { Engine, sql } from '../../src/engine/index.ts';
import { type Births, readBirths } from '../../src/exposure/births/births.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { Claims } from '../../src/exposure/claims/claims.ts';
import { existence, readChanges } from '../../src/exposure/replay/changes.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { loadSnapshot } from './snapshot.ts';

/** What the records themselves tell of when they were made: 40 members, one every two days, then some after the theft. */

const theft = Date.UTC(2024, 5, 1, 3) * 1000;
const asOf = theft + 10 * DAY;
const tokyo = 9 * HOUR;
const text = (us: number): string => new Date((us + tokyo) / 1000).toISOString().slice(0, 19).replace('T', ' ');
type Write = { readonly us: number; readonly sql: string; readonly params: (string | null)[] };
type Given = { readonly created: string | null; readonly changed: string | null };

const old = Array.from({ length: 40 }, (_, i) => ({ id: 100 + i, us: theft - (82 - 2 * i) * DAY }));
const late = [
  { id: 140, us: theft + 2 * HOUR },
  { id: 141, us: theft + 3 * DAY },
  { id: 142, us: theft + 4 * DAY },
];
const members = [...old, ...late];

describe('records made after the theft', () => {
  let engine: Engine;
  let problems: Problem[];
  beforeAll(async () => {
    await loadParser();
    engine = await Engine.open({ file: ':memory:', threads: 1 });
    await engine.run('test.files', sql`create table event_file as select 2 as file_no, 'pg-csvlog' as format`);
  });
  afterAll(() => engine.close());
  beforeEach(() => {
    problems = [];
  });

  async function births(
    columns: readonly string[],
    rows: (string | null)[][],
    writes: readonly Write[] = [],
    given: Given = { created: null, changed: null },
    decided: ReadonlyMap<string, boolean> = new Map(),
  ): Promise<Births> {
    await loadSnapshot(engine, [{ name: 'member', columns, rows }]);
    await engine.run('test.as_of', sql`update dataset set as_of_us = ${asOf}`);
    await engine.load(
      'event',
      ['event_id', 'file_no', 'class', 'at_us']
        .map(name => ({ name, type: 'BIGINT' as const }))
        .concat(['sql_text', 'sql_params', 'err_code'].map(name => ({ name, type: 'VARCHAR' as const })) as never),
      writes.map((w, i) => [i + 1, 2, 2, w.us, w.sql, JSON.stringify(w.params), null]),
    );
    const catalogue = await readCatalogue(engine);
    const about = { given: new Map([['member', given]]), span: { fromUs: theft, toUs: theft + MINUTE }, premises: decided, toldUntil: null };
    return readBirths(engine, catalogue, await readChanges(engine, catalogue), about, problems);
  }

  /** Keys of records not there at the theft for certain, and of those that may not have been. */
  async function bornAfter(us: number): Promise<{ surely: string[]; perhaps: string[] }> {
    const rows = await engine.rows<{ key: string; surely: boolean; perhaps: boolean }>(
      'test.born',
      sql`select key, born_us > ${us} as surely, by_us >= ${us} as perhaps from row_born join data_member using (row_no) order by key`,
    );
    return { surely: rows.filter(r => r.surely).map(r => r.key), perhaps: rows.filter(r => r.perhaps).map(r => r.key) };
  }
  /** Keys of records that may not have been there, for all that is known. */
  async function doubtedRows(): Promise<unknown[]> {
    const rows = await engine.rows('test.doubted', sql`select key from row_touch join data_member using (row_no) where column_no = ${existence} order by key`);
    return rows.map(r => r['key']);
  }
  const plain = members.map(m => [String(m.id), `n${m.id}`, text(m.us)]);
  const codes = (): string[] => problems.map(p => p.code);

  it('shows by a column of that name that rises with the key, as far as an unknown zone allows', async () => {
    const { born, changes } = await births(['id', 'name', 'created_at'], plain);
    expect(await bornAfter(theft + MINUTE)).toEqual({ surely: ['141', '142'], perhaps: ['140', '141', '142'] });
    expect(born.get('member')).toEqual(['born-as-stamped']);
    expect(changes.get('member')?.times).toHaveLength(1);
    expect(codes()).toEqual(['exposure.birth-column-order']);
  });

  it('shows by no column of another name, of another order, or with times after the snapshot', async () => {
    await births(['id', 'name', 'trial_until'], plain);
    expect(await bornAfter(theft)).toEqual({ surely: [], perhaps: [] });
    await births(
      ['id', 'name', 'created_at'],
      [...plain.slice(20), ...plain.slice(0, 20)].map((r, i) => [String(i), r[1]!, r[2]!]),
    );
    expect(await bornAfter(theft)).toEqual({ surely: [], perhaps: [] });
    await births(['id', 'name', 'created_at'], [...plain, ['143', 'n143', text(asOf + 2 * DAY)]]);
    expect(await bornAfter(theft)).toEqual({ surely: [], perhaps: [] });
    expect(codes()).toEqual([]);
  });

  const inserts = old
    .slice(-4)
    .map((m): Write => ({ us: m.us, sql: 'INSERT INTO member (id, name, ts) VALUES ($1, $2, now())', params: [String(m.id), `n${m.id}`] }));
  const updates = [101, 107, 115].map(
    (id, i): Write => ({ us: theft - (3 - i) * HOUR, sql: 'UPDATE member SET name = $1 WHERE id = $2', params: [`n${id}`, String(id)] }),
  );

  it('shows by the INSERTs of the log, with their zone, where UPDATEs leave the column alone', async () => {
    await births(['id', 'name', 'ts'], plain, [...inserts, ...updates]);
    expect((await bornAfter(theft + MINUTE)).surely).toEqual(['140', '141', '142']);
    expect(codes()).toEqual(['exposure.birth-column-log']);
  });

  it('takes no column for a birth that UPDATEs set anew', async () => {
    const last = new Map(updates.map(u => [u.params[1], u.us]));
    const rows = plain.map(r => [r[0]!, r[1]!, last.has(r[0]!) ? text(last.get(r[0]!)!) : r[2]!]);
    await births(['id', 'name', 'ts'], rows, [...inserts, ...updates]);
    const { born_us: born } = await engine.row<{ born_us: number | null }>('test.any', sql`select max(born_us)::bigint as born_us from row_born`);
    // Only the INSERTs themselves, and greater keys than theirs.
    expect(born).toBe(old.at(-1)!.us);
  });

  it('believes the case file unless the log contradicts it', async () => {
    const day = plain.map(r => [r[0]!, r[1]!, r[2]!.slice(0, 10)]);
    await births(['id', 'name', 'd'], [...day.slice(20), ...day.slice(0, 20)], [], { created: 'd', changed: null });
    expect(await bornAfter(theft + MINUTE)).toEqual({ surely: ['141', '142'], perhaps: ['140', '141', '142'] });
    expect(codes()).toEqual(['exposure.birth-column-case-file']);
    problems = [];
    const other = [{ us: theft - 5 * HOUR, sql: 'INSERT INTO member (id, name, d) VALUES ($1, $2, $3)', params: ['141', 'n141', plain[41]![2]!.slice(0, 10)] }];
    await births(['id', 'name', 'd'], day, other, { created: 'd', changed: null });
    expect((await bornAfter(theft)).surely).toEqual([]);
    expect(codes()).toEqual(['exposure.stamp-refuted']);
  });

  it('stays open where a person says that the column does not tell', async () => {
    const { born } = await births(['id', 'name', 'created_at'], plain, [], undefined, new Map([['born-as-stamped', false]]));
    expect(await bornAfter(theft + MINUTE)).toEqual({ surely: [], perhaps: ['140', '141', '142'] });
    expect(born.get('member')).toEqual([]);
  });

  it('shows by keys that the log gave out in order; no upsert counts', async () => {
    const rows = members.map(m => [String(m.id), `n${m.id}`]);
    const own = old.slice(-5).map((m, i): Write => ({ us: theft + i * HOUR, sql: 'INSERT INTO member (name) VALUES ($1)', params: [`n${m.id}`] }));
    const { born } = await births(['id', 'name'], rows, own);
    expect((await bornAfter(theft + 4.5 * HOUR)).perhaps).toEqual(['140', '141', '142']);
    expect((await bornAfter(theft + 1.5 * HOUR)).surely).toEqual(['137', '138', '139', '140', '141', '142']);
    expect(born.get('member')).toEqual(['keys-in-order']);
    const upserts = own.map((w): Write => ({ ...w, sql: 'INSERT INTO member (name) VALUES ($1) ON CONFLICT (id) DO UPDATE SET name = excluded.name' }));
    await births(['id', 'name'], rows, upserts);
    expect((await bornAfter(theft)).surely).toEqual([]);
  });

  it('of keys beyond those of too few INSERTs says that their records may not have been there, where not many follow', async () => {
    const doubted = async (own: readonly { id: number }[]): Promise<unknown[]> => {
      const writes = own.map(
        (m, i): Write => ({ us: theft + i * HOUR, sql: 'INSERT INTO member (id, name) VALUES ($1, $2)', params: [`${m.id}`, `n${m.id}`] }),
      );
      const rows = members.map(m => [String(m.id), `n${m.id}`]);
      expect((await births(['id', 'name'], rows, writes)).born.get('member')).toEqual([]);
      return doubtedRows();
    };
    expect(await doubted([old.at(-1)!])).toEqual(['140', '141', '142']);
    expect(await doubted(old.slice(-2))).toEqual(['140', '141', '142']);
    expect(await doubted(old.slice(-2).reverse())).toEqual([]);
    expect(await doubted([old.at(-9)!])).toEqual([]);
  });

  it('shows what an UPDATE of unknown records changed, by the time it left in them', async () => {
    const rows = members.map(m => [String(m.id), `n${m.id}`, text(m.us), m.id === 120 ? text(theft + 3 * DAY) : text(m.us)]);
    const vague = { us: theft + 3 * DAY, sql: 'UPDATE member SET name = upper(name) WHERE length(name) > 3', params: [] };
    const { changes } = await births(['id', 'name', 'created_at', 'updated_at'], rows, [vague], { created: 'created_at', changed: 'updated_at' });
    expect(changes.get('member')?.anywhere).toEqual([]);
    const touched = await engine.rows<{ key: string }>(
      'test.touched',
      sql`select distinct key from row_touch join data_member using (row_no) where column_no = 1 order by key`,
    );
    expect(touched.map(t => t.key)).toEqual(['120', '140', '141', '142']);
  });

  it('takes a time after the theft for one that may not have stood there', async () => {
    const rows = members.map(m => [String(m.id), `n${m.id}`, m.id === 105 ? text(theft + 2 * DAY) : m.id === 106 ? text(theft - 2 * DAY) : null]);
    await births(['id', 'name', 'deleted_at'], rows);
    const touched = await engine.rows<{ key: string; c: number }>(
      'test.touched',
      sql`select key, column_no as c from row_touch join data_member using (row_no) order by key`,
    );
    expect(touched).toEqual([{ key: '105', c: 2 }]);
  });

  it('takes a record for one that may not have been there by the name of a column alone, but for none that was not', async () => {
    const doubted = async (name: string, writes: readonly Write[] = [], given: Given = { created: null, changed: null }): Promise<unknown[]> => {
      // The times rise with no key: only what the column is called speaks for it.
      const rows = members.map((m, i) => [String(m.id), `n${m.id}`, text(members[(i * 7) % members.length]!.us)]);
      await births(['id', 'name', name], rows, writes, given);
      expect((await bornAfter(theft + MINUTE)).surely).toEqual([]);
      return doubtedRows();
    };
    const young = members.filter((_, i) => members[(i * 7) % members.length]!.us >= theft).map(m => String(m.id));
    expect(young).toHaveLength(3);
    expect(await doubted('created_at')).toEqual(young);
    expect(await doubted('paid_at')).toEqual([]);
    expect(await doubted('last_entry')).toEqual([]);
    expect(await doubted('created_at', [], { created: 'made_on', changed: null })).toEqual([]);
    const insert = { us: theft - 300 * DAY, sql: 'INSERT INTO member (id, name) VALUES ($1, $2)', params: ['101', 'n101'] };
    expect(await doubted('created_at', [insert])).toEqual([]);
  });

  it('leaves records made after the last reading out of what is possible', async () => {
    const { born } = await births(['id', 'name', 'created_at'], plain);
    const catalogue = await readCatalogue(engine);
    const claims = await Claims.open(engine);
    claims.births(born, theft + MINUTE);
    const id = claims.add(
      { kind: 'request', datasetId: 'member', mustTier: 0, mayTier: 2, rule: 'route-by-name', statement: '', premises: {}, assumptions: [] },
      1,
    );
    await claims.possibleRows(id, catalogue.datasets[0]!);
    await claims.close();
    const shown = await engine.rows<{ key: string }>(
      'test.possible',
      sql`select distinct d.key from cell_tier t join data_member d using (row_no) order by d.key`,
    );
    expect(shown.map(r => r.key)).toEqual(members.slice(0, 41).map(m => String(m.id)));
    expect(await engine.row('test.premise', sql`select assumptions from claim`)).toEqual({ assumptions: ['born-as-stamped'] });
  });

  it('counts seconds of statements that overlap as one', async () => {
    const rows = plain.map((r, i) => (i === 10 ? [r[0]!, r[1]!, text(old[11]!.us + 30 * SECOND)] : r));
    await births(['id', 'name', 'created_at'], rows);
    expect((await bornAfter(theft + MINUTE)).surely).toEqual(['141', '142']);
  });
});
