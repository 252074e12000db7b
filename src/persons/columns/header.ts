import type { Element } from '../../case/index.ts';
import { headerWords, widen } from '../normal/index.ts';

export type HeaderHit = { readonly element: Element; readonly score: number; readonly word: string };

type Word = { readonly element: Element; readonly word: string; readonly whole: boolean; readonly not: readonly string[] };
let words: Word[] | undefined;

function load(): Word[] {
  words ??= Object.entries(headerWords()).flatMap(([element, w]) => [
    ...w.whole.map(word => ({ element: element as Element, word: fold(word), whole: true, not: [] })),
    ...w.part.map(word => ({ element: element as Element, word: fold(word), whole: false, not: (w.not ?? []).map(fold) })),
  ]);
  return words;
}

const fold = (text: string): string =>
  widen(text)
    .toLowerCase()
    .replace(/[\s_\-./()（）「」:：]/g, '');

/** Words of a header: snake_case, kebab-case, camelCase and Japanese runs apart. */
export function headerTokens(header: string): string[] {
  return widen(header)
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[\s_\-./():]+/)
    .filter(t => t !== '');
}

/** What the header alone suggests, best first. Empty for c1, column_3, blanks and words we do not know. */
export function readHeader(header: string): HeaderHit[] {
  const folded = fold(header);
  if (folded === '' || /^(?:c|col|column|field|f|x|v|var|列|項目|カラム|unnamed)?\d*$/.test(folded)) return [];
  const tokens = headerTokens(header);
  const best = new Map<Element, HeaderHit>();
  for (const w of load()) {
    let score = 0;
    if (w.whole)
      score =
        folded === w.word
          ? 0.92
          : tokens.length > 1 && /^[a-z]{4,}$/.test(w.word) && tokens.at(-1) === w.word && w.element !== 'none' && w.element !== 'record.key'
            ? 0.6
            : 0;
    else if (folded.includes(w.word) && (w.word.length >= 5 || !/^[a-z]+$/.test(w.word) || tokens.includes(w.word))) {
      if (!w.not.some(n => (/^[a-z]{1,4}$/.test(n) ? tokens.includes(n) : folded.includes(n)))) score = Math.min(0.88, 0.7 + 0.03 * w.word.length);
    }
    if (score > (best.get(w.element)?.score ?? 0)) best.set(w.element, { element: w.element, score, word: w.word });
  }
  const hits = [...best.values()].sort((a, b) => b.score - a.score || b.word.length - a.word.length || (a.element < b.element ? -1 : 1));
  if (hits.length === 0) {
    if (/(?:_id|_key|_code|_cd|_no|id|番号|コード|ｺｰﾄﾞ)$/i.test(header.trim())) return [{ element: 'record.key', score: 0.55, word: 'id' }];
    if (/(?:_at|_on|_date|_time|日時|日付|年月日|日)$/i.test(header.trim())) return [{ element: 'none', score: 0.6, word: 'date' }];
  }
  return hits;
}
