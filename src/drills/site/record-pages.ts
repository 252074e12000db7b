import type { Call } from '../exchange.ts';
import type { Statement } from '../logs/database-log.ts';
import { columns } from '../statements.ts';
import { type Row, rowBytes } from '../tables.ts';
import type { Frame } from './frame.ts';

/** Pages that show records to who has signed in. */
export function recordPages(frame: Frame) {
  const { style, took, pad, url, answer, call, guarded, pageBytes, positionsOf, sql, exportCache, tables } = frame;
  const branchRows = (branch: string): readonly Row[] => tables.customers.where('branch', branch);
  return {
    list: (page: number): Call =>
      call(
        'GET',
        `/customers?page=${page}`,
        guarded(c => {
          const offset = (page - 1) * style.pageSize;
          const rows = branchRows(c.branch!).slice(offset, offset + style.pageSize);
          return answer(
            'list',
            200,
            pageBytes(tables.customers, rows, positionsOf(tables.customers, columns.list)),
            [{ sql: sql.list, params: [c.branch, String(offset)], rows: rows.length }],
            [{ table: tables.customers, rows, columns: columns.list }],
          );
        }),
        400,
        url('/menu'),
      ),
    detail: (id: string): Call =>
      call(
        'GET',
        `/customers/${id}`,
        guarded(() => {
          const row = tables.customers.byKey(id);
          const statements: Statement[] = [{ sql: sql.detail, params: [id], rows: row ? 1 : 0 }];
          return row
            ? answer('customer', 200, 14 + pad() + rowBytes(tables.customers, row, positionsOf(tables.customers, columns.detail)), statements, [
                { table: tables.customers, rows: [row], columns: columns.detail },
              ])
            : answer('customer', 404, 32, statements);
        }),
        400,
        url('/customers'),
      ),
    bank: (id: string): Call =>
      call(
        'GET',
        `/customers/${id}/bank`,
        guarded(() => {
          const rows = tables.bank_accounts.where('customer_id', id);
          const statements: Statement[] = [{ sql: sql.bank, params: [id], rows: rows.length }];
          return rows.length
            ? answer('bank', 200, pageBytes(tables.bank_accounts, rows, positionsOf(tables.bank_accounts, columns.bank)), statements, [
                { table: tables.bank_accounts, rows, columns: columns.bank },
              ])
            : answer('bank', 404, 32, statements);
        }),
        400,
        url(`/customers/${id}`),
      ),
    claimsOf: (id: string): Call =>
      call(
        'GET',
        `/customers/${id}/claims`,
        guarded(() => {
          const rows = tables.claims.where('customer_id', id);
          return answer(
            'claims',
            200,
            pageBytes(tables.claims, rows, positionsOf(tables.claims, columns.claim)),
            [{ sql: sql.claims, params: [id], rows: rows.length }],
            rows.length ? [{ table: tables.claims, rows, columns: columns.claim }] : [],
          );
        }),
        400,
        url(`/customers/${id}`),
      ),
    claim: (id: string): Call =>
      call(
        'GET',
        `/claims/${id}`,
        guarded(() => {
          const row = tables.claims.byKey(id);
          const others = row ? tables.victims.where('claim_id', id) : [];
          const statements: Statement[] = [{ sql: sql.claim, params: [id], rows: row ? Math.max(1, others.length) : 0 }];
          if (!row) return answer('claim', 404, 32, statements);
          const columns = ['id', 'accident_no', 'paid_amount'];
          return answer(
            'claim',
            200,
            pageBytes(tables.claims, [row], positionsOf(tables.claims, columns)) +
              others.reduce((n, v) => n + rowBytes(tables.victims, v, positionsOf(tables.victims, ['name', 'phone'])), 0),
            statements,
            [{ table: tables.claims, rows: [row], columns }, ...(others.length ? [{ table: tables.victims, rows: others, columns: ['name', 'phone'] }] : [])],
          );
        }),
        400,
        url('/claims'),
      ),
    kpi: (): Call =>
      call(
        'GET',
        '/kpi',
        guarded(() => answer('kpi', 200, 168 + pad(), [{ sql: sql.kpi, params: null, rows: 5 }])),
        400,
        url('/menu'),
      ),
    /** `delivered` < 1: the client hung up after that share of the bytes; only whole rows before that count as shown. */
    export: (from: string, to: string, delivered = 1): Call =>
      call(
        'GET',
        `/export/customers.csv?from=${from}&to=${to}`,
        guarded(c => {
          const at = tables.customers.column('created_at');
          const asked = `${c.branch} ${from} ${to}`;
          let rows = exportCache.get(asked);
          if (!rows)
            exportCache.set(
              asked,
              (rows = branchRows(c.branch!)
                .filter(r => r[at]! >= from && r[at]! <= to)
                .slice(0, 5000)),
            );
          const positions = positionsOf(tables.customers, columns.export);
          const rowLengths = rows.map(r => positions.length + positions.reduce((m, p) => m + Buffer.byteLength(r[p] ?? ''), 0));
          const whole = rowLengths.reduce((n, l) => n + l, 42);
          const bytes = Math.floor(whole * delivered);
          let shownRows = rows;
          if (delivered < 1) {
            let sum = 42;
            shownRows = rows.filter((_, i) => (sum += rowLengths[i]!) <= bytes);
          }
          return {
            ...answer(
              'export',
              delivered < 1 ? 499 : 200,
              bytes,
              [{ sql: sql.export, params: [c.branch, from, to], rows: rows.length }],
              shownRows.length ? [{ table: tables.customers, rows: shownRows, columns: columns.export }] : [],
              'text/csv',
            ),
            tookUs: took() + rows.length * 20,
          };
        }),
        400,
        url('/menu'),
      ),
  };
}
