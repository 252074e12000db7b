import { type Ast, child, nodes, shapeOf, text, unwrap } from '../sql/index.ts';

/** A select without those conjuncts that do not look at its rows (`AND 1=1`, `AND (SELECT …)>64`), and those conjuncts. */
export type Folded = { readonly select: Ast; readonly constants: readonly Ast[] };

/** Conditions that are the same for every row only switch the whole answer on or off: they are taken out so that like statements are replayed once. */
export function foldConstants(select: Ast): Folded {
  const where = child(select, 'whereClause');
  if (!where || text(select, 'op') !== 'SETOP_NONE') return { select, constants: [] };
  const { constants, kept } = split(where);
  if (constants.length === 0) return { select, constants };
  const { whereClause: _, ...rest } = select;
  if (kept.length === 0) return { select: rest, constants };
  return { select: { ...rest, whereClause: kept.length === 1 ? kept[0]! : { BoolExpr: { boolop: 'AND_EXPR', args: kept } } }, constants };
}

type Split = { readonly constants: readonly Ast[]; readonly kept: readonly Ast[] };

function split(condition: Ast): Split {
  const constants: Ast[] = [];
  const kept: Ast[] = [];
  const walk = (node: Ast): void => {
    const [tag, body] = unwrap(node);
    const op = tag === 'BoolExpr' ? text(body, 'boolop') : '';
    if (op === 'AND_EXPR') {
      nodes(body, 'args').forEach(walk);
      return;
    }
    if (!looksAtRows(node)) {
      constants.push(node);
      return;
    }
    const same = op === 'OR_EXPR' ? sameSwitch(nodes(body, 'args').map(split)) : null;
    if (!same) {
      kept.push(node);
      return;
    }
    constants.push(...same[0]!.constants);
    if (same.every(s => s.kept.length > 0))
      kept.push({
        BoolExpr: { boolop: 'OR_EXPR', args: same.map(s => (s.kept.length === 1 ? s.kept[0]! : { BoolExpr: { boolop: 'AND_EXPR', args: s.kept } })) },
      });
  };
  walk(condition);
  return { constants, kept };
}

/** A value pasted into both sides of an OR switches both at once; sides with different switches cannot be told apart and stay as they are. */
function sameSwitch(sides: readonly Split[]): readonly Split[] | null {
  const names = new Set(
    sides.map(s =>
      JSON.stringify(
        s.constants.map(c => {
          const { shape, slots } = shapeOf(c);
          return [shape, slots.map(x => x.value)];
        }),
      ),
    ),
  );
  return sides.length > 0 && sides[0]!.constants.length > 0 && names.size === 1 ? sides : null;
}

/** True when a condition names a column outside its sub-selects, or inside one that could be the outer row's. */
function looksAtRows(node: Ast): boolean {
  const walk = (value: unknown, inside: boolean): boolean => {
    if (Array.isArray(value)) return value.some(v => walk(v, inside));
    if (value === null || typeof value !== 'object') return false;
    const n = value as Ast;
    if (child(n, 'ColumnRef')) return !inside;
    const link = child(n, 'SubLink');
    if (link) {
      const { subselect, ...rest } = link;
      return walk(rest, inside) || walk(subselect, nodes(child(subselect as Ast, 'SelectStmt'), 'fromClause').length > 0 || inside);
    }
    return Object.values(n).some(v => walk(v, inside));
  };
  return walk(node, false);
}
