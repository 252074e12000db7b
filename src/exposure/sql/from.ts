import { type Sql, sql } from '../../engine/index.ts';
import { bareName, type Dataset } from '../catalogue.ts';
import { type Ast, child, nodes, text, unwrap } from './ast.ts';
import { need } from './batch.ts';
import { conditions } from './conditions.ts';
import { context } from './context.ts';
import { compileExpression } from './expression.ts';
import { recursion, refersTo } from './recursion.ts';
import { type Block, baseColumn, NotBatchable, note, type Occurrence, occurrencesOf, type Relation, type ScopeItem, Unsupported } from './relation.ts';
import { castTo } from './types.ts';

/** Compile one item of FROM into the scope of its block; null for what is no dataset. */
export function fromItem(node: Ast, b: Block): Sql | null {
  const [tag, body] = unwrap(node);
  if (tag === 'RangeVar') return rangeVar(body, b);
  if (tag === 'RangeSubselect') {
    const relation = b.c.select(child(body, 'subquery')!, b.ctes, body['lateral'] === true ? b.scope : b.scope.outer);
    const alias = text(child(body, 'alias'), 'aliasname').toLowerCase();
    return derived(relation, alias, aliasNames(child(body, 'alias')), b, body['lateral'] === true);
  }
  if (tag === 'JoinExpr') return join(body, b);
  if (tag === 'RangeTableSample') {
    b.c.widened.add('tablesample');
    b.certain = false;
    return fromItem(child(body, 'relation')!, b);
  }
  b.c.widened.add(tag);
  b.scope.hasUnknown = true;
  return null;
}

function aliasNames(alias: Ast | null): string[] {
  return nodes(alias, 'colnames').map(n => text(child(n, 'String'), 'sval').toLowerCase());
}

function rangeVar(body: Ast, b: Block): Sql | null {
  const name = text(body, 'relname').toLowerCase();
  const alias = (text(child(body, 'alias'), 'aliasname') || name).toLowerCase();
  const cte = text(body, 'schemaname') === '' ? b.ctes.get(name) : undefined;
  if (cte?.self) return derived(cte.self, alias, [], b, false);
  if (cte) {
    const names = nodes(cte.tree, 'aliascolnames').map(n => text(child(n, 'String'), 'sval').toLowerCase());
    const visible = new Map(b.ctes);
    visible.delete(name);
    const query = unwrap(child(cte.tree, 'ctequery')!);
    if (query[0] !== 'SelectStmt') throw new Unsupported('cte');
    const relation = cte.recursive && refersTo(query[1], name) ? recursion(name, query[1], names, b.c, visible) : b.c.select(query[1], visible, null);
    return derived(relation, alias, names, b, false);
  }
  const schema = text(body, 'schemaname').toLowerCase();
  const dataset = schema === 'information_schema' || schema === 'pg_catalog' ? null : b.c.dataset(name);
  const view = dataset || schema === 'information_schema' || schema === 'pg_catalog' ? null : b.c.view(name);
  if (view && !b.c.openViews.has(name)) {
    if (!view.exact) {
      b.c.widened.add('stored-copy');
      b.certain = false;
    }
    b.c.openViews.add(name);
    try {
      return derived(b.c.select(view.select, new Map(), null), alias, aliasNames(child(body, 'alias')), b, false);
    } finally {
      b.c.openViews.delete(name);
    }
  }
  if (!dataset) {
    if (schema !== 'information_schema' && schema !== 'pg_catalog') b.c.unknownTables.add(bareName(name));
    b.scope.hasUnknown = true;
    return null;
  }
  const id = b.c.nextId();
  const t = `t${id}`;
  if (dataset.drift?.unsure) b.c.widened.add('snapshot-changed');
  const occurrence: Occurrence = { id, dataset, ref: `w${id}`, list: false };
  b.scope.items.push({
    alias,
    columns: dataset.columns.map(col => baseColumn(dataset, col, id, t)),
    occurrences: [{ occurrence, sql: sql`${sql.id(t)}.row_no` }],
    certain: surely(dataset, t),
    keyed: 'none',
    n: null,
  });
  return sql`${scan(dataset)} as ${sql.id(t)}`;
}

/** Rows of a data set as they may have stood: without those born later, with one of unknown values for those that are gone. */
function scan(dataset: Dataset): Sql {
  const view = sql.id(dataset.view);
  const d = dataset.drift;
  if (!d || (!d.born && !d.removed)) return view;
  const there = d.born ? sql`(select * from ${view} where row_no not in (select row_no from ${d.touched} where column_no = -2))` : view;
  return d.removed ? sql`(select * from ${there} as s union all by name select null::bigint as row_no)` : there;
}

function surely(dataset: Dataset, t: string): Sql | null {
  const d = dataset.drift;
  if (!d || (!d.removed && !d.columns.has(-1))) return null;
  if (d.whole.has(-1)) return sql`false`;
  return sql`(${sql.id(t)}.row_no is not null and ${sql.id(t)}.row_no not in (select row_no from ${d.touched} where column_no = -1))`;
}

function derived(r: Relation, alias: string, names: readonly string[], b: Block, lateral: boolean): Sql {
  const t = `t${b.c.nextId()}`;
  const item: ScopeItem = {
    alias,
    columns: r.columns.map((col, i) => ({ ...col, name: names[i] ?? col.name, sql: sql`${sql.id(t)}.${sql.id(`c${i}`)}` })),
    occurrences: r.occurrences.map(o => ({ occurrence: o, sql: sql`${sql.id(t)}.${sql.id(o.ref)}` })),
    certain: r.certain ? null : sql`coalesce(${sql.id(t)}.m, false)`,
    keyed: r.keyed,
    n: r.keyed === 'none' ? null : sql`${sql.id(t)}.n`,
  };
  need(b.scope, r.keyed);
  b.scope.items.push(item);
  return lateral ? sql`lateral (${r.sql}) as ${sql.id(t)}` : sql`(${r.sql}) as ${sql.id(t)}`;
}

function join(body: Ast, b: Block): Sql | null {
  const type = text(body, 'jointype');
  if (body['isNatural'] === true) throw new Unsupported('natural-join');
  const left = fromItem(child(body, 'larg')!, b);
  const before = b.scope.items.length;
  const right = fromItem(child(body, 'rarg')!, b);
  // What is no dataset is left out with its condition: more rows come, none of them certain.
  if (!left || !right) return left ?? right;
  if (type !== 'JOIN_INNER' && b.scope.items.some(i => i.keyed !== 'none')) throw new NotBatchable('shape');
  if (type !== 'JOIN_INNER') for (const o of occurrencesOf(b)) b.c.influenced.add(o.occurrence.dataset.id);
  if (type !== 'JOIN_INNER' && b.scope.items.some(i => i.certain !== null)) throw new Unsupported('outer-join-of-uncertain');
  if (type !== 'JOIN_INNER')
    for (let i = 0; i < b.scope.items.length; i++)
      b.scope.items[i] = { ...b.scope.items[i]!, columns: b.scope.items[i]!.columns.map(col => ({ ...col, unique: false })) };
  const using = nodes(body, 'usingClause').map(n => text(child(n, 'String'), 'sval').toLowerCase());
  const on: Sql[] = [];
  if (using.length > 0) {
    for (const name of using) {
      const find = (items: readonly ScopeItem[]) => items.flatMap(i => i.columns).filter(col => col.name === name);
      const [l] = find(b.scope.items.slice(0, before));
      const [r] = find(b.scope.items.slice(before));
      if (!l || !r) throw new Unsupported('using');
      for (const o of [...l.origins, ...r.origins]) note(o, false, b);
      on.push(sql`${l.sql} = ${r.sql}`);
    }
  } else if (child(body, 'quals')) {
    if (type === 'JOIN_INNER') on.push(...conditions(child(body, 'quals')!, b));
    else {
      const quals = castTo(compileExpression(child(body, 'quals')!, context(b, false)), 'bool');
      for (const o of quals.origins) note(o, false, b);
      on.push(quals.sql);
    }
  }
  const condition = on.length > 0 ? sql.join(on, sql` and `) : sql`true`;
  switch (type) {
    case 'JOIN_INNER':
      return sql`${left} join ${right} on ${condition}`;
    case 'JOIN_LEFT':
      return sql`${left} left join ${right} on ${condition}`;
    case 'JOIN_RIGHT':
      return sql`${left} right join ${right} on ${condition}`;
    case 'JOIN_FULL':
      return sql`${left} full join ${right} on ${condition}`;
    default:
      throw new Unsupported(type);
  }
}
