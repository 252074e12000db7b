import { sql } from '../../engine/index.ts';
import { hasWindow } from './aggregates.ts';
import { type Ast, child, lastName, nodes, text, unwrap } from './ast.ts';
import { need, numberIn } from './batch.ts';
import { compileAlone, context } from './context.ts';
import { compileExpression, originsIn } from './expression.ts';
import { type Block, type Expression, nothing, type Origin, type OutputColumn, type ScopeItem, Unsupported, weaken } from './relation.ts';
import { everyRow, windowFunction } from './windows.ts';

/** The columns of a select list. What cannot be computed becomes an opaque column that still shows what it is made of. */
export function outputs(targets: readonly Ast[], b: Block, grouped: boolean, named: ReadonlyMap<string, Ast>): OutputColumn[] {
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
    const x = {
      ...context(b, grouped),
      lateral: (select: Ast) => joinShown(select, b, grouped),
      window: grouped ? null : (f: string, call: Ast, args: readonly Expression[]) => windowFunction(f, call, args, b, named),
    };
    try {
      out.push({ ...compileExpression(value, x), name });
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      if (grouped && hasWindow(value)) throw error;
      b.c.widened.add(error.construct);
      const origins = [...originsIn(value, x), ...subselectsIn(value).flatMap(s => weaken(joinShown(s, b, grouped).origins, 'partial'))];
      out.push({ ...nothing, sql: sql`null`, type: 'opaque', origins: hasWindow(value) ? anyRow(origins, b) : origins, orderSafe: false, name });
    }
  }
  return alone ? out : out.map(col => ({ ...col, unique: false }));
}

/** A window function that cannot be replayed may show values of any row beside this one. */
function anyRow(origins: readonly Origin[], b: Block): Origin[] {
  return weaken(everyRow(origins, b), 'partial');
}

/** The sub-selects of an expression, outermost only. */
function subselectsIn(node: Ast): Ast[] {
  const out: Ast[] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(walk);
    if (value === null || typeof value !== 'object') return;
    const link = child(value as Ast, 'SubLink');
    const select = child(link, 'subselect');
    if (link && select && text(link, 'subLinkType') !== 'EXISTS_SUBLINK') out.push(select);
    else for (const v of Object.values(value)) walk(v);
  };
  walk(node);
  return out;
}

/** A scalar sub-select in the select list shows the row it found: joined instead of evaluated, so that its witnesses are kept. */
function joinShown(select: Ast, b: Block, grouped: boolean): Expression {
  const alone = compileAlone(select, b);
  const r = alone ?? b.c.select(select, b.ctes, b.scope);
  for (const o of r.occurrences) b.c.influenced.add(o.dataset.id);
  const first = r.columns[0];
  if (!first) throw new Unsupported('sub-select');
  const t = `t${b.c.nextId()}`;
  const item: ScopeItem = {
    alias: '',
    columns: [],
    occurrences: r.occurrences.map(o => ({ occurrence: o, sql: sql`${sql.id(t)}.${sql.id(o.ref)}` })),
    certain: r.certain ? null : sql`coalesce(${sql.id(t)}.m, false)`,
    keyed: r.keyed,
    n: r.keyed === 'none' ? null : sql`${sql.id(t)}.n`,
  };
  need(b.scope, r.keyed);
  const on = item.n ? sql`${item.n} = ${numberIn(r.keyed)}` : sql`true`;
  b.laterals.push({ item, sql: alone ? sql`left join (${r.sql}) as ${sql.id(t)} on ${on}` : sql`left join lateral (${r.sql}) as ${sql.id(t)} on true` });
  const value = sql`${sql.id(t)}.c0`;
  return { ...first, sql: grouped ? sql`any_value(${value})` : value, unique: false };
}

function defaultName(tag: string, body: Ast): string {
  if (tag === 'ColumnRef') return lastName(nodes(body, 'fields')).toLowerCase();
  if (tag === 'TypeCast') {
    const [t, inner] = unwrap(child(body, 'arg')!);
    return defaultName(t, inner);
  }
  if (tag === 'FuncCall') return lastName(nodes(body, 'funcname')).toLowerCase();
  return '?column?';
}
