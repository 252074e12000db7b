import { type Sql, sql } from '../../engine/index.ts';
import { kanaKey, nameKey } from '../normal/index.ts';
import { readAddress } from './standardise.ts';

/**
 * A form so usual that the engine cuts a text of it by itself. Its parts (a surname, a town) are few where the texts are many, so each is
 * read once; together they say the very same as the reader does of the whole text, and the property tests hold the two together.
 */
export type Split = {
  /**
   * Of a text: a struct of its parts, empty texts where it cannot be cut; then that struct made into another, step by step. The first goes
   * over the text once: no bounded repetition and no choice in it, or it takes five times as long.
   */
  readonly cut: readonly ((p: Sql) => Sql)[];
  /** Of the last struct `p`: each part that has to be read, by name. */
  readonly parts: Readonly<Record<string, (p: Sql) => Sql>>;
  /** What is read of a part. */
  readonly columns: readonly string[];
  readonly read: (part: string) => readonly (string | null)[];
  /** Of the struct and what was read of its parts: whether the text is of the form; null is no. */
  readonly holds: (p: Sql, of: (part: string) => Sql) => Sql;
  /** Then each column of the whole reading that says something. */
  readonly said: Readonly<Record<string, (p: Sql, of: (part: string) => Sql) => Sql>>;
};

const yes = (x: boolean): string | null => (x ? 'y' : null);

const letters = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+$/u;
/** Companies and former names, also where the cut goes through the word; titles at the end: for the reader. */
const noSurname = /会社|法人|組合|旧姓|[会法組旧]$|^[々〻〇]/u;
const noGiven = /会社|法人|組合|旧姓|カブシキ|ユウゲン|クリニック|[院店所様殿氏君方生中]$|(?:さん|さま|サマ|ちゃん)$/u;

const names: Split = {
  cut: [v => sql`regexp_extract(${v}, '^([^\\x{1f} \\x{3000}]+)[\\x{1f} \\x{3000}]([^\\x{1f} \\x{3000}]+)$', ['s', 'g'])`],
  parts: { s: p => sql`${p}.s`, g: p => sql`${p}.g` },
  columns: ['key', 'surname', 'given'],
  read: part => [
    nameKey(part) || null,
    yes(/^\p{Script=Han}+$/u.test(part) && !noSurname.test(part)),
    yes(letters.test(part) && !part.startsWith('ー') && !noGiven.test(part)),
  ],
  holds: (_p, of) => sql`(${of('s')}.surname = 'y' and ${of('g')}.given = 'y')`,
  said: {
    japanese: () => sql`true`,
    surname: (_p, of) => sql`${of('s')}.key`,
    given: (_p, of) => sql`${of('g')}.key`,
  },
};

const kanas: Split = {
  cut: [v => sql`regexp_extract(${v}, '^([^ \\x{3000}]+)[ \\x{3000}]([^ \\x{3000}]+)$', ['s', 'g'])`],
  parts: { s: p => sql`${p}.s`, g: p => sql`${p}.g` },
  columns: ['key', 'surname', 'given'],
  // An オ after a surname in オ is read as a long vowel, and marks join what stands before them: for the reader.
  read: part => [
    kanaKey(part),
    yes(/^[\p{Script=Hiragana}\p{Script=Katakana}ーｰﾞﾟ]+$/u.test(part)),
    yes(/^(?![オおォぉヲをｵｫｦ])[\p{Script=Hiragana}\p{Script=Katakana}][\p{Script=Hiragana}\p{Script=Katakana}ーｰﾞﾟ]*$/u.test(part)),
  ],
  holds: (_p, of) => sql`(${of('s')}.surname = 'y' and ${of('g')}.given = 'y')`,
  said: {
    surname_read: (_p, of) => sql`${of('s')}.key`,
    given_read: (_p, of) => sql`${of('g')}.key`,
    whole_read: (_p, of) => sql`nullif(${of('s')}.key || ${of('g')}.key, '')`,
  },
};

const digits = '[0-9０-９]';
/** 千住2-20-21 ハイム本町501, 千住二丁目20番21号 ハイム本町501号室, 千住２－２０－２１－５０１. */
const address = `^([^0-9０-９ \\x{3000}]+)(${digits}+)(丁目|番地?|[-－])(${digits}+)(?:(?:番地?|[-－])(${digits}*)号?(?:[-－](${digits}+))?)?(?:[ \\x{3000}]([^0-9０-９ \\x{3000}]+)(${digits}*)(?:号室|号|室)?)?$`;
const ascii = (x: Sql): Sql => sql`(case when strlen(${x}) > length(${x}) then translate(${x}, '０１２３４５６７８９', '0123456789') else ${x} end)`;
const townAndChome = '^([^一二三四五六七八九十〇百]+)([一二三四五六七八九]|[二三四五六七八九]?十[一二三四五六七八九]?)丁目$';
const digitOf = (c: Sql): Sql => sql`translate(${c}, '一二三四五六七八九', '123456789')`;
const numberOf = (
  k: Sql,
): Sql => sql`(case when ${k} = '十' then '10' when not contains(${k}, '十') then ${digitOf(k)} when starts_with(${k}, '十') then '1' || ${digitOf(sql`${k}[2]`)}
  when length(${k}) = 2 then ${digitOf(sql`${k}[1]`)} || '0' else ${digitOf(sql`${k}[1]`)} || ${digitOf(sql`${k}[3]`)} end)`;
/** Kanji numerals may join the digits, and in Kyoto streets and towns change places. */
const unusual = /[一二三四五六七八九十〇百]|京都|字$/u;

const addresses: Split = {
  cut: [
    v => sql`regexp_extract(${v}, ${sql.lit(address)}, ['head', 'one', 'sep', 'two', 'three', 'flat', 'building', 'room'])`,
    p => sql`{named: case when ends_with(${p}.head, '丁目') then regexp_extract(${p}.head, ${sql.lit(townAndChome)}, ['town', 'chome']) end, head: ${p}.head,
      split: ${p}.sep in ('丁目', '-', '－'), chome: ${p}.sep = '丁目', three: ${p}.three <> '', building: ${p}.building, room: ${ascii(sql`${p}.room`)}, flat: ${ascii(sql`${p}.flat`)},
      numbers: case when greatest(length(${p}.one), length(${p}.two), length(${p}.three)) <= 4 and greatest(length(${p}.flat), length(${p}.room)) <= 5 and (${p}.three <> '' or ${p}.flat = '')
        then ${ascii(sql`('-' || ${p}.one || '-' || ${p}.two || case when ${p}.three = '' then '' else '-' || ${p}.three end)`)} end}`,
    p => sql`{town: case when ${p}.named is null then ${p}.head else ${p}.named.town end, building: ${p}.building, room: case when ${p}.flat <> '' then '-' || ${p}.flat when ${p}.room <> '' then '-' || ${p}.room else '' end,
      block: case when contains(${p}.numbers, '-0') then null
        when ${p}.named.chome <> '' then case when not ${p}.chome and not ${p}.three then ${numberOf(sql`${p}.named.chome`)} || ${p}.numbers end
        when ${p}.split and (${p}.flat = '' or ${p}.building = '') then substr(${p}.numbers, 2) end}`,
  ],
  parts: { town: p => sql`${p}.town`, building: p => sql`${p}.building` },
  columns: ['town', 'area', 'plain'],
  read: part => {
    if (!letters.test(part) || unusual.test(part)) return [null, null, null];
    const read = readAddress(`${part}1-1-1`);
    return [read.town, read.area, 'y'];
  },
  holds: (p, of) => sql`(${p}.block is not null and ${of('town')}.plain = 'y' and (${p}.building = '' or ${of('building')}.plain = 'y'))`,
  said: {
    address: (p, of) => sql`${of('town')}.town || '|' || ${p}.block || ${p}.room`,
    block: (p, of) => sql`${of('town')}.town || '|' || ${p}.block`,
    town: (_p, of) => sql`${of('town')}.town`,
    area: (_p, of) => sql`${of('town')}.area`,
  },
};

/** By kind of reading. */
export const splits: Readonly<Record<string, Split>> = { name: names, kana: kanas, address: addresses };

/** Beside the columns of `from`: the struct of a text `v`, as `p`. */
export function cutTexts(split: Split, from: Sql, v: Sql, as: string): Sql {
  const p = sql.id(as);
  const [first, ...then] = split.cut;
  return then.reduce((inner, step) => sql`(select * replace (${step(p)} as ${p}) from ${inner})`, sql`(select *, ${first!(v)} as ${p} from ${from})`);
}
