import { kanjiForms } from './reference.ts';

type Folding = {
  readonly strict: ReadonlyMap<string, string>;
  readonly loose: ReadonlyMap<string, string>;
  readonly members: ReadonlyMap<string, string>;
  readonly any: RegExp;
};
let folding: Folding | undefined;

function load(): Folding {
  if (folding) return folding;
  const { forms, loose } = kanjiForms();
  const strict = new Map<string, string>();
  const members = new Map<string, string>();
  for (const group of forms) {
    const [head, ...rest] = [...group];
    members.set(head!, group);
    for (const c of rest) strict.set(c, head!);
  }
  const looseMap = new Map<string, string>();
  for (const group of loose) {
    const [head, ...rest] = [...group];
    for (const c of rest) looseMap.set(strict.get(c) ?? c, head!);
  }
  folding = { strict, loose: looseMap, members, any: new RegExp(`[${[...strict.keys(), ...looseMap.keys()].join('')}々〻ゝヽ]|[ヶヵケカがガノの之ツッ]`, 'u') };
  return folding;
}

/** Old, new and popular forms of one character become one; 々 is spelled out. Expects NFKC text. */
export function foldKanji(text: string): string {
  const { strict, any } = load();
  if (!any.test(text)) return text;
  let out = '';
  let last = '';
  for (const c of text) {
    const one = c === '々' || c === '〻' ? last : (strict.get(c) ?? c);
    out += one;
    last = one;
  }
  return out;
}

/** As foldKanji, and characters that families mix (斎 and 斉) become one too. For weak matches only. */
export function foldKanjiLoosely(text: string): string {
  const { loose, any } = load();
  const folded = foldKanji(text);
  return any.test(folded) ? [...folded].map(c => loose.get(c) ?? c).join('') : folded;
}

/** Every other form a character may stand for: 弁 → 辨瓣辯. Null when there is none. */
export function otherForms(character: string): string[] | null {
  const { strict, members } = load();
  const group = members.get(strict.get(character) ?? character);
  return group ? [...group].filter(c => c !== character) : null;
}

/** ヶ ケ ヵ が between kanji is one sound; ノ の 之 too. */
export function foldParticles(text: string): string {
  return text
    .replace(/(?<=\p{Script=Han}|々)[ヶケヵカがガ](?=\p{Script=Han})/gu, 'ケ')
    .replace(/(?<=\p{Script=Han}|々)[ノの之](?=\p{Script=Han})/gu, 'ノ')
    .replace(/(?<=[一二三四五六七八九十0-9])[ツッつ](?=\p{Script=Han})/gu, 'ツ');
}
