import fs from 'node:fs';
import path from 'node:path';
import { printable, UserError } from '../base/index.ts';
import { type Element, elements, type OpenCase } from '../case/index.ts';
import { type Sql, sql } from '../engine/index.ts';
import { explainReachable, explainRef, type ProofNode, ruleOf } from '../exposure/index.ts';
import { elementBit } from './count/record-masks.ts';
import { titleOfFigure, type Words, words } from './figure-title.ts';

/**
 * Why a figure is what it is: every number of result.json has a reference, and each leads over records and claims to lines of evidence.
 * `records.T` `persons.T` · `datasets.D.T` `datasets.D.COLUMN.T` · `combinations.N.(records.lower|records.upper|persons)` ·
 * `roles.R[.ELEMENT].(records.lower|records.upper|persons)`, with T = confirmed, executed, possible, not_excluded.
 * Anything that is not a figure is answered by `explainRef`.
 */
export async function explainAnything(kase: OpenCase, ref: string): Promise<ProofNode> {
  if (!ref.startsWith('figure:')) return explainRef(kase, ref);
  const bounds = /^figure:(?:bounds\.(?:records|persons)|datasets\.(.+)\.bounds)$/.exec(ref);
  if (bounds) return explainBounds(kase, ref.slice(7), bounds[1] ?? null);
  const figure = parseFigure(kase, ref.slice(7));
  if (figure === null) throw new UserError('exposure.unknown-ref', { ref: printable(ref, 80) });
  return figure.unit === 'persons' ? explainPersons(kase, figure) : explainRecords(kase, figure, figure.upper);
}

/** A set of records: those of `record_person` that satisfy `where`; `lower` and `upper` differ only for persons. */
type Figure = {
  readonly title: Words;
  readonly unit: 'records' | 'persons';
  /** `confirmed` … `not_excluded`, or null for a combination or a role. */
  readonly tier: string | null;
  readonly lower: Sql;
  readonly upper: Sql;
  readonly column: string | null;
};

const tierOf: Readonly<Record<string, Sql>> = {
  confirmed: sql`r.tier_lower >= 4`,
  executed: sql`r.tier_lower >= 3`,
  possible: sql`r.tier_upper >= 2`,
  not_excluded: sql`r.tier_upper >= 1`,
};
const columnTier: Readonly<Record<string, Sql>> = {
  confirmed: sql`c.tier_lower >= 4`,
  executed: sql`c.tier_lower >= 3`,
  possible: sql`c.tier_upper >= 2`,
  not_excluded: sql`c.tier_upper >= 1`,
};

function parseFigure(kase: OpenCase, name: string): Figure | null {
  const parts = name.split('.');
  const last = parts.at(-1)!;
  const tier = tierOf[last];
  const tiered = (unit: Figure['unit'], where: Sql, dataset: string | null, column: string | null): Figure => ({
    title: titleOfFigure({ unit, tier: last, dataset, column }),
    unit,
    tier: last,
    lower: where,
    upper: where,
    column,
  });
  if (parts.length === 2 && tier && (parts[0] === 'records' || parts[0] === 'persons')) return tiered(parts[0], tier, null, null);
  if (parts[0] === 'datasets' && tier) {
    const dataset = kase.file.datasets.find(d => name.startsWith(`datasets.${d.id}.`))?.id;
    if (dataset === undefined) return null;
    const column = name.slice(`datasets.${dataset}.`.length, -last.length - 1);
    if (column === '') return tiered('records', sql`r.dataset_id = ${dataset} and ${tier}`, dataset, null);
    return tiered(
      'records',
      sql`r.dataset_id = ${dataset} and exists (from cell_tier c join dataset_column d using (dataset_id, column_no)
      where c.dataset_id = ${dataset} and c.row_no = r.row_no and d.name = ${column} and ${columnTier[last]!})`,
      dataset,
      column,
    );
  }
  const bound = name.endsWith('.records.lower') ? 'lower' : name.endsWith('.records.upper') ? 'upper' : last === 'persons' ? 'persons' : null;
  if (bound === null) return null;
  const view = subjectView(kase, name.slice(0, bound === 'persons' ? -'.persons'.length : -`.records.${bound}`.length));
  if (view === null) return null;
  const title = titleOfFigure({ subject: view.elements, role: view.role, bound });
  if (bound === 'persons') return { title, unit: 'persons', tier: null, lower: view.lower, upper: view.upper, column: null };
  return { title, unit: 'records', tier: null, lower: view[bound], upper: view[bound], column: null };
}

type SubjectView = { readonly lower: Sql; readonly upper: Sql; readonly role: string | null; readonly elements: readonly string[] };

/** The lower and the upper view of a combination or a role. */
function subjectView(kase: OpenCase, subject: string): SubjectView | null {
  const [kind, first, ...rest] = subject.split('.');
  if (kind === 'combinations' && first !== undefined && rest.length === 0) {
    const combination = combinationOf(kase, Number(first));
    if (combination === null) return null;
    const mask = maskOf(combination);
    return { lower: sql`r.tier_lower >= 3 and r.g3 = ${mask}`, upper: sql`r.tier_upper >= 2 and r.g2 = ${mask}`, role: null, elements: combination };
  }
  if (kind !== 'roles' || first === undefined) return null;
  if (rest.length === 0)
    return { lower: sql`r.role = ${first} and r.tier_lower >= 3`, upper: sql`r.role = ${first} and r.tier_upper >= 2`, role: first, elements: [] };
  const element = rest.join('.');
  const bit = elementBit.get(element as Element);
  if (bit === undefined) return null;
  const flag = 2 ** bit;
  return {
    lower: sql`r.role = ${first} and r.tier_lower >= 3 and r.m3 & ${flag}::bigint <> 0`,
    upper: sql`r.role = ${first} and r.tier_upper >= 2 and r.m2 & ${flag}::bigint <> 0`,
    role: first,
    elements: [element],
  };
}

/** The elements of the N-th combination of result.json. */
function combinationOf(kase: OpenCase, index: number): string[] | null {
  const result = JSON.parse(fs.readFileSync(path.join(kase.outDir, 'result.json'), 'utf8')) as { exposure: { combinations: { elements: string[] }[] } };
  return result.exposure.combinations[index]?.elements ?? null;
}

/** Contact data count as one group, held by the bit of the first of them. */
function maskOf(combination: readonly string[]): number {
  const contact = elements.find(e => e.startsWith('contact.'))!;
  return combination.reduce((m, e) => m + 2 ** elementBit.get(e === 'contact.*' ? contact : (e as Element))!, 0);
}

/** `params` as figures and words of each language; the node keeps the plain ones. */
const say = (key: string, params: Readonly<Record<string, string | number | Words>>, children: readonly ProofNode[]): ProofNode => ({
  key,
  params: Object.fromEntries(Object.entries(params).map(([k, v]) => [k, typeof v === 'object' ? v.en : v])),
  text: words(`explain:${key}`, params),
  children,
});

type CountedResult = {
  exposure: {
    bounds: Record<'records' | 'persons', { lower: number; upper: number }>;
    datasets: { id: string; records: { possible: number }; bounds: { lower: number; upper: number } }[];
  };
};

/** The bounds that follow from numbers of rows: data set by data set, with the claims that know a number. */
async function explainBounds(kase: OpenCase, name: string, dataset: string | null): Promise<ProofNode> {
  const { exposure } = JSON.parse(fs.readFileSync(path.join(kase.outDir, 'result.json'), 'utf8')) as CountedResult;
  const chosen = exposure.datasets.filter(d => (dataset === null ? d.records.possible > 0 : d.id === dataset));
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
  const total = dataset !== null ? chosen[0]!.bounds : exposure.bounds[name === 'bounds.persons' ? 'persons' : 'records'];
  return say('bounds', { figure: words('explain:name.bounds'), lower: total.lower, upper: total.upper }, children);
}

const claimsShown = 5;

async function explainRecords(kase: OpenCase, figure: Figure, where: Sql): Promise<ProofNode> {
  const { engine } = kase;
  const datasets = await engine.rows<{ dataset_id: string; n: number; first: string }>(
    'explain.by_dataset',
    sql`
    select r.dataset_id, count(*) as n, min_by(p.key, r.row_no) as first from record_person r join person_label p using (dataset_id, row_no) where ${where} group by 1 order by 1`,
  );
  const total = datasets.reduce((n, d) => n + d.n, 0);
  const children: ProofNode[] = [];
  for (const d of datasets) {
    const claims = await engine.rows<{ claim_id: string; n: number }>(
      'explain.claims',
      sql`
      select k.claim_id, count(distinct k.row_no) as n from claim_row k join colset s using (colset_id)
      where s.dataset_id = ${d.dataset_id} and k.row_no in (select r.row_no from record_person r where r.dataset_id = ${d.dataset_id} and ${where})
      group by 1 order by max(k.tier_lower) desc, 2 desc, 1 limit ${claimsShown}`,
    );
    const proofs: ProofNode[] = [];
    for (const c of claims) {
      const proof = await explainRef(kase, c.claim_id);
      proofs.push(say('claim', { records: c.n, rule: ruleOf(proof) }, [proof]));
    }
    children.push(say('dataset', { dataset: d.dataset_id, records: d.n, first: `${d.dataset_id}/${d.first}` }, proofs));
  }
  if (total === 0) children.push(say('nothing', {}, []));
  if (figure.tier === 'not_excluded') children.push(...(await explainReachable(engine)));
  const meaning = words(`explain:meaning.${figure.tier ?? 'listed'}`);
  return say(figure.column === null ? 'records' : 'column-records', { figure: figure.title, records: total, column: figure.column ?? '', meaning }, children);
}

async function explainPersons(kase: OpenCase, figure: Figure): Promise<ProofNode> {
  const n = await kase.engine.row<{ wide: number; best: number; strict: number; lower: number; upper: number; legal: number }>(
    'explain.persons',
    sql`
    select count(distinct r.wide) filter (where ${figure.lower} and not r.legal_person) as wide, count(distinct r.best) filter (where ${figure.lower} and not r.legal_person) as best,
      count(distinct r.strict) filter (where ${figure.upper} and not r.legal_person) as strict,
      count(*) filter (where ${figure.lower}) as lower, count(*) filter (where ${figure.upper}) as upper, count(*) filter (where ${figure.upper} and r.legal_person) as legal
    from record_person r`,
  );
  const children = [
    say('persons-upper', { persons: n.strict, records: n.upper }, []),
    say('persons-best', { persons: n.best, records: n.lower }, []),
    say('persons-lower', { persons: n.wide, records: n.lower }, []),
    ...(n.legal > 0 ? [say('legal-persons', { records: n.legal }, [])] : []),
    await explainRecords(kase, figure, figure.upper),
  ];
  return say('persons', { figure: figure.title, least: n.wide, persons: n.strict }, children);
}
