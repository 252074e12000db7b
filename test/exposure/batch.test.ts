import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, sql } from '../../src/engine/index.ts';
import { type Catalogue, readCatalogue } from '../../src/exposure/catalogue.ts';
import { failed, replay } from '../../src/exposure/replay/replay.ts';
import { groupInstances, replayGroup } from '../../src/exposure/replay/replay-group.ts';
import { readingOf } from '../../src/exposure/replay/statements.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { ranThen } from './exchange.ts';
import { snapshotEngine } from './snapshot.ts';

/** Shapes with holes: `#` a whole number, `@` a text. */
const shapes = [
  'select id, s from a where id = #',
  'select id, s from a where s = @ order by id limit 2',
  'select id, s from a order by id limit # offset #',
  'select id, s from a where s = @ order by id limit # offset #',
  'select id, s from a order by n limit # offset #',
  'select id, s from a where s = @ order by n desc limit # offset #',
  'select id, s from a where id > # order by id limit 3',
  'select id, s from a where id >= # and s = @ and n is not null order by id limit # offset #',
  'select id, s from a where s = @ and # > id order by id desc limit 2',
  'select id, s from a where id between # and # order by id desc limit 2',
  'select id, s from a limit 1 offset #',
  'select s from a where id = # union all select v from t order by 1 limit 2',
  'select id, s from a where id = # union select null, (select v from t order by id limit 1 offset #)',
  'select id, s from a where id = # union all select id, v from t where aid = #',
  'select id, s from a where id = 1 and ascii(substring((select v from t order by id limit 1 offset #) from # for 1)) > #',
  'select id from a where exists (select 1 from t where t.aid = a.id and t.id > #)',
  'select id, s from a where id in (select aid from t where v = @)',
  'select count(*), max(id) from a where s = @',
  'select s, count(*) as n from a where id > # group by s',
  'select s, count(*) as n from a where id > # group by s having count(*) > #',
  'select distinct s from a where n = #',
  'select a.id, t.v from a join t on t.aid = a.id where a.n = # order by t.id limit #',
  'select a.id, t.v from a left join t on t.aid = a.id where a.id = #',
  'with q as (select * from a where n = #) select id, s from q where id < # order by id limit 2',
  'select x.id from (select id, s from a where s = @ order by id limit 2) x where x.id > #',
  'select s from a where id < # except select v from t where id = #',
  'select (select v from t where t.aid = a.id order by t.id limit 1 offset #) from a where id = #',
  'select id, row_number() over (order by id) from a where id > #',
  'select distinct on (n) n, id from a where id > # order by n, id',
];
const words = ['x', 'y', 'xy', 'v1'];

describe('many statements of one shape', () => {
  let engine: Engine;
  let catalogue: Catalogue;
  beforeAll(async () => {
    await loadParser();
    engine = await snapshotEngine([
      {
        name: 'a',
        columns: ['id', 'n', 's'],
        rows: Array.from({ length: 12 }, (_, i) => [String(i + 1), i % 5 === 4 ? null : String(i % 3), i % 7 === 3 ? null : words[i % 3]!]),
      },
      {
        name: 't',
        columns: ['id', 'aid', 'v'],
        rows: Array.from({ length: 9 }, (_, i) => [String(i + 1), String((i * 5) % 13), i === 2 ? null : `v${i % 4}`]),
      },
    ]);
    catalogue = await readCatalogue(engine);
  }, 60_000);
  afterAll(() => engine.close());

  async function shownRows(
    relation: { columns: readonly unknown[]; occurrences: readonly { ref: string; list: boolean; dataset: { id: string } }[] },
    n: number | null,
  ): Promise<string[]> {
    const where = n === null ? sql`true` : sql`n = ${n}`;
    const refs = relation.occurrences.map(o =>
      o.list ? sql`to_json(list_sort(list_distinct(list_filter(${sql.id(o.ref)}, x -> x is not null))))::varchar` : sql`${sql.id(o.ref)}::varchar`,
    );
    const columns = relation.columns.map((_, i) => sql`${sql.id(`c${i}`)}::varchar`);
    const rows = await engine.rows<{ line: string }>(
      'test.rows',
      sql`select to_json([${sql.join([...columns, ...refs, sql`m::varchar`])}])::varchar as line from replay_result where ${where}`,
    );
    return rows.map(r => r.line.replaceAll('[]', 'null').replaceAll('"null"', 'null')).sort();
  }

  it('give each statement the rows it has when it is run alone', async () => {
    let batched = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...shapes),
        fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 5, maxLength: 5 }), { minLength: 2, maxLength: 8 }),
        async (shape, fills) => {
          const texts = fills.map(fill => {
            let at = 0;
            return shape.replace(/[#@]/g, c => (c === '#' ? String(fill[at++]) : `'${words[fill[at++]! % 4]}'`));
          });
          const instances = texts.map((text, i) => ranThen(0, text, [], { eventId: i }));
          for (const g of groupInstances(instances)) {
            const together: { text: string; rows: string[] }[] = [];
            await replayGroup(engine, catalogue, g, async ({ replay: r, failure, tuples, batch }) => {
              if (!r) throw new Error(`${shape}: ${failure}`);
              if (batch) batched++;
              for (const [n, t] of tuples.entries()) {
                const rows = await shownRows(r.relation, batch ? n : null);
                // Windows without an order are run once for all: each may hold any row.
                for (const m of t.members)
                  together.push({
                    text: m.instance.statement!.text,
                    rows: batch || tuples.length > 1 || t.members.length === 1 ? rows : rows.map(() => 'any'),
                  });
              }
            });
            for (const { text, rows } of together) {
              const read = readingOf(text);
              if ('none' in read) throw new Error('unread');
              const alone = await replay(engine, catalogue, { select: read.select, parameters: [], batch: null, foreign: false });
              if (failed(alone)) throw new Error(alone.failure);
              const expected = await shownRows(alone.relation, null);
              expect({ text, rows }).toEqual({ text, rows: rows.includes('any') ? expected.map(() => 'any') : expected });
            }
          }
        },
      ),
      { numRuns: 200, seed: 20261122 },
    );
    expect(batched).toBeGreaterThan(120);
  }, 60_000);
});
