import fs from 'node:fs';
import path from 'node:path';
import { type Effects, type Problem, problem } from '../base/index.ts';
import { type OpenCase, recordProblems } from '../case/index.ts';
import { TOOL } from './custody.ts';
import { BLOCK_BYTES } from './digest.ts';
import { digestMany } from './digest-many.ts';
import { manifestBlocksName } from './manifest.ts';
import { readSourceFiles } from './source-file.ts';

export type RehashSummary = { readonly files: number; readonly changed: readonly string[] };

/**
 * Hash everything again after it was read: did it stay the same? What differs is a problem of stage `evidence-reread`, with the
 * first byte range, and an act in the journal.
 */
export async function rehashEvidence(kase: OpenCase, effects: Effects): Promise<RehashSummary> {
  const files = await readSourceFiles(kase);
  const digests = await digestMany(
    files.map(f => ({ file: path.resolve(kase.caseDir, f.path), content: false })),
    effects.threads,
  );
  const blocks = JSON.parse(fs.readFileSync(path.join(kase.outDir, manifestBlocksName), 'utf8')) as Record<string, string[]>;
  const problems: Problem[] = [];
  for (const [i, file] of files.entries()) {
    const digest = digests[i]!;
    const where = { file: file.path, ref: file.evidence_id };
    if ('failed' in digest) {
      problems.push(problem('evidence.gone-after-reading', 'error', where, { reason: digest.failed }));
    } else if (digest.sha256 !== file.sha256 || digest.bytes !== file.bytes) {
      const range = differingRanges(blocks[`${file.role}:${file.evidence_id}:${file.path}`] ?? [], digest.blocks, BLOCK_BYTES, file.bytes, digest.bytes)[0]!;
      problems.push(
        problem(
          'evidence.changed-after-reading',
          'error',
          { ...where, byte: range.from },
          { from: range.from, to: range.to, bytes: file.bytes, now: digest.bytes },
        ),
      );
    }
  }
  const changed = problems.map(p => p.where.file!).sort();
  kase.store.append('evidence.reread', TOOL, effects.now(), { files: files.length, changed });
  await recordProblems(kase.engine, 'evidence-reread', problems);
  return { files: files.length, changed };
}

/** Byte ranges [from, to) whose blocks differ, neighbours joined; a tail that was added or lost is a range of its own kind of block. */
export function differingRanges(
  before: readonly string[],
  after: readonly string[],
  blockBytes: number,
  bytesBefore: number,
  bytesAfter: number,
): { from: number; to: number }[] {
  const end = Math.max(bytesBefore, bytesAfter);
  const out: { from: number; to: number }[] = [];
  for (let i = 0; i < Math.max(before.length, after.length); i++) {
    if (before[i] === after[i]) continue;
    const from = i * blockBytes;
    const to = Math.min(from + blockBytes, end);
    const previous = out.at(-1);
    if (previous && previous.to === from) out[out.length - 1] = { from: previous.from, to };
    else out.push({ from, to });
  }
  return out.length > 0 ? out : [{ from: 0, to: end }];
}
