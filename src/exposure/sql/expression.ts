import { type Sql, sql } from '../../engine/index.ts';
import { type Ast, child, constantValue, lastName, nodes, number, text, unwrap } from './ast.ts';
import { type Compilation, type Expression, nothing, type Origin, type OutputColumn, type Scope, type SqlType, Unsupported, weaken } from './relation.ts';

/** Compile a sub-select met inside an expression; given by the query compiler to break the circle. */
export type SubselectCompiler = (select: Ast, outer: Scope) => { readonly sql: Sql; readonly first: OutputColumn | null; readonly certain: boolean };
export type ExpressionContext = {
  readonly c: Compilation;
  readonly scope: Scope;
  readonly subselect: SubselectCompiler;
  readonly aggregates: boolean;
  /** In a select list: a scalar sub-select is joined instead of evaluated, so that the rows it shows are kept. */
  readonly lateral: ((select: Ast) => Expression) | null;
};

const operators = new Set(['=', '<>', '<', '>', '<=', '>=', '+', '-', '*', '/', '%']);
const aggregateNames = new Set(['count', 'sum', 'avg', 'min', 'max', 'array_agg', 'string_agg', 'json_agg', 'jsonb_agg', 'bool_and', 'bool_or', 'every', 'group_concat', 'listagg', 'json_arrayagg']);
const collecting = new Set(['array_agg', 'string_agg', 'json_agg', 'jsonb_agg', 'group_concat', 'listagg', 'json_arrayagg']);

export function isAggregate(name: string): boolean {
  return aggregateNames.has(name);
}

/** Compile one expression of the parse tree into a bound fragment with the columns it shows. Throws Unsupported. */
export function compileExpression(node: Ast, x: ExpressionContext): Expression {
  const [tag, body] = unwrap(node);
  switch (tag) {
    case 'ColumnRef': return columnRef(body, x);
    case 'A_Const': return constant(body);
    case 'ParamRef': return parameter(number(body, 'number') ?? 0, x);
    case 'TypeCast': return typeCast(body, x);
    case 'A_Expr': return operation(body, x);
    case 'BoolExpr': return logic(body, x);
    case 'NullTest': {
      const a = compileExpression(child(body, 'arg')!, x);
      return bool(text(body, 'nulltesttype') === 'IS_NULL' ? sql`(${a.sql} is null)` : sql`(${a.sql} is not null)`, [a]);
    }
    case 'BooleanTest': return booleanTest(body, x);
    case 'CoalesceExpr': return coalesce(nodes(body, 'args').map(a => compileExpression(a, x)));
    case 'CaseExpr': return caseWhen(body, x);
    case 'MinMaxExpr': {
      const args = nodes(body, 'args').map(a => compileExpression(a, x));
      return { ...nothing, sql: text(body, 'op') === 'IS_GREATEST' ? sql`greatest(${sql.join(args.map(a => a.sql))})` : sql`least(${sql.join(args.map(a => a.sql))})`, type: commonType(args), origins: args.flatMap(a => weaken(a.origins, 'partial')) };
    }
    case 'FuncCall': return functionCall(body, x);
    case 'SubLink': return subLink(body, x);
    case 'CollateClause': return { ...compileExpression(child(body, 'arg')!, x), orderSafe: false };
    default: throw new Unsupported(tag || 'expression');
  }
}

function columnRef(body: Ast, x: ExpressionContext): Expression {
  const parts = nodes(body, 'fields').map(f => unwrap(f));
  if (parts.some(([tag]) => tag === 'A_Star')) throw new Unsupported('star');
  const names = parts.map(([, b]) => text(b, 'sval').toLowerCase());
  const column = names[names.length - 1]!;
  const table = names.length > 1 ? names[names.length - 2]! : null;
  for (let scope: Scope | null = x.scope; scope; scope = scope.outer) {
    const hits = scope.items.filter(i => table === null || i.alias === table).flatMap(i => i.columns.filter(c => c.name === column));
    if (hits.length === 1) {
      if (hits[0]!.type === 'opaque') throw new Unsupported('opaque');
      if (scope.hasUnknown && table === null) throw new Unsupported('unknown-table');
      return hits[0]!;
    }
    if (hits.length > 1) throw new Unsupported('ambiguous');
  }
  throw new Unsupported('unknown-column');
}

/** All columns of the row when a node names a table alone (`row_to_json(t)`), else null. */
function wholeRow(node: Ast, x: ExpressionContext): Origin[] | null {
  const ref = child(node, 'ColumnRef');
  const fields = nodes(ref, 'fields');
  if (!ref || fields.length !== 1) return null;
  const name = lastName(fields).toLowerCase();
  const item = x.scope.items.find(i => i.alias === name);
  if (!item || x.scope.items.some(i => i.columns.some(c => c.name === name))) return null;
  return item.columns.flatMap(c => c.origins);
}

const rowFunctions = new Set(['row_to_json', 'to_json', 'to_jsonb', 'json_agg', 'jsonb_agg', 'array_agg']);

function constant(body: Ast): Expression {
  const { kind, value } = constantValue(body);
  if (kind === 'null') return { ...nothing, sql: sql`null`, type: 'unknown' };
  if (kind === 'int') return { ...nothing, sql: sql`cast(${value} as bigint)`, type: 'int' };
  if (kind === 'float') return { ...nothing, sql: sql`cast(${value} as double)`, type: 'num' };
  if (kind === 'bool') return { ...nothing, sql: value === 'true' ? sql`true` : sql`false`, type: 'bool' };
  if (kind === 'bits') {
    if (!/^x([0-9a-fA-F]{2})*$/.test(value!)) throw new Unsupported('bits');
    return { ...nothing, sql: sql`cast(${Buffer.from(value!.slice(1), 'hex').toString('utf8')} as varchar)`, type: 'unknown' };
  }
  return { ...nothing, sql: sql`cast(${value} as varchar)`, type: 'unknown' };
}

function parameter(n: number, x: ExpressionContext): Expression {
  const value = x.c.parameters[n - 1];
  if (value === undefined) throw new Unsupported('parameter-not-logged');
  if (value !== null && typeof value === 'object') return { ...nothing, sql: value, type: 'unknown' };
  return value === null ? { ...nothing, sql: sql`null`, type: 'unknown' } : { ...nothing, sql: sql`cast(${value} as varchar)`, type: 'unknown' };
}

const typeNames: Record<string, SqlType> = {
  text: 'text', varchar: 'text', bpchar: 'text', char: 'text', name: 'text', nvarchar: 'text', nchar: 'text', string: 'text',
  int2: 'int', int4: 'int', int8: 'int', int: 'int', integer: 'int', bigint: 'int', smallint: 'int', unsigned: 'int', signed: 'int', regclass: 'opaque',
  float4: 'num', float8: 'num', numeric: 'num', decimal: 'num', bool: 'bool', boolean: 'bool', date: 'date', timestamp: 'time', timestamptz: 'opaque', datetime: 'time',
};

function typeCast(body: Ast, x: ExpressionContext): Expression {
  const arg = compileExpression(child(body, 'arg')!, x);
  const typeName = child(body, 'typeName');
  const type = typeNames[lastName(nodes(typeName, 'names')).toLowerCase()] ?? 'opaque';
  if (type === 'opaque' || nodes(typeName, 'arrayBounds').length > 0) throw new Unsupported('cast');
  const length = type === 'text' ? firstInteger(nodes(typeName, 'typmods')) : null;
  const cast = castTo(arg, type);
  return length !== null && length < 255 ? { ...cast, sql: sql`substring(${cast.sql}, 1, cast(${length} as bigint))`, origins: weaken(cast.origins, 'partial'), orderSafe: false, unique: false } : cast;
}

function firstInteger(list: readonly Ast[]): number | null {
  const [tag, body] = list[0] ? unwrap(list[0]) : ['', {}];
  return tag === 'A_Const' ? Number(constantValue(body).value) : null;
}

/** The same value as another type; numbers with a fraction become text only opaquely, because their digits are lost. */
export function castTo(e: Expression, type: SqlType): Expression {
  if (e.type === type) return e;
  const lossy = e.type === 'num' && type === 'text';
  switch (type) {
    case 'text': return { ...e, sql: sql`cast(${e.sql} as varchar)`, type, orderSafe: e.orderSafe && (e.type === 'text' || e.type === 'date' || e.type === 'unknown'), ...(lossy && { orderSafe: false }) };
    case 'int': return { ...e, sql: sql`try_cast(${e.sql} as bigint)`, type, unique: e.unique && e.type === 'int' };
    case 'num': return { ...e, sql: sql`try_cast(${e.sql} as double)`, type };
    case 'bool': return { ...e, sql: sql`try_cast(${e.sql} as boolean)`, type };
    case 'date': return { ...e, sql: sql`try_cast(${e.sql} as date)`, type, unique: false };
    case 'time': return { ...e, sql: sql`try_cast(${e.sql} as timestamp)`, type, unique: false };
    default: throw new Unsupported('cast');
  }
}

function bool(fragment: Sql, inputs: readonly Expression[]): Expression {
  return { ...nothing, sql: fragment, type: 'bool', origins: inputs.flatMap(i => weaken(i.origins, 'derived')) };
}

function commonType(args: readonly Expression[]): SqlType {
  const types = new Set(args.map(a => a.type).filter(t => t !== 'unknown'));
  if (types.size === 0) return 'unknown';
  if (types.size === 1) return [...types][0]!;
  if (types.size === 2 && types.has('int') && types.has('num')) return 'num';
  throw new Unsupported('mixed-types');
}

/** Bring two sides to one type the way PostgreSQL resolves unknown literals. */
function align(a: Expression, b: Expression): readonly [Expression, Expression, SqlType] {
  if (a.type === 'unknown' && b.type === 'unknown') return [a, b, 'text'];
  if (a.type === 'unknown') return [castTo(a, b.type), b, b.type];
  if (b.type === 'unknown') return [a, castTo(b, a.type), a.type];
  if (a.type === b.type) return [a, b, a.type];
  if ((a.type === 'int' || a.type === 'num') && (b.type === 'int' || b.type === 'num')) return [a, b, 'num'];
  if ((a.type === 'date' || a.type === 'time') && (b.type === 'date' || b.type === 'time')) return [a, b, 'time'];
  // The column looks like a number in the snapshot but is text in the database (or the other way round).
  if (a.type === 'text' || b.type === 'text') return [castTo(a, 'text'), castTo(b, 'text'), 'text'];
  throw new Unsupported('mixed-types');
}

function operation(body: Ast, x: ExpressionContext): Expression {
  const kind = text(body, 'kind');
  const op = lastName(nodes(body, 'name'));
  const leftNode = child(body, 'lexpr');
  if (kind === 'AEXPR_IN') {
    const left = compileExpression(leftNode!, x);
    const list = nodes(child(body, 'rexpr') ? child(child(body, 'rexpr'), 'List') : null, 'items');
    const right = (list.length > 0 ? list : body['rexpr'] as readonly Ast[]).map(r => align(left, compileExpression(r, x)));
    const leftSql = right[0]?.[0].sql ?? left.sql;
    if (x.c.text.foreign && right.some(r => r[2] === 'text')) {
      if (op === '<>') throw new Unsupported('collation');
      if (x.c.text.loose) return bool(sql`(${sql.join(right.map(r => looseEqual(r[0].sql, r[1].sql)), sql` or `)})`, [left, ...right.map(r => r[1])]);
    }
    return bool(op === '<>' ? sql`(${leftSql} not in (${sql.join(right.map(r => r[1].sql))}))` : sql`(${leftSql} in (${sql.join(right.map(r => r[1].sql))}))`, [left, ...right.map(r => r[1])]);
  }
  if (kind === 'AEXPR_BETWEEN' || kind === 'AEXPR_NOT_BETWEEN') {
    const left = compileExpression(leftNode!, x);
    const items = nodes(child(child(body, 'rexpr'), 'List'), 'items').map(i => compileExpression(i, x));
    const [a1, low] = align(left, items[0]!);
    const [a2, high] = align(left, items[1]!);
    if (a1.type === 'text' && !left.orderSafe) throw new Unsupported('collation');
    return bool(kind === 'AEXPR_BETWEEN' ? sql`(${a1.sql} >= ${low.sql} and ${a2.sql} <= ${high.sql})` : sql`not (${a1.sql} >= ${low.sql} and ${a2.sql} <= ${high.sql})`, [left, ...items]);
  }
  const right = compileExpression(child(body, 'rexpr')!, x);
  if (kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE') {
    const left = castTo(compileExpression(leftNode!, x), 'text');
    const pattern = castTo(right, 'text');
    if (x.c.text.foreign && op.startsWith('!')) throw new Unsupported('collation');
    const like = x.c.text.foreign && x.c.text.loose ? sql`(case when regexp_full_match(${pattern.sql}, '[ -~]*') then strip_accents(${left.sql}) ilike strip_accents(${pattern.sql}) escape '\\' else ${left.sql} is not null end)`
      : kind === 'AEXPR_LIKE' ? sql`(${left.sql} like ${pattern.sql} escape '\\')` : sql`(${left.sql} ilike ${pattern.sql} escape '\\')`;
    return bool(op.startsWith('!') ? sql`not ${like}` : like, [left, right]);
  }
  if (!leftNode) {
    if (op === '-') return { ...right, sql: sql`(- ${castTo(right, right.type === 'unknown' ? 'int' : right.type).sql})`, origins: weaken(right.origins, 'partial') };
    if (op === '+') return right;
    throw new Unsupported(`operator ${op}`);
  }
  const left = compileExpression(leftNode, x);
  if (kind === 'AEXPR_DISTINCT' || kind === 'AEXPR_NOT_DISTINCT') {
    const [a, b] = align(left, right);
    return bool(kind === 'AEXPR_DISTINCT' ? sql`(${a.sql} is distinct from ${b.sql})` : sql`(${a.sql} is not distinct from ${b.sql})`, [left, right]);
  }
  if (kind === 'AEXPR_NULLIF') {
    const [a, b, type] = align(left, right);
    return { ...nothing, sql: sql`nullif(${a.sql}, ${b.sql})`, type, origins: weaken(left.origins, 'partial') };
  }
  if (kind === 'AEXPR_OP_ANY' || kind === 'AEXPR_OP_ALL' || kind !== 'AEXPR_OP') throw new Unsupported(kind);
  if (op === '||') {
    const a = castTo(left, 'text');
    const b = castTo(right, 'text');
    return { ...nothing, sql: sql`(${a.sql} || ${b.sql})`, type: 'text', origins: [...a.origins, ...b.origins], fragile: a.fragile || b.fragile || (a.origins.length > 0 && b.origins.length > 0), orderSafe: false };
  }
  if (op === '!=' || operators.has(op)) return binary(op === '!=' ? '<>' : op, left, right, x);
  throw new Unsupported(`operator ${op}`);
}

/** Equal under some usual collation: without case, accents and outer spaces; anything beyond ASCII may be equal. */
function looseEqual(a: Sql, b: Sql): Sql {
  return sql`(case when regexp_full_match(${b}, '[ -~]*') then strip_accents(lower(trim(${a}))) = strip_accents(lower(trim(${b}))) else ${a} is not null and ${b} is not null end)`;
}

function binary(op: string, left: Expression, right: Expression, x: ExpressionContext): Expression {
  const [a, b, type] = align(left, right);
  if (x.c.text.foreign && type === 'text') {
    if (op !== '=') throw new Unsupported('collation');
    return bool(x.c.text.loose ? looseEqual(a.sql, b.sql) : sql`(${a.sql} = ${b.sql})`, [left, right]);
  }
  const ordered = op === '<' || op === '>' || op === '<=' || op === '>=';
  if (ordered && type === 'text' && !(left.orderSafe && right.orderSafe)) throw new Unsupported('collation');
  switch (op) {
    case '=': return bool(sql`(${a.sql} = ${b.sql})`, [left, right]);
    case '<>': return bool(sql`(${a.sql} <> ${b.sql})`, [left, right]);
    case '<': return bool(sql`(${a.sql} < ${b.sql})`, [left, right]);
    case '>': return bool(sql`(${a.sql} > ${b.sql})`, [left, right]);
    case '<=': return bool(sql`(${a.sql} <= ${b.sql})`, [left, right]);
    case '>=': return bool(sql`(${a.sql} >= ${b.sql})`, [left, right]);
    default: {
      if (type !== 'int' && type !== 'num') throw new Unsupported('arithmetic');
      const out = { ...nothing, type, origins: [...left.origins, ...right.origins].length === 0 ? [] : weaken([...left.origins, ...right.origins], 'partial') };
      if (op === '+') return { ...out, sql: sql`(${a.sql} + ${b.sql})` };
      if (op === '-') return { ...out, sql: sql`(${a.sql} - ${b.sql})` };
      if (op === '*') return { ...out, sql: sql`(${a.sql} * ${b.sql})` };
      if (op === '%') return { ...out, sql: sql`(${a.sql} % ${b.sql})` };
      return { ...out, sql: type === 'int' ? sql`(${a.sql} // ${b.sql})` : sql`(${a.sql} / ${b.sql})` };
    }
  }
}

function logic(body: Ast, x: ExpressionContext): Expression {
  const args = nodes(body, 'args').map(a => castTo(compileExpression(a, x), 'bool'));
  const op = text(body, 'boolop');
  if (op === 'NOT_EXPR' && x.c.text.foreign) throw new Unsupported('collation');
  if (op === 'NOT_EXPR') return bool(sql`(not ${args[0]!.sql})`, args);
  return bool(sql`(${sql.join(args.map(a => a.sql), op === 'AND_EXPR' ? sql` and ` : sql` or `)})`, args);
}

function booleanTest(body: Ast, x: ExpressionContext): Expression {
  const a = castTo(compileExpression(child(body, 'arg')!, x), 'bool');
  switch (text(body, 'booltesttype')) {
    case 'IS_TRUE': return bool(sql`(${a.sql} is true)`, [a]);
    case 'IS_NOT_TRUE': return bool(sql`(${a.sql} is not true)`, [a]);
    case 'IS_FALSE': return bool(sql`(${a.sql} is false)`, [a]);
    case 'IS_NOT_FALSE': return bool(sql`(${a.sql} is not false)`, [a]);
    case 'IS_UNKNOWN': return bool(sql`(${a.sql} is null)`, [a]);
    default: return bool(sql`(${a.sql} is not null)`, [a]);
  }
}

function coalesce(args: readonly Expression[]): Expression {
  const type = commonType(args);
  const first = args[0]!;
  const cast = args.map(a => (a.type === 'unknown' && type !== 'unknown' ? castTo(a, type) : a));
  return { ...nothing, sql: sql`coalesce(${sql.join(cast.map(a => a.sql))})`, type: type === 'unknown' ? 'text' : type, origins: [...first.origins, ...args.slice(1).flatMap(a => weaken(a.origins, 'partial'))], orderSafe: false };
}

function caseWhen(body: Ast, x: ExpressionContext): Expression {
  if (child(body, 'arg')) throw new Unsupported('simple-case');
  const whens = nodes(body, 'args').map(w => child(w, 'CaseWhen')!).map(w => ({ when: castTo(compileExpression(child(w, 'expr')!, x), 'bool'), then: compileExpression(child(w, 'result')!, x) }));
  const otherwise = child(body, 'defresult') ? compileExpression(child(body, 'defresult')!, x) : null;
  const results = [...whens.map(w => w.then), ...(otherwise ? [otherwise] : [])];
  const type = commonType(results);
  const to = (e: Expression): Sql => (e.type === 'unknown' && type !== 'unknown' ? castTo(e, type) : e).sql;
  const branches = sql.join(whens.map(w => sql`when ${w.when.sql} then ${to(w.then)}`), sql` `);
  return {
    ...nothing, sql: sql`(case ${branches} ${otherwise ? sql`else ${to(otherwise)}` : sql``} end)`, type: type === 'unknown' ? 'text' : type, orderSafe: false,
    origins: [...results.flatMap(r => weaken(r.origins, 'partial')), ...whens.flatMap(w => w.when.origins)],
  };
}

function functionCall(body: Ast, x: ExpressionContext): Expression {
  const name = lastName(nodes(body, 'funcname')).toLowerCase();
  if (child(body, 'over')) throw new Unsupported('window');
  const row = rowFunctions.has(name) && nodes(body, 'args').length === 1 ? wholeRow(nodes(body, 'args')[0]!, x) : null;
  if (row) return { ...nothing, sql: isAggregate(name) ? sql`cast(count(*) as varchar)` : sql`cast('' as varchar)`, type: 'opaque', origins: row, orderSafe: false };
  if (isAggregate(name)) return aggregate(name, body, x);
  const args = nodes(body, 'args').map(a => compileExpression(a, x));
  const t = (i: number): Sql => castTo(args[i]!, 'text').sql;
  const n = (i: number): Sql => castTo(args[i]!, 'int').sql;
  const keep = (fragment: Sql): Expression => ({ ...nothing, sql: fragment, type: 'text', origins: args[0]!.origins, fragile: args[0]!.fragile, orderSafe: false });
  const part = (fragment: Sql, type: SqlType): Expression => ({ ...nothing, sql: fragment, type, origins: args.flatMap(a => weaken(a.origins, 'partial')), orderSafe: false });
  const arity = args.length;
  if (name === 'chr' && arity === 1) return part(sql`chr(${castTo(args[0]!, 'int').sql}::integer)`, 'text');
  if (name === 'ascii' && arity === 1) return part(sql`(case when ${t(0)} = '' then 0 else unicode(${t(0)}) end)`, 'int');
  if (name === 'unicode' && arity === 1) return part(sql`unicode(${t(0)})`, 'int');
  if ((name === 'substring' || name === 'substr') && (arity === 2 || arity === 3)) {
    if (!(args[1]!.type === 'int' || (args[1]!.type === 'unknown'))) throw new Unsupported('substring-pattern');
    return part(arity === 3 ? sql`substring(${t(0)}, ${n(1)}, ${n(2)})` : sql`substring(${t(0)}, ${n(1)})`, 'text');
  }
  if (name === 'left' && arity === 2) return part(sql`left(${t(0)}, ${n(1)})`, 'text');
  if (name === 'right' && arity === 2) return part(sql`right(${t(0)}, ${n(1)})`, 'text');
  if ((name === 'length' || name === 'char_length' || name === 'character_length') && arity === 1) return part(sql`length(${t(0)})`, 'int');
  if (name === 'octet_length' && arity === 1) return part(sql`strlen(${t(0)})`, 'int');
  if (name === 'upper' && arity === 1) return keep(sql`upper(${t(0)})`);
  if (name === 'lower' && arity === 1) return keep(sql`lower(${t(0)})`);
  if ((name === 'trim' || name === 'btrim') && arity === 1) return keep(sql`trim(${t(0)}, ' ')`);
  if (name === 'replace' && arity === 3) return part(sql`replace(${t(0)}, ${t(1)}, ${t(2)})`, 'text');
  if ((name === 'position' || name === 'strpos') && arity === 2) return part(sql`strpos(${t(0)}, ${t(1)})`, 'int');
  if (name === 'concat' && arity > 0) return { ...nothing, sql: sql`concat(${sql.join(args.map((_, i) => t(i)))})`, type: 'text', origins: args.flatMap(a => a.origins), orderSafe: false };
  if (name === 'concat_ws' && arity > 1) return { ...nothing, sql: sql`concat_ws(${sql.join(args.map((_, i) => t(i)))})`, type: 'text', origins: args.flatMap(a => a.origins), orderSafe: false };
  if (name === 'abs' && arity === 1) return part(sql`abs(${castTo(args[0]!, 'num').sql})`, 'num');
  throw new Unsupported(`function ${/^[a-z0-9_]{1,30}$/.test(name) ? name : 'unreadable'}`);
}

function aggregate(name: string, body: Ast, x: ExpressionContext): Expression {
  if (!x.aggregates) throw new Unsupported('aggregate-here');
  if (child(body, 'agg_filter') || body['agg_within_group'] === true) throw new Unsupported('aggregate-filter');
  const inner: ExpressionContext = { ...x, aggregates: false, lateral: null };
  const distinct = body['agg_distinct'] === true ? sql`distinct ` : sql``;
  if (name === 'count' && body['agg_star'] === true) return { ...nothing, sql: sql`count(*)`, type: 'int' };
  const args = nodes(body, 'args').map(a => compileExpression(a, inner));
  const first = args[0];
  if (!first) throw new Unsupported('aggregate');
  if (name === 'count') return { ...nothing, sql: sql`count(${distinct}${first.sql})`, type: 'int', origins: weaken(first.origins, 'derived') };
  if (collecting.has(name)) {
    const element = castTo(first, 'text').sql;
    const fragment = name === 'array_agg' && first.type !== 'num' ? sql`'{' || coalesce(string_agg(${distinct}case when ${element} is null then 'NULL' when ${element} = '' or regexp_matches(${element}, '[{}",\\\s]') then '"' || replace(replace(${element}, '\', '\\'), '"', '\"') || '"' else ${element} end, ','), '') || '}'`
      : name === 'string_agg' && args[1] ? sql`string_agg(${distinct}${castTo(first, 'text').sql}, ${castTo(args[1], 'text').sql})` : sql`cast(list(${distinct}${first.sql}) as varchar)`;
    return { ...nothing, sql: fragment, type: 'text', origins: first.origins, fragile: false, orderSafe: false };
  }
  if (name === 'min' || name === 'max') {
    if (first.type === 'text' && !first.orderSafe) return { ...nothing, sql: sql`null`, type: 'opaque', origins: weaken(first.origins, 'extreme') };
    return { ...nothing, sql: name === 'min' ? sql`min(${first.sql})` : sql`max(${first.sql})`, type: first.type, origins: weaken(first.origins, 'extreme') };
  }
  if (name === 'sum' && first.type === 'int') return { ...nothing, sql: sql`cast(sum(${distinct}${first.sql}) as bigint)`, type: 'int', origins: weaken(first.origins, 'single') };
  if (name === 'sum' || name === 'avg') return { ...nothing, sql: name === 'sum' ? sql`sum(${castTo(first, 'num').sql})` : sql`avg(${castTo(first, 'num').sql})`, type: 'num', origins: weaken(first.origins, 'single') };
  return { ...nothing, sql: name === 'bool_or' ? sql`bool_or(${castTo(first, 'bool').sql})` : sql`bool_and(${castTo(first, 'bool').sql})`, type: 'bool', origins: weaken(first.origins, 'single') };
}

function subLink(body: Ast, x: ExpressionContext): Expression {
  const kind = text(body, 'subLinkType');
  if (kind === 'EXPR_SUBLINK' && x.lateral) return x.lateral(child(body, 'subselect')!);
  const sub = x.subselect(child(body, 'subselect')!, x.scope);
  if (!sub.certain) throw new Unsupported('uncertain-subselect');
  if (kind === 'EXISTS_SUBLINK') return bool(sql`exists (select 1 from (${sub.sql}) s)`, []);
  if (!sub.first || sub.first.type === 'opaque') throw new Unsupported('opaque');
  const first: Expression = { ...nothing, sql: sql`(select s.c0 from (${sub.sql}) s)`, type: sub.first.type, origins: [], orderSafe: sub.first.orderSafe };
  if (kind === 'EXPR_SUBLINK') return first;
  if (kind === 'ANY_SUBLINK' && nodes(body, 'operName').length <= 1 && ['', '='].includes(lastName(nodes(body, 'operName')))) {
    const left = compileExpression(child(body, 'testexpr')!, x);
    const [a] = align(left, { ...first, sql: sql`null` });
    if (a.type !== sub.first.type) throw new Unsupported('mixed-types');
    return bool(sql`(${a.sql} in (select s.c0 from (${sub.sql}) s))`, [left]);
  }
  throw new Unsupported(kind);
}

/** Every column an expression names, for what it might show when it cannot be computed. */
export function originsIn(node: Ast, x: ExpressionContext): Origin[] {
  const out: Origin[] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(walk);
    if (value === null || typeof value !== 'object') return;
    const ref = child(value as Ast, 'ColumnRef');
    if (ref) {
      const row = wholeRow(value as Ast, x);
      if (row) { out.push(...weaken(row, 'partial')); return; }
      try { out.push(...weaken(columnRef(ref, x).origins, 'partial')); } catch (error) { if (!(error instanceof Unsupported)) throw error; }
      return;
    }
    for (const v of Object.values(value)) walk(v);
  };
  walk(node);
  return out;
}
