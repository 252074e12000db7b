import fs from 'node:fs';
import path from 'node:path';
import { printable, UserError } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { type Engine, type Sql, sql } from '../engine/index.ts';
import { explainReachable, explainRef, type ProofNode } from '../exposure/index.ts';
import type { ExposureCounts } from './count/figures.ts';
import { type Figure, parseFigure } from './figure.ts';
import { atLevel, type ClaimShare, claimsOfColumn, largest, ofColumn, totalOf } from './figure-claims.ts';
import { type Words, words } from './figure-title.ts';

/**
 * Why a figure is what it is: every number of result.json has a reference, and each leads over records and claims to lines of evidence.
 * `records.T` `persons.T` · `datasets.D.T` `datasets.D.COLUMN.T` · `combinations.N.(records.lower|records.upper|persons)` ·
 * `roles.R[.ELEMENT].(records.lower|records.upper|persons)`, with T = confirmed, executed, possible, not_excluded.
 * Anything that is not a figure is answered by `explainRef`.
 */
export async function explainAnything(kase: OpenCase, ref: string): Promise<ProofNode> {
  if (!ref.startsWith('figure:')) return explainRef(kase, ref);
  const { exposure: counts } = JSON.parse(fs.readFileSync(path.join(kase.outDir, 'result.json'), 'utf8')) as { exposure: ExposureCounts };
  const bounds = /^figure:(?:bounds\.(?:records|persons)|datasets\.(.+)\.bounds)$/.exec(ref);
  if (bounds) return explainBounds(kase, counts, ref.slice(7), bounds[1] ?? null);
  const figure = parseFigure(counts, ref.slice(7));
  if (figure === null) throw new UserError('exposure.unknown-ref', { ref: printable(ref, 80) });
  return figure.unit === 'persons' ? explainPersons(kase, counts, figure) : explainRecords(kase, counts, figure);
}

/** `params` as figures and words of each language; the node keeps the plain ones. */
const say = (key: string, params: Readonly<Record<string, string | number | Words>>, children: readonly ProofNode[]): ProofNode => ({
  key,
  params: Object.fromEntries(Object.entries(params).map(([k, v]) => [k, typeof v === 'object' ? v.en : v])),
  text: words(`explain:${key}`, params),
  children,
});

/** The bounds that follow from numbers of rows: data set by data set, with the claims that know a number. */
async function explainBounds(kase: OpenCase, counts: ExposureCounts, name: string, dataset: string | null): Promise<ProofNode> {
  const chosen = counts.datasets.filter(d => (dataset === null ? d.records.possible > 0 : d.id === dataset));
  if (dataset !== null && chosen.length === 0) throw new UserError('exposure.unknown-ref', { ref: printable(`figure:${name}`, 80) });
  const children: ProofNode[] = [];
  for (const d of chosen) {
    const claims = await kase.engine.rows<{ claim_id: string; least: number; most: number; rows: number }>(
      'explain.bounds',
      sql`select k.claim_id, max(k.lower) as least, sum(k.upper)::bigint as most, (select count(distinct r.row_no) from claim_row r where r.claim_id = k.claim_id and r.tier_upper >= 2) as rows
        from claim_count k where k.dataset_id = ${d.id} and k.scope = 'rows' group by k.claim_id order by most desc, k.claim_id limit ${claimsShown}`,
    );
    const proofs: ProofNode[] = [];
    for (const c of claims) proofs.push(say('bounds-claim', { rows: c.rows, least: c.least, most: c.most }, [await explainRef(kase, c.claim_id)]));
    children.push(say('bounds-dataset', { dataset: d.id, possible: d.records.possible, ...d.bounds }, proofs));
  }
  const total = dataset !== null ? chosen[0]!.bounds : counts.bounds[name === 'bounds.persons' ? 'persons' : 'records'];
  return say('bounds', { figure: words('explain:name.bounds'), lower: total.lower, upper: total.upper }, children);
}

const claimsShown = 5;
/** Of all data sets together; of each at least two. */
const claimsInAll = 15;

/** The records of a figure among those of `record_person`. */
const isCounted = ({ tier, condition }: Figure): Sql => (condition === null ? atLevel(tier, 'r') : sql`${atLevel(tier, 'r')} and ${condition}`);

async function explainRecords(kase: OpenCase, counts: ExposureCounts, figure: Figure): Promise<ProofNode> {
  const { engine } = kase;
  const children: ProofNode[] = [];
  const shares = await datasetsOf(engine, counts, figure);
  const most = Math.max(2, Math.min(claimsShown, Math.floor(claimsInAll / Math.max(1, shares.length))));
  for (const { dataset, records, first } of shares) {
    const proofs: ProofNode[] = [];
    const whole = records === counts.datasets.find(d => d.id === dataset)!.records[figure.tier];
    for (const c of await claimsOf(engine, figure, dataset, whole, most)) {
      const proof = await explainRef(kase, c.claim_id);
      proofs.push(say('claim', { records: c.n, rule: words(`exposure:${String(proof.params['rule']).slice(1)}`) }, [proof]));
    }
    children.push(say('dataset', { dataset, records, first: `${dataset}/${first}` }, proofs));
  }
  if (children.length === 0) children.push(say('nothing', {}, []));
  if (figure.tier === 'not_excluded') children.push(...(await explainReachable(engine)));
  const meaning = words(`explain:meaning.${figure.condition === null ? figure.tier : 'listed'}`);
  const said = { figure: figure.title, records: figure.records.upper, column: figure.column ?? '', meaning };
  const key = figure.column !== null ? 'column-records' : figure.unit === 'persons' ? 'records-of-persons' : 'records';
  return say(key, said, children);
}

type DatasetShare = { readonly dataset: string; readonly records: number; readonly first: string };

/** How many records of each data set a figure counts, and the key of the first. */
async function datasetsOf(engine: Engine, counts: ExposureCounts, figure: Figure): Promise<DatasetShare[]> {
  const { tier, dataset, column } = figure;
  const found =
    column === null
      ? sql`select r.dataset_id as dataset, count(*) as records, min(r.row_no) as row_no from record_person r
          where ${isCounted(figure)}${dataset === null ? sql`` : sql` and r.dataset_id = ${dataset}`} group by 1 order by 1`
      : sql`select ${dataset}::varchar as dataset, ${counts.datasets.find(d => d.id === dataset)!.columns.find(c => c.name === column)![tier]}::bigint as records, min(k.row_no) as row_no
          from claim_row k where ${ofColumn(dataset!, column)} and ${atLevel(tier, 'k')}`;
  const out: DatasetShare[] = [];
  for (const share of await engine.rows<{ dataset: string; records: number; row_no: number | null }>('explain.by_dataset', found)) {
    if (share.row_no === null) continue;
    const first = await engine.row<{ key: string }>('explain.first', sql`select key from ${sql.id(`data_${share.dataset}`)} where row_no = ${share.row_no}`);
    out.push({ dataset: share.dataset, records: share.records, first: first.key });
  }
  return out;
}

/**
 * The claims that a figure's records of a data set rest on, the largest first, with how many of them each claims.
 * `whole`: these are all records of that level there.
 */
async function claimsOf(engine: Engine, figure: Figure, dataset: string, whole: boolean, most: number): Promise<ClaimShare[]> {
  const { tier, column } = figure;
  if (column !== null) return claimsOfColumn(engine, tier, dataset, column, most);
  const own = sql`select r.row_no from record_person r where r.dataset_id = ${dataset} and ${isCounted(figure)}`;
  const counted = whole
    ? sql`${totalOf(tier)} where c.dataset_id = ${dataset} and ${sql.id('t', tier)} > 0`
    : sql`select k.claim_id, count(distinct k.row_no) as n, max(k.tier_lower) as sure from claim_row k
          where k.colset_id in (select colset_id from colset where dataset_id = ${dataset}) and k.row_no in (${own}) group by 1`;
  return largest(engine, counted, most);
}

async function explainPersons(kase: OpenCase, counts: ExposureCounts, figure: Figure): Promise<ProofNode> {
  const { persons, records } = figure;
  const legal = await kase.engine.row<{ n: number }>(
    'explain.legal_persons',
    sql`select count(*) as n from record_person r where r.legal_person and ${isCounted(figure)}`,
  );
  const children = [
    say('persons-upper', { persons: persons.upper, records: records.upper }, []),
    say('persons-best', { persons: persons.best, records: records.lower }, []),
    say('persons-lower', { persons: persons.lower, records: records.lower }, []),
    ...(legal.n > 0 ? [say('legal-persons', { records: legal.n }, [])] : []),
    await explainRecords(kase, counts, figure),
  ];
  return say('persons', { figure: figure.title, least: persons.lower, persons: persons.upper }, children);
}
