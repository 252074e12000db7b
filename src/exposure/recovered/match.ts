import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Column, Dataset } from '../catalogue.ts';
import { type Cell, usable } from './cells.ts';
import { fits, heldBy, waysToFit } from './values.ts';

/** A value that more rows hold tells too little to begin with. */
const mostCandidates = 20_000;

/** Which rows of the snapshot agree with rebuilt cells, by their place in the list or by group. */
export type Match = {
  /** Rows that hold what cell `i` holds. */
  readonly rowsOf: (i: number) => number;
  /** The only row that does, when it also agrees with the rest of its group. */
  readonly onlyRowOf: (i: number) => number | null;
  /** Rows that agree with every usable cell of a group, and the first of them. */
  readonly jointOf: (group: number) => { readonly rows: number; readonly first: number | null };
  /** The row whose key the intruder asked for by name. */
  readonly keyedOf: (group: number) => number | undefined;
  /** Rows of a partly known cell; null where there are none, or too many to say anything. */
  readonly partly: (i: number) => Sql | null;
};

/** The exported texts of a data set beside its typed view. */
export const rowsWithTypes = (dataset: Dataset): Sql => sql`${sql.id(`data_${dataset.id}`)} d join ${sql.id(dataset.view)} t using (row_no)`;

/** Hold rebuilt cells against the records of their data set. Leaves the tables `rc` (the cells) and `rc_joint` (`g, row_no`) for the claims. */
export async function matchCells(engine: Engine, dataset: Dataset, cells: readonly Cell[]): Promise<Match> {
  const columns = columnsOf(cells);
  await engine.load(
    'rc',
    [
      { name: 'i', type: 'INTEGER' },
      { name: 'g', type: 'INTEGER' },
      { name: 'column_no', type: 'INTEGER' },
      { name: 'value', type: 'VARCHAR' },
      { name: 'exact', type: 'BOOLEAN' },
      { name: 'key', type: 'VARCHAR' },
      { name: 'pattern', type: 'VARCHAR' },
    ],
    cells.map((c, i) => [i, c.group, c.column.no, c.value, usable(c), c.key, c.pattern]),
  );
  await countRows(engine, dataset, columns);
  await joinGroups(engine, dataset, columns);
  return readMatch(engine, dataset, cells);
}

/** Columns of these cells, in the order of the table. */
export function columnsOf(cells: readonly Cell[]): Column[] {
  return [...new Map(cells.map(c => [c.column.no, c.column])).values()].sort((a, b) => a.no - b.no);
}

/** `rc_count` (`i, n`): by value, not by row, since a column of few values would give each of a hundred thousand cells half the table. */
async function countRows(engine: Engine, dataset: Dataset, columns: readonly Column[]): Promise<void> {
  const table = (c: Column): Sql => sql.id(`rc_held_${c.no}`);
  for (const c of columns) {
    const held = heldBy(c);
    await engine.run(
      'exposure.rc_held',
      sql`create or replace temp table ${table(c)} as select ${held.text} as v, ${held.typed} as k, count(*) as n from ${rowsWithTypes(dataset)} group by all`,
    );
  }
  const counts = columns.flatMap(c =>
    waysToFit(c, { text: sql`h.v`, typed: sql`h.k` }).map(
      fit => sql`select rc.i, h.n from rc join ${table(c)} h on ${fit} where rc.exact and rc.column_no = ${c.no}`,
    ),
  );
  await engine.run(
    'exposure.rc_counts',
    sql`create or replace temp table rc_count as select i, sum(n)::bigint as n from (${sql.join(counts, sql` union all `)}) group by i`,
  );
  for (const c of columns) await engine.run('exposure.rc_drop', sql`drop table ${table(c)}`);
}

/** The most telling value of a group picks its candidates, the others must agree: `rc_agree` (`g, i, row_no`) and `rc_joint` (`g, row_no`). */
async function joinGroups(engine: Engine, dataset: Dataset, columns: readonly Column[]): Promise<void> {
  const data = rowsWithTypes(dataset);
  await engine.run(
    'exposure.rc_anchor',
    sql`create or replace temp table rc_anchor as select g, arg_min(i, n::bigint * 1000000 + i) as i, min(n) as n from rc join rc_count using (i) where n > 0 group by g`,
  );
  const picks = columns.flatMap(c =>
    waysToFit(c, heldBy(c)).map(
      fit => sql`select rc.g, d.row_no from rc_anchor a join rc using (i) join ${data} on ${fit} where a.n <= ${mostCandidates} and rc.column_no = ${c.no}`,
    ),
  );
  await engine.run('exposure.rc_candidates', sql`create or replace temp table rc_cand as ${sql.join(picks, sql` union all `)}`);
  const agree = columns.map(
    c =>
      sql`select rc.g, rc.i, x.row_no from rc join rc_cand x on x.g = rc.g join ${data} on d.row_no = x.row_no and ${fits(c, heldBy(c))} where rc.exact and rc.column_no = ${c.no}`,
  );
  await engine.run('exposure.rc_agree', sql`create or replace temp table rc_agree as ${sql.join(agree, sql` union all `)}`);
  await engine.run(
    'exposure.rc_joint',
    sql`create or replace temp table rc_joint as
    select a.g, a.row_no from rc_agree a join (select rc.g, count(*) as n from rc where exact group by rc.g) t on t.g = a.g group by a.g, a.row_no, t.n having count(*) = t.n`,
  );
}

async function readMatch(engine: Engine, dataset: Dataset, cells: readonly Cell[]): Promise<Match> {
  const counts = new Map((await engine.rows<{ i: number; n: number }>('exposure.rc_count_of', sql`select i, n from rc_count`)).map(r => [r.i, r.n]));
  const singles = new Map(
    (
      await engine.rows<{ i: number; row_no: number | null }>(
        'exposure.rc_single',
        sql`select c.i, min(x.row_no) as row_no from rc_count c join rc using (i) left join rc_agree x on x.i = c.i where c.n = 1 group by c.i order by c.i`,
      )
    ).map(s => [s.i, s.row_no]),
  );
  const joint = new Map(
    (
      await engine.rows<{ g: number; rows: number; first: number | null }>(
        'exposure.rc_summary',
        sql`select g, count(*) as "rows", min(row_no) as "first" from rc_joint group by g order by g`,
      )
    ).map(s => [s.g, s]),
  );
  const keyed = new Map(
    (
      await engine.rows<{ g: number; row_no: number }>(
        'exposure.rc_keys',
        sql`select distinct rc.g, d.row_no from rc join ${sql.id(`data_${dataset.id}`)} d on d.key = rc.key where rc.key is not null order by rc.g`,
      )
    ).map(s => [s.g, s.row_no]),
  );
  const rowsOf = (i: number): number => counts.get(i) ?? 0;
  return {
    rowsOf,
    onlyRowOf: i => singles.get(i) ?? null,
    jointOf: g => joint.get(g) ?? { rows: 0, first: null },
    keyedOf: g => keyed.get(g),
    partly: i => {
      const c = cells[i]!;
      if (c.pattern === null || rowsOf(i) === 0 || rowsOf(i) > mostCandidates) return null;
      return sql`select d.row_no from rc join ${rowsWithTypes(dataset)} on ${fits(c.column, heldBy(c.column))} where rc.i = ${i}`;
    },
  };
}

/**
 * Whether columns that were asked for separately come from one row each time: where nearly every row of the intruder's query fits a record as a
 * whole, they do.
 */
export function oneRowEach(cells: readonly Cell[], match: Match): boolean {
  const known = new Map<number, number>();
  for (const c of cells) known.set(c.group, (known.get(c.group) ?? 0) + (usable(c) ? 1 : 0));
  const wide = [...known].filter(([, n]) => n >= 2).map(([g]) => g);
  return wide.filter(g => match.jointOf(g).rows > 0).length >= wide.length - Math.floor(wide.length * 0.02);
}
