import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine, sql } from '../../src/engine/index.ts';
import { readBirths } from '../../src/exposure/births/births.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { claimDeleted, readBacklog } from '../../src/exposure/claims/backlog.ts';
import { Claims, loadTiers } from '../../src/exposure/claims/claims.ts';
import { readChanges } from '../../src/exposure/replay/changes.ts';
import { failed, recordReplay, replay } from '../../src/exposure/replay/replay.ts';
import { type Instance, showsBody } from '../../src/exposure/routes/instances.ts';
import type { Request } from '../../src/exposure/routes/requests.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { ranThen } from './exchange.ts';
import { loadSnapshot } from './snapshot.ts';

const second = 1_000_000;
/** The theft is at 100 s. Boat 1 is old, 4 and 5 and 6 came later, 7 later still and unlogged; 2 and 3 were deleted, 3 before the theft. */
const boats = [
  ['1', 'Heron'],
  ['4', 'Tern'],
  ['5', 'Rail'],
  ['6', 'Coot'],
  ['7', 'Smew'],
];
const written: [number, string, (string | null)[]][] = [
  [50, 'DELETE FROM boat WHERE id = $1', ['3']],
  [200, 'DELETE FROM boat WHERE id = $1', ['2']],
  [300, 'INSERT INTO boat (id, name) VALUES ($1, $2)', ['4', 'Tern']],
  [310, "INSERT INTO boat (id, name) VALUES (5, 'Rail')", []],
  [320, 'insert into boat values ($1, $2)', ['6', 'Coot']],
];

const instance = (text: string, parameters: string[], atSeconds: number): Instance => ranThen(atSeconds * second, text, parameters, { conn: null });

describe('a snapshot taken after the theft', () => {
  let engine: Engine;
  beforeAll(async () => {
    await loadParser();
    engine = await Engine.open({ file: ':memory:', threads: 1 });
    await loadSnapshot(engine, [{ name: 'boat', columns: ['id', 'name'], rows: boats }]);
    await engine.load(
      'event',
      ['event_id', 'file_no', 'class', 'at_us']
        .map(name => ({ name, type: 'BIGINT' as const }))
        .concat(['sql_text', 'sql_params', 'err_code'].map(name => ({ name, type: 'VARCHAR' as const })) as never),
      written.map(([s, text, p], i) => [i + 1, 2, 2, s * second, text, JSON.stringify(p), null]),
    );
    await engine.run('test.files', sql`create table event_file as select 2 as file_no, 'pg-csvlog' as format`);
  });
  afterAll(() => engine.close());

  it('holds records that were not yet there: neither certain nor possible', async () => {
    const catalogue = await readCatalogue(engine);
    const claims = await Claims.open(engine);
    const about = { given: new Map(), span: { fromUs: 100 * second, toUs: 101 * second }, premises: new Map(), toldUntil: null };
    const { born } = await readBirths(engine, catalogue, await readChanges(engine, catalogue), about, []);
    claims.births(born, 101 * second);
    const dump = instance('SELECT id, name FROM boat', [], 100);
    const r = await replay(engine, catalogue, { select: dump.read.select, parameters: [], batch: null, foreign: false });
    if (failed(r)) throw new Error(r.failure);
    const tiers = await loadTiers(engine, [{ must: 3, may: 3, fromUs: 100 * second, toUs: 101 * second }]);
    await recordReplay(claims, r, { must: sql`b.must`, may: sql`b.may` }, tiers, false, d =>
      claims.add({ kind: 'replay', datasetId: d.id, mustTier: 3, mayTier: 3, rule: 'statement-of-intruder', statement: '', premises: {}, assumptions: [] }, 1),
    );
    await claims.close();
    const rows = await engine.rows<{ key: string }>('test.shown', sql`select distinct d.key from cell_tier t join data_boat d using (row_no) order by d.key`);
    expect(rows.map(x => x.key)).toEqual(['1']);
  });

  it('lacks records that were there: listed by key where a statement could have shown them', async () => {
    const catalogue = await readCatalogue(engine);
    const backlog = await readBacklog(engine, catalogue);
    const shown = async (i: Instance): Promise<string[]> => {
      const claims = await Claims.open(engine);
      await claimDeleted(engine, catalogue, claims, [i], backlog);
      return (
        await engine.rows<{ cell: string }>('test.missing', sql`select key || '.' || column_no as cell from missing_record_cell order by key, column_no`)
      ).map(x => x.cell);
    };
    expect(await shown(instance('SELECT id, name FROM boat', [], 100))).toEqual(['2.0', '2.1']);
    expect(await shown(instance('SELECT name FROM boat WHERE id = $1', ['2'], 100))).toEqual(['2.1']);
    expect(await shown(instance('SELECT name FROM boat WHERE id = $1', ['1'], 100))).toEqual([]);
    expect(await shown(instance('SELECT name FROM boat WHERE id = $1', ['2'], 250))).toEqual([]);
    expect(await shown(instance('SELECT name FROM boat WHERE id = $1 OR name = $2', ['1', 'x'], 100))).toEqual(['2.1']);
  });
});

describe('an aborted transfer', () => {
  const answer = (status: number | null, bytes: number | null): Request => ({
    eventId: 1,
    loUs: 0,
    hiUs: 0,
    systemId: null,
    method: 'GET',
    shape: '/x',
    values: new Map(),
    status,
    bytes,
    durationUs: null,
    ip: null,
    session: null,
    account: null,
    actor: 'strict',
    path: '/x',
  });
  it('shows what was sent before it ended', () => {
    expect([answer(499, 27475), answer(499, 0), answer(460, null), answer(404, 500), answer(200, 500)].map(showsBody)).toEqual([
      'part',
      'no',
      'part',
      'no',
      'yes',
    ]);
  });
});
