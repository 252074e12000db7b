import { createHash } from 'node:crypto';

/** Merkle tree hashing of RFC 6962 §2.1: leaf SHA-256(0x00 ‖ d), node SHA-256(0x01 ‖ l ‖ r), split at the largest power of two below n. */

const node = (left: Buffer, right: Buffer): Buffer => createHash('sha256').update('\x01').update(left).update(right).digest();

/** The hash of one leaf's data. */
export function leafHash(data: Uint8Array | string): Buffer {
  return createHash('sha256').update('\0').update(data).digest();
}

function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

function rootOf(leaves: readonly Buffer[], from: number, to: number): Buffer {
  const n = to - from;
  if (n === 0) return createHash('sha256').digest();
  if (n === 1) return leaves[from]!;
  const k = split(n);
  return node(rootOf(leaves, from, from + k), rootOf(leaves, from + k, to));
}

/** Root over leaf hashes (see `leafHash`), lower-case hex. */
export function merkleRoot(leaves: readonly Buffer[]): string {
  return rootOf(leaves, 0, leaves.length).toString('hex');
}

/** The audit path of leaf `index`, from the leaf up, hex. */
export function inclusionProof(leaves: readonly Buffer[], index: number): string[] {
  if (!(index >= 0 && index < leaves.length)) throw new RangeError('no such leaf');
  const walk = (from: number, to: number): Buffer[] => {
    if (to - from === 1) return [];
    const k = from + split(to - from);
    return index < k ? [...walk(from, k), rootOf(leaves, k, to)] : [...walk(k, to), rootOf(leaves, from, k)];
  };
  return walk(0, leaves.length).map(b => b.toString('hex'));
}

/** Does the audit path lead from this leaf at this index to this root of a tree of `size` leaves? */
export function verifyInclusion(leaf: Buffer, index: number, size: number, proof: readonly string[], root: string): boolean {
  if (!(Number.isInteger(index) && index >= 0 && index < size)) return false;
  let fn = index;
  let sn = size - 1;
  let hash: Buffer = leaf;
  for (const hex of proof) {
    if (sn === 0) return false;
    const sibling = Buffer.from(hex, 'hex');
    if (fn % 2 === 1 || fn === sn) {
      hash = node(sibling, hash);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else hash = node(hash, sibling);
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 && hash.toString('hex') === root;
}

/** Proof that the tree of the first `size` leaves is a prefix of the whole tree, hex. */
export function consistencyProof(leaves: readonly Buffer[], size: number): string[] {
  if (!(size > 0 && size <= leaves.length)) throw new RangeError('no such tree size');
  const walk = (m: number, from: number, to: number, known: boolean): Buffer[] => {
    const n = to - from;
    if (m === n) return known ? [] : [rootOf(leaves, from, to)];
    const k = split(n);
    return m <= k ? [...walk(m, from, from + k, known), rootOf(leaves, from + k, to)] : [...walk(m - k, from + k, to, false), rootOf(leaves, from, from + k)];
  };
  return walk(size, 0, leaves.length, true).map(b => b.toString('hex'));
}

/** Does the proof show that the tree (firstSize, firstRoot) only grew into (secondSize, secondRoot)? RFC 9162 §2.1.4.2. */
export function verifyConsistency(firstSize: number, secondSize: number, firstRoot: string, secondRoot: string, proof: readonly string[]): boolean {
  if (!(firstSize > 0 && firstSize <= secondSize)) return false;
  if (firstSize === secondSize) return proof.length === 0 && firstRoot === secondRoot;
  const isPower = (firstSize & (firstSize - 1)) === 0;
  const path = (isPower ? [firstRoot, ...proof] : [...proof]).map(h => Buffer.from(h, 'hex'));
  const start = path.shift();
  if (!start) return false;
  let fn = firstSize - 1;
  let sn = secondSize - 1;
  while (fn % 2 === 1) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  let first: Buffer = start;
  let second: Buffer = start;
  for (const c of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      first = node(c, first);
      second = node(c, second);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else second = node(second, c);
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 && first.toString('hex') === firstRoot && second.toString('hex') === secondRoot;
}
