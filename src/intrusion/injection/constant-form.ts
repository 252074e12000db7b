import { kindOf, type SlotPlaces } from './form.ts';
import { children, type Expr, type Select } from './syntax.ts';

/** An expression in which the constants of some slots may be put anew: by slot, where its constant stands in the text that was parsed. `fixed` slots must hold the same text. */
export type ConstantForm = {
  readonly expr: Expr;
  readonly slots: readonly { readonly slot: number; readonly start: number; readonly quoted: boolean }[];
  readonly fixed: readonly { readonly slot: number; readonly text: string }[];
};

/** Slots that are one number or one quoted word of the expression may change, others may not. */
export function constantForm(expr: Expr, text: string, at: SlotPlaces, slots: readonly number[]): ConstantForm {
  const constants: Extract<Expr, { t: 'const' }>[] = [];
  const visit = (e: Expr): void => {
    if (e.t === 'const') constants.push(e);
    for (const c of children(e)) visit(c);
  };
  visit(expr);
  const free: ConstantForm['slots'][number][] = [];
  const fixed: ConstantForm['fixed'][number][] = [];
  for (const slot of slots) {
    const [from, to] = [at[2 * slot]!, at[2 * slot + 1]!];
    const mine = constants.filter(c => c.at && c.at[0] < to && c.at[1] > from);
    const [node] = mine;
    const at0 = mine.length === 1 ? node?.at : undefined;
    const quoted = node !== undefined && typeof node.v === 'string' && node.n === undefined;
    const fits =
      at0 !== undefined && (quoted ? at0[0] === from - 1 && at0[1] === to + 1 && !node?.open : typeof node?.v === 'number' && at0[0] === from && at0[1] === to);
    if (at0 && fits && kindOf(text, from, to) === (quoted ? 'word' : 'number')) free.push({ slot, start: at0[0], quoted });
    else fixed.push({ slot, text: text.slice(from, to) });
  }
  return { expr, slots: free, fixed };
}

/** The expression with the constants of this text; null where one is of another kind. */
export function fillConstants(form: ConstantForm, text: string, at: SlotPlaces): Expr | null {
  for (const { slot, text: same } of form.fixed) if (text.slice(at[2 * slot], at[2 * slot + 1]) !== same) return null;
  const values = new Map<number, string | number>();
  for (const { slot, start, quoted } of form.slots) {
    const [from, to] = [at[2 * slot]!, at[2 * slot + 1]!];
    if (kindOf(text, from, to) !== (quoted ? 'word' : 'number')) return null;
    const value = text.slice(from, to);
    values.set(start, quoted ? value : Number(value));
  }
  return values.size === 0 ? form.expr : (swap(form.expr, values) as Expr);
}

/** The same tree with other constants where they stand. */
function swap(node: unknown, values: ReadonlyMap<number, string | number>): unknown {
  if (Array.isArray(node)) return node.map(x => swap(x, values));
  if (node === null || typeof node !== 'object') return node;
  const e = node as Expr | Select;
  if ('t' in e && e.t === 'const') {
    const v = e.at && values.get(e.at[0]);
    return v === undefined ? e : { ...e, v };
  }
  const out: Record<string, unknown> = {};
  for (const [key, child] of Object.entries(node)) out[key] = typeof child === 'object' ? swap(child, values) : child;
  return out;
}
