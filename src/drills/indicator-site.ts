import type { Answer, Call, Client, Shown } from './exchange.ts';
import type { Statement } from './logs/database-log.ts';
import type { Random } from './random.ts';
import { rowBytes } from './tables.ts';
import type { IndicatorTable } from './worlds/indicators.ts';

export const exportSize = 5000;
const pageSize = 50;

export type IndicatorSite = ReturnType<typeof createIndicatorSite>;

/** `lengths[n]`: bytes of row n as JSON, kept from the pass that wrote the export. */
export type MeasuredTable = IndicatorTable & { readonly lengths: Uint16Array };

/** The indicator system: dashboards without personal data, and lists of detail behind them, paged by key. */
export function createIndicatorSite(tables: readonly MeasuredTable[], random: Random) {
  const jitter = random.fork('jitter');
  const answer = (endpoint: string, status: number, bytes: number, statements: Statement[] = [], shown: Shown[] = [], type = 'text/html'): Answer => ({
    endpoint,
    status,
    bytes,
    tookUs: (statements.length ? 4000 : 900) + Math.floor(jitter.exponential(2500)),
    type,
    statements,
    shown,
  });
  const guarded =
    (run: (c: Client) => Answer) =>
    (c: Client): Answer =>
      c.user === null ? answer('redirect', 302, 5) : run(c);
  const call = (method: string, target: string, run: (c: Client) => Answer, referer = '-'): Call => ({
    method,
    target,
    bytesIn: 400 + target.length,
    referer,
    run,
  });

  function rows(table: MeasuredTable, after: number, limit: number, endpoint: string): Answer {
    const to = Math.min(table.rows, after + limit);
    let bytes = 33 + jitter.int(0, 3) + Math.max(0, to - after - 1);
    for (let n = after + 1; n <= to; n++) bytes += table.lengths[n]!;
    const columns = table.handle.columns;
    const statement: Statement = {
      sql: `SELECT ${columns.join(', ')} FROM ${table.id} WHERE id > $1 ORDER BY id LIMIT ${limit}`,
      params: [String(after)],
      rows: Math.max(0, to - after),
    };
    const shown: Shown[] = to > after ? [{ table: table.handle, rows: [], columns, range: [after + 1, to] }] : [];
    return { ...answer(endpoint, 200, bytes, [statement], shown, 'application/json'), tookUs: 5000 + (to - after) * 15 + Math.floor(jitter.exponential(3000)) };
  }
  return {
    tables,
    exportSize,
    loginForm: (): Call => call('GET', '/login', () => answer('login-form', 200, 933 + jitter.int(0, 3))),
    login: (login: string, good: boolean): Call =>
      call(
        'POST',
        '/login',
        c => {
          if (good) {
            c.user = login;
            c.sid = jitter.text(24, '0123456789abcdef');
          }
          return answer('login', good ? 302 : 401, good ? 5 : 51, [
            { sql: 'SELECT id, login FROM operators WHERE login = $1 AND active', params: [login], rows: 1 },
          ]);
        },
        '/login',
      ),
    dashboard: (): Call =>
      call(
        'GET',
        '/dashboard',
        guarded(() => answer('dashboard', 200, 4211 + jitter.int(0, 30))),
        '/login',
      ),
    tile: (name: string, month: string): Call =>
      call(
        'GET',
        `/api/indicators?name=${name}&month=${month}`,
        guarded(() => answer('indicators', 200, 640 + jitter.int(0, 90), [], [], 'application/json')),
        '/dashboard',
      ),
    asset: (path: string, bytes: number): Call =>
      call('GET', path, () => answer('asset', 200, bytes, [], [], path.endsWith('.css') ? 'text/css' : 'text/javascript'), '/dashboard'),
    health: (): Call => call('GET', '/healthz', () => answer('health', 200, 2)),
    page: (table: MeasuredTable, after: number): Call =>
      call(
        'GET',
        `/api/reports/${table.id}?after=${after}`,
        guarded(() => rows(table, after, pageSize, 'report')),
        '/dashboard',
      ),
    export: (table: MeasuredTable, after: number): Call =>
      call(
        'GET',
        `/api/reports/${table.id}/export?after=${after}`,
        guarded(() => rows(table, after, exportSize, 'export')),
        '/dashboard',
      ),
  };
}

/** Bytes of one row as the site renders it. */
export const measure = (table: IndicatorTable, row: readonly (string | null)[], positions: readonly number[]): number =>
  rowBytes(table.handle, [...row], positions);
