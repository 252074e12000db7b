/**
 * `npm run bench exposure [SCALE]`: the whole stage on made-up evidence. At scale 1: 100,000 statements of the intruder over two tables of
 * 2,000,000 rows, then 1,000,000 requests bound through a learned route, then the explanation of every figure. Prints the four gates.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { quietEffects } from '../dist/base/index.js';
import { CaseStore, emptyCaseFile } from '../dist/case/index.js';
import { Engine, sql } from '../dist/engine/index.js';
import { derivedColumns, eventColumns } from '../dist/events/columns.js';
import { assessExposure } from '../dist/exposure/index.js';
import { explainAnything } from '../dist/persons/index.js';

const gates = { statements: 300, requests: 60, memory: 6, explanation: 300 };
const start = 1_760_000_000_000_000;

/** Statements as intruders run them: by literal and by parameter, with windows, walks, unions and blind questions. */
const shapes = [
  [30, i => ['select id, name from people where region = $1 order by id limit 50 offset $2', [`${i % 47}`, `${(i * 50) % 40_000}`]]],
  [20, i => [`select name, address from people where id = ${i * 17}`, null]],
  [15, i => [`select id, name from people where id = ${i % 7} union all select null, (select address from people order by id limit 1 offset ${i})`, null]],
  [10, i => ['select id, name from people where id > $1 order by id limit 100', [`${i * 19}`]]],
  [
    10,
    i => [
      `select id from people where id = 7 and ascii(substring((select name from people order by id limit 1 offset ${i % 500}), ${i % 9}, 1)) > ${i % 128}`,
      null,
    ],
  ],
  [10, i => ['select p.id, p.name, c.plan from people p join contracts c on c.person_id = p.id where p.id = $1', [`${i * 13}`]]],
  [5, i => [`select name from people limit 1 offset ${i}`, null]],
];

/** What the stage of persons would leave: every tenth record is somebody's second one. */
async function persons(engine, outDir) {
  await engine.run(
    'bench.person_label',
    sql`create table person_label as select dataset_id, row_no, key, p as strict, p as best, p as wide, false as legal_person, true as identified, 'unknown' as living from (
      select 'people' as dataset_id, row_no, key, (row_no - row_no % 10 // 9)::ubigint as p from data_people
      union all select 'contracts', row_no, key, (10000000 + row_no)::ubigint from data_contracts)`,
  );
  await engine.run(
    'bench.record_person',
    sql`create table record_person as select dataset_id, row_no, 'policyholder' as role, lo as tier_lower, up as tier_upper, 0::bigint as m4, 0::bigint as m3, 0::bigint as m2, 0::bigint as m1,
      strict, best, wide, legal_person, identified, living, 0::bigint as g3, 0::bigint as g2
      from (select s.dataset_id, r.row_no, max(tier_lower) as lo, max(tier_upper) as up from claim_row r join (select distinct colset_id, dataset_id from colset) s using (colset_id) group by all)
      join person_label using (dataset_id, row_no) order by dataset_id, row_no`,
  );
  const tiers = sql`count(*) filter (where tier_lower >= 4) as confirmed, count(*) filter (where tier_lower >= 3) as executed, count(*) filter (where tier_upper >= 2) as possible, count(*) filter (where tier_upper >= 1) as not_excluded`;
  const datasets = await engine.rows('bench.datasets', sql`select dataset_id as id, ${tiers} from record_person group by 1 order by 1`);
  const names = await engine.row(
    'bench.names',
    sql`select ${tiers} from (select row_no, max(tier_lower) as tier_lower, max(tier_upper) as tier_upper from claim_row
      where colset_id in (select colset_id from colset where dataset_id = 'people' and column_no = 1) group by 1)`,
  );
  const all = key => datasets.reduce((n, d) => n + d[key], 0);
  const sums = Object.fromEntries(['confirmed', 'executed', 'possible', 'not_excluded'].map(k => [k, all(k)]));
  const people = n => ({ lower: n, best: n, upper: n });
  const range = { lower: sums.executed, upper: sums.possible };
  const exposure = {
    figures: { records: sums, persons: Object.fromEntries(Object.entries(sums).map(([k, n]) => [k, people(n)])) },
    datasets: datasets.map(({ id, ...records }) => ({ id, records, columns: id === 'people' ? [{ name: 'name', ...names }] : [] })),
    combinations: [{ elements: [], records: range, persons: people(range.upper) }],
    roles: [{ role: 'policyholder', records: range, persons: people(range.upper), of_which: [] }],
  };
  fs.writeFileSync(path.join(outDir, 'result.json'), JSON.stringify({ exposure }));
}

const columnTypes = { u8: 'UTINYINT', u16: 'USMALLINT', u32: 'UINTEGER', u64: 'UBIGINT', i64: 'BIGINT', str: 'VARCHAR' };
/** The view `event` as a table: what the stage may ask for is there, most of it empty. */
const eventTable = [
  ...['event_id', 'at_us', 'start_lo_us', 'start_hi_us', 'end_lo_us', 'end_hi_us'].map(name => ({ name, type: 'BIGINT' })),
  { name: 'file_no', type: 'INTEGER' },
  ...['evidence_id', 'system_id', 'source_kind'].map(name => ({ name, type: 'VARCHAR' })),
  ...[...eventColumns, ...derivedColumns].map(c => ({ name: c.name, type: columnTypes[c.type] })),
];

async function open(rows) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-exposure-'));
  const engine = await Engine.open({ file: path.join(dir, 'work.duckdb'), threads: 2, memory: '3GB', tempDirectory: dir });
  const e = (step, q) => engine.run(`bench.${step}`, q);
  await e(
    'people',
    sql`create table data_people as select i as row_no, i::varchar as key, i::varchar as id, 'name ' || i as name, 'street ' || (i * 7919 % 100000) as address, (i % 47)::varchar as region from range(${rows}) r(i)`,
  );
  await e(
    'contracts',
    sql`create table data_contracts as select i as row_no, i::varchar as key, i::varchar as id, (i * 31 % ${rows})::varchar as person_id, 'plan ' || (i % 90) as plan from range(${rows}) r(i)`,
  );
  await e(
    'dataset',
    sql`create table dataset as select d as dataset_id, d as table_name, null::varchar as system_id, ${rows}::bigint as rows, null::bigint as as_of_us, '{"constant":"other"}' as role_spec, ['id'] as key_columns from (values ('people'), ('contracts')) v(d)`,
  );
  await e(
    'columns',
    sql`create table dataset_column as select * from (values ('people', 0, 'id'), ('people', 1, 'name'), ('people', 2, 'address'), ('people', 3, 'region'), ('contracts', 0, 'id'), ('contracts', 1, 'person_id'), ('contracts', 2, 'plan')) v(dataset_id, column_no, name)`,
  );
  await e('files', sql`create table event_file as select 1 as file_no, 'nginx-combined' as format union all select 2, 'pg-csvlog'`);
  await e(
    'sources',
    sql`create table source_file as select 1 as file_no, 'web' as evidence_id, 'access.log' as path, 'aa' as sha256, 'evidence' as role union all select 2, 'db', 'db.csv', 'bb', 'evidence'`,
  );
  await engine.load('event', eventTable, []);
  await e('actor', sql`create table actor_event (actor_id varchar, event_id bigint, certainty varchar, reason varchar)`);
  const kase = {
    file: { ...emptyCaseFile('bench', 'UTC'), datasets: ['people', 'contracts'].map(id => ({ id })) },
    casePath: path.join(dir, 'case.yaml'),
    caseDir: dir,
    outDir: dir,
    engine,
    store: new CaseStore(path.join(dir, 'case.sqlite')),
  };
  return { kase, dir };
}

const close = ({ kase, dir }) => {
  kase.engine.close();
  kase.store.close();
  fs.rmSync(dir, { recursive: true, force: true });
};

async function statements(engine, n) {
  const total = shapes.reduce((s, [share]) => s + share, 0);
  const rows = function* () {
    let i = 0;
    for (const [share, make] of shapes) for (let k = 0; k < Math.round((n * share) / total); k++) yield [++i, ...make(k)];
  };
  await engine.load(
    'bench_statement',
    [
      { name: 'i', type: 'BIGINT' },
      { name: 'sql_text', type: 'VARCHAR' },
      { name: 'sql_params', type: 'VARCHAR' },
    ],
    (function* () {
      for (const [i, text, parameters] of rows()) yield [i, text, parameters ? JSON.stringify(parameters) : null];
    })(),
  );
  await engine.run(
    'bench.statements',
    sql`insert into event by name select (2::bigint << 40) + i * 16 as event_id, 2 as file_no, 'db' as evidence_id, 2 as class, ${start} + i * 1000 as at_us, at_us as start_lo_us, at_us as start_hi_us, at_us as end_lo_us, at_us as end_hi_us,
    'intruder' as conn_id, sql_text, sql_params, i as line_no, i * 100 as byte_off, 100 as byte_len from bench_statement`,
  );
  await engine.run('bench.actors', sql`insert into actor_event select 'actor-1', event_id, 'strict', 'bench' from event where class = 2`);
}

/** Three hundred visitors whose statements are logged, then the intruder, of whom only the web log tells. */
async function requests(engine, n, rows) {
  const of = (
    first,
    count,
    step,
    own,
  ) => sql`select (1::bigint << 40) + (${first} + i) * 16 as event_id, 1 as file_no, 'web' as evidence_id, 1 as class, ${start} + (${first} + i) * 10000 as at_us, at_us as start_lo_us,
    at_us + 200 as start_hi_us, at_us + 200 as end_lo_us, at_us + 400 as end_hi_us, 'GET' as method, '/people/' || (i * ${step} % ${rows}) as path, 200 as status, 500 as bytes_out, 300 as duration_us,
    case when ${own} then '203.0.113.9' else '198.51.100.' || (i % 90) end as src_ip, ${first} + i as line_no, (${first} + i) * 100 as byte_off, 100 as byte_len from range(${count}) r(i)`;
  await engine.run('bench.visitors', sql`insert into event by name ${of(1, 300, 7919, false)}`);
  await engine.run('bench.intruder', sql`insert into event by name ${of(301, n, 31, true)}`);
  await engine.run(
    'bench.visitor_statements',
    sql`insert into event by name select (2::bigint << 40) + line_no * 16 as event_id, 2 as file_no, 'db' as evidence_id, 2 as class, at_us + 100 as at_us, at_us + 100 as start_lo_us, at_us + 100 as start_hi_us, at_us + 100 as end_lo_us, at_us + 100 as end_hi_us,
    'app' as conn_id, 'select id, name, address from people where id = $1' as sql_text, '["' || split_part(path, '/', 3) || '"]' as sql_params, line_no, byte_off, byte_len from event where class = 1 and line_no <= 300`,
  );
  await engine.run('bench.actors', sql`insert into actor_event select 'actor-1', event_id, 'strict', 'bench' from event where class = 1 and line_no > 300`);
}

export async function bench(args) {
  const scale = Number(args?.[0] ?? 1);
  const rows = Math.round(2_000_000 * scale);
  const counts = { statements: Math.round(100_000 * scale), requests: Math.round(1_000_000 * scale) };
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 50);
  const gate = (name, value, unit, most) =>
    console.log(`${name}: ${value.toFixed(2)} ${unit} (gate ${most} ${unit} at scale 1) ${value <= most ? 'ok' : 'MISSED'}`);
  const timed = async body => {
    const t = performance.now();
    const cpu = process.cpuUsage();
    await body();
    const c = process.cpuUsage(cpu);
    return { wall: (performance.now() - t) / 1000, cpu: (c.user + c.system) / 1e6 };
  };

  const a = await open(rows);
  await statements(a.kase.engine, counts.statements);
  const notes = process.env.BENCH_NOTES
    ? { ...quietEffects, progress: p => console.log(`  ${p.note} ${(performance.now() / 1000).toFixed(1)}`) }
    : quietEffects;
  const s = await timed(() => assessExposure(a.kase, notes));
  const claimed = await a.kase.engine.row('bench.rows', sql`select count(*) as n, count(distinct claim_id) as claims from claim_row`);
  gate(`${counts.statements.toLocaleString('en-US')} statements over ${rows.toLocaleString('en-US')} rows`, s.wall, 's', gates.statements);
  console.log(`  cpu ${s.cpu.toFixed(1)} s, ${claimed.n.toLocaleString('en-US')} rows under ${claimed.claims} claims`);
  await persons(a.kase.engine, a.kase.outDir);
  let slowest = 0;
  let of = '';
  for (const ref of [
    'figure:records.confirmed',
    'figure:records.executed',
    'figure:records.possible',
    'figure:records.not_excluded',
    'figure:persons.executed',
    'figure:datasets.people.possible',
    'figure:datasets.people.name.possible',
    'figure:roles.policyholder.records.upper',
    'figure:roles.policyholder.persons',
    'figure:combinations.0.records.lower',
    'people',
    'people/1700',
    'people/1700/name',
  ]) {
    const { wall, cpu } = await timed(() => explainAnything(a.kase, ref));
    if (process.env.BENCH_NOTES) console.log(`  ${ref}: ${(wall * 1000).toFixed(0)} ms, cpu ${(cpu * 1000).toFixed(0)} ms`);
    if (wall * 1000 > slowest) [slowest, of] = [wall * 1000, ref];
  }
  close(a);

  const b = await open(rows);
  await requests(b.kase.engine, counts.requests, rows);
  const r = await timed(() => assessExposure(b.kase, notes));
  const bound = await b.kase.engine.row('bench.rows', sql`select count(distinct row_no) as n from claim_row`);
  close(b);
  gate(`${counts.requests.toLocaleString('en-US')} bound requests`, r.wall, 's', gates.requests);
  console.log(`  cpu ${r.cpu.toFixed(1)} s, ${bound.n.toLocaleString('en-US')} records`);
  gate('memory', peak / 2 ** 30, 'GiB', gates.memory);
  gate(`explanation of a figure, the slowest (${of})`, slowest, 'ms', gates.explanation);
  clearInterval(watch);
}

if (process.argv[1]?.endsWith('exposure.mjs')) await bench(process.argv.slice(2));
