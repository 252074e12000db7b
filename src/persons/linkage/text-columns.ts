import { type Engine, type Sql, sql } from '../../engine/index.ts';

/** Stands between the texts of one column on their way: a column of a batch is one text, because a call for each cell takes longer than reading it. */
const gap = '\u001e';
/** Bytes beyond which a text is no name and no address: its beginning and its hash are read instead, so that a batch stays small. */
const longest = 3000;

/** By name the texts of a column in one, and how many there are in each. */
export type TextColumns = { readonly count: number; readonly columns: ReadonlyMap<string, string> };

/** Texts of the rows of a query by column, in one order; the empty text where there is none, a space where a text holds what stands between texts. */
export async function readTexts(engine: Engine, names: readonly string[], rows: Sql): Promise<TextColumns> {
  const ask = async (text: (v: Sql) => Sql): Promise<TextColumns & { readonly torn: boolean }> => {
    const columns = names.map(
      n => sql`string_agg(case when ${sql.id(n)} is null then '' when strlen(${sql.id(n)}) > ${sql.lit(longest)}
      then ${text(sql`left(${sql.id(n)}, 500) || md5(${sql.id(n)})`)} else ${text(sql.id(n))} end, ${sql.lit(gap)}) as ${sql.id(n)}`,
    );
    const torn = sql.join(
      names.map(n => sql`coalesce(contains(${sql.id(n)}, ${sql.lit(gap)}), false)`),
      sql` or `,
    );
    const row = await engine.row<Record<string, string | number | boolean | null>>(
      'link.texts',
      sql`select count(*) as "n.texts", coalesce(bool_or(${torn}), false) as "n.torn", ${sql.join(columns)} from (${rows}) r`,
    );
    return { count: Number(row['n.texts']), torn: row['n.torn'] === true, columns: new Map(names.map(n => [n, String(row[n] ?? '')])) };
  };
  const read = await ask(v => v);
  return read.torn ? ask(v => sql`replace(${v}, ${sql.lit(gap)}, ' ')`) : read;
}

/** Letters of a column that are taken apart at a time: what is held for longer than a moment is moved about by the collector. */
const piece = 40_000;

/** Columns of what is said of the texts of a column, as many as `width`; nothing where nothing is said. */
export function mapTexts(column: string, width: number, say: (text: string) => readonly (string | null)[]): string[] {
  const pieces = Array.from({ length: width }, (): string[] => []);
  for (let from = 0, to = 0; to < column.length; from = to + 1) {
    const end = column.indexOf(gap, from + piece);
    to = end < 0 ? column.length : end;
    const texts = column.slice(from, to).split(gap);
    const empty = gap.repeat(texts.length - 1);
    // Most columns of a reading are empty, and these are not written text by text.
    const out = pieces.map((): string[] | null => null);
    for (let at = 0; at < texts.length; at++) {
      const text = texts[at]!;
      if (text === '') continue;
      const said = say(text);
      for (let i = 0; i < width; i++) {
        const value = said[i];
        if (value) (out[i] ??= new Array<string>(texts.length).fill(''))[at] = value;
      }
    }
    for (let i = 0; i < width; i++) pieces[i]!.push(out[i]?.join(gap) ?? empty);
  }
  return pieces.map(p => p.join(gap));
}

/** Columns of texts as rows again, null for the empty text. A column of which every text is empty is left out; `held` names the others. */
export function textRows({ count, columns }: TextColumns): { readonly rows: Sql; readonly held: ReadonlySet<string> } {
  const held = [...columns].filter(([, text]) => text.length > count - 1);
  const lists = held.map(([name, text]) => sql`unnest(string_split(${text}::varchar, ${sql.lit(gap)})) as ${sql.id(name)}`);
  // The empty texts one select further out: beside `unnest` the engine takes every list apart twice.
  const texts = held.map(([name]) => sql`nullif(${sql.id(name)}, '') as ${sql.id(name)}`);
  return { rows: sql`(select ${sql.join(texts)} from (select ${sql.join(lists)}) u)`, held: new Set(held.map(([name]) => name)) };
}
