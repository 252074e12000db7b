import { evaluate } from './evaluate.ts';
import { printExpr, printSelect } from './print.ts';
import type { Expr, Select } from './syntax.ts';

/** What an unknown is in words of the database. */
export type Binding = {
  /** Table as written, schema included; null when the unknown is no table's. */
  readonly table: string | null;
  /** Column name, `COUNT(*)`, or the expression. */
  readonly column: string;
  /** A plain column of the table. */
  readonly plain: boolean;
  /** Columns joined by a constant: `a || ':' || b`. */
  readonly parts: readonly Expr[] | null;
  /** 0-based ordinal in `rowQuery`; null when the row is chosen by value or not at all. */
  readonly ordinal: number | null;
  /** The intruder's own query for the rows: FROM, WHERE, ORDER BY, without column and row window. */
  readonly rowQuery: string;
  /** `column = constant` conditions. */
  readonly where: readonly { readonly column: string; readonly op: string; readonly value: string }[];
  /** True when WHERE holds more than those. */
  readonly otherConditions: boolean;
  readonly order: readonly { readonly column: string; readonly descending: boolean }[];
  readonly aggregate: string | null;
  /** HEX or base64 the text was wrapped in. */
  readonly coding: 'hex' | 'base64' | null;
  /** What NULL turns into, from COALESCE and the like; null when there is none. */
  readonly nullAs: string | null;
};

const schemaTables =
  /^(?:information_schema|pg_catalog|sqlite_master|sqlite_schema|mysql|sys|performance_schema|master)(?:\.|$)|^(?:pg_\w+|all_\w+|user_\w+|sys\w+|v\$\w+)$/i;
/** True for the tables that describe the database itself. */
export const isCatalogue = (table: string): boolean =>
  schemaTables.test(table.toLowerCase()) ||
  table
    .toLowerCase()
    .split('.')
    .some(p => ['information_schema', 'pg_catalog', 'sqlite_master', 'sqlite_schema', 'sysobjects', 'syscolumns', 'sysdatabases'].includes(p));

const constant = (e: Expr): string | null => {
  const v = evaluate(e, { dialect: 'any', vars: new Map() });
  return v === undefined || v === null ? null : String(v);
};

/** Off with casts, NULL wrappers and codings. */
export function unwrap(e: Expr): { expr: Expr; nullAs: string | null; coding: Binding['coding'] } {
  let nullAs: string | null = null;
  let coding: Binding['coding'] = null;
  let x = e;
  for (;;) {
    if (x.t === 'cast') {
      x = x.a;
      continue;
    }
    if (x.t === 'select' && x.select.from.length === 0 && x.select.items.length === 1) {
      x = x.select.items[0]!.expr;
      continue;
    }
    if (x.t === 'call') {
      if (['COALESCE', 'IFNULL', 'NVL', 'ISNULL'].includes(x.name) && x.args.length === 2) {
        nullAs = constant(x.args[1]!) ?? nullAs;
        x = x.args[0]!;
        continue;
      }
      if (x.name === 'CONVERT' && x.args.length >= 2) {
        x =
          x.args[0]!.t === 'col' && /^(?:n?(?:var)?char|int|text|varchar2|nchar)$/i.test(x.args[0]!.path[0]!)
            ? x.args[1]!
            : x.args[0]!.t === 'call' && /CHAR|INT/.test(x.args[0]!.name)
              ? x.args[1]!
              : x.args[0]!;
        continue;
      }
      if (
        ['TO_CHAR', 'TO_NCHAR', 'RTRIM', 'LTRIM', 'TRIM', 'BINARY', 'STR', 'QUOTE', 'QUOTE_LITERAL', 'DISTINCT', 'ANY_VALUE'].includes(x.name) &&
        x.args.length >= 1
      ) {
        x = x.args[0]!;
        continue;
      }
      if (['HEX', 'RAWTOHEX'].includes(x.name) && x.args.length === 1) {
        coding = 'hex';
        x = x.args[0]!;
        continue;
      }
      if (x.name === 'ENCODE' && x.args.length === 2) {
        coding = constant(x.args[1]!) === 'base64' ? 'base64' : 'hex';
        x = x.args[0]!;
        continue;
      }
      if (['TO_BASE64'].includes(x.name)) {
        coding = 'base64';
        x = x.args[0]!;
        continue;
      }
      if (['CONVERT_TO', 'CONVERT_FROM', 'UTL_RAW.CAST_TO_RAW', 'CAST_TO_RAW'].includes(x.name) && x.args.length >= 1) {
        x = x.args[0]!;
        continue;
      }
    }
    return { expr: x, nullAs, coding };
  }
}

/** The unknown as table, column and row. */
export function bindUnknown(unknown: Expr): Binding {
  const outer = unwrap(unknown);
  if (outer.expr.t !== 'select' && outer.expr.t !== 'exists') return free(outer.expr, outer.nullAs, outer.coding);
  let s = outer.expr.select;
  const inner = s.items.length === 1 ? unwrap(s.items[0]!.expr) : { expr: { t: 'star' } as Expr, nullAs: null, coding: null };
  let target = inner.expr;
  let ordinal = windowOf(s);
  let where = s.where;
  let numbered = false;
  // SELECT c FROM (SELECT c, ROWNUM AS r FROM t ORDER BY …) WHERE r = k, ROW_NUMBER() likewise; MSSQL's TOP 1 … NOT IN (SELECT TOP k …)
  while (s.from.length === 1 && s.from[0]!.select) {
    const sub = s.from[0]!.select;
    for (const part of flattenAnd(where)) {
      const name = part.t === 'op' && part.op === '=' && part.a.t === 'col' ? part.a.path.at(-1)!.toLowerCase() : null;
      const item = sub.items.find(i => (i.alias ?? '').toLowerCase() === name);
      if (name !== null && item && part.t === 'op' && isRowNumber(item.expr)) {
        ordinal = Number(constant(part.b)) - 1;
        numbered = true;
      }
    }
    const alias = target.t === 'col' ? target.path.at(-1)!.toLowerCase() : '';
    const item =
      sub.items.find(i => (i.alias ?? (i.expr.t === 'col' ? i.expr.path.at(-1)! : '')).toLowerCase() === alias) ??
      (sub.items.length === 1 ? sub.items[0] : undefined);
    if (item && target.t === 'col') target = unwrap(item.expr).expr;
    const outerOrder = s.orderBy;
    const lifted = numbered
      ? sub.where
      : [...flattenAnd(where), ...flattenAnd(sub.where)].reduce<Expr | null>((a, b) => (a ? { t: 'op', op: 'AND', a, b } : b), null);
    ordinal ??= windowOf(sub) ?? null;
    s = { ...sub, orderBy: sub.orderBy.length > 0 ? sub.orderBy : outerOrder };
    where = lifted;
  }
  const conditions: { column: string; op: string; value: string }[] = [];
  let other = false;
  let topOrder: Select['orderBy'] = [];
  for (const part of flattenAnd(where)) {
    if (part.t === 'in' && part.negated && part.select) {
      const k = part.select.top ? Number(constant(part.select.top)) : part.select.limit ? Number(constant(part.select.limit)) : null;
      if (k !== null && Number.isInteger(k)) {
        ordinal = k;
        topOrder = part.select.orderBy;
        if (topOrder.length === 0 && part.select.items[0]) topOrder = [{ expr: unwrap(part.select.items[0].expr).expr, descending: false }];
        continue;
      }
    }
    if (part.t === 'op' && part.a.t === 'col' && part.a.path.at(-1)!.toUpperCase() === 'ROWNUM') {
      const k = Number(constant(part.b));
      ordinal = part.op === '=' && k === 1 ? 0 : ordinal;
      continue;
    }
    const side = part.t === 'op' && ['=', '>', '<', '>=', '<=', '!='].includes(part.op) ? part : null;
    const column = side ? columnName(unwrap(side.a).expr) : null;
    const value = side ? constant(side.b) : null;
    if (side && column !== null && value !== null) conditions.push({ column, op: side.op, value });
    else other = true;
  }
  const table =
    s.from.length === 1 && s.from[0]!.table.length > 0 ? s.from[0]!.table.join('.') : s.from.length > 1 ? s.from.map(f => f.table.join('.')).join(', ') : null;
  const call =
    target.t === 'call' &&
    [
      'COUNT',
      'MIN',
      'MAX',
      'SUM',
      'AVG',
      'GROUP_CONCAT',
      'STRING_AGG',
      'LISTAGG',
      'ARRAY_AGG',
      'JSON_ARRAYAGG',
      'JSON_AGG',
      'XMLAGG',
      'JSON_GROUP_ARRAY',
    ].includes(target.name)
      ? target
      : null;
  const aggregate = call?.name ?? null;
  const keyset = call !== null && (call.name === 'MAX' || call.name === 'MIN') && call.args.length === 1;
  const column =
    call && !keyset
      ? `${call.name}(${call.args.map(a => printExpr(a)).join(', ')})`
      : (columnName(keyset ? unwrap(call!.args[0]!).expr : target) ?? printExpr(target));
  const parts =
    target.t === 'op' && target.op === '||'
      ? flattenConcat(target)
      : target.t === 'op' && target.op === '+'
        ? flattenConcat(target)
        : target.t === 'call' && (target.name === 'CONCAT' || target.name === 'CONCAT_WS')
          ? concatArgs(target)
          : null;
  const order = (topOrder.length > 0 ? topOrder : s.orderBy).map(o => ({ column: orderColumn(unwrap(o.expr).expr, s, target), descending: o.descending }));
  const rows: Select = {
    ...s,
    items: [{ expr: { t: 'star' }, alias: null }],
    top: null,
    limit: null,
    offset: null,
    where: conditions.length > 0 || other ? withoutWindow(where) : null,
    orderBy: topOrder.length > 0 ? topOrder : s.orderBy,
    unions: [],
  };
  return {
    table,
    column,
    plain: !call || keyset ? columnName(keyset ? unwrap(call!.args[0]!).expr : target) !== null : false,
    parts: parts && parts.filter(p => columnName(unwrap(p).expr) !== null).length >= 2 ? parts : null,
    ordinal: keyset || aggregate === 'COUNT' ? null : (ordinal ?? (s.orderBy.length > 0 && (s.top !== null || s.limit !== null) ? 0 : null)),
    rowQuery: printSelect(rows),
    where: conditions,
    otherConditions: other,
    order,
    aggregate,
    coding: inner.coding ?? outer.coding,
    nullAs: inner.nullAs ?? outer.nullAs,
  };
}

const withoutWindow = (where: Expr | null): Expr | null =>
  flattenAnd(where)
    .filter(p => !(p.t === 'in' && p.negated && p.select?.top))
    .reduce<Expr | null>((a, b) => (a ? { t: 'op', op: 'AND', a, b } : b), null);

function orderColumn(e: Expr, s: Select, target: Expr): string {
  if (e.t === 'const' && typeof e.v === 'number') return columnName(unwrap(s.items[e.v - 1]?.expr ?? target).expr) ?? String(e.v);
  return columnName(e) ?? printExpr(e);
}

function free(e: Expr, nullAs: string | null, coding: Binding['coding']): Binding {
  return {
    table: null,
    column: columnName(e) ?? printExpr(e),
    plain: false,
    parts: null,
    ordinal: null,
    rowQuery: '',
    where: [],
    otherConditions: false,
    order: [],
    aggregate: null,
    coding,
    nullAs,
  };
}

export const columnName = (e: Expr): string | null => (e.t === 'col' ? e.path.at(-1)! : null);

function windowOf(s: Select): number | null {
  if (s.offset) {
    const k = Number(constant(s.offset));
    return Number.isInteger(k) ? k : null;
  }
  if (s.limit && constant(s.limit) === '1') return 0;
  return null;
}

const isRowNumber = (e: Expr): boolean =>
  (e.t === 'col' && e.path.at(-1)!.toUpperCase() === 'ROWNUM') || (e.t === 'call' && /^(?:ROW_NUMBER|RANK|DENSE_RANK)$/.test(e.name));

export function flattenAnd(e: Expr | null): Expr[] {
  return !e ? [] : e.t === 'op' && e.op === 'AND' ? [...flattenAnd(e.a), ...flattenAnd(e.b)] : [e];
}

/** Operands of a chain of `||` or `+`. */
export function flattenConcat(e: Expr): Expr[] {
  return e.t === 'op' && (e.op === '||' || e.op === '+')
    ? [...flattenConcat(e.a), ...flattenConcat(e.b)]
    : e.t === 'call' && (e.name === 'CONCAT' || e.name === 'CONCAT_WS')
      ? concatArgs(e)
      : e.t === 'cast'
        ? flattenConcat(e.a)
        : [e];
}

/** Arguments of CONCAT, or of CONCAT_WS with its separator between them. */
export function concatArgs(e: Expr): Expr[] {
  if (e.t !== 'call') return [e];
  if (e.name === 'CONCAT') return e.args.flatMap(flattenConcat);
  const [separator, ...rest] = e.args;
  return rest.flatMap((a, i) => (i === 0 ? flattenConcat(a) : [separator!, ...flattenConcat(a)]));
}
