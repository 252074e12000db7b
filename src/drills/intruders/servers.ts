import { SECOND } from '../../base/index.ts';
import type { Call, Shown } from '../exchange.ts';
import type { Statement } from '../logs/database-log.ts';
import type { Handle, Row } from '../tables.ts';
import { type Act, haste, intruder, type Plot, send } from './plot.ts';

const csvBytes = (rows: readonly Row[], positions: readonly number[]): number =>
  rows.reduce((n, r) => n + positions.reduce((m, p) => m + Buffer.byteLength(r[p] ?? '') + 1, 0), 0);

/** Files of the server by way of the download page: many spellings of `../`, few that work. No record of a dataset is shown. */
export function* pathTraversal(plot: Plot): Act {
  const { random, site } = plot;
  const client = intruder(plot, 'path-traversal');
  const base = site.style.base;
  const download = (file: string, status: number, bytes: number): Call =>
    site.raw('GET', `${base}/download?file=${file}`, 300, () => site.answer('download', status, bytes, [], [], 'application/octet-stream'));
  const ups = ['../', '..%2f', '%2e%2e%2f', '..%252f', '..%c0%af', '....//'];
  yield* send(client, download('terms.pdf', 200, 48211), 0);
  for (const up of ups) {
    for (let depth = 2; depth <= 6; depth++) {
      const works = (up === '..%2f' || up === '../') && depth >= 5;
      yield* send(
        client,
        download(`${up.repeat(depth)}etc${up.includes('%') ? '%2f' : '/'}passwd`, works ? 200 : random.chance(0.3) ? 400 : 404, works ? 1873 : 153),
        haste(random, 400_000),
      );
    }
  }
  for (const [file, bytes] of [
    ['etc/hosts', 221],
    ['proc/self/environ', 1409],
    ['srv/app/config/database.yml', 318],
    ['var/log/nginx/access.log', 65536],
  ] as const)
    yield* send(client, download(`${'../'.repeat(6)}${file}`, 200, bytes), haste(random, 3 * SECOND));
  plot.truth.phase('path-traversal').success = true;
}

/** A script file is uploaded; commands go in POST bodies, so only the database log shows what was read. */
export function* webShell(plot: Plot): Act {
  const { random, site } = plot;
  const client = intruder(plot, 'web-shell');
  const shell = `/uploads/${random.text(8)}.php`;
  const plain = (method: string, target: string, status: number, bytes: number): Call =>
    site.raw(method, target, method === 'POST' ? random.int(300, 900) : 300, () => site.answer('shell', status, bytes, [], [], 'text/html'));
  yield* send(client, plain('POST', `${site.style.base}/claims/upload`, 200, 64), 0);
  yield* send(client, plain('GET', shell, 200, 0), haste(random, 5 * SECOND));
  for (const bytes of [54, 812, 2210, 133, 97]) yield* send(client, plain('POST', shell, 200, bytes + random.int(0, 40)), haste(random, 9 * SECOND));
  for (const name of ['agents', 'customers', 'bank_accounts']) {
    const table = site.world.tables[name]!;
    const limit = Math.min(plot.reach * 2, table.rows.length);
    const rows = table.ordered('id').slice(0, limit);
    const statement: Statement = {
      sql: `SELECT * FROM ${name} ORDER BY id LIMIT ${limit}`,
      params: null,
      rows: rows.length,
      login: { user: 'app', application: site.dialect === 'postgresql' ? 'psql' : '', address: '10.0.1.5' },
    };
    yield* send(
      client,
      site.raw('POST', shell, 512, () =>
        site.answer(
          'shell',
          200,
          80 +
            csvBytes(
              rows,
              table.columns.map((_, i) => i),
            ),
          [statement],
          [{ table, rows, columns: table.columns }],
          'text/html',
        ),
      ),
      haste(random, 20 * SECOND),
    );
  }
  plot.truth.phase('web-shell').success = true;
}

/** A stolen database password: whole tables leave by COPY, seen by nobody but the database. */
export function* databaseDump(plot: Plot): Act {
  const { random, site } = plot;
  const client = intruder(plot, 'db-dump', { userAgent: '-' });
  const login = { user: 'report', application: random.pick(['pg_dump', 'psql']), address: client.ip };
  const direct = (statement: Statement, shown: Shown[]): Call => ({
    ...site.raw('-', '-', 0, () => site.answer('dump', 200, 0, [statement], shown)),
    direct: true,
  });
  const names = random.shuffle(['customers', 'bank_accounts', 'claims', 'quotes', 'agents']).slice(0, random.int(2, 4));
  yield* send(client, direct({ sql: site.dialect === 'mysql' ? 'SELECT @@version' : 'SELECT version()', params: null, rows: 1, login }, []), 0);
  for (const name of names) {
    const table = site.world.tables[name]!;
    yield* send(client, direct(dumpStatement(plot, table, login), [{ table, rows: table.rows, columns: table.columns }]), haste(random, 2 * SECOND));
  }
  plot.truth.phase('db-dump').success = true;
}

function dumpStatement(plot: Plot, table: Handle, login: NonNullable<Statement['login']>): Statement {
  if (plot.site.dialect === 'mysql') return { sql: `SELECT /*!40001 SQL_NO_CACHE */ * FROM \`${table.name}\``, params: null, rows: table.rows.length, login };
  return login.application === 'pg_dump'
    ? { sql: `COPY public.${table.name} (${table.columns.join(', ')}) TO stdout;`, params: null, rows: table.rows.length, kind: 'COPY', login }
    : { sql: `COPY (SELECT * FROM ${table.name}) TO STDOUT WITH CSV HEADER`, params: null, rows: table.rows.length, kind: 'COPY', login };
}
