import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { killAfter, resultText, tadasu, tinyDrill } from '../fixtures/run.ts';

const files = [
  'cells.parquet',
  'records.parquet',
  'persons.parquet',
  'recovered.jsonl',
  'report.html',
  'manifest.json',
  'reports/technical.ja.pdf',
  'notices/index.csv',
];

function fingerprint(out: string): Record<string, string> {
  const hash = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex').slice(0, 16);
  return { 'result.json': hash(resultText(out)), ...Object.fromEntries(files.map(f => [f, hash(fs.readFileSync(path.join(out, f)))])) };
}

test('the same input gives the same bytes: again, with one thread, with the evidence in another order', async () => {
  const dir = await tinyDrill({ scenario: 'full-chain', seed: 5, scale: 0.006 });
  const casePath = path.join(dir, 'case.yaml');
  const run = async (name: string, ...args: string[]): Promise<Record<string, string>> => {
    const out = path.join(dir, name);
    const ran = await tadasu(['investigate', casePath, '--out', out, ...args]);
    expect(ran.code, ran.stderr).toBeLessThanOrEqual(1);
    return fingerprint(out);
  };
  const first = await run('a', '--threads', '2');
  expect(await run('b', '--threads', '1')).toEqual(first);

  const text = fs.readFileSync(casePath, 'utf8');
  const lines = text.split('\n');
  const reorder = (section: string): void => {
    const from = lines.findIndex(l => l.startsWith(`${section}:`)) + 1;
    let to = from;
    while (lines[to]?.startsWith('  - ')) to++;
    lines.splice(from, to - from, ...lines.slice(from, to).reverse());
  };
  reorder('evidence');
  reorder('datasets');
  expect(lines.join('\n')).not.toBe(text);
  fs.writeFileSync(casePath, lines.join('\n'));
  // Same root, same result; only the manifest names the bytes of the case file, which did change.
  const { 'manifest.json': _, ...rest } = first;
  expect(await run('c', '--threads', '2')).toMatchObject(rest);
}, 600_000);

test('killed at 20 moments and run again: the same bytes as an undisturbed run', async () => {
  const dir = await tinyDrill({ scenario: 'sqli-union', seed: 6, scale: 0.004 });
  const casePath = path.join(dir, 'case.yaml');
  const started = performance.now();
  await tadasu(['investigate', casePath, '--out', path.join(dir, 'undisturbed')]);
  const duration = performance.now() - started;
  const expected = fingerprint(path.join(dir, 'undisturbed'));
  const out = path.join(dir, 'disturbed');
  let kills = 0;
  for (let i = 0; i < 20; i++) {
    // Spread over the run; the fraction is fixed so that a failure can be repeated.
    const fraction = ((i * 7919) % 100) / 100;
    if (await killAfter(['investigate', casePath, '--out', out], 150 + fraction * duration)) kills++;
  }
  expect(kills).toBeGreaterThanOrEqual(10);
  const last = await tadasu(['investigate', casePath, '--out', out]);
  expect(last.code, last.stderr).toBeLessThanOrEqual(1);
  expect(fingerprint(out)).toEqual(expected);
  expect((await tadasu(['verify', '--out', out])).code).toBe(0);
}, 900_000);
