/** What we read of SQL: enough to know what an injected expression asks. Parts nobody needs are `opaque`. */
export type Expr =
  /** `n`: the number a hex literal also is. `open`: the text ended inside this string. `at`: where it stands in the text. */
  | { readonly t: 'const'; readonly v: string | number | boolean | null; readonly open?: boolean; readonly n?: number; readonly at?: readonly [number, number] }
  | { readonly t: 'col'; readonly path: readonly string[] }
  | { readonly t: 'star' }
  | { readonly t: 'call'; readonly name: string; readonly args: readonly Expr[] }
  | { readonly t: 'op'; readonly op: string; readonly a: Expr; readonly b: Expr }
  | { readonly t: 'not'; readonly a: Expr }
  | { readonly t: 'sign'; readonly op: '-' | '+' | '~'; readonly a: Expr }
  | { readonly t: 'in'; readonly a: Expr; readonly list: readonly Expr[]; readonly select: Select | null; readonly negated: boolean }
  | { readonly t: 'between'; readonly a: Expr; readonly lo: Expr; readonly hi: Expr; readonly negated: boolean }
  | { readonly t: 'match'; readonly how: 'like' | 'ilike' | 'regexp' | 'iregexp' | 'glob'; readonly a: Expr; readonly b: Expr; readonly negated: boolean }
  | { readonly t: 'is'; readonly a: Expr; readonly what: 'null' | 'true' | 'false'; readonly negated: boolean }
  | {
      readonly t: 'case';
      readonly subject: Expr | null;
      readonly whens: readonly { readonly when: Expr; readonly then: Expr }[];
      readonly otherwise: Expr | null;
    }
  | { readonly t: 'cast'; readonly a: Expr; readonly type: string }
  | { readonly t: 'select'; readonly select: Select }
  | { readonly t: 'exists'; readonly select: Select }
  | { readonly t: 'row'; readonly items: readonly Expr[] }
  | { readonly t: 'opaque'; readonly text: string };

export type SelectItem = { readonly expr: Expr; readonly alias: string | null };
export type FromItem = { readonly table: readonly string[]; readonly select: Select | null; readonly call: Expr | null; readonly alias: string | null };
export type OrderItem = { readonly expr: Expr; readonly descending: boolean };

export type Select = {
  readonly distinct: boolean;
  readonly top: Expr | null;
  readonly items: readonly SelectItem[];
  readonly from: readonly FromItem[];
  /** Join conditions, in order. */
  readonly on: readonly Expr[];
  readonly where: Expr | null;
  readonly groupBy: readonly Expr[];
  readonly having: Expr | null;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Expr | null;
  readonly offset: Expr | null;
  readonly unions: readonly Select[];
  /** INTO OUTFILE, FOR XML PATH …, as upper-case words. */
  readonly tail: string;
};

/** A torn payload or a whole statement. `exprs` are conditions and expressions at the top, in order. */
export type Fragment = {
  readonly exprs: readonly Expr[];
  readonly unions: readonly Select[];
  readonly selects: readonly Select[];
  /** Statements after `;`: their first word and what could be read of them. */
  readonly stacked: readonly { readonly word: string; readonly exprs: readonly Expr[]; readonly select: Select | null; readonly text: string }[];
};

/** Every direct child expression of a node, select bodies included. */
export function children(e: Expr): readonly Expr[] {
  switch (e.t) {
    case 'call':
      return e.args;
    case 'op':
      return [e.a, e.b];
    case 'not':
    case 'sign':
    case 'cast':
    case 'is':
      return [e.a];
    case 'in':
      return e.select ? [e.a, ...selectExprs(e.select)] : [e.a, ...e.list];
    case 'between':
      return [e.a, e.lo, e.hi];
    case 'match':
      return [e.a, e.b];
    case 'case':
      return [...(e.subject ? [e.subject] : []), ...e.whens.flatMap(w => [w.when, w.then]), ...(e.otherwise ? [e.otherwise] : [])];
    case 'select':
    case 'exists':
      return selectExprs(e.select);
    case 'row':
      return e.items;
    default:
      return [];
  }
}

/** Every expression directly inside a select, subqueries in FROM and unions included. */
export function selectExprs(s: Select): readonly Expr[] {
  return [
    ...s.items.map(i => i.expr),
    ...s.from.flatMap(f => (f.select ? [{ t: 'select', select: f.select } as Expr] : f.call ? [f.call] : [])),
    ...s.on,
    ...(s.where ? [s.where] : []),
    ...s.groupBy,
    ...(s.having ? [s.having] : []),
    ...s.orderBy.map(o => o.expr),
    ...(s.limit ? [s.limit] : []),
    ...(s.offset ? [s.offset] : []),
    ...(s.top ? [s.top] : []),
    ...s.unions.map(u => ({ t: 'select', select: u }) as Expr),
  ];
}

/** True when `test` holds for the node or anything below it. */
export function some(e: Expr, test: (e: Expr) => boolean): boolean {
  return test(e) || children(e).some(c => some(c, test));
}

/** The same tree with nodes replaced where `change` returns something else than undefined (top down; select bodies untouched). */
export function replace(e: Expr, change: (e: Expr) => Expr | undefined): Expr {
  const changed = change(e);
  if (changed !== undefined) return changed;
  const r = (x: Expr): Expr => replace(x, change);
  switch (e.t) {
    case 'call':
      return { ...e, args: e.args.map(r) };
    case 'op':
      return { ...e, a: r(e.a), b: r(e.b) };
    case 'not':
    case 'sign':
    case 'cast':
    case 'is':
      return { ...e, a: r(e.a) };
    case 'in':
      return { ...e, a: r(e.a), list: e.list.map(r) };
    case 'between':
      return { ...e, a: r(e.a), lo: r(e.lo), hi: r(e.hi) };
    case 'match':
      return { ...e, a: r(e.a), b: r(e.b) };
    case 'case':
      return {
        ...e,
        subject: e.subject && r(e.subject),
        whens: e.whens.map(w => ({ when: r(w.when), then: r(w.then) })),
        otherwise: e.otherwise && r(e.otherwise),
      };
    case 'row':
      return { ...e, items: e.items.map(r) };
    default:
      return e;
  }
}
