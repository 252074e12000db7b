import type { PGlite } from '@electric-sql/pglite';

/** Rows of small tables whose removal changes the answer of a query: slow, and true by definition ("indispensable tuples"). */
export async function indispensable(
  db: PGlite,
  query: string,
  tables: readonly { readonly name: string; readonly keys: readonly number[] }[],
): Promise<Map<string, Set<number>>> {
  const out = new Map<string, Set<number>>();
  const full = await answer(db, query);
  for (const t of tables) {
    const rows = new Set<number>();
    for (const key of t.keys) {
      await db.exec('begin');
      await db.query(`delete from ${t.name} where id = $1`, [key]);
      const without = await answer(db, query).catch(() => 'error');
      await db.exec('rollback');
      if (without !== full) rows.add(key);
    }
    out.set(t.name, rows);
  }
  return out;
}

/** The answer as one text: a multiset of rows, because SQL promises no order without ORDER BY. */
export async function answer(db: PGlite, query: string): Promise<string> {
  const r = await db.query<unknown[]>(query, [], { rowMode: 'array' });
  return r.rows
    .map(row => JSON.stringify(row, (_, v: unknown) => (typeof v === 'bigint' ? Number(v) : v)))
    .sort()
    .join('\n');
}
