import { type Engine, sql } from '../../engine/index.ts';
import { type SqlDialect, tokenizeSql } from '../sql/index.ts';

/** The dialect that the statements of each file are written in, by the format of its log; a file that is missing may hold any. */
export async function readLogDialects(engine: Engine): Promise<ReadonlyMap<number, SqlDialect>> {
  if (!(await engine.hasTable('event_file'))) return new Map();
  const files = await engine.rows<{ file_no: number; format: string }>(
    'detection.log-dialects',
    sql`select file_no, format from event_file where source_kind = 'sql-audit' order by file_no`,
  );
  return new Map(
    files.flatMap(({ file_no, format }): [number, SqlDialect][] =>
      /^(?:mysql|mariadb)/.test(format) ? [[file_no, 'mysql']] : format.startsWith('pg') ? [[file_no, 'postgresql']] : [],
    ),
  );
}

/** A statement without what stands inside its text literals: what is left was read as SQL. */
export function withoutLiterals(statement: string, dialect: SqlDialect): string {
  let out = '';
  let from = 0;
  for (const t of tokenizeSql(statement, { dialect, comments: true })) {
    if (t.kind !== 'string') continue;
    out += `${statement.slice(from, t.start)}''`;
    from = t.end;
  }
  return out + statement.slice(from);
}

/** Whether a text stands nowhere in a statement but inside of text literals, which it does not leave. */
export function staysLiteral(statement: string, text: string, dialect: SqlDialect): boolean {
  // Whether a backslash frees the quote behind it depends on the dialect.
  if (dialect === 'any' && text.includes('\\')) return false;
  const literals = tokenizeSql(statement, { dialect }).filter(t => t.kind === 'string' && t.closed);
  for (let at = statement.indexOf(text); at >= 0; at = statement.indexOf(text, at + 1))
    if (!literals.some(t => t.start < at && at + text.length < t.end)) return false;
  return true;
}
