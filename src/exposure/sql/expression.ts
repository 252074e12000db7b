import { type Sql, sql } from '../../engine/index.ts';
import { aggregate, isAggregate } from './aggregates.ts';
import { type Ast, child, constantValue, lastName, nodes, number, text, unwrap } from './ast.ts';
import { need } from './batch.ts';
import { concatOrNull, scalarFunction } from './functions.ts';
import { bool, operation } from './operators.ts';
import { type Compilation, type Expression, nothing, type Origin, type OutputColumn, type Scope, Unsupported, weaken } from './relation.ts';
import { align, castTo, commonType, typeNames } from './types.ts';

/** Compile a sub-select met inside an expression; given by the query compiler to break the circle. */
export type SubselectCompiler = (select: Ast, outer: Scope) => { readonly sql: Sql; readonly first: OutputColumn | null; readonly certain: boolean };
export type ExpressionContext = {
  readonly c: Compilation;
  readonly scope: Scope;
  readonly subselect: SubselectCompiler;
  readonly aggregates: boolean;
  /** In a select list: a scalar sub-select is joined instead of evaluated, so that the rows it shows are kept. */
  readonly lateral: ((select: Ast) => Expression) | null;
  /** In a select list or ORDER BY: window functions, whose witnesses the block keeps. */
  readonly window: ((name: string, body: Ast, args: readonly Expression[]) => Expression) | null;
};

/** Compile one expression of the parse tree into a bound fragment with the columns it shows. Throws Unsupported. */
export function compileExpression(node: Ast, x: ExpressionContext): Expression {
  const [tag, body] = unwrap(node);
  switch (tag) {
    case 'ColumnRef':
      return columnRef(body, x);
    case 'A_Const':
      return constant(body);
    case 'ParamRef': {
      const e = parameter(number(body, 'number') ?? 0, x);
      return body['whole'] === true ? { ...e, sql: sql`cast(${e.sql} as bigint)`, type: 'int' } : e;
    }
    case 'TypeCast':
      return typeCast(body, x);
    case 'A_Expr':
      return operation(body, x, n => compileExpression(n, x));
    case 'BoolExpr':
      return logic(body, x);
    case 'NullTest': {
      const a = compileExpression(child(body, 'arg')!, x);
      return bool(text(body, 'nulltesttype') === 'IS_NULL' ? sql`(${a.sql} is null)` : sql`(${a.sql} is not null)`, [a]);
    }
    case 'BooleanTest':
      return booleanTest(body, x);
    case 'CoalesceExpr':
      return coalesce(nodes(body, 'args').map(a => compileExpression(a, x)));
    case 'CaseExpr':
      return caseWhen(body, x);
    case 'MinMaxExpr': {
      const args = nodes(body, 'args').map(a => compileExpression(a, x));
      return {
        ...nothing,
        sql: text(body, 'op') === 'IS_GREATEST' ? sql`greatest(${sql.join(args.map(a => a.sql))})` : sql`least(${sql.join(args.map(a => a.sql))})`,
        type: commonType(args),
        origins: args.flatMap(a => weaken(a.origins, 'partial')),
      };
    }
    case 'FuncCall':
      return functionCall(body, x);
    case 'SubLink':
      return subLink(body, x);
    case 'NamedArgExpr':
      return compileExpression(child(body, 'arg')!, x);
    case 'CollateClause':
      return { ...compileExpression(child(body, 'arg')!, x), orderSafe: false };
    default:
      throw new Unsupported(tag || 'expression');
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
  if (value !== null && typeof value === 'object') need(x.scope, x.c.windowParameters.has(n) ? 'instance' : 'class');
  if (value !== null && typeof value === 'object') return { ...nothing, sql: value, type: 'unknown' };
  return value === null ? { ...nothing, sql: sql`null`, type: 'unknown' } : { ...nothing, sql: sql`cast(${value} as varchar)`, type: 'unknown' };
}

function typeCast(body: Ast, x: ExpressionContext): Expression {
  const arg = compileExpression(child(body, 'arg')!, x);
  const typeName = child(body, 'typeName');
  const type = typeNames[lastName(nodes(typeName, 'names')).toLowerCase()] ?? 'opaque';
  if (type === 'opaque' || nodes(typeName, 'arrayBounds').length > 0) throw new Unsupported('cast');
  const length = type === 'text' ? firstInteger(nodes(typeName, 'typmods')) : null;
  const cast = castTo(arg, type);
  return length !== null && length < 255
    ? { ...cast, sql: sql`substring(${cast.sql}, 1, cast(${length} as bigint))`, origins: weaken(cast.origins, 'partial'), orderSafe: false, unique: false }
    : cast;
}

function firstInteger(list: readonly Ast[]): number | null {
  const [tag, body] = list[0] ? unwrap(list[0]) : ['', {}];
  return tag === 'A_Const' ? Number(constantValue(body).value) : null;
}

function logic(body: Ast, x: ExpressionContext): Expression {
  const args = nodes(body, 'args').map(a => castTo(compileExpression(a, x), 'bool'));
  const op = text(body, 'boolop');
  if (op === 'NOT_EXPR' && x.c.text.foreign) throw new Unsupported('collation');
  if (op === 'NOT_EXPR') return bool(sql`(not ${args[0]!.sql})`, args);
  return bool(
    sql`(${sql.join(
      args.map(a => a.sql),
      op === 'AND_EXPR' ? sql` and ` : sql` or `,
    )})`,
    args,
  );
}

function booleanTest(body: Ast, x: ExpressionContext): Expression {
  const a = castTo(compileExpression(child(body, 'arg')!, x), 'bool');
  switch (text(body, 'booltesttype')) {
    case 'IS_TRUE':
      return bool(sql`(${a.sql} is true)`, [a]);
    case 'IS_NOT_TRUE':
      return bool(sql`(${a.sql} is not true)`, [a]);
    case 'IS_FALSE':
      return bool(sql`(${a.sql} is false)`, [a]);
    case 'IS_NOT_FALSE':
      return bool(sql`(${a.sql} is not false)`, [a]);
    case 'IS_UNKNOWN':
      return bool(sql`(${a.sql} is null)`, [a]);
    default:
      return bool(sql`(${a.sql} is not null)`, [a]);
  }
}

function coalesce(args: readonly Expression[]): Expression {
  const type = commonType(args);
  const first = args[0]!;
  const cast = args.map(a => (a.type === 'unknown' && type !== 'unknown' ? castTo(a, type) : a));
  return {
    ...nothing,
    sql: sql`coalesce(${sql.join(cast.map(a => a.sql))})`,
    type: type === 'unknown' ? 'text' : type,
    origins: [...first.origins, ...args.slice(1).flatMap(a => weaken(a.origins, 'partial'))],
    orderSafe: false,
  };
}

function caseWhen(body: Ast, x: ExpressionContext): Expression {
  const subject = child(body, 'arg') ? compileExpression(child(body, 'arg')!, x) : null;
  const condition = (expr: Ast): Expression => {
    const e = compileExpression(expr, x);
    if (!subject) return castTo(e, 'bool');
    if (x.c.text.foreign) throw new Unsupported('collation');
    const [a, b] = align(subject, e);
    return bool(sql`(${a.sql} = ${b.sql})`, [subject, e]);
  };
  const whens = nodes(body, 'args')
    .map(w => child(w, 'CaseWhen')!)
    .map(w => ({ when: condition(child(w, 'expr')!), then: compileExpression(child(w, 'result')!, x) }));
  const otherwise = child(body, 'defresult') ? compileExpression(child(body, 'defresult')!, x) : null;
  const results = [...whens.map(w => w.then), ...(otherwise ? [otherwise] : [])];
  const type = commonType(results);
  const to = (e: Expression): Sql => (e.type === 'unknown' && type !== 'unknown' ? castTo(e, type) : e).sql;
  const branches = sql.join(
    whens.map(w => sql`when ${w.when.sql} then ${to(w.then)}`),
    sql` `,
  );
  return {
    ...nothing,
    sql: sql`(case ${branches} ${otherwise ? sql`else ${to(otherwise)}` : sql``} end)`,
    type: type === 'unknown' ? 'text' : type,
    orderSafe: false,
    origins: [...results.flatMap(r => weaken(r.origins, 'partial')), ...whens.flatMap(w => w.when.origins)],
  };
}

function functionCall(body: Ast, x: ExpressionContext): Expression {
  const name = lastName(nodes(body, 'funcname')).toLowerCase();
  if (child(body, 'over')) {
    if (!x.window) throw new Unsupported('window');
    return x.window(
      name,
      body,
      nodes(body, 'args').map(a => compileExpression(a, { ...x, aggregates: false, lateral: null, window: null })),
    );
  }
  const row = rowFunctions.has(name) && nodes(body, 'args').length === 1 ? wholeRow(nodes(body, 'args')[0]!, x) : null;
  if (row)
    return { ...nothing, sql: isAggregate(name) ? sql`cast(count(*) as varchar)` : sql`cast('' as varchar)`, type: 'opaque', origins: row, orderSafe: false };
  if (isAggregate(name)) return aggregate(name, body, x, compileExpression);
  const args = nodes(body, 'args').map(a => compileExpression(a, x));
  return name === 'concat' && x.c.text.foreign && args.length > 0 ? concatOrNull(args) : scalarFunction(name, args);
}

const comparisons: Readonly<Record<string, readonly [Sql, Sql]>> = {
  '=': [sql`=`, sql`<>`],
  '<>': [sql`<>`, sql`=`],
  '<': [sql`<`, sql`>=`],
  '>': [sql`>`, sql`<=`],
  '<=': [sql`<=`, sql`>`],
  '>=': [sql`>=`, sql`<`],
};

function subLink(body: Ast, x: ExpressionContext): Expression {
  const kind = text(body, 'subLinkType');
  if (kind === 'EXPR_SUBLINK' && x.lateral) return x.lateral(child(body, 'subselect')!);
  const sub = x.subselect(child(body, 'subselect')!, x.scope);
  if (!sub.certain) throw new Unsupported('uncertain-subselect');
  if (kind === 'EXISTS_SUBLINK') return bool(sql`exists (select 1 from (${sub.sql}) s)`, []);
  if (!sub.first || sub.first.type === 'opaque') throw new Unsupported('opaque');
  const first: Expression = { ...nothing, sql: sql`(select s.c0 from (${sub.sql}) s)`, type: sub.first.type, origins: [], orderSafe: sub.first.orderSafe };
  if (kind === 'EXPR_SUBLINK') return first;
  const op = lastName(nodes(body, 'operName'));
  if ((kind === 'ALL_SUBLINK' || kind === 'ANY_SUBLINK') && ['=', '<>', '<', '>', '<=', '>='].includes(op)) {
    const left = compileExpression(child(body, 'testexpr')!, x);
    const [a] = align(left, { ...first, sql: sql`null` });
    if (a.type !== sub.first.type || (a.type === 'text' && (x.c.text.foreign || (op !== '=' && op !== '<>')))) throw new Unsupported('collation');
    const [positive, negative] = comparisons[op]!;
    const rows = sql`(select count(*) as n, count(*) filter (where v is null) as nulls, count(*) filter (where ${a.sql} ${positive} v) as yes, count(*) filter (where ${a.sql} ${negative} v) as no
      from (select s.c0 as v from (${sub.sql}) s) s)`;
    return bool(
      kind === 'ANY_SUBLINK'
        ? sql`(select case when yes > 0 then true when n = 0 or (no = n and nulls = 0) then false else null end from ${rows} k)`
        : sql`(select case when no > 0 then false when n = 0 or (yes = n and nulls = 0) then true else null end from ${rows} k)`,
      [left],
    );
  }
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
      if (row) {
        out.push(...weaken(row, 'partial'));
        return;
      }
      try {
        out.push(...weaken(columnRef(ref, x).origins, 'partial'));
      } catch (error) {
        if (!(error instanceof Unsupported)) throw error;
      }
      return;
    }
    for (const v of Object.values(value)) walk(v);
  };
  walk(node);
  return out;
}
