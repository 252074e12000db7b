// npm run bench link [-- --records 1000000] : person resolution of Japanese records, with time, memory and truth. Needs a build.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Engine, sql } from '../dist/engine/index.js';
import { classifyColumns, identifyPersons } from '../dist/persons/index.js';
import { seenColumns, writePeople } from './made/people.mjs';

export async function bench(args) {
  const flag = (name, fallback) => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? fallback : args[at + 1];
  };
  const total = Number(flag('records', '1000000'));
  const threads = Number(flag('threads', '2'));
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-link-'));
  const file = flag('file', path.join(dir, 'people.csv'));
  if (!fs.existsSync(file)) writePeople(file, total, Number(flag('seed', '1')));

  const engine = await Engine.open({ file: path.join(dir, 'link.duckdb'), threads, memory: flag('memory', '2500MB'), tempDirectory: dir });
  const columns = seenColumns;
  await engine.run(
    'bench.read',
    sql`create table data_people as select (row_number() over ()) - 1 as row_no, id as key, * from read_csv(${sql.lit(file)}, all_varchar = true, header = true, parallel = false)`,
  );
  const rows = Number((await engine.row('bench.rows', sql`select count(*) as n from data_people`)).n);
  await engine.load(
    'dataset',
    [
      { name: 'dataset_id', type: 'VARCHAR' },
      { name: 'table_name', type: 'VARCHAR' },
      { name: 'rows', type: 'BIGINT' },
      { name: 'key_columns', type: 'VARCHAR[]' },
    ],
    [['people', 'people', rows, ['id']]],
  );
  await engine.load(
    'dataset_column',
    [
      { name: 'dataset_id', type: 'VARCHAR' },
      { name: 'column_no', type: 'INTEGER' },
      { name: 'name', type: 'VARCHAR' },
    ],
    columns.map((name, i) => ['people', i, name]),
  );

  const kase = { engine, store: { acts: () => [] }, file: { datasets: [] } };
  const started = performance.now();
  const cpuBefore = process.cpuUsage();
  const effects = {
    now: () => 0,
    progress: () => {},
    lang: 'ja',
    threads,
    log: event =>
      console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(7)} s  ${event}  ${Math.round(process.memoryUsage.rss() / 1048576)} MiB`),
  };
  await classifyColumns(kase, effects);
  const summary = await identifyPersons(kase, effects);
  const seconds = (performance.now() - started) / 1000;

  const truth = await engine.row(
    'bench.truth',
    sql`with t as (select p.person_strict as s, p.person_best as b, d.truth as t from person_record p join data_people d using (row_no))
    select (select count(distinct t) from t) as persons,
      (select sum(n * (n - 1) / 2) from (select count(*) as n from t group by b, t)) as both, (select sum(n * (n - 1) / 2) from (select count(*) as n from t group by b)) as said,
      (select sum(n * (n - 1) / 2) from (select count(*) as n from t group by t)) as true_pairs,
      (select sum(n * (n - 1) / 2) from (select count(*) as n from t group by s)) - (select sum(n * (n - 1) / 2) from (select count(*) as n from t group by s, t)) as strict_wrong`,
  );
  const [precision, recall] = [Number(truth.both) / Number(truth.said), Number(truth.both) / Number(truth.true_pairs)];
  const peak = Math.max(
    ...fs
      .readFileSync('/proc/self/status', 'utf8')
      .split('\n')
      .filter(l => l.startsWith('VmHWM'))
      .map(l => Number(l.replace(/\D/g, '')) / 1024),
  );
  console.log(
    JSON.stringify({
      records: summary.records,
      seconds: Math.round(seconds * 10) / 10,
      cpu_seconds: Math.round((process.cpuUsage(cpuBefore).user + process.cpuUsage(cpuBefore).system) / 1e5) / 10,
      peak_mib: Math.round(peak),
      nodes: summary.nodes,
      pairs: summary.pairs,
      persons: { true: Number(truth.persons), ...summary.persons },
      width: Number(((summary.persons.upper - summary.persons.lower) / Number(truth.persons)).toFixed(4)),
      precision: Number(precision.toFixed(5)),
      recall: Number(recall.toFixed(5)),
      f1: Number(((2 * precision * recall) / (precision + recall)).toFixed(5)),
      strict_wrong_pairs: Number(truth.strict_wrong),
    }),
  );
  engine.close();
  fs.rmSync(dir, { recursive: true, force: true });
}
