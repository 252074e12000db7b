/** Inverse second moments of the vectors a linear model was fitted on, each column divided by `scale`. */
export type Moments = { readonly scale: readonly number[]; readonly inverse: readonly (readonly number[])[]; readonly count: number };

/** What no vector was ever like is let in by so little: a direction nobody went in counts as hardly known, not as unknown. */
const ridge = 1e-9;

/** The second moments of vectors of one length (not empty). */
export function momentsOf(rows: readonly (readonly number[])[]): Moments {
  const p = rows[0]!.length;
  const scale = Array.from({ length: p }, (_, j) => Math.sqrt(rows.reduce((a, r) => a + r[j]! ** 2, 0) / rows.length) || 1);
  const moments = Array.from({ length: p }, (_, j) =>
    Array.from({ length: p }, (_, k) => rows.reduce((a, r) => a + (r[j]! / scale[j]!) * (r[k]! / scale[k]!), 0) / rows.length + (j === k ? ridge : 0)),
  );
  return { scale, inverse: inverseOf(moments), count: rows.length };
}

/** The variance of a prediction at a vector, in units of the variance of one answer. */
export function leverageOf(m: Moments, x: readonly number[]): number {
  const z = x.map((v, j) => v / m.scale[j]!);
  return Math.max(0, z.reduce((a, v, j) => a + v * z.reduce((b, w, k) => b + w * m.inverse[j]![k]!, 0), 0) / m.count);
}

/** Gauss-Jordan; the matrix is symmetric and, by its ridge, never singular. */
function inverseOf(matrix: readonly (readonly number[])[]): number[][] {
  const p = matrix.length;
  const a = matrix.map((row, i) => [...row, ...Array.from({ length: p }, (_, k) => (k === i ? 1 : 0))]);
  for (let col = 0; col < p; col++) {
    let best = col;
    for (let row = col + 1; row < p; row++) if (Math.abs(a[row]![col]!) > Math.abs(a[best]![col]!)) best = row;
    [a[col], a[best]] = [a[best]!, a[col]!];
    const pivot = a[col]![col]!;
    for (let k = 0; k < 2 * p; k++) a[col]![k]! /= pivot;
    for (let row = 0; row < p; row++) {
      const f = a[row]![col]!;
      if (row === col || f === 0) continue;
      for (let k = 0; k < 2 * p; k++) a[row]![k]! -= f * a[col]![k]!;
    }
  }
  return a.map(row => row.slice(p));
}
