import { type Sql, sql } from '../../engine/index.ts';
import { type Block, type Origin, occurrencesOf } from './relation.ts';

/** When what these columns hold may have been something else at the time of the statement; null when it was the same. */
export function unknownThen(origins: readonly Origin[], b: Block): Sql | null {
  const parts: Sql[] = [];
  for (const { occurrence, sql: row } of occurrencesOf(b)) {
    const d = occurrence.dataset.drift;
    if (!d) continue;
    const columns = [...new Set(origins.filter(o => o.occurrence === occurrence.id).map(o => o.column))];
    if (columns.length === 0) continue;
    if (columns.some(c => d.whole.has(c))) return sql`true`;
    const touched = columns.filter(c => d.columns.has(c));
    if (touched.length > 0)
      parts.push(sql`coalesce(${row} in (select row_no from ${d.touched} where column_no in (${sql.join(touched.map(c => sql.lit(c)))})), true)`);
    if (d.removed) parts.push(sql`${row} is null`);
  }
  return parts.length === 0 ? null : sql`(${sql.join(parts, sql` or `)})`;
}
