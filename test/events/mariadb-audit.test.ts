import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detectFormat } from '../../src/events/detect-format.ts';
import { mariadbAudit } from '../../src/events/sources/mariadb-audit.ts';
import { context, readAll } from './memory/record-reader.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
/** As the plugin writes a statement: quotes and backslashes escaped, line ends as \n. */
const quoted = (sql: string): string =>
  `'${sql
    .replace(/[\\']/g, c => `\\${c}`)
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')}'`;
const line = (operation: string, object: string, code: number | '', o: { time?: string; host?: string; db?: string } = {}): string =>
  `${o.time ?? '20261122 09:03:50'},db1,app,${o.host ?? '10.0.0.5'},41,977,${operation},${o.db ?? 'shop'},${object},${code}`;

describe('MariaDB server_audit', () => {
  it('reads connections, statements with their outcome, and tables', () => {
    const sql = "SELECT name, 'it''s, \"x\"' FROM people\n WHERE path = 'C:\\\\a' AND id IN (1,2), 3";
    const r = readAll(
      mariadbAudit,
      bytes(
        `${[
          line('CONNECT', '', 0, { host: '10.0.0.5:51234' }),
          line('QUERY', quoted(sql), 0),
          line('QUERY', quoted("SELECT * FROM people WHERE name = 'a''"), 1064),
          line('READ', 'people', ''),
          line('FAILED_CONNECT', '', 1045, { host: 'localhost', db: '' }),
          line('QUERY_DDL', quoted('DROP TABLE x'), 0, { time: '1795305830123456' }),
          line('DISCONNECT', '', 0),
        ].join('\n')}\n`,
      ),
    );
    expect(r.unparsed).toEqual([]);
    expect(r.rows.map(x => [x['class'], x['action'], x['sql_text'], x['err_code'], x['outcome'], x['src_ip'], x['src_port'], x['objects']])).toEqual([
      [3, 'login', undefined, undefined, 1, '10.0.0.5', 51234, undefined],
      [2, 'query', sql, undefined, 1, '10.0.0.5', undefined, undefined],
      [2, 'query', "SELECT * FROM people WHERE name = 'a''", '1064', 2, '10.0.0.5', undefined, undefined],
      [7, 'table-read', undefined, undefined, undefined, '10.0.0.5', undefined, '["shop.people"]'],
      [3, 'login', undefined, '1045', 2, undefined, undefined, undefined],
      [2, 'query', 'DROP TABLE x', undefined, 1, '10.0.0.5', undefined, undefined],
      [3, 'logout', undefined, undefined, 1, '10.0.0.5', undefined, undefined],
    ]);
    // stamps without a zone are in the zone of the case; sixteen digits are UTC micros
    expect(r.rows[1]!['time_us']).toBe(Date.UTC(2026, 10, 22, 0, 3, 50) * 1000);
    expect(r.rows[5]!['time_us']).toBe(1_795_305_830_123_456);
  });

  it('a statement that succeeded but is not whole was cut; one that failed may be as it was sent', () => {
    const cut = "SELECT a FROM t WHERE id IN (1,2,3,4 AND name = 'x";
    const rows = readAll(
      mariadbAudit,
      bytes(`${line('QUERY', quoted(cut), 0)}\n${line('QUERY', quoted(cut), 1064)}\n${line('QUERY', quoted("SELECT '(', \"'\" -- (\n"), 0)}\n`),
    ).rows;
    expect(rows.map(x => x['truncated'])).toEqual([1, undefined, undefined]);
  });

  it('is found by its shape', () => {
    const lines = [line('CONNECT', '', 0), line('QUERY', quoted("SELECT 'a'"), 0), line('READ', 't', ''), line('DISCONNECT', '', 0)].map(l => bytes(l));
    expect(detectFormat({ head: bytes(lines.map(l => new TextDecoder().decode(l)).join('\n')), lines }, 'sql-audit')!.resolved.name).toBe('mariadb-audit');
  });

  it('any statement comes back as it was, and any bytes are read without harm', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 200 }).filter(s => !/[\u0000\b\f]/.test(s) && s.isWellFormed()),
        fc.uint8Array({ maxLength: 300 }),
        (sql, noise) => {
          const good = `${line('QUERY', quoted(sql), 0)}\n`;
          const text = readAll(mariadbAudit, bytes(good)).rows[0]!['sql_text'];
          expect(text ?? '').toBe(sql);
          const r = readAll(mariadbAudit, new Uint8Array([...bytes(good), ...noise, 10, ...bytes(good)]), context, 7);
          expect(r.rows.length).toBeGreaterThanOrEqual(1);
        },
      ),
      { numRuns: 150, seed: 9 },
    );
  });
});
