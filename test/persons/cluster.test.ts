import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clusterNodes, type Edges, type Facts } from '../../src/persons/linkage/cluster.ts';
import { type RefEdge, type RefNode, referenceClusters } from '../reference/constrained-clusters.ts';

/** Birth dates that are far apart in every part, so that any two of them contradict. */
const births = [0, 19500101, 19610212, 19720323, 19830404];

const edgesOf = (list: readonly RefEdge[]): Edges => ({
  l: Int32Array.from(list, e => e.l),
  r: Int32Array.from(list, e => e.r),
  weight: Float32Array.from(list, e => e.weight),
  grade: Int8Array.from(list, e => e.grade),
  count: list.length,
});
const factsOf = (nodes: readonly RefNode[]): Facts => ({
  given: Int32Array.from(nodes, n => n.given),
  reading: new Int32Array(nodes.length),
  birth: Int32Array.from(nodes, n => n.birth),
  sex: new Int8Array(nodes.length),
  email: new Int32Array(nodes.length),
  latin: new Uint8Array(nodes.length),
  known: new Uint8Array(nodes.length),
});
const groupsOf = (labels: Int32Array): number[][] => {
  const by = new Map<number, number[]>();
  labels.forEach((label, i) => {
    by.set(label, [...(by.get(label) ?? []), i]);
  });
  return [...by.values()].sort((a, b) => a[0]! - b[0]!);
};

const node = fc.record({ given: fc.integer({ min: 0, max: 3 }), birth: fc.constantFrom(...births) });
const world = fc.array(node, { minLength: 2, maxLength: 14 }).chain(nodes =>
  fc.record({
    nodes: fc.constant(nodes),
    edges: fc
      .array(
        fc.record({ l: fc.nat(nodes.length - 1), r: fc.nat(nodes.length - 1), weight: fc.integer({ min: 1, max: 6 }), grade: fc.integer({ min: 1, max: 3 }) }),
        { maxLength: 30 },
      )
      .map(list => list.filter(e => e.l !== e.r).map(e => ({ ...e, l: Math.min(e.l, e.r), r: Math.max(e.l, e.r) }))),
  }),
);

test('the strict clusters are those of the slow reference', () => {
  fc.assert(
    fc.property(world, ({ nodes, edges }) => {
      const found = clusterNodes(nodes.length, edgesOf(edges), factsOf(nodes), [], new Map());
      expect(groupsOf(found.strict)).toEqual(referenceClusters(nodes, edges, 3));
    }),
    { numRuns: 500 },
  );
});

test('strict refines best refines wide; no cluster holds two given names; the order of the edges changes nothing', () => {
  fc.assert(
    fc.property(world, fc.integer(), ({ nodes, edges }, seed) => {
      const facts = factsOf(nodes);
      const found = clusterNodes(nodes.length, edgesOf(edges), facts, [], new Map());
      for (let i = 0; i < nodes.length; i++) {
        expect(found.best[i]).toBe(found.best[found.strict[i]!]);
        expect(found.wide[i]).toBe(found.wide[found.best[i]!]);
      }
      for (const group of groupsOf(found.wide)) expect(new Set(group.map(i => nodes[i]!.given).filter(g => g !== 0)).size).toBeLessThanOrEqual(1);
      const shuffled = [...edges].sort((a, b) => ((a.l * 31 + a.r * 17 + seed) % 7) - ((b.l * 31 + b.r * 17 + seed) % 7));
      expect(clusterNodes(nodes.length, edgesOf(shuffled), facts, [], new Map())).toEqual(found);
    }),
    { numRuns: 300 },
  );
});

test('records a person put apart are apart at every level; records put together are together', () => {
  fc.assert(
    fc.property(world, fc.nat(), ({ nodes, edges }, pick) => {
      const n = nodes.length;
      const [a, b] = [pick % n, (pick + 1) % n];
      const apart = clusterNodes(
        n,
        edgesOf(edges),
        factsOf(nodes),
        [],
        new Map([
          [a, new Map([[1, 0]])],
          [b, new Map([[1, 1]])],
        ]),
      );
      expect(apart.wide[a]).not.toBe(apart.wide[b]);
      const together = clusterNodes(n, edgesOf(edges), factsOf(nodes), [[a, b]], new Map());
      expect(together.strict[a]).toBe(together.strict[b]);
    }),
    { numRuns: 300 },
  );
});

test('namesakes that know nothing in common are one in the widest view only; those that do stay apart', () => {
  // 0, 1: the name alone; 2, 3: with an address; 4: with a birth date; 5, 6: another name, both with addresses
  const known = Uint8Array.from([0, 0, 2, 2, 1, 2, 2]);
  const facts = { ...factsOf(Array.from({ length: 7 }, () => ({ given: 0, birth: 0 }))), known };
  const namesakes = { node: Int32Array.from([0, 1, 2, 3, 4, 5, 6]), group: Int32Array.from([0, 0, 0, 0, 0, 5, 5]) };
  const found = clusterNodes(7, edgesOf([]), facts, [], new Map(), namesakes);
  expect(groupsOf(found.best)).toEqual([[0], [1], [2], [3], [4], [5], [6]]);
  const [a, b, c, d, e, f, g] = found.wide;
  expect(a).toBe(b);
  expect(new Set([c, d]).size).toBe(2);
  expect([c, d]).toEqual(expect.arrayContaining([a, e]));
  expect(new Set([a, f, g]).size).toBe(3);
  expect(
    groupsOf(
      clusterNodes(
        7,
        edgesOf([]),
        facts,
        [],
        new Map([
          [0, new Map([[0, 0]])],
          [1, new Map([[0, 1]])],
        ]),
        namesakes,
      ).wide,
    )[0],
  ).not.toContain(1);
});

test('in Latin letters two clusters join by more than the chance of their many pairs, and a record alone joins by any likely pair', () => {
  // 0–3 and 4–7 are sure to be together; one pair of likely persons of three bits lies between them. 8 is alone.
  const ring = (from: number): RefEdge[] => [0, 1, 2].map(i => ({ l: from + i, r: from + i + 1, weight: 20, grade: 2 }));
  const edges = [...ring(0), ...ring(4), { l: 3, r: 4, weight: 3, grade: 2 }, { l: 7, r: 8, weight: 1, grade: 2 }];
  const nodes = Array.from({ length: 9 }, () => ({ given: 0, birth: 0 }));
  const [japanese, latin] = [0, 1].map(x =>
    groupsOf(clusterNodes(9, edgesOf(edges), { ...factsOf(nodes), latin: new Uint8Array(9).fill(x) }, [], new Map()).best),
  );
  expect(japanese).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8]]);
  expect(latin).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6, 7, 8],
  ]);
});

test('a record without a birth date joins nobody to somebody else whose birth date is far from theirs, however much of a home they share', () => {
  const nodes = [
    { given: 0, birth: -19500101 },
    { given: 0, birth: 0 },
    { given: 0, birth: -19720323 },
  ];
  const edges = [
    { l: 0, r: 1, weight: 15, grade: 1 },
    { l: 1, r: 2, weight: 14, grade: 1 },
  ];
  const found = clusterNodes(3, edgesOf(edges), { ...factsOf(nodes), latin: new Uint8Array(3).fill(1) }, [], new Map());
  expect(groupsOf(found.wide)).toEqual([[0, 1], [2]]);
});
