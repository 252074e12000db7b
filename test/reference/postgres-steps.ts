import { PGlite } from '@electric-sql/pglite';
import { compileSql, type Sql, sql } from '../../src/engine/index.ts';
import type { Dialect } from '../../src/persons/linkage/dialect.ts';

const text = (v: Sql): Sql => sql`coalesce((${v})::text, chr(30))`;

/** The words of the linkage in PostgreSQL; what it has no function for is written in `functions`. */
export const postgres: Dialect = {
  table: (name, query) => sql`create table ${sql.id(name)} as ${query}`,
  small: sql`smallint`,
  hash: values => sql`hashtextextended(concat_ws(chr(31), ${sql.join(values.map(text))}), 0)`,
  log2: x => sql`(ln(${x}) / ln(2::double precision))`,
  bytes: v => sql`octet_length(${v})`,
  alike: (a, b) => sql`jaro_winkler(${a}, ${b})`,
  letters: (a, b) => sql`shared_letters(${a}, ${b})`,
  places: (a, b) => sql`differing_places(${a}, ${b})`,
  edits: (a, b) => sql`edits_of_one_length(${a}, ${b})`,
  matches: (v, pattern) => sql`(${v} ~ ${sql.lit(`^(?:${pattern})$`)})`,
  finds: (v, pattern) => sql`(${v} ~ ${sql.lit(pattern)})`,
  capture: (v, pattern, names) => sql`captured(${v}, ${sql.lit(pattern)}, array[${sql.join(names.map(n => sql.lit(n)))}])`,
  record: fields => sql`once(jsonb_build_object(${sql.join(Object.entries(fields).map(([name, value]) => sql`${sql.lit(name)}, ${value}`))}))`,
  field: (record, ...path) => sql`(${record} #>> array[${sql.join(path.map(p => sql.lit(p)))}])`,
};

/** The first two are volatile, or the planner writes a record out wherever one of its fields is named. */
const functions = `
create function once(v jsonb) returns jsonb volatile language plpgsql as $$ begin return v; end $$;
create function captured(v text, pattern text, names text[]) returns jsonb volatile language plpgsql as $$
declare parts text[] := regexp_match(v, pattern);
begin return (select jsonb_object_agg(names[i], coalesce(parts[i], '')) from generate_subscripts(names, 1) i); end $$;
create function differing_places(a text, b text) returns integer immutable strict language sql as
  $$ select count(*)::integer from generate_series(1, length(a)) i where substr(a, i, 1) <> substr(b, i, 1) $$;
create function edits_of_one_length(a text, b text) returns integer immutable strict language sql as $$
  select case when length(a) <> length(b) then 9 when n <= 1 then n when n = 2 and last = first + 1
      and substr(a, first, 2) = reverse(substr(b, first, 2)) then 1 else 2 end
  from (select count(*)::integer as n, min(i) as first, max(i) as last from generate_series(1, length(a)) i where substr(a, i, 1) <> substr(b, i, 1)) x $$;
create function shared_letters(a text, b text) returns double precision immutable strict language sql as $$
  select count(*) filter (where x.c is not null and y.c is not null) / count(*)::double precision
  from (select distinct unnest(string_to_array(a, null)) as c) x full join (select distinct unnest(string_to_array(b, null)) as c) y on x.c = y.c $$;
create function jaro_winkler(a text, b text) returns double precision immutable strict language plpgsql as $$
declare
  reach integer := greatest(greatest(length(a), length(b)) / 2 - 1, 0);
  taken boolean[] := array_fill(false, array[greatest(length(b), 1)]);
  mine text := ''; theirs text := '';
  met integer := 0; swapped integer := 0; start integer := 0; jaro double precision;
begin
  if length(a) = 0 or length(b) = 0 then return case when a = b then 1 else 0 end; end if;
  for i in 1..length(a) loop
    for j in greatest(1, i - reach)..least(length(b), i + reach) loop
      if not taken[j] and substr(a, i, 1) = substr(b, j, 1) then
        taken[j] := true; met := met + 1; mine := mine || substr(a, i, 1); exit;
      end if;
    end loop;
  end loop;
  if met = 0 then return 0; end if;
  for j in 1..length(b) loop if taken[j] then theirs := theirs || substr(b, j, 1); end if; end loop;
  for i in 1..met loop if substr(mine, i, 1) <> substr(theirs, i, 1) then swapped := swapped + 1; end if; end loop;
  jaro := (met / length(a)::double precision + met / length(b)::double precision + (met - swapped / 2) / met::double precision) / 3;
  while start < least(4, length(a), length(b)) and substr(a, start + 1, 1) = substr(b, start + 1, 1) loop start := start + 1; end loop;
  return case when jaro > 0.7 then jaro + start * 0.1 * (1 - jaro) else jaro end;
end $$;`;

/** PostgreSQL with the calls of the engine that the steps use. */
export async function openPostgres() {
  const db = await PGlite.create();
  await db.exec(functions);
  const ask = async <T>(query: Sql): Promise<T[]> => {
    const { sql: statement, parameters } = compileSql(query);
    const made = /^create table "(\w+)"/.exec(statement)?.[1];
    if (made !== undefined) await db.exec(`drop table if exists "${made}"`);
    return (await db.query<T>(statement, [...parameters])).rows;
  };
  return {
    async run(_step: string, query: Sql): Promise<number> {
      return (await ask(query)).length;
    },
    rows: <T extends object>(_step: string, query: Sql): Promise<T[]> => ask<T>(query),
    async row<T extends object>(_step: string, query: Sql): Promise<T> {
      return (await ask<T>(query))[0]!;
    },
    async load(table: string, columns: readonly { readonly name: string; readonly type: string }[], rows: readonly (readonly unknown[])[]): Promise<void> {
      await db.exec(`drop table if exists "${table}"; create table "${table}" (${columns.map(c => `"${c.name}" ${c.type}`).join(', ')})`);
      const objects = rows.map(r => Object.fromEntries(columns.map((c, i) => [c.name, r[i] ?? null])));
      await db.query(`insert into "${table}" select * from jsonb_populate_recordset(null::"${table}", $1)`, [JSON.stringify(objects)]);
    },
    close: () => db.close(),
  };
}
