import { widen } from './kana.ts';
import { foldKanji, foldParticles } from './kanji.ts';
import { digitsBeforeCounters, kanjiNumber } from './numerals.ts';
import { placeList } from './reference.ts';

export type Address = {
  original: string;
  prefecture: string | null;
  city: string | null;
  town: string | null;
  /** Chome, banchi and go as `5-19-23`. */
  block: string | null;
  /** Building and room as written, with digits in ASCII. */
  building: string | null;
  room: string | null;
  /** A Kyoto street direction such as 寺町通御池上る, left out of `town`. */
  street: string | null;
  postal_code: string | null;
  /** 0 nothing, 1 prefecture, 2 city, 3 town, 8 block. */
  level: 0 | 1 | 2 | 3 | 8;
  /** Equal for two spellings of one place: city|town|numbers. Null below level 3. */
  key: string | null;
};

type Places = {
  readonly cities: ReadonlyMap<string, { readonly city: string; readonly prefectures: readonly string[] }>;
  readonly prefecture: RegExp;
  readonly longest: number;
};
let places: Places | undefined;

const cityFold = (name: string): string => foldParticles(foldKanji(name)).replace(/[ヶヵ]/g, 'ケ');

function load(): Places {
  if (places) return places;
  const list = placeList();
  const cities = new Map<string, { city: string; prefectures: string[] }>();
  const add = (key: string, city: string, prefecture: string): void => {
    const known = cities.get(key);
    if (known && !known.prefectures.includes(prefecture)) known.prefectures.push(prefecture);
    else if (!known) cities.set(key, { city, prefectures: [prefecture] });
  };
  for (const p of list.prefectures) for (const c of p.cities) add(cityFold(c), c, p.name);
  for (const [old, now] of Object.entries(list.renamed)) {
    const target = cities.get(cityFold(now));
    if (target && !cities.has(cityFold(old))) cities.set(cityFold(old), { city: target.city, prefectures: [...target.prefectures] });
  }
  const names = list.prefectures.map(p => p.name);
  places = {
    cities,
    longest: Math.max(...[...cities.keys()].map(k => k.length)),
    prefecture: new RegExp(`^(${names.join('|')})`),
  };
  return places;
}

export function isCity(text: string): boolean {
  return load().cities.has(cityFold(text));
}

/** The prefecture and city a text starts with; the prefecture follows from the city when it is left out and only one has that city. */
export function splitPlace(text: string): { prefecture: string | null; city: string | null; rest: string } {
  const { prefecture: pattern, cities, longest } = load();
  let prefecture = pattern.exec(text)?.[1] ?? null;
  let rest = prefecture === null ? text : text.slice(prefecture.length);
  let city: string | null = null;
  const folded = cityFold(rest.slice(0, longest + 2));
  for (let n = Math.min(longest, folded.length); n >= 2; n--) {
    const found = cities.get(folded.slice(0, n));
    if (!found || (prefecture !== null && !found.prefectures.includes(prefecture))) continue;
    city = found.city;
    rest = rest.slice(n);
    if (prefecture === null && found.prefectures.length === 1) prefecture = found.prefectures[0]!;
    break;
  }
  if (city?.endsWith('市')) {
    const ward = /^([^0-9\s-]{1,5}?区)(?!画)/.exec(rest);
    if (ward && placeList().designated.includes(city)) {
      city += ward[1]!;
      rest = rest.slice(ward[0].length);
    }
  } else if (city === null) {
    const county =
      /^([^0-9\s]{1,6}?郡)([^0-9\s]{1,6}?[町村])(?=.|$)/.exec(rest) ??
      (prefecture === null ? null : /^()([^0-9\s]{1,7}?(?:市[^0-9\s]{1,4}区|[市区町村]))(?=.|$)/.exec(rest));
    if (county) {
      city = (county[1] ?? '') + county[2]!;
      rest = rest.slice(county[0].length);
    }
  }
  return { prefecture, city, rest };
}

const dash = '-‐‑‒–—―−ーｰ－─━';
const dashBetween = new RegExp(`(?<=[0-9A-Za-z一二三四五六七八九十])\\s*[${dash}]\\s*(?=[0-9A-Za-z])`, 'g');
const kyoto = /^(.*?(?:上[るルがガ]|下[るルがガ]|東入[るル]?|西入[るル]?|上[りリ]|下[りリ]))[\s、]*(.*)$/u;
const blockPattern =
  /^(\d+)(?:(?:丁目?|番地割|地割)[\s-]*)?(?:(?:(?:の|-)?(\d+)(?:番地|番丁|番町|番)?)(?:[\s-]*(?:の|-)?(\d+)号?)?)?(?:番地|番|号)?(?:の(\d+))?/u;

/** A Japanese address in any usual spelling → its parts. Never throws; what cannot be read stays in `town`. */
export function normaliseAddress(text: string): Address {
  let s = widen(text);
  const out: Address = {
    original: text,
    prefecture: null,
    city: null,
    town: null,
    block: null,
    building: null,
    room: null,
    street: null,
    postal_code: null,
    level: 0,
    key: null,
  };
  const postal = /^〒?\s*(\d{3})-?(\d{4})(?!\d)\s*/.exec(s);
  if (postal && (s.startsWith('〒') || postal[0].length < s.length)) {
    out.postal_code = `${postal[1]}-${postal[2]}`;
    s = s.slice(postal[0].length);
  }
  s = s.replace(dashBetween, '-');
  const compact = s
    .replace(/^((?:[^\s0-9]+)(?:[都道府県市区町村郡]))\s+(?=[^\s])/u, '$1')
    .replace(/^((?:[^\s0-9]+)(?:[都道府県市区町村郡]))\s+(?=[^\s])/u, '$1');
  const place = splitPlace(compact);
  out.prefecture = place.prefecture;
  out.city = place.city;
  let rest = place.rest.trim();
  if (place.city?.startsWith('京都市')) {
    const street = kyoto.exec(rest);
    if (street && street[2] !== '' && !/^\d/.test(street[2]!)) {
      let tail = street[2]!;
      let line = street[1]!;
      for (let more = kyoto.exec(tail); more && more[2] !== '' && !/^\d/.test(more[2]!); more = kyoto.exec(tail)) {
        line += more[1]!;
        tail = more[2]!;
      }
      out.street = line;
      rest = tail;
    }
  }
  rest = rest.replace(/^大字|(?<=[^\s])[大小]?字(?=[^\s0-9])/gu, '').replace(/^字/, '');
  rest = digitsBeforeCounters(
    rest.replace(/([一二三四五六七八九十]+)-(?=\d)/g, (all, n: string) => {
      const v = kanjiNumber(n);
      return v === null ? all : `${v}-`;
    }),
  );
  rest = rest
    .replace(/(?<=[^\s一二三四五六七八九十])([一二三四五六七八九十]+)(?=の[一二三四五六七八九十]|$)/gu, (all, n: string) => String(kanjiNumber(n) ?? all))
    .replace(/(?<=\d)の([一二三四五六七八九十]+)/gu, (all, n: string) => {
      const v = kanjiNumber(n);
      return v === null ? all : `の${v}`;
    });
  let town = rest;
  const hokkaido = /^([^\d\s]*?\d+条(?:通り?)?(?:[東西南北])?)\s*(\d.*)$/u.exec(rest);
  const first = hokkaido ? hokkaido[1]!.length : rest.search(/\d/);
  if (first >= 0) {
    town = rest.slice(0, first).trim();
    const tail = rest.slice(first).trim();
    const block = blockPattern.exec(tail);
    if (block && block[0] !== '') {
      const numbers = block
        .slice(1)
        .filter((n): n is string => n !== undefined)
        .map(n => String(Number(n)));
      out.block = numbers.join('-');
      const after = tail.slice(block[0].length).replace(/^[\s,、-]+/, '');
      if (after !== '') readBuilding(after, out);
    } else readBuilding(tail, out);
  } else {
    const building = /^(\S+?)\s+(.+)$/.exec(rest);
    if (building) {
      town = building[1]!;
      readBuilding(building[2]!, out);
    }
  }
  out.town = town.replace(/[\s・]/g, '') || null;
  out.level =
    out.block !== null && out.city !== null ? 8 : out.town !== null && out.city !== null ? 3 : out.city !== null ? 2 : out.prefecture !== null ? 1 : 0;
  if (out.level >= 3) out.key = [cityFold(out.city!).replace(/^.*郡/, ''), townKey(out.town ?? ''), numbersOf(out)].join('|');
  return out;
}

/** A town name in one spelling: particles and character forms folded, numerals as digits. */
export function townKey(town: string): string {
  return foldParticles(foldKanji(town))
    .replace(/[一二三四五六七八九十]+(?=条|町|番町)/g, m => String(kanjiNumber(m) ?? m))
    .replace(/\s/g, '');
}

function readBuilding(text: string, out: Address): void {
  const room = /(?:^|[^0-9A-Za-z])([A-Z]?-?\d{1,5}[A-Z]?)\s*(?:号室|号|室)?$/iu.exec(text);
  const floor = /(\d+)\s*(?:階|F)$/iu.exec(text);
  out.room = room && !floor ? room[1]!.replace(/^-/, '').toUpperCase() : null;
  out.building = text;
}

function numbersOf(a: Address): string {
  return [a.block, a.room].filter(x => x !== null).join('-');
}
