import type { Dataset } from '../catalogue.ts';

/** What one answer would show under a hypothesis: rows and bytes of each column; `size` is what was sent, `echo` the bytes of its term. */
export type Shot = { readonly k: number; readonly lengths: readonly number[]; readonly size: number; readonly echo: number };
/** Column sets (bit masks over `free`) that give every size to the byte, and how far all others are off. */
export type ExactFit = { readonly free: readonly number[]; readonly masks: readonly number[]; readonly near: readonly number[] };

const mostColumns = 13;
/** Differences above this many bytes are not told apart. */
export const farthest = 32;

/** Hold every set of columns against the sizes: the spread of what the values leave over, a fixed number of bytes for a row allowed. */
export function exactFit(dataset: Dataset, shots: readonly Shot[]): ExactFit | null {
  const hits = shots.filter(s => s.k > 0);
  const blank = shots.filter(s => s.k === 0);
  if (hits.length < 4) return null;
  const free = dataset.columns.map((_, j) => j).filter(j => new Set(hits.map(h => (h.lengths[j]! / h.k).toFixed(6))).size > 1);
  if (free.length === 0 || free.length > mostColumns) return null;
  const masks = new Set<number>();
  const near = new Array<number>(farthest + 1).fill(0);
  for (const echo of [0, 1]) {
    if (!blankAgrees(hits, blank, echo)) continue;
    for (let mask = 1; mask < 1 << free.length; mask++) {
      const off = spread(hits, free, mask, echo);
      if (off > farthest) continue;
      if (off === 0) masks.add(mask);
      else near[off]!++;
    }
  }
  return { free, masks: [...masks].sort((a, b) => a - b), near };
}

/** Can these rows be what was shown, whatever their columns: terms without a row get one page, and terms with rows get more than that. */
export function possible(shots: readonly Shot[]): boolean {
  const hits = shots.filter(s => s.k > 0);
  const blank = shots.filter(s => s.k === 0);
  return hits.length >= 4 && [0, 1].some(echo => blankAgrees(hits, blank, echo));
}

function blankAgrees(hits: readonly Shot[], blank: readonly Shot[], echo: number): boolean {
  if (blank.length === 0) return true;
  const empty = blank.map(b => b.size - echo * b.echo);
  return Math.max(...empty) === Math.min(...empty) && hits.every(h => h.size - echo * h.echo > empty[0]!);
}

function spread(hits: readonly Shot[], free: readonly number[], mask: number, echo: number): number {
  const rest = (h: Shot): number => {
    let n = h.size - echo * h.echo;
    for (let bit = 0; bit < free.length; bit++) if ((mask >> bit) & 1) n -= h.lengths[free[bit]!]!;
    return n;
  };
  let few = hits[0]!;
  let many = hits[0]!;
  for (const h of hits) {
    if (h.k < few.k) few = h;
    if (h.k > many.k) many = h;
  }
  const per = many.k > few.k ? Math.round((rest(many) - rest(few)) / (many.k - few.k)) : 0;
  if (per < 0) return Infinity;
  let low = Infinity;
  let high = -Infinity;
  for (const h of hits) {
    const n = rest(h) - per * h.k;
    if (n < low) low = n;
    if (n > high) high = n;
    if (high - low > farthest) return Infinity;
  }
  return high - low;
}

/**
 * How many hypotheses would fit to the byte by chance, told by how many others are a few bytes off: values of `answers` answers that lie
 * anywhere within w bytes agree exactly once in (w+1)^n − w^n times.
 */
export function chanceFits(near: readonly number[], answers: number): number {
  let most = 0;
  let sum = 0;
  for (let w = 1; w <= farthest; w++) {
    sum += near[w] ?? 0;
    const seen = w === farthest ? sum + 1 : sum;
    most = Math.max(most, seen / ((w + 1) ** answers - w ** answers));
  }
  return most;
}
