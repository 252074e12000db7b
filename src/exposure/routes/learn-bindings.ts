import type { ReadableStatement, Statement } from '../replay/statements.ts';
import { type Binding, type Concatenation, matches, sentValue } from './binding.ts';
import { codings, decodedAs } from './coding.ts';
import type { Request } from './requests.ts';

/** A request with the statements that may be its own. */
export type Window = { readonly r: Request; readonly statements: readonly Statement[] };

/** What an application puts around a value it searches for. */
const surroundings = [
  ['', ''],
  ['%', '%'],
  ['', '%'],
  ['%', ''],
] as const;

/** The parameter that most requests' statements carry in a slot, as it is or decoded, surrounded or by a linear rule; free where none is. */
export function bestBinding(slot: number, names: readonly string[], own: readonly Window[], fewest: number): Binding {
  let best: Binding = { from: 'free' };
  let bestShare = 0.8;
  for (const name of names) {
    const having = own.filter(w => w.r.values.has(name) && w.r.values.get(name) !== '');
    if (having.length < fewest || (fewest < 3 && new Set(having.map(w => w.r.values.get(name))).size < 2)) continue;
    for (const coding of [undefined, ...codings]) {
      const read = having.map(w => decodedAs(w.r.values.get(name)!, coding));
      if (read.every(v => v === undefined)) continue;
      for (const [before, after] of surroundings) {
        const share =
          having.filter((w, i) => read[i] !== undefined && w.statements.some(s => s.values[slot] === before + read[i]! + after)).length / having.length;
        if (share > bestShare) {
          best = { from: 'request', name, before, after, ...(coding && { coding }) };
          bestShare = share;
        }
      }
    }
    const linear = linearBinding(slot, name, having, own);
    if (linear && linear.share > bestShare) {
      best = linear.binding;
      bestShare = linear.share;
    }
  }
  return best;
}

/** `offset = page × size − size` and the like: factor and summand that most requests agree on. */
function linearBinding(slot: number, name: string, having: readonly Window[], own: readonly Window[]): { binding: Binding; share: number } | null {
  const numeric = having.filter(w => /^-?\d{1,9}$/.test(w.r.values.get(name)!));
  if (numeric.length < 3 || new Set(numeric.map(w => w.r.values.get(name))).size < 2) return null;
  const votes = new Map<string, number>();
  for (let i = 0; i < Math.min(numeric.length, 60); i++) {
    const a = numeric[i]!;
    const b = numeric.find(w => w.r.values.get(name) !== a.r.values.get(name) && w !== a);
    if (!b) continue;
    const x1 = Number(a.r.values.get(name));
    const x2 = Number(b.r.values.get(name));
    const seen = new Set<string>();
    for (const s1 of a.statements.slice(0, 200))
      for (const s2 of b.statements.slice(0, 200)) {
        const [y1, y2] = [Number(s1.values[slot] ?? NaN), Number(s2.values[slot] ?? NaN)];
        const factor = (y2 - y1) / (x2 - x1);
        if (Number.isInteger(factor) && factor > 1) seen.add(`${factor},${y1 - factor * x1}`);
      }
    for (const v of seen) votes.set(v, (votes.get(v) ?? 0) + 1);
  }
  const ranked = [...votes].sort((p, q) => q[1] - p[1] || (p[0] < q[0] ? -1 : 1)).slice(0, 12);
  let best: { binding: Binding; share: number } | null = null;
  for (const [v] of ranked) {
    const [factor, add] = v.split(',').map(Number) as [number, number];
    const share =
      numeric.filter(w => w.statements.some(s => Number(s.values[slot] ?? NaN) === factor * Number(w.r.values.get(name)) + add)).length / numeric.length;
    if (!best || share > best.share + 1e-9) best = { binding: { from: 'linear', name, factor, add, whenAbsent: absentValue(slot, name, own) }, share };
  }
  return best;
}

function absentValue(slot: number, name: string, own: readonly Window[]): string | null {
  const without = own.filter(w => !w.r.values.has(name));
  if (without.length < 3) return null;
  const counts = new Map<string, number>();
  for (const w of without) for (const v of new Set(w.statements.map(s => s.values[slot]))) if (typeof v === 'string') counts.set(v, (counts.get(v) ?? 0) + 1);
  const top = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0];
  return top && top[1] >= 0.95 * without.length ? top[0] : null;
}

/** Literal slots bound to a request value: the text around the value, as several requests with different values agree on it. */
export function concatenationsOf(own: readonly Window[], bindings: readonly Binding[], read: ReadableStatement): Concatenation[] {
  const out: Concatenation[] = [];
  bindings.forEach((b, slot) => {
    if (b.from !== 'request' || read.slots[slot]?.kind !== 'literal') return;
    const votes = new Map<string, number>();
    for (const w of own) {
      const value = sentValue(w.r, b);
      if (value === undefined || value.length < 2) continue;
      const s = w.statements.find(x => matches(x, bindings, w.r));
      const parts = s?.text.split(value);
      if (parts && parts.length >= 2 && parts.length <= 9) votes.set(JSON.stringify(parts), (votes.get(JSON.stringify(parts)) ?? 0) + 1);
    }
    const top = [...votes].sort((x, y) => y[1] - x[1] || (x[0] < y[0] ? -1 : 1))[0];
    if (!top || top[1] < 2) return;
    const parts = JSON.parse(top[0]) as string[];
    if (out.some(c => c.name === b.name && JSON.stringify([c.prefix, ...(c.between ?? []), c.suffix]) === top[0])) return;
    out.push({
      name: b.name,
      ...(b.coding && { coding: b.coding }),
      prefix: parts[0]!,
      suffix: parts[parts.length - 1]!,
      ...(parts.length > 2 && { between: parts.slice(1, -1) }),
    });
  });
  return out;
}
