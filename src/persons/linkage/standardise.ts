import { isLegalPersonName, kanaKey, nameKey, normaliseAddress, normaliseDate, normaliseEmail, readName, romajiKey, widen } from '../normal/index.ts';

/**
 * The comparable form of one record: keys, never shown; null = not known. `surname_read` and `given_read` are readings, `former` a name given up,
 * `whole` and `whole_read` surname and given name in one, for names whose parts could not be told; `address` has the room, `block` has not; `town`, `area`: city or postal code.
 */
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

type Parts = { surname: string | null; given: string | null };
export type Name = Parts & { legal: boolean; japanese: boolean; former: string | null; read: Parts | null };

const japaneseScript = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

export const nameReader =
  (surnames: ReadonlySet<string>) =>
  (text: string): Name => {
    const n = readName(text, surnames);
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
  };

function legalKey(text: string): string {
  return nameKey(
    widen(text)
      .replace(/株式会社|有限会社|合同会社|[(](?:株|有|同)[)]|[㈱㈲]/g, '')
      .replace(/\b(?:inc|llc|ltd|co|corp|gmbh)\b\.?/gi, ''),
  );
}

export function readKana(text: string): Parts & { whole: string } {
  const wide = widen(text);
  const space = wide.search(/[\s・]/);
  const whole = /^[\x20-\x7e]+$/.test(wide) ? romajiKey(wide) : kanaKey(wide);
  if (space > 0) return { surname: kanaKey(wide.slice(0, space)), given: kanaKey(wide.slice(space + 1)), whole };
  const n = readName(wide);
  return {
    surname: n.surname === null || n.script !== 'kana' ? null : kanaKey(n.surname),
    given: n.surname === null || n.script !== 'kana' ? null : kanaKey(n.given ?? ''),
    whole,
  };
}

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

/** Surname and given name from columns of their own travel as one text with this between them. */
export const between = '\u001f';

/** A name in one text, or a surname and a given name with `between` between them. */
export const nameOrParts =
  (readWhole: (text: string) => Name) =>
  (text: string): Name => {
    const at = text.indexOf(between);
    if (at < 0) return readWhole(text);
    const [s, g] = [text.slice(0, at), text.slice(at + 1)];
    const japanese = japaneseScript.test(s + g);
    return {
      legal: isLegalPersonName(s + g),
      japanese,
      surname: nameKey(s) || null,
      given: nameKey(g) || null,
      former: null,
      read: japanese ? null : { surname: soundOf(s), given: soundOf(g) },
    };
  };

/** YYYYMMDD; null for what is no date and for dates that stand for "not known". */
export function readBirth(text: string): string | null {
  const day = normaliseDate(text);
  return day !== null && !standIn.has(day) ? day.replaceAll('-', '') : null;
}

export const readSex = (text: string): string | null => sexes[widen(text).toLowerCase()] ?? null;

export const readPostal = (text: string): string | null =>
  widen(text)
    .replace(/[^0-9A-Za-z]/g, '')
    .toLowerCase() || null;

export const readEmail = (text: string): string | null => normaliseEmail(text).key;

export const readIdent = (text: string): string | null =>
  widen(text)
    .replace(/[^0-9A-Za-z]/g, '')
    .toUpperCase() || null;

export const readPlace = (text: string): string => widen(text).toLowerCase();

function soundOf(text: string): string | null {
  return text === '' ? null : romajiKey(text) || null;
}

export type PlaceReading = { readonly address: string | null; readonly block: string | null; readonly town: string | null; readonly area: string | null };

/** Whole address with room, the same without room, town, city. */
export function readAddress(text: string): PlaceReading {
  if (japaneseScript.test(text)) {
    const a = normaliseAddress(text);
    if (a.key === null) return { address: null, block: null, town: null, area: a.city ?? a.prefecture };
    const [city, name] = a.key.split('|');
    const town = `${city}|${name}`;
    return a.block === null ? { address: null, block: null, town, area: city! } : { address: a.key, block: `${town}|${a.block}`, town, area: city! };
  }
  const words = widen(text)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  return { address: words || null, block: null, town: null, area: null };
}
