import { type Element, elements } from '../case/index.ts';
import { type Sql, sql } from '../engine/index.ts';
import type { ExposureCounts, PersonCount, RecordRange, Tiers } from './count/figures.ts';
import { elementBit } from './count/record-masks.ts';
import { titleOfFigure, type Words } from './figure-title.ts';

export type Tier = keyof Tiers;

/** A number of result.json: how it is called, what was counted, and which records of `record_person` (r) these are. */
export type Figure = {
  readonly title: Words;
  readonly unit: 'records' | 'persons';
  /** The level of its records; where there are two bounds, of the upper one's. */
  readonly tier: Tier;
  /** null: of all data sets. */
  readonly dataset: string | null;
  readonly column: string | null;
  /** What its records satisfy beside their level; null: nothing. */
  readonly condition: Sql | null;
  readonly records: RecordRange;
  readonly persons: PersonCount;
};

type View = Pick<Figure, 'condition'> & { readonly lower: Sql; readonly records: RecordRange; readonly persons: PersonCount };

const nobody: PersonCount = { lower: 0, best: 0, upper: 0 };
const exactly = (n: number): RecordRange => ({ lower: n, upper: n });

/** The figure of that reference (`explainAnything` lists their forms), or null. */
export function parseFigure(counts: ExposureCounts, name: string): Figure | null {
  const last = name.slice(name.lastIndexOf('.') + 1);
  return Object.hasOwn(counts.figures.records, last) ? parseTier(counts, name, last as Tier) : parseSubject(counts, name);
}

/** `records.T` `persons.T` `datasets.D.T` `datasets.D.COLUMN.T` */
function parseTier(counts: ExposureCounts, name: string, tier: Tier): Figure | null {
  const base = { tier, dataset: null, column: null, condition: null };
  for (const unit of ['records', 'persons'] as const)
    if (name === `${unit}.${tier}`)
      return {
        ...base,
        title: titleOfFigure({ unit, tier, dataset: null, column: null }),
        unit,
        records: exactly(counts.figures.records[tier]),
        persons: counts.figures.persons[tier],
      };
  const dataset = counts.datasets.find(d => name.startsWith(`datasets.${d.id}.`));
  if (!dataset) return null;
  const named = name.slice(`datasets.${dataset.id}.`.length, -tier.length - 1);
  const column = named === '' ? null : dataset.columns.find(c => c.name === named);
  if (column === undefined) return null;
  return {
    ...base,
    title: titleOfFigure({ unit: 'records', tier, dataset: dataset.id, column: column?.name ?? null }),
    unit: 'records',
    dataset: dataset.id,
    column: column?.name ?? null,
    records: exactly((column ?? dataset.records)[tier]),
    persons: nobody,
  };
}

/** `combinations.N.BOUND` `roles.R.BOUND` `roles.R.ELEMENT.BOUND` with BOUND = `records.lower` `records.upper` `persons` */
function parseSubject(counts: ExposureCounts, name: string): Figure | null {
  const [, kind, subject, bound] = /^(combinations|roles)\.(.+?)\.(records\.lower|records\.upper|persons)$/.exec(name) ?? [];
  if (subject === undefined) return null;
  const side = bound === 'records.lower' ? 'lower' : bound === 'records.upper' ? 'upper' : 'persons';
  const found = kind === 'combinations' ? combination(counts, Number(subject)) : role(counts, subject);
  if (found === null) return null;
  const { view, ...named } = found;
  return {
    title: titleOfFigure({ ...named, bound: side }),
    unit: side === 'persons' ? 'persons' : 'records',
    tier: side === 'lower' ? 'executed' : 'possible',
    dataset: null,
    column: null,
    condition: side === 'lower' ? view.lower : view.condition,
    records: side === 'persons' ? view.records : exactly(view.records[side]),
    persons: view.persons,
  };
}

type Found = { readonly subject: readonly string[]; readonly role: string | null; readonly view: View };

function combination(counts: ExposureCounts, index: number): Found | null {
  const found = counts.combinations[index];
  if (found === undefined) return null;
  const mask = maskOf(found.elements);
  return { subject: found.elements, role: null, view: { ...found, lower: sql`r.g3 = ${mask}`, condition: sql`r.g2 = ${mask}` } };
}

/** Contact data count as one group, held by the bit of the first of them. */
function maskOf(combined: readonly string[]): number {
  const contact = elements.find(e => e.startsWith('contact.'))!;
  return combined.reduce((m, e) => m + 2 ** elementBit.get(e === 'contact.*' ? contact : (e as Element))!, 0);
}

function role(counts: ExposureCounts, subject: string): Found | null {
  const whole = counts.roles.find(r => subject === r.role || subject.startsWith(`${r.role}.`));
  if (whole === undefined) return null;
  const ofRole = sql`r.role = ${whole.role}`;
  if (subject === whole.role) return { subject: [], role: whole.role, view: { ...whole, lower: ofRole, condition: ofRole } };
  const part = whole.of_which.find(p => subject === `${whole.role}.${p.element}`);
  if (part === undefined) return null;
  const flag = 2 ** elementBit.get(part.element)!;
  return {
    subject: [part.element],
    role: whole.role,
    view: { ...part, lower: sql`${ofRole} and r.m3 & ${flag}::bigint <> 0`, condition: sql`${ofRole} and r.m2 & ${flag}::bigint <> 0` },
  };
}
