import { kanaKey, katakana, widen } from './kana.ts';
import { foldKanji, foldKanjiLoosely, foldLetters, foldParticles, otherForms } from './kanji.ts';
import { nameList } from './reference.ts';

/** What a written name consists of. */
export type NameParts = {
  /** Without title and former name, with the spaces it was written with. */
  written: string;
  /** Without title and former name, one space between the parts where they are known. */
  full: string;
  surname: string | null;
  given: string | null;
  former_surname: string | null;
  title: string | null;
  script: 'kanji' | 'kana' | 'latin' | 'other' | 'none';
  legal_person: boolean;
};

export type PersonName = Omit<NameParts, 'written'> & {
  original: string;
  /** Equal for two spellings of one name. `loose_key` also folds 斎/斉 and the like. */
  key: string;
  loose_key: string;
  /** Characters that could be another form, with those forms: [["辺", ["邊", "邉"]]]. */
  candidates: [string, string[]][];
};

const titles = /(?:様方|様|殿|さん|さま|サマ|氏|先生|御中|君|ちゃん)$/;
const westernTitles = /^(?:mr|mrs|ms|miss|mx|dr|prof|sir|rev)\.? +/i;
const suffixes = /[, ]+(?:jr|sr|ii|iii|iv|phd|md|esq)\.?$/i;
const legal =
  /株式会社|有限会社|合同会社|合資会社|合名会社|相互会社|(?:一般|公益)?(?:社団|財団)法人|医療法人|学校法人|宗教法人|社会福祉法人|特定非営利活動法人|NPO法人|協同組合|農業協同組合|[(](?:株|有|同|医|社|財|宗|学|福)[)]|[㈱㈲]|^(?:カ|ユ|ド)[)]|[(](?:カ|ユ|ド)[)]?$|カブシキガイシャ|ユウゲンガイシャ|(?:動物)?病院$|クリニック$|医院$|商店$|工務店$|事務所$|\b(?:inc|llc|ltd|gmbh|corp|co|plc|k\.?k|s\.?a)\.?$|\b(?:corporation|company|limited)\b/iu;

/** True when a name is that of a company or another body. Expects any spelling. */
export function isLegalPersonName(text: string): boolean {
  return legal.test(widen(text));
}

let surnameSet: Set<string> | undefined;
function surnames(): Set<string> {
  surnameSet ??= new Set(nameList().surnames.map(s => foldKanji(s[0])));
  return surnameSet;
}
let readingSet: Set<string> | undefined;
function surnameReadings(): Set<string> {
  readingSet ??= new Set(nameList().surnames.map(s => kanaKey(s[1])));
  return readingSet;
}

export function isSurname(text: string): boolean {
  return surnames().has(foldKanji(widen(text)));
}
export function isSurnameReading(text: string): boolean {
  return surnameReadings().has(kanaKey(text));
}

function cut(full: string, learned: ReadonlySet<string>): [string, string] | null {
  const space = full.search(/[ ・]/);
  if (space > 0) return [full.slice(0, space), full.slice(space + 1).replace(/[ ・]/g, '')];
  const letters = [...full];
  if (letters.length < 2 || letters.length > 8) return null;
  const known = surnames();
  const folded = foldLetters(letters);
  const isKnown = (part: string): boolean => learned.has(part) || known.has(part);
  const start = Math.min(letters.length - 1, 5);
  for (let n = start; n >= 1; n--) {
    if (n === 1 && letters.length > 3) break;
    if (isKnown(folded.slice(0, n).join(''))) return [letters.slice(0, n).join(''), letters.slice(n).join('')];
  }
  if (!/^\p{Script=Han}/u.test(full)) return null;
  const n = letters.length === 2 ? 1 : letters.length >= 6 ? 3 : 2;
  return [letters.slice(0, n).join(''), letters.slice(n).join('')];
}

function cutKana(full: string): [string, string] | null {
  const space = full.search(/[ ・]/);
  if (space > 0) return [full.slice(0, space), full.slice(space + 1).replace(/[ ・]/g, '')];
  const known = surnameReadings();
  for (let n = Math.min(full.length - 2, 7); n >= 2; n--) if (known.has(kanaKey(full.slice(0, n)))) return [full.slice(0, n), full.slice(n)];
  return null;
}

const none: ReadonlySet<string> = new Set();

/** Kanji, kana and single spaces, where no letter belongs to a company's word or to a former name: by far the most names. */
const plainName = /^[\u3005\u3041-\u3096\u30a1-\u30fa\u30fc\u4e00-\u9fff ]+$/;
const bodyLetters = /[社人合院店所旧]|カブ|ユウ|クリ/;

/** The parts of a written name, Japanese or Western, in any spelling. `learned` are further surnames (folded) to cut at. Never throws. */
export function readName(text: string, learned: ReadonlySet<string> = none): NameParts {
  const wide = widen(text);
  return plainName.test(wide) && !bodyLetters.test(wide) ? cutName(wide, { former: null, body: false, latin: false }, learned) : readAnyName(wide, learned);
}

function readAnyName(text: string, learned: ReadonlySet<string>): NameParts {
  const body = legal.test(text);
  let former: string | null = null;
  const wide = text
    .replace(/[([<〔【「]\s*(旧姓|旧|née|nee|formerly)?[\s::]*([^)\]>〕】」]*?)\s*[)\]>〕】」]/giu, (all, mark: string | undefined, inner: string) => {
      if (body) return all;
      if (mark !== undefined || isSurname(inner)) former ??= inner.replace(/姓$/, '') || null;
      return ' ';
    })
    .replace(/\s*(?:旧姓|née)[\s::]*(\S+)/iu, (_all, inner: string) => {
      former ??= inner;
      return '';
    })
    .replace(/\s+/g, ' ')
    .trim();
  const latin = /^[\p{Script=Latin}\p{M}\s.,'’-]+$/u.test(wide) && /\p{Script=Latin}/u.test(wide);
  return cutName(wide, { former, body, latin }, learned);
}

function cutName(text: string, told: { former: string | null; body: boolean; latin: boolean }, learned: ReadonlySet<string>): NameParts {
  const { former, body, latin } = told;
  let wide = text;
  let title: string | null = null;
  if (!body) {
    wide = wide
      .replace(latin ? westernTitles : titles, m => {
        title = m.trim();
        return '';
      })
      .trim();
    if (latin) wide = wide.replace(suffixes, '');
  }
  const script = scriptOf(wide, latin);
  let parts: [string, string] | null = null;
  if (!body && script === 'latin') {
    const comma = wide.indexOf(',');
    if (comma > 0) wide = `${wide.slice(comma + 1).trim()} ${wide.slice(0, comma).trim()}`;
    const words = wide.split(' ').filter(w => w !== '');
    if (words.length > 1) parts = [words.at(-1)!, words.slice(0, -1).join(' ')];
  } else if (!body && script === 'kanji') parts = cut(wide, learned);
  else if (!body && script === 'kana') parts = cutKana(wide) ?? cut(wide, learned);
  const full = parts === null || script === 'latin' ? wide : `${parts[0]} ${parts[1]}`;
  return { written: wide, full, surname: parts?.[0] ?? null, given: parts?.[1] ?? null, former_surname: former, title, script, legal_person: body };
}

function scriptOf(wide: string, latin: boolean): NameParts['script'] {
  if (wide === '') return 'none';
  if (latin) return 'latin';
  if (/\p{Script=Han}/u.test(wide)) return 'kanji';
  return /^[\p{Script=Hiragana}\p{Script=Katakana}ー・ ]+$/u.test(wide) ? 'kana' : 'other';
}

/** Everything a written name says, with its keys. The original is kept. */
export function normaliseName(text: string, learned: ReadonlySet<string> = none): PersonName {
  const { written, ...parts } = readName(text, learned);
  const key = nameKey(written);
  return {
    original: text,
    ...parts,
    key,
    loose_key: foldKanjiLoosely(key),
    candidates: [...new Set([...written])].flatMap(c => {
      const o = otherForms(c);
      return o ? [[c, o] as [string, string[]]] : [];
    }),
  };
}

/** What two spellings of one name share; Western names: lower case without accents and punctuation, words in order. */
export function nameKey(text: string): string {
  const wide = widen(text);
  if (/^[\p{Script=Latin}\p{M}\s.,'’-]+$/u.test(wide)) {
    return wide
      .normalize('NFD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .replace(/[.'’]/g, '')
      .replace(/[\s,-]+/g, ' ')
      .trim();
  }
  const folded = foldParticles(foldKanji(wide)).replace(/[\s・·•.,、,]/g, '');
  return /\p{Script=Han}/u.test(folded) ? folded.replace(/[ぁ-ん]+/g, m => katakana(m)) : kanaKey(folded);
}
