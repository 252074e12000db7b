import type { SqlToken } from '../../detections/sql/index.ts';
import type { Expr } from './syntax.ts';

/** Where a parser stands. `depth` guards against hostile nesting: below it everything is opaque. */
export type Cursor = { readonly tokens: readonly SqlToken[]; readonly text: string; at: number; depth: number };

/** Nesting beyond this is not followed. */
export const maxDepth = 150;
const reserved = new Set([
  'FROM',
  'WHERE',
  'GROUP',
  'ORDER',
  'HAVING',
  'LIMIT',
  'OFFSET',
  'UNION',
  'EXCEPT',
  'INTERSECT',
  'MINUS',
  'FETCH',
  'FOR',
  'INTO',
  'ON',
  'JOIN',
  'INNER',
  'LEFT',
  'RIGHT',
  'FULL',
  'CROSS',
  'NATURAL',
  'AS',
  'THEN',
  'ELSE',
  'END',
  'WHEN',
  'AND',
  'OR',
  'XOR',
  'ASC',
  'DESC',
  'USING',
  'WAITFOR',
  'PROCEDURE',
  'SET',
  'VALUES',
  'RETURNING',
  'OVER',
  'DIV',
  'MOD',
  'IS',
  'IN',
  'LIKE',
  'ILIKE',
  'RLIKE',
  'REGEXP',
  'BETWEEN',
  'COLLATE',
  'SEPARATOR',
  'WITHIN',
  'PARTITION',
  'GLOB',
  'SIMILAR',
  'ESCAPE',
  'SOUNDS',
  'ISNULL',
  'NOTNULL',
]);

export const peek = (c: Cursor, ahead = 0): SqlToken | undefined => c.tokens[c.at + ahead];
export const isWord = (t: SqlToken | undefined, ...words: readonly string[]): boolean => t?.kind === 'word' && words.includes(t.value);
export const isPunct = (t: SqlToken | undefined, value: string): boolean => t?.kind === 'punct' && t.value === value;
export const isOp = (t: SqlToken | undefined, value: string): boolean => t?.kind === 'operator' && t.value === value;

/** Take the word when it is next. */
export function takeWord(c: Cursor, ...words: readonly string[]): boolean {
  if (!isWord(peek(c), ...words)) return false;
  c.at++;
  return true;
}
export function takePunct(c: Cursor, value: string): boolean {
  if (!isPunct(peek(c), value)) return false;
  c.at++;
  return true;
}

/** What is not followed, from a token on, as it is written. */
export const opaque = (c: Cursor, from: number): Expr => ({
  t: 'opaque',
  text: c.text.slice(c.tokens[from]?.start ?? 0, c.tokens[Math.max(from, c.at - 1)]?.end ?? 0),
});

/** The next word or quoted name as written. */
export function readName(c: Cursor): string {
  const t = c.tokens[c.at++];
  if (!t) return '';
  return t.kind === 'name' ? t.value : c.text.slice(t.start, t.end);
}

/** Words that cannot be an alias or a column. */
export const isReserved = (t: SqlToken | undefined): boolean => t?.kind === 'word' && reserved.has(t.value);
