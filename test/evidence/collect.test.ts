import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { problemText, quietEffects, sha256Hex } from '../../src/base/index.ts';
import { readProblems } from '../../src/case/index.ts';
import { digestFile } from '../../src/evidence/digest.ts';
import { collectEvidence, inputsRoot, readContent, readSourceFiles, rehashEvidence } from '../../src/evidence/index.ts';
import { datasetSpec, evidenceSpec, openTestCase, problemList } from './open-test-case.ts';

let dir = '';
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-collect-'));
});
afterEach(() => {
  fs.rmSync(dir, { recursive: true, force: true });
});
const put = (name: string, data: string | Uint8Array): void => {
  fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
  fs.writeFileSync(path.join(dir, name), data);
};
const text = 'GET / 1\n'.repeat(5000);

test('every file is hashed outside and inside, numbered by id and path whatever the order given', async () => {
  put('e/b.log', text);
  put('e/a.log.gz', zlib.gzipSync('other content'));
  put('d/c.csv', 'id\n1\n');
  const run = async (swap: boolean) => {
    const evidence = [evidenceSpec('web', ['e/*.log', 'e/*.gz']), evidenceSpec('db', ['d/c.csv'])];
    const kase = await openTestCase(swap ? [{ ...evidence[1]! }, evidenceSpec('web', ['e/*.gz', 'e/*.log'])] : evidence, [datasetSpec('c', ['d/c.csv'])], dir);
    await collectEvidence(kase, { ...quietEffects, threads: swap ? 1 : 2 });
    const files = await readSourceFiles(kase);
    const root = inputsRoot(kase);
    const manifest = fs.readFileSync(path.join(kase.outDir, 'manifest.json'), 'utf8');
    kase.close();
    return { files, root, manifest };
  };
  const one = await run(false);
  expect(one.files.map(f => [f.file_no, f.role, f.evidence_id, f.path, f.compression])).toEqual([
    [1, 'evidence', 'db', 'd/c.csv', 'none'],
    [2, 'evidence', 'web', 'e/a.log.gz', 'gzip'],
    [3, 'evidence', 'web', 'e/b.log', 'none'],
    [4, 'dataset', 'c', 'd/c.csv', 'none'],
  ]);
  expect(one.files[1]!.content_sha256).toBe(sha256Hex('other content'));
  expect(one.files[1]!.content_bytes).toBe(13);
  expect(one.files[2]!.sha256).toBe(sha256Hex(text));
  expect(await run(true)).toEqual(one);
});

test('each unreadable thing is one clear problem and the rest goes on', async () => {
  put('ok.log', text);
  put('empty.log', '');
  const gz = zlib.gzipSync(Buffer.from(Array.from({ length: 20000 }, (_, i) => `${i * 7919}\n`).join('')));
  put('cut.log.gz', gz.subarray(0, gz.length >> 1));
  put('bad.log.gz', Buffer.concat([gz.subarray(0, 100), Buffer.alloc(200, 0x55), gz.subarray(300)]));
  put('tail.log.gz', Buffer.concat([gz, Buffer.from('appended in the clear')]));
  put('padded.log.gz', Buffer.concat([zlib.gzipSync('padded'), Buffer.alloc(512)]));
  put('two.log.gz', Buffer.concat([zlib.gzipSync('first'), zlib.gzipSync('second')]));
  put('plain.log.gz', 'not compressed at all\n');
  put('folder/x', 'x');
  fs.symlinkSync(path.join(dir, 'nowhere'), path.join(dir, 'link.log'));
  const kase = await openTestCase([evidenceSpec('w', ['*.log', '*.gz', 'folder', 'missing*.log', '[odd].log'])], [], dir);
  await collectEvidence(kase, quietEffects);
  expect(await problemList(kase)).toEqual([
    'evidence.compressed-corrupt bad.log.gz',
    'evidence.compressed-trailing tail.log.gz',
    'evidence.compressed-truncated cut.log.gz',
    'evidence.empty-file empty.log',
    'evidence.is-a-folder folder',
    'evidence.no-match -',
    'evidence.no-match -',
    'evidence.not-compressed plain.log.gz',
    'evidence.vanished link.log',
  ]);
  const files = await readSourceFiles(kase);
  expect(files.map(f => f.path)).toEqual(['bad.log.gz', 'cut.log.gz', 'empty.log', 'ok.log', 'padded.log.gz', 'plain.log.gz', 'tail.log.gz', 'two.log.gz']);
  expect(files.find(f => f.path === 'two.log.gz')!.content_sha256).toBe(sha256Hex('firstsecond'));
  expect(files.find(f => f.path === 'cut.log.gz')!.content_bytes).toBeGreaterThan(1000);
  expect(files.find(f => f.path === 'tail.log.gz')!.content_sha256).toBe(sha256Hex(zlib.gunzipSync(gz)));
  for (const f of files) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of readContent(path.join(dir, f.path))) chunks.push(chunk);
    expect(sha256Hex(Buffer.concat(chunks))).toBe(f.content_sha256);
  }
  for (const p of await readProblems(kase.engine)) for (const lang of ['ja', 'en'] as const) expect(problemText(lang, p.code, p.params)).not.toMatch(/\{\{/);
  kase.close();
});

test.skipIf(process.getuid?.() === 0)('a file without read permission is named', async () => {
  put('secret.log', text);
  fs.chmodSync(path.join(dir, 'secret.log'), 0);
  const kase = await openTestCase([evidenceSpec('w', ['secret.log'])], [], dir);
  await collectEvidence(kase, quietEffects);
  expect(await problemList(kase)).toEqual(['evidence.no-permission secret.log']);
  kase.close();
});

test('the same log given twice is counted once, also compressed; datasets of two tables both stay', async () => {
  put('a.log', text);
  put('b.log', text);
  put('c.log.gz', zlib.gzipSync(text));
  put('e1.log', '');
  put('e2.log', '');
  put('x.csv', 'id\n1\n');
  const kase = await openTestCase(
    [evidenceSpec('one', ['*.log', 'a*']), evidenceSpec('two', ['a.log', 'c.log.gz'])],
    [datasetSpec('p', ['x.csv']), datasetSpec('q', ['x.csv'])],
    dir,
  );
  await collectEvidence(kase, quietEffects);
  expect((await readSourceFiles(kase)).map(f => `${f.evidence_id} ${f.path}`)).toEqual(['one a.log', 'one e1.log', 'one e2.log', 'p x.csv', 'q x.csv']);
  expect(await problemList(kase)).toEqual([
    'evidence.datasets-alike x.csv',
    'evidence.empty-file e1.log',
    'evidence.empty-file e2.log',
    'evidence.given-twice a.log',
    'evidence.given-twice b.log',
    'evidence.given-twice c.log.gz',
    'evidence.overlapping-patterns a.log',
  ]);
  kase.close();
});

test('receipts are written once; other bytes under the same path are a problem', async () => {
  put('a.log', text);
  const kase = await openTestCase([evidenceSpec('w', ['a.log'])], [], dir);
  await collectEvidence(kase, quietEffects);
  await collectEvidence(kase, quietEffects);
  expect(kase.store.acts('evidence.received')).toHaveLength(1);
  put('a.log', `${text}more\n`);
  await collectEvidence(kase, quietEffects);
  expect(kase.store.acts('evidence.received')).toHaveLength(2);
  expect(await problemList(kase)).toEqual(['evidence.differs-from-receipt a.log']);
  expect(kase.store.verifyJournal()).toBeNull();
  kase.close();
});

test('what changed between reading and the end is named with its bytes', async () => {
  const big = Buffer.alloc(3 * 1024 * 1024 + 5, 'x');
  put('big.log', big);
  put('gone.log', 'abc');
  put('same.log', 'def');
  const kase = await openTestCase([evidenceSpec('w', ['*.log'])], [], dir);
  await collectEvidence(kase, quietEffects);
  expect(await rehashEvidence(kase, quietEffects)).toEqual({ files: 3, changed: [] });
  big[2 * 1024 * 1024 + 7] = 0x79;
  put('big.log', big);
  fs.rmSync(path.join(dir, 'gone.log'));
  expect(await rehashEvidence(kase, quietEffects)).toEqual({ files: 3, changed: ['big.log', 'gone.log'] });
  const changed = (await readProblems(kase.engine)).find(p => p.code === 'evidence.changed-after-reading')!;
  expect(changed.where).toEqual({ file: 'big.log', byte: 2 * 1024 * 1024, ref: 'w' });
  expect(changed.params['to']).toBe(3 * 1024 * 1024);
  kase.close();
});

test.skipIf(spawnSync('zstd', ['--version']).status !== 0)('zstd content is hashed, a cut one is used as far as it goes', async () => {
  const long = Buffer.from(Array.from({ length: 200_000 }, (_, i) => `${(i * 7919) % 100003}\n`).join(''));
  const packed = spawnSync('zstd', ['-q', '-c'], { input: long, maxBuffer: 1 << 26 }).stdout;
  put('a.zst', packed);
  put('b.zst', packed.subarray(0, packed.length - 50));
  const kase = await openTestCase([evidenceSpec('w', ['*.zst'])], [], dir);
  await collectEvidence(kase, quietEffects);
  expect(await problemList(kase)).toEqual(['evidence.compressed-truncated b.zst']);
  expect((await readSourceFiles(kase))[0]!.content_sha256).toBe(sha256Hex(long));
  kase.close();
});

test('a file that grows, or vanishes, while it is read is told apart from one that keeps still', async () => {
  put('a.log', text);
  const file = path.join(dir, 'a.log');
  expect(await digestFile(file, { content: true })).toMatchObject({ changed: false, sha256: sha256Hex(text) });
  expect(await digestFile(file, { content: true, onBytes: () => fs.appendFileSync(file, 'more\n') })).toMatchObject({
    changed: true,
  });
  expect(await digestFile(file, { content: true, onBytes: () => fs.rmSync(file) })).toMatchObject({ changed: true });
  expect(await digestFile(file, { content: true })).toEqual({ failed: 'ENOENT' });
  expect(await digestFile(dir, { content: true })).toEqual({ failed: 'EISDIR' });
});

test('compressed content of any size and shape hashes as what was packed, also through broken ends', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.integer({ min: 1, max: 4000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (unit, times, cut) => {
        const content = Buffer.concat(Array.from({ length: times }, () => Buffer.from(unit)));
        const packed = zlib.gzipSync(content);
        put('p.gz', packed);
        expect(await digestFile(path.join(dir, 'p.gz'), { content: true })).toMatchObject({
          contentSha256: sha256Hex(content),
          contentBytes: content.length,
          broken: null,
        });
        put('p.gz', packed.subarray(0, 12 + Math.floor((packed.length - 13) * cut)));
        const part = await digestFile(path.join(dir, 'p.gz'), { content: true });
        if ('failed' in part) throw new Error(part.failed);
        expect(part.broken).toBe('truncated');
        expect(part.contentSha256).toBe(sha256Hex(content.subarray(0, part.contentBytes)));
      },
    ),
    { numRuns: 40 },
  );
});
