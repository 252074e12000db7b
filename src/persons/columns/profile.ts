import {
  foldKanji,
  isCity,
  isLegalPersonName,
  isSurname,
  isSurnameReading,
  kanaKey,
  katakana,
  nameList,
  normaliseDate,
  placeList,
  romaji as roman,
  splitPlace,
  widen,
} from '../normal/index.ts';
import { isCardNumber, isCorporateNumber, isDriverLicence, isInsurerNumber, isMyNumber } from './checksum.ts';

/** What a sample of one column looks like. Every member of `share` is the share (0–1) of filled sample values with that property. */
export type Profile = {
  readonly rows: number;
  readonly filled: number;
  readonly distinct: number;
  /** Widened values of the sample, in row order (empty ones left out); `at[i]` is the sample row of `values[i]`. */
  readonly values: readonly string[];
  readonly at: readonly number[];
  readonly share: Readonly<Record<Property, number>>;
  /** The commonest shape (A letters, 9 digits, 漢 kanji, カ kana …) and its share. */
  readonly shape: string;
  readonly shapeShare: number;
  readonly length: { readonly mean: number; readonly deviation: number; readonly max: number };
  /** Years of those values that are dates, sorted; empty when few are. */
  readonly years: readonly number[];
  readonly numbers: { readonly min: number; readonly max: number; readonly ascending: boolean; readonly round: number } | null;
};

const monthShape = /^(?:19|20)\d{2}(?:[-/.年](?:0?[1-9]|1[0-2])月?|年度?)$/;

const tests = {
  email: v => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(v),
  phone: v => /^(?:\+81[\s-]?|0)\d{1,4}[\s()-]{0,2}\d{1,4}[\s()-]{0,2}\d{3,4}$/.test(v) && between(v.replace(/\D/g, '').length, 10, 12),
  phone_shape: v =>
    /^\+?[\d][\d\s().-]{6,18}\d$/.test(v) &&
    between(v.replace(/\D/g, '').length, 8, 15) &&
    /[\s().-]|^\+|^0/.test(v) &&
    !/^\d{1,4}[-./]\d{1,2}[-./]\d{1,4}$/.test(v) &&
    !/^\d+\.\d+$/.test(v),
  mobile: v => /^0[789]0-?\d{4}-?\d{4}$/.test(v),
  postal_hyphen: v => /^〒?\d{3}-\d{4}$/.test(v),
  digits7: v => /^\d{7}$/.test(v),
  digits: v => /^\d+$/.test(v),
  digits12: v => /^\d{4}[\s-]?\d{4}[\s-]?\d{4}$/.test(v),
  decimal: v => /^-?\d+\.\d+$/.test(v),
  amount: v => /^[¥\\]?-?\d{1,3}(,\d{3})+円?$|^-?\d+円$|^¥-?\d+$/.test(v),
  date: v => /\d/.test(v) && v.length <= 30 && normaliseDate(v) !== null && !(/^\d{8}$/.test(v) && !between(+v.slice(0, 4), 1900, 2100)),
  time: v => /\d{1,2}:\d{2}/.test(v),
  han: v => /\p{Script=Han}/u.test(v),
  kana_only: v => /^[\u3041-\u3096\u30a1-\u30faー・\s]+$/.test(v),
  bank_kana: v => /^[\u30a1-\u30faーA-Z0-9()\-.\s]+$/.test(v) && /[\u30a1-\u30fa]/.test(v),
  kana_surname: v => kanaSurname(v),
  surname_start: v => surnameStart(v),
  surname_only: v => v.length <= 5 && /^[\p{Script=Han}ノヶ]+$/u.test(v) && isSurname(v),
  given_only: v => v.length <= 4 && givenNames().has(foldKanji(v)),
  given_end: v => givenEnd(v),
  kana_given: v => givenReadings().has(kanaKey(v)),
  kana_surname_only: v => /^[\u3041-\u3096\u30a1-\u30faー]+$/.test(v) && isSurnameReading(v),
  name_shape: v =>
    /^[\p{Script=Han}\u3041-\u3096\u30a1-\u30fa]{1,5}\s?[\p{Script=Han}\u3041-\u3096\u30a1-\u30fa]{1,5}$/u.test(v) &&
    /\p{Script=Han}/u.test(v) &&
    [...v].length <= 8,
  place_start: v => {
    const p = splitPlace(v);
    return (p.prefecture !== null || p.city !== null) && (p.rest !== '' || p.city !== null || p.prefecture !== null) && v.length >= 3;
  },
  address: v => {
    const p = splitPlace(v);
    return (p.prefecture !== null || p.city !== null) && /\d|[一二三四五六七八九十]/.test(p.rest) && p.rest.length >= 3;
  },
  prefecture: v => prefectures().has(v),
  city: v => isCity(v) || /^[^0-9\s]{1,8}[市区町村]$/.test(v),
  block: v =>
    /^[^@]{0,14}?\d{1,4}(?:丁目|番地?|号|-\d{1,4})(?:.*)$/.test(v) && !/^\d{3,}-\d{3,}/.test(v) && !/^\d{4}-\d{2}-\d{2}/.test(v) && !monthShape.test(v),
  month: v => monthShape.test(v),
  building: v => /(?:号室|\d階|マンション|ハイツ|コーポ|ビル|荘|レジデンス|タワー|メゾン|アパート|パレス|ハウス|コート|ヒルズ)/.test(v),
  bank_name: v => /(?:銀行|信用金庫|信金|信用組合|農協|労働金庫|ゆうちょ)$/.test(v) || /\bbank\b/i.test(v),
  branch_name: v => /(?:支店|営業部|出張所|本店)$/.test(v),
  account_type: v => /^(?:普通|当座|貯蓄|定期|普通預金|当座預金|総合|savings|checking|current)$/i.test(v),
  legal_person: v => isLegalPersonName(v),
  sex: v => /^(?:男性?|女性?|m|f|male|female|man|woman|その他|不明|オス|other|unknown|x)$/i.test(v),
  card: v => isCardNumber(v.replace(/[\s-]/g, '')),
  card_shape: v => between(v.replace(/[\s-]/g, '').length, 14, 16) && /^[3-6][\d\s-]+$/.test(v),
  masked_card: v => /^[\d*xX]{4}[\s-]?[*xX\d]{4}[\s-]?[*xX]{4}[\s-]?\d{4}$/.test(v),
  my_number: v => isMyNumber(v.replace(/[\s-]/g, '')),
  licence: v => isDriverLicence(v.replace(/[\s-]/g, '')),
  insurer: v => isInsurerNumber(v),
  corporate: v => isCorporateNumber(v),
  passport: v => /^[A-Z]{2}\d{7}$/.test(v),
  residence_card: v => /^[A-Z]{2}\d{8}[A-Z]{2}$/.test(v),
  uuid: v => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(v),
  hash: v =>
    /^\$(?:2[aby]|5|6|argon2\w*|pbkdf2[\w-]*|scrypt|y)\$/.test(v) ||
    /^\{(?:ssha|sha|bcrypt|crypt)\d*\}/i.test(v) ||
    /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})$/i.test(v),
  url: v => /^https?:\/\//i.test(v),
  ip: v => /^(?:\d{1,3}\.){3}\d{1,3}$/.test(v) || (/^[0-9a-f:]{6,39}$/i.test(v) && v.split(':').length > 3),
  code: v => /^(?=.*\d)[A-Za-z]{1,5}[-_]?[\dA-Za-z-]{3,16}$/.test(v),
  token: v => /^[\x21-\x7e]{4,40}$/.test(v) && /[a-z]/i.test(v),
  sentence: v => v.length >= 12 && (/[。、！？!?]/.test(v) || /[のにをはがでと].*[のにをはがでとたるいす]/.test(v) || v.split(' ').length >= 5),
  health: v =>
    /(?:糖尿|高血圧|がん|癌|腫瘍|骨折|うつ|喘息|心疾患|心筋梗塞|脳梗塞|腎|肝炎|アレルギー|手術|診断|投薬|服薬|治療|病|症|炎|入院|通院歴|妊娠|てんかん|障害者|障害\d|認知症|ヘルニア|打撲|捻挫)|\b(?:diabetes|hypertension|cancer|asthma|depression|allerg\w*|fracture)\b/i.test(
      v,
    ) && !/病院$|動物/.test(v),
  sensitive: v => /(?:キリスト教|仏教|浄土|曹洞宗|日蓮|神道|イスラム|創価|前科|逮捕|有罪|懲役|罰金刑|組合員|労働組合|在日|被差別)/.test(v),
  claim: v => /(?:通院|入院|賠償|追突|衝突|事故|示談|交渉|損傷|盗難|火災|水漏れ|転倒|後遺|過失|自損|接触|飛び石|もらい|修理|落下|台風|雹|死亡)/.test(v),
  latin_word: v => /^[\p{Lu}][\p{L}\p{M}'’.-]*(?:\s[\p{Lu}][\p{L}\p{M}'’.-]*){0,3}$/u.test(v) && /^[\p{Script=Latin}\p{M}\s'’.-]+$/u.test(v),
  card_brand: v => /^(?:visa|master ?card|amex|american express|jcb|diners(?: club)?|discover|unionpay)$/i.test(v),
  card_rounded: v => /^[3-6][.,]\d{2,}E\+1[3-5]$/i.test(v),
  expiry: v => /^(?:0?[1-9]|1[0-2])[/-]\d{2,4}$|^(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)-\d{2}$/i.test(v),
  title: v => /^(?:mr|mrs|ms|miss|dr|prof|mx|sir|様|殿|先生)\.?$/i.test(v),
  western_given: v => westernGiven().has(v.toLowerCase().split(/[\s-]/)[0]!),
  western_surname: v => westernSurnames().has(v.toLowerCase()),
  western_full: v => {
    const w = v.toLowerCase().split(/\s+/);
    return w.length >= 2 && w.length <= 4 && (westernGiven().has(w[0]!) || westernSurnames().has(w.at(-1)!));
  },
  western_street: v =>
    /^\d+[A-Za-z]?,?\s+\S+.*(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|court|ct|way|place|pl|boulevard|blvd|crescent|circle|terrace|close|square)\b\.?/i.test(
      v,
    ) ||
    (/(?:stra(?:ß|ss)e|vej|gatan|weg|calle|rue|via|avenida|ulica|utca|platz|laan|straat|gasse|gade|vägen|p\.? ?o\.? box)\b/i.test(v) && /\d/.test(v)),
  romaji_name: v =>
    /^[A-Za-z]+[ ,]+[A-Za-z]+$/.test(v) && (surnameRomaji().has(v.toLowerCase().split(/[ ,]+/)[0]!) || surnameRomaji().has(v.toLowerCase().split(/[ ,]+/)[1]!)),
} satisfies Record<string, (v: string) => boolean>;

export type Property = keyof typeof tests;

const between = (n: number, lo: number, hi: number): boolean => n >= lo && n <= hi;

const lazy = <T>(make: () => T): (() => T) => {
  let made: T | undefined;
  return () => (made ??= make());
};
const prefectures = lazy(
  () =>
    new Set(
      placeList().prefectures.flatMap(p => [
        p.name,
        p.name.length > 2 && p.name !== '北海道' ? p.name.slice(0, -1) : p.name,
        p.romaji,
        p.romaji[0]!.toUpperCase() + p.romaji.slice(1),
      ]),
    ),
);
const givenNames = lazy(() => new Set([...nameList().men, ...nameList().women].map(n => foldKanji(n[0]))));
const givenReadings = lazy(() => new Set([...nameList().men, ...nameList().women].map(n => kanaKey(n[1]))));
const westernGiven = lazy(() => new Set([...nameList().western.men, ...nameList().western.women].map(n => n.toLowerCase())));
const westernSurnames = lazy(() => new Set(nameList().western.surnames.map(n => n.toLowerCase())));
const surnameRomaji = lazy(
  () =>
    new Set(
      nameList()
        .surnames.map(s => roman(s[1]))
        .flatMap(r => [r, r.replace(/ou|oo/g, 'o').replace(/uu/g, 'u')]),
    ),
);
const menNames = lazy(() => new Set(nameList().men.map(n => foldKanji(n[0]))));
const womenNames = lazy(() => new Set(nameList().women.map(n => foldKanji(n[0]))));

function surnameStart(v: string): boolean {
  if (v.length < 2 || v.length > 9 || /[0-9]/.test(v)) return false;
  const space = v.search(/\s/);
  if (space > 0) return isSurname(v.slice(0, space)) && v.length > space + 1;
  for (let n = Math.min(5, v.length - 1); n >= 1; n--) if ((n > 1 || v.length <= 3) && isSurname(v.slice(0, n))) return true;
  return false;
}

function givenEnd(v: string): boolean {
  const folded = foldKanji(v.replace(/\s/g, ''));
  if (folded.length < 2 || folded.length > 9) return false;
  for (let n = 1; n <= Math.min(4, folded.length - 1); n++)
    if (givenNames().has(folded.slice(folded.length - n)) && n + 1 <= folded.length && (n > 1 || folded.length <= 5)) return true;
  return false;
}

function kanaSurname(v: string): boolean {
  if (!/^[\u3041-\u3096\u30a1-\u30faー・\s]+$/.test(v)) return false;
  const space = v.search(/[\s・]/);
  if (space > 0) return isSurnameReading(v.slice(0, space));
  const k = katakana(v);
  for (let n = Math.min(7, k.length - 2); n >= 2; n--) if (isSurnameReading(k.slice(0, n))) return true;
  return false;
}

/** The sex a Japanese or English given name suggests: 'm', 'f' or null. Used to recognise coded sex columns, never to state a sex. */
export function suggestedSex(name: string): 'm' | 'f' | null {
  const folded = foldKanji(name.replace(/\s/g, ''));
  for (let n = Math.min(4, folded.length); n >= 1; n--) {
    const tail = folded.slice(folded.length - n);
    const [man, woman] = [menNames().has(tail), womenNames().has(tail)];
    if (man !== woman && (n > 1 || folded.length <= 4)) return man ? 'm' : 'f';
  }
  if (/[子美香奈菜江代恵]$/.test(folded)) return 'f';
  if (/[郎男夫雄彦介太斗]$/.test(folded)) return 'm';
  return null;
}

function shapeOf(v: string): string {
  return v
    .replace(/[A-Z]/g, 'A')
    .replace(/[a-z]/g, 'a')
    .replace(/\d/g, '9')
    .replace(/\p{Script=Han}/gu, '漢')
    .replace(/[\u30a1-\u30faー]/g, 'カ')
    .replace(/[\u3041-\u3096]/g, 'か');
}

const missing = /^(?:null|none|nil|n\/a|na|-+|\\n|nan|―|なし|不明)$/i;

/** True for a cell that holds nothing: empty, blank, or a written-out NULL. */
export function isMissing(value: string | null): boolean {
  return value === null || value === '' || value.trim() === '' || missing.test(value.trim());
}

/** Profile one column from a sample of its cells, in row order. */
export function profileColumn(cells: readonly (string | null)[]): Profile {
  const values: string[] = [];
  const at: number[] = [];
  cells.forEach((cell, i) => {
    if (!isMissing(cell)) {
      values.push(widen(cell!.slice(0, 2000)));
      at.push(i);
    }
  });
  const n = values.length;
  const counts = Object.fromEntries(Object.keys(tests).map(k => [k, 0])) as Record<Property, number>;
  const weightOf = new Map<string, number>();
  for (const v of values) weightOf.set(v, (weightOf.get(v) ?? 0) + 1);
  const names = Object.keys(tests) as Property[];
  const shapes = new Map<string, number>();
  const years: number[] = [];
  for (const [v, weight] of weightOf) {
    for (const name of names) if (tests[name](v)) counts[name] += weight;
    const shape = shapeOf(v);
    shapes.set(shape, (shapes.get(shape) ?? 0) + weight);
    const date = v.length <= 30 && /\d/.test(v) ? normaliseDate(v) : null;
    if (date) for (let i = 0; i < weight; i++) years.push(+date.slice(0, 4));
  }
  const share = Object.fromEntries(names.map(k => [k, n === 0 ? 0 : counts[k] / n])) as Record<Property, number>;
  const [shape, shapeCount] = [...shapes].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0] ?? ['', 0];
  const mean = n === 0 ? 0 : values.reduce((s, v) => s + v.length, 0) / n;
  const deviation = n === 0 ? 0 : Math.sqrt(values.reduce((s, v) => s + (v.length - mean) ** 2, 0) / n);
  const numeric = n > 0 && values.every(v => /^[¥\\]?-?\d{1,15}(?:,\d{3})*(?:\.\d+)?円?$/.test(v)) ? values.map(v => +v.replace(/[¥\\,円]/g, '')) : null;
  return {
    rows: cells.length,
    filled: n,
    distinct: weightOf.size,
    values,
    at,
    share,
    shape,
    shapeShare: n === 0 ? 0 : shapeCount / n,
    length: { mean, deviation, max: values.reduce((m, v) => Math.max(m, v.length), 0) },
    years: share.date >= 0.8 ? years.sort((a, b) => a - b) : [],
    numbers: numeric
      ? {
          min: Math.min(...numeric),
          max: Math.max(...numeric),
          ascending: numeric.every((x, i) => i === 0 || x > numeric[i - 1]!),
          round: numeric.filter(x => x % 100 === 0).length / n,
        }
      : null,
  };
}
