import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { exists } from './write-cells.ts';

/** Records of each claim at the four levels of the figures. */
const counted: Sql = sql`select claim_id, count(*) filter (where up >= 1) as not_excluded, count(*) filter (where up >= 2) as possible,
  count(*) filter (where lo >= 3) as executed, count(*) filter (where lo >= 4) as confirmed
  from (select claim_id, row_no, max(tier_lower) as lo, max(tier_upper) as up from claim_row group by claim_id, row_no) group by claim_id`;

/** Counted once when the claims are written, so that no explanation has to look at every row again: `claim_total`. */
export async function writeTotals(engine: Engine): Promise<void> {
  await engine.run('exposure.claim_total', sql`create or replace table claim_total as ${counted}`);
}

/** The totals of claims as a relation; counted now where a part was assessed by itself. */
export async function claimTotals(engine: Engine): Promise<Sql> {
  return (await exists(engine, 'claim_total')) ? (sql.id('claim_total') as Sql) : sql`(${counted})`;
}
