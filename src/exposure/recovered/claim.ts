import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Catalogue, Column, Dataset } from '../catalogue.ts';
import type { Claims } from '../claims/claims.ts';
import { birth, existence } from '../replay/changes.ts';
import { tier } from '../tables.ts';
import { type Cell, isShown, readCells } from './cells.ts';
import { columnsOf, type Match, matchCells, oneRowEach, rowsWithTypes } from './match.ts';
import { rankRows } from './ranks.ts';
import { equals, heldBy } from './values.ts';

/** Rows that may have held another value in one of these columns when it was read, as a condition on `row_no`. */
export type OpenRows = (dataset: Dataset, columns: readonly number[]) => Sql;

/** The rebuilt cells of one data set, and what is known of the rows they are of. */
type Binding = {
  readonly engine: Engine;
  readonly claims: Claims;
  readonly dataset: Dataset;
  readonly cells: readonly Cell[];
  readonly match: Match;
  /** Whether each row of the intruder's query is one record. */
  readonly steady: boolean;
  /** The claim a cell belongs to: one for each step, column and certainty. */
  readonly claimOf: (cell: Cell, must: number) => string;
};
type BoundCell = { readonly cell: Cell; readonly row: number };

/**
 * Bind cells rebuilt from blind injection to rows of the snapshot (`recovered_binding`). The values decide which row it is; the place in the
 * intruder's own query only helps. One row: possessed (T5); several, or a row that was changed since: possible (T2).
 */
export async function claimRecovered(engine: Engine, catalogue: Catalogue, claims: Claims, open: OpenRows): Promise<void> {
  await engine.load('recovered_binding', bindingColumns, []);
  if (!(await engine.hasTable('recovered_cell'))) return;
  for (const [dataset, cells] of await readCells(engine, catalogue, claims)) {
    const match = await matchCells(engine, dataset, cells);
    const steady = oneRowEach(cells, match);
    const b: Binding = { engine, claims, dataset, cells, match, steady, claimOf: claimsOf(claims, dataset, cells, steady) };
    await writeBound(b, await claimCells(b));
    for (const column of columnsOf(cells)) await doubtOpen(b, column, open);
  }
}

const bindingColumns = [
  { name: 'recovered_id', type: 'VARCHAR' },
  { name: 'dataset_id', type: 'VARCHAR' },
  { name: 'row_no', type: 'BIGINT' },
  { name: 'key', type: 'VARCHAR' },
] as const;

function claimsOf(claims: Claims, dataset: Dataset, cells: readonly Cell[], steady: boolean): Binding['claimOf'] {
  const ofStep = (c: Cell): string => `${c.column.no} ${c.step_id}`;
  const cellsOf = new Map<string, number>();
  for (const c of cells) cellsOf.set(ofStep(c), (cellsOf.get(ofStep(c)) ?? 0) + 1);
  return (c, must) =>
    claims.add(
      {
        kind: 'recovered',
        datasetId: dataset.id,
        mustTier: must,
        mayTier: must === tier.possessed ? tier.possessed : tier.possible,
        rule: must < tier.possessed ? 'recovered-partial' : isShown(c) ? 'recovered-shown' : 'recovered-exact',
        statement: c.row_query ?? '',
        premises: { step: c.step_id, column: c.column.name, cells: cellsOf.get(ofStep(c))!, row_identity: steady ? 'one-row-each' : 'by-value' },
        assumptions: ['snapshot-unchanged'],
      },
      { step: c.step_id, column: c.column.no, exact: must },
    );
}

/** Claim every cell: those whose row is certain are returned, the others are claimed for every row that the evidence leaves. */
async function claimCells(b: Binding): Promise<BoundCell[]> {
  const bound: BoundCell[] = [];
  const ranks = new Map<string, string | null>();
  for (const [i, cell] of b.cells.entries()) {
    const row = certainRow(b, cell, i);
    if (row !== null) bound.push({ cell, row });
    else await claimPossibleRows(b, cell, i, ranks);
  }
  return bound;
}

/** The one row an exact cell is of. */
function certainRow(b: Binding, cell: Cell, i: number): number | null {
  if (cell.status !== 'exact') return null;
  const joint = b.match.jointOf(cell.group);
  const only = b.match.onlyRowOf(i);
  const keyed = b.match.keyedOf(cell.group);
  if (keyed !== undefined && (joint.rows !== 1 || keyed === joint.first)) return joint.rows > 0 || only === keyed ? keyed : null;
  return b.steady && joint.rows === 1 ? joint.first : only;
}

async function claimPossibleRows(b: Binding, cell: Cell, i: number, ranks: Map<string, string | null>): Promise<void> {
  const { claims, dataset, match } = b;
  const claim = b.claimOf(cell, 0);
  const colset = claims.colset(dataset, [cell.column.no]);
  const possible = (rows: Sql): Promise<void> => claims.rows(claim, colset, sql`select row_no, 0 as lower, ${tier.possible} as upper from (${rows})`);
  const keyed = match.keyedOf(cell.group);
  if (keyed !== undefined) return possible(sql`select ${keyed}::bigint as row_no`);
  if (b.steady && match.jointOf(cell.group).rows > 0) return possible(sql`select row_no from rc_joint where g = ${cell.group}`);
  const partly = match.partly(i);
  if (partly) return possible(partly);
  if (cell.status === 'exact' && match.rowsOf(i) > 0) {
    claims.count(claim, dataset, colset, 1, 1, `recovered:${cell.recovered_id}`);
    const value = sql`cast(${cell.value} as varchar)`;
    return possible(sql`select d.row_no from ${rowsWithTypes(dataset)} where ${equals(cell.column, heldBy(cell.column), value)}`);
  }
  const ranked = await ranksOf(b, cell, ranks);
  if (ranked === null) return possible(sql`select row_no from ${sql.id(dataset.view)}`);
  const place = cell.row_ordinal! + 1;
  return possible(sql`select row_no from ${sql.id(ranked)} where lo <= ${place} and hi >= ${place}`);
}

/** The table of places in the query a cell is of; null where it has none. */
async function ranksOf(b: Binding, cell: Cell, ranks: Map<string, string | null>): Promise<string | null> {
  if (cell.row_ordinal === null || cell.row_query === null) return null;
  if (!ranks.has(cell.row_query)) ranks.set(cell.row_query, await rankRows(b.engine, b.dataset, cell.row_query, `rc_rank_${ranks.size}`));
  return ranks.get(cell.row_query)!;
}

async function writeBound(b: Binding, bound: readonly BoundCell[]): Promise<void> {
  const { engine, claims, dataset } = b;
  await engine.load(
    'rc_bound',
    [
      { name: 'recovered_id', type: 'VARCHAR' },
      { name: 'claim_id', type: 'VARCHAR' },
      { name: 'row_no', type: 'BIGINT' },
      { name: 'colset_id', type: 'INTEGER' },
    ],
    bound.map(({ cell, row }) => {
      const claim = b.claimOf(cell, tier.possessed);
      for (const e of (cell.event_ids ?? []).slice(0, 3)) claims.rowSource(claim, row, e);
      return [cell.recovered_id, claim, row, claims.colset(dataset, [cell.column.no])];
    }),
  );
  await engine.run(
    'exposure.rc_rows',
    sql`insert into claim_row_work select distinct claim_id, row_no, colset_id, ${tier.possessed}::tinyint, ${tier.possessed}::tinyint from rc_bound`,
  );
  await engine.run(
    'exposure.rc_bind',
    sql`insert into recovered_binding select b.recovered_id, ${dataset.id}, b.row_no, d.key from rc_bound b join ${sql.id(`data_${dataset.id}`)} d using (row_no)`,
  );
}

/** A record that may not have been there yet, or held another value, is not certain; one whose value was changed since may have held what was read. */
async function doubtOpen(b: Binding, column: Column, open: OpenRows): Promise<void> {
  const { engine, claims, dataset } = b;
  const colset = claims.colset(dataset, [column.no]);
  await engine.run(
    'exposure.rc_doubt',
    sql`update claim_row_work set tier_lower = 0, tier_upper = ${tier.possible}::tinyint
        where colset_id = ${colset} and claim_id in (select claim_id from rc_bound) and ${open(dataset, [column.no, existence, birth])}`,
  );
  const changed = sql`select row_no from ${sql.id(dataset.view)} where ${open(dataset, [column.no])}`;
  const { n } = await engine.row<{ n: number }>('exposure.rc_changed', sql`select count(*)::integer as n from (${changed})`);
  if (n === 0) return;
  const anyCell = b.cells.find(c => c.column.no === column.no)!;
  await claims.rows(b.claimOf(anyCell, 0), colset, sql`select row_no, 0 as lower, ${tier.possible} as upper from (${changed})`);
}
