import fs from 'node:fs';
import path from 'node:path';
import { DAY, type Effects, HOUR, isoUtc, MINUTE, utcMicros, UserError } from '../base/index.ts';
import { caseYaml } from './case-yaml.ts';
import { type Plot, rest } from './intruders/plot.ts';
import { createDatabaseLog } from './logs/database-log.ts';
import { createLogWriter } from './logs/log-writer.ts';
import { openTextFile } from './logs/text-file.ts';
import { webFormatter } from './logs/web-formats.ts';
import { type DatabaseFormat, type Dialect, type DrillOptions, dialects, strategies, tampers, webFormats } from './options.ts';
import { createPlay, type Script } from './play.ts';
import { createRandom } from './random.ts';
import { lullFor, type Scenario } from './scenarios.ts';
import { createSite, type Style } from './site.ts';
import type { Handle } from './tables.ts';
import { openTruth } from './truth.ts';
import { spawnCrowd } from './users.ts';
import { createInsurer } from './worlds/insurer.ts';

/** What a drill wrote. */
export type Drill = {
  readonly dir: string; readonly casePath: string;
  readonly webLines: number; readonly databaseLines: number; readonly lostLines: number;
  /** Cells and records that the intruder really got. */
  readonly cells: number; readonly records: Readonly<Record<string, number>>;
};

/** Monday 14 April 2025, midnight in Japan. */
const firstDay = utcMicros(2025, 4, 13, 15);

const csvCell = (v: string | null): string => (v === null ? '' : /[",\r\n]/.test(v) ? `"${v.replaceAll('"', '""')}"` : v);

/** Rows as an export of the database would write them. */
export function writeTable(dir: string, table: Handle): void {
  const file = openTextFile(path.join(dir, `${table.name}.csv`));
  file.write(`${table.columns.join(',')}\n`);
  for (const row of table.rows) file.write(`${row.map(csvCell).join(',')}\n`);
  file.close();
}

/** Make the folders; refuses to write over anything. */
export function prepareFolder(out: string): void {
  if (fs.existsSync(out) && fs.readdirSync(out).length > 0) throw new UserError('drills.folder-not-empty', { folder: out });
  for (const sub of ['evidence', 'data', 'truth']) fs.mkdirSync(path.join(out, sub), { recursive: true });
}

function styleFor(seed: number, encoding: Style['encoding']): Style {
  const random = createRandom(seed, 'style');
  return { base: random.pick(['', '', '/app', '/api/v1']), searchParameter: random.pick(['q', 'q', 'keyword', 'name']), reflects: random.chance(0.3), missing: random.pick([200, 404]), pageSize: random.pick([20, 50, 50]), encoding };
}

/** One incident in the small insurer's system, written to `options.out`. Deterministic: same options, same bytes. */
export async function createInsurerDrill(options: DrillOptions, scenario: Scenario, effects: Effects): Promise<Drill> {
  const seed = options.seed ?? 1;
  const scale = options.scale ?? 0.02;
  const random = createRandom(seed, 'drill');
  prepareFolder(options.out);
  const out = (sub: string): string => path.join(options.out, sub);

  const lines = options.lines ?? Math.round(250_000 * scale);
  const days = options.days ?? (scale >= 0.02 ? 8 : 2);
  const startUs = firstDay + random.int(0, 3) * MINUTE;
  const endUs = startUs + days * DAY;
  const dialect: Dialect = options.dialect ?? (options.database === 'mysql-general' ? 'mysql' : options.database === 'none' ? random.pick(dialects) : 'postgresql');
  const logged = dialect === 'postgresql' || dialect === 'mysql';
  const database: DatabaseFormat = options.database ?? (logged && scenario.database ? (dialect === 'mysql' ? 'mysql-general' : 'pg-csvlog') : 'none');
  if (database !== 'none' && (dialect === 'mysql') !== (database === 'mysql-general')) throw new UserError('drills.dialect-mismatch', { dialect, database });
  const tamper = options.tamper ?? (random.chance(0.7) ? 'none' : random.pick(tampers));
  const strategy = options.strategy ?? random.pick(strategies);
  const format = options.format ?? (options.scenario === 'sqli-time' || options.scenario === 'sqli-stacked' || options.scenario === 'full-chain' ? 'nginx-timed' : random.pick(webFormats.slice(0, 2)));

  const world = createInsurer(seed, Math.max(40, Math.round(50_000 * scale)));
  const site = createSite(world, styleFor(seed, tamper === 'double-encoding' ? 'double' : tamper === 'base64' ? 'base64' : 'plain'), dialect === 'postgresql' || dialect === 'mysql' ? dialect : 'other', random.fork('site'));
  const truth = openTruth(out('truth'), { traceAll: lines <= 400_000, cells: options.cells ?? true });
  const formatter = webFormatter(format);
  const rotate = options.rotate === true || options.rotationLoss === true;
  const log = { dir: out('evidence'), rotate, gzip: options.gzip ?? false, loseLines: options.loseLines ?? 0 };
  const web = createLogWriter({ ...log, name: 'access', dropRotated: options.rotationLoss ?? false, random: random.fork('lose-web'), header: formatter.header });
  const databaseWriter = createLogWriter({ ...log, name: 'database', dropRotated: false, random: random.fork('lose-db'), header: database === 'mysql-general' ? mysqlHeader : '' });
  const play = createPlay({
    endUs, web, format: formatter, skewUs: options.clockSkewUs ?? 0, databaseWriter, database: createDatabaseLog(database, databaseWriter, options.auditRows ?? false, random.fork('database')),
    truth, flip: options.flipAnswers ?? 0, random: random.fork('flip'), effects,
  });
  spawnCrowd({ site, random: random.fork('crowd'), startUs, endUs, lines, spawn: play.spawn, seed, changes: (options.snapshotDelayUs ?? 0) > 0 });
  if (scenario.play) {
    const small = world.tables['customers']!.rows.length;
    const plot: Plot = {
      site, random: random.fork('intruder'), truth, play, seed, dialect, strategy, tamper, threads: options.threads ?? random.pick([1, 1, 3]), sharedAddress: options.sharedAddress ?? false,
      targetRows: options.targetRows ?? Math.min(12, Math.max(4, Math.round(small / 40))), lull: lullFor(days * DAY), reach: Math.max(30, Math.min(4000, Math.round(small * 0.25))),
    };
    const act = scenario.play(plot, days * DAY);
    play.spawn(startUs + scenario.begins * days * DAY + random.int(0, HOUR), begin(act));
  }
  await play.run();
  const webFacts = await web.close();
  const databaseFacts = await databaseWriter.close();

  const last = Math.max(0, ...[...truth.phases.values()].map(p => p.toUs));
  const detectedUs = Math.min(last + random.int(40, 300) * MINUTE, endUs - 3 * HOUR);
  const asOfUs = endUs + (options.snapshotDelayUs ?? 0);
  for (const d of world.declared) writeTable(out('data'), d.table);
  const counts = truth.counts();
  truth.close({
    seed, scenario: options.scenario, options: { ...options, out: undefined }, dialect, database, format, tamper, strategy, style: site.style, from: isoUtc(startUs), to: isoUtc(endUs), snapshot: isoUtc(asOfUs),
    clock_skew_us: options.clockSkewUs ?? 0, trace: lines <= 400_000 ? 'all' : 'intruder',
    logs: { web: webFacts, database: databaseFacts }, cells: counts.cells, records: counts.records, persons: world.persons, companies: world.companies,
  });
  const zone = format === 'haproxy' ? 'Asia/Tokyo' : null;
  fs.writeFileSync(path.join(options.out, 'case.yaml'), caseYaml({
    id: `drill-${options.scenario}-${seed}`, title: options.title ?? scenario.title, organisation: '例示損害保険株式会社',
    facts: scenario.play ? { detectedUs, knownUs: detectedUs + 20 * MINUTE, containedUs: detectedUs + 110 * MINUTE } : null,
    system: { id: 'web', ja: '見積もり・契約照会Web' },
    evidence: [
      { id: 'access', kind: format === 'jsonl' ? 'events' : 'web-access', files: rotate || options.gzip ? 'evidence/access.log*' : 'evidence/access.log', formatYaml: formatter.yaml, zone },
      ...(database === 'none' ? [] : [{ id: 'database', kind: 'sql-audit', files: rotate || options.gzip ? 'evidence/database.log*' : 'evidence/database.log', formatYaml: `format: ${database}`, zone: null }]),
    ],
    datasets: world.declared.map(d => ({ id: d.table.name, file: `data/${d.table.name}.csv`, keys: d.table.key, asOfUs, roleYaml: d.roleYaml, legalYaml: d.legalYaml })),
  }));
  return { dir: options.out, casePath: path.join(options.out, 'case.yaml'), webLines: webFacts.lines, databaseLines: databaseFacts.lines, lostLines: webFacts.lost + databaseFacts.lost, cells: counts.cells, records: counts.records };
}

const mysqlHeader = '/usr/sbin/mysqld, Version: 8.0.41 (MySQL Community Server - GPL). started with:\nTcp port: 3306  Unix socket: /var/run/mysqld/mysqld.sock\nTime                 Id Command    Argument';

function* begin(act: Script): Script {
  yield* rest(0);
  yield* act;
}

