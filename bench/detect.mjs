// Detection: precision and recall of request scoring on labelled payloads and on a rule set's own tests, and the cost of all
// our methods and rules (with the public webserver rules, where they are at hand) over N request events (default 10,000,000).
//   npm run bench detect [EVENTS] [THREADS]
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseAllDocuments } from 'yaml';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const data = path.join(root, '..', 'shared', 'data');
const built = file => import(pathToFileURL(path.join(root, 'dist', file)).href);

export async function bench([events = '10000000', threads = '2']) {
  const { scoreRequest } = await built('detections/index.js');
  payloads(scoreRequest);
  coreRules(scoreRequest);
  if (Number(events) > 0) {
    const child = spawnSync(process.execPath, ['--max-old-space-size=2048', fileURLToPath(import.meta.url), events, threads], {
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

const crsFamilies = {
  930: ['path-traversal'],
  931: ['ssrf', 'path-traversal'],
  932: ['command-injection', 'code-injection', 'path-traversal'],
  933: ['code-injection', 'command-injection', 'ssrf', 'deserialisation'],
  934: ['ssrf', 'template', 'code-injection', 'command-injection', 'nosql'],
  941: ['xss'],
  942: ['sqli', 'nosql'],
  944: ['template', 'deserialisation', 'command-injection', 'code-injection'],
};

/** Only what an access log shows: target, agent, referer. A test counts when its attack stands there. */
function coreRules(scoreRequest) {
  const dir = path.join(data, 'crs', 'regression', 'tests');
  if (!fs.existsSync(dir)) return console.log('rule set tests  not at hand');
  console.log('rule set tests  target, agent and referer only');
  for (const folder of fs.readdirSync(dir).sort()) {
    const number = Number(folder.split('-')[1]);
    const wanted = crsFamilies[number];
    if (!wanted) continue;
    const c = { hit: 0, attacks: 0, quiet: 0, harmless: 0 };
    for (const file of fs.readdirSync(path.join(dir, folder))) {
      for (const document of parseAllDocuments(fs.readFileSync(path.join(dir, folder, file), 'utf8'), { logLevel: 'silent' })) {
        for (const test of document.toJS()?.tests ?? [])
          for (const { input, output } of test.stages ?? []) {
            const log = output?.log ?? {};
            const attack = (log.expect_ids ?? []).some(id => String(id).startsWith(String(number)));
            const uri = input?.uri ?? '/';
            const headers = input?.headers ?? {};
            const agent = headers['User-Agent'] ?? '';
            const shown = uri.includes('?') || uri.split('/').length > 2 || headers.Referer;
            if (input?.data !== undefined && attack) continue;
            if (!shown || (!attack && (log.no_expect_ids ?? []).length === 0)) continue;
            const families = scoreRequest({
              target: String(uri),
              userAgent: String(agent),
              referer: headers.Referer ?? null,
            }).map(s => s.family);
            if (attack) {
              c.attacks++;
              if (families.length > 0) c.hit++;
            } else {
              c.harmless++;
              if (!families.some(f => wanted.includes(f))) c.quiet++;
            }
          }
      }
    }
    console.log(
      `  ${folder.slice(8).padEnd(38)} attacks ${String(c.attacks).padStart(4)} seen ${(c.hit / Math.max(1, c.attacks)).toFixed(3)}   near misses ${String(c.harmless).padStart(4)} left alone ${(c.quiet / Math.max(1, c.harmless)).toFixed(3)}`,
    );
  }
}

async function cost(events, threads) {
  const { Engine, sql } = await built('engine/index.js');
  const { eventColumns } = await built('events/index.js');
  const { detect } = await built('detections/index.js');
  const { readRuleFolder } = await built('detections/sigma/rule-folder.js');
  const { runRules } = await built('detections/sigma/run.js');
  const dir = path.join(os.tmpdir(), 'tadasu-bench');
  fs.mkdirSync(dir, { recursive: true });
  const file = path.join(dir, `requests-${events}.parquet`);
  const open = () => Engine.open({ file: ':memory:', threads, memory: '2GB', tempDirectory: dir });
  if (!fs.existsSync(file)) {
    const engine = await open();
    const own = {
      class: sql`1`,
      time_us: sql`1700000000000000 + i * 40000`,
      src_ip: sql`'198.' || (u % 200) || '.' || (u // 200 % 250) || '.' || (u // 50000)`,
      session: sql`case when u % 3 = 0 then md5(u::varchar) end`,
      user_agent: sql`'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/' || (90 + u % 40) || '.0 Safari/537.36'`,
      method: sql`case when h % 11 = 0 then 'POST' else 'GET' end`,
      path: sql`case h % 9 when 0 then '/' when 1 then '/login' when 2 then '/customers/' || (g % 300000) when 3 then '/static/app.css' when 4 then '/search' when 5 then '/customers/' || (g % 300000) || '/claims' else '/menu' end`,
      query: sql`case when h % 9 = 4 then 'q=' || md5(g::varchar)[:6] when h % 9 = 0 then null when h % 50 = 7 then 'page=' || (g % 20) end`,
      status: sql`case when h % 97 = 0 then 404 else 200 end`,
      bytes_out: sql`200 + g % 9000`,
      referer: sql`case when h % 2 = 0 then 'https://www.example.jp/menu' end`,
    };
    const columns = eventColumns.map(c =>
      c.name === 'target'
        ? sql`path || coalesce('?' || query, '') as target`
        : c.name in own
          ? sql.id(c.name)
          : sql`${sql.raw(`null::${c.type === 'str' ? 'varchar' : 'bigint'}`)} as ${sql.id(c.name)}`,
    );
    await engine.run(
      'bench.make',
      sql`copy (select 1099511627776 + i * 16 as event_id, 1 as file_no, 'web' as evidence_id, null::varchar as system_id, 'web-access' as source_kind, time_us as at_us, time_us as start_lo_us, time_us as start_hi_us,
      time_us as end_lo_us, time_us as end_hi_us, ${sql.join(columns)} from (select i, ${sql.join(Object.entries(own).map(([k, v]) => sql`${v} as ${sql.id(k)}`))} from
      (select i, hash(i) % 1000003 as h, hash(i + 7) % 999983 as g, hash(i + 3) % 60000 as u from range(${sql.lit(events)}::bigint) t(i)))) to ${sql.lit(file)} (format parquet)`,
    );
    engine.close();
  }
  const engine = await open();
  await engine.run('bench.view', sql`create view event as select * from read_parquet(${sql.lit(file)})`);
  const effects = { now: () => 0, log() {}, progress() {}, lang: 'en', threads };
  const timed = async body => {
    const start = process.hrtime.bigint();
    const value = await body();
    return [Number(process.hrtime.bigint() - start) / 1e9, value];
  };
  const [own, summary] = await timed(() => detect({ engine }, effects));
  console.log(`our detections  ${events} events, ${threads} threads: ${own.toFixed(2)} s, ${summary.detections} detections`);
  const folder = path.join(data, 'sigma', 'rules', 'web');
  if (fs.existsSync(folder)) {
    const read = readRuleFolder(folder);
    const web = { ...read, rules: read.rules.filter(r => r.logsource.category === 'webserver') };
    const [public_, run] = await timed(() => runRules(engine, web, null, true));
    console.log(`public rules    ${web.rules.length} webserver rules: ${public_.toFixed(2)} s, ${run.matches.length} matches`);
  }
  console.log(`peak memory     ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`);
  engine.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await cost(Number(process.argv[2]), Number(process.argv[3]));
