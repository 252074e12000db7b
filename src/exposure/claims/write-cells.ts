import fs from 'node:fs';
import path from 'node:path';
import type { OpenCase } from '../../case/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { contact } from '../tables.ts';

/** Does a table or view of this name exist? Stages after this one may not have run. */
export async function exists(engine: Engine, table: string): Promise<boolean> {
  const r = await engine.row<{ n: number }>('exposure.exists', sql`select count(*) as n from information_schema.tables where table_name = ${table}`);
  return r.n > 0;
}

/**
 * `cells.parquet` and `records.parquet` of contract §5: cells of tier ≥ 2, in one total order; and `contacts.parquet`: what had to do with an
 * answer without being shown in it (a record as a whole has no column).
 */
export async function writeCells(kase: OpenCase): Promise<void> {
  const e = kase.engine;
  fs.mkdirSync(kase.outDir, { recursive: true });
  const elements = await exists(e, 'column_element');
  const persons = await exists(e, 'person_record');
  const datasets = await e.rows<{ dataset_id: string }>('exposure.dataset_ids', sql`select dataset_id from dataset order by dataset_id`);
  const keys: Sql =
    datasets.length === 0
      ? sql`(select '' as dataset_id, 0::bigint as row_no, '' as key where false)`
      : sql`(${sql.join(
          datasets.map(d => sql`select ${sql.lit(d.dataset_id)} as dataset_id, row_no, key from ${sql.id(`data_${d.dataset_id}`)}`),
          sql` union all `,
        )})`;
  const element = elements ? sql`coalesce(x.element, 'none')` : sql`'none'`;
  const elementJoin = elements ? sql`left join column_element x on x.dataset_id = t.dataset_id and x.column_no = t.column_no` : sql``;
  // Records deleted since have a key from the log and no row: listed with their cells, never among the records of the snapshot.
  const missing = (await exists(e, 'missing_record_cell'))
    ? sql`union all select t.dataset_id, t.key, c.name, ${element}, 0::tinyint, t.tier_upper, t.claim_id, null::bigint, t.column_no, 'displayed'
        from missing_record_cell t join dataset_column c on c.dataset_id = t.dataset_id and c.column_no = t.column_no ${elementJoin}`
    : sql``;
  await e.run(
    'exposure.cells',
    sql`create or replace temp table exposed_cell as
    select t.dataset_id as dataset, k.key as key, c.name as "column", ${element} as element, t.tier_lower, t.tier_upper, t.claim_id, t.row_no, t.column_no, q.contact
    from cell_tier t join claim q using (claim_id) join dataset_column c on c.dataset_id = t.dataset_id and c.column_no = t.column_no
    join ${keys} k on k.dataset_id = t.dataset_id and k.row_no = t.row_no ${elementJoin}
    where t.tier_upper >= 2 ${missing}`,
  );
  const cells = path.join(kase.outDir, 'cells.parquet');
  await e.run(
    'exposure.write_cells',
    sql`copy (select dataset, key, "column", element, tier_lower, tier_upper, claim_id, contact from exposed_cell order by dataset, row_no nulls last, key, column_no) to ${sql.lit(cells)} (format parquet, compression zstd)`,
  );
  const names = sql.join(Object.entries(contact).map(([name, rank]) => sql`(${sql.lit(rank)}, ${sql.lit(name)})`));
  await e.run(
    'exposure.write_contacts',
    sql`copy (select t.dataset_id as dataset, k.key, c.name as "column", lo.name as contact_lower, up.name as contact_upper, t.claim_id
      from (select q.dataset_id, x.row_no, s.column_no, x.contact_lower, x.contact_upper, x.claim_id from contact_row x join claim q using (claim_id) left join colset s using (colset_id) where x.row_no is not null) t
      join ${keys} k on k.dataset_id = t.dataset_id and k.row_no = t.row_no left join dataset_column c on c.dataset_id = t.dataset_id and c.column_no = t.column_no
      join (values ${names}) lo(rank, name) on lo.rank = t.contact_lower join (values ${names}) up(rank, name) on up.rank = t.contact_upper
      order by t.dataset_id, t.row_no, t.column_no, t.claim_id) to ${sql.lit(path.join(kase.outDir, 'contacts.parquet'))} (format parquet, compression zstd)`,
  );
  const person = persons ? sql`p.person_best` : sql`null::varchar`;
  const personJoin = persons ? sql`left join person_record p on p.dataset_id = r.dataset and p.row_no = r.row_no` : sql``;
  const role = roleOf(
    kase,
    datasets.map(d => d.dataset_id),
  );
  const records = path.join(kase.outDir, 'records.parquet');
  await e.run(
    'exposure.write_records',
    sql`copy (
    with r as (select dataset, row_no, any_value(key) as key, max(tier_lower) as tier_lower, max(tier_upper) as tier_upper,
      coalesce(list_sort(list(distinct element) filter (where tier_lower >= 3 and element <> 'none')), []::varchar[]) as elements_lower,
      coalesce(list_sort(list(distinct element) filter (where element <> 'none')), []::varchar[]) as elements_upper
      from exposed_cell where row_no is not null group by dataset, row_no)
    select r.dataset, r.key, ${role} as role, r.tier_lower, r.tier_upper, r.elements_lower, r.elements_upper, ${person} as person_id
    from r ${personJoin} order by r.dataset, r.row_no) to ${sql.lit(records)} (format parquet, compression zstd)`,
  );
}

function roleOf(kase: OpenCase, ids: readonly string[]): Sql {
  const branches = kase.file.datasets
    .filter(d => ids.includes(d.id))
    .map(d => {
      const spec = d.role;
      if ('constant' in spec) return sql`when ${sql.lit(d.id)} then ${sql.lit(spec.constant)}`;
      const known = Object.entries(spec.map);
      const value = sql`(select ${sql.id(spec.column)} from ${sql.id(`data_${d.id}`)} v where v.row_no = r.row_no)`;
      const cases = known.map(([from, to]) => sql`when ${value} = ${sql.lit(from)} then ${sql.lit(to)}`);
      return known.length === 0 ? sql`when ${sql.lit(d.id)} then 'other'` : sql`when ${sql.lit(d.id)} then (case ${sql.join(cases, sql` `)} else 'other' end)`;
    });
  return branches.length === 0 ? sql`'other'` : sql`case r.dataset ${sql.join(branches, sql` `)} else 'other' end`;
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
  if (!(await exists(e, 'recovered_cell'))) {
    fs.writeFileSync(file, '');
    return;
  }
  const bound = await exists(e, 'recovered_binding');
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
          .map(id => ({ file: files.get(Math.floor(id / 2 ** 40)) ?? null, line: Math.floor((id % 2 ** 40) / 16) }));
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
