import type { Micros } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { Dataset } from '../catalogue.ts';
import { birth, existence, never, slack } from '../replay/changes.ts';
import { made } from './stamp-columns.ts';

/** Later records beyond what the log's own pace explains: then greater keys are no sign of youth. */
const pace = 5;

/** What greater keys tell: by when the last of the records that have them was made, and whether they were surely not there before. */
export type LaterKeys = { readonly byUs: Micros; readonly sure: boolean };

/**
 * Where the log's INSERTs gave out keys in order, records with greater keys came later. Writes their births to `row_touch`; null when nothing follows.
 * `until`: the log tells every INSERT up to then, so what it does not tell came after. Too few INSERTs prove no order: such records may not have been there.
 */
export async function claimLaterKeys(engine: Engine, dataset: Dataset, until: Micros): Promise<LaterKeys | null> {
  const key = dataset.columns.find(c => c.name === dataset.key[0]);
  if (dataset.key.length !== 1 || key?.type !== 'int') return null;
  const latest = dataset.asOfUs === null ? null : dataset.asOfUs - 2 * slack;
  const k = sql.id(`c${key.no}`);
  const view = sql.id(dataset.view);
  await engine.run(
    'exposure.key_birth',
    sql`create or replace temp table key_birth as select row_no, ${k} as k, at_us, row_no in (select row_no from row_touch where dataset_id = ${dataset.id} and column_no = ${birth}) as told
      from ${made(dataset)} p join ${view} d using (row_no)`,
  );
  const seen = await engine.row<{ n: number; told: number; up: boolean; first: number; last: number }>(
    'exposure.key_order',
    sql`select count(*)::integer as n, count(*) filter (told)::integer as told, coalesce(bool_and(k > coalesce(before, k - 1)), false) as up,
      coalesce(min(at_us), 0)::bigint as "first", coalesce(max(at_us), 0)::bigint as "last"
      from (select *, lag(k) over (order by at_us, k) as before from key_birth)`,
  );
  // By their values alone, three records may stand in order by chance.
  const shown = seen.up && (seen.told >= 3 || seen.n >= 5);
  if (!seen.up) return null;
  const { later } = await engine.row<{ later: number }>(
    'exposure.key_later',
    sql`select count(*)::integer as later from ${view} d where ${k} > (select min(k) from key_birth) and row_no not in (select row_no from key_birth)`,
  );
  const after = latest === null ? 0 : Math.max(0, latest - seen.last);
  if (later > (shown ? pace + (pace * seen.n * after) / Math.max(1, seen.last - seen.first) : pace * (1 + seen.n))) return null;
  const by = Math.max(latest ?? never, seen.last);
  if (!shown) {
    if (seen.told === 0 || later === 0) return null;
    await engine.run(
      'exposure.key_doubts',
      sql`insert into row_touch select ${dataset.id}, row_no, ${sql.lit(existence)}, ${by}::bigint, ${by}::bigint from ${view}
        where ${k} > (select min(k) from key_birth where told) and row_no not in (select row_no from row_touch where dataset_id = ${dataset.id} and column_no in (${birth}, ${existence}))`,
    );
    return { byUs: by, sure: false };
  }
  await engine.run(
    'exposure.key_births',
    sql`insert into row_touch select ${dataset.id}, row_no, ${sql.lit(birth)}, at_us, since_us from
      (select row_no, at_us, at_us as since_us from key_birth where not told
        union all
        select x.row_no, ${by}::bigint, greatest(y.at_us, ${until}) from (select row_no, ${k} as k from ${view} where row_no not in (select row_no from key_birth)) x
          asof join (select k, at_us from key_birth) y on x.k > y.k) q
      where row_no not in (select row_no from row_touch where dataset_id = ${dataset.id} and column_no = ${birth})`,
  );
  return { byUs: by, sure: true };
}
