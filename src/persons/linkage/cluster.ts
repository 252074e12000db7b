/** Clusters that do not chain: each edge is taken in order of weight, and only when the two clusters do not contradict each other. */

export type Edges = { readonly l: Int32Array; readonly r: Int32Array; readonly weight: Float32Array; readonly grade: Int8Array; readonly count: number };

/** Per node, codes of what may not differ inside a cluster; 0 = not known. */
export type Facts = {
  /** Given name with its reading; equal code = compatible. Two codes are compatible too when `readings` agree. */
  readonly given: Int32Array;
  readonly reading: Int32Array;
  /** YYYYMMDD; negative where slips are to be expected (not Japanese), so that a heavy edge may outweigh it. */
  readonly birth: Int32Array;
  readonly sex: Int8Array;
  readonly email: Int32Array;
  /** 1 where slips of spelling are to be expected: the name is not in Japanese script. */
  readonly latin: Uint8Array;
  /** Which of birth date, address, phone, e-mail and number are known, as bits; records without a common bit cannot be told apart but by name. */
  readonly known: Uint8Array;
};

/** Nodes with one name, group by group (group numbers ascend; within a group those that know least come first, so that bare names stay together). */
export type Namesakes = { readonly node: Int32Array; readonly group: Int32Array };

/** Records a person told us to keep apart: side by node, one map a decision. */
export type Apart = ReadonlyMap<number, ReadonlyMap<number, number>>;

export type Partition = { readonly strict: Int32Array; readonly best: Int32Array; readonly wide: Int32Array };

/**
 * Bits that the heaviest pair between two clusters of likely persons has by chance where slips are common: as many pairs were tried as the
 * smaller cluster has records, squared. A record alone is tried once.
 */
const chance = (a: number, b: number): number => 2 * Math.log2(Math.min(a, b));

/** Bits at which everything else outweighs two different birth dates. */
const outweighs = 8;

/**
 * Grade 0 edges are the last resort of the widest view where slips are common: a record that found nobody goes to its nearest candidate,
 * because it could be that one. After them, namesakes that know nothing in common (a name alone; a name with a birth date and one with an
 * address) become one in the widest view, each with one other at most of those that do: nothing says that they are two.
 *
 * Three nested partitions of nodes 0…n−1; the label of a cluster is its smallest node.
 */
export function clusterNodes(
  n: number,
  edges: Edges,
  facts: Facts,
  together: readonly (readonly [number, number])[],
  apart: Apart,
  namesakes: Namesakes = { node: new Int32Array(0), group: new Int32Array(0) },
): Partition {
  const parent = new Int32Array(n);
  for (let i = 0; i < n; i++) parent[i] = i;
  const size = new Int32Array(n).fill(1);
  const given = facts.given.slice();
  const reading = facts.reading.slice();
  const birth = facts.birth.slice();
  const sex = facts.sex.slice();
  const email = facts.email.slice();
  const known = facts.known.slice();
  const sides = new Map<number, Map<number, number>>([...apart].map(([node, s]) => [node, new Map(s)]));
  const find = (x: number): number => {
    let root = x;
    while (parent[root] !== root) root = parent[root]!;
    while (parent[x] !== root) {
      const next = parent[x]!;
      parent[x] = root;
      x = next;
    }
    return root;
  };
  const torn = (a: number, b: number): boolean => {
    const [sa, sb] = [sides.get(a), sides.get(b)];
    if (!sa || !sb) return false;
    for (const [decision, side] of sa) if (sb.has(decision) && sb.get(decision) !== side) return true;
    return false;
  };
  const join = (a: number, b: number): void => {
    const [keep, gone] = a < b ? [a, b] : [b, a];
    parent[gone] = keep;
    size[keep] = size[keep]! + size[gone]!;
    if (given[keep] === 0) given[keep] = given[gone]!;
    if (reading[keep] === 0) reading[keep] = reading[gone]!;
    if (birth[keep] === 0) birth[keep] = birth[gone]!;
    if (sex[keep] === 0) sex[keep] = sex[gone]!;
    if (email[keep] === 0) email[keep] = email[gone]!;
    known[keep] = known[keep]! | known[gone]!;
    const from = sides.get(gone);
    if (from) {
      const to = sides.get(keep) ?? new Map<number, number>();
      for (const [decision, side] of from) to.set(decision, side);
      sides.set(keep, to);
      sides.delete(gone);
    }
  };
  const contradicts = (a: number, b: number, level: number, e: number): boolean => {
    const weight = edges.weight[e]!;
    const namesDiffer = given[a] !== 0 && given[b] !== 0 && given[a] !== given[b] && !(reading[a] !== 0 && reading[a] === reading[b]);
    const birthsFar = birth[a] !== 0 && birth[b] !== 0 && farApart(Math.abs(birth[a]!), Math.abs(birth[b]!));
    const birthsDiffer = birthsFar && !(birth[a]! < 0 && (weight >= outweighs || size[a] === 1 || size[b] === 1));
    // The two records themselves may differ (that was weighed); a record without a birth date must not join two that differ.
    const bridges = facts.birth[edges.l[e]!] === 0 || facts.birth[edges.r[e]!] === 0;
    if (level === 3)
      return (
        namesDiffer ||
        (email[a] !== 0 && email[b] !== 0 && email[a] !== email[b]) ||
        (birthsFar && (birth[a]! > 0 || bridges)) ||
        (sex[a] !== 0 && sex[b] !== 0 && sex[a] !== sex[b])
      );
    if (level === 2)
      return namesDiffer || birthsDiffer || (facts.latin[edges.l[e]!] === 1 && facts.latin[edges.r[e]!] === 1 && weight < chance(size[a]!, size[b]!));
    return namesDiffer || (birthsFar && bridges);
  };
  for (const [a, b] of together) {
    const [x, y] = [find(a), find(b)];
    if (x !== y && !torn(x, y)) join(x, y);
  }
  // By what they know: for each set of known facts, the clusters of this name that know exactly these.
  function joinNamesakes(): void {
    const { node, group } = namesakes;
    for (let from = 0, to = 0; from < node.length; from = to) {
      const open = new Map<number, number[]>();
      const seen = new Set<number>();
      for (to = from; to < node.length && group[to] === group[from]; to++) {
        let own = find(node[to]!);
        if (seen.has(own)) continue;
        for (const [mask, list] of open) {
          if ((mask & known[own]!) !== 0) continue;
          const at = list.findIndex(
            x => !torn(x, own) && !(sex[x] !== 0 && sex[own] !== 0 && sex[x] !== sex[own]) && !(given[x] !== 0 && given[own] !== 0 && given[x] !== given[own]),
          );
          if (at < 0) continue;
          const other = list[at]!;
          list.splice(at, 1);
          join(other, own);
          own = find(own);
          break;
        }
        seen.add(own);
        const list = open.get(known[own]!);
        if (list) list.push(own);
        else open.set(known[own]!, [own]);
      }
    }
  }
  const order = sortByWeight(edges);
  const out: Int32Array[] = [];
  for (const level of [3, 2, 1, 0]) {
    for (const e of order) {
      if (edges.grade[e]! < level) continue;
      const [a, b] = [find(edges.l[e]!), find(edges.r[e]!)];
      if (a === b || torn(a, b) || (level === 0 && size[a] !== 1 && size[b] !== 1) || contradicts(a, b, level, e)) continue;
      join(a, b);
    }
    if (level === 1) continue;
    if (level === 0) joinNamesakes();
    const labels = new Int32Array(n);
    for (let i = 0; i < n; i++) labels[i] = find(i);
    out.push(labels);
  }
  return { strict: out[0]!, best: out[1]!, wide: out[2]! };
}

/** No part of the two dates (year, month, day) agrees twice: not a slip of the pen. */
function farApart(a: number, b: number): boolean {
  if (a === b) return false;
  const same =
    Number(Math.floor(a / 10000) === Math.floor(b / 10000)) + Number(Math.floor(a / 100) % 100 === Math.floor(b / 100) % 100) + Number(a % 100 === b % 100);
  if (same >= 2) return false;
  let [x, y, digits] = [a, b, 0];
  for (let i = 0; i < 8; i++) {
    if (x % 10 !== y % 10) digits++;
    x = Math.floor(x / 10);
    y = Math.floor(y / 10);
  }
  if (digits <= 1) return false;
  const swapped = Math.floor(a / 10000) * 10000 + (a % 100) * 100 + (Math.floor(a / 100) % 100);
  return swapped !== b;
}

function sortByWeight(edges: Edges): Int32Array {
  const order = new Int32Array(edges.count);
  for (let i = 0; i < edges.count; i++) order[i] = i;
  return order.sort((x, y) => edges.weight[y]! - edges.weight[x]! || edges.l[x]! - edges.l[y]! || edges.r[x]! - edges.r[y]!);
}
