export { collectEvidence, type CollectSummary } from './collect.ts';
export type { Breakage, Compression } from './decompress.ts';
export { inclusionProof, consistencyProof, leafHash, merkleRoot, verifyConsistency, verifyInclusion } from './merkle.ts';
export { inputLeaves, inputsRoot, type Manifest, type ManifestFile } from './manifest.ts';
export { readContent } from './read-content.ts';
export { rehashEvidence, type RehashSummary } from './rehash.ts';
export { readSourceFiles, type SourceFile } from './source-file.ts';
export { type Outputs, sealOutputs } from './outputs.ts';
export { type TreeHead, writeManifest } from './tree-head.ts';
