import { type Sql, sql } from '../../engine/index.ts';
import type { Compare, Expr, Leaf, Pattern, Test, TimePart } from './ir.ts';
import { plainText } from './pattern.ts';

/** What a field of a rule is in a table. `text`: VARCHAR; `lowered` is its lower-case twin where the table has one. `list`: VARCHAR[], any element counts. */
export type Column =
  | { readonly type: 'text'; readonly expr: Sql; readonly lowered: Sql | null }
  | { readonly type: 'number'; readonly expr: Sql }
  | { readonly type: 'list'; readonly expr: Sql };

/** A field may stand for several columns (any of them) or for none that was logged. */
export type Resolve = (field: string) => readonly Column[];

export type Target = {
  readonly resolve: Resolve;
  /** The whole message, lower case, for keywords; and as logged. */
  readonly message: { readonly lowered: Sql; readonly plain: Sql };
  /** How the table was lowered: rule words must be lowered the same way. */
  readonly lowering: 'duckdb' | 'js';
  /** SQL that is true for addresses inside a network. */
  readonly inNetwork: (column: Sql, low: string, high: string) => Sql;
  /** The same for a list of which any element may be inside. */
  readonly anyInNetwork: (list: Sql, low: string, high: string) => Sql;
};

/** The predicate of a condition. Every search is wrapped so that it is never unknown: NOT of an absent field is true. */
export function compileExpr(expr: Expr, target: Target): Sql {
  switch (expr.op) {
    case 'and':
      return join(
        expr.items.map(e => compileExpr(e, target)),
        sql` and `,
      );
    case 'or':
      return join(
        expr.items.map(e => compileExpr(e, target)),
        sql` or `,
      );
    case 'not':
      return sql`not ${compileExpr({ op: 'search', name: '', item: expr.item }, target)}`;
    case 'search':
      return sql`coalesce(${compileExpr(expr.item, target)}, false)`;
    case 'leaf':
      return compileLeaf(expr, target);
  }
}

function join(items: readonly Sql[], by: Sql): Sql {
  return items.length === 1 ? items[0]! : sql`(${sql.join(items, by)})`;
}

function compileLeaf(leaf: Leaf, target: Target): Sql {
  const { test } = leaf;
  if (leaf.field === null) return keyword(test, target);
  const columns = target.resolve(leaf.field);
  if (columns.length === 0) return test.kind === 'null' || (test.kind === 'exists' && !test.present) ? sql`true` : sql`false`;
  // Absent means absent in every column the field may stand for.
  const every = test.kind === 'null' || (test.kind === 'exists' && !test.present);
  return join(
    columns.map(c => column(test, c, target)),
    every ? sql` and ` : sql` or `,
  );
}

function keyword(test: Test, target: Target): Sql {
  const { lowered, plain } = target.message;
  if (test.kind === 'number') return sql`contains(${lowered}, ${sql.lit(String(test.value))})`;
  if (test.kind === 'pattern') {
    const around: Pattern = [{ any: 'many' }, ...test.pattern, { any: 'many' }];
    return like(
      around.filter((p, i) => !(typeof p === 'object' && p.any === 'many' && i > 0 && isMany(around[i - 1]))),
      test.cased ? plain : lowered,
      test.cased,
      target,
    );
  }
  if (test.kind === 'regex') return regex(test, plain);
  return sql`false`;
}

function isMany(p: Pattern[number] | undefined): boolean {
  return typeof p === 'object' && p.any === 'many';
}

function column(test: Test, c: Column, target: Target): Sql {
  if (c.type === 'list') {
    if (test.kind === 'null') return sql`${c.expr} is null`;
    if (test.kind === 'exists') return test.present ? sql`${c.expr} is not null` : sql`${c.expr} is null`;
    if (test.kind === 'cidr') return target.anyInNetwork(c.expr, test.low, test.high);
    const element: Column = { type: 'text', expr: sql`element`, lowered: null };
    return sql`len(list_filter(${c.expr}, lambda element: coalesce(${column(test, element, { ...target, lowering: 'duckdb' })}, false))) > 0`;
  }
  const text = c.type === 'number' ? sql`cast(${c.expr} as varchar)` : c.expr;
  switch (test.kind) {
    case 'null':
      return sql`${c.expr} is null`;
    case 'exists':
      return test.present ? sql`${c.expr} is not null` : sql`${c.expr} is null`;
    case 'number':
      if (c.type === 'number') return compareSql(c.expr, test.compare, test.value);
      return test.compare === 'eq' ? sql`${text} = ${sql.lit(String(test.value))}` : compareSql(sql`try_cast(${text} as double)`, test.compare, test.value);
    case 'regex':
      return regex(test, text);
    case 'cidr':
      return target.inNetwork(text, test.low, test.high);
    case 'time':
      return compareSql(timePart(test.part, text), test.compare, test.value);
    case 'field': {
      const others = target.resolve(test.other);
      if (others.length === 0) return sql`false`;
      const fold = (e: Sql): Sql => (test.cased ? e : sql`lower(${e})`);
      const own = fold(text);
      const compared = (other: Sql): Sql =>
        test.how === 'equals'
          ? sql`${own} = ${other}`
          : test.how === 'startswith'
            ? sql`starts_with(${own}, ${other})`
            : test.how === 'endswith'
              ? sql`suffix(${own}, ${other})`
              : sql`contains(${own}, ${other})`;
      return join(
        others.map(o =>
          o.type === 'list'
            ? sql`len(list_filter(${o.expr}, lambda other: coalesce(${compared(fold(sql`other`))}, false))) > 0`
            : compared(fold(o.type === 'number' ? sql`cast(${o.expr} as varchar)` : o.expr)),
        ),
        sql` or `,
      );
    }
    case 'pattern': {
      if (test.cased) return like(test.pattern, text, true, target);
      const ready = c.type === 'text' ? c.lowered : null;
      return like(test.pattern, ready ?? sql`lower(${text})`, false, ready ? target : { ...target, lowering: 'duckdb' });
    }
  }
}

function timePart(part: TimePart, text: Sql): Sql {
  const at = sql`try_cast(${text} as timestamp)`;
  switch (part) {
    case 'minute':
      return sql`minute(${at})`;
    case 'hour':
      return sql`hour(${at})`;
    case 'day':
      return sql`day(${at})`;
    case 'week':
      return sql`week(${at})`;
    case 'month':
      return sql`month(${at})`;
    case 'year':
      return sql`year(${at})`;
  }
}

const operators: Record<Compare, Sql> = { eq: sql`=`, neq: sql`<>`, lt: sql`<`, lte: sql`<=`, gt: sql`>`, gte: sql`>=` };

function compareSql(left: Sql, compare: Compare, value: number): Sql {
  return sql`${left} ${operators[compare]} ${sql.lit(value)}`;
}

function regex(test: { source: string; flags: string }, text: Sql): Sql {
  const flags = `${test.flags.includes('i') ? 'i' : ''}${test.flags.includes('s') ? 's' : ''}${test.flags.includes('m') ? 'm' : ''}`;
  return sql`regexp_matches(${text}, ${sql.lit((flags === '' ? '' : `(?${flags})`) + test.source)})`;
}

/** Plain comparison, starts_with, suffix or contains where there is no wildcard inside; else LIKE. */
function like(pattern: Pattern, text: Sql, cased: boolean, target: Target): Sql {
  const word = (w: string): Sql => (cased ? sql.lit(w) : target.lowering === 'js' ? sql.lit(w.toLowerCase()) : sql`lower(${sql.lit(w)})`);
  const plain = plainText(pattern);
  if (plain !== null) return sql`${text} = ${word(plain)}`;
  if (pattern.length === 1 && isMany(pattern[0])) return sql`${text} is not null`;
  const [a, b, c] = pattern;
  if (pattern.length === 2 && isMany(a) && typeof b === 'string') return sql`suffix(${text}, ${word(b)})`;
  if (pattern.length === 2 && isMany(b) && typeof a === 'string') return sql`starts_with(${text}, ${word(a)})`;
  if (pattern.length === 3 && isMany(a) && isMany(c) && typeof b === 'string') return sql`contains(${text}, ${word(b)})`;
  const source = pattern.map(p => (typeof p === 'string' ? p.replace(/[\\%_]/g, x => `\\${x}`) : p.any === 'many' ? '%' : '_')).join('');
  return sql`${text} like ${word(source)} escape ${sql.lit('\\')}`;
}
