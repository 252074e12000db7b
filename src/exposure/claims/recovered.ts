import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { bareName, type Catalogue, type Column, type Dataset } from '../catalogue.ts';
import { birth, existence } from '../replay/changes.ts';
import { type Ast, child, lastName, nodes, parseStatements, text, unwrap } from '../sql/index.ts';
import { tier } from '../tables.ts';
import type { Claims } from './claims.ts';
import { exists } from './write-cells.ts';

type Cell = {
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
type Bound = Cell & { readonly dataset: Dataset; readonly column: Column; readonly group: number };

/** Which (dataset, column) pairs blind injection is known to have been rebuilt for: their questions need no bound of their own. */
export type RecoveredColumns = ReadonlySet<string>;
/** Rows that may have held another value in one of these columns when it was read, as a condition on `row_no`. */
export type OpenRows = (dataset: Dataset, columns: readonly number[]) => Sql;

/**
 * Bind cells rebuilt from blind injection to rows of the snapshot. The rebuilt values decide which row it is; the ordinal of the
 * intruder's own query only helps; a row whose value was changed since may have held it, and one that holds it now may not have. A value that fits one row only is possessed (T5); several rows are possible; a partial value is T2.
 */
export async function claimRecovered(engine: Engine, catalogue: Catalogue, claims: Claims, open: OpenRows): Promise<RecoveredColumns> {
  const covered = new Set<string>();
  await engine.load(
    'recovered_binding',
    [
      { name: 'recovered_id', type: 'VARCHAR' },
      { name: 'dataset_id', type: 'VARCHAR' },
      { name: 'row_no', type: 'BIGINT' },
      { name: 'key', type: 'VARCHAR' },
    ],
    [],
  );
  if (!(await exists(engine, 'recovered_cell'))) return covered;
  const steps = await exists(engine, 'step');
  const cells = await engine.rows<Cell>(
    'exposure.recovered_cells',
    sql`select r.recovered_id, r.step_id, r.table_name, r.column_name, r.row_ordinal, r.row_query, r.key, r.value, r.status, r.event_ids, r.facts,
    ${steps ? sql`s.outcome` : sql`null::varchar`} as outcome from recovered_cell r ${steps ? sql`left join step s using (step_id)` : sql``} order by r.recovered_id`,
  );
  const groups = new Map<string, number>();
  const byDataset = new Map<string, Bound[]>();
  for (const cell of cells) {
    const dataset = cell.table_name === null ? null : catalogue.byTable(bareName(cell.table_name));
    const column = dataset?.columns.find(c => c.name.toLowerCase() === bareName(cell.column_name));
    if (!dataset || !column) continue;
    covered.add(`${dataset.id}\u0001${column.no}`);
    if (cell.status === 'attempted' && (cell.outcome === 'attempted' || cell.outcome === 'blocked')) {
      claims.attempt(dataset, column.no, cell.event_ids?.length ?? 1);
      continue;
    }
    const name = `${dataset.id}\u0001${cell.step_id}\u0001${cell.row_query ?? ''}\u0001${cell.row_ordinal ?? ''}\u0001${cell.key ?? ''}${cell.row_ordinal === null && cell.key === null ? cell.recovered_id : ''}`;
    const group = groups.get(name) ?? groups.size;
    groups.set(name, group);
    const known = byDataset.get(dataset.id);
    const placed = { ...cell, dataset, column, group };
    if (known) known.push(placed);
    else byDataset.set(dataset.id, [placed]);
  }
  for (const list of byDataset.values()) await bindDataset(engine, claims, list[0]!.dataset, list, open);
  return covered;
}

/** Was the value printed in an answer (UNION, error message), not guessed from many? */
const isShown = (c: Cell): boolean => /"technique":"(union|error)"/.test(c.facts ?? '');

/** Whether a cell says enough to look for its row. */
const usable = (c: Cell): boolean => c.status === 'exact' || patternOf(c.status, c.facts) !== null;

const norm = (c: Sql): Sql => sql`trim(coalesce(${c}, ''))`;

/** A partly rebuilt text as a pattern: each unknown character is any one, at the end of a text of unknown length perhaps none. */
export function patternOf(status: string, facts: string | null): string | null {
  if (status !== 'partial' || facts === null) return null;
  let f: { pattern?: unknown; length?: unknown };
  try {
    f = JSON.parse(facts) as typeof f;
  } catch {
    return null;
  }
  if (typeof f.pattern !== 'string' || f.pattern === '' || [...f.pattern].every(c => c === '\uFFFD')) return null;
  const sized = typeof f.length === 'number';
  const escaped = [...f.pattern].map(c => (c === '\uFFFD' ? (sized ? '.' : '.?') : c.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))).join('');
  return sized ? escaped : `${escaped}.*`;
}

/** A cell of `rc` against a row: its whole value, or its pattern. */
function fits(column: Column): Sql {
  return sql`(case when rc.pattern is null then ${equals(column, sql`rc.value`)} else regexp_full_match(${norm(sql`d.${sql.id(column.name)}`)}, rc.pattern) end)`;
}

/** `fits` in parts that exclude each other, each a plain equality where it can be one: an `or` would compare every cell with every row. */
function waysToFit(column: Column): Sql[] {
  const known = typedEqual(column, sql`rc.value`);
  return [
    sql`(rc.pattern is null and ${asExported(column, sql`rc.value`)})`,
    ...(known === null ? [] : [sql`(rc.pattern is null and ${known} and not ${asExported(column, sql`rc.value`)})`]),
    sql`(rc.pattern is not null and regexp_full_match(${norm(sql`d.${sql.id(column.name)}`)}, rc.pattern))`,
  ];
}

/** The same against a value `h.v` that rows hold and its typed form `h.k`. */
function waysToHold(column: Column): Sql[] {
  const known = typedValue(column, sql`rc.value`);
  return [
    sql`(rc.pattern is null and h.v = ${norm(sql`rc.value`)})`,
    ...(known === null ? [] : [sql`(rc.pattern is null and h.k = ${known} and h.v <> ${norm(sql`rc.value`)})`]),
    sql`(rc.pattern is not null and regexp_full_match(h.v, rc.pattern))`,
  ];
}

/** A value as the column's type reads it, where text may differ for one value; null for a type that prints in one way only. */
function typedValue(column: Column, value: Sql): Sql | null {
  if (column.type === 'text' || column.type === 'int') return null;
  if (column.type === 'bool') return sql`try_cast(${value} as boolean)`;
  return column.type === 'num' ? sql`try_cast(${value} as double)` : value;
}

/** A row's own value to set beside `typedValue`. */
function typedText(column: Column): Sql {
  const typed = sql`t.${sql.id(`c${column.no}`)}`;
  if (column.type === 'text' || column.type === 'int') return sql`null`;
  return column.type === 'bool' || column.type === 'num' ? typed : sql`cast(${typed} as varchar)`;
}

/** A rebuilt text against the column as exported: equal after trimming, or equal as the typed value prints. */
function equals(column: Column, value: Sql): Sql {
  const known = typedEqual(column, value);
  return known === null ? asExported(column, value) : sql`(${asExported(column, value)} or ${known})`;
}

const asExported = (column: Column, value: Sql): Sql => sql`${norm(sql`d.${sql.id(column.name)}`)} = ${norm(value)}`;

/** The same by type; null for a type that prints in one way only. */
function typedEqual(column: Column, value: Sql): Sql | null {
  const known = typedValue(column, value);
  return known === null ? null : sql`${typedText(column)} = ${known}`;
}

async function bindDataset(engine: Engine, claims: Claims, dataset: Dataset, list: readonly Bound[], open: OpenRows): Promise<void> {
  const data = sql`${sql.id(`data_${dataset.id}`)} d join ${sql.id(dataset.view)} t using (row_no)`;
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
    list.map((c, i) => [i, c.group, c.column.no, c.value, usable(c), c.key, patternOf(c.status, c.facts)]),
  );
  const columns = [...new Map(list.map(c => [c.column.no, c.column])).values()].sort((a, b) => a.no - b.no);
  // By value, not by row: a column of few values would give each of a hundred thousand cells half the table.
  const counts = sql.join(
    columns.flatMap(c => {
      const held = sql.id(`rc_held_${c.no}`);
      return waysToHold(c).map(fit => sql`select rc.i, h.n from rc join ${held} h on ${fit} where rc.exact and rc.column_no = ${c.no}`);
    }),
    sql` union all `,
  );
  for (const c of columns) {
    await engine.run(
      'exposure.rc_held',
      sql`create or replace temp table ${sql.id(`rc_held_${c.no}`)} as select ${norm(sql`d.${sql.id(c.name)}`)} as v, ${typedText(c)} as k, count(*) as n from ${data} group by all`,
    );
  }
  await engine.run('exposure.rc_counts', sql`create or replace temp table rc_count as select i, sum(n)::bigint as n from (${counts}) group by i`);
  for (const c of columns) await engine.run('exposure.rc_drop', sql`drop table ${sql.id(`rc_held_${c.no}`)}`);
  // The most telling exact value of a row of the intruder's query picks the candidates, the others must agree.
  await engine.run(
    'exposure.rc_anchor',
    sql`create or replace temp table rc_anchor as select g, arg_min(i, n::bigint * 1000000 + i) as i, min(n) as n from rc join rc_count using (i) where n > 0 group by g`,
  );
  const picks = sql.join(
    columns.flatMap(c =>
      waysToFit(c).map(
        fit => sql`select rc.g, d.row_no from rc_anchor a join rc using (i) join ${data} on ${fit} where a.n <= 20000 and rc.column_no = ${c.no}`,
      ),
    ),
    sql` union all `,
  );
  await engine.run('exposure.rc_candidates', sql`create or replace temp table rc_cand as ${picks}`);
  const agree = sql.join(
    columns.map(
      c =>
        sql`select rc.g, rc.i, x.row_no from rc join rc_cand x on x.g = rc.g join ${data} on d.row_no = x.row_no and ${fits(c)} where rc.exact and rc.column_no = ${c.no}`,
    ),
    sql` union all `,
  );
  await engine.run('exposure.rc_agree', sql`create or replace temp table rc_agree as ${agree}`);
  await engine.run(
    'exposure.rc_joint',
    sql`create or replace temp table rc_joint as
    select a.g, a.row_no from rc_agree a join (select rc.g, count(*) as n from rc where exact group by rc.g) t on t.g = a.g group by a.g, a.row_no, t.n having count(*) = t.n`,
  );
  const summary = await engine.rows<{ g: number; joint: number; row_no: number | null }>(
    'exposure.rc_summary',
    sql`select g, count(*) as joint, min(row_no) as row_no from rc_joint group by g order by g`,
  );
  const joint = new Map(summary.map(s => [s.g, s]));
  const matching = new Map((await engine.rows<{ i: number; n: number }>('exposure.rc_count_of', sql`select i, n from rc_count`)).map(r => [r.i, r.n]));
  const matches = (i: number): number => matching.get(i) ?? 0;
  const single = new Map(
    (
      await engine.rows<{ i: number; n: number; row_no: number | null }>(
        'exposure.rc_single',
        sql`select c.i, c.n, min(x.row_no) as row_no from rc_count c join rc using (i) left join rc_agree x on x.i = c.i where c.n = 1 group by c.i, c.n order by c.i`,
      )
    ).map(s => [s.i, s.row_no]),
  );
  const keyRows = new Map(
    (
      await engine.rows<{ g: number; row_no: number }>(
        'exposure.rc_keys',
        sql`select distinct rc.g, d.row_no from rc join ${sql.id(`data_${dataset.id}`)} d on d.key = rc.key where rc.key is not null order by rc.g`,
      )
    ).map(s => [s.g, s.row_no]),
  );
  const ranks = new Map<string, Ranks | null>();
  const ranksOf = async (query: string): Promise<Ranks | null> => {
    if (!ranks.has(query)) ranks.set(query, await rankRows(engine, dataset, query));
    return ranks.get(query)!;
  };
  // Do columns asked for separately come from one row each time? Where every answered ordinal fits one row as a whole, they do.
  const usableIn = new Map<number, number>();
  for (const c of list) if (usable(c)) usableIn.set(c.group, (usableIn.get(c.group) ?? 0) + 1);
  const wide = [...new Set(list.map(c => c.group))].filter(g => (usableIn.get(g) ?? 0) >= 2);
  const stable = wide.length === 0 || wide.filter(g => (joint.get(g)?.joint ?? 0) > 0).length >= wide.length - Math.floor(wide.length * 0.02);
  const rows: [string, number, number, number, number][] = [];
  const bindings: unknown[][] = [];
  const cellsOf = new Map<string, number>();
  const ofStep = (c: Bound): string => `${c.column.no} ${c.step_id}`;
  for (const c of list) cellsOf.set(ofStep(c), (cellsOf.get(ofStep(c)) ?? 0) + 1);
  const claimOf = (c: Bound, must: number): string =>
    claims.add(
      {
        kind: 'recovered',
        datasetId: dataset.id,
        mustTier: must,
        mayTier: must === tier.possessed ? tier.possessed : tier.possible,
        rule: must < tier.possessed ? 'recovered-partial' : isShown(c) ? 'recovered-shown' : 'recovered-exact',
        statement: c.row_query ?? '',
        premises: {
          step: c.step_id,
          column: c.column.name,
          cells: cellsOf.get(ofStep(c))!,
          row_identity: stable ? 'one-row-each' : 'by-value',
        },
        assumptions: ['snapshot-unchanged'],
      },
      { step: c.step_id, column: c.column.no, exact: must },
    );
  for (let i = 0; i < list.length; i++) {
    const c = list[i]!;
    const j = joint.get(c.group);
    const unique = single.get(i);
    const keyed = keyRows.get(c.group);
    let row: number | null = null;
    if (c.status === 'exact') {
      if (keyed !== undefined && (j === undefined || j.joint === 0 || keyed === j.row_no || j.joint > 1))
        row = (j && j.joint > 0) || unique === keyed ? keyed : null;
      else if (stable && j?.joint === 1) row = j.row_no;
      else if (unique !== undefined && unique !== null) row = unique;
    }
    if (row !== null) {
      const claim = claimOf(c, tier.possessed);
      rows.push([claim, row, claims.colset(dataset, [c.column.no]), tier.possessed, tier.possessed]);
      bindings.push([c.recovered_id, dataset.id, row, null]);
      for (const e of (c.event_ids ?? []).slice(0, 3)) claims.rowSource(claim, row, e);
      continue;
    }
    // The row is not certain: every row the evidence leaves possible.
    const claim = claimOf(c, 0);
    const r = c.row_ordinal === null || c.row_query === null ? null : await ranksOf(c.row_query);
    const colset = claims.colset(dataset, [c.column.no]);
    if (keyed !== undefined) rows.push([claim, keyed, colset, 0, tier.possible]);
    else if (stable && j && j.joint > 0) await claims.rows(claim, colset, sql`select row_no, 0 as lower, 2 as upper from rc_joint where g = ${c.group}`);
    else if (usable(c) && c.status !== 'exact' && matches(i) > 0 && matches(i) <= 20000)
      await claims.rows(claim, colset, sql`select d.row_no, 0 as lower, 2 as upper from rc join ${data} on ${fits(c.column)} where rc.i = ${i}`);
    else if (c.status === 'exact' && matches(i) > 0) {
      await claims.rows(claim, colset, sql`select d.row_no, 0 as lower, 2 as upper from ${data} where ${equals(c.column, sql`cast(${c.value} as varchar)`)}`);
      claims.count(claim, dataset, colset, 1, 1, `recovered:${c.recovered_id}`);
    } else if (r)
      await claims.rows(
        claim,
        colset,
        sql`select row_no, 0 as lower, 2 as upper from ${sql.id(r.table)} where lo <= ${c.row_ordinal! + 1} and hi >= ${c.row_ordinal! + 1}`,
      );
    else await claims.rows(claim, colset, sql`select row_no, 0 as lower, 2 as upper from ${sql.id(dataset.view)}`);
  }
  await engine.load(
    'rc_rows',
    [
      { name: 'claim_id', type: 'VARCHAR' },
      { name: 'row_no', type: 'BIGINT' },
      { name: 'colset_id', type: 'INTEGER' },
      { name: 'lower', type: 'TINYINT' },
      { name: 'upper', type: 'TINYINT' },
    ],
    rows,
  );
  await engine.run(
    'exposure.rc_rows',
    sql`insert into claim_row_work select claim_id, row_no, colset_id, max(lower), max(upper) from rc_rows group by claim_id, row_no, colset_id`,
  );
  for (const column of columns) {
    const colset = claims.colset(dataset, [column.no]);
    await engine.run(
      'exposure.rc_doubt',
      sql`update claim_row_work set tier_lower = 0, tier_upper = ${tier.possible}::tinyint
        where colset_id = ${colset} and claim_id in (select claim_id from rc_rows) and ${open(dataset, [column.no, existence, birth])}`,
    );
    // A record that was not there yet held nothing; one whose value was changed may have held this one.
    const changed = open(dataset, [column.no]);
    const { n } = await engine.row<{ n: number }>('exposure.rc_changed', sql`select count(*)::integer as n from ${sql.id(dataset.view)} where ${changed}`);
    if (n === 0) continue;
    await claims.rows(
      claimOf(list.find(c => c.column.no === column.no)!, 0),
      colset,
      sql`select row_no, 0 as lower, ${tier.possible} as upper from ${sql.id(dataset.view)} where ${changed}`,
    );
  }
  await engine.load(
    'rc_binding',
    [
      { name: 'recovered_id', type: 'VARCHAR' },
      { name: 'dataset_id', type: 'VARCHAR' },
      { name: 'row_no', type: 'BIGINT' },
      { name: 'key', type: 'VARCHAR' },
    ],
    bindings,
  );
  await engine.run(
    'exposure.rc_bind',
    sql`insert into recovered_binding select b.recovered_id, b.dataset_id, b.row_no, d.key from rc_binding b join ${sql.id(`data_${dataset.id}`)} d using (row_no)`,
  );
}

type Ranks = { readonly table: string };
let rankTables = 0;

/** For every row the places it can stand at in the intruder's own row query (from 1); null when the order cannot be computed. */
async function rankRows(engine: Engine, dataset: Dataset, query: string): Promise<Ranks | null> {
  const parsed = parseStatements(query);
  if ('error' in parsed) return null;
  const select = child(parsed.statements[0] ?? null, 'SelectStmt');
  if (!select || child(select, 'whereClause') || nodes(select, 'fromClause').length !== 1 || nodes(select, 'groupClause').length > 0) return null;
  const keys: { column: Column; descending: boolean }[] = [];
  for (const s of nodes(select, 'sortClause')) {
    const body = child(s, 'SortBy')!;
    const [tag, ref] = unwrap(child(body, 'node') as Ast);
    const column = tag === 'ColumnRef' ? dataset.columns.find(c => c.name.toLowerCase() === lastName(nodes(ref, 'fields')).toLowerCase()) : undefined;
    if (!column?.orderSafe) return null;
    keys.push({ column, descending: text(body, 'sortby_dir') === 'SORTBY_DESC' });
  }
  if (keys.length === 0) return null;
  const terms = sql.join(keys.map(k => (k.descending ? sql`${sql.id(`c${k.column.no}`)} desc nulls first` : sql`${sql.id(`c${k.column.no}`)} asc nulls last`)));
  const table = `rc_rank_${++rankTables}`;
  await engine.run(
    'exposure.rc_ranks',
    sql`create or replace temp table ${sql.id(table)} as select row_no, rank() over (order by ${terms}) as lo, count(*) over (order by ${terms} range between unbounded preceding and current row) as hi from ${sql.id(dataset.view)}`,
  );
  return { table };
}
