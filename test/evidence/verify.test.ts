import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { DatabaseSync } from '@photostructure/sqlite';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { quietEffects, t } from '../../src/base/index.ts';
import { CaseStore } from '../../src/case/index.ts';
import { doctor } from '../../src/commands/doctor.ts';
import { verify } from '../../src/commands/verify.ts';
import {
  collectEvidence,
  inclusionProof,
  inputLeaves,
  inputsRoot,
  leafHash,
  type Manifest,
  rehashEvidence,
  sealOutputs,
  verifyCase,
  verifyInclusion,
  writeManifest,
} from '../../src/evidence/index.ts';
import { datasetSpec, evidenceSpec, openTestCase } from './open-test-case.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-verify-test-'));
const outDir = path.join(dir, 'out');
const check = () => verifyCase(outDir, quietEffects);

beforeAll(async () => {
  const put = (name: string, data: string | Uint8Array): void => {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), data);
  };
  put('e/big.log', Buffer.from(Array.from({ length: 60_000 }, (_, i) => `10.0.0.${i % 250} - - line ${i} of a web server log, long enough\n`).join('')));
  put('e/old.log.gz', zlib.gzipSync('an older log\n'.repeat(100)));
  put('d/t.csv', 'id,n\n1,a\n2,b\n');
  put('case.yaml', 'schema: tadasu.case/1\nid: t\nevidence: []\ndatasets: []\n');
  const kase = await openTestCase([evidenceSpec('w', ['e/*'])], [datasetSpec('t', ['d/t.csv'])], dir);
  await collectEvidence(kase, quietEffects);
  await rehashEvidence(kase, quietEffects);
  await writeManifest(kase, { timeStampAuthority: null }, quietEffects);
  put('out/result.json', `{"inputs_root":"${inputsRoot(kase)}"}\n`);
  put('out/report.html', '<p>report</p>'.repeat(1000));
  put('out/cells.parquet', Buffer.alloc(3_000_000, 7));
  put('out/run.log', 'started\nended\n');
  put('out/work/events/part.parquet', Buffer.alloc(100_000, 9));
  kase.close();
  await sealOutputs(outDir);
});
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

test('an untouched case is intact and everything was looked at', async () => {
  const report = await check();
  expect(report).toMatchObject({ state: 'intact', findings: [], checked: { evidence: 3, acts: 5 } });
  expect(report.key).toMatch(/^([0-9a-f]{4} ){7}[0-9a-f]{4}$/);
  const sealed = fs.readdirSync(outDir, { recursive: true, withFileTypes: true }).filter(e => e.isFile()).length - 1;
  expect(report.checked.outputs).toBe(sealed);
  expect(fs.statSync(path.join(outDir, 'keys/signing-key.pem')).mode & 0o777).toBe(0o600);
});

test('the flip of one byte of any file is noticed, named, and placed', async () => {
  const files = [
    ...fs
      .readdirSync(outDir, { recursive: true, withFileTypes: true })
      .filter(e => e.isFile())
      .map(e => path.join(e.parentPath, e.name)),
    path.join(dir, 'e/big.log'),
    path.join(dir, 'e/old.log.gz'),
    path.join(dir, 'd/t.csv'),
    path.join(dir, 'case.yaml'),
  ];
  expect(files.length).toBeGreaterThan(14);
  for (const file of files) {
    const original = fs.readFileSync(file);
    for (const at of new Set([0, 1, original.length >> 1, Math.floor(original.length * 0.77), original.length - 1])) {
      const flipped = Buffer.from(original);
      flipped[at]! ^= 1;
      fs.writeFileSync(file, flipped);
      const { state, findings } = await check();
      const name = path.relative(file.startsWith(outDir) ? outDir : dir, file);
      const mine = findings.filter(f => f.level === 'differs' && f.file === name);
      expect([name, at, state, mine.length > 0]).toEqual([name, at, 'differs', true]);
      const ranges = mine.flatMap(f => f.ranges ?? []);
      if (name !== 'outputs.json') expect([name, at, ranges.some(r => r.from <= at && at < r.to && r.to - r.from <= 1 << 20)]).toEqual([name, at, true]);
      for (const f of findings) for (const lang of ['ja', 'en'] as const) expect(t(lang, `evidence:verify.code.${f.code}`, f.params)).not.toContain('{{');
    }
    fs.writeFileSync(file, original);
  }
  expect((await check()).state).toBe('intact');
});

test('lost, cut, grown and moved files', async () => {
  const swap = async (name: string, change: (file: string) => void) => {
    const file = path.join(dir, name);
    const original = fs.readFileSync(file);
    change(file);
    const { state, findings } = await check();
    fs.writeFileSync(file, original);
    return [state, findings.map(f => `${f.level} ${f.code} ${f.file}`)];
  };
  expect(await swap('e/old.log.gz', f => fs.rmSync(f))).toEqual(['differs', ['differs gone e/old.log.gz']]);
  expect(await swap('out/result.json', f => fs.truncateSync(f, 3))).toEqual(['differs', ['differs changed result.json']]);
  expect(await swap('out/run.log', f => fs.appendFileSync(f, 'later\n'))).toEqual(['intact', ['note grew run.log']]);
  expect(await swap('out/work/events/part.parquet', f => fs.rmSync(f))).toEqual(['differs', ['differs gone-rebuildable work/events/part.parquet']]);
  expect((await swap('out/outputs.json', f => fs.rmSync(f)))[0]).toBe('cannot');
  expect((await swap('out/manifest.json', f => fs.writeFileSync(f, '{"files":[null]}')))[0]).toBe('differs');
  fs.writeFileSync(path.join(outDir, 'letter.pdf'), 'x');
  expect((await check()).findings.map(f => `${f.level} ${f.code} ${f.file}`)).toEqual(['note added letter.pdf']);
  fs.rmSync(path.join(outDir, 'letter.pdf'));
});

test('a rewritten act of the journal is named by its number; acts added later are not an offence', async () => {
  const file = path.join(outDir, 'case.sqlite');
  const original = fs.readFileSync(file);
  const store = new CaseStore(file);
  store.append('decision', 'someone', 0, { note: 'later' });
  store.close();
  const grown = await check();
  expect([grown.state, grown.findings.map(f => f.code)]).toEqual(['intact', ['journal-grew']]);
  const db = new DatabaseSync(file);
  db.exec(`drop trigger act_no_update; update act set body = replace(body, '"w"', '"v"') where seq = 2`);
  db.close();
  const forged = await check();
  expect(forged.findings.find(f => f.code === 'journal-hash')).toMatchObject({ level: 'differs', seq: 2, file: 'case.sqlite' });
  fs.writeFileSync(file, original);
  for (const end of ['-wal', '-shm']) fs.rmSync(file + end, { force: true });
});

test('whatever is done to our own files, verify does not stumble and does not call it intact', async () => {
  const names = ['manifest.json', 'tree-head.json', 'outputs.json', 'manifest-blocks.json'];
  const originals = new Map(names.map(n => [n, fs.readFileSync(path.join(outDir, n), 'utf8')]));
  const value = fc.constantFrom('null', '0', '-1', '1e99', '"x"', '[]', '{}', '[null]', '{"path":1}', '');
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), fc.nat(), fc.nat(40), value, async (name, at, length, put) => {
      const text = originals.get(name)!;
      // Either a whole value is replaced, so that it still parses, or a stretch of text.
      const spots = [...text.matchAll(/(?<=:)("[^"]*"|\d+|null|\[[^[\]]*\])/g)];
      const spot = spots[at % spots.length]!;
      const start = length % 2 === 0 ? spot.index : at % text.length;
      const forged = text.slice(0, start) + put + text.slice(start + (length % 2 === 0 ? spot[0].length : length));
      fs.writeFileSync(path.join(outDir, name), forged);
      const { state } = await check();
      fs.writeFileSync(path.join(outDir, name), text);
      expect([forged === text, state]).toEqual([forged === text, forged === text ? 'intact' : 'differs']);
    }),
    { numRuns: 100 },
  );
});

test('a manifest forged together with its root fails against the signature', async () => {
  const file = path.join(outDir, 'manifest.json');
  const original = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, original.replace('"e/big.log"', '"e/bog.log"'));
  const codes = (await check()).findings.map(f => f.code);
  fs.writeFileSync(file, original);
  expect(codes).toEqual(expect.arrayContaining(['manifest-root', 'manifest-head', 'changed', 'no-receipt']));
});

test('one file can be proven to be among the inputs without the others', () => {
  const manifest = JSON.parse(fs.readFileSync(path.join(outDir, 'manifest.json'), 'utf8')) as Manifest;
  const leaves = inputLeaves(manifest);
  const index = leaves.findIndex(l => l.includes('e/big.log'));
  const hashes = leaves.map(leafHash);
  expect(verifyInclusion(leafHash(leaves[index]!), index, leaves.length, inclusionProof(hashes, index), manifest.inputs_root)).toBe(true);
  expect(manifest.parts.some(p => p.role === 'case')).toBe(true);
});

test('the commands: exit codes and what they say', async () => {
  const said: string[] = [];
  const write = process.stdout.write;
  process.stdout.write = ((s: string) => said.push(s) > 0) as typeof write;
  try {
    expect(await verify({ out: outDir }, quietEffects)).toBe(0);
    expect(await verify({ out: outDir, json: true }, quietEffects)).toBe(0);
    fs.appendFileSync(path.join(dir, 'd/t.csv'), '3,c\n');
    expect(await verify({ out: outDir }, { ...quietEffects, lang: 'en' })).toBe(1);
    await expect(verify({ out: path.join(dir, 'nowhere') }, quietEffects)).rejects.toMatchObject({
      code: 'evidence.nothing-to-verify',
    });
    expect(await doctor({ json: true }, quietEffects)).toBe(0);
    await doctor({}, { ...quietEffects, lang: 'en' });
  } finally {
    process.stdout.write = write;
    fs.writeFileSync(path.join(dir, 'd/t.csv'), 'id,n\n1,a\n2,b\n');
  }
  expect(said[0]).toContain('変わったものはありません');
  expect(JSON.parse(said[1]!)).toMatchObject({ state: 'intact' });
  expect(said[2]).toMatch(/DIFFERS\] evidence d\/t\.csv, bytes 0 to 16: The content changed \(13 bytes when sealed, 17 now\)/);
  expect((JSON.parse(said[3]!) as { checks: { name: string; state: string }[] }).checks.filter(c => c.state === 'bad')).toEqual([]);
  expect(said[4]).toMatch(/analysis engine/);
});
