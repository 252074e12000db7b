import fs from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../base/index.ts';

export type KanjiForms = { readonly forms: readonly string[]; readonly loose: readonly string[] };
export type NameList = {
  readonly surnames: readonly (readonly [string, string])[];
  readonly men: readonly (readonly [string, string])[];
  readonly women: readonly (readonly [string, string])[];
  readonly western: { readonly surnames: readonly string[]; readonly men: readonly string[]; readonly women: readonly string[] };
};
export type PlaceList = {
  readonly prefectures: readonly { readonly name: string; readonly romaji: string; readonly cities: readonly string[] }[];
  readonly designated: readonly string[];
  readonly renamed: Readonly<Record<string, string>>;
  readonly postal: Readonly<Record<string, string>>;
};

const read = new Map<string, unknown>();

function reference<T>(name: string): T {
  if (!read.has(name)) read.set(name, JSON.parse(fs.readFileSync(path.join(packageRoot, 'reference', 'persons', `${name}.json`), 'utf8')));
  return read.get(name) as T;
}

export const kanjiForms = (): KanjiForms => reference('kanji-variants');
export const nameList = (): NameList => reference('names');
export const placeList = (): PlaceList => reference('places');
export const headerWords = (): Readonly<Record<string, HeaderWords>> => reference('header-words');

/** Words that name an element in a header: `whole` must be the whole header, `part` may stand anywhere in it. */
export type HeaderWords = { readonly whole: readonly string[]; readonly part: readonly string[]; readonly not?: readonly string[] };
