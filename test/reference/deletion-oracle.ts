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

/** Values of these rows of which another one would have changed the answer: `column` by number in the order of `columns`. */
export async function decisive(
  db: PGlite,
  query: string,
  table: { readonly name: string; readonly columns: readonly { readonly name: string; readonly other: string }[]; readonly keys: readonly number[] },
): Promise<{ key: number; column: number }[]> {
  const out: { key: number; column: number }[] = [];
  const full = await answer(db, query);
  for (const key of table.keys)
    for (const [column, c] of table.columns.entries()) {
      await db.exec('begin');
      await db.query(`update ${table.name} set ${c.name} = ${c.other} where id = $1`, [key]);
      const changed = await answer(db, query).catch(() => 'error');
      await db.exec('rollback');
      if (changed !== full) out.push({ key, column });
    }
  return out;
}
