import type { SqlDialect } from '../../detections/sql/index.ts';
import { type Binding, bindUnknown, columnName, concatArgs, flattenConcat, isCatalogue, unwrap } from './bind.ts';
import { isUnknown } from './condition.ts';
import { evaluate } from './evaluate.ts';
import { findSent } from './out-of-band.ts';
import { printExpr, printSelect } from './print.ts';
import { children, type Expr, type Fragment, type Select, some } from './syntax.ts';

export type InBandTechnique = 'union' | 'error' | 'stacked' | 'out-of-band';

/** A statement that an injection made the server run, with what it shows in the answer. */
export type InBand = {
  readonly technique: InBandTechnique;
  readonly dialect: SqlDialect;
  /** The SELECT with constants folded, without markers; the statement itself when it is no SELECT. */
  readonly sqlText: string;
  readonly table: string | null;
  /** Columns in the order shown; `*` when all. */
  readonly columns: readonly string[];
  /** Constant texts around and between the columns, as shown: one more than there are columns; empty when not known. */
  readonly around: readonly string[];
  readonly aggregate: string | null;
  readonly separator: string;
  readonly offset: number | null;
  readonly limit: number | null;
  /** How the statement chooses and orders its rows; null when that is more than conditions on columns, or when there is no SELECT. */
  readonly rows: Pick<Binding, 'where' | 'order'> | null;
  readonly nullAs: string;
  /** SUBSTR window of the shown text, as error messages are cut: first character and count. */
  readonly slice: readonly [number, number] | null;
  readonly catalogue: boolean;
  /** Out of band: where it was to be sent, the value itself as `{…}`. Whether it arrived no log of requests shows. */
  readonly target: string | null;
  /** Nothing of the database in it: a test of the vector. */
  readonly calibration: boolean;
  /** What the constants of a calibration would show, when foldable. */
  readonly constant: string | null;
};

const aggregates = new Set([
  'ARRAY_AGG',
  'STRING_AGG',
  'GROUP_CONCAT',
  'JSON_ARRAYAGG',
  'JSON_AGG',
  'JSONB_AGG',
  'XMLAGG',
  'LISTAGG',
  'JSON_GROUP_ARRAY',
  'WM_CONCAT',
  'ARRAY_TO_STRING',
  'ARRAY_TO_JSON',
]);
const carriers =
  /^(?:EXTRACTVALUE|UPDATEXML|XMLTYPE|GTID_SUBSET|GTID_SUBTRACT|JSON_KEYS|EXP|GET_HOST_NAME|GET_HOST_ADDRESS|SN|GETMAPPINGXPATH|DROP_LINK|ST_LATFROMGEOHASH|UUID_TO_BIN|BIN_TO_UUID|POLYGON|MULTIPOINT|GEOMETRYCOLLECTION|LINESTRING|MULTILINESTRING|MULTIPOLYGON|ORDER_BY)$/;
const numericType = /^(?:NUMERIC|INT|INTEGER|BIGINT|DECIMAL|FLOAT|SMALLINT|REAL|UUID|DATE|MONEY|XML|BOOLEAN|TINYINT|SIGNED|UNSIGNED)/i;

/** Every in-band statement of a payload: UNION selects, error carriers, stacked statements. */
export function readInBand(fragment: Fragment, dialect: SqlDialect): InBand[] {
  const sent = findSent(fragment, dialect);
  if (sent) return [{ ...fromExpr('out-of-band', sent.carried, null, dialect), target: sent.target, calibration: false }];
  const out: InBand[] = [];
  for (const u of fragment.unions) out.push(fromUnion(u, dialect));
  for (const e of [
    ...fragment.exprs,
    ...fragment.selects.flatMap(s => [...(s.where ? [s.where] : []), ...s.items.map(i => i.expr), ...s.orderBy.map(o => o.expr)]),
  ]) {
    const shown = findCarrier(e);
    if (shown) out.push(fromExpr('error', shown, null, dialect));
  }
  for (const s of fragment.selects) for (const u of s.unions) out.push(fromUnion(u, dialect));
  for (const s of fragment.stacked) {
    if (s.word === '' || (s.select && s.select.items.every(i => i.expr.t === 'call' && /SLEEP/.test(i.expr.name)))) continue;
    const carried = s.select ? (s.select.items.map(i => findCarrier(i.expr)).find(x => x !== null) ?? null) : null;
    out.push(
      carried
        ? fromExpr('error', carried, null, dialect)
        : s.select && s.word === 'SELECT'
          ? { ...fromUnion(s.select, dialect), technique: 'stacked' }
          : other(s.text.trim(), dialect),
    );
  }
  return out;
}

/** What an error message would show: the argument of a failing cast or of a function that complains with its argument. */
function findCarrier(e: Expr): Expr | null {
  let found: Expr | null = null;
  const shows = (x: Expr): boolean => some(x, isUnknown) && !some(x, y => y.t === 'case' && y.whens.some(w => some(w.when, isUnknown)));
  const joined = (x: Expr): boolean => {
    const u = unwrap(x).expr;
    return (
      ((u.t === 'op' && (u.op === '+' || u.op === '||')) || (u.t === 'call' && u.name === 'CONCAT')) &&
      shows(u) &&
      flattenConcat(u).some(p => typeof evaluate(p, { dialect: 'any', vars: new Map() }) === 'string')
    );
  };
  const isNumber = (x: Expr): boolean => x.t === 'const' && typeof x.v === 'number';
  const visit = (x: Expr): void => {
    if (found) return;
    // 1234 = marker + value + marker, 1234 IN (SELECT marker + …): the failing conversion shows the text
    if (x.t === 'op' && ['=', '>', '<', '!=', '>=', '<='].includes(x.op)) {
      for (const [a, b] of [
        [x.a, x.b],
        [x.b, x.a],
      ] as const)
        if (isNumber(a) && joined(b)) {
          found = b;
          return;
        }
    }
    if (x.t === 'in' && isNumber(x.a)) {
      const item = x.select ? x.select.items[0]?.expr : x.list.find(joined);
      if (item && joined(item)) {
        found = unwrap(item).expr;
        return;
      }
    }
    if (x.t === 'cast' && numericType.test(x.type) && shows(x.a) && x.a.t !== 'col' && !isCount(x.a)) {
      found = x.a;
      return;
    }
    if (x.t === 'call') {
      if (carriers.test(x.name)) {
        const a = x.args.find(shows);
        if (a) {
          found = a;
          return;
        }
      }
      if (x.name === 'CONVERT' && x.args.length >= 2 && x.args[0]!.t === 'col' && numericType.test(x.args[0]!.path[0]!) && shows(x.args[1]!)) {
        found = x.args[1]!;
        return;
      }
    }
    if (
      x.t === 'select' &&
      x.select.groupBy.length > 0 &&
      x.select.items.some(i => some(i.expr, y => y.t === 'call' && (y.name === 'RAND' || y.name === 'FLOOR')))
    ) {
      const item = x.select.items.map(i => i.expr).find(i => some(i, y => y.t === 'select'));
      if (item) {
        found = item;
        return;
      }
    }
    for (const c of children(x)) visit(c);
  };
  visit(e);
  return found;
}

const isCount = (e: Expr): boolean => {
  const x = unwrap(e).expr;
  return x.t === 'select' && x.select.items.length === 1 && x.select.items[0]!.expr.t === 'call' && x.select.items[0]!.expr.name === 'COUNT';
};

function fromUnion(s: Select, dialect: SqlDialect): InBand {
  const real = s.from.some(f => f.select !== null || f.call !== null || (f.table.length > 0 && f.table.at(-1)!.toUpperCase() !== 'DUAL'));
  const shown = s.items.map(i => i.expr).filter(e => e.t === 'star' || some(e, isUnknown) || (real && aggregated(e)));
  if (shown.length === 1) return fromExpr('union', shown[0]!, real ? s : null, dialect);
  const columns = shown.map(e => (e.t === 'star' ? '*' : (columnName(unwrap(e).expr) ?? printExpr(unwrap(e).expr))));
  const constants = s.items
    .map(i => evaluate(i.expr, { dialect, vars: new Map() }))
    .filter(v => typeof v === 'string')
    .join('');
  return build('union', s, columns, [], null, '', '', null, dialect, shown.length === 0, shown.length === 0 ? constants : null, shown);
}

const aggregated = (e: Expr): boolean => some(e, x => x.t === 'call' && (aggregates.has(x.name) || x.name === 'COUNT'));

function fromExpr(technique: InBandTechnique, shown: Expr, outer: Select | null, dialect: SqlDialect): InBand {
  // CONCAT(marker, (SELECT …), marker): markers outside, the sub-select inside
  let expr = shown;
  let select = outer;
  let before = '';
  let after = '';
  let slice: readonly [number, number] | null = null;
  for (let guard = 0; guard < 12; guard++) {
    const u = unwrap(expr).expr;
    if (u.t === 'row' && u.items.length > 0) {
      expr = u.items.find(i => some(i, isUnknown)) ?? u.items[0]!;
      continue;
    }
    if (u.t === 'call' && ['SUBSTR', 'SUBSTRING', 'MID', 'LEFT', 'SUBSTRC'].includes(u.name) && some(u.args[0]!, x => x.t === 'select' || isUnknown(x))) {
      const n = u.args.slice(1).map(a => Number(evaluate(a, { dialect, vars: new Map() })));
      slice = u.name === 'LEFT' ? [1, n[0] ?? 0] : [n[0] ?? 1, n[1] ?? 1_000_000];
      expr = u.args[0]!;
      continue;
    }
    if (u.t === 'call' && (u.name === 'REPLACE' || u.name === 'JSON_QUOTE') && u.args[0]) {
      expr = u.args[0];
      continue;
    }
    if ((u.t === 'call' && u.name === 'CONCAT') || (u.t === 'op' && (u.op === '||' || u.op === '+'))) {
      const parts = flattenConcat(u);
      const open = parts.filter(p => some(p, isUnknown) || aggregated(p));
      const inner = open.length === 1 ? unwrap(open[0]!).expr : null;
      if (
        inner &&
        (inner.t === 'select' || (inner.t === 'call' && (aggregates.has(inner.name) || ['SUBSTR', 'SUBSTRING', 'MID', 'LEFT'].includes(inner.name))))
      ) {
        const at = parts.indexOf(open[0]!);
        before += text(parts.slice(0, at), dialect);
        after = text(parts.slice(at + 1), dialect) + after;
        expr = open[0]!;
        continue;
      }
    }
    if (u.t === 'select' && u.select.items.length === 1 && u.select.from.length > 0) {
      select = u.select.from.length === 1 && u.select.from[0]!.select ? { ...u.select } : u.select;
      expr = u.select.items[0]!.expr;
      continue;
    }
    expr = u;
    break;
  }
  let aggregate: string | null = null;
  let separator = '';
  if (expr.t === 'call' && aggregates.has(expr.name)) {
    aggregate = expr.name;
    const last = expr.args[1] ? evaluate(expr.args[1], { dialect, vars: new Map() }) : undefined;
    separator = ['STRING_AGG', 'LISTAGG', 'GROUP_CONCAT'].includes(expr.name)
      ? typeof last === 'string'
        ? last
        : expr.name === 'GROUP_CONCAT' || expr.name === 'LISTAGG'
          ? ','
          : ''
      : ',';
    if (expr.name === 'GROUP_CONCAT' && expr.args.length > 1 && dialect !== 'sqlite') {
      const sepIsLast = typeof last === 'string' && !some(expr.args.at(-1)!, isUnknown);
      expr =
        sepIsLast && expr.args.length > 2
          ? { t: 'call', name: 'CONCAT', args: expr.args.slice(0, -1) }
          : sepIsLast
            ? expr.args[0]!
            : { t: 'call', name: 'CONCAT', args: expr.args };
    } else expr = expr.args[0] ?? expr;
    while (expr.t === 'cast') expr = expr.a;
    if (expr.t === 'call' && expr.name === 'XMLELEMENT') expr = expr.args.at(-1)!;
  }
  const parts =
    expr.t === 'call' && (expr.name === 'CONCAT' || expr.name === 'CONCAT_WS')
      ? concatArgs(expr)
      : expr.t === 'call' && ['JSON_OBJECT', 'ROW_TO_JSON', 'JSON_BUILD_OBJECT', 'JSON_ARRAY', 'JSON_BUILD_ARRAY'].includes(expr.name)
        ? expr.args
        : flattenConcat(expr);
  const columns: string[] = [];
  const around: string[] = [before];
  const kept: Expr[] = [];
  let nullAs = '';
  for (const part of parts) {
    const u = unwrap(part);
    const v = evaluate(u.expr, { dialect, vars: new Map() });
    if (v !== undefined && !some(u.expr, isUnknown)) {
      around[around.length - 1] += v === null ? '' : String(v);
      continue;
    }
    if (u.nullAs !== null) nullAs = u.nullAs;
    columns.push(u.expr.t === 'star' ? '*' : (columnName(u.expr) ?? printExpr(u.expr)));
    kept.push(u.expr);
    around.push('');
  }
  around[around.length - 1] += after;
  const constant = columns.length === 0 ? around.join('') : null;
  return build(technique, select, columns, around, aggregate, separator, nullAs, slice, dialect, columns.length === 0, constant, kept);
}

function build(
  technique: InBandTechnique,
  select: Select | null,
  columns: readonly string[],
  around: readonly string[],
  aggregate: string | null,
  separator: string,
  nullAs: string,
  slice: readonly [number, number] | null,
  dialect: SqlDialect,
  calibration: boolean,
  constant: string | null,
  exprs: readonly Expr[],
): InBand {
  const items = exprs.map(expr => ({ expr, alias: null }));
  const body: Select = select ? { ...select, items: items.length > 0 ? items : select.items, unions: [] } : { ...emptySelect, items };
  const inner: Expr = {
    t: 'select',
    select: select ? { ...select, items: exprs[0] ? [{ expr: exprs[0], alias: null }] : select.items.slice(0, 1), unions: [] } : body,
  };
  const bound = bindUnknown(inner);
  const number = (e: Expr | null | undefined): number | null => {
    const v = e ? evaluate(e, { dialect, vars: new Map() }) : null;
    return typeof v === 'number' && Number.isInteger(v) ? v : null;
  };
  const chosen = select && bindUnknown({ t: 'select', select: { ...select, items: select.items.slice(0, 1) } });
  const rows = chosen && !chosen.otherConditions && select.groupBy.length === 0 && !select.distinct ? { where: chosen.where, order: chosen.order } : null;
  const inner0 = select?.from.length === 1 ? select.from[0]!.select : null;
  const limit =
    number(select?.limit) ?? number(select?.top) ?? (inner0 ? (number(inner0.limit) ?? number(inner0.top)) : null) ?? (bound.ordinal !== null ? 1 : null);
  return {
    technique,
    dialect,
    sqlText: printSelect(body),
    table: bound.table,
    columns,
    around,
    aggregate,
    separator,
    offset: bound.ordinal ?? (limit !== null ? (number(select?.offset) ?? 0) : number(select?.offset)),
    limit,
    rows,
    nullAs,
    slice,
    catalogue: bound.table !== null && isCatalogue(bound.table),
    calibration,
    constant,
    target: null,
  };
}

const emptySelect: Select = {
  distinct: false,
  top: null,
  items: [],
  from: [],
  on: [],
  where: null,
  groupBy: [],
  having: null,
  orderBy: [],
  limit: null,
  offset: null,
  unions: [],
  tail: '',
};

function other(sqlText: string, dialect: SqlDialect): InBand {
  return {
    technique: 'stacked',
    dialect,
    sqlText,
    table: null,
    columns: [],
    around: [],
    aggregate: null,
    separator: '',
    offset: null,
    limit: null,
    rows: null,
    nullAs: '',
    slice: null,
    catalogue: false,
    calibration: false,
    constant: null,
    target: null,
  };
}

function text(parts: readonly Expr[], dialect: SqlDialect): string {
  return parts
    .map(p => {
      const v = evaluate(p, { dialect, vars: new Map() });
      return v === undefined || v === null ? '' : String(v);
    })
    .join('');
}
