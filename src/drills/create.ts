import fs from 'node:fs';
import path from 'node:path';
import { DAY, type Effects, HOUR, isoUtc, MINUTE, type Micros, UserError } from '../base/index.ts';
import { caseYaml } from './case-yaml.ts';
import type { Style } from './exchange.ts';
import { type Plot, rest } from './intruders/plot.ts';
import { createDatabaseLog } from './logs/database-log.ts';
import { createLogWriter } from './logs/log-writer.ts';
import { openTextFile } from './logs/text-file.ts';
import { webFormatter } from './logs/web-formats.ts';
import { type DatabaseFormat, type Dialect, type DrillOptions, dialects, strategies, type Tamper, tampers, type WebFormat, webFormats } from './options.ts';
import { createPlay, type Script } from './play.ts';
import { createRandom, type Random } from './random.ts';
import { lullFor, type Scenario } from './scenarios.ts';
import { createSite } from './site/create-site.ts';
import type { Handle } from './tables.ts';
import { openTruth } from './truth.ts';
import { browsers, type Crowd, createClient, officeAddress, spawnCrowd, staffSession } from './users.ts';
import { drift } from './worlds/drift.ts';

/** What a drill wrote. */
export type Drill = {
  readonly dir: string;
  readonly casePath: string;
  readonly webLines: number;
  readonly databaseLines: number;
  readonly lostLines: number;
  /** Cells and records that the intruder really got. */
  readonly cells: number;
  readonly records: Readonly<Record<string, number>>;
};

/** One cell of a CSV export: as databases write it, nothing defused. NULL and '' are both empty. */
export const csvField = (v: string | null): string => (v === null ? '' : /[",\r\n]/.test(v) ? `"${v.replaceAll('"', '""')}"` : v);

function writeTable(dir: string, table: Handle, name = table.name): void {
  const file = openTextFile(path.join(dir, `${name}.csv`));
  file.write(`${table.columns.join(',')}\n`);
  for (const row of table.rows) file.write(`${row.map(csvField).join(',')}\n`);
  file.close();
}

/** Make the folders; refuses to write over anything. */
function prepareFolder(out: string): void {
  if (fs.existsSync(out) && fs.readdirSync(out).length > 0) throw new UserError('drills.folder-not-empty', { folder: out });
  for (const sub of ['evidence', 'data', 'truth']) fs.mkdirSync(path.join(out, sub), { recursive: true });
}

const encodings: Partial<Record<Tamper, Style['encoding']>> = {
  'double-encoding': 'double',
  'triple-encoding': 'triple',
  base64: 'base64',
  base64url: 'base64url',
  json: 'json',
  'percent-u': 'percent-u',
};

function styleFor(seed: number, options: DrillOptions, encoding: Style['encoding']): Style {
  const random = createRandom(seed, 'style');
  return {
    base: random.pick(['', '', '/app', '/api/v1']),
    searchParameter: random.pick(['q', 'q', 'keyword', 'name']),
    reflects: random.chance(0.3),
    missing: random.pick([200, 404]),
    pageSize: random.pick([20, 50, 50]),
    encoding,
    bodies: options.bodies ?? false,
    carrier: options.carrier ?? 'parameter',
    compressed: options.compressed ?? false,
  };
}

export type StageSetting = {
  readonly random: Random;
  readonly startUs: Micros;
  readonly endUs: Micros;
  readonly format: WebFormat;
  readonly database: DatabaseFormat;
  readonly traceAll: boolean;
  readonly cells: boolean;
};

export type Declaration = {
  readonly id: string /** See CaseDraft; a table that has another name was copied before the incident. */;
  readonly table?: string;
  readonly key: string;
  readonly roleYaml: string;
  readonly legalYaml: string | null;
};

export type Ending = {
  readonly title: { readonly ja: string; readonly en: string };
  readonly organisation: string;
  readonly systemName: string;
  readonly incident: boolean;
  readonly datasets: readonly Declaration[];
  readonly facts: Readonly<Record<string, unknown>>;
};

/** Logs, truth and clockwork of one drill; `finish` closes them and writes case.yaml and truth.json. */
export function openStage(options: DrillOptions, s: StageSetting, effects: Effects) {
  prepareFolder(options.out);
  const out = (sub: string): string => path.join(options.out, sub);
  const truth = openTruth(out('truth'), { traceAll: s.traceAll, cells: s.cells });
  const formatter = webFormatter(s.format);
  const rotate = options.rotate === true || options.rotationLoss === true;
  const log = { dir: out('evidence'), rotate, gzip: options.gzip ?? false, loseLines: options.loseLines ?? 0 };
  const web = createLogWriter({
    ...log,
    name: 'access',
    dropRotated: options.rotationLoss ?? false,
    random: s.random.fork('lose-web'),
    header: formatter.header,
  });
  const databaseWriter = createLogWriter({
    ...log,
    name: 'database',
    dropRotated: false,
    random: s.random.fork('lose-db'),
    header: s.database === 'mysql-general' ? mysqlHeader : '',
  });
  const play = createPlay({
    endUs: s.endUs,
    web,
    format: formatter,
    skewUs: options.clockSkewUs ?? 0,
    databaseWriter,
    database: createDatabaseLog(s.database, databaseWriter, options.auditRows ?? false, s.random.fork('database')),
    truth,
    flip: options.flipAnswers ?? 0,
    random: s.random.fork('flip'),
    effects,
  });

  async function finish(e: Ending): Promise<Drill> {
    const webFacts = await web.close();
    const databaseFacts = await databaseWriter.close();
    const last = Math.max(0, ...[...truth.phases.values()].map(p => p.toUs));
    const detectedUs = Math.min(last + s.random.int(40, 300) * MINUTE, s.endUs - 3 * HOUR);
    const asOfUs = s.endUs + (options.snapshotDelayUs ?? 0);
    const counts = truth.counts();
    truth.close({
      seed: options.seed ?? 1,
      scenario: options.scenario,
      options: { ...options, out: undefined },
      database: s.database,
      format: s.format,
      from: isoUtc(s.startUs),
      to: isoUtc(s.endUs),
      snapshot: isoUtc(asOfUs),
      clock_skew_us: options.clockSkewUs ?? 0,
      trace: s.traceAll ? 'all' : 'intruder',
      logs: { web: webFacts, database: databaseFacts },
      cells: counts.cells,
      records: counts.records,
      ...e.facts,
    });
    const several = rotate || options.gzip === true;
    const casePath = path.join(options.out, 'case.yaml');
    fs.writeFileSync(
      casePath,
      caseYaml({
        id: `drill-${options.scenario}-${options.seed ?? 1}`,
        title: options.title ?? e.title,
        organisation: e.organisation,
        facts: e.incident
          ? {
              detectedUs,
              knownUs: detectedUs + 20 * MINUTE,
              containedUs: detectedUs + 110 * MINUTE,
              ips: options.tell && !options.sharedAddress ? [...new Set([...truth.phases.values()].flatMap(p => [...p.ips]))].sort() : [],
              accounts: options.tell ? [...new Set([...truth.phases.values()].flatMap(p => p.account ?? []))].sort() : [],
            }
          : null,
        system: { id: 'web', ja: e.systemName },
        evidence: [
          {
            id: 'access',
            kind: 'web-access',
            files: several ? 'evidence/access.log*' : 'evidence/access.log',
            formatYaml: formatter.yaml,
            zone: s.format === 'haproxy' ? 'Asia/Tokyo' : null,
          },
          ...(s.database === 'none'
            ? []
            : [
                {
                  id: 'database',
                  kind: 'sql-audit',
                  files: several ? 'evidence/database.log*' : 'evidence/database.log',
                  formatYaml: `format: ${s.database}`,
                  zone: null,
                },
              ]),
        ],
        datasets: e.datasets.map(({ key, ...d }) => ({ ...d, file: `data/${d.id}.csv`, keys: key, asOfUs: d.table ? s.startUs : asOfUs })),
      }),
    );
    return {
      dir: options.out,
      casePath,
      webLines: webFacts.lines,
      databaseLines: databaseFacts.lines,
      lostLines: webFacts.lost + databaseFacts.lost,
      cells: counts.cells,
      records: counts.records,
    };
  }
  return { truth, play, finish, dataDir: out('data'), truthDir: out('truth') };
}

/** One incident in the insurer's system, written to `options.out`. Deterministic: same options, same bytes. */
export async function createInsurerDrill(options: DrillOptions, scenario: Scenario, effects: Effects): Promise<Drill> {
  const seed = options.seed ?? 1;
  const scale = options.scale ?? 0.02;
  const random = createRandom(seed, 'drill');
  const lines = options.lines ?? scenario.lines(scale);
  const days = options.days ?? scenario.days(scale);
  const startUs = scenario.firstDayUs + random.int(0, 3) * MINUTE;
  const endUs = startUs + days * DAY;
  const dialect: Dialect =
    options.dialect ?? (options.database === 'mysql-general' ? 'mysql' : options.database === 'none' ? random.pick(dialects) : 'postgresql');
  const logged = dialect === 'postgresql' || dialect === 'mysql';
  const database: DatabaseFormat = options.database ?? (logged ? (dialect === 'mysql' ? 'mysql-general' : 'pg-csvlog') : 'none');
  if (database !== 'none' && (!logged || (dialect === 'mysql') !== (database === 'mysql-general')))
    throw new UserError('drills.dialect-mismatch', { dialect, database });
  if (database === 'none' && options.scenario === 'db-dump') throw new UserError('drills.log-needed', { scenario: options.scenario });
  const asked = options.tamper ?? (random.chance(0.7) ? 'none' : random.pick(tampers));
  // versioned comments are comments to everybody else, and no header has a line end in it
  const raw = options.carrier === 'user-agent' || options.carrier === 'forwarded';
  const tamper = (asked === 'versioned' && dialect !== 'mysql') || (asked === 'newlines' && raw) ? 'none' : asked;
  const strategy = options.strategy ?? random.pick(strategies);
  const timed = options.scenario === 'sqli-time' || options.scenario === 'sqli-stacked' || options.scenario === 'full-chain';
  const format = options.format ?? (timed ? 'nginx-timed' : random.pick(webFormats.slice(0, 2)));

  const world = scenario.world(seed, scale);
  const site = createSite(
    world,
    styleFor(seed, options, encodings[tamper] ?? 'plain'),
    dialect === 'postgresql' || dialect === 'mysql' ? dialect : 'other',
    random.fork('site'),
  );
  const stage = openStage(options, { random, startUs, endUs, format, database, traceAll: lines <= 400_000, cells: options.cells ?? true }, effects);
  const { play, truth } = stage;
  const delay = options.snapshotDelayUs ?? 0;
  const crowd: Crowd = { site, random: random.fork('crowd'), startUs, endUs, lines, spawn: play.spawn, seed, changes: delay > 0 };
  spawnCrowd(crowd);
  const agents = world.tables['agents']!;
  const ownerWorks = (login: string): void => {
    const row = agents.where('login', login)[0];
    const own = random.fork(`owner/${login}`);
    if (row)
      play.spawn(play.now() + 1000, begin(staffSession(crowd, createClient(own, officeAddress(row[agents.column('branch')]!), own.pick(browsers)), row, own)));
  };
  if (scenario.play) {
    const small = world.tables['customers']!.rows.length;
    const plot: Plot = {
      site,
      random: random.fork('intruder'),
      truth,
      play,
      seed,
      dialect,
      strategy,
      tamper,
      // NOT of what most say past the end of a text is neither true nor false
      vector: options.vector === undefined || (options.vector === 'or-not' && dialect !== 'postgresql' && dialect !== 'mysql') ? 'and' : options.vector,
      oneShot: options.oneShot ?? false,
      knowsWidth: options.knowsWidth ?? false,
      outOfBand: options.outOfBand ?? false,
      ownerWorks,
      interrupted: options.interrupted ?? false,
      threads: options.threads ?? random.pick([1, 1, 3]),
      sharedAddress: options.sharedAddress ?? false,
      targetRows: options.targetRows ?? Math.min(12, Math.max(4, Math.round(small / 40))),
      lull: lullFor(days * DAY),
      reach: Math.max(30, Math.min(4000, Math.round(small * 0.25))),
    };
    play.spawn(startUs + Math.floor(scenario.begins * days * DAY) + random.int(0, HOUR), begin(scenario.play(plot, days * DAY)));
  }
  const first = options.firstSnapshot === true ? world.declared.map(d => ({ ...d, id: `${d.table.name}_before` })) : [];
  for (const d of first) writeTable(stage.dataDir, d.table, d.id);
  await play.run();
  const drifted =
    delay > 0 ? drift(world, seed, random.fork('drift'), Math.max(1, Math.round((delay / DAY) * world.tables['customers']!.rows.length * 0.004))) : [];
  for (const d of world.declared) writeTable(stage.dataDir, d.table);
  return stage.finish({
    title: scenario.title,
    organisation: '例示損害保険株式会社',
    systemName: '見積もり・契約照会Web',
    incident: scenario.play !== null,
    datasets: [
      ...world.declared.map(d => ({ id: d.table.name, key: d.table.key, roleYaml: d.roleYaml, legalYaml: d.legalYaml })),
      ...first.map(d => ({ id: d.id, table: d.table.name, key: d.table.key, roleYaml: d.roleYaml, legalYaml: d.legalYaml })),
    ],
    facts: { dialect, tamper, strategy, style: site.style, drift: drifted, persons: world.persons, companies: world.companies },
  });
}

const mysqlHeader =
  '/usr/sbin/mysqld, Version: 8.0.41 (MySQL Community Server - GPL). started with:\nTcp port: 3306  Unix socket: /var/run/mysqld/mysqld.sock\nTime                 Id Command    Argument';

/** Scripts run up to their first step when they are spawned: this one does nothing until its time has come. */
function* begin(act: Script): Script {
  yield* rest(0);
  yield* act;
}
