import { PGlite } from '@electric-sql/pglite';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine, sql } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { touchesOf } from '../../src/exposure/replay/contacts.ts';
import { failed, type Replay, replay, shownBy } from '../../src/exposure/replay/replay.ts';
import { readingOf } from '../../src/exposure/replay/statements.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { contact } from '../../src/exposure/tables.ts';
import { answer, decisive, indispensable } from '../reference/deletion-oracle.ts';
import { loadSnapshot } from './snapshot.ts';

type Data = {
  readonly a: readonly (readonly [number, number | null, string | null, boolean])[];
  readonly t: readonly (readonly [number, number | null, string | null])[];
};

const text = fc.constantFrom('x', 'y', 'xy', '', 'A1', 'あ', null);
const data: fc.Arbitrary<Data> = fc.record({
  a: fc
    .array(fc.tuple(fc.option(fc.integer({ min: 0, max: 3 })), text, fc.boolean()), { minLength: 1, maxLength: 5 })
    .map(rows => rows.map(([n, s, b], i) => [i + 1, n, s, b] as const)),
  t: fc
    .array(fc.tuple(fc.option(fc.integer({ min: 1, max: 4 })), text), { minLength: 1, maxLength: 5 })
    .map(rows => rows.map(([aid, v], i) => [i + 1, aid, v] as const)),
});

const condition = fc.constantFrom(
  'a.n = 1',
  'a.n > 0',
  'a.n is null',
  'a.n is not null',
  `a.s = 'x'`,
  `a.s like '%x%'`,
  `a.s in ('x', 'y')`,
  'a.b',
  'not a.b',
  'a.n between 1 and 2',
  `a.n = 1 or a.s = 'y'`,
  'a.id <> 2',
  `coalesce(a.s, 'q') = 'q'`,
  'exists (select 1 from t where t.aid = a.id)',
  'a.id in (select aid from t)',
  'not exists (select 1 from t where t.aid = a.id)',
  `a.id in (select aid from t where v = 'x')`,
  'a.n = (select max(n) from a)',
  '(select count(*) from t) > 2',
  'length(a.s) > 1',
  `a.s || 'q' = 'xq'`,
  'a.n + 1 = 2',
  'a.n % 2 = 1',
  '1 = 1',
  '1 = 2',
  'a.n is distinct from 1',
  `ascii(substring(a.s from 1 for 1)) > 100`,
  'case when a.b then a.n > 1 else a.n < 1 end',
  `a.n = any ('{1,3}')`,
  'a.n = any (array[0, 2])',
  'a.id = any (select aid from t)',
  'a.n >= all (select n from a where n is not null)',
  'a.id < any (select aid from t)',
  'a.id not in (select aid from t where aid is not null)',
  `case a.s when 'x' then true when 'y' then a.b else false end`,
  'exists (select 1 from t where t.aid = a.id and t.v is not null and exists (select 1 from a c where c.id = t.id))',
);
const where = fc.array(condition, { minLength: 0, maxLength: 2 }).map(c => (c.length > 0 ? `where ${c.join(' and ')}` : ''));
const tail = fc.constantFrom('', 'order by a.id limit 2', 'order by a.id desc limit 2 offset 1', 'order by a.n, a.id limit 3', 'order by a.id offset 2');
const query = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        '*',
        'a.id, a.s',
        'a.s',
        `a.s || '-' || a.n as x`,
        `coalesce(a.s, 'none') as x, a.b`,
        'upper(a.s) as u, a.n + 1 as m',
        'a.n::text as x',
        `concat(a.s, a.n) as c`,
        `(select t.v from t where t.aid = a.id order by t.id limit 1) as v`,
      ),
      where,
      tail,
    )
    .map(([c, w, o]) => `select ${c} from a ${w} ${o}`),
  fc
    .tuple(
      fc.constantFrom('a.id, t.v', 'a.s, t.id', 't.*'),
      fc.constantFrom('join t on t.aid = a.id', 'left join t on t.aid = a.id', 'right join t on t.aid = a.id', 'full join t on t.aid = a.id', 'cross join t'),
      where,
    )
    .map(([c, j, w]) => `select ${c} from a ${j} ${w}`),
  fc
    .tuple(
      fc.constantFrom(
        'a.b, count(*) as n',
        'a.n, max(a.s is null::boolean::boolean) as m',
        'a.b, sum(a.n) as q',
        'a.b, min(a.n) as q, max(a.id) as z',
        'a.n, array_agg(a.id order by a.id) as l',
        'a.b, count(distinct a.n) as d',
        'a.b, bool_or(a.n > 1) as z',
      ),
      where,
      fc.constantFrom('', 'having count(*) > 1', 'having count(*) < 2', 'having max(a.n) > 0'),
    )
    .map(([c, w, h]) => `select ${c} from a ${w} group by ${c.slice(0, 3)} ${h}`),
  where.map(w => `select count(*) as n, max(a.id) as m from a ${w}`),
  fc.tuple(fc.constantFrom('a.s', 'a.n, a.b', 'a.b'), where).map(([c, w]) => `select distinct ${c} from a ${w}`),
  fc
    .tuple(where, fc.constantFrom('union', 'union all', 'except', 'intersect'), where)
    .map(([w, op, v]) => `select a.s, a.n from a ${w} ${op} select a.s, a.n from a ${v}`),
  fc.tuple(where, fc.constantFrom('union all', 'union')).map(([w, op]) => `select a.id, a.s from a ${w} ${op} select null, t.v from t`),
  fc.tuple(where, where).map(([w, v]) => `with q as (select a.id, a.s, a.n from a ${w}) select a.s, a.id from q a ${v.includes('a.b') ? '' : v}`),
  where.map(w => `select x.id, x.s from (select a.* from a ${w}) x where x.n is not null`),
  where.map(w => `select a.id, count(t.id) as c from a left join t on t.aid = a.id ${w} group by a.id`),
  where.map(w => `select a.s, row_number() over (order by a.id) as r from a ${w}`),
  fc
    .tuple(
      fc.constantFrom(
        'row_number() over (partition by a.b order by a.id)',
        'rank() over (order by a.n)',
        'dense_rank() over (partition by a.b order by a.n desc)',
        'lag(a.s) over (order by a.id)',
        'lead(a.n, 2) over (order by a.id desc)',
        'first_value(a.s) over (partition by a.b order by a.id)',
        'last_value(a.s) over (order by a.id rows between unbounded preceding and unbounded following)',
        'sum(a.n) over (order by a.id)',
        'count(*) over (partition by a.b)',
        'max(a.n) over (partition by a.b)',
        'min(a.id) over w',
      ),
      where,
      fc.constantFrom('', 'where q.id = 2', 'where q.id > 1 and q.f is not null', 'order by q.id limit 1', 'order by q.id desc limit 1 offset 1'),
    )
    .map(([f, w, o]) => `select q.id, q.f from (select a.id, ${f} as f from a ${w} ${f.endsWith(' w') ? 'window w as (partition by a.b)' : ''}) q ${o}`),
  fc
    .tuple(
      fc.constantFrom('a.b', 'a.n', 'a.b, a.n'),
      where,
      fc.constantFrom('a.id', 'a.id desc', 'a.n, a.id'),
      fc.constantFrom('', 'limit 1', 'limit 1 offset 1'),
    )
    .map(([on, w, o, l]) => `select distinct on (${on}) a.id, a.s from a ${w} order by ${on}, ${o} ${l}`),
  fc
    .tuple(fc.constantFrom('union all', 'union'), where, fc.constantFrom('r.id, r.n', 'r.id, x.s', 'r.o, r.n'))
    .map(
      ([u, w, c]) =>
        `with recursive r(id, n, o) as (select a.id, 1, a.s from a where a.id <= 2 ${u} select a.id, r.n + 1, r.o from a join r on a.id = r.id + 1) select ${c} from r join a x on x.id = r.id ${w.replaceAll('a.', 'x.').replaceAll('from x', 'from a')}`,
    ),
  fc
    .tuple(fc.constantFrom('cross join lateral', 'left join lateral'), where, fc.constantFrom('t.id', 't.id desc'))
    .map(
      ([j, w, o]) =>
        `select a.id, q.v from a ${j} (select t.v from t where t.aid = a.id order by ${o} limit 1) q ${j.startsWith('left') ? 'on true' : ''} ${w}`,
    ),
  where.map(w => `select a.b, count(*) filter (where a.n > 0) as c, max(a.id) filter (where a.s is not null) as m from a ${w} group by a.b`),
  where.map(w => `select a.id, v.y from a join (values (1, 'one'), (2, 'two')) v(x, y) on v.x = a.n ${w}`),
  fc
    .tuple(where, where)
    .map(([w, v]) => `(select a.id, a.s from a ${w} order by a.id limit 2) union all (select a.id, a.s from a ${v} order by a.id desc limit 1)`),
  fc.tuple(where, where).map(([w, v]) => `select q.s from (select a.s from a ${w} union select t.v from t) q where q.s in (select a.s from a ${v})`),
  where.map(w => `select a.n, (select count(*) from t where t.aid = a.id) as c, array_agg(a.id order by a.id) from a ${w} group by a.n, a.id`),
  where.map(
    w => `with q as (select a.b, count(*) as c from a ${w} group by a.b), z as (select * from q where c > 1) select a.id, z.c from a join z on z.b = a.b`,
  ),
);

/** Columns of each table, with a value they have nowhere. */
const tables = {
  a: [
    { name: 'id', other: 'id + 1000' },
    { name: 'n', other: '77' },
    { name: 's', other: `'zz'` },
    { name: 'b', other: 'not b' },
  ],
  t: [
    { name: 'id', other: 'id + 1000' },
    { name: 'aid', other: '77' },
    { name: 'v', other: `'zz'` },
  ],
} as const;

describe('replay of random statements', () => {
  let db: PGlite;
  let engine: Engine;
  beforeAll(async () => {
    await loadParser();
    db = await PGlite.create();
    await db.exec('create table a (id int primary key, n int, s text, b boolean); create table t (id int primary key, aid int, v text)');
    engine = await Engine.open({ file: ':memory:', threads: 1 });
  }, 60_000);
  afterAll(async () => {
    await db.close();
    engine.close();
  });

  async function fill(d: Data): Promise<void> {
    await db.exec('delete from a; delete from t');
    for (const r of d.a) await db.query('insert into a values ($1, $2, $3, $4)', [...r]);
    for (const r of d.t) await db.query('insert into t values ($1, $2, $3)', [...r]);
    const string = (v: unknown): string | null => (v === null ? null : v === true ? 't' : v === false ? 'f' : String(v));
    await loadSnapshot(engine, [
      { name: 'a', columns: ['id', 'n', 's', 'b'], rows: d.a.map(r => r.map(string)) },
      { name: 't', columns: ['id', 'aid', 'v'], rows: d.t.map(r => r.map(string)) },
    ]);
  }

  /** Rows of a table that one use of it brought into the answer, by key. */
  async function witnesses(o: Replay['relation']['occurrences'][number], certain: boolean): Promise<number[]> {
    const w = sql.id(o.ref);
    const where = certain ? sql`m` : sql`true`;
    const rows = await engine.rows<{ row: number | null }>(
      'test.witness',
      o.list ? sql`select distinct unnest(${w}) as row from replay_result where ${where}` : sql`select distinct ${w} as row from replay_result where ${where}`,
    );
    return rows.filter(x => x.row !== null).map(x => x.row! + 1);
  }

  /** A value of a row in the answer that mattered has a contact; a value told by a condition is one and the same in all its rows. */
  async function contactsHold(q: string, r: Replay): Promise<void> {
    const shown = shownBy(r.relation);
    const touches = touchesOf(r);
    for (const name of ['a', 't'] as const) {
      if (r.influenced.has(name)) continue;
      const touched = new Set<string>();
      // A row that one arm of a union left out could be brought in there by another value: only rows that every use brought in are asked about.
      let keys: ReadonlySet<number> | null = null as ReadonlySet<number> | null;
      for (const o of r.relation.occurrences.filter(x => x.dataset.id === name)) {
        const s = shown.find(x => x.occurrence.id === o.id)!;
        const columns = [
          ...s.whole,
          ...[...s.fragile.values()].flat(),
          ...touches.filter(x => x.occurrence.id === o.id && x.most >= contact.contributed).flatMap(x => x.columns),
        ];
        const own = new Set(await witnesses(o, false));
        for (const key of own) for (const c of columns) touched.add(`${key}.${c}`);
        keys = keys === null ? own : new Set([...keys].filter(k => own.has(k)));
      }
      const lost = (await decisive(db, q, { name, columns: tables[name], keys: [...(keys ?? [])] })).filter(x => !touched.has(`${x.key}.${x.column}`));
      expect({ q, name, lost }).toEqual({ q, name, lost: [] });
      for (const t of touches.filter(x => x.occurrence.dataset.id === name && x.least === contact.disclosed))
        for (const c of t.columns) {
          const own = await witnesses(t.occurrence, true);
          if (own.length === 0) continue;
          told++;
          const values = await db.query(`select distinct ${tables[name][c]!.name} from ${name} where id = any ($1)`, [own]);
          expect({ q, column: `${name}.${c}`, values: values.rows.length }).toEqual({ q, column: `${name}.${c}`, values: 1 });
        }
      checked += keys?.size ?? 0;
    }
  }
  let told = 0;
  let checked = 0;

  it('keeps every indispensable row and shows exactly what the database returned (2,000 pairs)', async () => {
    let replayed = 0;
    let certain = 0;
    await fc.assert(
      fc.asyncProperty(data, fc.array(query, { minLength: 24, maxLength: 24 }), async (d, queries) => {
        await fill(d);
        const catalogue = await readCatalogue(engine);
        for (const q of queries) {
          const expected = await db.query<unknown[]>(q, [], { rowMode: 'array' }).catch(() => null);
          if (!expected) continue;
          const reading = readingOf(q);
          if ('none' in reading) throw new Error(`unread: ${q}`);
          const r = await replay(engine, catalogue, { select: reading.select, parameters: [], batch: null, foreign: false });
          if (failed(r)) continue;
          replayed++;
          const needed = await indispensable(db, q, [
            { name: 'a', keys: d.a.map(x => x[0]) },
            { name: 't', keys: d.t.map(x => x[0]) },
          ]);
          for (const [table, keys] of needed) {
            if (r.influenced.has(table)) continue;
            const seen = new Set<number>();
            for (const o of r.relation.occurrences.filter(x => x.dataset.id === table)) {
              const w = sql.id(o.ref);
              for (const row of await engine.rows<{ row: number }>(
                'test.witness',
                o.list
                  ? sql`select distinct unnest(${w}) as row from replay_result`
                  : sql`select distinct ${w} as row from replay_result where ${w} is not null`,
              ))
                if (row.row !== null) seen.add(row.row + 1);
            }
            const lost = [...keys].filter(k => !seen.has(k));
            expect({ q, table, lost }).toEqual({ q, table, lost: [] });
          }
          if (replayed % 12 === 0) await contactsHold(q, r);
          if (!r.relation.certain || r.relation.columns.some(c => c.type === 'opaque')) continue;
          certain++;
          const columns = sql.join(r.relation.columns.map((_, i) => sql`cast(${sql.id(`c${i}`)} as varchar) as ${sql.id(`c${i}`)}`));
          const got = (await engine.rows('test.rows', sql`select ${columns} from replay_result`))
            .map(row => JSON.stringify(r.relation.columns.map((_, i) => plain(row[`c${i}`]))))
            .sort();
          const want = expected.rows.map(row => JSON.stringify(row.map(plain))).sort();
          expect({ q, rows: got }).toEqual({ q, rows: want });
        }
      }),
      { numRuns: 110, seed: 20261121, endOnFailure: true },
    );
    expect(replayed).toBeGreaterThan(2000);
    expect(certain).toBeGreaterThan(1500);
    expect(checked).toBeGreaterThan(100);
    expect(told).toBeGreaterThan(0);
  }, 120_000);

  it('never calls a row certain that the database did not return', async () => {
    await fc.assert(
      fc.asyncProperty(
        data,
        fc.constantFrom('order by a.n limit 2', 'order by a.s limit 2', 'limit 2', 'order by a.n desc limit 1 offset 1', 'order by a.b, a.n limit 3'),
        where,
        async (d, cut, w) => {
          await fill(d);
          const catalogue = await readCatalogue(engine);
          const q = `select a.id, a.s from a ${w} ${cut}`;
          const reading = readingOf(q);
          if ('none' in reading) throw new Error(`unread: ${q}`);
          const r = await replay(engine, catalogue, { select: reading.select, parameters: [], batch: null, foreign: false });
          if (failed(r)) return;
          const rows = await engine.rows<{ c0: number; m: boolean }>('test.rows', sql`select c0, m from replay_result`);
          const truth = new Set((await db.query<unknown[]>(q, [], { rowMode: 'array' })).rows.map(x => Number(x[0])));
          expect({ q, over: rows.filter(x => x.m && !truth.has(x.c0)) }).toEqual({ q, over: [] });
          const may = new Set(rows.map(x => x.c0));
          expect({ q, under: [...truth].filter(x => !may.has(x)) }).toEqual({ q, under: [] });
        },
      ),
      { numRuns: 150, seed: 7 },
    );
  }, 60_000);

  it('shows the columns of a union, of an aggregate and of a sub-select by where they come from', async () => {
    await fill({
      a: [
        [1, 1, 'x', true],
        [2, null, 'y', false],
      ],
      t: [
        [1, 1, 'v1'],
        [2, 2, null],
      ],
    });
    const catalogue = await readCatalogue(engine);
    const shown = async (q: string): Promise<string[]> => {
      const reading = readingOf(q);
      if ('none' in reading) throw new Error('unread');
      const r = await replay(engine, catalogue, { select: reading.select, parameters: [], batch: null, foreign: false });
      if (failed(r)) throw new Error(r.failure);
      return shownBy(r.relation)
        .flatMap(s => [...s.whole, ...[...s.fragile.values()].flat()].map(c => `${s.occurrence.dataset.id}.${c}`))
        .sort();
    };
    expect(await shown(`select id, s from a union all select null, 'm' || v || 'm' from t`)).toEqual(['a.0', 'a.2', 't.2']);
    expect(await shown(`select null, array_agg(coalesce(v::text, ' ')) from t`)).toEqual(['t.2']);
    expect(await shown(`select (select v from t order by id limit 1)`)).toEqual(['t.2']);
    expect(await shown(`select count(*) from a`)).toEqual([]);
    expect(await shown(`select length(s) from a`)).toEqual([]);
    expect(await answer(db, 'select 1')).toBe('[1]');
  });
});

function plain(v: unknown): unknown {
  if (v === null || v === undefined) return null;
  if (Array.isArray(v)) return `{${v.map(x => (x === null ? 'NULL' : String(x))).join(',')}}`;
  return String(v);
}
