import { type Sql, sql } from '../../engine/index.ts';
import { phoneKey } from '../normal/index.ts';
import type { Dialect } from './dialect.ts';
import { memoised } from './memo.ts';
import { type Name, readAddress, readBirth, readEmail, readIdent, readKana, readPlace, readPostal, readSex } from './standardise.ts';
import { usualAddress, usualKana, usualName } from './usual-forms.ts';

/**
 * How the values of one kind of field become comparable. A text read a moment ago is not read again. `plain` is a form so simple that the
 * engine reads it by itself, with the very result of the reader; the property tests hold the two together.
 */
export type Reading = {
  readonly kind: string;
  readonly columns: readonly string[];
  readonly read: (text: string) => readonly (string | null)[];
  /** Of a text `v`: whether it is of the plain form, and its one column. */
  readonly plain?: { readonly when: (v: Sql, d: Dialect) => Sql; readonly value: (v: Sql) => Sql };
};

export function readings(readName: (text: string) => Name): readonly Reading[] {
  const [name, kana, address] = [usualName(), usualKana(), usualAddress()];
  const [wholeName, wholeKana, wholeAddress] = [memoised(readName), memoised(readKana), memoised(readAddress)];
  return [
    {
      kind: 'name',
      columns: ['legal', 'japanese', 'surname', 'given', 'former', 'surname_read', 'given_read'],
      read: text => {
        const usual = name(text);
        if (usual !== undefined) return [null, 'y', usual.surname, usual.given, null, null, null];
        const n = wholeName(text);
        return [n.legal ? 'y' : null, n.japanese ? 'y' : null, n.surname, n.given, n.former, n.read?.surname ?? null, n.read?.given ?? null];
      },
    },
    {
      kind: 'kana',
      // The whole reading only where it is not surname and given name in one.
      columns: ['surname_read', 'given_read', 'whole_read'],
      read: text => {
        const usual = kana(text);
        if (usual !== undefined) return [usual.surname, usual.given, null];
        const k = wholeKana(text);
        return [k.surname, k.given, k.whole === (k.surname ?? '') + (k.given ?? '') ? null : k.whole];
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
    {
      kind: 'sex',
      columns: ['sex'],
      read: text => [readSex(text)],
      plain: {
        when: v => sql`${v} in ('M', 'F', 'm', 'f', '男', '女', '1', '2')`,
        value: v => sql`case when ${v} in ('M', 'm', '男', '1') then 'm' else 'f' end`,
      },
    },
    {
      kind: 'address',
      // Of the usual form its parts, because they are short and the same again and again: the engine makes the texts of them.
      columns: ['address', 'block', 'town', 'house', 'room', 'area'],
      read: text => {
        const usual = address(text);
        if (usual !== undefined) return [null, null, usual.town, usual.house, usual.room, usual.area];
        const p = wholeAddress(text);
        return [p.address, p.block, p.town, null, null, p.area];
      },
    },
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
