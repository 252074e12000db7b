import type { SqlDialect } from '../../detections/sql/index.ts';
import { type Binding, bindUnknown } from './bind.ts';
import { complement, makeSet } from './code-set.ts';
import { lengthUnit } from './constraint.ts';
import type { Answer, Solution } from './solve.ts';
import { type Expr, replace } from './syntax.ts';

/** Row and column of a value, however it is wrapped. */
export const placeOf = (b: Binding): string => JSON.stringify([b.table, b.rowQuery, b.ordinal, b.where, b.column]);

const longest = 10_000_000;

/**
 * A length that was read like a value of its own (tools ask for it before they read letter by letter, and stop there), as an answer about the value at `place`.
 * Null for any other unknown, and where the length is not known.
 */
export function askedLength(unknown: Expr, solution: Solution, dialect: SqlDialect): { readonly place: string; readonly answer: Answer } | null {
  if (solution.status !== 'exact' || !/^\d{1,7}$/.test(solution.value ?? '')) return null;
  const [item, ...others] = unknown.t === 'select' ? unknown.select.items : [];
  if (unknown.t !== 'select' || !item || others.length > 0) return null;
  const units = new Set<ReturnType<typeof lengthUnit>>();
  const measured = replace(item.expr, e => {
    const unit = e.t === 'call' && e.args.length === 1 ? lengthUnit(e.name, dialect) : null;
    if (unit !== null) units.add(unit);
    return unit !== null && e.t === 'call' ? e.args[0] : undefined;
  });
  const [unit] = units;
  if (units.size !== 1 || !unit) return null;
  const n = Number(solution.value);
  const yes = makeSet([[n, n]]);
  return {
    place: placeOf(bindUnknown({ t: 'select', select: { ...unknown.select, items: [{ ...item, expr: measured }] } })),
    answer: { constraint: { kind: 'length', unit, yes, no: complement(yes, 0, longest) }, truth: true, eventId: -1, weight: 1 },
  };
}

/** Whether the letters that are known are just as many as the length says. */
export function fillsLength({ pattern, value, contradictions }: Solution, { constraint }: Answer): boolean {
  if (value !== null || contradictions > 0 || pattern === null || pattern.includes('\ufffd') || constraint.kind !== 'length') return false;
  const own = constraint.unit === 'byte' ? Buffer.byteLength(pattern) : constraint.unit === 'wide' ? 2 * pattern.length : [...pattern].length;
  return constraint.yes.some(([lo, hi]) => lo === own && hi === own);
}
