import fs from 'node:fs';
import path from 'node:path';
import { canonicalJson, type Effects, isoUtc, type Problem, problem, sha256Hex } from '../base/index.ts';
import { type OpenCase, recordProblems } from '../case/index.ts';
import { TOOL } from './custody.ts';
import { inputLeaves, type Manifest, manifestName, writeWhole } from './manifest.ts';
import { openSigningKey, type Signature, signContent } from './signing-key.ts';
import { requestTimeStamp, type TimeStamp } from './time-stamp.ts';

export const treeHeadName = 'tree-head.json';

/** What is signed: the inputs, the manifest and the journal up to an act, at a time. */
export type TreeHeadContent = {
  readonly schema: 'tadasu.tree-head/1';
  readonly size: number;
  /** `inputs_root`. */
  readonly root: string;
  readonly manifest_sha256: string;
  readonly journal: { readonly seq: number; readonly hash: string };
  readonly signed_at: string;
};

/** `tree-head.json`. The time-stamp is of the canonical JSON of `content` and `signature` together. */
export type TreeHead = {
  readonly content: TreeHeadContent;
  readonly signature: Signature;
  readonly time_stamp: TimeStamp | null;
};

/** The bytes that an authority stamps. */
export function stampedBytes(head: Pick<TreeHead, 'content' | 'signature'>): Uint8Array {
  return Buffer.from(canonicalJson({ content: head.content, signature: head.signature }));
}

/**
 * Sign the tree head over the manifest that `collectEvidence` wrote (key made on first use) and, when an authority is given, have it
 * stamped (RFC 3161). An authority that does not answer is a problem, not a failure.
 */
export async function writeManifest(kase: OpenCase, options: { readonly timeStampAuthority: string | null }, effects: Effects): Promise<TreeHead> {
  const bytes = fs.readFileSync(path.join(kase.outDir, manifestName));
  const manifest = JSON.parse(bytes.toString('utf8')) as Manifest;
  const size = inputLeaves(manifest).length;
  const act = kase.store.append('tree.signed', TOOL, effects.now(), {
    size,
    root: manifest.inputs_root,
    manifest_sha256: sha256Hex(bytes),
  });
  const content: TreeHeadContent = {
    schema: 'tadasu.tree-head/1',
    size,
    root: manifest.inputs_root,
    manifest_sha256: sha256Hex(bytes),
    journal: { seq: act.seq, hash: act.hash },
    signed_at: isoUtc(effects.now()),
  };
  const signature = signContent(openSigningKey(kase.outDir), content);
  const problems: Problem[] = [];
  let timeStamp: TimeStamp | null = null;
  if (options.timeStampAuthority !== null) {
    try {
      timeStamp = await requestTimeStamp(options.timeStampAuthority, stampedBytes({ content, signature }));
    } catch (error) {
      problems.push(problem('evidence.no-time-stamp', 'warning', {}, { authority: options.timeStampAuthority, reason: reasonOf(error) }));
    }
  }
  const head: TreeHead = { content, signature, time_stamp: timeStamp };
  writeWhole(path.join(kase.outDir, treeHeadName), canonicalJson(head));
  await recordProblems(kase.engine, 'time-stamp', problems);
  return head;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'error';
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  return cause?.code ?? error.message;
}
