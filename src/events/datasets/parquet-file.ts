import type { Engine } from '../../engine/index.ts';
import { sql } from '../../engine/index.ts';
import { literalPath, type OpenFile, type TableFile } from './table-file.ts';

/** Open Parquet: every column cast to the engine's text of it, in file order. Throws QueryError when the file is none. */
export async function openParquet(file: OpenFile, engine: Engine): Promise<TableFile> {
  const columns = await engine.rows<{ column_name: string; column_type: string }>(
    'dataset.parquet_columns',
    sql`select column_name, column_type from (describe select * from read_parquet(${literalPath(file.absolute)}))`,
  );
  const header = columns.map(c => c.column_name);
  return {
    format: 'parquet',
    encoding: 'parquet',
    header,
    async load(target) {
      const byPlace = new Map(target.places.map((place, i) => [place, columns[i]!]));
      const value = (name: string) => {
        const c = byPlace.get(target.columns.indexOf(name));
        if (!c) return sql`cast(null as varchar)`;
        if (c.column_type === 'BLOB') return sql`coalesce(try(decode(f.${sql.id(c.column_name)})), cast(f.${sql.id(c.column_name)} as varchar))`;
        return sql`cast(f.${sql.id(c.column_name)} as varchar)`;
      };
      await engine.run(
        'dataset.read_parquet',
        sql`insert into ${sql.id(target.table)}
        select file_row_number + ${target.firstRow}::bigint, ${target.keyOf(value)}, ${sql.join(target.columns.map(value))}
        from read_parquet(${literalPath(file.absolute)}, file_row_number = true) f`,
      );
      const { n } = await engine.row<{ n: number }>('dataset.parquet_rows', sql`select count(*) as n from read_parquet(${literalPath(file.absolute)})`);
      return n;
    },
    linesOf: async rows => rows.map(() => null),
  };
}
