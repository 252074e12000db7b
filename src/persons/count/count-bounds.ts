import type { OpenCase } from '../../case/index.ts';
import { sql } from '../../engine/index.ts';
import { boundFigure } from '../../exposure/index.ts';
import type { RecordRange } from './figures.ts';

/** Rows of a data set whose number is known and whose identity is not, with the bounds that follow for the whole data set. */
export type DatasetBound = {
  readonly dataset: string;
  /** How many records were shown: never fewer, never more. */
  readonly records: RecordRange;
  /** Of the upper bound, the records of which only the number is known. */
  readonly extra: number;
  /** The claims whose rows are only counted. */
  readonly claims: readonly { readonly claim: string; readonly least: number; readonly most: number; readonly rows: number }[];
};

type Counted = { readonly id: string; readonly records: { readonly executed: number; readonly possible: number } };
/** What is known of the number of records and persons, whoever they are. */
export type Bounds = { records: RecordRange; persons: RecordRange };

/** Beyond so many rows the families are added up instead of compared. */
const comparable = 300_000;

/**
 * The bounds of the figures where claims know a number of rows but not which (`claim_count`, scope `rows`). Only data sets with such a
 * claim that bounds something; everywhere else the bounds are the figures themselves. Needs `record_person`.
 */
export async function countBounds(
  kase: OpenCase,
  datasets: readonly Counted[],
  persons: { executed: number; possible: number },
): Promise<{ total: Bounds; datasets: DatasetBound[] }> {
  const { engine } = kase;
  await engine.run('count.only_row', sql`create or replace table count_only_row (dataset_id varchar, row_no bigint)`);
  const known = (await kase.engine.hasTable('claim_count')) && (await kase.engine.hasTable('claim_row'));
  const bounds = known ? await boundDatasets(kase) : [];
  return { total: await totalBounds(kase, bounds, datasets, persons.executed, persons.possible), datasets: bounds };
}

async function boundDatasets(kase: OpenCase): Promise<DatasetBound[]> {
  const { engine } = kase;
  const counted = await engine.rows<{ dataset_id: string; claim_id: string; least: number; most: number }>(
    'count.constraints',
    sql`select dataset_id, claim_id, max(lower) as least, sum(upper)::bigint as most from claim_count where scope = 'rows' group by dataset_id, claim_id order by dataset_id, claim_id`,
  );
  const out: DatasetBound[] = [];
  for (const dataset of [...new Set(counted.map(c => c.dataset_id))]) {
    const own = counted.filter(c => c.dataset_id === dataset);
    const bound = await boundDataset(kase, dataset, own);
    if (bound) out.push(bound);
  }
  return out;
}

type Constraint = { claim_id: string; least: number; most: number };

async function boundDataset(kase: OpenCase, dataset: string, own: readonly Constraint[]): Promise<DatasetBound | null> {
  const { engine } = kase;
  const anonymous = sql`(select distinct k.claim_id from claim_count k where k.dataset_id = ${dataset} and k.scope = 'rows')`;
  await engine.run(
    'count.anonymous',
    sql`create or replace temp table count_anonymous as select distinct r.claim_id, r.row_no from claim_row r join colset s using (colset_id)
    where s.dataset_id = ${dataset} and r.tier_upper >= 2 and r.claim_id in ${anonymous}`,
  );
  await engine.run(
    'count.free',
    sql`create or replace temp table count_free as select r.row_no, max(r.tier_lower) >= 3 as sure from claim_row r join colset s using (colset_id)
    where s.dataset_id = ${dataset} and ((r.tier_upper >= 2 and r.claim_id not in ${anonymous}) or r.tier_lower >= 3) group by r.row_no`,
  );
  const sizes = new Map(
    (await engine.rows<{ claim_id: string; n: number }>('count.family', sql`select claim_id, count(*) as n from count_anonymous group by 1 order by 1`)).map(
      r => [r.claim_id, r.n],
    ),
  );
  const total = [...sizes.values()].reduce((n, x) => n + x, 0);
  const families = own.map(c => ({ ...c, rows: sizes.get(c.claim_id) ?? 0 })).filter(c => c.rows > 0);
  if (families.length === 0) return null;
  const known = await engine.row<{ sure: number; free: number; may: number }>(
    'count.known',
    sql`select count(*) filter (where f.sure) as sure, count(*) filter (where f.row_no is not null) as free, count(*) as may
    from (select distinct row_no from count_anonymous) a full join count_free f using (row_no)`,
  );
  let records: RecordRange = {
    lower: Math.max(known.sure, ...families.map(f => f.least)),
    upper: Math.min(known.may, known.free + families.reduce((n, f) => n + f.most, 0)),
  };
  if (total <= comparable && known.free <= comparable) {
    const rows = new Map<string, Set<number>>(families.map(f => [f.claim_id, new Set()]));
    for (const r of await engine.rows<{ claim_id: string; row_no: number }>(
      'count.family_rows',
      sql`select claim_id, row_no from count_anonymous order by claim_id, row_no`,
    ))
      rows.get(r.claim_id)?.add(r.row_no);
    const free = await engine.rows<{ row_no: number; sure: boolean }>('count.free_rows', sql`select row_no, sure from count_free order by row_no`);
    const exact = boundFigure(
      new Set(free.filter(r => r.sure).map(r => r.row_no)),
      new Set(free.map(r => r.row_no)),
      families.map(f => ({ rows: rows.get(f.claim_id)!, least: f.least, most: f.most })),
    );
    records = { lower: Math.max(records.lower, exact.lower), upper: Math.min(records.upper, exact.upper) };
  }
  await engine.run(
    'count.only_rows',
    sql`insert into count_only_row select ${dataset}, row_no from (select distinct row_no from count_anonymous) a where row_no not in (select row_no from count_free)`,
  );
  for (const t of ['count_anonymous', 'count_free']) await engine.run('count.drop', sql`drop table ${sql.id(t)}`);
  return {
    dataset,
    records,
    extra: Math.max(0, records.upper - known.free),
    claims: families.map(f => ({ claim: f.claim_id, least: f.least, most: f.most, rows: f.rows })),
  };
}

/**
 * Totals: data sets without a bound of their own count with their figures. Of rows that are only counted each may be one more person, and
 * the fewest persons are those who own the most records.
 */
async function totalBounds(kase: OpenCase, bounds: readonly DatasetBound[], datasets: readonly Counted[], executed: number, possible: number): Promise<Bounds> {
  const of = new Map(bounds.map(b => [b.dataset, b]));
  const lower = datasets.reduce((n, d) => n + Math.max(d.records.executed, of.get(d.id)?.records.lower ?? 0), 0);
  const upper = datasets.reduce((n, d) => n + (of.get(d.id)?.records.upper ?? d.records.possible), 0);
  if (bounds.length === 0) return { records: { lower, upper }, persons: { lower: executed, upper: possible } };
  const extra = bounds.reduce((n, b) => n + b.extra, 0);
  const least = Math.max(...bounds.map(b => b.records.lower));
  const n = await kase.engine.row<{ rest: number; fewest: number; others: number }>(
    'count.person_bounds',
    sql`with p as (select r.*, o.row_no is not null as only_counted from record_person r left join count_only_row o on o.dataset_id = r.dataset_id and o.row_no = r.row_no where r.tier_upper >= 2),
      sizes as (select count(*) as n from p where not legal_person and identified group by wide), ranked as (select sum(n) over (order by n desc rows unbounded preceding) - n as before from sizes)
    select (select count(distinct strict) from p where not legal_person and not only_counted) as rest, (select count(*) from ranked where before < ${least}) as fewest,
      (select count(*) from p where legal_person or not identified) as others`,
  );
  return { records: { lower, upper }, persons: { lower: Math.max(executed, n.others > 0 ? 0 : n.fewest), upper: Math.min(possible, n.rest + extra) } };
}
