import { type Sql, sql } from '../../engine/index.ts';
import { kanaKey, nameKey } from '../normal/index.ts';
import { type Dialect, duckdb } from './dialect.ts';
import { between, readAddress } from './standardise.ts';

/**
 * A form so usual that the engine cuts a text of it by itself. Its parts (a surname, a town) are few where the texts are many, so each is
 * read once; together they say the very same as the reader does of the whole text, and the property tests hold the two together.
 */
export type Split = {
  /**
   * Of a text: a record of its parts, empty texts where it cannot be cut; then that record made into another, step by step. The first goes
   * over the text once: no bounded repetition and no choice in it, or it takes five times as long.
   */
  readonly cut: readonly ((p: Sql, d: Dialect) => Sql)[];
  /** Texts of the last record that have to be read. */
  readonly parts: readonly string[];
  /** What is read of a part. */
  readonly columns: readonly string[];
  readonly read: (part: string) => readonly (string | null)[];
  /** Of a text `p` of the record by name and what was read of its parts: whether the text is of the form; null is no. */
  readonly holds: (p: Field, of: (part: string) => Sql) => Sql;
  /** Then each column of the whole reading that says something. */
  readonly said: Readonly<Record<string, (p: Field, of: (part: string) => Sql) => Sql>>;
};

type Field = (name: string) => Sql;

const yes = (x: boolean): string | null => (x ? 'y' : null);

const letters = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+$/u;
/** Companies and former names, also where the cut goes through the word; titles at the end: for the reader. */
const noSurname = /会社|法人|組合|旧姓|[会法組旧]$|^[々〻〇]/u;
const noGiven = /会社|法人|組合|旧姓|カブシキ|ユウゲン|クリニック|[院店所様殿氏君方生中]$|(?:さん|さま|サマ|ちゃん)$/u;

const names: Split = {
  cut: [(v, d) => d.capture(v, `^([^${between} 　]+)[${between} 　]([^${between} 　]+)$`, ['s', 'g'])],
  parts: ['s', 'g'],
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
  cut: [(v, d) => d.capture(v, '^([^ 　]+)[ 　]([^ 　]+)$', ['s', 'g'])],
  parts: ['s', 'g'],
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
const address = `^([^0-9０-９ 　]+)(${digits}+)(丁目|番地?|[-－])(${digits}+)(?:(?:番地?|[-－])(${digits}*)号?(?:[-－](${digits}+))?)?(?:[ 　]([^0-9０-９ 　]+)(${digits}*)(?:号室|号|室)?)?$`;
const townAndChome = '^([^一二三四五六七八九十〇百]+)([一二三四五六七八九]|[二三四五六七八九]?十[一二三四五六七八九]?)丁目$';
const ascii = (x: Sql, d: Dialect): Sql =>
  sql`(case when ${d.bytes(x)} > length(${x}) then translate(${x}, '０１２３４５６７８９', '0123456789') else ${x} end)`;
const digitOf = (k: Sql, at = 1): Sql => sql`translate(substr(${k}, ${sql.lit(at)}, 1), '一二三四五六七八九', '123456789')`;
const numberOf = (
  k: Sql,
): Sql => sql`(case when ${k} = '十' then '10' when ${k} not like '%十%' then ${digitOf(k)} when ${k} like '十%' then '1' || ${digitOf(k, 2)}
  when length(${k}) = 2 then ${digitOf(k)} || '0' else ${digitOf(k)} || ${digitOf(k, 3)} end)`;
/** Kanji numerals may join the digits, and in Kyoto streets and towns change places. */
const unusual = /[一二三四五六七八九十〇百]|京都|字$/u;

const addresses: Split = {
  cut: [
    (v, d) => d.capture(v, address, ['head', 'one', 'sep', 'two', 'three', 'flat', 'building', 'room']),
    (p, d) => {
      const [head, sep, one, two, three, flat, building, room] = ['head', 'sep', 'one', 'two', 'three', 'flat', 'building', 'room'].map(n => d.field(p, n)) as [
        Sql,
        Sql,
        Sql,
        Sql,
        Sql,
        Sql,
        Sql,
        Sql,
      ];
      const named = d.capture(head, townAndChome, ['town', 'chome']);
      return d.record({
        town: sql`case when ${head} like '%丁目' then ${d.field(named, 'town')} else ${head} end`,
        chome: sql`case when ${head} like '%丁目' then ${d.field(named, 'chome')} else '' end`,
        sep,
        three,
        building,
        flat: ascii(flat, d),
        room: ascii(room, d),
        numbers: sql`case when greatest(length(${one}), length(${two}), length(${three})) <= 4 and greatest(length(${flat}), length(${room})) <= 5 and (${three} <> '' or ${flat} = '')
          then ${ascii(sql`('-' || ${one} || '-' || ${two} || case when ${three} = '' then '' else '-' || ${three} end)`, d)} end`,
      });
    },
    (p, d) => {
      const [town, chome, sep, three, building, flat, room, numbers] = ['town', 'chome', 'sep', 'three', 'building', 'flat', 'room', 'numbers'].map(n =>
        d.field(p, n),
      ) as [Sql, Sql, Sql, Sql, Sql, Sql, Sql, Sql];
      return d.record({
        town,
        building,
        room: sql`case when ${flat} <> '' then '-' || ${flat} when ${room} <> '' then '-' || ${room} else '' end`,
        block: sql`case when ${numbers} like '%-0%' then null
          when ${chome} <> '' then case when ${sep} <> '丁目' and ${three} = '' then ${numberOf(chome)} || ${numbers} end
          when ${sep} in ('丁目', '-', '－') and (${flat} = '' or ${building} = '') then substr(${numbers}, 2) end`,
      });
    },
  ],
  parts: ['town', 'building'],
  columns: ['town', 'area', 'plain'],
  read: part => {
    if (!letters.test(part) || unusual.test(part)) return [null, null, null];
    const read = readAddress(`${part}1-1-1`);
    return [read.town, read.area, 'y'];
  },
  holds: (p, of) => sql`(${p('block')} is not null and ${of('town')}.plain = 'y' and (${p('building')} = '' or ${of('building')}.plain = 'y'))`,
  said: {
    address: (p, of) => sql`${of('town')}.town || '|' || ${p('block')} || ${p('room')}`,
    block: (p, of) => sql`${of('town')}.town || '|' || ${p('block')}`,
    town: (_p, of) => sql`${of('town')}.town`,
    area: (_p, of) => sql`${of('town')}.area`,
  },
};

/** By kind of reading. */
export const splits: Readonly<Record<string, Split>> = { name: names, kana: kanas, address: addresses };

/** Beside the columns of `from`: the record of a text `v`, as `as`. */
export function cutTexts(split: Split, from: Sql, columns: readonly string[], v: Sql, as: string, d: Dialect = duckdb): Sql {
  const p = sql.id(as);
  const beside = sql.join(columns.map(c => sql.id(c)));
  const [first, ...then] = split.cut;
  return then.reduce(
    (inner, step) => sql`(select ${beside}, ${step(p, d)} as ${p} from ${inner} x)`,
    sql`(select ${beside}, ${first!(v, d)} as ${p} from ${from} x)`,
  );
}
