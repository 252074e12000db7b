import fs from 'node:fs';
import path from 'node:path';
import type { OpenCase } from '../../case/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { placeOfEvent } from '../../events/index.ts';
import { contact } from '../tables.ts';

/** Rows of a data set whose cells are brought together at once: millions of records must not be held. */
const rowsAtOnce = 500_000;

/**
 * `cells.parquet` of contract §5: cells of tier ≥ 2, in one total order; and `contacts.parquet`: what had to do with an answer without being shown in it
 * (a record as a whole has no column).
 */
export async function writeCells(kase: OpenCase): Promise<void> {
  const e = kase.engine;
  fs.mkdirSync(kase.outDir, { recursive: true });
  await e.run('exposure.keep_order', sql`set preserve_insertion_order = true`);
  try {
    const datasets = await e.rows<{ id: string }>('exposure.dataset_ids', sql`select dataset_id as id from dataset order by dataset_id`);
    const ids = datasets.map(d => d.id);
    await gatherCells(e, ids);
    const cells = path.join(kase.outDir, 'cells.parquet');
    await e.run('exposure.write_cells', sql`copy exposed_cell to ${sql.lit(cells)} (format parquet, compression zstd)`);
    await e.run('exposure.cells_done', sql`drop table exposed_cell`);
    await writeContacts(e, ids, path.join(kase.outDir, 'contacts.parquet'));
  } finally {
    await e.run('exposure.free_order', sql`set preserve_insertion_order = false`);
  }
}

/** `exposed_cell`: what is written, in its order, a piece of a data set after the other. */
async function gatherCells(e: Engine, ids: readonly string[]): Promise<void> {
  const classified = await e.hasTable('column_element');
  const element = classified ? sql`coalesce(x.element, 'none')` : sql`'none'`;
  const elementJoin = classified ? sql`left join column_element x on x.dataset_id = t.dataset_id and x.column_no = t.column_no` : sql``;
  const deleted = await e.hasTable('missing_record_cell');
  await e.run(
    'exposure.cells',
    sql`create or replace table exposed_cell (dataset varchar, key varchar, "column" varchar, element varchar, tier_lower tinyint, tier_upper tinyint, claim_id varchar, contact varchar)`,
  );
  for (const id of ids) {
    const { rows } = await e.row<{ rows: number }>('exposure.last_row', sql`select coalesce(max(row_no), -1) + 1 as rows from ${sql.id(`data_${id}`)}`);
    for (let from = 0; from < rows; from += rowsAtOnce) {
      const piece = sql`between ${from} and ${from + rowsAtOnce - 1}`;
      await e.run(
        'exposure.dataset_cells',
        sql`insert into exposed_cell select t.dataset_id, k.key, c.name, ${element}, t.tier_lower, t.tier_upper, t.claim_id, q.contact
          from (from cell_tier where dataset_id = ${id} and row_no ${piece}) t join claim q using (claim_id)
            join dataset_column c on c.dataset_id = t.dataset_id and c.column_no = t.column_no
            join (select row_no, key from ${sql.id(`data_${id}`)} where row_no ${piece}) k on k.row_no = t.row_no ${elementJoin}
          where t.tier_upper >= 2 order by t.row_no, t.column_no`,
      );
    }
    // Records deleted since have a key from the log and no row: listed with their cells, never among the records of the snapshot.
    if (deleted)
      await e.run(
        'exposure.deleted_cells',
        sql`insert into exposed_cell select t.dataset_id, t.key, c.name, ${element}, 0, t.tier_upper, t.claim_id, 'displayed'
          from missing_record_cell t join dataset_column c on c.dataset_id = t.dataset_id and c.column_no = t.column_no ${elementJoin}
          where t.dataset_id = ${id} order by t.key, t.column_no`,
      );
  }
}

async function writeContacts(e: Engine, ids: readonly string[], file: string): Promise<void> {
  const keys: Sql =
    ids.length === 0
      ? sql`(select '' as dataset_id, 0::bigint as row_no, '' as key where false)`
      : sql`(${sql.join(
          ids.map(id => sql`select ${sql.lit(id)} as dataset_id, row_no, key from ${sql.id(`data_${id}`)}`),
          sql` union all `,
        )})`;
  const names = sql.join(Object.entries(contact).map(([name, rank]) => sql`(${sql.lit(rank)}, ${sql.lit(name)})`));
  await e.run(
    'exposure.write_contacts',
    sql`copy (select t.dataset_id as dataset, k.key, c.name as "column", lo.name as contact_lower, up.name as contact_upper, t.claim_id
      from (select q.dataset_id, x.row_no, s.column_no, x.contact_lower, x.contact_upper, x.claim_id from contact_row x join claim q using (claim_id) left join colset s using (colset_id) where x.row_no is not null) t
      join ${keys} k on k.dataset_id = t.dataset_id and k.row_no = t.row_no left join dataset_column c on c.dataset_id = t.dataset_id and c.column_no = t.column_no
      join (values ${names}) lo(rank, name) on lo.rank = t.contact_lower join (values ${names}) up(rank, name) on up.rank = t.contact_upper
      order by t.dataset_id, t.row_no, t.column_no, t.claim_id) to ${sql.lit(file)} (format parquet, compression zstd)`,
  );
}

type Recovered = {
  recovered_id: string;
  step_id: string;
  table_name: string;
  column_name: string;
  row_ordinal: number | null;
  key: string | null;
  value: string | null;
  status: string;
  confidence: number;
  event_ids: number[];
};

/** `recovered.jsonl` of contract §5. The dataset key is the one this stage bound, else the one the injection named. */
export async function writeRecovered(kase: OpenCase): Promise<void> {
  const e = kase.engine;
  fs.mkdirSync(kase.outDir, { recursive: true });
  const file = path.join(kase.outDir, 'recovered.jsonl');
  if (!(await e.hasTable('recovered_cell'))) {
    fs.writeFileSync(file, '');
    return;
  }
  const bound = await e.hasTable('recovered_binding');
  const key = bound ? sql`coalesce(r.key, b.key)` : sql`r.key`;
  const join = bound ? sql`left join recovered_binding b using (recovered_id)` : sql``;
  const files = new Map(
    (await e.rows<{ file_no: number; path: string }>('exposure.files', sql`select file_no, path from source_file`)).map(f => [f.file_no, f.path]),
  );
  const out = fs.openSync(file, 'w');
  try {
    for await (const batch of e.stream<Recovered>(
      'exposure.recovered',
      sql`select r.recovered_id, r.step_id, r.table_name, r.column_name, r.row_ordinal, ${key} as key, r.value, r.status, r.confidence, r.event_ids
      from recovered_cell r ${join} order by r.step_id, r.table_name, r.column_name, r.row_ordinal nulls first, r.recovered_id`,
    )) {
      for (const r of batch) {
        const evidence = [...(r.event_ids ?? [])]
          .sort((a, b) => a - b)
          .slice(0, 200)
          .map(placeOfEvent)
          .map(p => ({ file: files.get(p.fileNo) ?? null, line: p.line }));
        fs.writeSync(
          out,
          `${JSON.stringify({ step: r.step_id, table: r.table_name, column: r.column_name, row: r.row_ordinal, key: r.key, value: r.value, status: r.status, confidence: r.confidence, evidence })}\n`,
        );
      }
    }
  } finally {
    fs.closeSync(out);
  }
}
