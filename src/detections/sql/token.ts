/** The five lexical worlds we read, and `any` when nobody told us which one it is. */
export type SqlDialect = 'any' | 'postgresql' | 'mysql' | 'mssql' | 'oracle' | 'sqlite';

/**
 * `word` keyword or bare name · `name` quoted name · `string` text literal · `number` decimal or exponent · `hex` 0x… or x'…' ·
 * `bits` b'…' · `operator` · `punct` ( ) , ; . [ ] { } : · `variable` @x @@x · `parameter` ? $1 :x · `comment` · `other` a character
 * no dialect gives a meaning to.
 */
export type SqlTokenKind = 'word' | 'name' | 'string' | 'number' | 'hex' | 'bits' | 'operator' | 'punct' | 'variable' | 'parameter' | 'comment' | 'other';

export type SqlToken = {
  readonly kind: SqlTokenKind;
  /** Offsets in UTF-16 units of the text; `text.slice(start, end)` is the token as written. */
  readonly start: number;
  readonly end: number;
  /** Words in upper case; names and strings without quotes and escapes; hex and bits as their digits in upper case; else as written. */
  readonly value: string;
  /** The opening quote of names and strings (`'`, `"`, `` ` ``, `[`, `$tag$`), else ''. */
  readonly quote: string;
  /** False when the text ended inside a string, name or comment. */
  readonly closed: boolean;
};
