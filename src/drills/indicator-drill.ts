import path from 'node:path';
import { DAY, type Effects, HOUR, MINUTE, SECOND, UserError, utcMicros } from '../base/index.ts';
import { csvField, type Drill, openStage } from './create.ts';
import type { Client } from './exchange.ts';
import { createIndicatorSite, type IndicatorSite, type MeasuredTable, measure } from './indicator-site.ts';
import { type Act, asPhase, haste, intruder, lull, rest, type Stagecraft, send } from './intruders/plot.ts';
import { openTextFile } from './logs/text-file.ts';
import { type DrillOptions, webFormats } from './options.ts';
import { pause } from './pause.ts';
import type { Script } from './play.ts';
import { createRandom, type Random } from './random.ts';
import { arrivals, browsers, createClient, officeAddress, type Rhythm, staffHours } from './users.ts';
import { createIndicators, type IndicatorTable, indicatorFigures } from './worlds/indicators.ts';

const sessionLines = 21;
const branches = ['tokyo', 'osaka', 'nagoya', 'fukuoka', 'sapporo'];

/** Write one dataset and who is behind its rows; keeps only the length of each row. */
function writeDataset(dataDir: string, persons: ReturnType<typeof openTextFile>, table: IndicatorTable): MeasuredTable {
  const file = openTextFile(path.join(dataDir, `${table.id}.csv`));
  const lengths = new Uint16Array(table.rows + 1);
  const positions = table.handle.columns.map((_, i) => i);
  file.write(`${table.handle.columns.join(',')}\n`);
  for (let n = 1; n <= table.rows; n++) {
    const row = table.row(n);
    let line = '';
    for (let i = 0; i < row.length; i++) line += i ? `,${csvField(row[i]!)}` : row[i];
    file.write(`${line}\n`);
    lengths[n] = measure(table, row, positions);
    const person = table.person(n);
    if (person !== null) persons.write(`${table.id},${n},${person}\n`);
  }
  file.close();
  return { ...table, lengths };
}

/** Somebody looks at dashboards, now and then at details. */
function* operatorSession(site: IndicatorSite, client: Client, random: Random): Script {
  const step = (call: ReturnType<IndicatorSite['health']>, wait: number) => ({ client, call, wait });
  yield step(site.loginForm(), 0);
  yield step(site.asset('/static/app.css', 20411), 40_000);
  yield step(site.asset('/static/app.js', 130_200), 20_000);
  yield step(site.login(`op${String(random.int(1, 300)).padStart(4, '0')}`, true), pause(random, 6 * SECOND));
  for (let n = random.int(1, 4); n > 0; n--) {
    yield step(site.dashboard(), pause(random, 20 * SECOND));
    for (const name of ['contracts', 'claims', 'quotes', 'renewals']) yield step(site.tile(name, `2025-0${random.int(1, 3)}`), 15_000);
    if (random.chance(0.5)) {
      const table = random.pick(site.tables);
      let after = random.int(0, Math.max(0, table.rows - 60));
      for (let pages = random.int(1, 4); pages > 0; pages--, after += 50) yield step(site.page(table, after), pause(random, 25 * SECOND));
    }
  }
}

function* checks(site: IndicatorSite, every: number): Script {
  const client = createClient(createRandom(1, 'checks'), '10.0.1.4', 'ELB-HealthChecker/2.0');
  for (;;) yield { client, call: site.health(), wait: Math.round(every) };
}

/** Five days: a stolen password, a look around, then table after table by its export function, from several addresses. */
function* fiveDays(plot: Stagecraft, site: IndicatorSite): Act {
  const { random } = plot;
  const first = intruder(plot, 'credential-stuffing');
  for (let i = 0; i < 120; i++) yield* send(first, site.login(`op${String(random.int(1, 900)).padStart(4, '0')}`, false), haste(random, 200_000));
  yield* send(first, site.login('op0117', true), haste(random, 200_000));
  const stuffing = plot.truth.phase('credential-stuffing');
  stuffing.account = 'op0117';
  stuffing.success = true;
  yield* lull(plot);
  let client = asPhase(first, 'mass-export');
  yield* send(client, site.dashboard(), 0);
  const total = site.tables.reduce((n, t) => n + t.rows, 0);
  for (const table of site.tables) {
    yield* send(client, site.page(table, 0), haste(random, 5 * SECOND));
    for (let after = 0; after < table.rows; after += site.exportSize) yield* send(client, site.export(table, after), haste(random, 3 * SECOND));
    client = asPhase(client, 'mass-export', random.chance(0.4) ? intruder(plot, 'mass-export').ip : client.ip);
    yield* rest(Math.floor((4.6 * DAY * table.rows) / total));
  }
  plot.truth.phase('mass-export').success = true;
}

/** The first reference incident at any scale: 17.48 million records at 1.0, ten million log lines, 17–21 April 2025. */
export async function createIndicatorDrill(options: DrillOptions, effects: Effects): Promise<Drill> {
  const seed = options.seed ?? 1;
  const scale = options.scale ?? 0.01;
  const random = createRandom(seed, 'indicator-drill');
  const database = options.database ?? 'pg-csvlog';
  if (database === 'mysql-general') throw new UserError('drills.dialect-mismatch', { dialect: 'postgresql', database });
  const lines = options.lines ?? Math.max(1500, Math.round(10_000_000 * scale));
  const startUs = utcMicros(2025, 4, 14, 15);
  const endUs = startUs + (options.days ?? 8) * DAY;
  const stage = openStage(
    options,
    {
      random,
      startUs,
      endUs,
      database,
      format: options.format ?? random.pick(webFormats.slice(0, 2)),
      traceAll: lines <= 200_000,
      cells: options.cells ?? scale <= 0.02,
    },
    effects,
  );

  const persons = openTextFile(path.join(stage.truthDir, 'persons.csv'));
  persons.write('dataset,key,person\n');
  const tables: MeasuredTable[] = [];
  for (const table of createIndicators(seed, scale)) {
    effects.progress({ stage: 'drill', done: tables.length, total: 7, unit: 'datasets' });
    tables.push(writeDataset(stage.dataDir, persons, table));
  }
  persons.close();
  const site = createIndicatorSite(tables, random.fork('site'));
  const { play, truth } = stage;
  play.spawn(startUs, checks(site, Math.max(30 * SECOND, (endUs - startUs) / Math.max(1, lines * 0.02))));
  const who = random.fork('who');
  const rhythm: Rhythm = {
    startUs,
    endUs,
    total: (lines * 0.98) / sessionLines,
    hours: staffHours,
    office: true,
    random: random.fork('arrivals'),
    spawn: play.spawn,
  };
  play.spawn(
    startUs,
    arrivals(rhythm, n =>
      operatorSession(
        site,
        createClient(who, who.chance(0.8) ? officeAddress(who.pick(branches)) : `198.18.${who.int(0, 3)}.${who.int(1, 250)}`, who.pick(browsers)),
        who.fork(n),
      ),
    ),
  );
  const plot: Stagecraft = { random: random.fork('intruder'), truth, play, sharedAddress: options.sharedAddress ?? false, lull: 5 * HOUR };
  play.spawn(
    utcMicros(2025, 4, 16, 16) + random.int(0, 50) * MINUTE,
    (function* (): Script {
      yield* rest(0);
      yield* fiveDays(plot, site);
    })(),
  );
  await play.run();
  return stage.finish({
    title: { ja: '指標管理Webサブシステムへの不正アクセス', en: 'Unauthorised access to the indicator web subsystem' },
    organisation: '例示損害保険株式会社',
    systemName: '指標管理Webサブシステム',
    incident: true,
    datasets: tables.map(t => ({ id: t.id, key: 'id', roleYaml: t.role, legalYaml: null })),
    facts: { figures: indicatorFigures(scale), persons_file: 'persons.csv' },
  });
}
