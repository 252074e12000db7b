/**
 * Slow reference for person clusters: edges by weight, and two groups join only when no known given name and no known birth date of one
 * contradicts the other. Works on plain sets; for Japanese records (exact names).
 */
export type RefEdge = { readonly l: number; readonly r: number; readonly weight: number; readonly grade: number };
export type RefNode = { readonly given: number; readonly birth: number };

export function referenceClusters(nodes: readonly RefNode[], edges: readonly RefEdge[], grade: number): number[][] {
  let groups = nodes.map((_n, i) => [i]);
  const sorted = [...edges].filter(e => e.grade >= grade).sort((a, b) => b.weight - a.weight || a.l - b.l || a.r - b.r);
  for (const e of sorted) {
    const a = groups.find(g => g.includes(e.l))!;
    const b = groups.find(g => g.includes(e.r))!;
    if (a === b || differ(a, b, n => nodes[n]!.given) || differ(a, b, n => nodes[n]!.birth)) continue;
    groups = [...groups.filter(g => g !== a && g !== b), [...a, ...b]];
  }
  return groups.map(g => [...g].sort((x, y) => x - y)).sort((x, y) => x[0]! - y[0]!);
}

function differ(a: readonly number[], b: readonly number[], fact: (n: number) => number): boolean {
  const known = (g: readonly number[]): number[] => g.map(fact).filter(x => x !== 0);
  return known(a).some(x => known(b).some(y => x !== y));
}
