import { ownDeviation } from './infer-reads.ts';
import { type Observation, solve } from './size-model.ts';

/** Columns of a read whose lengths show in the sizes of the answers, and those whose lengths plainly do not. Of others nothing is known. */
export type ColumnsTold = { readonly shown: ReadonlySet<number>; readonly hidden: ReadonlySet<number> };

const minObservations = 20;
const mostUnexplained = 8;

/**
 * Least squares of the answers' sizes over the bytes of each column of one read (`lengths`, null where not known), beside the other reads as a
 * whole. Only what the other columns do not tell already speaks for a column; values of one length say nothing. Null when sizes do not follow.
 */
export function fitColumns(observations: readonly Observation[], read: number, lengths: readonly (ReadonlyMap<number, number> | null)[]): ColumnsTold | null {
  const kept = observations.flatMap((o, i) => (lengths[i] ? [{ o, bytes: lengths[i] }] : []));
  const columns = [...(kept[0]?.bytes.keys() ?? [])].filter(c => new Set(kept.map(k => k.bytes.get(c))).size > 1);
  const others = kept[0]?.o.features.map((_, i) => i).filter(i => i !== read) ?? [];
  const x = kept.map(({ o, bytes }) => [
    1,
    o.features[read]!.rows,
    o.features[read]!.nulls,
    ...others.flatMap(i => [o.features[i]!.bytes, o.features[i]!.rows, o.features[i]!.nulls]),
    ...columns.map(c => bytes.get(c)!),
  ]);
  const width = x[0]?.length ?? 0;
  if (columns.length === 0 || kept.length < Math.max(minObservations, 2.5 * width)) return null;
  const y = kept.map(k => k.o.size);
  const beta = solve(x, y);
  if (!beta) return null;
  const residuals = x.map((v, i) => Math.abs(y[i]! - v.reduce((a, b, j) => a + b * beta[j]!, 0))).sort((a, b) => a - b);
  if (residuals[Math.floor(residuals.length * 0.95)]! > mostUnexplained) return null;
  const noise = Math.max(0.5, Math.sqrt(residuals.reduce((a, r) => a + r * r, 0) / x.length));
  const shown = new Set<number>();
  const hidden = new Set<number>();
  columns.forEach((c, i) => {
    const at = width - columns.length + i;
    const deviation = ownDeviation(x, at);
    if (deviation === 0 || noise / (deviation * Math.sqrt(x.length)) > 0.1) return;
    if (beta[at]! > 0.75 && beta[at]! < 3.5) shown.add(c);
    else if (Math.abs(beta[at]!) < 0.2) hidden.add(c);
  });
  return { shown, hidden };
}
