import { type Sql, sql } from '../../engine/index.ts';
import { bareName } from '../catalogue.ts';
import { type Ast, child, constantValue, lastName, nodes, number, text, unwrap } from './ast.ts';
import { castTo, compileExpression, type ExpressionContext, isAggregate, originsIn } from './expression.ts';
import { baseColumn, type Compilation, type Expression, nothing, type Occurrence, type Origin, type OutputColumn, type Relation, type Scope, type ScopeItem, type SqlType, Unsupported } from './relation.ts';

type Ctes = ReadonlyMap<string, Ast>;
type Block = { readonly c: Compilation; readonly ctes: Ctes; readonly scope: Scope; readonly laterals: { readonly item: ScopeItem; readonly sql: Sql }[]; readonly strict: Sql[]; certain: boolean };

/**
 * Compile a SELECT of any shape to its witnesses: the same rows, with the row numbers of the dataset rows each is made of
 * (methods §5.3). What cannot be said faithfully is left out so that more rows come, and the result is marked uncertain.
 */
export function compileSelect(node: Ast, c: Compilation, ctes: Ctes = new Map(), outer: Scope | null = null): Relation {
  const select = child(node, 'SelectStmt') ?? node;
  const withClause = child(select, 'withClause');
  let known = ctes;
  if (withClause) {
    if (withClause['recursive'] === true) throw new Unsupported('recursive');
    const next = new Map(ctes);
    for (const cte of nodes(withClause, 'ctes')) {
      const body = child(cte, 'CommonTableExpr')!;
      next.set(text(body, 'ctename').toLowerCase(), body);
    }
    known = next;
  }
  const op = text(select, 'op');
  if (op === 'SETOP_UNION' || op === 'SETOP_INTERSECT' || op === 'SETOP_EXCEPT') return order(setOperation(select, op, c, known, outer), select, { c, ctes: known, scope: { items: [], outer, hasUnknown: false }, laterals: [], strict: [], certain: true }, null);
  if (nodes(select, 'valuesLists').length > 0) throw new Unsupported('values');
  return block(select, c, known, outer);
}

function block(select: Ast, c: Compilation, ctes: Ctes, outer: Scope | null): Relation {
  const scope: Scope = { items: [], outer, hasUnknown: false };
  const b: Block = { c, ctes, scope, laterals: [], strict: [], certain: true };
  const from = nodes(select, 'fromClause').map(f => fromItem(f, b));
  if (scope.hasUnknown) {
    if (scope.items.length > 1) throw new Unsupported('unknown-table');
    b.certain = false;
  }
  const known = from.filter(f => f !== null);
  const where = child(select, 'whereClause') ? conditions(child(select, 'whereClause')!, b) : [];
  const whereSql = where.length > 0 ? sql`where ${sql.join(where, sql` and `)}` : sql``;
  const targets = nodes(select, 'targetList').map(t => child(t, 'ResTarget')!);
  const having = child(select, 'havingClause');
  const groups = nodes(select, 'groupClause');
  const grouped = groups.length > 0 || having !== null || targets.some(t => hasAggregate(child(t, 'val')));
  if (nodes(select, 'windowClause').length > 0 || targets.some(t => hasWindow(child(t, 'val')))) for (const o of occurrencesOf(b)) c.influenced.add(o.occurrence.dataset.id);
  const columns = outputs(targets, b, grouped);
  const sorts = grouped ? [] : sortKeys(select, columns, targets, b, false);
  const batch = c.batch && outer === null ? [sql`${c.batch} as b`] : [];
  const base = known.length > 0 ? [...batch, ...known] : b.laterals.length > 0 ? [sql`(select 1) as one`] : [];
  const fromSql = base.length > 0 ? sql`from ${sql.join(base)} ${sql.join(b.laterals.map(l => l.sql), sql` `)}` : sql``;
  const m = [...scope.items, ...b.laterals.map(l => l.item)].map(i => i.certain).filter(x => x !== null).concat(b.strict.map(s => sql`coalesce(${s}, false)`));
  const certainSql = !b.certain ? sql`false` : m.length === 0 ? sql`true` : sql`(${sql.join(m, sql` and `)})`;
  const listed = columns.map((col, i) => sql`${col.sql} as ${sql.id(`c${i}`)}`);
  const rename = (list: readonly OutputColumn[]): OutputColumn[] => list.map((col, i) => ({ ...col, sql: sql.id(`c${i}`) as Sql }));
  if (grouped) {
    const keys = groups.map(g => groupKey(g, columns, targets, b));
    const occurrences = occurrencesOf(b).map(o => ({ ...o.occurrence, list: true, was: o }));
    const witness = occurrences.map(o => sql`${o.was.occurrence.list ? sql`flatten(list(${o.was.sql}))` : sql`list(${o.was.sql})`} as ${sql.id(o.ref)}`);
    const groupBy = keys.length > 0 ? sql`group by ${sql.join(keys)}` : sql``;
    let havingSql = sql``;
    if (having) {
      for (const o of occurrences) c.influenced.add(o.dataset.id);
      const h = attempt(() => castTo(compileExpression(having, context(b, true)), 'bool').sql, b);
      if (h) havingSql = sql`having ${h}`;
    }
    const groupCertain = b.certain ? (m.length === 0 ? sql`true` : sql`coalesce(bool_and(${certainSql}), true)`) : sql`false`;
    const relation: Relation = {
      sql: sql`select ${sql.join([...listed, ...witness, sql`${groupCertain} as m`])} ${fromSql} ${whereSql} ${groupBy} ${havingSql}`,
      columns: rename(columns), occurrences: occurrences.map(({ was: _, ...o }) => o), certain: b.certain && m.length === 0, cut: null,
    };
    return order(relation, select, b, targets);
  }
  const occurrences = occurrencesOf(b);
  const hidden = [...occurrences.map(o => sql`${o.sql} as ${sql.id(o.occurrence.ref)}`), ...(batch.length > 0 ? [sql`b.n as n`] : [])];
  const extra = sorts.map((s, i) => sql`${s.sql} as ${sql.id(`k${i}`)}`);
  const relation: Relation = {
    sql: sql`select ${sql.join([...listed, ...hidden, ...extra, sql`${certainSql} as m`])} ${fromSql} ${whereSql}`,
    columns: rename(columns), occurrences: occurrences.map(o => o.occurrence), certain: b.certain && m.length === 0, cut: null,
  };
  const distinct = nodes(select, 'distinctClause');
  if (distinct.length > 0) {
    if (Object.keys(distinct[0]!).length > 0) {
      c.widened.add('distinct-on');
      return { ...relation, sql: sql`select * replace (false as m) from (${relation.sql}) d`, certain: false };
    }
    return order(distinctRows(relation), select, { ...b, certain: relation.certain }, targets);
  }
  return order(relation, select, b, targets, sorts);
}

function occurrencesOf(b: Block): { occurrence: Occurrence; sql: Sql }[] {
  return [...b.scope.items, ...b.laterals.map(l => l.item)].flatMap(i => i.occurrences);
}

function context(b: Block, aggregates: boolean, selectList = false): ExpressionContext {
  return {
    c: b.c, scope: b.scope, aggregates, lateral: selectList ? select => joinShown(select, b, aggregates) : null,
    subselect: (select, outer) => {
      const r = compileSelect(select, b.c, b.ctes, outer);
      for (const o of r.occurrences) b.c.influenced.add(o.dataset.id);
      return { sql: r.sql, first: r.columns[0] ?? null, certain: r.certain };
    },
  };
}

/** Run a compilation step; a construct that is not supported is noted, makes the block uncertain, and gives null. */
function attempt<T>(body: () => T, b: Block): T | null {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    b.c.widened.add(error.construct);
    b.certain = false;
    return null;
  }
}

/** The conjuncts that could be compiled. A conjunct that could not is left out: more rows come, none of them certain. */
function conditions(where: Ast, b: Block): Sql[] {
  const out: Sql[] = [];
  const walk = (node: Ast): void => {
    const [tag, body] = unwrap(node);
    if (tag === 'BoolExpr' && text(body, 'boolop') === 'AND_EXPR') return nodes(body, 'args').forEach(walk);
    const compiled = attempt(() => castTo(compileExpression(node, context(b, false)), 'bool'), b);
    if (!compiled) {
      for (const o of originsIn(node, context(b, false))) note(o, null, b);
      return;
    }
    if (b.c.text.foreign) {
      // Rows that match under any usual collation stay; only those that match byte by byte are certain.
      b.c.text.loose = true;
      const loose = attempt(() => castTo(compileExpression(node, context(b, false)), 'bool').sql, b);
      b.c.text.loose = false;
      b.strict.push(compiled.sql);
      out.push(loose ?? sql`true`);
    } else out.push(compiled.sql);
    const equal = tag === 'A_Expr' && text(body, 'kind') === 'AEXPR_OP' && lastName(nodes(body, 'name')) === '=' ? constantSide(body, b) : null;
    for (const o of compiled.origins) note(o, equal, b);
  };
  walk(where);
  return out;
}

function note(o: Origin, value: string | null, b: Block): void {
  const dataset = occurrencesOf(b).find(x => x.occurrence.id === o.occurrence)?.occurrence.dataset;
  if (dataset) b.c.predicates.push({ dataset: dataset.id, column: o.column, value });
}

function constantSide(body: Ast, b: Block): string | null {
  for (const side of ['lexpr', 'rexpr']) {
    const [tag, value] = unwrap(child(body, side) ?? {});
    if (tag === 'A_Const') return constantValue(value).value;
    if (tag === 'ParamRef') return parameterText(b.c, value) ?? null;
  }
  return null;
}

function parameterText(c: Compilation, ref: Ast): string | null | undefined {
  const value = c.parameters[(number(ref, 'number') ?? 0) - 1];
  return value !== null && typeof value === 'object' ? '' : value;
}

function fromItem(node: Ast, b: Block): Sql | null {
  const [tag, body] = unwrap(node);
  if (tag === 'RangeVar') return rangeVar(body, b);
  if (tag === 'RangeSubselect') {
    const relation = compileSelect(child(body, 'subquery')!, b.c, b.ctes, body['lateral'] === true ? b.scope : b.scope.outer);
    const alias = text(child(body, 'alias'), 'aliasname').toLowerCase();
    return derived(relation, alias, aliasNames(child(body, 'alias')), b, body['lateral'] === true);
  }
  if (tag === 'JoinExpr') return join(body, b);
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
  if (cte) {
    const visible = new Map(b.ctes);
    visible.delete(name);
    const query = unwrap(child(cte, 'ctequery')!);
    if (query[0] !== 'SelectStmt') throw new Unsupported('cte');
    return derived(compileSelect(query[1], b.c, visible, null), alias, nodes(cte, 'aliascolnames').map(n => text(child(n, 'String'), 'sval').toLowerCase()), b, false);
  }
  const schema = text(body, 'schemaname').toLowerCase();
  const dataset = schema === 'information_schema' || schema === 'pg_catalog' ? null : b.c.dataset(name);
  if (!dataset) {
    b.c.unknownTables.add(bareName(name));
    b.scope.hasUnknown = true;
    return null;
  }
  const id = b.c.nextId();
  const t = `t${id}`;
  const occurrence: Occurrence = { id, dataset, ref: `w${id}`, list: false };
  b.scope.items.push({ alias, columns: dataset.columns.map(col => baseColumn(dataset, col, id, t)), occurrences: [{ occurrence, sql: sql`${sql.id(t)}.row_no` }], certain: null });
  return sql`${sql.id(dataset.view)} as ${sql.id(t)}`;
}

function derived(r: Relation, alias: string, names: readonly string[], b: Block, lateral: boolean): Sql {
  const t = `t${b.c.nextId()}`;
  const item: ScopeItem = {
    alias, columns: r.columns.map((col, i) => ({ ...col, name: names[i] ?? col.name, sql: sql`${sql.id(t)}.${sql.id(`c${i}`)}` })),
    occurrences: r.occurrences.map(o => ({ occurrence: o, sql: sql`${sql.id(t)}.${sql.id(o.ref)}` })), certain: r.certain ? null : sql`coalesce(${sql.id(t)}.m, false)`,
  };
  b.scope.items.push(item);
  return lateral ? sql`lateral (${r.sql}) as ${sql.id(t)}` : sql`(${r.sql}) as ${sql.id(t)}`;
}

function join(body: Ast, b: Block): Sql | null {
  const type = text(body, 'jointype');
  if (body['isNatural'] === true) throw new Unsupported('natural-join');
  const left = fromItem(child(body, 'larg')!, b);
  const before = b.scope.items.length;
  const right = fromItem(child(body, 'rarg')!, b);
  if (!left || !right) {
    if (type !== 'JOIN_INNER' && right) throw new Unsupported('unknown-table');
    return left ?? right;
  }
  if (type !== 'JOIN_INNER') for (const o of occurrencesOf(b)) b.c.influenced.add(o.occurrence.dataset.id);
  if (type !== 'JOIN_INNER' && b.scope.items.some(i => i.certain !== null)) throw new Unsupported('outer-join-of-uncertain');
  if (type !== 'JOIN_INNER') for (let i = 0; i < b.scope.items.length; i++) b.scope.items[i] = { ...b.scope.items[i]!, columns: b.scope.items[i]!.columns.map(col => ({ ...col, unique: false })) };
  const using = nodes(body, 'usingClause').map(n => text(child(n, 'String'), 'sval').toLowerCase());
  const on: Sql[] = [];
  if (using.length > 0) {
    for (const name of using) {
      const find = (items: readonly ScopeItem[]) => items.flatMap(i => i.columns).filter(col => col.name === name);
      const [l] = find(b.scope.items.slice(0, before));
      const [r] = find(b.scope.items.slice(before));
      if (!l || !r) throw new Unsupported('using');
      on.push(sql`${l.sql} = ${r.sql}`);
    }
  } else if (child(body, 'quals')) {
    const quals = type === 'JOIN_INNER' ? conditions(child(body, 'quals')!, b) : [castTo(compileExpression(child(body, 'quals')!, context(b, false)), 'bool').sql];
    on.push(...quals);
  }
  const condition = on.length > 0 ? sql.join(on, sql` and `) : sql`true`;
  switch (type) {
    case 'JOIN_INNER': return sql`${left} join ${right} on ${condition}`;
    case 'JOIN_LEFT': return sql`${left} left join ${right} on ${condition}`;
    case 'JOIN_RIGHT': return sql`${left} right join ${right} on ${condition}`;
    case 'JOIN_FULL': return sql`${left} full join ${right} on ${condition}`;
    default: throw new Unsupported(type);
  }
}

function outputs(targets: readonly Ast[], b: Block, grouped: boolean): OutputColumn[] {
  const out: OutputColumn[] = [];
  const alone = b.scope.items.length === 1 && !grouped;
  for (const target of targets) {
    const value = child(target, 'val')!;
    const [tag, body] = unwrap(value);
    const fields = tag === 'ColumnRef' ? nodes(body, 'fields').map(f => unwrap(f)) : [];
    if (fields.some(([t]) => t === 'A_Star')) {
      const table = fields.length > 1 ? text(fields[fields.length - 2]![1], 'sval').toLowerCase() : null;
      for (const item of b.scope.items) if (table === null || item.alias === table) out.push(...item.columns);
      continue;
    }
    const name = text(target, 'name').toLowerCase() || defaultName(tag, body);
    const x = context(b, grouped, true);
    try {
      out.push({ ...compileExpression(value, x), name });
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      b.c.widened.add(error.construct);
      out.push({ ...nothing, sql: sql`null`, type: 'opaque', origins: originsIn(value, x), orderSafe: false, name });
    }
  }
  return alone ? out : out.map(col => ({ ...col, unique: false }));
}

/** A sub-select that does not look at the outer row, or null when it does. */
function compileAlone(select: Ast, b: Block): Relation | null {
  const before = new Set(b.c.widened);
  try {
    const r = compileSelect(select, b.c, b.ctes, null);
    if (b.c.widened.size === before.size) return r;
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
  }
  for (const w of [...b.c.widened]) if (!before.has(w)) b.c.widened.delete(w);
  return null;
}

/** A scalar sub-select in the select list shows the row it found: joined instead of evaluated, so that its witnesses are kept. */
function joinShown(select: Ast, b: Block, grouped: boolean): Expression {
  const alone = compileAlone(select, b);
  const r = alone ?? compileSelect(select, b.c, b.ctes, b.scope);
  for (const o of r.occurrences) b.c.influenced.add(o.dataset.id);
  const first = r.columns[0];
  if (!first) throw new Unsupported('sub-select');
  const t = `t${b.c.nextId()}`;
  const item: ScopeItem = {
    alias: '', columns: [], occurrences: r.occurrences.map(o => ({ occurrence: o, sql: sql`${sql.id(t)}.${sql.id(o.ref)}` })), certain: r.certain ? null : sql`coalesce(${sql.id(t)}.m, false)`,
  };
  b.laterals.push({ item, sql: alone ? sql`left join (${r.sql}) as ${sql.id(t)} on true` : sql`left join lateral (${r.sql}) as ${sql.id(t)} on true` });
  const value = sql`${sql.id(t)}.c0`;
  return { ...first, sql: grouped ? sql`any_value(${value})` : value, unique: false };
}

function defaultName(tag: string, body: Ast): string {
  if (tag === 'ColumnRef') return lastName(nodes(body, 'fields')).toLowerCase();
  if (tag === 'TypeCast') { const [t, inner] = unwrap(child(body, 'arg')!); return defaultName(t, inner); }
  if (tag === 'FuncCall') return lastName(nodes(body, 'funcname')).toLowerCase();
  return '?column?';
}

function any(node: Ast | null, test: (tag: string, body: Ast) => boolean | null): boolean {
  const walk = (value: unknown): boolean => {
    if (Array.isArray(value)) return value.some(walk);
    if (value === null || typeof value !== 'object') return false;
    for (const [key, v] of Object.entries(value)) {
      const hit = v !== null && typeof v === 'object' && !Array.isArray(v) ? test(key, v as Ast) : null;
      if (hit === true) return true;
      if (hit === null && walk(v)) return true;
    }
    return false;
  };
  return node !== null && walk(node);
}

/** One block of joins and conditions only: may be run for many parameter tuples at once. */
export function isPlain(select: Ast): boolean {
  const simple = ['groupClause', 'distinctClause', 'windowClause', 'valuesLists', 'lockingClause'].every(k => nodes(select, k).length === 0);
  if (!simple || text(select, 'op') !== 'SETOP_NONE' || child(select, 'havingClause') || child(select, 'withClause') || child(select, 'limitCount') || child(select, 'limitOffset')) return false;
  return nodes(select, 'fromClause').length > 0 && !any(select, tag => tag === 'SubLink' || tag === 'RangeSubselect' ? true : null)
    && !nodes(select, 'targetList').some(t => hasAggregate(t) || hasWindow(t));
}

const hasAggregate = (node: Ast | null): boolean => any(node, (tag, body) => tag === 'SubLink' ? false : tag === 'FuncCall' && isAggregate(lastName(nodes(body, 'funcname')).toLowerCase()) && !child(body, 'over') ? true : null);
const hasWindow = (node: Ast | null): boolean => any(node, (tag, body) => tag === 'SubLink' ? false : tag === 'FuncCall' && child(body, 'over') !== null ? true : null);

function groupKey(node: Ast, columns: readonly OutputColumn[], targets: readonly Ast[], b: Block): Sql {
  const [tag, body] = unwrap(node);
  if (tag === 'A_Const') {
    const column = columns[Number(constantValue(body).value) - 1];
    if (!column || column.type === 'opaque') throw new Unsupported('group-position');
    return column.sql;
  }
  const name = tag === 'ColumnRef' && nodes(body, 'fields').length === 1 ? lastName(nodes(body, 'fields')).toLowerCase() : null;
  try {
    return compileExpression(node, context(b, false)).sql;
  } catch (error) {
    const at = name === null ? -1 : targets.findIndex(t => text(t, 'name').toLowerCase() === name);
    if (error instanceof Unsupported && at >= 0 && columns[at]) return columns[at].sql;
    throw error;
  }
}

type SortKey = { readonly sql: Sql; readonly descending: boolean; readonly nullsFirst: boolean; readonly safe: boolean; readonly unique: boolean };

function sortKeys(select: Ast, columns: readonly OutputColumn[], targets: readonly Ast[] | null, b: Block, byOutput: boolean): SortKey[] {
  if (!child(select, 'limitCount') && !child(select, 'limitOffset')) return [];
  return nodes(select, 'sortClause').map(s => child(s, 'SortBy')!).map((s): SortKey => {
    const node = child(s, 'node')!;
    const descending = text(s, 'sortby_dir') === 'SORTBY_DESC';
    const nulls = text(s, 'sortby_nulls');
    const base = { descending, nullsFirst: nulls === 'SORTBY_NULLS_FIRST' || (nulls !== 'SORTBY_NULLS_LAST' && descending) };
    const [tag, body] = unwrap(node);
    let at = -1;
    if (tag === 'A_Const') at = Number(constantValue(body).value) - 1;
    else if (tag === 'ColumnRef' && nodes(body, 'fields').length === 1) {
      const name = lastName(nodes(body, 'fields')).toLowerCase();
      at = targets && !byOutput ? targets.findIndex(t => text(t, 'name').toLowerCase() === name) : columns.findIndex(col => col.name === name);
      if (at >= 0 && targets && targets.some(t => any(child(t, 'val'), tag2 => tag2 === 'A_Star' ? true : null))) at = columns.findIndex(col => col.name === name);
    }
    const column = at >= 0 ? columns[at] : undefined;
    if (column) return { ...base, sql: column.type === 'opaque' ? sql`null` : byOutput ? sql`${sql.id(`c${at}`)}` : column.sql, safe: column.orderSafe && column.type !== 'opaque', unique: column.unique };
    if (byOutput) return { ...base, sql: sql`null`, safe: false, unique: false };
    try {
      const e = compileExpression(node, context(b, false));
      return { ...base, sql: e.sql, safe: e.orderSafe, unique: e.unique && b.scope.items.length === 1 };
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      b.c.widened.add(error.construct);
      return { ...base, sql: sql`null`, safe: false, unique: false };
    }
  });
}

function limitValue(node: Ast | null, b: Block): number | null | 'unknown' {
  if (!node) return null;
  const [tag, body] = unwrap(node);
  if (tag === 'A_Const') {
    const { kind, value } = constantValue(body);
    return kind === 'null' ? null : Number.isFinite(Number(value)) ? Number(value) : 'unknown';
  }
  if (tag === 'ParamRef') {
    const value = parameterText(b.c, body);
    return value === undefined || !/^\d+$/.test(value ?? '') ? 'unknown' : Number(value);
  }
  if (tag === 'TypeCast') return limitValue(child(body, 'arg'), b);
  return 'unknown';
}

/** ORDER BY with LIMIT and OFFSET: rows surely inside the window are certain, rows that may be inside stay, others go. */
function order(r: Relation, select: Ast, b: Block, targets: readonly Ast[] | null, prepared: readonly SortKey[] | null = null): Relation {
  const limit = limitValue(child(select, 'limitCount'), b);
  const offset = limitValue(child(select, 'limitOffset'), b);
  if (limit === null && (offset === null || offset === 0)) return stripKeys(r, prepared);
  if (limit === 'unknown' || offset === 'unknown') {
    b.c.widened.add('limit-unknown');
    return { ...r, sql: sql`select * exclude (m), false as m from (${r.sql}) q`, certain: false };
  }
  const keys = prepared ?? sortKeys(select, r.columns, targets, b, true);
  const skip = offset ?? 0;
  const most = limit ?? Number.MAX_SAFE_INTEGER;
  if (skip > 0) for (const o of r.occurrences) b.c.influenced.add(o.dataset.id);
  const cut = { most, skip, whole: sql`select count(*) as n from (${r.sql}) q` };
  const names = prepared ? keys.map((_, i) => sql.id(`k${i}`) as Sql) : keys.map(k => k.sql);
  const terms = keys.map((k, i) => direction(names[i]!, k));
  const exclude = prepared && keys.length > 0 ? sql`exclude (${sql.join(keys.map((_, i) => sql.id(`k${i}`)))})` : sql``;
  const safe = keys.length > 0 && keys.every(k => k.safe);
  const leading = keys.findIndex(k => k.unique);
  if (safe && leading >= 0 && r.certain) {
    return { ...r, sql: sql`select * ${exclude} from (select * from (${r.sql}) q order by ${sql.join(terms.slice(0, leading + 1))} limit ${sql.lit(most)} offset ${sql.lit(skip)}) q`, cut };
  }
  const everything = sql`(count(*) over ()) <= ${sql.lit(most)} and ${sql.lit(skip)} = 0`;
  if (!safe) {
    b.c.widened.add(keys.length === 0 ? 'limit-without-order' : 'collation');
    return { ...r, sql: sql`select * exclude (m), (m and ${everything}) as m from (select * ${exclude} from (${r.sql}) q) q`, certain: false, cut };
  }
  const low = r.certain ? sql`rank() over (order by ${sql.join(terms)})` : sql`1 + coalesce(sum(m::integer) over (order by ${sql.join(terms)} range between unbounded preceding and current row exclude group), 0)`;
  const high = sql`count(*) over (order by ${sql.join(terms)} range between unbounded preceding and current row)`;
  return {
    ...r, certain: false, cut,
    sql: sql`select * exclude (m, lo_rank, hi_rank), (m and lo_rank > ${sql.lit(skip)} and hi_rank <= ${sql.lit(skip + most)}) as m from
      (select * ${exclude}, ${low} as lo_rank, ${high} as hi_rank from (${r.sql}) q) q where hi_rank > ${sql.lit(skip)} and lo_rank <= ${sql.lit(skip + most)}`,
  };
}

function stripKeys(r: Relation, prepared: readonly SortKey[] | null): Relation {
  return prepared && prepared.length > 0 ? { ...r, sql: sql`select * exclude (${sql.join(prepared.map((_, i) => sql.id(`k${i}`)))}) from (${r.sql}) q` } : r;
}

function direction(key: Sql, k: SortKey): Sql {
  if (k.descending) return k.nullsFirst ? sql`${key} desc nulls first` : sql`${key} desc nulls last`;
  return k.nullsFirst ? sql`${key} asc nulls first` : sql`${key} asc nulls last`;
}

function distinctRows(r: Relation): Relation {
  const keys = r.columns.map((_, i) => sql.id(`c${i}`) as Sql);
  const witness = r.occurrences.map(o => sql`${o.list ? sql`flatten(list(${sql.id(o.ref)}))` : sql`list(${sql.id(o.ref)})`} as ${sql.id(o.ref)}`);
  return { ...r, occurrences: r.occurrences.map(o => ({ ...o, list: true })), cut: null, sql: sql`select ${sql.join([...keys, ...witness, sql`bool_or(m) as m`])} from (${r.sql}) q group by ${sql.join(keys)}` };
}

function setOperation(select: Ast, op: string, c: Compilation, ctes: Ctes, outer: Scope | null): Relation {
  const a = compileSelect(child(select, 'larg')!, c, ctes, outer);
  const b = compileSelect(child(select, 'rarg')!, c, ctes, outer);
  if (a.columns.length !== b.columns.length) throw new Unsupported('set-operation');
  const all = select['all'] === true;
  if (op === 'SETOP_UNION') {
    const types = a.columns.map((x, i): SqlType => unionType(x.type, b.columns[i]!.type));
    const side = (r: Relation, other: Relation): Sql => {
      const columns = r.columns.map((col, i) => sql`${types[i] === 'opaque' ? sql`null` : castTo({ ...col, sql: sql.id(`c${i}`) as Sql }, types[i] === 'unknown' ? 'text' : types[i]!).sql} as ${sql.id(`c${i}`)}`);
      const own = r.occurrences.map(o => sql`${o.list ? sql.id(o.ref) : sql`case when ${sql.id(o.ref)} is null then null else [${sql.id(o.ref)}] end`} as ${sql.id(o.ref)}`);
      const pad = other.occurrences.map(o => sql`null::bigint[] as ${sql.id(o.ref)}`);
      return sql`select ${sql.join([...columns, ...(r === a ? [...own, ...pad] : [...pad, ...own]), sql`m`])} from (${r.sql}) u`;
    };
    const columns = a.columns.map((col, i): OutputColumn => {
      const other = b.columns[i]!;
      return { ...col, type: types[i] === 'unknown' ? 'text' : types[i]!, sql: sql.id(`c${i}`) as Sql, origins: [...col.origins, ...other.origins], fragile: col.fragile || other.fragile, unique: false,
        orderSafe: (col.type === 'unknown' || col.orderSafe) && (other.type === 'unknown' || other.orderSafe) && types[i] !== 'opaque' && (types[i] === col.type || col.type === 'unknown') && (types[i] === other.type || other.type === 'unknown') };
    });
    const relation: Relation = { sql: sql`${side(a, b)} union all ${side(b, a)}`, columns, occurrences: [...a.occurrences, ...b.occurrences].map(o => ({ ...o, list: true })), certain: a.certain && b.certain, cut: null };
    return all ? relation : distinctRows(relation);
  }
  for (const o of [...a.occurrences, ...b.occurrences]) c.influenced.add(o.dataset.id);
  if (a.columns.some(x => x.type === 'opaque') || b.columns.some(x => x.type === 'opaque') || !b.certain || all) {
    c.widened.add('set-operation');
    return { ...a, sql: sql`select * exclude (m), false as m from (${a.sql}) q`, certain: false };
  }
  const same = sql.join(a.columns.map((col, i) => {
    const type = unionType(col.type, b.columns[i]!.type);
    const cast = (r: Relation, t: string): Sql => castTo({ ...r.columns[i]!, sql: sql`${sql.id(t)}.${sql.id(`c${i}`)}` }, type === 'unknown' || type === 'opaque' ? 'text' : type).sql;
    return sql`${cast(a, 'qa')} is not distinct from ${cast(b, 'qb')}`;
  }), sql` and `);
  const keep = op === 'SETOP_INTERSECT' ? sql`exists` : sql`not exists`;
  return distinctRows({ ...a, columns: a.columns.map((col, i) => ({ ...col, sql: sql.id(`c${i}`) as Sql })), sql: sql`select * from (${a.sql}) qa where ${keep} (select 1 from (${b.sql}) qb where ${same})`, cut: null });
}

function unionType(a: SqlType, b: SqlType): SqlType {
  if (a === b) return a;
  if (a === 'unknown') return b;
  if (b === 'unknown') return a;
  if (a === 'opaque' || b === 'opaque') return 'opaque';
  if ((a === 'int' && b === 'num') || (a === 'num' && b === 'int')) return 'num';
  return 'text';
}
