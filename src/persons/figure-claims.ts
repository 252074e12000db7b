import { type Engine, type Sql, sql } from '../engine/index.ts';
import type { Tier } from './figure.ts';

/** A claim and how many records of a figure it claims. */
export type ClaimShare = { readonly claim_id: string; readonly n: number };

/** The tiers of a record `r` or of a row of a claim `k` at a level. */
export function atLevel(tier: Tier, of: 'r' | 'k'): Sql {
  const [lower, upper] = [sql.id(of, 'tier_lower'), sql.id(of, 'tier_upper')];
  return { confirmed: sql`${lower} >= 4`, executed: sql`${lower} >= 3`, possible: sql`${upper} >= 2`, not_excluded: sql`${upper} >= 1` }[tier];
}

/** What a claim's rows are at each level was counted when it was written. */
export const totalOf = (tier: Tier): Sql =>
  sql`select c.claim_id, ${sql.id('t', tier)} as n, c.must_tier as sure from claim_total t join claim c using (claim_id)`;

/** The claims with the most records first; of as many, the surest. */
export const largest = (engine: Engine, counted: Sql, most: number): Promise<ClaimShare[]> =>
  engine.rows('explain.claims', sql`select claim_id, n from (${counted}) order by n desc, sure desc, claim_id limit ${most}`);

/** Claims on a column of a data set, the largest first. Only those that hold it for some of their rows are counted anew. */
export async function claimsOfColumn(engine: Engine, tier: Tier, dataset: string, column: string, most: number): Promise<ClaimShare[]> {
  const held = await engine.rows<{ claim_id: string; whole: boolean }>(
    'explain.column_claims',
    sql`select claim_id, bool_and(held) as whole from (select claim_id, ${ofColumn(dataset, column)} as held from (select distinct claim_id, colset_id from claim_row) k)
      group by claim_id having bool_or(held) order by claim_id`,
  );
  const among = (whole: boolean): Sql => sql`select unnest(${JSON.stringify(held.filter(h => h.whole === whole).map(h => h.claim_id))}::json::varchar[])`;
  return largest(
    engine,
    sql`${totalOf(tier)} where c.claim_id in (${among(true)}) and ${sql.id('t', tier)} > 0
      union all select k.claim_id, count(distinct k.row_no), max(k.tier_lower) from claim_row k
      where k.claim_id in (${among(false)}) and ${ofColumn(dataset, column)} and ${atLevel(tier, 'k')} group by 1`,
    most,
  );
}

/** Rows of claims that hold a column. */
export function ofColumn(dataset: string, column: string): Sql {
  return sql`k.colset_id in (select colset_id from colset join dataset_column using (dataset_id, column_no) where dataset_id = ${dataset} and name = ${column})`;
}
