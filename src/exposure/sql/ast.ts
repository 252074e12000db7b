import { loadModule, parseSync } from 'libpg-query';

/** A node of the PostgreSQL parse tree, as libpg-query gives it: plain JSON. */
export type Ast = { readonly [key: string]: unknown };

let ready: Promise<void> | undefined;

/** Load the parser once; every parse afterwards is synchronous. */
export function loadParser(): Promise<void> {
  ready ??= loadModule();
  return ready;
}

export type Parsed = { readonly statements: readonly Ast[] } | { readonly error: string };

/** Parse a text of one or more statements. Never throws: what PostgreSQL's grammar refuses comes back as `error`. */
export function parseStatements(text: string): Parsed {
  try {
    const tree = parseSync(text) as unknown as Ast;
    return {
      statements: nodes(tree, 'stmts')
        .map(s => child(s, 'stmt'))
        .filter(s => s !== null),
    };
  } catch (error) {
    return { error: error instanceof Error ? error.message.slice(0, 80) : 'unreadable' };
  }
}

/** The node under `key`, or null. */
export function child(node: Ast | null, key: string): Ast | null {
  const value = node?.[key];
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Ast) : null;
}

/** The list of nodes under `key`; empty when absent. */
export function nodes(node: Ast | null, key: string): readonly Ast[] {
  const value = node?.[key];
  return Array.isArray(value) ? (value as Ast[]) : [];
}

/** The text under `key`, or ''. */
export function text(node: Ast | null, key: string): string {
  const value = node?.[key];
  return typeof value === 'string' ? value : '';
}

/** The number under `key`, or null. */
export function number(node: Ast | null, key: string): number | null {
  const value = node?.[key];
  return typeof value === 'number' ? value : null;
}

/** The tag and body of a wrapped node: `{SelectStmt: {...}}` → `['SelectStmt', {...}]`. */
export function unwrap(node: Ast): readonly [string, Ast] {
  for (const key of Object.keys(node)) {
    const body = child(node, key);
    if (body) return [key, body];
    return [key, {}];
  }
  return ['', {}];
}

/** The last part of a qualified name list (`[{String: {sval}}]`). */
export function lastName(list: readonly Ast[]): string {
  return text(child(list[list.length - 1] ?? null, 'String'), 'sval');
}

/** A constant of the tree: SQL NULL is null, numbers stay text to keep their digits. */
export function constantValue(body: Ast): { readonly kind: 'null' | 'int' | 'float' | 'text' | 'bool' | 'bits'; readonly value: string | null } {
  if (body['isnull'] === true) return { kind: 'null', value: null };
  const i = child(body, 'ival');
  if (i) return { kind: 'int', value: String(number(i, 'ival') ?? 0) };
  const s = child(body, 'sval');
  if (s) return { kind: 'text', value: text(s, 'sval') };
  const f = child(body, 'fval');
  if (f) return { kind: 'float', value: text(f, 'fval') };
  const b = child(body, 'boolval');
  if (b) return { kind: 'bool', value: b['boolval'] === true ? 'true' : 'false' };
  const x = child(body, 'bsval');
  if (x) return { kind: 'bits', value: text(x, 'bsval') };
  return { kind: 'null', value: null };
}

/** One place in a statement where a value stands: a literal, or `$n`. */
export type Slot = {
  readonly kind: 'literal' | 'parameter';
  readonly value: string | null;
  readonly number: number;
  /** The tree has a whole number here. */
  readonly whole: boolean;
  /** Inside LIMIT or OFFSET. */
  readonly place: 'limit' | 'offset' | null;
};

/**
 * The shape of a statement and the values in it: shape is the tree as JSON without locations and with every literal as `?`;
 * slots are the literals and parameters in tree order. Two statements of one place in an application have one shape.
 */
export function shapeOf(tree: Ast): { readonly shape: string; readonly slots: readonly Slot[] } {
  const slots: Slot[] = [];
  const walk = (value: unknown, place: Slot['place']): unknown => {
    if (Array.isArray(value)) return value.map(v => walk(v, place));
    if (value === null || typeof value !== 'object') return value;
    const node = value as Ast;
    const constant = child(node, 'A_Const');
    if (constant) {
      const { kind, value: v } = constantValue(constant);
      slots.push({ kind: 'literal', value: v, number: 0, whole: kind === 'int', place });
      return '?';
    }
    const parameter = child(node, 'ParamRef');
    if (parameter) {
      slots.push({ kind: 'parameter', value: null, number: number(parameter, 'number') ?? 0, whole: false, place });
      return '$';
    }
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(node)) {
      if (key === 'location' || key === 'stmt_len' || key === 'list_start' || key === 'list_end' || key === 'rexpr_list_start' || key === 'rexpr_list_end')
        continue;
      out[key] = walk(node[key], key === 'limitCount' ? 'limit' : key === 'limitOffset' ? 'offset' : place);
    }
    return out;
  };
  return { shape: JSON.stringify(walk(tree, null)), slots };
}

/** A copy of the tree with the n-th slot (order of `shapeOf`) replaced by a text or NULL literal where `values` gives one. */
export function withSlots(tree: Ast, values: ReadonlyMap<number, string | null>): Ast {
  let at = 0;
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== 'object') return value;
    const node = value as Ast;
    if (child(node, 'A_Const') || child(node, 'ParamRef')) {
      const slot = at++;
      if (!values.has(slot)) return node;
      const replacement = values.get(slot) ?? null;
      if (replacement === null) return { A_Const: { isnull: true } };
      const was = child(node, 'A_Const');
      if (was && child(was, 'ival') && /^-?\d{1,9}$/.test(replacement)) return { A_Const: { ival: { ival: Number(replacement) } } };
      return { A_Const: { sval: { sval: replacement } } };
    }
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(node)) out[key] = walk(node[key]);
    return out;
  };
  return walk(tree) as Ast;
}

/** Does any node below satisfy the test? `false` from the test stops the walk at that node, null goes on below it. */
export function anyNode(node: Ast | null, test: (tag: string, body: Ast) => boolean | null): boolean {
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

/** The select list of a statement. */
export const targetsOf = (select: Ast): Ast[] => nodes(select, 'targetList').map(t => child(t, 'ResTarget')!);

/** Whether a select list holds a star, outside of sub-selects. */
export function isStarred(targets: readonly Ast[]): boolean {
  return targets.some(t => anyNode(child(t, 'val'), tag => (tag === 'A_Star' ? true : tag === 'SubLink' ? false : null)));
}

/** The conditions that must all hold: what stands between the ANDs at the top. */
export function conjunctsOf(node: Ast | null): Ast[] {
  if (!node) return [];
  const [tag, body] = unwrap(node);
  return tag === 'BoolExpr' && text(body, 'boolop') === 'AND_EXPR' ? nodes(body, 'args').flatMap(conjunctsOf) : [node];
}
