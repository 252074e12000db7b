import { sql } from '../../engine/index.ts';
import type { Ast } from './ast.ts';
import { need, numberIn } from './batch.ts';
import type { ExpressionContext } from './expression.ts';
import { type Block, type Relation, Unsupported } from './relation.ts';

/** What an expression of a block may see; sub-selects in it decide the answer without being shown. */
export function context(b: Block, aggregates: boolean): ExpressionContext {
  return {
    c: b.c,
    scope: b.scope,
    aggregates,
    lateral: null,
    window: null,
    subselect: (select, outer) => {
      const alone = b.c.batch ? compileAlone(select, b) : null;
      const r = alone ?? b.c.select(select, b.ctes, outer);
      for (const o of r.occurrences) b.c.influenced.add(o.dataset.id);
      if (r.keyed === 'none') return { sql: r.sql, first: r.columns[0] ?? null, certain: r.certain };
      // One set of rows a statement of the batch: those of the statement beside it.
      need(b.scope, r.keyed);
      return { sql: sql`select * from (${r.sql}) k where k.n = ${numberIn(r.keyed)}`, first: r.columns[0] ?? null, certain: r.certain };
    },
  };
}

/** A sub-select that does not look at the outer row, or null when it does. */
export function compileAlone(select: Ast, b: Block): Relation | null {
  const before = new Set(b.c.widened);
  try {
    const r = b.c.select(select, b.ctes, null);
    if (b.c.widened.size === before.size) return r;
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
  }
  for (const w of [...b.c.widened]) if (!before.has(w)) b.c.widened.delete(w);
  return null;
}
