import fs from 'node:fs';
import path from 'node:path';
import { canonicalJson, packageRoot, sha256Hex } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import type { HashedFile } from './collect.ts';
import { BLOCK_BYTES } from './digest.ts';
import { leafHash, merkleRoot } from './merkle.ts';

/** One file of the manifest. `blocks.root` is the RFC 6962 root over the raw file cut into blocks; their hashes lie in `manifest-blocks.json`. */
export type ManifestFile = {
  readonly role: 'evidence' | 'dataset';
  readonly id: string;
  readonly path: string;
  readonly system: string | null;
  readonly kind: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly compression: string;
  readonly content_bytes: number;
  readonly content_sha256: string;
  readonly blocks: { readonly size: number; readonly root: string };
};

/** A part of the tool or the case that results depend on: rule and law files, the case as understood. */
export type ManifestPart = { readonly role: 'case' | 'rules' | 'law'; readonly path: string; readonly sha256: string };

/** `manifest.json`, RFC 8785 canonical, without any wall clock: the same inputs give the same bytes. */
export type Manifest = {
  readonly schema: 'tadasu.manifest/1';
  readonly case: string;
  /** The case file as bytes; its meaning (order and comments aside) is the part with role `case`. */
  readonly case_file: { readonly path: string; readonly bytes: number; readonly sha256: string };
  readonly files: readonly ManifestFile[];
  readonly parts: readonly ManifestPart[];
  /** RFC 6962 root over the canonical JSON of `files` and `parts`, sorted by that text. */
  readonly inputs_root: string;
};

export const manifestName = 'manifest.json';
export const manifestBlocksName = 'manifest-blocks.json';

/** The leaves of the inputs tree in order: canonical JSON texts, sorted, so that the order of giving changes nothing. */
export function inputLeaves(manifest: Pick<Manifest, 'files' | 'parts'>): string[] {
  return [...manifest.files, ...manifest.parts].map(canonicalJson).sort();
}

export function inputsRootOf(manifest: Pick<Manifest, 'files' | 'parts'>): string {
  return merkleRoot(inputLeaves(manifest).map(leafHash));
}

/** Write `manifest.json` and its block hashes; a seal of an earlier run is removed, because it no longer holds. */
export function recordInputs(kase: Pick<OpenCase, 'file' | 'casePath' | 'outDir'>, files: readonly HashedFile[]): Manifest {
  const content = {
    files: files.map(
      (f): ManifestFile => ({
        role: f.role,
        id: f.id,
        path: f.path,
        system: f.systemId,
        kind: f.kind,
        bytes: f.digest.bytes,
        sha256: f.digest.sha256,
        compression: f.digest.compression,
        content_bytes: f.digest.contentBytes,
        content_sha256: f.digest.contentSha256,
        blocks: { size: BLOCK_BYTES, root: blocksRoot(f.digest.blocks) },
      }),
    ),
    parts: [casePart(kase), ...folderParts('rules'), ...folderParts('law')],
  };
  const caseBytes = fs.existsSync(kase.casePath) ? fs.readFileSync(kase.casePath) : Buffer.alloc(0);
  const manifest: Manifest = {
    schema: 'tadasu.manifest/1',
    case: kase.file.id,
    case_file: { path: path.basename(kase.casePath), bytes: caseBytes.length, sha256: sha256Hex(caseBytes) },
    ...content,
    inputs_root: inputsRootOf(content),
  };
  const blocks = {
    case: caseBlocks(caseBytes),
    ...Object.fromEntries(files.map(f => [`${f.role}:${f.id}:${f.path}`, f.digest.blocks])),
  };
  fs.mkdirSync(kase.outDir, { recursive: true });
  for (const stale of ['outputs.json', 'tree-head.json']) fs.rmSync(path.join(kase.outDir, stale), { force: true });
  writeWhole(path.join(kase.outDir, manifestBlocksName), canonicalJson(blocks));
  writeWhole(path.join(kase.outDir, manifestName), canonicalJson(manifest));
  return manifest;
}

/** The Merkle root over evidence, datasets, case, rules and law: `inputs_root` of result.json. Needs `collectEvidence` before. */
export function inputsRoot(kase: Pick<OpenCase, 'outDir'>): string {
  return (JSON.parse(fs.readFileSync(path.join(kase.outDir, manifestName), 'utf8')) as Manifest).inputs_root;
}

/** The case file is small, so it is cut finer than evidence. */
export const CASE_BLOCK = 256;

export function caseBlocks(bytes: Uint8Array): string[] {
  return Array.from({ length: Math.ceil(bytes.length / CASE_BLOCK) }, (_, i) => leafHash(bytes.subarray(i * CASE_BLOCK, (i + 1) * CASE_BLOCK)).toString('hex'));
}

export function blocksRoot(blocks: readonly string[]): string {
  return merkleRoot(blocks.map(b => Buffer.from(b, 'hex')));
}

/** Write beside and rename, so that a reader or a crash never sees half a file. */
export function writeWhole(file: string, text: string, mode = 0o644): void {
  const temporary = `${file}.new`;
  fs.writeFileSync(temporary, text, { mode });
  fs.renameSync(temporary, file);
}

function casePart(kase: Pick<OpenCase, 'file'>): ManifestPart {
  const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
  const tidy = <T extends { readonly id: string; readonly files: readonly string[] }>(list: readonly T[]): T[] =>
    [...list].sort(byId).map(e => ({ ...e, files: [...e.files].sort() }));
  const meaning = { ...kase.file, evidence: tidy(kase.file.evidence), datasets: tidy(kase.file.datasets) };
  return { role: 'case', path: kase.file.id, sha256: sha256Hex(canonicalJson(meaning)) };
}

function folderParts(role: 'rules' | 'law'): ManifestPart[] {
  const dir = path.join(packageRoot, role);
  if (!fs.existsSync(dir)) return [];
  return fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(e => e.isFile())
    .map(e => path.join(e.parentPath, e.name))
    .map(f => ({ role, path: path.relative(packageRoot, f).split(path.sep).join('/'), sha256: sha256Hex(fs.readFileSync(f)) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
