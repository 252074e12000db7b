import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

/** Holds the house rules of ARCHITECTURE.md to the tree. Type imports count. */

const root = path.resolve(import.meta.dirname, '..');
const order = [
  'base',
  'engine',
  'case',
  'view',
  'drills',
  'evidence',
  'events',
  'detections',
  'intrusion',
  'exposure',
  'persons',
  'revisions',
  'obligations',
  'reports',
  'notices',
  'result',
  'pipeline',
  'web',
  'commands',
  'cli',
];
/** Servants that see no stage. */
const mayImport: Record<string, readonly string[]> = {
  base: [],
  engine: ['base'],
  case: ['base', 'engine'],
  view: ['base'],
  drills: ['base', 'engine', 'case'],
};

function* files(dir: string): Generator<string> {
  for (const e of fs.readdirSync(dir, { withFileTypes: true })) {
    const full = path.join(dir, e.name);
    if (e.isDirectory()) yield* files(full);
    else if (/\.tsx?$/.test(e.name)) yield full;
  }
}

const sources = [...files(path.join(root, 'src'))].map(file => ({
  file: path.relative(root, file).split(path.sep).join('/'),
  text: fs.readFileSync(file, 'utf8'),
}));
const server = sources.filter(s => !s.file.startsWith('src/web/client/'));
const moduleOf = (file: string): string => file.slice(4).split('/')[0]!.replace(/\.ts$/, '');

function imports(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)].map(m => m[1]!);
}

test('imports go down only, and into another module only through its index', () => {
  const wrong: string[] = [];
  for (const { file, text } of server) {
    const here = moduleOf(file);
    for (const spec of imports(text)) {
      const target = path.posix.join(path.posix.dirname(file), spec);
      const there = moduleOf(target);
      if (there === here) continue;
      const single = target.split('/').length === 2;
      if (!single && !target.endsWith('/index.ts') && here !== 'cli') wrong.push(`${file} → ${target}: not through index.ts`);
      if (order.indexOf(there) === -1) wrong.push(`${file} → ${target}: unknown module`);
      else if (order.indexOf(there) >= order.indexOf(here)) wrong.push(`${file} → ${target}: upward`);
      const allowed = mayImport[here];
      if (allowed && !allowed.includes(there)) wrong.push(`${file} → ${target}: ${here} may import only ${allowed.join(', ') || 'nothing'}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('no file is longer than 500 lines, none has a name that says nothing', () => {
  const long = sources.filter(s => s.text.split('\n').length > 501).map(s => s.file);
  const vague = sources.filter(s => /(^|[-/])(utils?|helpers?|common|managers?|services?|misc)([-./]|$)/.test(s.file)).map(s => s.file);
  const notKebab = sources.filter(s => !/^src(\/[a-z0-9-]+)*\/[a-z0-9.-]+\.tsx?$/.test(s.file)).map(s => s.file);
  expect({ long, vague, notKebab }).toEqual({ long: [], vague: [], notKebab: [] });
});

test('clocks, consoles and raw SQL stay at the edges', () => {
  const wrong = server
    .filter(
      s =>
        !/^src\/(base\/effects|commands\/terminal|cli|web\/)/.test(s.file) &&
        /\bDate\.now\(|new Date\(\)|\bconsole\.|Math\.random\(/.test(stripComments(s.text)),
    )
    .map(s => s.file);
  expect(wrong).toEqual([]);
});

test('DuckDB is spoken to only by the engine', () => {
  expect(server.filter(s => !s.file.startsWith('src/engine/') && s.text.includes('@duckdb/')).map(s => s.file)).toEqual([]);
});

test('no machine path, registry host or download address in the tree', () => {
  const own = [
    ...files(path.join(root, 'src')),
    ...['package.json', 'package-lock.json', '.npmrc', 'README.md', 'README.ja.md'].map(f => path.join(root, f)).filter(f => fs.existsSync(f)),
  ];
  expect(own.filter(f => /registry\.npmjs|deb\.debian|"resolved"/.test(fs.readFileSync(f, 'utf8'))).map(f => path.relative(root, f))).toEqual([]);
});

test('both languages have the same texts with the same parameters', () => {
  const load = (lang: string) =>
    Object.fromEntries(
      fs
        .readdirSync(path.join(root, 'locales', lang))
        .sort()
        .map(f => [f, flatten(JSON.parse(fs.readFileSync(path.join(root, 'locales', lang, f), 'utf8')))]),
    );
  const [ja, en] = [load('ja'), load('en')];
  expect(Object.keys(ja)).toEqual(Object.keys(en));
  const params = (s: string) =>
    [...s.matchAll(/\{\{\s*([\w.]+)/g)]
      .map(m => m[1]!)
      .filter((x, i, a) => a.indexOf(x) === i)
      .sort();
  const wrong: string[] = [];
  for (const file of Object.keys(ja)) {
    const keys = new Set([...Object.keys(ja[file]!), ...Object.keys(en[file]!)]);
    for (const k of keys) {
      const [a, b] = [ja[file]![k], en[file]![k]];
      if (a === undefined || b === undefined) wrong.push(`${file} ${k}: only in ${a === undefined ? 'en' : 'ja'}`);
      else if (params(a).join() !== params(b).join()) wrong.push(`${file} ${k}: ${params(a)} / ${params(b)}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('every problem code in the sources has its sentence', () => {
  const catalogue = (ns: string): Record<string, string> => {
    const file = path.join(root, 'locales', 'ja', `${ns}.json`);
    return fs.existsSync(file) ? flatten(JSON.parse(fs.readFileSync(file, 'utf8'))) : {};
  };
  const missing = new Set<string>();
  for (const { file, text } of server) {
    for (const m of text.matchAll(/(?:problem\(|UserError\(|code:)\s*'([a-z]+)\.([a-z0-9-]+)'/g)) {
      if (catalogue(m[1]!)[`problem.${m[2]}`] === undefined) missing.add(`${m[1]}.${m[2]} (${file})`);
    }
  }
  expect([...missing]).toEqual([]);
});

test('ARCHITECTURE.md names every module of the tree', () => {
  const text = fs.readFileSync(path.join(root, 'ARCHITECTURE.md'), 'utf8');
  const modules = [...new Set(server.map(s => moduleOf(s.file)))];
  expect(modules.filter(m => !text.includes(m))).toEqual([]);
  expect(modules.filter(m => !order.includes(m))).toEqual([]);
});

function stripComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}

function flatten(value: unknown, prefix = ''): Record<string, string> {
  if (typeof value === 'string') return { [prefix]: value };
  return Object.assign({}, ...Object.entries(value as Record<string, unknown>).map(([k, v]) => flatten(v, prefix ? `${prefix}.${k}` : k)));
}

test('everything a source is blind to has its words', () => {
  const words = JSON.parse(fs.readFileSync(path.join(root, 'locales', 'ja', 'reports.json'), 'utf8')) as { blind: Record<string, string> };
  const named = server
    .filter(s => s.file.startsWith('src/events/'))
    .flatMap(s => [...s.text.matchAll(/[bB]lind\w*(?::| =) \[([^\]]*)\]/g)].flatMap(m => [...m[1]!.matchAll(/'([a-z-]+)'/g)].map(x => x[1]!)));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(n => words.blind[n] === undefined)).toEqual([]);
});

test('every reason for an end of the window has its words', () => {
  const words = JSON.parse(fs.readFileSync(path.join(root, 'locales', 'ja', 'reports.json'), 'utf8')) as { 'window-basis': Record<string, string> };
  const text = fs.readFileSync(path.join(root, 'src', 'intrusion', 'window.ts'), 'utf8');
  const named = [...text.matchAll(/(?:start|end)Basis: ([^\n]*)/g)].flatMap(m => [...m[1]!.matchAll(/[`']([a-z]+(?:-[a-z]+)*)(?::|['`])/g)].map(x => x[1]!));
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter(n => words['window-basis'][n] === undefined)).toEqual([]);
});
