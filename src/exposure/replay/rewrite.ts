import { sha256Hex } from '../../base/index.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Instance } from '../routes/instances.ts';
import { type Ast, anyNode, child, conjunctsOf, shapeOf } from '../sql/index.ts';
import type { Changes } from './changes.ts';
import { epochFor, timesOf } from './epochs.ts';

/** The tree of an execution with its own literals in it; parameters stay parameters. Slots are counted in tree order. */
function filled(i: Instance): Ast {
  let slot = 0;
  const fill = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(fill);
    if (value === null || typeof value !== 'object') return value;
    const node = value as Ast;
    if (child(node, 'A_Const') || child(node, 'ParamRef')) {
      const v = i.values[slot++];
      if (v === undefined || child(node, 'ParamRef')) return node;
      const was = child(node, 'A_Const')!;
      return v === null ? { A_Const: { isnull: true } } : child(was, 'sval') ? { A_Const: { sval: { sval: v } } } : node;
    }
    return Object.fromEntries(Object.entries(node).map(([k, v]) => [k, fill(v)]));
  };
  return fill(i.read.select) as Ast;
}

/** The execution of another select in place of its own; `mark` tells its shape from that of a statement which really ran. */
function rewritten(i: Instance, select: Ast, mark: string, open: boolean): Instance {
  const { shape, slots } = shapeOf(select);
  const values = slots.map(s => (s.kind === 'literal' ? s.value : i.parameters[s.number - 1]));
  return {
    ...i,
    read: { ...i.read, select, slots, shape: sha256Hex(`${shape}${mark}`).slice(0, 16) },
    values,
    ambiguous: open,
    ...(open && { certainty: 'wide' as const }),
  };
}

/** The same statement with another window; literals and parameters keep their values. */
export function moved(i: Instance, offset: number, limit: number, open: boolean): Instance {
  const int = (n: number): Ast => ({ A_Const: { ival: { ival: n } } });
  return rewritten(i, { ...filled(i), limitCount: int(limit), limitOffset: int(offset) }, 'moved', open);
}

const asks = (node: Ast): boolean => anyNode(node, tag => (tag === 'SubLink' ? true : null));

/**
 * A statement whose conditions ask other selects cannot be replayed on tables that changed since. Without those conditions and without a
 * window it gives every row it gave with them, and more: what is possible. Null where it need not be or where that does not help.
 */
export function withoutSubqueries(i: Instance, catalogue: Catalogue, changes: Changes): Instance | null {
  const where = changes.size > 0 ? child(i.read.select, 'whereClause') : null;
  if (!where || !asks(where)) return null;
  const epoch = epochFor(i.read.select, timesOf(i), catalogue, changes);
  if (!epoch || epoch.replayable) return null;
  const { whereClause: own, limitCount: _, limitOffset: __, ...rest } = filled(i);
  const kept = conjunctsOf(own as Ast).filter(c => !asks(c));
  const whereClause = kept.length > 1 ? { BoolExpr: { boolop: 'AND_EXPR', args: kept } } : kept[0];
  const wider = rewritten(i, { ...rest, limitOption: 'LIMIT_OPTION_DEFAULT', ...(whereClause && { whereClause }) }, 'wider', true);
  return epochFor(wider.read.select, timesOf(i), catalogue, changes)?.replayable === false ? null : wider;
}
