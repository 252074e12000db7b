import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { exists } from './write-cells.ts';

const levels = sql`count(*) filter (where up >= 1) as reachable, count(*) filter (where up >= 2) as possible, count(*) filter (where lo >= 3) as executed, count(*) filter (where lo >= 4) as confirmed`;

/** Records of each claim at the four levels of the figures. */
const ofClaims: Sql = sql`select claim_id, ${levels} from (select claim_id, row_no, max(tier_lower) as lo, max(tier_upper) as up from claim_row group by claim_id, row_no) group by claim_id`;
/** The same of each data set. */
const ofDatasets: Sql = sql`select dataset_id, ${levels} from (select c.dataset_id, row_no, max(tier_lower) as lo, max(tier_upper) as up
  from claim_row join claim c using (claim_id) group by c.dataset_id, row_no) group by dataset_id`;

/** Counted once when the claims are written, so that no explanation has to look at every row again: `claim_total` and `dataset_total`. */
export async function writeTotals(engine: Engine): Promise<void> {
  await engine.run('exposure.claim_total', sql`create or replace table claim_total as ${ofClaims}`);
  await engine.run('exposure.dataset_total', sql`create or replace table dataset_total as ${ofDatasets}`);
}

/** The totals of claims or data sets as a relation; counted now in a result of an earlier version. */
export async function totals(engine: Engine, of: 'claim' | 'dataset'): Promise<Sql> {
  return (await exists(engine, `${of}_total`)) ? (sql.id(`${of}_total`) as Sql) : of === 'claim' ? sql`(${ofClaims})` : sql`(${ofDatasets})`;
}
