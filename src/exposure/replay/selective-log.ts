import { type Engine, sql } from '../../engine/index.ts';

const fewest = 20;
const nearlyAll = 0.99;
/** A log of all statements has some that took less: those that open a transaction, those that find a record by its key. */
const leastUs = 1000;
const audits = 10_000;

/**
 * Whether the database log of some system holds only a choice of its statements: those that took long (every one comes with its duration, and none is
 * short), or those on tables that were chosen (audits of objects and none of sessions). What such a log lacks may have run all the same.
 */
export async function isSelective(engine: Engine): Promise<boolean> {
  const rows = await engine.rows<{ system_id: string | null; chosen: boolean }>(
    'exposure.selective',
    sql`with log as (select system_id, file_no, count(*) as n, count(duration_us) >= ${nearlyAll} * count(*) and min(duration_us) >= ${leastUs} as slow
        from event where class = 2 and sql_text is not null group by all),
      audit as (select file_no, bool_and(contains(extra, '"audit":"OBJECT"')) as objects from (
        select file_no, extra from event where class = 2 and action = 'audit' and sql_text is not null limit ${audits}) group by file_no)
    select system_id, bool_and(slow or coalesce(objects, false)) as chosen from log left join audit using (file_no)
    where n >= ${fewest} or objects group by system_id order by system_id nulls first`,
  );
  return rows.some(r => r.chosen);
}
