// A combined log of N lines (default 10,000,000) hashed and read into the event table by a fresh process; prints lines/s, peak
// memory and the ratio to sha256sum and goaccess on the same file in the same run.
//   npm run bench ingest [LINES] [THREADS]
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openWebCase } from './made/web-case.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

export async function bench([lines = '10000000', threads = '2']) {
  const n = Number(lines);
  const dir = path.join(os.tmpdir(), 'tadasu-bench');
  fs.mkdirSync(dir, { recursive: true });
  const log = path.join(dir, `combined-${n}.log`);
  if (!fs.existsSync(log)) writeLog(log, n);
  const bytes = fs.statSync(log).size;
  console.log(`log            ${n} lines, ${(bytes / 1e9).toFixed(3)} GB, ${threads} threads`);
  timed('cat', [log]); // into the page cache
  const sum = timed('sha256sum', [log]);
  const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), log, threads], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status !== 0) throw new Error('the reading process failed');
  const r = JSON.parse(child.stdout);
  const all = r.evidence + r.events;
  console.log(`hash           ${r.evidence.toFixed(2)} s`);
  console.log(`into events    ${r.events.toFixed(2)} s   ${Math.round(n / r.events)} lines/s`);
  console.log(`both           ${all.toFixed(2)} s   ${Math.round(n / all)} lines/s   ${(bytes / all / 1e6).toFixed(0)} MB/s`);
  console.log(`processor time ${r.cpu.toFixed(2)} s for events: on ${threads} free cores at most ${Math.round((n / r.cpu) * Number(threads))} lines/s`);
  console.log(`peak memory    ${(r.rss / 1024).toFixed(0)} MB`);
  console.log(`parts          ${(r.disk / 1e9).toFixed(3)} GB, ${r.rows} rows, ${r.unparsed} unread`);
  console.log(`sha256sum      ${sum.toFixed(2)} s   both is ${(all / sum).toFixed(1)} times that`);
  const goaccess =
    spawnSync('goaccess', ['--version']).status === 0
      ? timed('goaccess', [log, '--log-format=COMBINED', '-o', path.join(dir, 'g.json'), '--no-progress'])
      : null;
  console.log(
    goaccess === null ? 'goaccess       not installed' : `goaccess       ${goaccess.toFixed(2)} s   both is ${(all / goaccess).toFixed(2)} times that`,
  );
}

function timed(command, args) {
  const start = process.hrtime.bigint();
  spawnSync(command, args, { stdio: 'ignore' });
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/** Deterministic: a small congruential generator picks from lists; some targets are encoded, some long. */
function writeLog(file, n) {
  let seed = 1;
  const pick = max => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % max;
  const agents = Array.from({ length: 400 }, (_, i) => `Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/${90 + (i % 60)}.0.${i}.0 Safari/537.36`);
  const pages = ['/', '/login', '/quotes/new', '/customers', '/api/v1/items', '/static/app.css', '/static/app.js', '/img/logo.png', '/search'];
  const out = fs.openSync(`${file}.tmp`, 'w');
  let text = '';
  for (let i = 0; i < n; i++) {
    const at = Math.floor(i / 40);
    const two = v => String(v).padStart(2, '0');
    const day = Math.floor(at / 86400);
    const stamp = `${two((day % 28) + 1)}/${['Sep', 'Oct', 'Nov'][Math.floor(day / 28) % 3]}/2026:${two(Math.floor(at / 3600) % 24)}:${two(Math.floor(at / 60) % 60)}:${two(at % 60)} +0900`;
    const kind = pick(20);
    const target =
      kind === 0
        ? `/search?q=%E3%83%9A%E3%83%83%E3%83%88+${pick(9999)}`
        : kind < 6
          ? `/customers/${pick(2000000)}`
          : kind < 8
            ? `/api/v1/items?page=${pick(500)}&size=50`
            : pages[pick(pages.length)];
    text += `203.0.${pick(250)}.${pick(250)} - - [${stamp}] "${kind === 3 ? 'POST' : 'GET'} ${target} HTTP/1.1" ${kind === 4 ? 302 : 200} ${pick(90000)} "${kind < 10 ? 'https://example.jp/' : '-'}" "${agents[pick(400)]}"\n`;
    if (text.length > 1 << 22) {
      fs.writeSync(out, text);
      text = '';
    }
  }
  fs.writeSync(out, text);
  fs.closeSync(out);
  fs.renameSync(`${file}.tmp`, file);
}

/** The measured process. */
async function measure(log, threads) {
  const load = name => import(path.join(root, 'dist', name, 'index.js'));
  const [{ collectEvidence }, { readEvents }, { sql }] = await Promise.all(['evidence', 'events', 'engine'].map(load));
  const { kase, engine, outDir, effects } = await openWebCase(load, { log, format: 'apache-combined', threads, memory: '1GB' });
  const t0 = performance.now();
  await collectEvidence(kase, effects);
  const t1 = performance.now();
  const cpu0 = process.cpuUsage();
  const summary = await readEvents(kase, effects);
  const t2 = performance.now();
  const cpu = process.cpuUsage(cpu0);
  const rss = process.resourceUsage().maxRSS;
  const { rows } = await engine.row('bench.rows', sql`select count(*) as rows from event where time_us is not null`);
  const disk = fs
    .readdirSync(path.join(outDir, 'work', 'events'), { recursive: true, withFileTypes: true })
    .filter(f => f.isFile())
    .reduce((s, f) => s + fs.statSync(path.join(f.parentPath, f.name)).size, 0);
  engine.close();
  console.log(
    JSON.stringify({
      evidence: (t1 - t0) / 1000,
      events: (t2 - t1) / 1000,
      cpu: (cpu.user + cpu.system) / 1e6,
      rss,
      rows,
      unparsed: summary.unparsed,
      disk,
    }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await measure(process.argv[2], Number(process.argv[3]));
