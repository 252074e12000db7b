import type { Micros } from '../../base/index.ts';
import type { Answer, Call, Client, Dialected, Shown, Style } from '../exchange.ts';
import type { Statement } from '../logs/database-log.ts';
import type { Random } from '../random.ts';
import { markOf, statementsOf } from '../statements.ts';
import { type Handle, type Row, rowBytes } from '../tables.ts';
import type { World } from '../worlds/insurer.ts';

/** What every page of the application is made with. */
export type Frame = ReturnType<typeof openFrame>;

export function openFrame(world: World, style: Style, dialect: Dialected, random: Random) {
  const jitter = random.fork('jitter');
  const took = (base = 2500): Micros => base + Math.floor(jitter.exponential(1800));
  const pad = (): number => jitter.int(0, 3);
  const url = (path: string): string => style.base + path;
  const answer = (endpoint: string, status: number, bytes: number, statements: Statement[] = [], shown: Shown[] = [], type = 'application/json'): Answer => ({
    endpoint,
    status,
    bytes: style.compressed ? squeezed(bytes) : bytes,
    tookUs: took(statements.length ? 3000 : 900),
    type,
    statements,
    shown,
  });
  /** About what gzip leaves of text like this: a head, a third of the rest, and some noise. */
  const squeezed = (bytes: number): number => (bytes < 150 ? bytes : 96 + Math.round((bytes - 150) * 0.36) + jitter.int(0, 6));
  const call = (method: string, path: string, run: (c: Client) => Answer, bytesIn = 380, referer = '-'): Call => ({
    method,
    target: url(path),
    bytesIn: bytesIn + path.length,
    referer,
    run,
  });
  const guarded =
    (run: (c: Client) => Answer) =>
    (c: Client): Answer =>
      c.user === null ? answer('redirect', 302, 5, [], [], 'text/html') : run(c);

  /** A JSON answer of rows: `{"items":[…],"token":"…"}`; the token's length varies. */
  const pageBytes = (table: Handle, rows: readonly Row[], positions: readonly number[]): number => {
    let n = 33 + Math.max(0, rows.length - 1) + pad();
    for (const r of rows) n += rowBytes(table, r, positions);
    return n;
  };
  const positionsOf = (table: Handle, columns: readonly string[]): number[] => columns.map(c => table.column(c));

  const sql = statementsOf(style, dialect);
  const mark = (n: number): string => markOf(dialect, n);
  /** Rows of an export; emptied when rows come or go. */
  const exportCache = new Map<string, Row[]>();
  const tables = world.tables as Record<Table, Handle>;
  return { style, dialect, jitter, took, pad, url, answer, call, guarded, pageBytes, positionsOf, sql, mark, exportCache, tables };
}

type Table = 'customers' | 'bank_accounts' | 'claims' | 'victims' | 'quotes' | 'agents';
