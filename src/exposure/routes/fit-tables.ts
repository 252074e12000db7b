import type { Dataset } from '../catalogue.ts';

/** An answer: its size, and rows and bytes of each column that a reading of its parameters gives. */
export type Compared = { readonly size: number; readonly k: number; readonly lengths: readonly number[] };
/** Which reading of each form holds, and the columns (bits) in every and in some fit. */
export type TableFit = { readonly chosen: readonly number[]; readonly every: number; readonly some: number };

const farthest = 2048;
/** Values added up at the most: what cannot be told within it is not told. */
const mostWork = 1e9;
const mostChance = 2e-3;
/** Head of an answer some logs count with its body. */
const headers = 700;

/**
 * A table sent as text is one head, and for each row its values, a separator between them and a line end. `forms[f][m]` holds the answers
 * of form f under reading m. Exactly one reading of each form may give all sizes with one head; it counts only where so few others come
 * near that fewer than one fit in 500 is made by chance.
 */
export function fitTables(dataset: Dataset, forms: readonly (readonly (readonly Compared[])[])[]): TableFit | null {
  const n = dataset.columns.length;
  const longest = headers + 64 + 4 * dataset.columns.reduce((a, c) => a + Buffer.byteLength(c.name), 0);
  const combinations = forms.reduce((a, f) => a * f.length, 1);
  const values = forms.reduce((a, f) => a + (f[0]?.length ?? 0), 0) * n;
  if (combinations === 0 || combinations * 2 ** (n + 2) * values > mostWork) return null;
  const near = new Map<number, number>();
  const fits: { chosen: number[]; mask: number }[] = [];
  const chosen = forms.map(() => 0);
  for (let at = 0; at < combinations; at++) {
    let rest = at;
    for (let f = 0; f < forms.length; f++) {
      chosen[f] = rest % forms[f]!.length;
      rest = Math.floor(rest / forms[f]!.length);
    }
    const answers = forms.flatMap((f, i) => f[chosen[i]!]!);
    // An answer without rows may be anything.
    if (answers.some(a => a.k === 0) || new Set(answers.map(a => a.k)).size < 2) continue;
    for (const counted of [false, true])
      for (const eol of [1, 2])
        for (let mask = 1; mask < 1 << n; mask++) {
          const off = spread(answers, mask, eol, n, longest, counted);
          if (off > farthest) continue;
          if (off === 0) fits.push({ chosen: [...chosen], mask });
          else if (!counted) near.set(off, (near.get(off) ?? 0) + 1);
          if (fits.length > 256) return null;
        }
  }
  const first = fits[0];
  if (!first || fits.some(f => f.chosen.some((c, i) => !same(forms[i]![c]!, forms[i]![first.chosen[i]!]!)))) return null;
  const count = forms.reduce((a, f) => a + f[0]!.length, 0);
  if (chance(near, count) > mostChance) return null;
  // Readings that are alike for all these answers are one.
  if (fits.some(f => f.mask !== first.mask && f.chosen.some((c, i) => c !== first.chosen[i])) && fits.length > 64) return null;
  return { chosen: first.chosen, every: fits.map(f => f.mask).reduce((a, b) => a & b), some: fits.map(f => f.mask).reduce((a, b) => a | b) };
}

const same = (a: readonly Compared[], b: readonly Compared[]): boolean =>
  a.every((x, i) => x.k === b[i]!.k && x.lengths.every((l, j) => l === b[i]!.lengths[j]));

function spread(answers: readonly Compared[], mask: number, eol: number, n: number, longest: number, counted: boolean): number {
  let count = 0;
  for (let j = 0; j < n; j++) if ((mask >> j) & 1) count++;
  let low = Infinity;
  let high = -Infinity;
  for (const a of answers) {
    let body = a.k * (count - 1 + eol);
    for (let j = 0; j < n; j++) if ((mask >> j) & 1) body += a.lengths[j]!;
    // Where the head of the answer is counted as well, it tells the length in digits.
    const size = a.size - body - (counted ? digits(body + 64) : 0);
    if (size < -farthest || size > longest + farthest) return Infinity;
    if (size < low) low = size;
    if (size > high) high = size;
    if (high - low > farthest) return Infinity;
  }
  return high - low === 0 && (low < 0 || low > longest) ? Infinity : high - low;
}

const digits = (n: number): number => (n < 10_000 ? (n < 1000 ? (n < 100 ? 2 : 3) : 4) : n < 100_000 ? 5 : n < 1_000_000 ? 6 : n < 10_000_000 ? 7 : 8);

/** How many would fit exactly by chance, from how many come near: n sizes anywhere within w bytes are all one in (w+1)^n − w^n times. */
function chance(near: ReadonlyMap<number, number>, answers: number): number {
  let most = 0;
  let sum = 0;
  const sorted = [...near].sort((a, b) => a[0] - b[0]);
  for (const [w, n] of [...sorted, [farthest, 1] as const]) {
    sum += n;
    most = Math.max(most, sum / ((w + 1) ** answers - w ** answers));
  }
  return most;
}
