import {
  isLegalPersonName,
  kanaKey,
  nameKey,
  normaliseAddress,
  normaliseDate,
  normaliseEmail,
  normaliseName,
  phoneKey,
  romajiKey,
  widen,
} from '../normal/index.ts';
import type { LinkFields } from './fields.ts';

/** The comparable form of one record: keys, never shown. Null = not known. */
export type LinkRow = {
  legal: boolean;
  japanese: boolean;
  surname: string | null;
  given: string | null;
  /** Readings of the same two. */
  surname_read: string | null;
  given_read: string | null;
  former: string | null;
  /** Surname and given name in one, for names whose parts could not be told; the same of the readings. */
  whole: string | null;
  whole_read: string | null;
  birth: string | null;
  sex: string | null;
  /** Whole address with room, the same without room, town, city or postal code. */
  address: string | null;
  block: string | null;
  town: string | null;
  area: string | null;
  phone: string | null;
  phone2: string | null;
  email: string | null;
  ident: string | null;
  place: string | null;
};

export const linkRowNames = [
  'surname',
  'given',
  'surname_read',
  'given_read',
  'former',
  'whole',
  'whole_read',
  'birth',
  'sex',
  'address',
  'block',
  'town',
  'area',
  'phone',
  'phone2',
  'email',
  'ident',
  'place',
] as const;

type Reading = { surname: string | null; given: string | null };
export type Name = Reading & { legal: boolean; japanese: boolean; former: string | null; read: Reading | null };

const memo = <T>(limit: number, make: (text: string) => T): ((text: string) => T) => {
  let seen = new Map<string, T>();
  return text => {
    let made = seen.get(text);
    if (made === undefined) {
      if (seen.size > limit) seen = new Map();
      seen.set(text, (made = make(text)));
    }
    return made;
  };
};

const japaneseScript = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

export const nameReader = (surnames: ReadonlySet<string>): ((text: string) => Name) =>
  memo(400_000, (text: string): Name => {
    const n = normaliseName(text, surnames);
    const japanese = japaneseScript.test(n.full);
    if (n.legal_person) return { surname: null, given: legalKey(text), legal: true, japanese, former: null, read: null };
    if (n.script === 'none') return { surname: null, given: null, legal: false, japanese: false, former: null, read: null };
    if (n.script === 'latin' && n.surname !== null) {
      return {
        surname: nameKey(n.surname),
        given: nameKey(n.given ?? ''),
        legal: false,
        japanese: false,
        former: null,
        read: { surname: romajiKey(n.surname), given: romajiKey(n.given ?? '') },
      };
    }
    return {
      surname: n.surname === null ? null : nameKey(n.surname),
      given: nameKey(n.given ?? n.full) || null,
      legal: false,
      japanese,
      former: n.former_surname === null ? null : nameKey(n.former_surname),
      read: n.script === 'kana' && n.surname !== null ? { surname: kanaKey(n.surname), given: kanaKey(n.given ?? '') } : null,
    };
  });

function legalKey(text: string): string {
  return nameKey(
    widen(text)
      .replace(/株式会社|有限会社|合同会社|[(](?:株|有|同)[)]|[㈱㈲]/g, '')
      .replace(/\b(?:inc|llc|ltd|co|corp|gmbh)\b\.?/gi, ''),
  );
}

const readKana = memo(200_000, (text: string): Reading & { whole: string } => {
  const wide = widen(text);
  const space = wide.search(/[\s・]/);
  const whole = /^[\x20-\x7e]+$/.test(wide) ? romajiKey(wide) : kanaKey(wide);
  if (space > 0) return { surname: kanaKey(wide.slice(0, space)), given: kanaKey(wide.slice(space + 1)), whole };
  const n = normaliseName(wide);
  return {
    surname: n.surname === null || n.script !== 'kana' ? null : kanaKey(n.surname),
    given: n.surname === null || n.script !== 'kana' ? null : kanaKey(n.given ?? ''),
    whole,
  };
});

const sexes: Record<string, string> = {
  m: 'm',
  male: 'm',
  man: 'm',
  男: 'm',
  男性: 'm',
  '1': 'm',
  f: 'f',
  female: 'f',
  woman: 'f',
  女: 'f',
  女性: 'f',
  '2': 'f',
};
const standIn = new Set(['1900-01-01', '1899-12-30', '1899-12-31', '1970-01-01', '9999-12-31', '1111-11-11']);

/** Standardise one record given its raw cells by field. `cell` is asked for each column of the fields once. */
export function standardise(f: LinkFields, readName: (text: string) => Name, cell: (column: string) => string | null): LinkRow {
  const joined = (columns: readonly string[], by = ' '): string => {
    if (columns.length === 0) return '';
    if (columns.length === 1) return cell(columns[0]!) ?? '';
    return columns
      .map(c => cell(c) ?? '')
      .filter(v => v !== '')
      .join(by);
  };
  const out: LinkRow = {
    legal: false,
    japanese: false,
    surname: null,
    given: null,
    surname_read: null,
    given_read: null,
    former: null,
    whole: null,
    whole_read: null,
    birth: null,
    sex: null,
    address: null,
    block: null,
    town: null,
    area: null,
    phone: null,
    phone2: null,
    email: null,
    ident: null,
    place: null,
  };
  if (f.surname.length > 0) {
    const [s, g] = [joined(f.surname), joined(f.given)];
    out.japanese = japaneseScript.test(s + g);
    out.legal = isLegalPersonName(s + g);
    out.surname = nameKey(s) || null;
    out.given = nameKey(g) || null;
    if (!out.japanese) {
      out.surname_read = soundOf(s);
      out.given_read = soundOf(g);
    }
  } else if (f.full.length > 0) {
    const text = joined(f.full);
    if (text !== '') {
      const n = readName(text);
      out.legal = n.legal;
      out.japanese = n.japanese;
      out.surname = n.surname;
      out.given = n.given;
      out.former = n.former;
      if (n.read) {
        out.surname_read = n.read.surname;
        out.given_read = n.read.given;
      }
    }
  }
  if (f.kana.length > 0 && !out.legal) {
    const text = joined(f.kana);
    if (text !== '') {
      const k = readKana(text);
      out.japanese = true;
      out.surname_read = k.surname;
      out.given_read = k.given;
      out.whole_read = k.whole || null;
    }
  }
  out.whole = (out.surname ?? '') + (out.given ?? '') || null;
  out.whole_read ??= (out.surname_read ?? '') + (out.given_read ?? '') || null;
  const birth = joined(f.birth);
  if (birth !== '') {
    const day = normaliseDate(birth);
    out.birth = day !== null && !standIn.has(day) ? day.replaceAll('-', '') : null;
  }
  const sex = joined(f.sex);
  if (sex !== '') out.sex = sexes[widen(sex).toLowerCase()] ?? null;
  const address = joined(f.address);
  if (address !== '') readAddress(address, out);
  const postal = joined(f.postal);
  if (postal !== '') {
    const code = widen(postal)
      .replace(/[^0-9A-Za-z]/g, '')
      .toLowerCase();
    if (out.area === null || !out.japanese) out.area = code || null;
  }
  if (f.phone.length > 0) {
    out.phone = phoneKey(cell(f.phone[0]!) ?? '');
    if (f.phone.length > 1) out.phone2 = phoneKey(cell(f.phone[1]!) ?? '');
    if (out.phone === null) {
      out.phone = out.phone2;
      out.phone2 = null;
    }
  }
  const email = joined(f.email);
  if (email !== '') out.email = normaliseEmail(email).key;
  const ident = joined(f.ident);
  if (ident !== '')
    out.ident =
      widen(ident)
        .replace(/[^0-9A-Za-z]/g, '')
        .toUpperCase() || null;
  const place = joined(f.place);
  if (place !== '') out.place = widen(place).toLowerCase();
  return out;
}

function soundOf(text: string): string | null {
  return text === '' ? null : romajiKey(text) || null;
}

function readAddress(text: string, out: LinkRow): void {
  if (japaneseScript.test(text)) {
    const a = normaliseAddress(text);
    if (a.key !== null) {
      const [city, town] = a.key.split('|');
      out.town = `${city}|${town}`;
      out.area = city!;
      if (a.block !== null) {
        out.block = `${out.town}|${a.block}`;
        out.address = a.key;
      }
      return;
    }
    out.area = a.city ?? a.prefecture;
    return;
  }
  const words = widen(text)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  out.address = words || null;
}
