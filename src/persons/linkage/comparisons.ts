import { type Sql, sql } from '../../engine/index.ts';
import { type Dialect, duckdb } from './dialect.ts';

/**
 * What is compared, and how well two records can agree on it. Level 0 is "differ"; a missing value on either side is no evidence.
 * Conditions are over the two sides `l` and `r` of a pair.
 */
export type Comparison = {
  readonly name: string;
  /** Both sides know it. */
  readonly known: Sql;
  /** From best to worst; the first that holds is the level. */
  readonly levels: readonly Level[];
};
export type Level = {
  readonly level: number;
  readonly label: string;
  readonly when: Sql;
  /** Expected share among true matches and among others, before anything is learned. */
  readonly m: number;
  readonly u: number;
  /** Column whose frequency sharpens the weight of this level. */
  readonly frequency?: 'surname' | 'given' | 'birth' | 'address' | 'phone' | 'email' | 'ident';
};

const l = (column: string): Sql => sql`l.${sql.id(column)}`;
const r = (column: string): Sql => sql`r.${sql.id(column)}`;
const same = (column: string): Sql => sql`${l(column)} = ${r(column)}`;
const both = (column: string): Sql => sql`${l(column)} is not null and ${r(column)} is not null`;
/** Spelling slips are looked for in Latin letters only: in kanji one stroke makes another name. */
const latin = sql`not l.japanese and not r.japanese`;
const alikeIn =
  (d: Dialect) =>
  (column: string, at: number): Sql =>
    sql`(${latin} and ${d.alike(l(column), r(column))} >= ${sql.lit(at)})`;

export const comparisonsIn = (d: Dialect, alike = alikeIn(d)): readonly Comparison[] => [
  {
    name: 'surname',
    known: sql`((${both('surname')}) or (${both('surname_read')}) or (${both('whole_read')}))`,
    levels: [
      { level: 4, label: 'same', when: sql`(${same('surname')} or ${same('whole')})`, m: 0.9, u: 0.004, frequency: 'surname' },
      {
        level: 3,
        label: 'same-reading',
        when: sql`((${same('surname_read')} or ${same('whole_read')}) and (l.surname is null or r.surname is null or ${latin} or l.japanese))`,
        m: 0.04,
        u: 0.006,
      },
      { level: 2, label: 'former-name', when: sql`(l.former = r.surname or l.surname = r.former or l.former = r.former)`, m: 0.004, u: 0.0005 },
      { level: 1, label: 'alike', when: sql`(${alike('surname', 0.88)} or (${latin} and l.surname = r.given and l.given = r.surname))`, m: 0.03, u: 0.01 },
      { level: 0, label: 'differs', when: sql`true`, m: 0.03, u: 0.98 },
    ],
  },
  {
    name: 'given',
    known: sql`((${both('given')}) or (${both('given_read')}) or (${both('whole_read')}))`,
    levels: [
      {
        level: 4,
        label: 'same',
        when: sql`((${same('given')} or ${same('whole')}) and (${same('given_read')} or ${same('whole_read')} or l.given_read is null or r.given_read is null))`,
        m: 0.9,
        u: 0.004,
        frequency: 'given',
      },
      { level: 3, label: 'same-other-reading', when: sql`(${same('given')} or ${same('whole')})`, m: 0.01, u: 0.003, frequency: 'given' },
      {
        level: 2,
        label: 'same-reading',
        when: sql`((${same('given_read')} or ${same('whole_read')}) and (l.given is null or r.given is null or l.japanese or ${latin}))`,
        m: 0.04,
        u: 0.008,
      },
      {
        level: 1,
        label: 'alike',
        when: sql`(${alike('given', 0.88)} or (${latin} and (starts_with(l.given, r.given) or starts_with(r.given, l.given)) and least(length(l.given), length(r.given)) >= 1)
        or (${latin} and l.surname = r.given and l.given = r.surname))`,
        m: 0.03,
        u: 0.01,
      },
      { level: 0, label: 'differs', when: sql`true`, m: 0.02, u: 0.975 },
    ],
  },
  {
    name: 'birth',
    known: both('birth'),
    levels: [
      { level: 4, label: 'same', when: same('birth'), m: 0.94, u: 0.00004, frequency: 'birth' },
      {
        level: 3,
        label: 'one-digit-or-swapped',
        when: sql`(${d.places(l('birth'), r('birth'))} = 1 or (substr(l.birth, 1, 4) = substr(r.birth, 1, 4) and substr(l.birth, 5, 2) = substr(r.birth, 7, 2) and substr(l.birth, 7, 2) = substr(r.birth, 5, 2)))`,
        m: 0.025,
        u: 0.0012,
      },
      {
        level: 2,
        label: 'two-parts-same',
        when: sql`((substr(l.birth, 1, 6) = substr(r.birth, 1, 6)) or (substr(l.birth, 5, 4) = substr(r.birth, 5, 4)) or (substr(l.birth, 1, 4) = substr(r.birth, 1, 4) and substr(l.birth, 7, 2) = substr(r.birth, 7, 2)))`,
        m: 0.02,
        u: 0.004,
      },
      { level: 1, label: 'same-year', when: sql`substr(l.birth, 1, 4) = substr(r.birth, 1, 4)`, m: 0.005, u: 0.015 },
      { level: 0, label: 'differs', when: sql`true`, m: 0.01, u: 0.98 },
    ],
  },
  {
    name: 'sex',
    known: both('sex'),
    levels: [
      { level: 1, label: 'same', when: same('sex'), m: 0.99, u: 0.5 },
      { level: 0, label: 'differs', when: sql`true`, m: 0.01, u: 0.5 },
    ],
  },
  {
    name: 'address',
    known: sql`((${both('address')}) or (${both('area')}) or (${both('town')}))`,
    levels: [
      { level: 5, label: 'same', when: same('address'), m: 0.7, u: 0.00005, frequency: 'address' },
      {
        level: 4,
        label: 'same-building',
        when: sql`(${same('block')} or (${latin} and l.address is not null and r.address is not null and ${d.letters(l('address'), r('address'))} >= 0.8 and ${same('area')}))`,
        m: 0.12,
        u: 0.0001,
      },
      { level: 3, label: 'alike', when: sql`${alike('address', 0.85)}`, m: 0.05, u: 0.002 },
      { level: 2, label: 'same-town', when: sql`(${same('town')} or (${latin} and ${same('area')}))`, m: 0.05, u: 0.003 },
      { level: 1, label: 'same-city', when: same('area'), m: 0.03, u: 0.02 },
      { level: 0, label: 'differs', when: sql`true`, m: 0.12, u: 0.97 },
    ],
  },
  {
    name: 'phone',
    known: both('phone'),
    levels: [
      { level: 1, label: 'same', when: sql`(${same('phone')} or l.phone = r.phone2 or l.phone2 = r.phone)`, m: 0.65, u: 0.00001, frequency: 'phone' },
      { level: 0, label: 'differs', when: sql`true`, m: 0.35, u: 0.99 },
    ],
  },
  {
    name: 'email',
    known: both('email'),
    levels: [
      { level: 2, label: 'same', when: same('email'), m: 0.8, u: 0.000005, frequency: 'email' },
      {
        level: 1,
        label: 'alike',
        when: sql`(split_part(l.email, '@', 1) = split_part(r.email, '@', 1) or ${d.alike(l('email'), r('email'))} >= 0.92)`,
        m: 0.05,
        u: 0.0005,
      },
      { level: 0, label: 'differs', when: sql`true`, m: 0.15, u: 0.99 },
    ],
  },
  {
    name: 'ident',
    known: both('ident'),
    levels: [
      { level: 2, label: 'same', when: same('ident'), m: 0.9, u: 0.000001, frequency: 'ident' },
      { level: 1, label: 'one-slip', when: sql`(length(l.ident) = length(r.ident) and ${d.edits(l('ident'), r('ident'))} = 1)`, m: 0.08, u: 0.00001 },
      { level: 0, label: 'differs', when: sql`true`, m: 0.02, u: 0.99 },
    ],
  },
  {
    name: 'place',
    known: both('place'),
    levels: [
      { level: 1, label: 'same', when: same('place'), m: 0.7, u: 0.02 },
      { level: 0, label: 'differs', when: sql`true`, m: 0.3, u: 0.98 },
    ],
  },
];

export const comparisons = comparisonsIn(duckdb);

/** The level of one comparison as SQL; −1 where a side does not know it. */
export function levelSql(c: Comparison): Sql {
  return sql`case when not (${c.known}) then -1 ${sql.join(
    c.levels.map(x => sql`when ${x.when} then ${sql.lit(x.level)}`),
    sql` `,
  )} else 0 end`;
}
