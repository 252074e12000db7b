import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Effects, exitCodes, HOUR, type Lang, MINUTE, readCatalogues, t, utcMicros, workerFile, zoneOffset } from '../base/index.ts';
import { CaseStore } from '../case/index.ts';
import { Engine, sql } from '../engine/index.ts';

type State = 'ok' | 'warn' | 'bad';
type Check = { readonly name: string; readonly state: State; readonly label: string; readonly detail: string };

/** `tadasu doctor`: can this machine do the work? Exit 0, or 1 when something needed is missing. */
export async function doctor(options: { json?: boolean; out?: string }, effects: Effects): Promise<number> {
  const checks = await runChecks(effects.lang, path.resolve(options.out ?? '.'));
  process.stdout.write(options.json ? `${JSON.stringify({ checks }, null, 2)}\n` : table(checks, effects.lang));
  return checks.some(c => c.state === 'bad') ? exitCodes.attention : exitCodes.done;
}

async function runChecks(lang: Lang, dir: string): Promise<Check[]> {
  const say = (key: string, params: Readonly<Record<string, unknown>> = {}): string => t(lang, `evidence:doctor.${key}`, params);
  const check = (name: string, state: State, detail: string, label = say(`check.${name}`)): Check => ({
    name,
    state,
    label,
    detail,
  });
  const attempt = async (name: string, body: () => Promise<string>): Promise<Check> => {
    try {
      return check(name, 'ok', await body());
    } catch (error) {
      return check(name, 'bad', say('detail.failed', { reason: error instanceof Error ? error.message.split('\n')[0]! : 'error' }));
    }
  };
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const nodeOk = major > 20 || (major === 20 && minor >= 19);
  return [
    check('node', nodeOk ? 'ok' : 'bad', nodeOk ? process.version : say('detail.node-old', { version: process.version })),
    fs.existsSync(fileURLToPath(workerFile('cli'))) ? check('build', 'ok', 'dist/') : check('build', 'warn', say('detail.build-missing')),
    await attempt('engine', engineVersion),
    await attempt('store', storeWorks),
    await attempt('typst', async () => {
      await import('@myriaddreamin/typst-ts-node-compiler');
      return packageVersion('@myriaddreamin/typst-ts-node-compiler');
    }),
    fonts(check, say),
    zones(check, say),
    space(check, say, dir),
    write(check, say, dir),
    check('memory', 'ok', say('detail.memory', { total: (os.totalmem() / 1e9).toFixed(1), cores: os.availableParallelism() })),
    texts(check, say),
    ...['openssl', 'chromium', 'goaccess'].map(name => {
      const found = onPath(name);
      return check(`tool-${name}`, found ? 'ok' : 'warn', found ?? say('detail.tool-none', { use: say(`use.${name}`) }), say('check.tool', { name }));
    }),
  ];
}

type Make = (name: string, state: State, detail: string) => Check;
type Say = (key: string, params?: Readonly<Record<string, unknown>>) => string;

async function engineVersion(): Promise<string> {
  const engine = await Engine.open({ file: ':memory:', threads: 1 });
  try {
    const row = await engine.row<{ v: string; h: number; j: string }>(
      'doctor',
      sql`select version() as v,
      extract(hour from timezone('Asia/Tokyo', timestamptz '2025-01-01 00:00:00+00'))::int as h, json_extract_string('{"a":"b"}', '$.a') as j`,
    );
    if (row.h !== 9 || row.j !== 'b') throw new Error('icu, json');
    return row.v;
  } finally {
    engine.close();
  }
}

async function storeWorks(): Promise<string> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-doctor-'));
  try {
    const store = new CaseStore(path.join(dir, 'case.sqlite'));
    store.append('doctor', 'tadasu', 0, {});
    const broken = store.verifyJournal();
    store.close();
    if (broken) throw new Error(broken.reason);
    return packageVersion('@photostructure/sqlite');
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

const resolver = createRequire(import.meta.url);

function packageFolder(name: string): string | null {
  for (const dir of resolver.resolve.paths(name) ?? []) if (fs.existsSync(path.join(dir, name, 'package.json'))) return path.join(dir, name);
  return null;
}

function packageVersion(name: string): string {
  const folder = packageFolder(name);
  return folder ? (JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')) as { version: string }).version : '';
}

function fonts(check: Make, say: Say): Check {
  const wanted = ['biz-udpgothic', 'biz-udpmincho', 'noto-sans-jp', 'noto-serif-jp'];
  const missing = wanted.find(f => packageFolder(`@expo-google-fonts/${f}`) === null);
  return missing ? check('fonts', 'bad', say('detail.font-missing', { name: missing })) : check('fonts', 'ok', wanted.join(', '));
}

function zones(check: Make, say: Say): Check {
  const summer = utcMicros(2025, 7, 1);
  const known: [string, number][] = [
    ['America/St_Johns', -(2 * HOUR + 30 * MINUTE)],
    ['Asia/Kathmandu', 5 * HOUR + 45 * MINUTE],
    ['Asia/Tokyo', 9 * HOUR],
  ];
  const wrong = known.find(([zone, offset]) => {
    try {
      return zoneOffset(zone, summer) !== offset;
    } catch {
      return true;
    }
  });
  return wrong
    ? check('zones', 'bad', say('detail.zone-wrong', { zone: wrong[0] }))
    : check('zones', 'ok', `tz ${process.versions['tz'] ?? ''}, ICU ${process.versions['icu'] ?? ''}`);
}

function space(check: Make, say: Say, dir: string): Check {
  const existing = nearestFolder(dir);
  const { bavail, bsize } = fs.statfsSync(existing);
  const free = (bavail * bsize) / 1e9;
  return check('space', free < 2 ? 'warn' : 'ok', say('detail.space', { free: free.toFixed(1), dir: existing }));
}

function write(check: Make, say: Say, dir: string): Check {
  const existing = nearestFolder(dir);
  try {
    fs.accessSync(existing, fs.constants.W_OK);
    return check('write', 'ok', say('detail.write', { dir: existing }));
  } catch {
    return check('write', 'bad', say('detail.write-no', { dir: existing }));
  }
}

function nearestFolder(dir: string): string {
  let at = dir;
  while (!fs.existsSync(at) && path.dirname(at) !== at) at = path.dirname(at);
  return at;
}

function texts(check: Make, say: Say): Check {
  const { ja, en } = readCatalogues();
  const keys = (o: unknown, at = ''): string[] => (o !== null && typeof o === 'object' ? Object.entries(o).flatMap(([k, v]) => keys(v, `${at}.${k}`)) : [at]);
  const differing = Object.keys({ ...ja, ...en }).find(n => keys(ja[n]).sort().join() !== keys(en[n]).sort().join());
  return differing ? check('texts', 'warn', say('detail.texts-differ', { name: differing })) : check('texts', 'ok', 'ja, en');
}

function onPath(name: string): string | null {
  for (const dir of (process.env['PATH'] ?? '').split(path.delimiter)) {
    if (dir !== '' && fs.existsSync(path.join(dir, name))) return path.join(dir, name);
  }
  return null;
}

/** Columns that line up also with full-width letters, which take two places on a terminal. */
function table(checks: readonly Check[], lang: Lang): string {
  const width = (s: string): number =>
    [...s].reduce((n, c) => n + (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(c) ? 2 : 1), 0);
  const pad = (s: string, n: number): string => s + ' '.repeat(Math.max(0, n - width(s)));
  const states = checks.map(c => t(lang, `evidence:doctor.state.${c.state}`));
  const [first, second] = [Math.max(...states.map(width)), Math.max(...checks.map(c => width(c.label)))];
  return checks.map((c, i) => `${pad(states[i]!, first)}  ${pad(c.label, second)}  ${c.detail}\n`).join('');
}
