import fs from 'node:fs';
import path from 'node:path';
import { canonicalJson, type Effects, packageRoot, sha256Hex } from '../base/index.ts';
import { checkEvidence, checkOutputs, readBlocks } from './check-files.ts';
import { checkJournal } from './check-journal.ts';
import type { Finding, VerifyReport } from './finding.ts';
import { CASE_BLOCK, caseBlocks, inputLeaves, inputsRootOf, type Manifest, manifestName } from './manifest.ts';
import { caseDirOf, type Outputs, outputsName } from './outputs.ts';
import { differingRanges } from './rehash.ts';
import { checkSignature, keyFingerprint, privateKeyPath, publicKeyPath } from './signing-key.ts';
import { checkTimeStamp } from './time-stamp.ts';
import { stampedBytes, type TreeHead, treeHeadName } from './tree-head.ts';

export type VerifyOptions = {
  /** Folder of the case file, when the evidence was moved. */
  readonly caseDir?: string;
  /** Certificates (DER) that a time-stamp must lead to. */
  readonly trusted?: readonly Uint8Array[];
};

/**
 * Is everything as it was? Evidence against the manifest (whole and by block), the custody chain, the manifest against its root and the
 * signed tree head, every file under the output folder against the signed list. Writes nothing below the output folder.
 */
export async function verifyCase(outDir: string, effects: Effects, options: VerifyOptions = {}): Promise<VerifyReport> {
  const findings: Finding[] = [];
  const manifest = readSealed<Manifest>(outDir, manifestName, findings);
  const head = readSealed<TreeHead>(outDir, treeHeadName, findings);
  const outputs = readSealed<Outputs>(outDir, outputsName, findings);
  checkSignatures(outDir, head, outputs, findings);
  if (manifest) checkManifest(outDir, manifest, head, findings);
  const journal = checkJournal(outDir, manifest, head?.content.journal ?? null);
  findings.push(...journal.findings);

  let done = 0;
  const onBytes = (n: number): void => effects.progress({ stage: 'evidence', done: (done += n), total: null, unit: 'bytes' });
  const caseDir = options.caseDir ?? path.resolve(outDir, outputs?.content.case_dir ?? caseDirOf(outDir));
  const evidence = manifest ? await checkEvidence(outDir, caseDir, manifest, effects.threads, onBytes) : { findings: [], bytes: 0 };
  const sealed = outputs ? await checkOutputs(outDir, outputs, journal.grew, effects.threads, onBytes) : { findings: [], bytes: 0 };
  findings.push(...evidence.findings, ...sealed.findings);
  if (manifest) checkParts(outDir, caseDir, manifest, findings);

  const stamp = head?.time_stamp ? await checkTimeStamp(head.time_stamp.token, stampedBytes(head), options.trusted) : null;
  if (stamp && !stamp.ok)
    findings.push({
      level: 'differs',
      code: 'time-stamp',
      where: 'output',
      file: treeHeadName,
      params: { reason: stamp.reason },
    });
  const order = { differs: 0, cannot: 1, note: 2 } as const;
  findings.sort((a, b) => order[a.level] - order[b.level]);
  return {
    state: findings.some(f => f.level === 'differs') ? 'differs' : findings.some(f => f.level === 'cannot') ? 'cannot' : 'intact',
    findings,
    checked: {
      evidence: manifest?.files.length ?? 0,
      outputs: outputs?.content.files.length ?? 0,
      acts: journal.acts,
      bytes: evidence.bytes + sealed.bytes,
    },
    key: head ? keyFingerprint(head.signature.public_key) : null,
    inputs_root: manifest?.inputs_root ?? null,
    signed_at: head?.content.signed_at ?? null,
    time_stamp: stamp?.ok && head?.time_stamp ? { authority: head.time_stamp.authority, at: stamp.at, signer: stamp.signer, chain: stamp.chain } : null,
  };
}

/** One of our own signed or canonical files. Bytes that are not exactly the canonical JSON of what they say were changed. */
function readSealed<T>(outDir: string, name: string, findings: Finding[]): T | null {
  const file = path.join(outDir, name);
  if (!fs.existsSync(file)) {
    findings.push({ level: 'cannot', code: 'unfinished', where: 'output', file: name });
    return null;
  }
  try {
    const text = fs.readFileSync(file, 'utf8');
    const value = JSON.parse(text) as T;
    if (canonicalJson(value) !== text) findings.push({ level: 'differs', code: 'not-canonical', where: 'output', file: name });
    return hasShape(name, value) ? value : reject();
  } catch {
    return reject();
  }
  function reject(): null {
    findings.push({ level: 'differs', code: 'malformed', where: 'output', file: name });
    return null;
  }
}

/** Far enough that nothing below can stumble over a forged file; what the values mean is checked where they are used. */
function hasShape(name: string, value: unknown): boolean {
  const blockSize = (n: unknown): boolean => typeof n === 'number' && Number.isInteger(n) && n >= 512 && n <= 1 << 26;
  const list = (v: unknown, each: (item: Loose) => boolean): boolean => Array.isArray(v) && v.every(item => isObject(item) && each(item));
  const texts = (v: unknown): boolean => Array.isArray(v) && v.every(item => typeof item === 'string');
  if (!isObject(value)) return false;
  if (name === manifestName) {
    const { case_file: file, files, parts } = value;
    return (
      isObject(file) &&
      typeof file['path'] === 'string' &&
      typeof file['sha256'] === 'string' &&
      list(files, f => typeof f['path'] === 'string' && isObject(f['blocks']) && blockSize(f['blocks']['size'])) &&
      list(parts, p => typeof p['path'] === 'string')
    );
  }
  const { content, signature } = value;
  if (Object.keys(value).length !== (name === treeHeadName ? 3 : 2)) return false;
  if (!isObject(content) || !isObject(signature) || typeof signature['public_key'] !== 'string') return false;
  if (name === treeHeadName) return isObject(content['journal']) && (value['time_stamp'] === null || isObject(value['time_stamp']));
  return (
    typeof content['case_dir'] === 'string' &&
    texts(content['uncovered']) &&
    list(content['files'], f => typeof f['path'] === 'string' && blockSize(f['block_bytes']) && texts(f['blocks']))
  );
}

type Loose = { readonly [key: string]: unknown };

function isObject(value: unknown): value is Loose {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function checkSignatures(outDir: string, head: TreeHead | null, outputs: Outputs | null, findings: Finding[]): void {
  for (const [file, signed] of [
    [treeHeadName, head],
    [outputsName, outputs],
  ] as const) {
    if (signed && !checkSignature(signed.content, signed.signature)) findings.push({ level: 'differs', code: 'signature', where: 'output', file });
  }
  const mode = fs.statSync(path.join(outDir, privateKeyPath), { throwIfNoEntry: false })?.mode;
  if (mode !== undefined && (mode & 0o077) !== 0 && process.platform !== 'win32')
    findings.push({ level: 'note', code: 'key-mode', where: 'output', file: privateKeyPath });
  const keyFile = path.join(outDir, publicKeyPath);
  const pem = fs.existsSync(keyFile) ? fs.readFileSync(keyFile, 'utf8').replace(/-----[^-]+-----|\s/g, '') : null;
  for (const [file, signed] of [
    [treeHeadName, head],
    [outputsName, outputs],
  ] as const) {
    if (signed && signed.signature.public_key !== pem) findings.push({ level: 'differs', code: 'other-key', where: 'output', file });
  }
}

function checkManifest(outDir: string, manifest: Manifest, head: TreeHead | null, findings: Finding[]): void {
  const differs = (code: string): void => void findings.push({ level: 'differs', code, where: 'output', file: manifestName });
  if (inputsRootOf(manifest) !== manifest.inputs_root) differs('manifest-root');
  if (
    head &&
    (head.content.root !== manifest.inputs_root ||
      head.content.size !== inputLeaves(manifest).length ||
      head.content.manifest_sha256 !== sha256Hex(fs.readFileSync(path.join(outDir, manifestName))))
  )
    differs('manifest-head');
}

/** The case file must be the same bytes; rules and law may have moved on with the tool, which is worth a note. */
function checkParts(outDir: string, caseDir: string, manifest: Manifest, findings: Finding[]): void {
  const caseFile = path.join(caseDir, manifest.case_file.path);
  if (!fs.existsSync(caseFile)) findings.push({ level: 'differs', code: 'gone', where: 'case', file: path.basename(caseFile), params: { reason: 'ENOENT' } });
  else {
    const bytes = fs.readFileSync(caseFile);
    if (sha256Hex(bytes) !== manifest.case_file.sha256) {
      const known = readBlocks(outDir)['case'];
      const ranges = known && differingRanges(known, caseBlocks(bytes), CASE_BLOCK, manifest.case_file.bytes, bytes.length);
      findings.push({
        level: 'differs',
        code: 'changed',
        where: 'case',
        file: path.basename(caseFile),
        ...(ranges && { ranges }),
        params: { bytes: manifest.case_file.bytes, now: bytes.length },
      });
    }
  }
  const moved = manifest.parts
    .filter(p => p.role !== 'case')
    .filter(p => {
      const file = path.join(packageRoot, p.path);
      return !fs.existsSync(file) || sha256Hex(fs.readFileSync(file)) !== p.sha256;
    });
  if (moved.length > 0) findings.push({ level: 'note', code: 'other-rules', where: 'case', params: { count: moved.length, first: moved[0]!.path } });
}
