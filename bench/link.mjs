// npm run bench link [-- --records 1000000 --sets ../shared/data/linkage --splink PYTHON] : person resolution of Japanese records, with time, memory
// and truth; with --sets the public sets in that folder instead. A Python with Splink 4 (--splink or TADASU_SPLINK_PYTHON) links the same
// people beside it. Needs a build.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Engine, sql } from '../dist/engine/index.js';
import { classifyColumns, identifyPersons } from '../dist/persons/index.js';
import { seenColumns, writePeople } from './made/people.mjs';
import { publicSets } from './made/public-sets.mjs';

export async function bench(args) {
  const flag = (name, fallback) => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? fallback : args[at + 1];
  };
  const threads = Number(flag('threads', '2'));
  const python = flag('splink', process.env.TADASU_SPLINK_PYTHON ?? null);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-link-'));
  try {
    const folder = flag('sets', null);
    const sets =
      folder === null
        ? [made(flag('file', path.join(dir, 'people.csv')), Number(flag('records', '1000000')), Number(flag('seed', '1')))]
        : publicSets(folder, dir);
    for (const set of sets) {
      const ours = await link(set, dir, threads, flag('memory', '2500MB'));
      console.log(JSON.stringify(ours.figures));
      if (python !== null) console.log(JSON.stringify(bySplink(python, set, dir, ours)));
    }
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

function made(file, total, seed) {
  if (!fs.existsSync(file)) writePeople(file, total, seed);
  return { name: 'made', kind: 'japanese', file, columns: seenColumns };
}

/** The same file through Splink, held to the same truth, with what it took beside ours. */
function bySplink(python, set, dir, ours) {
  const out = path.join(dir, 'splink.csv');
  const script = fileURLToPath(new URL('./splink_link.py', import.meta.url));
  const ran = spawnSync(python, [script, set.file, out, set.kind], { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (ran.status !== 0) throw new Error(`splink: ${ran.stderr.slice(-1500)}`);
  const run = JSON.parse(ran.stdout.trim().split('\n').at(-1));
  const of = new Map(
    fs
      .readFileSync(out, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map(l => l.split(','))
      .map(([id, cluster]) => [id, cluster]),
  );
  const said = ours.ids.map(id => of.get(id) ?? id);
  return {
    set: set.name,
    by: 'splink',
    ...run,
    ...quality(said, ours.truth),
    our_share_of_its_time: Number((ours.figures.seconds / run.seconds).toFixed(3)),
    our_share_of_its_cpu: Number((ours.figures.cpu_seconds / run.cpu_seconds).toFixed(3)),
  };
}

/** Pairwise and B-cubed precision and recall, and by how much the number of persons is wrong. */
function quality(said, truth) {
  const count = list => {
    const sizes = new Map();
    for (const x of list) sizes.set(x, (sizes.get(x) ?? 0) + 1);
    return sizes;
  };
  const both = said.map((s, i) => `${s}\u0001${truth[i]}`);
  const [s, t, b] = [count(said), count(truth), count(both)];
  const pairs = sizes => [...sizes.values()].reduce((n, x) => n + (x * (x - 1)) / 2, 0);
  const harmonic = (p, r) => Number(((2 * p * r) / (p + r)).toFixed(5));
  const [precision, recall] = [pairs(b) / pairs(s), pairs(b) / pairs(t)];
  const cubed = sizes => both.reduce((n, x, i) => n + b.get(x) / sizes.get(sizes === s ? said[i] : truth[i]), 0) / said.length;
  return {
    precision: Number(precision.toFixed(5)),
    recall: Number(recall.toFixed(5)),
    f1: harmonic(precision, recall),
    b_cubed: harmonic(cubed(s), cubed(t)),
    person_count_error: Number(((s.size - t.size) / t.size).toFixed(5)),
  };
}

async function link(set, dir, threads, memory) {
  const { file, columns } = set;
  const engine = await Engine.open({ file: path.join(dir, `link-${set.name}.duckdb`), threads, memory, tempDirectory: dir });
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
      console.error(`${((performance.now() - started) / 1000).toFixed(1).padStart(7)} s  ${event}  ${Math.round(process.memoryUsage.rss() / 1048576)} MiB`),
  };
  await classifyColumns(kase, effects);
  const summary = await identifyPersons(kase, effects);
  const seconds = (performance.now() - started) / 1000;

  const cpu = process.cpuUsage(cpuBefore);
  const rowsLinked = await engine.rows(
    'bench.linked',
    sql`select d.id, d.truth, p.strict::varchar as s, p.best::varchar as b from person_label p join data_people d using (row_no) order by row_no`,
  );
  const truth = rowsLinked.map(r => r.truth);
  const persons = new Set(truth).size;
  const strict = quality(
    rowsLinked.map(r => r.s),
    truth,
  );
  const peak = Math.max(
    ...fs
      .readFileSync('/proc/self/status', 'utf8')
      .split('\n')
      .filter(l => l.startsWith('VmHWM'))
      .map(l => Number(l.replace(/\D/g, '')) / 1024),
  );
  engine.close();
  return {
    ids: rowsLinked.map(r => r.id),
    truth,
    figures: {
      set: set.name,
      by: 'tadasu',
      records: summary.records,
      seconds: Math.round(seconds * 10) / 10,
      cpu_seconds: Math.round((cpu.user + cpu.system) / 1e5) / 10,
      peak_mib: Math.round(peak),
      nodes: summary.nodes,
      pairs: summary.pairs,
      persons: { true: persons, ...summary.persons },
      holds: summary.persons.lower <= persons && persons <= summary.persons.upper,
      width: Number(((summary.persons.upper - summary.persons.lower) / persons).toFixed(4)),
      ...quality(
        rowsLinked.map(r => r.b),
        truth,
      ),
      strict_precision: strict.precision,
    },
  };
}
