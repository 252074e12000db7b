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

/** A way some rows were shown of which only the number is known: `least` to `most` of `rows`. */
export type Anonymous = CountConstraint;

/**
 * How many rows were shown when `must` certainly were, `free` may have been, each by itself, and of each of `families` a known number of
 * unknown rows was. The lower bound is that of `boundCount`; the upper adds to the rows that may be shown by themselves what the
 * families can add, those that overlap never more than they hold together. Both always hold.
 */
export function boundFigure(
  must: ReadonlySet<number>,
  free: ReadonlySet<number>,
  families: readonly Anonymous[],
): { readonly lower: number; readonly upper: number } {
  const may = new Set([...must, ...free]);
  const alone = may.size;
  for (const f of families) for (const r of f.rows) may.add(r);
  const lower = boundCount(
    must,
    may,
    families.map(f => ({ rows: f.rows, least: f.least, most: f.rows.size })),
  ).lower;
  // Families that share rows are taken together.
  const groups: { rows: Set<number>; most: number }[] = [];
  for (const f of families) {
    const rows = new Set([...f.rows].filter(r => !must.has(r) && !free.has(r)));
    let own = { rows, most: Math.min(f.most, rows.size) };
    for (let i = groups.length - 1; i >= 0; i--) {
      const g = groups[i]!;
      if (![...own.rows].some(r => g.rows.has(r))) continue;
      own = { rows: new Set([...g.rows, ...own.rows]), most: own.most + g.most };
      groups.splice(i, 1);
    }
    groups.push(own);
  }
  return { lower, upper: alone + groups.reduce((n, g) => n + Math.min(g.most, g.rows.size), 0) };
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
