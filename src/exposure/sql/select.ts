import { type Sql, sql } from '../../engine/index.ts';
import { hasAggregate, hasWindow } from './aggregates.ts';
import { type Ast, child, constantValue, lastName, nodes, targetsOf, text, unwrap } from './ast.ts';
import { batchTable, keyConditions, numberIn } from './batch.ts';
import { conditions } from './conditions.ts';
import { context } from './context.ts';
import { compileExpression } from './expression.ts';
import { fromItem } from './from.ts';
import { boundOf, firstOfEach, order } from './order.ts';
import {
  attempt,
  type Block,
  type Compilation,
  type Cte,
  type Ctes,
  NotBatchable,
  note,
  nothing,
  type OutputColumn,
  occurrencesOf,
  type Relation,
  type Scope,
  Unsupported,
} from './relation.ts';
import { seekPages } from './seek.ts';
import { distinctRows, setOperation } from './set-operation.ts';
import { sortKeys } from './sort.ts';
import { outputs } from './targets.ts';
import { castTo, unionType } from './types.ts';

const newBlock = (c: Compilation, ctes: Ctes, outer: Scope | null): Block => ({
  c,
  ctes,
  scope: { items: [], outer, hasUnknown: false, keyed: 'none' },
  laterals: [],
  windows: [],
  strict: [],
  certain: true,
});

/**
 * Compile a SELECT of any shape to its witnesses: the same rows, with the row numbers of the dataset rows each is made of
 * (methods §5.3). What cannot be said faithfully is left out so that more rows come, and the result is marked uncertain.
 */
export function compileSelect(node: Ast, c: Compilation, ctes: Ctes = new Map(), outer: Scope | null = null): Relation {
  const select = child(node, 'SelectStmt') ?? node;
  const withClause = child(select, 'withClause');
  let known = ctes;
  if (withClause) {
    const next = new Map<string, Cte>(ctes);
    for (const cte of nodes(withClause, 'ctes')) {
      const tree = child(cte, 'CommonTableExpr')!;
      next.set(text(tree, 'ctename').toLowerCase(), { tree, recursive: withClause['recursive'] === true, self: null });
    }
    known = next;
  }
  const op = text(select, 'op');
  if (op === 'SETOP_UNION' || op === 'SETOP_INTERSECT' || op === 'SETOP_EXCEPT')
    return order(setOperation(select, op, c, known, outer), select, newBlock(c, known, outer), null);
  if (nodes(select, 'valuesLists').length > 0) return order(values(select, c, known, outer), select, newBlock(c, known, outer), null);
  return block(select, newBlock(c, known, outer));
}

/** Rows of constants. */
function values(select: Ast, c: Compilation, ctes: Ctes, outer: Scope | null): Relation {
  const b = newBlock(c, ctes, outer);
  const lists = nodes(select, 'valuesLists').map(l => nodes(child(l, 'List'), 'items').map(i => compileExpression(i, context(b, false))));
  const width = lists[0]!.length;
  const types = Array.from({ length: width }, (_, i) => lists.map(l => l[i]!.type).reduce(unionType));
  if (b.scope.keyed !== 'none' || lists.some(l => l.some(e => e.origins.length > 0))) throw new Unsupported('values');
  const rows = lists.map(l => {
    const columns = l.map((e, i) => sql`${castTo(e, types[i] === 'unknown' ? 'text' : types[i]!).sql} as ${sql.id(`c${i}`)}`);
    return sql`select ${sql.join([...columns, sql`true as m`])}`;
  });
  const columns = types.map(
    (type, i): OutputColumn => ({
      ...nothing,
      name: `column${i + 1}`,
      sql: sql.id(`c${i}`) as Sql,
      type: type === 'unknown' ? 'text' : type,
      orderSafe: type !== 'text' && type !== 'unknown',
    }),
  );
  return { sql: sql.join(rows, sql` union all `), columns, occurrences: [], certain: true, cut: null, keyed: 'none' };
}

function block(select: Ast, b: Block): Relation {
  const { c, scope } = b;
  const from = nodes(select, 'fromClause')
    .map(f => fromItem(f, b))
    .filter(f => f !== null);
  if (scope.hasUnknown) b.certain = false;
  const where = child(select, 'whereClause') ? conditions(child(select, 'whereClause')!, b) : [];
  const targets = targetsOf(select);
  const grouped = nodes(select, 'groupClause').length > 0 || child(select, 'havingClause') !== null || targets.some(t => hasAggregate(child(t, 'val')));
  const named = new Map(
    nodes(select, 'windowClause')
      .map(w => child(w, 'WindowDef')!)
      .map(w => [text(w, 'name').toLowerCase(), w]),
  );
  const windows = named.size > 0 || targets.some(t => hasWindow(child(t, 'val')));
  if (windows) for (const o of occurrencesOf(b)) c.influenced.add(o.occurrence.dataset.id);
  const columns = outputs(targets, b, grouped, named);
  const parts: Parts = { select, targets, columns, where, from };
  if (windows && c.batch && root(scope).keyed !== 'none') throw new NotBatchable('shape');
  return grouped ? groupedRows(parts, b) : plainRows(parts, b);
}

type Parts = {
  readonly select: Ast;
  readonly targets: readonly Ast[];
  readonly columns: readonly OutputColumn[];
  readonly where: readonly Sql[];
  readonly from: readonly Sql[];
};

function root(scope: Scope): Scope {
  return scope.outer ? root(scope.outer) : scope;
}

/** FROM and WHERE of a block; the batch stands first where the block needs it. Called when every expression has been compiled. */
function source(p: Parts, b: Block): Sql {
  const keyed = b.scope.outer ? 'none' : b.scope.keyed;
  const batch = keyed !== 'none' && b.c.batch ? [sql`${batchTable(b.c.batch, keyed)} as b`] : [];
  const base = [...batch, ...p.from];
  if (base.length === 0 && b.laterals.length > 0) base.push(sql`(select 1) as one`);
  const joined =
    b.laterals.length === 0
      ? sql.join(base)
      : sql`${sql.join(
          base.map(f => sql`${f}`),
          sql` cross join `,
        )} ${sql.join(
          b.laterals.map(l => l.sql),
          sql` `,
        )}`;
  const where = [...p.where, ...keyConditions(b)];
  return sql`${base.length > 0 ? sql`from ${joined}` : sql``} ${where.length > 0 ? sql`where ${sql.join(where, sql` and `)}` : sql``}`;
}

/** What makes a row of a block certain: the items of FROM that are, and conditions that hold under every collation. */
function certainty(b: Block): { readonly parts: Sql[]; readonly sql: Sql } {
  const parts = [...b.scope.items, ...b.laterals.map(l => l.item)]
    .map(i => i.certain)
    .filter(x => x !== null)
    .concat(b.strict.map(s => sql`coalesce(${s}, false)`));
  return { parts, sql: !b.certain ? sql`false` : parts.length === 0 ? sql`true` : sql`(${sql.join(parts, sql` and `)})` };
}

const rename = (list: readonly OutputColumn[]): OutputColumn[] => list.map((col, i) => ({ ...col, sql: sql.id(`c${i}`) as Sql }));
const listed = (list: readonly OutputColumn[]): Sql[] => list.map((col, i) => sql`${col.sql} as ${sql.id(`c${i}`)}`);

function plainRows(p: Parts, b: Block): Relation {
  const { select, columns } = p;
  const distinct = nodes(select, 'distinctClause');
  const on = distinct.filter(d => Object.keys(d).length > 0);
  const cut = child(select, 'limitCount') !== null || child(select, 'limitOffset') !== null;
  const firsts =
    on.length > 0
      ? sortKeys(
          on.map(node => ({ SortBy: { node } })),
          columns,
          p.targets,
          b,
          false,
        )
      : [];
  const sorts = on.length > 0 || (cut && distinct.length === 0) ? sortKeys(nodes(select, 'sortClause'), columns, p.targets, b, false) : [];
  const pages = distinct.length === 0 ? seekPages(p, b, sorts, boundOf(child(select, 'limitCount'), b.c), boundOf(child(select, 'limitOffset'), b.c)) : null;
  if (pages) {
    for (const o of pages.occurrences) b.c.influenced.add(o.dataset.id);
    return pages;
  }
  const sourceSql = source(p, b);
  const keyed = b.scope.outer ? 'none' : b.scope.keyed;
  const occurrences = [...occurrencesOf(b), ...b.windows];
  const hidden = [...occurrences.map(o => sql`${o.sql} as ${sql.id(o.occurrence.ref)}`), ...(keyed === 'none' ? [] : [sql`${numberIn(keyed)} as n`])];
  const extra = [...firsts, ...sorts].map((s, i) => sql`${s.sql} as ${sql.id(`k${i}`)}`);
  const m = certainty(b);
  const relation: Relation = {
    sql: sql`select ${sql.join([...listed(columns), ...hidden, ...extra, sql`${m.sql} as m`])} ${sourceSql}`,
    columns: rename(columns),
    occurrences: occurrences.map(o => o.occurrence),
    certain: b.certain && m.parts.length === 0,
    cut: null,
    keyed,
  };
  if (on.length > 0) {
    const first = firstOfEach(relation, firsts, sorts, b);
    // The keys of ORDER BY stay hidden columns after those of DISTINCT ON have gone.
    const shifted = sorts.map((_, i) => sql`${sql.id(`k${firsts.length + i}`)} as ${sql.id(`k${i}`)}`);
    const gone = sorts.map((_, i) => sql.id(`k${firsts.length + i}`) as Sql);
    const renamed = sorts.length === 0 ? first : { ...first, sql: sql`select * exclude (${sql.join(gone)}), ${sql.join(shifted)} from (${first.sql}) q` };
    return order(renamed, select, b, p.targets, sorts);
  }
  if (distinct.length > 0) return order(distinctRows(relation), select, { ...b, certain: relation.certain }, p.targets);
  return order(relation, select, b, p.targets, sorts);
}

function groupedRows(p: Parts, b: Block): Relation {
  const { select, targets } = p;
  const { c, scope } = b;
  const having = child(select, 'havingClause');
  const groups = nodes(select, 'groupClause');
  const keys = groups.map(g => groupKey(g, p.columns, targets, b));
  const found = occurrencesOf(b).map(o => ({ ...o.occurrence, list: true, was: o }));
  const before = certainty(b);
  // Of rows that only may be there nothing can be counted: what an aggregate gives is not known then.
  const counted = b.certain && before.parts.length === 0;
  const columns = counted
    ? p.columns
    : p.columns.map((col, i) =>
        targets.length === p.columns.length && hasAggregate(child(targets[i]!, 'val')) ? { ...col, sql: sql`null`, type: 'opaque' as const } : col,
      );
  let havingSql = sql``;
  if (having) {
    for (const o of found) c.influenced.add(o.dataset.id);
    const h = attempt(() => {
      if (!counted) throw new Unsupported('having');
      return castTo(compileExpression(having, context(b, true)), 'bool').sql;
    }, b);
    if (h) havingSql = sql`having ${h}`;
  }
  const witness = found.map(o => sql`${o.was.occurrence.list ? sql`flatten(list(${o.was.sql}))` : sql`list(${o.was.sql})`} as ${sql.id(o.ref)}`);
  const sourceSql = source(p, b);
  const keyed = scope.outer ? 'none' : scope.keyed;
  const m = certainty(b);
  const groupCertain = b.certain ? (m.parts.length === 0 ? sql`true` : sql`coalesce(bool_and(${m.sql}), true)`) : sql`false`;
  // The values of the batch follow from its number; named here because the select list may use them.
  const given = c.parameters.filter((x): x is Sql => x !== null && typeof x === 'object');
  const by = [...keys, ...(keyed === 'none' ? [] : [numberIn(keyed), ...given])];
  const number = keyed === 'none' ? [] : [sql`${numberIn(keyed)} as n`];
  let rows = sql`select ${sql.join([...listed(columns), ...witness, sql`${groupCertain} as m`, ...number])} ${sourceSql} ${by.length > 0 ? sql`group by ${sql.join(by)}` : sql``} ${havingSql}`;
  if (keyed !== 'none' && keys.length === 0) rows = sql`${rows} union all by name ${emptyGroups(p, b, columns, found, rows, having !== null)}`;
  const relation: Relation = {
    sql: rows,
    columns: rename(columns),
    occurrences: found.map(({ was: _, ...o }) => o),
    certain: b.certain && m.parts.length === 0,
    cut: null,
    keyed,
  };
  const distinct = nodes(select, 'distinctClause');
  if (distinct.length > 0) return order(distinctRows(relation), select, { ...b, certain: relation.certain }, targets);
  return order(relation, select, b, targets);
}

/** Without GROUP BY an empty input still gives one row: the classes or instances that have no other. */
function emptyGroups(p: Parts, b: Block, columns: readonly OutputColumn[], found: Relation['occurrences'], rows: Sql, having: boolean): Sql {
  if (having || b.laterals.length > 0 || !b.c.batch) throw new NotBatchable('shape');
  const before = b.scope.keyed;
  const empty = sql`select ${sql.join([...listed(columns), ...found.map(o => sql`null::bigint[] as ${sql.id(o.ref)}`), sql`true as m`])} ${p.from.length > 0 ? sql`from ${batchTable(b.c.batch, before)} as b, ${sql.join(p.from)}` : sql``} where false`;
  return sql`select z.*, ${numberIn(before)} as n from (${empty}) z cross join ${batchTable(b.c.batch, before)} as b where ${numberIn(before)} not in (select n from (${rows}) y)`;
}

function groupKey(node: Ast, columns: readonly OutputColumn[], targets: readonly Ast[], b: Block): Sql {
  const [tag, body] = unwrap(node);
  if (tag === 'A_Const') {
    const column = columns[Number(constantValue(body).value) - 1];
    if (!column || column.type === 'opaque') throw new Unsupported('group-position');
    return column.sql;
  }
  const name = tag === 'ColumnRef' && nodes(body, 'fields').length === 1 ? lastName(nodes(body, 'fields')).toLowerCase() : null;
  try {
    const key = compileExpression(node, context(b, false));
    for (const o of key.origins) note(o, false, b);
    return key.sql;
  } catch (error) {
    const at = name === null ? -1 : targets.findIndex(t => text(t, 'name').toLowerCase() === name);
    if (error instanceof Unsupported && at >= 0 && columns[at]) return columns[at].sql;
    throw error;
  }
}
