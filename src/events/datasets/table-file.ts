import type { Problem } from '../../base/index.ts';
import type { Engine, Sql } from '../../engine/index.ts';
import type { SourceFile } from '../../evidence/index.ts';

/** One file of a data set, opened far enough to know its columns; `load` appends its rows. */
export type TableFile = {
  readonly format: 'csv' | 'parquet' | 'jsonl';
  readonly encoding: string;
  /** Column names as given, in order. */
  readonly header: readonly string[];
  /** Rows in file order. Returns how many were written; the row numbers go on from `firstRow`. */
  load(target: LoadTarget): Promise<number>;
  /** The physical lines (from 1) of rows counted from 0 in this file; null where lines mean nothing. */
  linesOf(rows: readonly number[]): Promise<(number | null)[]>;
};

export type LoadTarget = {
  readonly engine: Engine;
  readonly table: string;
  readonly firstRow: number;
  /** All columns of the table after `row_no` and `key`. */
  readonly columns: readonly string[];
  /** For each column of this file, its place in `columns`. */
  readonly places: readonly number[];
  /** The key as an expression over the table's columns. */
  readonly keyOf: (column: (name: string) => Sql) => Sql;
  /** The same key from the texts of a row. */
  readonly keyText: (row: readonly (string | null)[]) => string | null;
};

export type OpenFile = {
  readonly source: SourceFile;
  readonly absolute: string;
  readonly encoding: string;
  /** A folder for a temporary UTF-8 copy. */
  readonly scratch: string;
  readonly problems: Problem[];
};

/** A path as the engine's file functions take it: characters that would be a pattern stand for themselves. */
export function literalPath(file: string): string {
  return file.replace(/[*?[]/g, '[$&]');
}
