import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { sql } from '../../src/engine/index.ts';
import { type GivenLog, ingestCase } from './ingest-case.ts';

const lnav = '../shared/data/lnav';
const honeypot = '../shared/data/weblogs/honeypot/httpd';

function logsOf(folder: string): GivenLog[] {
  return fs
    .readdirSync(folder)
    .sort()
    .map(f => path.join(folder, f))
    .filter(f => fs.statSync(f).isFile())
    .map(f => ({ name: path.basename(f), bytes: fs.readFileSync(f) }));
}

/** Physical lines: line feeds, and one more when the last line has none. */
function linesOf(bytes: Uint8Array): number {
  let n = 0;
  for (const b of bytes) if (b === 10) n++;
  return n + (bytes.length > 0 && bytes.at(-1) !== 10 ? 1 : 0);
}

type Counted = {
  file_no: number;
  format: string;
  lines_total: number;
  lines_parsed: number;
  lines_unparsed: number;
  unread_rows: number;
};

async function count(logs: readonly GivenLog[]): Promise<Counted[]> {
  const c = await ingestCase(logs);
  const rows = await c.kase.engine.rows<Counted>(
    't',
    sql`select f.file_no, format, lines_total, lines_parsed, lines_unparsed,
    coalesce((select sum(line_count) from event e where e.file_no = f.file_no and class = 0), 0)::bigint as unread_rows from event_file f order by file_no`,
  );
  c.close();
  return rows;
}

for (const folder of [lnav, honeypot]) {
  test.skipIf(!fs.existsSync(folder))(`every line of ${path.basename(folder)} is counted once and every unread one is a row`, async () => {
    const logs = logsOf(folder).filter(l => !/^utf-?16/i.test(l.name));
    const rows = await count(logs);
    expect(rows.map(r => [logs[r.file_no - 1]!.name, r.lines_total])).toEqual(logs.map(l => [l.name, linesOf(l.bytes as Uint8Array)]));
    for (const r of rows) expect(r.lines_parsed + r.lines_unparsed, logs[r.file_no - 1]!.name).toBe(r.lines_total);
    for (const r of rows) expect(r.unread_rows, logs[r.file_no - 1]!.name).toBe(r.lines_unparsed);
  });
}

test.skipIf(!fs.existsSync(honeypot))('the honeypot logs, raw binary requests and all, read as combined but for 1 line in 1,000 at most', async () => {
  const logs = logsOf(honeypot)
    .filter(l => l.name.startsWith('access_log'))
    .map(l => ({ ...l, format: 'apache-combined' }));
  const rows = await count(logs);
  const total = rows.reduce((n, r) => n + r.lines_total, 0);
  const unread = rows.reduce((n, r) => n + r.lines_unparsed, 0);
  expect(total).toBeGreaterThan(0);
  expect(unread / total).toBeLessThan(0.001);
});
