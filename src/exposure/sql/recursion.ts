import { type Sql, sql } from '../../engine/index.ts';
import type { Dataset } from '../catalogue.ts';
import { type Ast, anyNode, child, text } from './ast.ts';
import { type Compilation, type Ctes, NotBatchable, type Occurrence, type OutputColumn, type Relation, Unsupported } from './relation.ts';
import { castTo } from './types.ts';

const deepest = 500;
const counter: Dataset = { id: '', table: '', systemId: null, rows: 0, asOfUs: null, key: [], columns: [], view: '' };

/** Does a tree name this table? */
export function refersTo(tree: Ast, name: string): boolean {
  return anyNode(tree, (tag, body) => (tag === 'RangeVar' && text(body, 'schemaname') === '' && text(body, 'relname').toLowerCase() === name ? true : null));
}

/**
 * A recursive common table expression, run as one. Each row keeps the row it was made of in its last step and, where values are handed
 * down, the row of the first step they come from; values handed down from steps between are not followed (Unsupported).
 */
export function recursion(name: string, query: Ast, names: readonly string[], c: Compilation, ctes: Ctes): Relation {
  const select = child(query, 'SelectStmt') ?? query;
  const first = child(select, 'larg');
  const rest = child(select, 'rarg');
  if (text(select, 'op') !== 'SETOP_UNION' || !first || !rest || refersTo(first, name) || child(select, 'limitCount')) throw new Unsupported('recursive');
  const a = c.select(first, ctes, null);
  if (a.keyed !== 'none') throw new NotBatchable('shape');
  if (!a.certain || a.columns.some(x => x.type === 'opaque')) throw new Unsupported('recursive');
  const table = sql.id(`r${c.nextId()}`) as Sql;
  const depth: Occurrence = { id: c.nextId(), dataset: counter, ref: `w${c.nextId()}`, list: false };
  // Every column of the table itself carries a mark, so that what is handed down can be told.
  const columns = a.columns.map(
    (col, i): OutputColumn => ({
      ...col,
      name: names[i] ?? col.name,
      type: col.type === 'unknown' ? 'text' : col.type,
      unique: false,
      origins: [...col.origins, { occurrence: -1 - i, column: -1, display: 'shown' }],
    }),
  );
  const self: Relation = {
    sql: sql`select * replace (${sql.id(depth.ref)} + 1 as ${sql.id(depth.ref)}) from ${table}`,
    columns,
    occurrences: [...a.occurrences, depth],
    certain: true,
    cut: null,
    keyed: 'none',
  };
  const b = c.select(rest, new Map(ctes).set(name, { tree: query, recursive: false, self }), null);
  if (b.keyed !== 'none') throw new NotBatchable('shape');
  const carried = new Set([...a.occurrences.map(o => o.id), depth.id]);
  const own = b.occurrences.filter(o => !carried.has(o.id));
  if (!b.certain || b.columns.length !== a.columns.length || own.length === 0 || a.occurrences.some(o => !b.occurrences.some(x => x.id === o.id)))
    throw new Unsupported('recursive');
  if (b.columns.some(x => x.type === 'opaque') || handsDown(b.columns, own)) throw new Unsupported('recursive');
  // Rows of the steps between decide what comes after them.
  for (const o of [...a.occurrences, ...own]) c.influenced.add(o.dataset.id);
  const refs = (list: readonly Occurrence[]): Sql[] => list.map(o => sql.id(o.ref) as Sql);
  const pad = own.map(o => sql`${o.list ? sql`null::bigint[]` : sql`null::bigint`} as ${sql.id(o.ref)}`);
  const kept = sql`case when ${sql.id(depth.ref)} > ${deepest} then error('recursion') else ${sql.id(depth.ref)} end as ${sql.id(depth.ref)}`;
  const typed = (list: readonly OutputColumn[]): Sql[] =>
    list.map((col, i) => sql`${castTo({ ...col, sql: sql.id(`c${i}`) as Sql }, columns[i]!.type).sql} as ${sql.id(`c${i}`)}`);
  const start = sql`select ${sql.join([...typed(a.columns), ...refs(a.occurrences), ...pad, sql`0::bigint as ${sql.id(depth.ref)}`, sql`m`])} from (${a.sql}) q`;
  const step = sql`select ${sql.join([...typed(b.columns), ...refs(a.occurrences), ...refs(own), kept, sql`m`])} from (${b.sql}) q`;
  const all = select['all'] === true;
  return {
    sql: sql`with recursive ${table} as (${start} union all ${step}) select ${all ? sql`` : sql`distinct`} * exclude (${sql.id(depth.ref)}) from ${table}`,
    columns: columns.map((col, i) => ({
      ...col,
      sql: sql.id(`c${i}`) as Sql,
      origins: [...a.columns[i]!.origins, ...b.columns[i]!.origins.filter(o => o.occurrence >= 0)],
      fragile: col.fragile || b.columns[i]!.fragile,
      orderSafe: col.orderSafe && b.columns[i]!.orderSafe,
    })),
    occurrences: [...a.occurrences, ...own],
    certain: all,
    cut: null,
    keyed: 'none',
  };
}

/** Does some column hand down, from step to step, a value of a dataset row of the step before? */
function handsDown(columns: readonly OutputColumn[], own: readonly Occurrence[]): boolean {
  const fresh = new Set(columns.flatMap((col, i) => (col.origins.some(o => own.some(x => x.id === o.occurrence)) ? [i] : [])));
  return columns.some(col => col.origins.some(o => o.occurrence < 0 && fresh.has(-1 - o.occurrence)));
}
