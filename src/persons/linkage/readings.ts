import { type ColumnSpec, type Engine, type Sql, sql } from '../../engine/index.ts';
import { phoneKey } from '../normal/index.ts';
import type { Dialect } from './dialect.ts';
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
  readonly plain?: { readonly when: (v: Sql, d: Dialect) => Sql; readonly value: (v: Sql) => Sql };
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
    {
      kind: 'birth',
      columns: ['birth'],
      read: text => [readBirth(text)],
      plain: {
        when: (v, d) => sql`(${d.matches(v, '(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])')} and ${v} not in ('1900-01-01', '1970-01-01'))`,
        value: v => sql`replace(${v}, '-', '')`,
      },
    },
    { kind: 'sex', columns: ['sex'], read: text => [readSex(text)] },
    { kind: 'address', columns: placeColumns, read: text => placeRow(readAddress(text)) },
    {
      kind: 'postal',
      columns: ['area'],
      read: text => [readPostal(text)],
      plain: { when: (v, d) => d.matches(v, '[0-9]{3}-?[0-9]{4}'), value: v => sql`replace(${v}, '-', '')` },
    },
    {
      kind: 'phone',
      columns: ['phone'],
      read: text => [phoneKey(text)],
      plain: {
        when: (v, d) =>
          sql`(${d.matches(v, '0[0-9]{1,4}-?[0-9]{1,4}-?[0-9]{3,4}')} and length(replace(${v}, '-', '')) >= 9 and ${v} not like '010%' and ${v} not like '00%')`,
        value: v => sql`replace(${v}, '-', '')`,
      },
    },
    {
      kind: 'email',
      columns: ['email'],
      read: text => [readEmail(text)],
      plain: {
        when: (v, d) =>
          sql`(${d.matches(v, '[A-Za-z0-9_.-]+@[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?:[.][A-Za-z0-9]+)*[.][A-Za-z]{2,}')} and not (lower(${v}) like '%@gmail.com' or lower(${v}) like '%@googlemail.com'))`,
        value: v => sql`lower(${v})`,
      },
    },
    { kind: 'ident', columns: ['ident'], read: text => [readIdent(text)] },
    { kind: 'place', columns: ['place'], read: text => [readPlace(text)] },
  ];
}

/** What texts say, by table; each distinct text is read once. */
export type Dictionary = {
  /** Add to `table` the texts of a query of one column `v` that it does not hold yet, with what they say. */
  readonly read: (table: string, columns: readonly string[], texts: Sql, read: (text: string) => readonly (string | boolean | null)[]) => Promise<void>;
  readonly drop: () => Promise<void>;
};

export async function openDictionary(engine: Engine): Promise<Dictionary> {
  const held = new Set<string>();
  // What is read and what is written at the same time need a connection each.
  const reader = await engine.reader();
  return {
    async read(table, columns, texts, read) {
      const specs: ColumnSpec[] = [
        { name: 'v', type: 'VARCHAR' },
        ...columns.map(name => ({ name, type: name === 'legal' || name === 'japanese' ? ('BOOLEAN' as const) : ('VARCHAR' as const) })),
      ];
      if (!held.has(table)) await engine.load(table, specs, []);
      held.add(table);
      await engine.run(
        'link.new_texts',
        sql`create or replace table link_text as select distinct v from (${texts}) t anti join ${sql.id(table)} d using (v) where v is not null`,
      );
      await engine.append(table, specs, rows());
      async function* rows(): AsyncGenerator<readonly unknown[]> {
        for await (const batch of reader.stream<{ v: string }>('link.texts', sql`select v from link_text`)) for (const { v } of batch) yield [v, ...read(v)];
      }
    },
    async drop() {
      for (const t of [...held, 'link_text']) await engine.run('link.drop', sql`drop table if exists ${sql.id(t)}`);
    },
  };
}
