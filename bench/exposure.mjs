/** `npm run bench exposure`: bound requests replayed at once, and single statements with a window, over a table of many rows. */
import { performance } from 'node:perf_hooks';
import { Engine, sql } from '../dist/engine/index.js';
import { readCatalogue } from '../dist/exposure/catalogue.js';
import { outputSizes, replay } from '../dist/exposure/replay.js';
import { loadParser } from '../dist/exposure/sql/index.js';
import { parametrised, readingOf } from '../dist/exposure/statements.js';

const rows = Number(process.env.BENCH_ROWS ?? 2_000_000);
const requests = Number(process.env.BENCH_REQUESTS ?? 1_000_000);
const windows = Number(process.env.BENCH_WINDOWS ?? 200);

export async function bench() {
  await loadParser();
  const engine = await Engine.open({ file: ':memory:', threads: 2, memory: '6GB' });
  await engine.run(
    'bench.data',
    sql`create table data_people as select i as row_no, i::varchar as key, i::varchar as id, 'name ' || i as name, 'street ' || (i * 7919 % 100000) as address, (i % 47)::varchar as region from range(${rows}) r(i)`,
  );
  await engine.run(
    'bench.dataset',
    sql`create table dataset as select 'people' as dataset_id, 'people' as table_name, null::varchar as system_id, ${rows}::bigint as rows, null::bigint as as_of_us, ['id'] as key_columns`,
  );
  await engine.run(
    'bench.columns',
    sql`create table dataset_column as select 'people' as dataset_id, * from (values (0, 'id'), (1, 'name'), (2, 'address'), (3, 'region')) v(column_no, name)`,
  );
  const lap = async (name, body) => {
    const t = performance.now();
    const n = await body();
    const s = (performance.now() - t) / 1000;
    console.log(`${name}: ${s.toFixed(2)} s${n ? `, ${Math.round(n / s).toLocaleString('en-US')}/s` : ''}`);
  };
  let catalogue;
  await lap(`typed copy of ${rows.toLocaleString('en-US')} rows`, async () => {
    catalogue = await readCatalogue(engine);
    return rows;
  });
  const detail = readingOf('select id, name, address from people where id = $1');
  await lap(`${requests.toLocaleString('en-US')} bound requests`, async () => {
    await engine.run('bench.batch', sql`create table replay_batch as select i as n, (i * 31 % ${rows})::varchar as p0 from range(${requests}) r(i)`);
    await replay(engine, catalogue, { select: parametrised(detail, [0]), parameters: [sql`b.p0`], batch: sql.id('replay_batch'), foreign: false });
    return (
      (
        await outputSizes(
          engine,
          (
            await replay(engine, catalogue, { select: parametrised(detail, [0]), parameters: [sql`b.p0`], batch: sql.id('replay_batch'), foreign: false })
          ).relation,
          null,
        )
      ).length * requests
    );
  });
  const list = readingOf('select id, name from people where region = $1 order by id limit 50 offset $2');
  await lap(`${windows} lists with a window`, async () => {
    for (let i = 0; i < windows; i++)
      await replay(engine, catalogue, {
        select: parametrised(
          list,
          [0, 1, 2].filter(s => list.slots[s].kind === 'parameter'),
        ),
        parameters: [String(i % 47), String(i * 50)],
        batch: null,
        foreign: false,
      });
    return windows;
  });
  console.log(`memory: ${(process.memoryUsage.rss() / 2 ** 30).toFixed(2)} GiB`);
  engine.close();
}

if (process.argv[1]?.endsWith('exposure.mjs')) await bench();
