/** "Between `least` and `most` of these rows were shown", when which of them is not known. */
export type CountConstraint = { readonly rows: ReadonlySet<number>; readonly least: number; readonly most: number };

/**
 * How many rows were shown at least and at most, given the rows that certainly were (`must`), those that may have been (`may`, a
 * superset of `must`) and count constraints (methods §6.5). Exact when at most 14 rows are open; else the greedy disjoint bound,
 * which is always valid.
 */
export function boundCount(
  must: ReadonlySet<number>,
  may: ReadonlySet<number>,
  constraints: readonly CountConstraint[],
): { readonly lower: number; readonly upper: number } {
  const open = [...may].filter(r => !must.has(r));
  const left = constraints.map(c => {
    const fixed = [...c.rows].filter(r => must.has(r)).length;
    return { rows: new Set([...c.rows].filter(r => may.has(r) && !must.has(r))), least: Math.max(0, c.least - fixed), most: c.most - fixed };
  });
  const exact = open.length <= 14 ? enumerate(open, left) : null;
  if (exact) return { lower: must.size + exact.lower, upper: must.size + exact.upper };
  let lower = 0;
  const taken = new Set<number>();
  for (const c of [...left].sort((a, b) => b.least - a.least || a.rows.size - b.rows.size)) {
    if (c.least === 0 || [...c.rows].some(r => taken.has(r))) continue;
    lower += Math.min(c.least, c.rows.size);
    for (const r of c.rows) taken.add(r);
  }
  let upper = open.length;
  const capped = new Set<number>();
  for (const c of [...left].sort((a, b) => b.rows.size - b.most - (a.rows.size - a.most))) {
    if (c.most < 0 || c.most >= c.rows.size || [...c.rows].some(r => capped.has(r))) continue;
    upper -= c.rows.size - c.most;
    for (const r of c.rows) capped.add(r);
  }
  return { lower: must.size + lower, upper: must.size + upper };
}

/** All sets of open rows that satisfy every constraint; null when none does (the premises contradict each other). */
function enumerate(open: readonly number[], constraints: readonly CountConstraint[]): { lower: number; upper: number } | null {
  const masks = constraints.map(c => open.reduce((mask, r, i) => (c.rows.has(r) ? mask | (1 << i) : mask), 0));
  let lower = Infinity;
  let upper = -Infinity;
  for (let set = 0; set < 1 << open.length; set++) {
    if (
      !constraints.every((c, i) => {
        const n = ones(set & masks[i]!);
        return n >= c.least && n <= c.most;
      })
    )
      continue;
    const n = ones(set);
    lower = Math.min(lower, n);
    upper = Math.max(upper, n);
  }
  return lower === Infinity ? null : { lower, upper };
}

function ones(n: number): number {
  let count = 0;
  for (let x = n; x !== 0; x &= x - 1) count++;
  return count;
}
