import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { quietEffects } from '../../src/base/index.ts';
import { verifyCase } from '../../src/evidence/index.ts';
import { tadasu, tinyDrill } from '../fixtures/run.ts';

function* filesUnder(dir: string): Generator<string> {
  for (const e of fs.readdirSync(dir, { withFileTypes: true })) {
    const full = path.join(dir, e.name);
    if (e.isDirectory()) yield* filesUnder(full);
    else if (e.isFile()) yield full;
  }
}

test('one flipped byte in any file of the evidence or the output is found and named', async () => {
  const dir = await tinyDrill({ scenario: 'mass-export', seed: 11, scale: 0.005 });
  const out = path.join(dir, 'tadasu-out');
  const ran = await tadasu(['investigate', path.join(dir, 'case.yaml')]);
  expect(ran.code, ran.stderr).toBeLessThanOrEqual(1);
  expect((await verifyCase(out, quietEffects)).state).toBe('intact');

  const targets = [...filesUnder(out), ...filesUnder(path.join(dir, 'evidence')), ...filesUnder(path.join(dir, 'data')), path.join(dir, 'case.yaml')].filter(
    f => fs.statSync(f).size > 0,
  );
  expect(targets.length).toBeGreaterThan(20);
  const unnoticed: string[] = [];
  for (const file of targets) {
    const original = fs.readFileSync(file);
    const changed = Buffer.from(original);
    const at = Math.floor(original.length / 2);
    changed[at] = changed[at]! ^ 0x01;
    fs.writeFileSync(file, changed);
    const report = await verifyCase(out, quietEffects);
    fs.writeFileSync(file, original);
    const name = path.basename(file);
    const named = report.findings.some(f => f.level !== 'note' && (f.file?.endsWith(name) === true || (f.where === 'journal' && name === 'case.sqlite')));
    if (report.state === 'intact' || !named) unnoticed.push(`${path.relative(dir, file)}: ${report.state}`);
  }
  expect(unnoticed).toEqual([]);
  expect((await verifyCase(out, quietEffects)).state).toBe('intact');
});
