// Rebuilding injections: lines a second of processor time and peak memory, over logs of nothing but injected requests in several forms, each form in a
// process of its own, and the same with the query that feeds this step and leaves out ordinary lines. Needs a build.
//   npm run bench injection [LINES,LINES…] [FORM,FORM…]
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

/** The condition `code of character p of value k > n`, asked by bisection unless the form asks otherwise. */
const rows = {
  postgresql: k => `(SELECT COALESCE(CAST(c AS VARCHAR(10000))::text,(CHR(32))) FROM t ORDER BY id OFFSET ${k} LIMIT 1)`,
  mysql: k => `(SELECT IFNULL(CAST(c AS NCHAR),0x20) FROM d.t ORDER BY id LIMIT ${k},1)`,
  mssql: k =>
    `(SELECT TOP 1 ISNULL(CAST(c AS NVARCHAR(4000)),CHAR(32)) FROM d.dbo.t WHERE CONVERT(NVARCHAR(4000),id) NOT IN (SELECT TOP ${k} CONVERT(NVARCHAR(4000),id) FROM d.dbo.t ORDER BY id) ORDER BY id)`,
  sqlite: k => `(SELECT COALESCE(CAST(c AS TEXT),CHAR(32)) FROM t ORDER BY id LIMIT ${k},1)`,
};
const quoted = text => `x' AND ${text} AND 'a'='a`;
const forms = {
  'boolean, PostgreSQL': { blind: (k, p, n) => quoted(`ASCII(SUBSTRING(${rows.postgresql(k)}::text FROM ${p} FOR 1))>${n}`) },
  'boolean, MySQL': { blind: (k, p, n) => quoted(`ORD(MID(${rows.mysql(k)},${p},1))>${n}`) },
  'boolean, quoted letters': { blind: (k, p, n) => quoted(`SUBSTR(${rows.sqlite(k)},${p},1)>'${n === 39 ? "''" : String.fromCharCode(n)}'`), low: 32 },
  'boolean, sets': {
    blind: (k, p, n) =>
      quoted(`ASCII(SUBSTRING(${rows.postgresql(k)}::text FROM ${p} FOR 1)) NOT IN (${Array.from({ length: n + 1 }, (_, i) => i).join(',')})`),
  },
  'boolean, CASE': {
    blind: (k, p, n) => quoted(`4711=(CASE WHEN (ORD(MID(${rows.mysql(k)},${p},1))>${n}) THEN 4711 ELSE 4711*(SELECT 1 UNION SELECT 2) END)`),
  },
  'time, MySQL': { blind: (k, p, n) => quoted(`(SELECT 4711 FROM (SELECT(SLEEP(2-(IF((ORD(MID(${rows.mysql(k)},${p},1))>${n}),0,2)))))qzvbq)`), time: 2 },
  'time, stacked MSSQL': { blind: (k, p, n) => `x';IF(UNICODE(SUBSTRING(${rows.mssql(k)},${p},1))>${n}) WAITFOR DELAY '0:0:2'--`, time: 2 },
  'UNION, row by row': {
    shown: k =>
      `x' UNION ALL SELECT NULL,'qzvbq'||COALESCE(CAST(a AS TEXT),' ')||'kpmxv'||COALESCE(CAST(c AS TEXT),' ')||'qxkvq',NULL FROM t ORDER BY id LIMIT 1 OFFSET ${k}-- wHtq`,
  },
  'error, MySQL': {
    shown: k =>
      `x' AND EXTRACTVALUE(4711,CONCAT(0x5c,0x717a766271,(SELECT MID((IFNULL(CAST(c AS NCHAR),0x20)),${1 + 21 * (k % 2)},21) FROM d.t ORDER BY id LIMIT ${k >> 1},1),0x71786b7671)) AND 'a'='a`,
  },
  'boolean, keys in quotes': { blind: (k, p, n) => quoted(`ASCII(SUBSTRING((SELECT c FROM t WHERE k='r${k}' LIMIT 1)::text FROM ${p} FOR 1))>${n}`) },
};

export async function bench([counts = '100000,1000000', names = '']) {
  const chosen = Object.keys(forms).filter(f => names === '' || names.split(',').some(n => f.includes(n)));
  console.log(
    `${'form'.padEnd(26)}${'lines'.padStart(9)}${'lines/s of processor'.padStart(22)}${'by the clock'.padStart(14)}${'with reading'.padStart(14)}${'peak MB'.padStart(9)}   exact / cells`,
  );
  for (const lines of counts.split(',')) {
    for (const form of chosen) {
      const r = inProcess(form, lines, 'rebuild');
      const whole = inProcess(form, lines, 'whole');
      if (whole.exact !== r.exact || whole.cells !== r.cells) throw new Error(`${form}: read from the log it comes out differently`);
      console.log(
        `${form.padEnd(26)}${String(r.lines).padStart(9)}${String(Math.round(r.lines / r.cpu)).padStart(22)}${String(Math.round(r.lines / r.wall)).padStart(14)}${String(Math.round(r.lines / whole.cpu)).padStart(14)}${String(r.peak).padStart(9)}   ${r.exact} / ${r.cells}${r.statements > 0 ? `, ${r.statements} statements` : ''}`,
      );
    }
  }
}

function inProcess(form, lines, what) {
  const child = spawnSync(process.execPath, ['--max-old-space-size=3072', '--expose-gc', fileURLToPath(import.meta.url), form, lines, what], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status !== 0) throw new Error(`the measuring process of ${form} failed`);
  return JSON.parse(child.stdout);
}

const base = {
  class: 1,
  src_ip: '198.51.100.9',
  host: null,
  method: 'GET',
  path: '/search',
  user_agent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0 Safari/537.36',
  referer: 'https://www.example.jp/menu',
  forwarded: null,
  session: null,
  sql_text: null,
  extra: null,
  status: 200,
  rows_out: null,
  err_code: null,
  time_kind: 2,
};

/** Events of one form, in batches as the engine gives them. Cells have about ten letters. */
function* made(form, lines) {
  let batch = [];
  let made = 0;
  let at = 1_700_000_000_000_000;
  const event = (sql, more) => {
    const query = `q=${encodeURIComponent(sql)}`;
    batch.push({
      ...base,
      event_id: 1099511627776 + made++ * 16,
      at_us: (at += 5000),
      query,
      duration_us: 2000,
      bytes_out: 900,
      target_length: query.length + 8,
      ...more,
    });
  };
  for (let k = 0; made < lines; k++) {
    const value = `v${((k + 1) * 7919) % 100_000}x${(k * 31) % 977}y`;
    if (form.shown) event(form.shown(k), { bytes_out: 900 + value.length });
    for (let p = 1; form.blind && p <= value.length + 1; p++) {
      const code = p <= value.length ? value.charCodeAt(p - 1) : 0;
      for (let lo = form.low ?? 0, hi = 127; lo < hi; ) {
        const mid = (lo + hi) >> 1;
        const holds = code > mid;
        event(form.blind(k, p, mid), form.time ? { duration_us: holds ? form.time * 1_000_000 + 3000 : 3000 } : { bytes_out: holds ? 900 : 60 });
        if (holds) lo = mid + 1;
        else hi = mid;
      }
    }
    if (batch.length >= 2048) {
      yield batch;
      batch = [];
    }
  }
  yield batch;
}

const built = file => import(pathToFileURL(path.join(root, 'dist', file)).href);

/** The whole step: the events lie in the engine, as after ingest and detection. */
async function measureWhole(name, lines) {
  const [{ Engine, sql }, { readInjections }] = await Promise.all(['engine/index.js', 'intrusion/injection/index.js'].map(built));
  const engine = await Engine.open({ file: ':memory:', threads: 2 });
  const columns = Object.entries({
    ...{ event_id: 'BIGINT', at_us: 'BIGINT', class: 'UTINYINT', file_no: 'INTEGER', target: 'VARCHAR', target_norm: 'VARCHAR', src_ip: 'VARCHAR' },
    ...{ host: 'VARCHAR', method: 'VARCHAR', path: 'VARCHAR', query: 'VARCHAR', user_agent: 'VARCHAR', referer: 'VARCHAR', forwarded: 'VARCHAR' },
    ...{ session: 'VARCHAR', extra: 'VARCHAR', status: 'USMALLINT', bytes_out: 'BIGINT', duration_us: 'BIGINT', sql_text: 'VARCHAR', conn_id: 'VARCHAR' },
    ...{ err_code: 'VARCHAR', rows_out: 'BIGINT', start_lo_us: 'BIGINT', start_hi_us: 'BIGINT', end_lo_us: 'BIGINT', end_hi_us: 'BIGINT' },
  }).map(([name, type]) => ({ name, type }));
  function* rows() {
    for (const batch of made(forms[name], lines))
      for (const e of batch) {
        const target = `${e.path}?${e.query}`;
        const row = { ...e, file_no: 1, target, target_norm: decodeURIComponent(target) };
        yield columns.map(c => row[c.name] ?? null);
      }
  }
  const n = await engine.load('event', columns, rows());
  await engine.load(
    'event_file',
    [
      { name: 'file_no', type: 'INTEGER' },
      { name: 'time_kind', type: 'INTEGER' },
      { name: 'resolution_us', type: 'BIGINT' },
    ],
    [[1, 2, 1]],
  );
  for (const [table, spec] of [
    ['detection', sql`detection_id varchar, kind varchar`],
    ['detection_event', sql`detection_id varchar, event_id bigint`],
    ['detection_traced', sql`event_id bigint`],
  ])
    await engine.run(table, sql`create table ${sql.id(table)} (${spec})`);
  const spent = process.cpuUsage();
  const r = await readInjections(engine);
  for (const _ of r.statements);
  const { user, system } = process.cpuUsage(spent);
  console.log(
    JSON.stringify({ lines: n, cpu: (user + system) / 1e6, cells: r.cells.length, exact: r.cells.filter(c => c.solution.status === 'exact').length }),
  );
  engine.close();
}

async function measure(name, lines) {
  const { createRebuilder } = await built('intrusion/injection/rebuild.js');
  const rebuilder = createRebuilder();
  let cpu = 0;
  let wall = 0;
  let n = 0;
  const timed = body => {
    // making the events is not what is measured, nor is clearing them away
    globalThis.gc?.({ type: 'minor' });
    const spent = process.cpuUsage();
    const start = performance.now();
    const value = body();
    const { user, system } = process.cpuUsage(spent);
    cpu += (user + system) / 1e6;
    wall += (performance.now() - start) / 1000;
    return value;
  };
  for (const batch of made(forms[name], lines)) {
    n += batch.length;
    timed(() => rebuilder.add(batch));
  }
  const r = timed(() => rebuilder.finish());
  let statements = 0;
  timed(() => {
    for (const _ of r.statements) statements++;
  });
  console.log(
    JSON.stringify({
      lines: n,
      cpu,
      wall,
      cells: r.cells.length,
      exact: r.cells.filter(c => c.solution.status === 'exact').length,
      statements,
      peak: Math.round(process.resourceUsage().maxRSS / 1024),
    }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await (process.argv[4] === 'whole' ? measureWhole : measure)(process.argv[2], Number(process.argv[3]));
