import { type Effects, type Problem, problem } from '../base/index.ts';
import { type OpenCase, recordProblems } from '../case/index.ts';
import { journalReceipts } from './custody.ts';
import type { Digest, DigestFailure } from './digest.ts';
import { digestMany } from './digest-many.ts';
import { type GivenFile, gatherFiles } from './gather.ts';
import { recordInputs } from './manifest.ts';
import { type SourceFile, sourceFileColumns } from './source-file.ts';

export type CollectSummary = { readonly files: number; readonly bytes: number; readonly problems: number };

/** A file with what its bytes are. */
export type HashedFile = GivenFile & { readonly digest: Digest };

/**
 * What were we given? Expands the globs, hashes every file in one pass (read-only), writes `source_file`, the receipts in the
 * custody journal and `manifest.json`. A file that cannot be read is a problem; the rest goes on.
 */
export async function collectEvidence(kase: OpenCase, effects: Effects): Promise<CollectSummary> {
  const { files, problems } = gatherFiles(kase);
  const unique = [...new Map(files.map(f => [f.absolute, f])).values()];
  let done = 0;
  const digests = await digestMany(
    unique.map(f => ({ file: f.absolute, content: true })),
    effects.threads,
    n => {
      done += n;
      effects.progress({ stage: 'evidence', done, total: null, unit: 'bytes' });
    },
  );
  const byPath = new Map(unique.map((f, i) => [f.absolute, digests[i]!]));
  const hashed: HashedFile[] = [];
  for (const file of files) {
    const digest = byPath.get(file.absolute)!;
    if ('failed' in digest) problems.push(failureProblem(file, digest));
    else {
      problems.push(...digestProblems(file, digest));
      hashed.push({ ...file, digest });
    }
  }
  const kept = withoutRepeats(hashed, problems);
  problems.push(...journalReceipts(kase, kept, effects));
  await kase.engine.load(
    'source_file',
    sourceFileColumns,
    kept.map((f, i) => sourceFileRow(f, i + 1)).map(r => sourceFileColumns.map(c => r[c.name])),
  );
  recordInputs(kase, kept);
  await recordProblems(kase.engine, 'evidence', problems);
  const bytes = kept.reduce((sum, f) => sum + f.digest.bytes, 0);
  effects.log('evidence.collected', { files: kept.length, bytes, problems: problems.length });
  return { files: kept.length, bytes, problems: problems.length };
}

function sourceFileRow(f: HashedFile, fileNo: number): SourceFile {
  const d = f.digest;
  return {
    file_no: fileNo,
    evidence_id: f.id,
    system_id: f.systemId,
    kind: f.kind,
    path: f.path,
    sha256: d.sha256,
    bytes: d.bytes,
    content_sha256: d.contentSha256,
    content_bytes: d.contentBytes,
    compression: d.compression,
    role: f.role,
    modified_us: d.modifiedUs,
  };
}

const failureCodes: Record<string, string> = {
  ENOENT: 'vanished',
  EACCES: 'no-permission',
  EPERM: 'no-permission',
  EISDIR: 'is-a-folder',
  NOT_A_FILE: 'not-a-file',
  ELOOP: 'vanished',
};

function failureProblem(file: GivenFile, failure: DigestFailure): Problem {
  const known = failureCodes[failure.failed];
  const where = { file: file.path, ref: file.id };
  return known
    ? problem(`evidence.${known}`, 'error', where, { pattern: file.path })
    : problem('evidence.unreadable', 'error', where, { reason: failure.failed });
}

function digestProblems(file: GivenFile, d: Digest): Problem[] {
  const where = { file: file.path, ref: file.id };
  const out: Problem[] = [];
  if (d.bytes === 0) out.push(problem('evidence.empty-file', 'warning', where));
  else if (d.contentBytes === 0 && !d.broken) out.push(problem('evidence.empty-content', 'warning', where, { compression: d.compression }));
  const named = /\.(gz|zst)$/i.exec(file.path)?.[1];
  if (named && d.compression === 'none' && d.bytes > 0) out.push(problem('evidence.not-compressed', 'warning', where, { extension: named.toLowerCase() }));
  if (d.broken) out.push(problem(`evidence.compressed-${d.broken}`, 'error', where, { compression: d.compression, bytes: d.contentBytes }));
  if (d.changed) out.push(problem('evidence.changed-while-read', 'error', where));
  return out;
}

/**
 * The same content given twice would double every event, so a log is counted once. Data sets are only dropped when repeated inside
 * the same data set: two tables may hold the same rows and both may have been read by the intruder.
 */
function withoutRepeats(files: readonly HashedFile[], problems: Problem[]): HashedFile[] {
  const first = new Map<string, HashedFile>();
  const kept: HashedFile[] = [];
  for (const f of files) {
    const scope = f.role === 'evidence' ? 'evidence' : `dataset ${f.id}`;
    const key = `${scope} ${f.digest.contentSha256}`;
    const other = first.get(key);
    if (other && f.digest.contentBytes > 0) {
      problems.push(problem('evidence.given-twice', 'warning', { file: f.path, ref: f.id }, { id: f.id, other: other.path, otherId: other.id }));
      continue;
    }
    first.set(key, f);
    kept.push(f);
  }
  for (const d of kept.filter(f => f.role === 'dataset' && f.digest.contentBytes > 0)) {
    const twin = kept.find(f => f.role === 'dataset' && f.id < d.id && f.digest.contentSha256 === d.digest.contentSha256);
    if (twin) problems.push(problem('evidence.datasets-alike', 'warning', { file: d.path, ref: d.id }, { id: d.id, other: twin.path, otherId: twin.id }));
  }
  return kept;
}
