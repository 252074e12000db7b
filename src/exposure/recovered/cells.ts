import { type Engine, sql } from '../../engine/index.ts';
import { bareName, type Catalogue, type Column, type Dataset } from '../catalogue.ts';
import type { Claims } from '../claims/claims.ts';
import { patternOf } from './values.ts';

type Row = {
  recovered_id: string;
  step_id: string;
  table_name: string | null;
  column_name: string;
  row_ordinal: number | null;
  row_query: string | null;
  key: string | null;
  value: string | null;
  status: string;
  event_ids: number[] | null;
  outcome: string | null;
  facts: string | null;
};

/** A rebuilt cell of a data set at hand. Cells of one `group` are one row of the intruder's query; `pattern` is set where only a part is known. */
export type Cell = Readonly<Row> & { readonly column: Column; readonly group: number; readonly pattern: string | null };

/** Cells that blind injection rebuilt, by data set. Those it never obtained are noted as attempts. */
export async function readCells(engine: Engine, catalogue: Catalogue, claims: Claims): Promise<Map<Dataset, Cell[]>> {
  const steps = await engine.hasTable('step');
  const rows = await engine.rows<Row>(
    'exposure.recovered_cells',
    sql`select r.recovered_id, r.step_id, r.table_name, r.column_name, r.row_ordinal, r.row_query, r.key, r.value, r.status, r.event_ids, r.facts,
    ${steps ? sql`s.outcome` : sql`null::varchar`} as outcome from recovered_cell r ${steps ? sql`left join step s using (step_id)` : sql``} order by r.recovered_id`,
  );
  const groups = new Map<string, number>();
  const cells = new Map<Dataset, Cell[]>();
  for (const row of rows) {
    const dataset = row.table_name === null ? null : catalogue.byTable(bareName(row.table_name));
    if (!dataset) continue;
    const named = dataset.columns.find(c => c.name.toLowerCase() === bareName(row.column_name));
    for (const column of named ? [named] : columnsInside(dataset, row.column_name)) {
      if (row.status === 'attempted' && (row.outcome === 'attempted' || row.outcome === 'blocked')) {
        claims.attempt(dataset, column.no, row.event_ids?.length ?? 1);
        continue;
      }
      const name = `${dataset.id}\u0001${groupName(row)}`;
      const group = groups.get(name) ?? groups.size;
      groups.set(name, group);
      const cell: Cell = named ? { ...row, column, group, pattern: patternOf(row.status, row.facts) } : { ...row, ...untold, column, group };
      const known = cells.get(dataset);
      if (known) known.push(cell);
      else cells.set(dataset, [cell]);
    }
  }
  return cells;
}

const untold = { status: 'attempted', value: null, pattern: null } as const;

/** Columns that an expression is made of: what was read is no value of theirs, but tells of it. How many there are tells of none. */
function columnsInside(dataset: Dataset, expression: string): Column[] {
  const words = new Set(/^\s*count\s*\(/i.test(expression) ? [] : (expression.toLowerCase().match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? []));
  return dataset.columns.filter(c => words.has(c.name.toLowerCase()));
}

/** Which row of the intruder's query a cell is of; a cell of which nothing tells is a row of its own. */
function groupName(r: Row): string {
  const own = r.row_ordinal === null && r.key === null ? r.recovered_id : '';
  return [r.step_id, r.row_query ?? '', r.row_ordinal ?? '', `${r.key ?? ''}${own}`].join('\u0001');
}

/** Whether a cell says enough to look for its row. */
export const usable = (c: Cell): boolean => c.status === 'exact' || c.pattern !== null;

/** Was the value printed in an answer (UNION, error message), not guessed from many? */
export const isShown = (c: Cell): boolean => /"technique":"(union|error)"/.test(c.facts ?? '');
