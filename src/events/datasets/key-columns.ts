import { type Engine, type Sql, sql } from '../../engine/index.ts';

/** The key of a record: one column as it is, several joined by `|` with NULL as empty; NULL when every part is NULL. */
export function keyExpression(columns: readonly string[], column: (name: string) => Sql): Sql {
  if (columns.length === 0) return sql`cast(null as varchar)`;
  if (columns.length === 1) return column(columns[0]!);
  const parts = columns.map(c => column(c));
  return sql`case when coalesce(${sql.join(parts)}) is not null then concat(${sql.join(parts.flatMap((p, i) => (i === 0 ? [p] : [sql`'|'`, p])))}) end`;
}

/** The same from texts; `places` are the positions of the key columns. */
export function keyText(places: readonly number[], row: readonly (string | null)[]): string | null {
  if (places.every(p => row[p] === null || row[p] === undefined)) return null;
  return places.map(p => row[p] ?? '').join('|');
}

/** Names that usually hold a key, best first. */
const keyNames = [/^id$/i, /^.*[_-]id$/i, /^.*Id$/, /^(no|number|code|uuid|guid)$/i, /^.*[_-](no|num|number|code|uuid)$/i, /^.*(番号|コード|ＩＤ|ID)$/];

/** A column without NULL and without repeats whose name says key; null when there is none. */
export async function inferKey(engine: Engine, table: string, columns: readonly string[]): Promise<string | null> {
  const candidates = keyNames.flatMap(pattern => columns.filter(c => pattern.test(c)));
  for (const name of new Set(candidates)) {
    const c = sql.id(name);
    const { ok } = await engine.row<{ ok: boolean }>(
      'dataset.infer_key',
      sql`select count(*) > 0 and count(*) = count(${c}) and count(*) = count(distinct ${c}) as ok from ${sql.id(table)}`,
    );
    if (ok) return name;
  }
  return null;
}

export type KeyFindings = {
  readonly nulls: { readonly count: number; readonly rows: readonly number[] };
  /** Records whose key another record also has. */
  readonly repeats: { readonly count: number; readonly keys: number; readonly rows: readonly number[] };
};

/** Records that the key cannot tell apart, with the first rows of each kind. */
export async function checkKey(engine: Engine, table: string, columns: readonly string[]): Promise<KeyFindings> {
  const t = sql.id(table);
  const missing = sql.join(
    columns.map(c => sql`${sql.id(c)} is null`),
    sql` or `,
  );
  const first = async (step: string, condition: Sql): Promise<number[]> =>
    (await engine.rows<{ row_no: number }>(step, sql`select row_no from ${t} where ${condition} order by row_no limit 5`)).map(r => r.row_no);
  const { n } = await engine.row<{ n: number }>('dataset.key_nulls', sql`select count(*) as n from ${t} where ${missing}`);
  const repeated = sql`select key from ${t} where key is not null group by key having count(*) > 1`;
  const repeats = await engine.row<{ n: number; k: number }>(
    'dataset.key_repeats',
    sql`select coalesce(sum(n), 0)::bigint as n, count(*) as k
    from (select count(*) as n from ${t} where key is not null group by key having count(*) > 1)`,
  );
  return {
    nulls: { count: n, rows: n > 0 ? await first('dataset.key_null_rows', missing) : [] },
    repeats: {
      count: repeats.n,
      keys: repeats.k,
      rows: repeats.k > 0 ? await first('dataset.key_repeat_rows', sql`key in (${repeated})`) : [],
    },
  };
}
