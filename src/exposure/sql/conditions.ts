import { type Sql, sql } from '../../engine/index.ts';
import { type Ast, child, lastName, nodes, text, unwrap } from './ast.ts';
import { context } from './context.ts';
import { unknownThen } from './drift.ts';
import { compileExpression, originsIn } from './expression.ts';
import { attempt, type Block, note } from './relation.ts';
import { castTo } from './types.ts';

/** The conjuncts that could be compiled. A conjunct that could not is left out: more rows come, none of them certain. */
export function conditions(where: Ast, b: Block): Sql[] {
  const out: Sql[] = [];
  const walk = (node: Ast): void => {
    const [tag, body] = unwrap(node);
    if (tag === 'BoolExpr' && text(body, 'boolop') === 'AND_EXPR') return nodes(body, 'args').forEach(walk);
    const compiled = attempt(() => castTo(compileExpression(node, context(b, false)), 'bool'), b);
    if (!compiled) {
      for (const o of originsIn(node, context(b, false))) note(o, false, b);
      return;
    }
    const unknown = unknownThen([...compiled.origins, ...originsIn(node, context(b, false))], b);
    if (unknown) b.c.widened.add('snapshot-changed');
    const at = out.length;
    if (b.c.text.foreign) {
      // Rows that match under any usual collation stay; only those that match byte by byte are certain.
      b.c.text.loose = true;
      const loose = attempt(() => castTo(compileExpression(node, context(b, false)), 'bool').sql, b);
      b.c.text.loose = false;
      b.strict.push(compiled.sql);
      out.push(loose ?? sql`true`);
    } else out.push(compiled.sql);
    if (unknown) {
      // Rows whose values may have been others stay; only those that match by values that were the same are certain.
      b.strict.push(sql`${compiled.sql} and not ${unknown}`);
      out[at] = sql`(${out[at]!} or ${unknown})`;
    }
    const equal = tag === 'A_Expr' && text(body, 'kind') === 'AEXPR_OP' && lastName(nodes(body, 'name')) === '=' && constantSide(body);
    for (const o of compiled.origins) note(o, equal, b);
  };
  walk(where);
  return out;
}

/** A bare column on one side and a constant on the other: a row that passes holds that very value. */
function constantSide(body: Ast): boolean {
  const tags = ['lexpr', 'rexpr'].map(side => unwrap(child(body, side) ?? {})[0]);
  return tags.includes('ColumnRef') && tags.some(t => t === 'A_Const' || t === 'ParamRef');
}
