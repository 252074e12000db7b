import { type Engine, sql } from '../../engine/index.ts';
import type { Column, Dataset } from '../catalogue.ts';
import { type Ast, child, lastName, nodes, parseStatements, text, unwrap } from '../sql/index.ts';

/** For every row the places `lo` to `hi` it can stand at in the intruder's own row query (from 1), as a table of this name; null when the order cannot be computed. */
export async function rankRows(engine: Engine, dataset: Dataset, query: string, table: string): Promise<string | null> {
  const keys = orderOf(dataset, query);
  if (keys === null) return null;
  const terms = sql.join(keys.map(k => (k.descending ? sql`${sql.id(`c${k.column.no}`)} desc nulls first` : sql`${sql.id(`c${k.column.no}`)} asc nulls last`)));
  await engine.run(
    'exposure.rc_ranks',
    sql`create or replace temp table ${sql.id(table)} as select row_no, rank() over (order by ${terms}) as lo, count(*) over (order by ${terms} range between unbounded preceding and current row) as hi from ${sql.id(dataset.view)}`,
  );
  return table;
}

type Key = { readonly column: Column; readonly descending: boolean };

/** What a query over the whole data set is ordered by; null where it has no order, or one that another engine may read otherwise. */
function orderOf(dataset: Dataset, query: string): Key[] | null {
  const parsed = parseStatements(query);
  if ('error' in parsed) return null;
  const select = child(parsed.statements[0] ?? null, 'SelectStmt');
  if (!select || child(select, 'whereClause') || nodes(select, 'fromClause').length !== 1 || nodes(select, 'groupClause').length > 0) return null;
  const keys: Key[] = [];
  for (const s of nodes(select, 'sortClause')) {
    const body = child(s, 'SortBy')!;
    const [tag, ref] = unwrap(child(body, 'node') as Ast);
    const column = tag === 'ColumnRef' ? dataset.columns.find(c => c.name.toLowerCase() === lastName(nodes(ref, 'fields')).toLowerCase()) : undefined;
    if (!column?.orderSafe) return null;
    keys.push({ column, descending: text(body, 'sortby_dir') === 'SORTBY_DESC' });
  }
  return keys.length === 0 ? null : keys;
}
