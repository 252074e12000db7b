import type { Element } from '../../case/index.ts';

/** The blocks of result.json about what was exposed (contract §5). Exact whole numbers; nothing is rounded here. */

export type Tiers = { confirmed: number; executed: number; possible: number; not_excluded: number };
export type PersonCount = { lower: number; best: number; upper: number };
export type RecordRange = { lower: number; upper: number };
export type ElementGroup = Element | 'contact.*';

export type ColumnCount = Tiers & { name: string; element: Element | null; attempted_only: boolean };
/**
 * `bounds`: how many records were shown, never fewer, never more; narrower than executed–possible where statements are known to have shown
 * a number of rows but not which. `count_only`: those numbers themselves.
 */
export type DatasetCount = { id: string; rows: number; records: Tiers; bounds: RecordRange; count_only: RecordRange; columns: ColumnCount[] };

/** What values had to do with answers to the intruder, the closest first: see `ContactCount`. */
export const contactKinds = ['displayed', 'disclosed', 'derived', 'contributed', 'influenced'] as const;
export type ContactKind = (typeof contactKinds)[number];
/**
 * Values and records of a data set by their closest contact with an answer: `displayed` in it, `disclosed` by a condition that a shown row met
 * (or rebuilt from yes and no), `derived` (a computed value was made of it), `contributed` (a row was joined or met a condition) and
 * `influenced` (it may have decided the answer without having part in it; rows only). `lower` sorts each by its closest certain
 * contact, `upper` by its closest possible one: each view counts every value once. Only `displayed` and `disclosed` can be exposed.
 */
export type ContactCount = { dataset: string; contact: ContactKind; values: RecordRange; records: RecordRange };

/**
 * One exact combination of elements. `records.lower` counts records of which exactly these are proven (the rows of that view sum to
 * `executed`), `records.upper` records of which exactly these are possible (they sum to `possible`). The two views must not be
 * mixed; `certain`–`within` is the interval that holds the true number of records with exactly this combination.
 */
export type CombinationCount = { elements: ElementGroup[]; records: RecordRange; certain: number; within: number; persons: PersonCount };

export type RoleCount = {
  role: string;
  records: RecordRange;
  persons: PersonCount;
  /** うち: records of this role with that element; part of the figure above, never added to it. */
  of_which: { element: Element; records: RecordRange; persons: PersonCount }[];
};

export type AbsentElement = { element: Element; basis: string; text: { ja: string; en: string } };

export type ExposureCounts = {
  figures: { records: Tiers; persons: { confirmed: PersonCount; executed: PersonCount; possible: PersonCount; not_excluded: PersonCount } };
  /** The same for all data sets together: records, and the persons they can belong to. */
  bounds: { records: RecordRange; persons: RecordRange };
  datasets: DatasetCount[];
  contacts: ContactCount[];
  combinations: CombinationCount[];
  /** The same partition over persons: the elements of all records of one person together. Sums to persons, view by view. */
  person_combinations: { elements: ElementGroup[]; persons: PersonCount }[];
  roles: RoleCount[];
  /**
   * 重複: records beyond the first of each person, companies left out. `lower` by what must be one person, `upper` by all that could be;
   * `executed` among the records of that figure, `possible` likewise.
   */
  duplicates: { executed: RecordRange; possible: RecordRange };
  absent: AbsentElement[];
  /** Companies and other bodies among the records: no persons, counted apart. */
  legal_persons: { records: RecordRange };
  /**
   * The law speaks of living individuals. `deceased` are records whose data set says that the person is dead; `persons` is the count of
   * persons of whom no record says so. Both beside the other figures, which count everybody; where nothing is known a person counts as living.
   */
  living: { deceased: RecordRange; persons: { executed: PersonCount; possible: PersonCount } };
};
