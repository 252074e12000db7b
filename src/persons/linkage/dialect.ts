import { type Engine, type Sql, sql } from '../../engine/index.ts';

/** What the steps need of an engine. */
export type Steps = Pick<Engine, 'run' | 'row' | 'rows'>;

/**
 * How an engine spells what standard SQL has no word for. The steps of the linkage are written in standard SQL and these words only, so that
 * an engine over many machines can run them: a dialect more is one such record (docs/decisions/0008). `matches`, `finds` and `capture` take
 * expressions that RE2 and PostgreSQL read alike: no escapes of code points, no look-around.
 */
export type Dialect = {
  /** Make or replace a table of the rows of a query: kept, or only for as long as the linkage runs. */
  readonly table: (name: string, query: Sql, kept?: 'kept') => Sql;
  /** The type of whole numbers below a hundred. */
  readonly small: Sql;
  /** A number of 64 bits that is the same for the same values; NULL is a value. */
  readonly hash: (values: readonly Sql[]) => Sql;
  readonly log2: (x: Sql) => Sql;
  /** Length in bytes of UTF-8. */
  readonly bytes: (text: Sql) => Sql;
  /** Jaro–Winkler similarity. */
  readonly alike: (a: Sql, b: Sql) => Sql;
  /** Share of letters that both have (Jaccard). */
  readonly letters: (a: Sql, b: Sql) => Sql;
  /** At how many places two texts of one length differ (Hamming). */
  readonly places: (a: Sql, b: Sql) => Sql;
  /** Edits between two texts, a swap of neighbours being one (Damerau–Levenshtein). */
  readonly edits: (a: Sql, b: Sql) => Sql;
  /** The whole text is of this form; it holds this somewhere. */
  readonly matches: (text: Sql, pattern: string) => Sql;
  readonly finds: (text: Sql, pattern: string) => Sql;
  /** The groups of a pattern as texts by name; what did not take part is the empty text. */
  readonly capture: (text: Sql, pattern: string, names: readonly string[]) => Sql;
  /** Texts by name in one value, and one of them again. */
  readonly record: (fields: Readonly<Record<string, Sql>>) => Sql;
  readonly field: (record: Sql, ...path: readonly string[]) => Sql;
};

const literals = (texts: readonly string[]): Sql => sql.join(texts.map(t => sql.lit(t)));

export const duckdb: Dialect = {
  table: (name, query, kept) => sql`create or replace ${kept === 'kept' ? sql`` : sql`temp `}table ${sql.id(name)} as ${query}`,
  small: sql`tinyint`,
  hash: values => sql`hash(${sql.join([...values])})`,
  log2: x => sql`log2(${x})`,
  bytes: text => sql`strlen(${text})`,
  alike: (a, b) => sql`jaro_winkler_similarity(${a}, ${b})`,
  letters: (a, b) => sql`jaccard(${a}, ${b})`,
  places: (a, b) => sql`hamming(${a}, ${b})`,
  edits: (a, b) => sql`damerau_levenshtein(${a}, ${b})`,
  matches: (text, pattern) => sql`regexp_full_match(${text}, ${sql.lit(pattern)})`,
  finds: (text, pattern) => sql`regexp_matches(${text}, ${sql.lit(pattern)})`,
  capture: (text, pattern, names) => sql`regexp_extract(${text}, ${sql.lit(pattern)}, [${literals(names)}])`,
  record: fields => sql`struct_pack(${sql.join(Object.entries(fields).map(([name, value]) => sql`${sql.id(name)} := ${value}`))})`,
  field: (record, ...path) => sql.join([record, ...path.map(p => sql.id(p))], sql`.`),
};
