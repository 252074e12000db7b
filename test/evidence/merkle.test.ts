import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { consistencyProof, inclusionProof, leafHash, merkleRoot, verifyConsistency, verifyInclusion } from '../../src/evidence/index.ts';

/** The eight leaves of the published Certificate Transparency test vectors. */
const published = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(h => Buffer.from(h, 'hex'));
const leaves = (n: number): Buffer[] => Array.from({ length: n }, (_, i) => leafHash(`leaf ${i}`));

test.each([
  [0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  [1, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
  [2, 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
  [3, 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
  [8, '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
])('root of %i published leaves', (n, root) => {
  expect(merkleRoot(published.slice(0, n).map(leafHash))).toBe(root);
});

test('every leaf of every small tree has a proof, and no other leaf, index, size or root passes', () => {
  for (let n = 1; n <= 33; n++) {
    const all = leaves(n);
    const root = merkleRoot(all);
    for (let i = 0; i < n; i++) {
      const proof = inclusionProof(all, i);
      expect(verifyInclusion(all[i]!, i, n, proof, root)).toBe(true);
      expect(verifyInclusion(leafHash('other'), i, n, proof, root)).toBe(false);
      expect(verifyInclusion(all[i]!, i, n, proof, createHash('sha256').update('x').digest('hex'))).toBe(false);
      expect(verifyInclusion(all[i]!, n, n, proof, root)).toBe(false);
      if (n > 1) expect(verifyInclusion(all[i]!, (i + 1) % n, n, proof, root)).toBe(false);
      expect(verifyInclusion(all[i]!, i, n, [...proof, root], root)).toBe(false);
    }
  }
});

test('a tree that only grew has a consistency proof; a rewritten one has none', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 0, max: 70 }), fc.nat(), (small, more, at) => {
      const all = leaves(small + more);
      const proof = consistencyProof(all, small);
      const before = merkleRoot(all.slice(0, small));
      expect(verifyConsistency(small, small + more, before, merkleRoot(all), proof)).toBe(true);
      const rewritten = all.with(at % small, leafHash('rewritten'));
      expect(verifyConsistency(small, small + more, before, merkleRoot(rewritten), consistencyProof(rewritten, small))).toBe(false);
    }),
  );
});
