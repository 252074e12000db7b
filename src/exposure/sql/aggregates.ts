import { sql } from '../../engine/index.ts';
import { type Ast, anyNode, child, lastName, nodes } from './ast.ts';
import type { ExpressionContext } from './expression.ts';
import { type Expression, nothing, Unsupported, weaken } from './relation.ts';
import { castTo } from './types.ts';

const aggregateNames = new Set([
  'count',
  'sum',
  'avg',
  'min',
  'max',
  'array_agg',
  'string_agg',
  'json_agg',
  'jsonb_agg',
  'bool_and',
  'bool_or',
  'every',
  'group_concat',
  'listagg',
  'json_arrayagg',
]);
const collecting = new Set(['array_agg', 'string_agg', 'json_agg', 'jsonb_agg', 'group_concat', 'listagg', 'json_arrayagg']);

/** Is this the name of an aggregate function? */
export function isAggregate(name: string): boolean {
  return aggregateNames.has(name);
}

/** An aggregate; `compile` compiles its arguments. Shows the values it collects, the extremes, or the one value of a group of one. */
export function aggregate(name: string, body: Ast, x: ExpressionContext, compile: (node: Ast, x: ExpressionContext) => Expression): Expression {
  if (!x.aggregates) throw new Unsupported('aggregate-here');
  if (body['agg_within_group'] === true) throw new Unsupported('within-group');
  const inner: ExpressionContext = { ...x, aggregates: false, lateral: null, window: null };
  const filter = child(body, 'agg_filter');
  if (filter) {
    // The witnesses are those of the whole group: of a filtered aggregate they are more than what it shows.
    const condition = castTo(compile(filter, inner), 'bool');
    const whole = aggregate(name, { ...body, agg_filter: undefined }, x, compile);
    if (collecting.has(name) || name === 'sum' || whole.type === 'opaque') throw new Unsupported('aggregate-filter');
    return { ...whole, sql: sql`${whole.sql} filter (where ${condition.sql})`, origins: [...weaken(whole.origins, 'partial'), ...condition.origins] };
  }
  const distinct = body['agg_distinct'] === true ? sql`distinct ` : sql``;
  if (name === 'count' && body['agg_star'] === true) return { ...nothing, sql: sql`count(*)`, type: 'int' };
  const args = nodes(body, 'args').map(a => compile(a, inner));
  const first = args[0];
  if (!first) throw new Unsupported('aggregate');
  if (name === 'count') return { ...nothing, sql: sql`count(${distinct}${first.sql})`, type: 'int', origins: weaken(first.origins, 'derived') };
  if (collecting.has(name)) {
    const element = castTo(first, 'text').sql;
    const fragment =
      name === 'array_agg' && first.type !== 'num'
        ? sql`'{' || coalesce(string_agg(${distinct}case when ${element} is null then 'NULL' when ${element} = '' or regexp_matches(${element}, '[{}",\\\s]') then '"' || replace(replace(${element}, '\', '\\'), '"', '\"') || '"' else ${element} end, ','), '') || '}'`
        : name === 'string_agg' && args[1]
          ? sql`string_agg(${distinct}${castTo(first, 'text').sql}, ${castTo(args[1], 'text').sql})`
          : sql`cast(list(${distinct}${first.sql}) as varchar)`;
    return { ...nothing, sql: fragment, type: 'text', origins: first.origins, fragile: false, orderSafe: false };
  }
  if (name === 'min' || name === 'max') {
    if (first.type === 'text' && !first.orderSafe) return { ...nothing, sql: sql`null`, type: 'opaque', origins: weaken(first.origins, 'extreme') };
    return { ...nothing, sql: name === 'min' ? sql`min(${first.sql})` : sql`max(${first.sql})`, type: first.type, origins: weaken(first.origins, 'extreme') };
  }
  if (name === 'sum' && first.type === 'int')
    return { ...nothing, sql: sql`cast(sum(${distinct}${first.sql}) as bigint)`, type: 'int', origins: weaken(first.origins, 'single') };
  if (name === 'sum' || name === 'avg')
    return {
      ...nothing,
      sql: name === 'sum' ? sql`sum(${castTo(first, 'num').sql})` : sql`avg(${castTo(first, 'num').sql})`,
      type: 'num',
      origins: weaken(first.origins, 'single'),
    };
  return {
    ...nothing,
    sql: name === 'bool_or' ? sql`bool_or(${castTo(first, 'bool').sql})` : sql`bool_and(${castTo(first, 'bool').sql})`,
    type: 'bool',
    origins: weaken(first.origins, 'single'),
  };
}

/** Does an expression hold an aggregate of its own block? */
export const hasAggregate = (node: Ast | null): boolean =>
  anyNode(node, (tag, body) =>
    tag === 'SubLink' ? false : tag === 'FuncCall' && isAggregate(lastName(nodes(body, 'funcname')).toLowerCase()) && !child(body, 'over') ? true : null,
  );

/** Does an expression hold a window function of its own block? */
export const hasWindow = (node: Ast | null): boolean =>
  anyNode(node, (tag, body) => (tag === 'SubLink' ? false : tag === 'FuncCall' && child(body, 'over') !== null ? true : null));
