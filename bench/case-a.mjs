// npm run bench case-a [-- 0.01 0.1 1] : the first reference incident at these scales, from evidence to the published table. Needs a build.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export async function bench(args) {
  if (args[0] === '--run') return investigate(args[1], Number(args[2]));
  const flag = args.indexOf('--threads');
  const threads = flag < 0 ? 2 : Number(args[flag + 1]);
  const scales = args.filter((a, i) => /^[0-9.]+$/.test(a) && (flag < 0 || i !== flag + 1)).map(Number);
  for (const scale of scales.length > 0 ? scales : [0.01]) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-case-a-'));
    try {
      const { createDrill } = await import('../dist/drills/index.js');
      const { quietEffects } = await import('../dist/base/index.js');
      const drill = await createDrill({ scenario: 'indicator-subsystem', scale, seed: 1, cells: false, out: path.join(dir, 'case') }, quietEffects);
      const ran = spawnSync(
        process.execPath,
        [path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'scripts', 'bench.mjs'), 'case-a', '--run', drill.casePath, String(threads)],
        { encoding: 'utf8', maxBuffer: 1 << 26 },
      );
      if (ran.status !== 0) throw new Error(ran.stderr.slice(-2000));
      const truth = JSON.parse(fs.readFileSync(path.join(dir, 'case', 'truth', 'truth.json'), 'utf8')).figures;
      const run = JSON.parse(ran.stdout.trim().split('\n').at(-1));
      console.log(
        JSON.stringify({
          scale,
          records: truth.total,
          web_lines: drill.webLines,
          database_lines: drill.databaseLines,
          ...run,
          published: undefined,
          exact: wrong(run.published, truth).length === 0,
          ...(wrong(run.published, truth).length > 0 && { wrong: wrong(run.published, truth) }),
        }),
      );
    } finally {
      fs.rmSync(dir, { recursive: true, force: true });
    }
  }
}

/** Figures of the published table that are not the simulator's, in either view. */
const wrong = (published, truth) =>
  Object.entries(published)
    .filter(([name, [lower, upper]]) => lower !== truth[name] || upper !== truth[name])
    .map(([name, got]) => ({ name, got, truth: truth[name] }));

/** The published table, lower and upper view: records by combination of items, by role, and うち. */
function publishedTable(counts) {
  const both = r => [r?.lower ?? 0, r?.upper ?? 0];
  const sum = list => list.reduce(([l, u], r) => [l + r.lower, u + r.upper], [0, 0]);
  const having = (...elements) => both(counts.combinations.find(c => c.elements.join() === elements.join())?.records);
  const holder = counts.roles.find(r => r.role === 'policyholder');
  const of = test => sum(counts.combinations.filter(c => test(c.elements)).map(c => c.records));
  const agent = counts.roles.find(r => r.role === 'agent');
  const named = e => e.includes('person.name');
  const policy = e => e.includes('contract.policy_number');
  return {
    name_contact_policy: having('person.name', 'contact.*', 'contract.policy_number'),
    name_policy: having('person.name', 'contract.policy_number'),
    contact_policy: having('contact.*', 'contract.policy_number'),
    others: of(e => !policy(e) && !e.includes('claim.accident_number') && !e.includes('person.birth_date') && (named(e) || e.includes('contact.*'))),
    accounts: both(holder?.of_which.find(o => o.element === 'finance.bank_account')?.records),
    agency: both(agent?.records),
    agency_named: having('person.name', 'person.birth_date'),
    numbers_only: of(e => (policy(e) || e.includes('claim.accident_number')) && !named(e) && !e.includes('contact.*')),
    total: [counts.figures.records.executed, counts.figures.records.possible],
  };
}

/** One run in a process of its own, so that its peak memory is its own. */
async function investigate(casePath, threads) {
  const load = name => import(`../dist/${name}/index.js`);
  const [{ quietEffects }, { openForInvestigation }, { collectEvidence }, events, { detect }, { reconstruct }, { assessExposure }, persons] = await Promise.all(
    ['base', 'case', 'evidence', 'events', 'detections', 'intrusion', 'exposure', 'persons'].map(load),
  );
  const kase = await openForInvestigation(casePath, path.join(path.dirname(casePath), 'out'), { threads });
  const effects = { ...quietEffects, threads };
  const stages = {};
  const started = performance.now();
  let counts = null;
  for (const [name, run] of [
    ['evidence', () => collectEvidence(kase, effects)],
    ['events', () => events.readEvents(kase, effects)],
    ['clocks', () => events.estimateClockOffsets(kase, effects)],
    ['coverage', () => events.measureCoverage(kase, effects)],
    ['detections', () => detect(kase, effects)],
    ['intrusion', () => reconstruct(kase, effects)],
    ['exposure', () => assessExposure(kase, effects)],
    ['classify', () => persons.classifyColumns(kase, effects)],
    ['persons', () => persons.identifyPersons(kase, effects)],
    [
      'count',
      async () => {
        counts = await persons.countExposure(kase);
      },
    ],
  ]) {
    const from = performance.now();
    await run();
    stages[name] = Math.round((performance.now() - from) / 100) / 10;
  }
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const peak = Math.max(
    ...fs
      .readFileSync('/proc/self/status', 'utf8')
      .split('\n')
      .filter(l => l.startsWith('VmHWM'))
      .map(l => Number(l.replace(/\D/g, '')) / 1024),
  );
  const cpu = process.cpuUsage();
  console.log(
    JSON.stringify({
      seconds,
      cpu_seconds: Math.round((cpu.user + cpu.system) / 1e5) / 10,
      peak_mib: Math.round(peak),
      stages,
      published: publishedTable(counts),
      persons: counts.figures.persons.executed,
    }),
  );
  kase.close();
}
