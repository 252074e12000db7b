// Rebuilding injections: log lines a second on one core, over a log of blind requests among ordinary ones. Needs a build; prints one JSON line.
import { performance } from 'node:perf_hooks';
import { rebuildInjections } from '../dist/intrusion/injection/rebuild.js';

const cells = Number(process.argv[2] ?? 400);
const ordinaryPerRequest = Number(process.argv[3] ?? 20);
const events = [];
let at = 1_700_000_000_000_000;
const base = {
  class: 1,
  src_ip: '198.51.100.9',
  host: null,
  method: 'GET',
  path: '/search',
  user_agent: 'agent',
  referer: null,
  forwarded: null,
  session: null,
  sql_text: null,
  extra: null,
  status: 200,
  duration_us: 2000,
  rows_out: null,
  err_code: null,
  target_length: 200,
  time_kind: 2,
};
for (let k = 0; k < cells; k++) {
  const value = `v${(k * 7919) % 100_000}x`;
  for (let p = 1; p <= value.length + 1; p++) {
    const code = p <= value.length ? value.charCodeAt(p - 1) : 0;
    for (let lo = 0, hi = 127; lo < hi; ) {
      const mid = (lo + hi) >> 1;
      const holds = code > mid;
      const sql = `x' AND ASCII(SUBSTRING((SELECT COALESCE(CAST(c AS VARCHAR(10000))::text,(CHR(32))) FROM t ORDER BY id OFFSET ${k} LIMIT 1)::text FROM ${p} FOR 1))>${mid} AND 'a'='a`;
      events.push({ ...base, event_id: events.length * 16, at_us: (at += 5000), query: `q=${encodeURIComponent(sql)}`, bytes_out: holds ? 900 : 60 });
      if (holds) lo = mid + 1;
      else hi = mid;
    }
  }
}
const cpu = process.cpuUsage();
const started = performance.now();
const r = rebuildInjections(events);
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(cpu);
const cpuSeconds = (user + system) / 1e6;
const exact = r.cells.filter(c => c.solution.status === 'exact').length;
// Ordinary lines are left out by the query that feeds this step; they are counted in one figure only, and said to be.
process.stdout.write(
  `${JSON.stringify({
    bench: 'injection',
    cells,
    exact,
    injected_requests: events.length,
    seconds: +seconds.toFixed(2),
    cpu_seconds: +cpuSeconds.toFixed(2),
    injected_requests_per_second: Math.round(events.length / seconds),
    injected_requests_per_cpu_second: Math.round(events.length / cpuSeconds),
    ordinary_lines_per_request: ordinaryPerRequest,
    log_lines_per_second: Math.round((events.length * (1 + ordinaryPerRequest)) / seconds),
    peak_mebibytes: Math.round(process.resourceUsage().maxRSS / 1024),
  })}\n`,
);
