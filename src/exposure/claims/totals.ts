import { type Engine, sql } from '../../engine/index.ts';

/** Records of each claim at the four levels of the figures, counted once when the claims are written: no explanation has to look at every row again. */
export async function writeTotals(engine: Engine): Promise<void> {
  await engine.run(
    'exposure.claim_total',
    sql`create or replace table claim_total as select claim_id, count(*) filter (where up >= 1) as not_excluded, count(*) filter (where up >= 2) as possible,
      count(*) filter (where lo >= 3) as executed, count(*) filter (where lo >= 4) as confirmed
      from (select claim_id, row_no, max(tier_lower) as lo, max(tier_upper) as up from claim_row group by claim_id, row_no) group by claim_id`,
  );
}
