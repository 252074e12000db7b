import { type Sql, sql } from '../../engine/index.ts';
import { type Ast, anyNode, child, conjunctsOf, lastName, nodes, text, unwrap } from './ast.ts';
import { batchTable } from './batch.ts';
import { context } from './context.ts';
import { compileExpression } from './expression.ts';
import { type Bound, boundSql, isFixed } from './order.ts';
import { type Block, type Expression, type Keyed, type OutputColumn, type Relation, Unsupported } from './relation.ts';
import type { SortKey } from './sort.ts';
import { align } from './types.ts';

const given = (node: Ast): boolean => anyNode(node, tag => (tag === 'ParamRef' ? true : null));

type Sides = { readonly op: string; readonly column: Expression; readonly value: Expression };

/**
 * Many pages of a table that is read by its key (`where key > $1 order by key limit n`, with any `column = $2` beside): the rows are ranked once,
 * and each page is found by a sorted search. Null when the block is not of this form.
 */
export function seekPages(
  p: { readonly select: Ast; readonly columns: readonly OutputColumn[]; readonly where: readonly Sql[]; readonly from: readonly Sql[] },
  b: Block,
  sorts: readonly SortKey[],
  limit: Bound,
  offset: Bound,
): Relation | null {
  const [key, more] = sorts;
  if (!b.c.batch || b.scope.outer || !key || more || !key.unique || !key.safe || limit === null || limit === 'unknown' || offset === 'unknown') return null;
  if (b.scope.items.length !== 1 || b.laterals.length > 0 || b.windows.length > 0 || !b.certain || b.strict.length > 0) return null;
  const item = b.scope.items[0]!;
  const conjuncts = conjunctsOf(child(p.select, 'whereClause'));
  if (item.keyed !== 'none' || item.certain || conjuncts.length !== p.where.length || nodes(p.select, 'targetList').some(given)) return null;
  const ranges: Sides[] = [];
  const equals: Sides[] = [];
  const fixed: Sql[] = [];
  for (const [i, node] of conjuncts.entries()) {
    if (!given(node)) {
      fixed.push(p.where[i]!);
      continue;
    }
    const sides = sidesOf(node, b);
    if (!sides) return null;
    if (sides.op === '=') equals.push(sides);
    else if (sameColumn(sides.column, key, item.columns)) ranges.push(sides);
    else return null;
  }
  const from = ranges.find(r => (key.descending ? r.op.startsWith('<') : r.op.startsWith('>')));
  if (!from || ranges.length > 1) return null;
  const keyed: Keyed = isFixed(limit) && isFixed(offset) ? 'class' : 'instance';
  const names = equals.map((_, i) => sql.id(`e${i}`) as Sql);
  const listed = p.columns.map((col, i) => sql`${col.sql} as ${sql.id(`c${i}`)}`);
  const witness = item.occurrences.map(o => sql`${o.sql} as ${sql.id(o.occurrence.ref)}`);
  const by = equals.map(e => e.column.sql);
  const rank = sql`row_number() over (${by.length > 0 ? sql`partition by ${sql.join(by)}` : sql``} order by ${key.sql} ${key.descending ? sql`desc` : sql`asc`})`;
  const where = [...fixed, sql`${key.sql} is not null`];
  const ranked = sql`select ${sql.join([...listed, ...witness, sql`${key.sql} as kk`, ...by.map((e, i) => sql`${e} as ${names[i]!}`), sql`${rank} as rk`])}
    from ${sql.join(p.from)} where ${sql.join(where, sql` and `)}`;
  const number = keyed === 'instance' ? sql`b.n` : sql`b.g`;
  const wanted = sql`select ${sql.join([sql`${number} as bn`, sql`${boundSql(offset, 0)} as skip`, sql`${boundSql(limit, 0)} as most`, sql`${from.value.sql} as v`, ...equals.map((e, i) => sql`${e.value.sql} as ${names[i]!}`)])}
    from ${batchTable(b.c.batch, keyed)} as b`;
  const side = { '>': sql`w.v < q.kk`, '>=': sql`w.v <= q.kk`, '<': sql`w.v > q.kk`, '<=': sql`w.v >= q.kk` }[from.op]!;
  const match = sql.join([...names.map(n => sql`w.${n} = q.${n}`), side], sql` and `);
  const last =
    names.length > 0 ? sql`(select ${sql.join(names)}, max(rk) as last from ranked group by ${sql.join(names)})` : sql`(select max(rk) as last from ranked)`;
  const places = sql`select w.bn, ${sql.join([sql`unnest(generate_series(q.rk + w.skip, least(q.rk + w.skip + w.most - 1, z.last))) as rk`, ...names.map(n => sql`q.${n}`)])}
    from (${wanted}) w asof join ranked q on ${match} join ${last} z on ${
      names.length > 0
        ? sql.join(
            names.map(n => sql`z.${n} = q.${n}`),
            sql` and `,
          )
        : sql`true`
    }`;
  const columns = [...p.columns.map((_, i) => sql.id(`c${i}`) as Sql), ...item.occurrences.map(o => sql.id(o.occurrence.ref) as Sql)].map(c => sql`q.${c}`);
  return {
    sql: sql`with ranked as materialized (${ranked}) select ${sql.join([...columns, sql`true as m`, sql`p.bn as n`])}
      from (${places}) p join ranked q on ${sql.join([sql`q.rk = p.rk`, ...names.map(n => sql`q.${n} = p.${n}`)], sql` and `)}`,
    columns: p.columns.map((col, i) => ({ ...col, sql: sql.id(`c${i}`) as Sql })),
    occurrences: item.occurrences.map(o => o.occurrence),
    certain: true,
    cut: null,
    keyed,
  };
}

const turned: Readonly<Record<string, string>> = { '=': '=', '<': '>', '>': '<', '<=': '>=', '>=': '<=' };

/** A comparison of a column with a value of the batch, the column on the left; null when it is something else. */
function sidesOf(node: Ast, b: Block): Sides | null {
  const [tag, body] = unwrap(node);
  const op = lastName(nodes(body, 'name'));
  const left = child(body, 'lexpr');
  const right = child(body, 'rexpr');
  if (tag !== 'A_Expr' || text(body, 'kind') !== 'AEXPR_OP' || !(op in turned) || !left || !right || given(left) === given(right)) return null;
  try {
    const [l, r] = align(compileExpression(left, context(b, false)), compileExpression(right, context(b, false)));
    const [column, value] = given(right) ? [l, r] : [r, l];
    return column.origins.length === 1 && column.origins[0]!.display === 'shown' && value.origins.length === 0
      ? { op: given(right) ? op : turned[op]!, column, value }
      : null;
  } catch (error) {
    if (error instanceof Unsupported) return null;
    throw error;
  }
}

/** Is the key of ORDER BY this very column (no cast, no expression)? */
function sameColumn(column: Expression, key: SortKey, columns: readonly OutputColumn[]): boolean {
  return columns.some(c => c.sql === column.sql && c.sql === key.sql);
}
