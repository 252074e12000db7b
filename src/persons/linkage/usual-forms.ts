import { kanaKey, nameKey } from '../normal/index.ts';
import { memoised } from './memo.ts';
import { between, readAddress } from './standardise.ts';

/**
 * Readers of forms so usual that a text of one is cut without being looked at letter by letter. Its parts (a surname, a town) are few where
 * the texts are many, so each is read once; together they say the very same as the reader does of the whole text, and the property tests
 * hold the two together. A text of another form is undefined here: it is the reader's.
 */
export type UsualForm<Said> = (text: string) => Said | undefined;

/** Keys of a name whose parts stand apart. */
export type NameParts = { readonly surname: string | null; readonly given: string | null };
type NamePart = { readonly key: string | null; readonly surname: boolean; readonly given: boolean };

const letters = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+$/u;
/** Companies and former names, also where the cut goes through the word; titles at the end: for the reader. */
const noSurname = /会社|法人|組合|旧姓|[会法組旧]$|^[々〻〇]/u;
const noGiven = /会社|法人|組合|旧姓|カブシキ|ユウゲン|クリニック|[院店所様殿氏君方生中]$|(?:さん|さま|サマ|ちゃん)$/u;

/** 佐藤 花子, or a surname and a given name from columns of their own. */
export function usualName(): UsualForm<NameParts> {
  return cutAt(` 　${between}`, part => ({
    key: nameKey(part) || null,
    surname: /^\p{Script=Han}+$/u.test(part) && !noSurname.test(part),
    given: letters.test(part) && !part.startsWith('ー') && !noGiven.test(part),
  }));
}

/** サトウ ハナコ. An オ after a surname in オ is read as a long vowel, and marks join what stands before them: for the reader. */
export function usualKana(): UsualForm<NameParts> {
  return cutAt(' 　', part => ({
    key: kanaKey(part) || null,
    surname: /^[\p{Script=Hiragana}\p{Script=Katakana}ーｰﾞﾟ]+$/u.test(part),
    given: /^(?![オおォぉヲをｵｫｦ])[\p{Script=Hiragana}\p{Script=Katakana}][\p{Script=Hiragana}\p{Script=Katakana}ーｰﾞﾟ]*$/u.test(part),
  }));
}

/** A text with one gap. A second one is no letter of a given name, and so the reader's. */
function cutAt(gaps: string, read: (part: string) => NamePart): UsualForm<NameParts> {
  const part = memoised(read);
  const codes = new Set([...gaps].map(g => g.charCodeAt(0)));
  return text => {
    let at = 0;
    while (at < text.length && !codes.has(text.charCodeAt(at))) at++;
    if (at === 0 || at === text.length) return undefined;
    const surname = part(text.slice(0, at));
    if (!surname.surname) return undefined;
    const given = part(text.slice(at + 1));
    return given.given ? { surname: surname.key, given: given.key } : undefined;
  };
}

const digits = '[0-9０-９]';
/** 千住2-20-21 ハイム本町501, 千住二丁目20番21号 ハイム本町501号室, 千住２－２０－２１－５０１. */
const form = new RegExp(
  `^([^0-9０-９ 　]+)(${digits}+)(丁目|番地?|[-－])(${digits}+)(?:(?:番地?|[-－])(${digits}*)号?(?:[-－](${digits}+))?)?(?:[ 　]([^0-9０-９ 　]+)(${digits}*)(?:号室|号|室)?)?$`,
);
const townAndChome = /^([^一二三四五六七八九十〇百]+)([一二三四五六七八九]|[二三四五六七八九]?十[一二三四五六七八九]?)丁目$/;
/** Kanji numerals may join the digits, and in Kyoto streets and towns change places. */
const unusual = /[一二三四五六七八九十〇百]|京都|字$/u;

/** Town and city, the numbers of the block (20-21) and the room with what joins it to them (-501); the texts of an address are made of these. */
export type AddressParts = { readonly town: string; readonly area: string | null; readonly house: string; readonly room: string | null };

/** Places for towns: Japan has some two hundred thousand, written with their prefecture or without. */
const towns = 1 << 18;

/** An address of town, numbers and perhaps a building with a room. */
export function usualAddress(): UsualForm<AddressParts> {
  const isPlain = (part: string): boolean => letters.test(part) && !unusual.test(part);
  const town = memoised(part => (isPlain(part) ? readAddress(`${part}1-1-1`) : null), towns);
  const building = memoised(isPlain);
  return text => {
    const cut = form.exec(text);
    if (cut === null) return undefined;
    const [head, one, mark, two] = [cut[1]!, cut[2]!, cut[3]!, cut[4]!];
    const [three, flat, named, room] = [cut[5] ?? '', cut[6] ?? '', cut[7] ?? '', cut[8] ?? ''];
    if (Math.max(one.length, two.length, three.length) > 4 || Math.max(flat.length, room.length) > 5) return undefined;
    if ((flat !== '' && (three === '' || named !== '')) || (named !== '' && !building(named))) return undefined;
    const numbers = ascii(three === '' ? `${one}-${two}` : `${one}-${two}-${three}`);
    if (numbers.startsWith('0') || numbers.includes('-0')) return undefined;
    const chome = head.endsWith('丁目') ? townAndChome.exec(head) : undefined;
    if (chome === null || (chome === undefined ? mark.startsWith('番') : mark === '丁目' || three !== '')) return undefined;
    const place = town(chome === undefined ? head : chome[1]!);
    if (place === null || place.town === null) return undefined;
    const at = flat || room;
    return {
      town: place.town,
      area: place.area,
      house: chome === undefined ? numbers : `${numberOf(chome[2]!)}-${numbers}`,
      room: at === '' ? null : `-${ascii(at)}`,
    };
  };
}

const ascii = (text: string): string => (/[０-９]/.test(text) ? text.replace(/[０-９]/g, c => String.fromCharCode(c.charCodeAt(0) - 0xfee0)) : text);

/** 九 → 9, 十 → 10, 二十三 → 23. */
function numberOf(kanji: string): number {
  const digit = (c: string, none: number): number => (c === '' ? none : '〇一二三四五六七八九'.indexOf(c));
  const at = kanji.indexOf('十');
  return at < 0 ? digit(kanji, 0) : 10 * digit(kanji.slice(0, at), 1) + digit(kanji.slice(at + 1), 0);
}
