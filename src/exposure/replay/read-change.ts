import type { Catalogue, Dataset } from '../catalogue.ts';
import { type Ast, child, constantValue, lastName, nodes, text, unwrap } from '../sql/index.ts';
import type { parseAny } from './statements.ts';

/** One INSERT, UPDATE or DELETE of the log. `any`: it cannot be said what it did. */
export type Change = {
  readonly kind: 'insert' | 'update' | 'delete' | 'any';
  readonly us: number;
  readonly dataset: Dataset;
  /** Columns an UPDATE sets; null: any. */
  readonly columns: ReadonlySet<number> | null;
  /** What the records it touched hold: each column one of the values. Empty: any record. */
  readonly equals: readonly { readonly column: number; readonly values: readonly string[] }[];
  /** Columns set to a value that is told. */
  readonly sets: ReadonlyMap<number, string | null>;
  readonly foreign: boolean;
  /** An INSERT that names the whole key and has no other way out. */
  readonly sole: boolean;
  /** An INSERT that either made its records or failed. */
  readonly fresh: boolean;
  readonly text: string;
};

type Parameters = readonly (string | null)[] | null;

/** The changes one statement text makes to data sets; what cannot be read changes every data set it names, in every way. */
export function readChange(tree: ReturnType<typeof parseAny>, sqlText: string, parameters: Parameters, us: number, catalogue: Catalogue): Change[] {
  if (!tree) {
    const words = new Set(sqlText.toLowerCase().match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? []);
    return catalogue.datasets.filter(d => words.has(d.table)).map(d => anything(d, us));
  }
  const out: Change[] = [];
  for (const statement of tree.parsed.statements) {
    const [tag, body] = unwrap(statement);
    if (tag === 'SelectStmt' && !child(body, 'withClause')) continue;
    if (tag === 'CopyStmt' && body['is_from'] !== true) continue;
    const written = catalogue.byTable(text(child(body, 'relation'), 'relname'));
    const inner = child(body, 'withClause');
    // A statement within WITH may write as well.
    if (inner || !['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'CopyStmt'].includes(tag)) {
      if (tag !== 'SelectStmt' || JSON.stringify(inner).match(/"(Insert|Update|Delete|Merge)Stmt"/))
        for (const name of relationsIn(statement)) {
          const d = catalogue.byTable(name);
          if (d) out.push(anything(d, us));
        }
      continue;
    }
    if (!written) continue;
    if (tag === 'InsertStmt')
      out.push(...inserted(body, written, parameters, us, tree.foreign).map(c => ({ ...c, fresh: c.fresh && !otherwise.test(sqlText), text: sqlText })));
    else if (tag === 'UpdateStmt') out.push(updated(body, written, parameters, us, tree.foreign));
    else if (tag === 'DeleteStmt')
      out.push({ ...anything(written, us), kind: 'delete', equals: equalsOf(child(body, 'whereClause'), written, parameters), foreign: tree.foreign });
    else out.push({ ...anything(written, us), kind: 'insert' });
  }
  return out;
}

/** Ways of MySQL for an INSERT to leave a record that was there. */
const otherwise = /^\s*replace\b|\binsert\s+(?:\w+\s+)?ignore\b|\bon\s+duplicate\b/i;

/** Every table a statement names, also as the target of a write within it. */
function relationsIn(tree: unknown, out = new Set<string>()): Set<string> {
  if (Array.isArray(tree)) for (const v of tree) relationsIn(v, out);
  else if (tree !== null && typeof tree === 'object') {
    const name = text(tree as Ast, 'relname');
    if (name !== '') out.add(name.toLowerCase());
    for (const v of Object.values(tree)) relationsIn(v, out);
  }
  return out;
}

function anything(dataset: Dataset, us: number): Change {
  return { kind: 'any', us, dataset, columns: null, equals: [], sets: new Map(), foreign: true, sole: false, fresh: false, text: '' };
}

function columnNo(dataset: Dataset, name: string): number | null {
  return dataset.columns.find(c => c.name.toLowerCase() === name.toLowerCase())?.no ?? null;
}

/** A literal or a parameter; undefined when it is computed or was not logged. */
function told(node: Ast | null, parameters: Parameters): string | null | undefined {
  if (!node) return undefined;
  const [tag, body] = unwrap(node);
  if (tag === 'TypeCast') return told(child(body, 'arg'), parameters);
  if (tag === 'A_Const') return constantValue(body).value;
  if (tag !== 'ParamRef') return undefined;
  return parameters?.[Number(body['number'] ?? 0) - 1];
}

/** One change a row of VALUES; an insert of anything else may have made any record. */
function inserted(body: Ast, dataset: Dataset, parameters: Parameters, us: number, foreign: boolean): Change[] {
  const base: Change = { ...anything(dataset, us), kind: 'insert', foreign, fresh: !child(body, 'onConflictClause') };
  const lists = nodes(child(child(body, 'selectStmt'), 'SelectStmt'), 'valuesLists');
  const names = nodes(body, 'cols').map(c => text(child(c, 'ResTarget'), 'name'));
  const columns = names.length > 0 ? names.map(n => columnNo(dataset, n)) : dataset.columns.map(c => c.no);
  if (lists.length === 0) return [base];
  return lists.map(list => {
    const items = nodes(child(list, 'List'), 'items');
    const values = new Map<number, string>();
    columns.forEach((no, i) => {
      const v = told(items[i] ?? null, parameters);
      if (no !== null && typeof v === 'string' && v !== '') values.set(no, v);
    });
    const key = dataset.key.map(k => columnNo(dataset, k)).filter(n => n !== null);
    const whole = key.length > 0 && key.every(k => values.has(k));
    // With ON CONFLICT the record may have been there, with other values.
    const by = whole ? key : child(body, 'onConflictClause') ? [] : [...values.keys()];
    return { ...base, sole: whole && !child(body, 'onConflictClause') && !foreign, equals: by.map(column => ({ column, values: [values.get(column)!] })) };
  });
}

function updated(body: Ast, dataset: Dataset, parameters: Parameters, us: number, foreign: boolean): Change {
  const columns = new Set<number>();
  const sets = new Map<number, string | null>();
  let unread = false;
  for (const t of nodes(body, 'targetList')) {
    const target = child(t, 'ResTarget');
    const no = columnNo(dataset, text(target, 'name'));
    if (no === null) continue;
    if (nodes(target, 'indirection').length > 0) unread = true;
    columns.add(no);
    const value = told(child(target, 'val'), parameters);
    if (value !== undefined) sets.set(no, value);
  }
  const from = nodes(body, 'fromClause').length > 0;
  return {
    ...anything(dataset, us),
    kind: 'update',
    columns: unread ? null : columns,
    sets,
    equals: from ? [] : equalsOf(child(body, 'whereClause'), dataset, parameters),
    foreign,
  };
}

/** `column = value` and `column in (values)` of a condition, as far as they are joined by AND. */
function equalsOf(where: Ast | null, dataset: Dataset, parameters: Parameters): { column: number; values: string[] }[] {
  if (!where) return [];
  const [tag, body] = unwrap(where);
  if (tag === 'BoolExpr' && text(body, 'boolop') === 'AND_EXPR') {
    const seen = new Set<number>();
    return nodes(body, 'args')
      .flatMap(a => equalsOf(a, dataset, parameters))
      .filter(e => !seen.has(e.column) && seen.add(e.column));
  }
  if (tag !== 'A_Expr' || lastName(nodes(body, 'name')) !== '=') return [];
  const kind = text(body, 'kind');
  const left = child(child(body, 'lexpr'), 'ColumnRef');
  const no = left ? columnNo(dataset, lastName(nodes(left, 'fields'))) : null;
  const right = child(body, 'rexpr');
  if (no === null || !right || (kind !== 'AEXPR_OP' && kind !== 'AEXPR_IN')) return [];
  const list = kind === 'AEXPR_OP' ? [right] : nodes(child(right, 'List'), 'items');
  const values = list.map(n => told(n, parameters));
  return list.length > 0 && values.every(v => v !== undefined) ? [{ column: no, values: values.filter(v => v !== null) }] : [];
}
