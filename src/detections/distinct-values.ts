import { type Engine, type Sql, sql } from '../engine/index.ts';

/** Makes the table `(name, value)` of all texts that columns hold in events of some classes, in one pass. Tests of a text are then made once a text. */
export async function distinctValues(engine: Engine, table: string, columns: readonly string[], classes: Sql): Promise<void> {
  const names = columns.map(c => sql.id(c));
  const name = sql`case 0 ${sql.join(
    columns.map(c => sql`when grouping(${sql.id(c)}) then ${sql.lit(c)}`),
    sql` `,
  )} end`;
  const value = sql`coalesce(${sql.join([...names, sql`null`])})`;
  await engine.run(
    'detection.distinct',
    sql`create or replace temp table ${sql.id(table)} as
    select ${name} as name, ${value} as value from event where class in (${classes})
    group by grouping sets (${sql.join(names.map(n => sql`(${n})`))}) having ${value} is not null`,
  );
}
