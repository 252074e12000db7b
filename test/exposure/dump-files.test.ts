import { describe, expect, it } from 'vitest';
import { sql } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { Claims } from '../../src/exposure/claims/claims.ts';
import { claimDumpFiles, isDumpFile } from '../../src/exposure/claims/dump-files.ts';
import type { Request } from '../../src/exposure/routes/requests.ts';
import { request } from './exchange.ts';
import { snapshotEngine } from './snapshot.ts';

/** How many rows of the snapshot a request may have shown. */
async function possible(path: string, more: Partial<Request> = {}, learned: readonly string[] = []): Promise<number> {
  const engine = await snapshotEngine([
    {
      name: 'reader',
      columns: ['id', 'grade'],
      rows: [
        ['1', 'adult'],
        ['2', 'child'],
      ],
    },
    { name: 'book', columns: ['id', 'genre'], rows: [['7', 'poetry']] },
  ]);
  const claims = await Claims.open(engine);
  await claimDumpFiles(await readCatalogue(engine), claims, [request(path, 1, {}, { bytes: 312_345, actor: 'strict', ...more })], new Set(learned));
  await claims.close();
  const { n } = await engine.row<{ n: number }>(
    'test',
    sql`select count(*) as n from (select distinct claim_id, row_no from claim_row where tier_lower = 0 and tier_upper = 2)`,
  );
  engine.close();
  return n;
}

describe('a file that holds the database', () => {
  it('may have held every record of every table', async () => {
    expect(await possible('/old/shop_0930.sql.gz')).toBe(3);
  });
  it('showed nothing where it was not there, was a page that says so, or is a function that was learned', async () => {
    expect(await possible('/old/shop_0930.sql.gz', { status: 404 })).toBe(0);
    expect(await possible('/old/shop_0930.sql.gz', { bytes: 153 })).toBe(0);
    expect(await possible('/export.sql', {}, ['GET /export.sql'])).toBe(0);
    expect(await possible('/img/photo.zip')).toBe(0);
  });
  it('is told by its name', () => {
    expect(['/a.sql', '/x/site-backup.tar.gz', '/db_2026.zip', '/app.sqlite3', '/members_db.csv'].map(isDumpFile)).toEqual([true, true, true, true, true]);
    expect(['/manual.zip', '/members.csv', '/dbfaq.html', '/sql', '/js/thumbdb.js'].map(isDumpFile)).toEqual([false, false, false, false, false]);
  });
});
