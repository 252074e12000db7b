export { collectEvidence } from './collect.ts';

export type { Finding, VerifyReport } from './finding.ts';
export { inputLeaves, inputsRoot, type Manifest } from './manifest.ts';
export { consistencyProof, inclusionProof, leafHash, merkleRoot, verifyConsistency, verifyInclusion } from './merkle.ts';
export { sealOutputs } from './outputs.ts';
export { readContent } from './read-content.ts';
export { rehashEvidence } from './rehash.ts';
export { readSourceFiles, type SourceFile, sourceFileColumns } from './source-file.ts';
export { writeManifest } from './tree-head.ts';
export { verifyCase } from './verify-case.ts';
