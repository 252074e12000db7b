import fs from 'node:fs';
import path from 'node:path';
import { printable, t, UserError } from '../base/index.ts';
import { type Element, elements, type OpenCase } from '../case/index.ts';
import { type Sql, sql } from '../engine/index.ts';
import { explainRef, type ProofNode } from '../exposure/index.ts';
import { elementBit } from './count/record-masks.ts';

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
  readonly name: string;
  readonly unit: 'records' | 'persons';
  readonly lower: Sql;
  readonly upper: Sql;
  readonly column: { dataset: string; name: string } | null;
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
  const same = (unit: Figure['unit'], where: Sql, column: Figure['column'] = null): Figure => ({ name, unit, lower: where, upper: where, column });
  if (parts.length === 2 && tier && (parts[0] === 'records' || parts[0] === 'persons')) return same(parts[0], tier);
  if (parts[0] === 'datasets' && tier) {
    const dataset = kase.file.datasets.find(d => name.startsWith(`datasets.${d.id}.`))?.id;
    if (dataset === undefined) return null;
    const column = name.slice(`datasets.${dataset}.`.length, -last.length - 1);
    if (column === '') return same('records', sql`r.dataset_id = ${dataset} and ${tier}`);
    return same(
      'records',
      sql`r.dataset_id = ${dataset} and exists (from cell_tier c join dataset_column d using (dataset_id, column_no)
      where c.dataset_id = ${dataset} and c.row_no = r.row_no and d.name = ${column} and ${columnTier[last]!})`,
      { dataset, name: column },
    );
  }
  const bound = name.endsWith('.records.lower') ? 'lower' : name.endsWith('.records.upper') ? 'upper' : last === 'persons' ? 'persons' : null;
  if (bound === null) return null;
  const subject = name.slice(0, bound === 'persons' ? -'.persons'.length : -`.records.${bound}`.length);
  const view = subjectView(kase, subject);
  if (view === null) return null;
  if (bound === 'persons') return { name, unit: 'persons', ...view, column: null };
  return same('records', view[bound]);
}

/** The lower and the upper view of a combination or a role. */
function subjectView(kase: OpenCase, subject: string): { lower: Sql; upper: Sql } | null {
  const [kind, first, ...rest] = subject.split('.');
  if (kind === 'combinations' && first !== undefined && rest.length === 0) {
    const mask = combinationMask(kase, Number(first));
    return mask === null ? null : { lower: sql`r.tier_lower >= 3 and r.g3 = ${mask}`, upper: sql`r.tier_upper >= 2 and r.g2 = ${mask}` };
  }
  if (kind !== 'roles' || first === undefined) return null;
  if (rest.length === 0) return { lower: sql`r.role = ${first} and r.tier_lower >= 3`, upper: sql`r.role = ${first} and r.tier_upper >= 2` };
  const bit = elementBit.get(rest.join('.') as Element);
  if (bit === undefined) return null;
  const flag = 2 ** bit;
  return {
    lower: sql`r.role = ${first} and r.tier_lower >= 3 and r.m3 & ${flag}::bigint <> 0`,
    upper: sql`r.role = ${first} and r.tier_upper >= 2 and r.m2 & ${flag}::bigint <> 0`,
  };
}

/** The mask of the N-th combination of result.json; contact data count as one group, held by the bit of the first of them. */
function combinationMask(kase: OpenCase, index: number): number | null {
  const result = JSON.parse(fs.readFileSync(path.join(kase.outDir, 'result.json'), 'utf8')) as { exposure: { combinations: { elements: string[] }[] } };
  const combination = result.exposure.combinations[index];
  if (combination === undefined) return null;
  const contact = elements.find(e => e.startsWith('contact.'))!;
  return combination.elements.reduce((m, e) => m + 2 ** elementBit.get(e === 'contact.*' ? contact : (e as Element))!, 0);
}

const say = (key: string, params: Record<string, string | number>, children: readonly ProofNode[]): ProofNode => ({
  key,
  params,
  text: { ja: t('ja', `explain:${key}`, shown(params)), en: t('en', `explain:${key}`, shown(params)) },
  children,
});
const shown = (params: Record<string, string | number>): Record<string, string> =>
  Object.fromEntries(Object.entries(params).map(([k, v]) => [k, typeof v === 'number' ? v.toLocaleString('en-US') : v]));

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
  return say('bounds', { figure: name, lower: total.lower, upper: total.upper }, children);
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
    for (const c of claims) proofs.push(say('claim', { records: c.n }, [await explainRef(kase, c.claim_id)]));
    children.push(say('dataset', { dataset: d.dataset_id, records: d.n, first: `${d.dataset_id}/${d.first}` }, proofs));
  }
  if (total === 0) children.push(say('nothing', {}, []));
  return say(figure.column === null ? 'records' : 'column-records', { figure: figure.name, records: total, column: figure.column?.name ?? '' }, children);
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
  return say('persons', { figure: figure.name, persons: n.strict }, children);
}
