import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { BLOCK_BYTES } from './digest.ts';
import { type DigestRequest, digestMany } from './digest-many.ts';
import type { Finding } from './finding.ts';
import { blocksRoot, type Manifest, manifestBlocksName } from './manifest.ts';
import { isPassing, listFiles, type Outputs } from './outputs.ts';
import { differingRanges } from './rehash.ts';

type Counted = { findings: Finding[]; bytes: number };

/** Every file of the manifest against the file as it is now; block hashes tell which bytes differ. */
export async function checkEvidence(outDir: string, caseDir: string, manifest: Manifest, threads: number, onBytes: (n: number) => void): Promise<Counted> {
  const blocks = readBlocks(outDir);
  const findings: Finding[] = [];
  let bytes = 0;
  const digests = await digestMany(
    manifest.files.map(f => ({ file: path.resolve(caseDir, f.path), content: false, blockBytes: f.blocks.size })),
    threads,
    onBytes,
  );
  for (const [i, f] of manifest.files.entries()) {
    const d = digests[i]!;
    if ('failed' in d) {
      findings.push({
        level: 'differs',
        code: d.failed === 'ENOENT' ? 'gone' : 'unreadable',
        where: 'evidence',
        file: f.path,
        params: { reason: d.failed },
      });
      continue;
    }
    bytes += d.bytes;
    if (d.sha256 === f.sha256 && d.bytes === f.bytes && blocksRoot(d.blocks) === f.blocks.root) continue;
    const known = blocks[`${f.role}:${f.id}:${f.path}`];
    const trusted = known !== undefined && blocksRoot(known) === f.blocks.root ? known : null;
    const ranges = trusted ? differingRanges(trusted, d.blocks, f.blocks.size ?? BLOCK_BYTES, f.bytes, d.bytes) : undefined;
    findings.push({
      level: 'differs',
      code: 'changed',
      where: 'evidence',
      file: f.path,
      ...(ranges && { ranges }),
      params: { bytes: f.bytes, now: d.bytes },
    });
  }
  return { findings, bytes };
}

/** Block hashes of the side file; empty when it cannot be read, so that `verify` can still say what changed, only not where. */
export function readBlocks(outDir: string): Record<string, string[]> {
  try {
    const value = JSON.parse(fs.readFileSync(path.join(outDir, manifestBlocksName), 'utf8')) as Record<string, unknown>;
    return Object.fromEntries(Object.entries(value).filter((e): e is [string, string[]] => Array.isArray(e[1]) && e[1].every(b => typeof b === 'string')));
  } catch {
    return {};
  }
}

/** Every file of the seal against the file as it is now. A log may have grown, the journal may have gained acts (`journalGrew`). */
export async function checkOutputs(outDir: string, outputs: Outputs, journalGrew: boolean, threads: number, onBytes: (n: number) => void): Promise<Counted> {
  const findings: Finding[] = [];
  let bytes = 0;
  const { files, uncovered } = outputs.content;
  const requests = files.map((f): DigestRequest => ({ file: path.join(outDir, f.path), content: false, blockBytes: f.block_bytes }));
  const digests = await digestMany(requests, threads, onBytes);
  for (const [i, f] of files.entries()) {
    const d = digests[i]!;
    const rebuildable = f.path.startsWith('work/');
    if ('failed' in d) {
      findings.push({
        level: 'differs',
        code: rebuildable ? 'gone-rebuildable' : d.failed === 'ENOENT' ? 'gone' : 'unreadable',
        where: 'output',
        file: f.path,
        params: { reason: d.failed },
      });
      continue;
    }
    bytes += d.bytes;
    if (d.sha256 === f.sha256 && d.bytes === f.bytes) continue;
    const ranges = differingRanges(f.blocks, d.blocks, f.block_bytes, f.bytes, d.bytes);
    if (f.path.endsWith('.log') && d.bytes > f.bytes && (await prefixHolds(path.join(outDir, f.path), f.bytes, f.sha256))) {
      findings.push({ level: 'note', code: 'grew', where: 'output', file: f.path, params: { bytes: f.bytes, now: d.bytes } });
    } else if (f.path.endsWith('.sqlite') && journalGrew) {
      findings.push({ level: 'note', code: 'journal-grew', where: 'journal', file: f.path });
    } else {
      findings.push({
        level: 'differs',
        code: rebuildable ? 'changed-rebuildable' : 'changed',
        where: 'output',
        file: f.path,
        ranges,
        params: { bytes: f.bytes, now: d.bytes },
      });
    }
  }
  for (const file of uncovered) findings.push({ level: 'note', code: 'uncovered', where: 'output', file });
  const known = new Set([...files.map(f => f.path), ...uncovered]);
  for (const file of listFiles(outDir)) {
    if (!known.has(file) && !isPassing(file)) findings.push({ level: 'note', code: 'added', where: 'output', file });
  }
  return { findings, bytes };
}

async function prefixHolds(file: string, bytes: number, sha256: string): Promise<boolean> {
  const hash = createHash('sha256');
  if (bytes > 0) for await (const chunk of fs.createReadStream(file, { end: bytes - 1 })) hash.update(chunk as Buffer);
  return hash.digest('hex') === sha256;
}
