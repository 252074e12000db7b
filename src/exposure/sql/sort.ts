import { type Sql, sql } from '../../engine/index.ts';
import { type Ast, child, constantValue, isStarred, lastName, nodes, text, unwrap } from './ast.ts';
import { context } from './context.ts';
import { unknownThen } from './drift.ts';
import { compileExpression, originsIn } from './expression.ts';
import { type Block, note, type OutputColumn, Unsupported } from './relation.ts';

/** One key of ORDER BY. `safe`: one order under every usual collation; `unique`: no two rows have the same value. */
export type SortKey = { readonly sql: Sql; readonly descending: boolean; readonly nullsFirst: boolean; readonly safe: boolean; readonly unique: boolean };

/** The keys of an ORDER BY clause. With `byOutput` they may only name output columns (set operations, grouped and distinct selects). */
export function sortKeys(clause: readonly Ast[], columns: readonly OutputColumn[], targets: readonly Ast[] | null, b: Block, byOutput: boolean): SortKey[] {
  const starred = targets !== null && isStarred(targets);
  return clause
    .map(s => child(s, 'SortBy')!)
    .map((s): SortKey => {
      const node = child(s, 'node')!;
      const base = directionOf(s);
      const [tag, body] = unwrap(node);
      let at = -1;
      if (tag === 'A_Const') at = starred && !byOutput ? -2 : Number(constantValue(body).value) - 1;
      else if (tag === 'ColumnRef' && nodes(body, 'fields').length === 1) {
        const name = lastName(nodes(body, 'fields')).toLowerCase();
        at = targets && !byOutput && !starred ? targets.findIndex(t => text(t, 'name').toLowerCase() === name) : columns.findIndex(col => col.name === name);
      }
      const column = at >= 0 ? columns[at] : at === -2 ? columns[Number(constantValue(body).value) - 1] : undefined;
      if (column) {
        for (const o of column.origins) note(o, false, b);
        const own = column.type === 'opaque' ? sql`null` : byOutput ? sql`${sql.id(`c${columns.indexOf(column)}`)}` : column.sql;
        return {
          ...base,
          sql: own,
          safe: column.orderSafe && column.type !== 'opaque' && (byOutput || !unknownThen(column.origins, b)),
          unique: column.unique,
        };
      }
      if (byOutput) return { ...base, sql: sql`null`, safe: false, unique: false };
      try {
        const e = compileExpression(node, context(b, false));
        for (const o of e.origins) note(o, false, b);
        return {
          ...base,
          sql: e.sql,
          safe: e.orderSafe && !unknownThen([...e.origins, ...originsIn(node, context(b, false))], b),
          unique: e.unique && b.scope.items.length === 1,
        };
      } catch (error) {
        if (!(error instanceof Unsupported)) throw error;
        b.c.widened.add(error.construct);
        return { ...base, sql: sql`null`, safe: false, unique: false };
      }
    });
}

/** Direction and place of NULLs of a SortBy node, by PostgreSQL's defaults. */
export function directionOf(s: Ast): { readonly descending: boolean; readonly nullsFirst: boolean } {
  const descending = text(s, 'sortby_dir') === 'SORTBY_DESC';
  const nulls = text(s, 'sortby_nulls');
  return { descending, nullsFirst: nulls === 'SORTBY_NULLS_FIRST' || (nulls !== 'SORTBY_NULLS_LAST' && descending) };
}

/** A key as a term of ORDER BY. */
export function orderTerm(key: Sql, k: { readonly descending: boolean; readonly nullsFirst: boolean }): Sql {
  if (k.descending) return k.nullsFirst ? sql`${key} desc nulls first` : sql`${key} desc nulls last`;
  return k.nullsFirst ? sql`${key} asc nulls first` : sql`${key} asc nulls last`;
}
