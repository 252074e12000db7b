import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { quietEffects, UserError } from '../../src/base/index.ts';
import type { PrintedMatch } from '../../src/detections/detect-files.ts';
import { type DetectFilesOptions, detectFiles } from '../../src/detections/index.ts';
import { readRuleFolder } from '../../src/detections/sigma/rule-folder.ts';
import { temporaryFolder } from '../fixtures/run.ts';

const root = temporaryFolder('detect-files');
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const effects = { ...quietEffects, threads: 1 };

/** What the command writes. */
async function written(options: DetectFilesOptions): Promise<string> {
  const out: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    out.push(String(text));
    return true;
  });
  expect(await detectFiles(options, effects)).toBe(0);
  vi.restoreAllMocks();
  return out.join('');
}

const matches = async (options: DetectFilesOptions): Promise<PrintedMatch[]> =>
  (await written(options))
    .split('\n')
    .filter(l => l !== '')
    .map(l => JSON.parse(l) as PrintedMatch);

function folder(name: string, files: Record<string, string>): string {
  const dir = path.join(root, name);
  fs.mkdirSync(dir, { recursive: true });
  for (const [file, text] of Object.entries(files)) fs.writeFileSync(path.join(dir, file), text);
  return dir;
}

const rules = folder('rules', {
  'process.yml': `title: Odd child
id: 11111111-0000-4000-8000-000000000001
author: Somebody Else
status: test
tags: [attack.execution]
logsource: {product: windows, category: process_creation}
detection:
  s: {Image|endswith: '\\cmd.exe', ParentImage|endswith: '\\w3wp.exe'}
  condition: s
level: high
`,
  'web.yml': `title: Environment file asked for
id: 11111111-0000-4000-8000-000000000002
author: A. Writer
license: MIT
logsource: {category: webserver}
detection:
  s: {cs-uri-stem|endswith: /.env, sc-status: 200}
  condition: s
level: medium
`,
  'many.yml': `title: Environment file asked for often
id: 11111111-0000-4000-8000-000000000003
author: A. Writer
correlation: {type: event_count, rules: [11111111-0000-4000-8000-000000000002], group-by: [c-ip], timespan: 1m, condition: {gte: 3}}
level: high
`,
  'unfinished.yml': 'title: [\n',
});

const record = (image: string, parent: string): string =>
  JSON.stringify({ Channel: 'Microsoft-Windows-Sysmon/Operational', EventID: 1, Image: `C:\\Windows\\${image}`, ParentImage: `C:\\inetsrv\\${parent}` });

describe('tadasu detect', () => {
  it('JSON events: one line a match with file, line, author and licence; broken lines hurt nothing', async () => {
    const dir = folder('json', {
      'events.jsonl': [record('cmd.exe', 'w3wp.exe'), '{"broken', record('cmd.exe', 'explorer.exe'), record('CMD.EXE', 'W3WP.exe'), ''].join('\n'),
    });
    const file = path.join(dir, 'events.jsonl');
    const found = await matches({ files: [file], rules });
    expect(found.map(m => [m.rule_id.slice(-1), m.file, m.line, m.author, m.level, m.licence])).toEqual([
      ['1', file, 1, 'Somebody Else', 'high', 'DRL-1.1'],
      ['1', file, 4, 'Somebody Else', 'high', 'DRL-1.1'],
    ]);
    expect((found[0]!.event as { Image: string }).Image).toBe('C:\\Windows\\cmd.exe');
  });

  it('an access log: by field names of web servers, correlations with their events; twins by both names', async () => {
    const line = (second: number, target: string, status: number): string =>
      `198.51.100.7 - - [14/Apr/2025:10:00:${String(second).padStart(2, '0')} +0900] "GET ${target} HTTP/1.1" ${status} 120 "-" "curl/8.0"`;
    const text = `${[line(1, '/.env', 200), line(2, '/.env', 404), line(3, '/app/.env', 200), line(4, '/x', 200), line(50, '/.env', 200)].join('\n')}\n`;
    const dir = folder('web', { 'access.log': text, 'copy.log': text });
    const files = ['access.log', 'copy.log'].map(f => path.join(dir, f));
    const one = await matches({ files: [files[0]!], rules, format: 'auto' });
    // The rule only feeds the correlation, which does not say that it be told too.
    expect(one.map(m => [m.rule_id.slice(-1), m.line])).toEqual([['3', 5]]);
    expect((one[0] as unknown as { correlation: unknown }).correlation).toEqual({
      group: ['198.51.100.7'],
      metric: 3,
      events: [1, 3, 5].map(n => ({ file: files[0], line: n })),
    });
    expect((await matches({ files, rules })).map(m => m.file).sort()).toEqual(files);
  });

  it('sums up: what compiled, what did not and why', async () => {
    const dir = folder('json', {});
    const stats = JSON.parse(await written({ files: [path.join(dir, 'events.jsonl')], rules, stats: true, json: true })) as Record<string, unknown>;
    expect(stats).toMatchObject({ documents: 4, compiled: 3, rules_matched: 1, matches: 2, correlations: 0 });
    expect((stats['unsupported'] as { file: string }[]).map(u => u.file)).toEqual(['unfinished.yml']);
  });

  it('says which file or folder is not there', async () => {
    await expect(detectFiles({ files: [path.join(root, 'nothing.log')], rules }, effects)).rejects.toBeInstanceOf(UserError);
    await expect(detectFiles({ files: [], rules: path.join(root, 'nowhere') }, effects)).rejects.toBeInstanceOf(UserError);
  });
});

const sigma = '../shared/data/sigma';
describe.skipIf(!fs.existsSync(sigma))('Windows event logs (skipped where none are at hand)', () => {
  const find = (dir: string): string[] =>
    fs
      .readdirSync(dir, { withFileTypes: true })
      .flatMap(e => (e.isDirectory() ? find(path.join(dir, e.name)) : e.name.endsWith('.evtx') ? [path.join(dir, e.name)] : []));

  it('binary logs and their JSON form fire the rule they were made for', { timeout: 120_000 }, async () => {
    const wanted = find(path.join(sigma, 'regression_data'))
      .sort()
      .filter((_, i) => i % 8 === 0);
    expect(wanted.length).toBeGreaterThan(20);
    const ids = new Map(wanted.map(f => [path.basename(f, '.evtx'), f]));
    const known = ['rules', 'rules-emerging-threats']
      .flatMap(f => readRuleFolder(path.join(sigma, f)).rules.map(r => ({ id: r.id, file: path.join(sigma, f, r.file) })))
      .filter(r => ids.has(r.id));
    expect(known.length).toBeGreaterThan(15);
    const own = folder('named', Object.fromEntries(known.map(r => [path.basename(r.file), fs.readFileSync(r.file, 'utf8')])));
    const files = known.map(r => ids.get(r.id)!);
    const binary = await matches({ files, rules: own });
    expect(known.filter(r => !binary.some(m => m.rule_id === r.id && m.file === ids.get(r.id)))).toEqual([]);
    const twins = files.map(f => f.replace(/\.evtx$/, '.json')).filter(f => fs.existsSync(f));
    const text = await matches({ files: twins, rules: own });
    const named = (list: readonly PrintedMatch[]): Set<string> => new Set(list.map(m => `${path.basename(m.file).replace(/\.\w+$/, '')} ${m.rule_id}`));
    // The binary log may hold more records than the JSON twin; what the twin shows is in it.
    expect([...named(text)].filter(x => !named(binary).has(x))).toEqual([]);
  });
});
