export { collectEvidence, type CollectSummary } from './collect.ts';
export { type Breakage, type Compression, compressionOf, type Decoder, openDecoder } from './decompress.ts';
export { inclusionProof, consistencyProof, leafHash, merkleRoot, verifyConsistency, verifyInclusion } from './merkle.ts';
export { inputLeaves, inputsRoot, type Manifest, type ManifestFile } from './manifest.ts';
export { rehashEvidence, type RehashSummary } from './rehash.ts';
export { readSourceFiles, type SourceFile } from './source-file.ts';
