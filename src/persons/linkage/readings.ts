import { type ColumnSpec, type Engine, type Sql, sql } from '../../engine/index.ts';
import { phoneKey } from '../normal/index.ts';
import { type Name, type PlaceReading, readAddress, readBirth, readEmail, readIdent, readKana, readPlace, readPostal, readSex } from './standardise.ts';

/**
 * How the values of one kind of field become comparable. Values, not rows, are read: each distinct text once. `plain` is a
 * form so usual that the engine reads it by itself, with the very result of the reader; the property tests hold the two together.
 */
export type Reading = {
  readonly kind: string;
  readonly columns: readonly string[];
  readonly read: (text: string) => readonly (string | boolean | null)[];
  /** Of a text `v`: whether it is of the plain form, and its one column. */
  readonly plain?: { readonly when: (v: Sql) => Sql; readonly value: (v: Sql) => Sql };
};

const placeColumns = ['address', 'block', 'town', 'area'] as const;
const placeRow = (p: PlaceReading): readonly (string | null)[] => [p.address, p.block, p.town, p.area];

export function readings(readName: (text: string) => Name): readonly Reading[] {
  return [
    {
      kind: 'name',
      columns: ['legal', 'japanese', 'surname', 'given', 'former', 'surname_read', 'given_read'],
      read: text => {
        const n = readName(text);
        return [n.legal, n.japanese, n.surname, n.given, n.former, n.read?.surname ?? null, n.read?.given ?? null];
      },
    },
    {
      kind: 'kana',
      columns: ['surname_read', 'given_read', 'whole_read'],
      read: text => {
        const k = readKana(text);
        return [k.surname, k.given, k.whole || null];
      },
    },
    { kind: 'birth', columns: ['birth'], read: text => [readBirth(text)] },
    { kind: 'sex', columns: ['sex'], read: text => [readSex(text)] },
    { kind: 'address', columns: placeColumns, read: text => placeRow(readAddress(text)) },
    { kind: 'postal', columns: ['area'], read: text => [readPostal(text)] },
    {
      kind: 'phone',
      columns: ['phone'],
      read: text => [phoneKey(text)],
      plain: {
        when: v =>
          sql`(regexp_full_match(${v}, '0[0-9]{1,4}-?[0-9]{1,4}-?[0-9]{3,4}') and length(replace(${v}, '-', '')) >= 9 and not starts_with(${v}, '010') and not starts_with(${v}, '00'))`,
        value: v => sql`replace(${v}, '-', '')`,
      },
    },
    {
      kind: 'email',
      columns: ['email'],
      read: text => [readEmail(text)],
      plain: {
        when: v =>
          sql`(regexp_full_match(${v}, '[a-z0-9_.-]+@[a-z0-9]+(?:-[a-z0-9]+)*(?:\\.[a-z0-9]+)*\\.[a-z]{2,}') and not regexp_matches(${v}, '@(gmail|googlemail)\\.com$'))`,
        value: v => v,
      },
    },
    { kind: 'ident', columns: ['ident'], read: text => [readIdent(text)] },
    { kind: 'place', columns: ['place'], read: text => [readPlace(text)] },
  ];
}

/** Addresses whose numbers stand plainly after the town (千住2-20-21 ハイム本町501): the town is read once, the numbers by the engine. */
const letters = '[\\p{Han}\\p{Hiragana}\\p{Katakana}ー]';
const plainAddress = `^(${letters}+)([1-9][0-9]{0,3}-[1-9][0-9]{0,3}(?:-[1-9][0-9]{0,3})?)(?: ${letters}+([0-9]{1,5}))?$`;
/** Kanji numerals may join the digits, and in Kyoto streets and towns change places. */
const unusual = '[一二三四五六七八九十〇]|京都';

/** Of an address `v`: town, numbers and room when it is plain, else empty strings. */
export const plainParts = (v: Sql): Sql =>
  sql`regexp_extract(case when regexp_matches(${v}, ${sql.lit(unusual)}) then '' else ${v} end, ${sql.lit(plainAddress)}, ['town', 'numbers', 'room'])`;

/** What the town of a plain address says: as the whole address would be read. */
export const readTown = (town: string): readonly (string | null)[] => {
  const p = readAddress(`${town}1-1-1`);
  return [p.town, p.area];
};

/** Replace `table` by each distinct text of `texts` (a query of one column `v`) beside what it says. */
export async function writeReadings(
  engine: Engine,
  source: Engine,
  table: string,
  columns: readonly string[],
  texts: Sql,
  read: (text: string) => readonly (string | boolean | null)[],
): Promise<number> {
  const specs: ColumnSpec[] = [
    { name: 'v', type: 'VARCHAR' },
    ...columns.map(name => ({ name, type: name === 'legal' || name === 'japanese' ? ('BOOLEAN' as const) : ('VARCHAR' as const) })),
  ];
  return engine.load(table, specs, rows());
  async function* rows(): AsyncGenerator<readonly unknown[]> {
    for await (const batch of source.stream<{ v: string }>('link.texts', sql`select distinct v from (${texts}) where v is not null`)) {
      for (const { v } of batch) yield [v, ...read(v)];
    }
  }
}
