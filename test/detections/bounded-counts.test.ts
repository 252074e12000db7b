import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countPeers } from '../../src/detections/behaviour/count-peers.ts';
import { forgetOpenRoutes, openRoutes } from '../../src/detections/behaviour/open-routes.ts';
import { knowFound } from '../../src/detections/found-events.ts';
import { oddTargets, prepareRequests } from '../../src/detections/requests/request.ts';
import type { Detection } from '../../src/detections/tables.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { loadEvents, memoryEngine, requestColumns } from '../fixtures/event-table.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

const columns = (names: readonly string[]) => names.map(name => ({ name, type: 'BIGINT' as const }));
const calls = ['who', 'client', 'place', 'object', 'status'];

/** Calls of many actors: `repeats` of them are of numbers they called up before. */
function callsOf(seed: number, actors: number, places: number, repeats: number): number[][] {
  let x = seed * 7919 + 17;
  const pick = (n: number): number => ((x = (Math.imul(x, 1664525) + 1013904223) >>> 0) % 65_536) % n;
  const out: number[][] = [];
  for (let who = 1; who <= actors; who++)
    for (let place = 1; place <= places; place++) {
      const most = 1 + pick(12) + (pick(40) === 0 ? pick(60) : 0);
      for (let i = 0; i < most; i++) out.push([who, who, place, pick(100) < repeats ? 1 + pick(3) : pick(5000), pick(9) === 0 ? 404 : 200]);
    }
  return out;
}

describe('counts that are bounded before they are made', () => {
  it('what is told of those above the percentile is what a full count tells, however often calls repeat', async () => {
    for (const [seed, actors, repeats] of [
      [1, 700, 0],
      [2, 700, 60],
      [3, 700, 95],
      [4, 150, 50],
      [5, 5, 20],
      [7, 12, 30],
      [6, 201, 80],
    ] as const) {
      await engine.load('called', columns(calls), callsOf(seed, actors, 3, repeats));
      await countPeers(engine, 'bounded', sql`select who, place, count(*) as n from called group by who, place`, sql`select who, place, object from called`);
      const full = sql`with per as (select who, place, count(*) as n, count(distinct object) as d from called group by who, place),
        peers as (select place, quantile_cont(d, 0.95) as q95, count(*) as actors from per group by place),
        others as (select a.who, a.place, quantile_cont(b.d, 0.95) as q95 from per a join per b on a.place = b.place and a.who <> b.who group by all)
        select who, place, n, d, case when actors < 20 then others.q95 else peers.q95 end as q95, actors from per join peers using (place) join others using (who, place)`;
      for (const least of [sql`d > q95`, sql`d >= 2 * q95`, sql`d >= 30 and (d >= 2 * q95 or actors < 10)`])
        expect(await engine.rows('test', sql`select * from bounded where ${least} order by place, who`), `seed ${seed}`).toEqual(
          await engine.rows('test', sql`select * from (${full}) where ${least} order by place, who`),
        );
    }
  });

  it('a route is open by bounds only where it is by a full count', async () => {
    await engine.run('test', sql`create or replace temp table detection_sign_in_keyed (who bigint)`);
    await engine.run('test', sql`create or replace temp table detection_hot as select 3 as who`);
    await engine.run('test', sql`create or replace temp table detection_place as select i as place, '/p' || i as route from range(1, 7) r(i)`);
    const readers = fc.array(fc.tuple(fc.nat(30), fc.nat(25)), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.array(readers, { minLength: 1, maxLength: 6 }), fc.nat(6), async (places, wide) => {
        // Clients that differ in many bits, and objects that few or many read.
        const rows = places.flatMap((list, p) => list.map(([who, object]) => [who, who * 7_777_777_777 + 1, p + 1, object % (1 + p * wide), 200]));
        await engine.load('detection_call', columns(calls), rows);
        await forgetOpenRoutes(engine);
        await engine.run(
          'test',
          sql`create or replace temp table detection_reach as select who, client, place, count(*) filter (status between 200 and 299) as answered from detection_call group by all`,
        );
        const expected = places.flatMap((list, p) => {
          const read = new Map<number, Set<number>>();
          for (const [who, object] of list) if (who !== 3) read.set(object % (1 + p * wide), (read.get(object % (1 + p * wide)) ?? new Set()).add(who));
          const ns = [...read.values()].flatMap(s => Array<number>(s.size).fill(s.size)).sort((a, b) => a - b);
          const clients = new Set(list.filter(([who]) => who !== 3).map(([who]) => who)).size;
          return clients >= 8 && (ns[(ns.length - 1) >> 1]! + ns[ns.length >> 1]!) / 2 >= 4 ? [`/p${p + 1}`] : [];
        });
        expect(
          [
            ...(await openRoutes(
              engine,
              places.map((_, p) => `/p${p + 1}`),
            )),
          ].sort(),
        ).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('of very many readings a part of the things tells, unless there are few things', async () => {
    await engine.run('test', sql`create or replace temp table detection_sign_in_keyed (who bigint)`);
    await engine.run('test', sql`create or replace temp table detection_hot (who bigint)`);
    await engine.run('test', sql`create or replace temp table detection_place as select i as place, '/p' || i as route from range(1, 4) r(i)`);
    const readings = (place: number, things: number, readers: number) =>
      sql`select i % ${things} * 7 + i // ${things} % ${readers} as who, who * 7777777 as client, ${place}::integer as place, i % ${things} as object, 200 as status from range(450000) r(i)`;
    await engine.run(
      'test',
      sql`create or replace table detection_call as ${readings(1, 30_000, 9)} union all ${readings(2, 30_000, 1)} union all ${readings(3, 20, 500)}`,
    );
    await engine.run(
      'test',
      sql`create or replace temp table detection_reach as select who, client, place, count(*) as answered from detection_call group by all`,
    );
    await forgetOpenRoutes(engine);
    expect([...(await openRoutes(engine, ['/p1', '/p2', '/p3']))]).toEqual(['/p1', '/p3']);
    // What was found is kept: nobody asks twice.
    await engine.run('test', sql`drop table detection_call`);
    expect([...(await openRoutes(engine, ['/p3', '/p2']))]).toEqual(['/p3']);
  });
});

const of = (...ids: number[]): Detection => ({ kind: 'mass-export', events: ids.map(eventId => ({ eventId, atUs: null })) }) as unknown as Detection;

it('events of detections are looked for once, and those that are no requests are known to be none', async () => {
  await loadEvents(engine, [
    { event_id: 16, time_us: 5, src_ip: '192.0.2.1', session: 's', ...requestColumns('GET /a HTTP/1.1') },
    { event_id: 32, time_us: 6, src_ip: '192.0.2.2', ...requestColumns('GET /b HTTP/1.1') },
    { event_id: 48, time_us: 7, class: 2, sql_text: 'select 1' },
  ]);
  await prepareRequests(engine);
  const known = () => engine.rows('test', sql`select event_id, at_us, client_key = actor_key as bare from detection_found order by event_id`);
  await knowFound(engine, [of(16, 48)]);
  expect(await known()).toEqual([
    { event_id: 16, at_us: 5, bare: false },
    { event_id: 48, at_us: null, bare: null },
  ]);
  await engine.run('test', sql`update detection_found set at_us = 99 where event_id = 16`);
  await knowFound(engine, [of(16), of(32, 16, 48)]);
  expect(await known()).toEqual([
    { event_id: 16, at_us: 99, bare: false },
    { event_id: 32, at_us: 6, bare: true },
    { event_id: 48, at_us: null, bare: null },
  ]);
});

it('a target without shape is tried once or where it stands, with the same answer', async () => {
  const holds = sql`contains(coalesce(target_norm, target), 'ż')`;
  for (const again of [1, 5]) {
    const rows = Array.from({ length: 120 * again }, (_, i) => ({
      src_ip: '192.0.2.1',
      time_us: i,
      ...requestColumns(`GET /s?q=%C5%BC${i % 120} HTTP/1.1`),
      ...(i % 3 === 0 ? { target_norm: `/s?q=z${i % 120}` } : { target_norm: `/s?q=ż${i % 120}` }),
    }));
    await loadEvents(engine, [...rows, { src_ip: '192.0.2.1', time_us: 1, ...requestColumns('GET /plain HTTP/1.1') }]);
    await prepareRequests(engine);
    const test = await oddTargets(engine, holds);
    const { n } = await engine.row<{ n: number }>('test', sql`select count(*) as n from event where ${test}`);
    expect(n).toBe(80 * again);
  }
});
