import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Result } from '../../src/result.ts';
import { readCells, readTruth, tadasu, tinyDrill } from '../fixtures/run.ts';

describe.each(['id-enumeration', 'mass-export', 'sqli-union'] as const)('%s, from evidence to letters', scenario => {
  test('lower ⊆ truth ⊆ upper; every line accounted for; every output written and intact', async () => {
    const dir = await tinyDrill({ scenario, seed: 7 });
    const out = path.join(dir, 'tadasu-out');
    const ran = await tadasu(['investigate', path.join(dir, 'case.yaml')]);
    expect({ code: ran.code, stderr: ran.code > 1 ? ran.stderr : '' }).toEqual({ code: expect.toBeOneOf([0, 1]), stderr: '' });
    const result = JSON.parse(fs.readFileSync(path.join(out, 'result.json'), 'utf8')) as Result;

    const truth = readTruth(dir);
    const cells = await readCells(out);
    expect({ over: [...cells.lower].filter(c => !truth.has(c)).slice(0, 5), under: [...truth].filter(c => !cells.upper.has(c)).slice(0, 5) }).toEqual({
      over: [],
      under: [],
    });
    expect(truth.size).toBeGreaterThan(0);
    for (const e of result.evidence) expect(e.lines).toEqual({ total: e.lines.parsed, parsed: e.lines.total, unparsed: 0 });
    expect(result.intrusion.steps.map(s => s.kind)).toContain(
      { 'id-enumeration': 'idor-enumeration', 'mass-export': 'mass-export', 'sqli-union': 'sqli-union' }[scenario],
    );

    for (const f of [
      'cells.parquet',
      'records.parquet',
      'persons.parquet',
      'recovered.jsonl',
      'report.html',
      'manifest.json',
      'run.log',
      'reports/technical.ja.pdf',
      'reports/technical.en.pdf',
      'reports/announcement-1.ja.pdf',
      'notices/index.csv',
    ]) {
      expect(fs.existsSync(path.join(out, f)), f).toBe(true);
    }
    expect((await tadasu(['verify', '--out', out])).code).toBe(0);
  });
});

test('the log of a run holds no personal data', async () => {
  const dir = await tinyDrill({ scenario: 'mass-export', seed: 3 });
  await tadasu(['investigate', path.join(dir, 'case.yaml')]);
  const log = fs.readFileSync(path.join(dir, 'tadasu-out', 'run.log'), 'utf8');
  const [header, ...rows] = fs
    .readFileSync(path.join(dir, 'data', 'customers.csv'), 'utf8')
    .trimEnd()
    .split('\n');
  const columns = header!.split(',');
  const values = rows
    .slice(0, 200)
    .flatMap(r => ['name', 'phone', 'email', 'policy_no'].map(c => r.split(',')[columns.indexOf(c)] ?? ''))
    .filter(v => v.length >= 4);
  expect(values.length).toBeGreaterThan(100);
  expect(values.filter(v => log.includes(v))).toEqual([]);
});
