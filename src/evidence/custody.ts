import { type Effects, type Problem, problem } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import type { HashedFile } from './collect.ts';

/** Who writes custody acts: the tool itself, not a person. */
export const TOOL = 'tadasu';

/**
 * Write one `evidence.received` act for each (path, SHA-256) not seen before. A path that was received with other bytes is a
 * problem: both receipts stay in the journal.
 */
export function journalReceipts(kase: Pick<OpenCase, 'store'>, files: readonly HashedFile[], effects: Effects): Problem[] {
  const receipts = new Map<string, Set<string>>();
  for (const act of kase.store.acts('evidence.received')) {
    const { path, sha256 } = act.body as { path: string; sha256: string };
    receipts.set(path, (receipts.get(path) ?? new Set()).add(sha256));
  }
  const problems: Problem[] = [];
  for (const f of files) {
    const known = receipts.get(f.path);
    if (known?.has(f.digest.sha256)) continue;
    if (known) {
      problems.push(
        problem(
          'evidence.differs-from-receipt',
          'error',
          { file: f.path, ref: f.id },
          { received: [...known][0]!.slice(0, 12), now: f.digest.sha256.slice(0, 12) },
        ),
      );
    }
    receipts.set(f.path, (known ?? new Set()).add(f.digest.sha256));
    kase.store.append('evidence.received', TOOL, effects.now(), {
      id: f.id,
      role: f.role,
      path: f.path,
      bytes: f.digest.bytes,
      sha256: f.digest.sha256,
      modified_us: f.digest.modifiedUs,
    });
  }
  return problems;
}
