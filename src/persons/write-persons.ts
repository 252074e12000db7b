import path from 'node:path';
import type { OpenCase } from '../case/index.ts';
import { type Sql, sql } from '../engine/index.ts';
import { elementsIn } from './count/record-masks.ts';

/** Write `persons.parquet` and `records.parquet` of contract §5 into DIR. Needs the tables of countExposure. */
export async function writePersons(kase: OpenCase): Promise<void> {
  await write(
    kase,
    'persons.parquet',
    sql`select dataset_id as dataset, key, person_strict, person_best, person_wide from person_record order by dataset_id, row_no`,
  );
  await write(
    kase,
    'records.parquet',
    sql`select r.dataset_id as dataset, p.key, r.role, r.tier_lower, r.tier_upper, ${elementsIn(sql`r.m3`)} as elements_lower, ${elementsIn(sql`r.m2`)} as elements_upper, p.person_best as person_id
    from record_person r join person_record p on p.dataset_id = r.dataset_id and p.row_no = r.row_no where r.tier_upper >= 2 order by r.dataset_id, r.row_no`,
  );
}

async function write(kase: OpenCase, name: string, query: Sql): Promise<void> {
  await kase.engine.run('persons.keep_order', sql`set preserve_insertion_order = true`);
  try {
    await kase.engine.run(`persons.write_${name}`, sql`copy (${query}) to ${sql.lit(path.join(kase.outDir, name))} (format parquet, compression zstd)`);
  } finally {
    await kase.engine.run('persons.free_order', sql`set preserve_insertion_order = false`);
  }
}
