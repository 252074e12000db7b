import { type Sql, sql } from '../../engine/index.ts';
import type { Column } from '../catalogue.ts';

/** A value that rows hold: its trimmed text, and what its type reads in it (`typedText`). */
export type Held = { readonly text: Sql; readonly typed: Sql };

const trimmed = (text: Sql): Sql => sql`trim(coalesce(${text}, ''))`;

/** A row's own value, from the exported texts `d` and the typed view `t`. */
export function heldBy(column: Column): Held {
  const typed = sql`t.${sql.id(`c${column.no}`)}`;
  const text = trimmed(sql`d.${sql.id(column.name)}`);
  if (column.type === 'text' || column.type === 'int') return { text, typed: sql`null` };
  return { text, typed: column.type === 'bool' || column.type === 'num' ? typed : sql`cast(${typed} as varchar)` };
}

/** A rebuilt text as the column's type reads it; null for a type that prints in one way only. */
function typedAs(column: Column, value: Sql): Sql | null {
  if (column.type === 'text' || column.type === 'int') return null;
  if (column.type === 'bool') return sql`try_cast(${value} as boolean)`;
  return column.type === 'num' ? sql`try_cast(${value} as double)` : value;
}

/** Equal as exported, or equal as the typed value prints: parts that exclude each other, each a plain equality, since an `or` would compare every pair. */
function waysToEqual(column: Column, held: Held, value: Sql): Sql[] {
  const same = sql`${held.text} = ${trimmed(value)}`;
  const known = typedAs(column, value);
  return known === null ? [same] : [same, sql`${held.typed} = ${known} and not ${same}`];
}

/** A rebuilt value against one that rows hold. */
export const equals = (column: Column, held: Held, value: Sql): Sql => anyOf(waysToEqual(column, held, value));

/** A rebuilt cell `rc` against a value that rows hold: its whole value, or its pattern; in parts that exclude each other. */
export function waysToFit(column: Column, held: Held): Sql[] {
  return [
    ...waysToEqual(column, held, sql`rc.value`).map(way => sql`(rc.pattern is null and ${way})`),
    sql`(rc.pattern is not null and regexp_full_match(${held.text}, rc.pattern))`,
  ];
}

/** The same as one condition. */
export const fits = (column: Column, held: Held): Sql => anyOf(waysToFit(column, held));

const anyOf = (ways: readonly Sql[]): Sql =>
  sql`(${sql.join(
    ways.map(w => sql`(${w})`),
    sql` or `,
  )})`;

/** A partly rebuilt text as a pattern: each unknown character is any one, at the end of a text of unknown length perhaps none. */
export function patternOf(status: string, facts: string | null): string | null {
  if (status !== 'partial' || facts === null) return null;
  let f: { pattern?: unknown; length?: unknown };
  try {
    f = JSON.parse(facts) as typeof f;
  } catch {
    return null;
  }
  if (typeof f.pattern !== 'string' || f.pattern === '' || [...f.pattern].every(c => c === '\uFFFD')) return null;
  const sized = typeof f.length === 'number';
  const escaped = [...f.pattern].map(c => (c === '\uFFFD' ? (sized ? '.' : '.?') : c.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))).join('');
  return sized ? escaped : `${escaped}.*`;
}
