import { kanjiForms } from './reference.ts';

type Folding = {
  readonly strict: ReadonlyMap<string, string>;
  readonly loose: ReadonlyMap<string, string>;
  readonly members: ReadonlyMap<string, string>;
  /** By UTF-16 code: 1 where a text has to be looked at letter by letter. */
  readonly any: Uint8Array;
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
  const any = new Uint8Array(65_536);
  for (const c of [...strict.keys(), ...looseMap.keys(), '々', '〻']) any[c.charCodeAt(0)] = 1;
  folding = { strict, loose: looseMap, members, any };
  return folding;
}

function folds(text: string): boolean {
  const { any } = load();
  for (let i = 0; i < text.length; i++) if (any[text.charCodeAt(i)] === 1) return true;
  return false;
}

/** Old, new and popular forms of one character become one; 々 is spelled out. Expects NFKC text. */
export function foldKanji(text: string): string {
  return folds(text) ? foldLetters([...text]).join('') : text;
}

/** Letter by letter, so that the folding of a beginning is the beginning of the folding. */
export function foldLetters(letters: readonly string[]): string[] {
  const { strict } = load();
  let last = '';
  return letters.map(c => {
    last = c === '々' || c === '〻' ? last : (strict.get(c) ?? c);
    return last;
  });
}

/** As foldKanji, and characters that families mix (斎 and 斉) become one too. For weak matches only. */
export function foldKanjiLoosely(text: string): string {
  const { loose } = load();
  const folded = foldKanji(text);
  return folds(folded) ? [...folded].map(c => loose.get(c) ?? c).join('') : folded;
}

/** Every other form a character may stand for: 弁 → 辨瓣辯. Null when there is none. */
export function otherForms(character: string): string[] | null {
  const { strict, members } = load();
  const group = members.get(strict.get(character) ?? character);
  return group ? [...group].filter(c => c !== character) : null;
}

/** ヶ ケ ヵ が between kanji is one sound; ノ の 之 too. */
export function foldParticles(text: string): string {
  if (!/[ヶケヵカがガノの之ツッつ]/.test(text)) return text;
  return text
    .replace(/(?<=\p{Script=Han}|々)[ヶケヵカがガ](?=\p{Script=Han})/gu, 'ケ')
    .replace(/(?<=\p{Script=Han}|々)[ノの之](?=\p{Script=Han})/gu, 'ノ')
    .replace(/(?<=[一二三四五六七八九十0-9])[ツッつ](?=\p{Script=Han})/gu, 'ツ');
}
