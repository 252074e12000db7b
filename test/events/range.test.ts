import fs from 'node:fs';
import { expect, test } from 'vitest';
import { sql } from '../../src/engine/index.ts';
import { ingestCase } from './ingest-case.ts';

const evidence = '../shared/data/range-01/evidence';
const timed = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time "$cookie_sid"';

test.skipIf(!fs.existsSync(evidence))(
  'range-01: every line of both web logs is an event; nothing tells nginx from Apache there, so the stamp is neither start nor end',
  async () => {
    const c = await ingestCase([
      { name: 'access.log', bytes: fs.readFileSync(`${evidence}/access.log`) },
      { name: 'access_timed.log', bytes: fs.readFileSync(`${evidence}/access_timed.log`), format: timed },
      { name: 'access_auto.log', bytes: fs.readFileSync(`${evidence}/access_timed.log`) },
    ]);
    const lines = fs.readFileSync(`${evidence}/access.log`, 'latin1').split('\n').length - 1;
    const files = await c.kase.engine.rows(
      't',
      sql`select format, time_kind, lines_total, lines_parsed, lines_unparsed, rows from event_file order by file_no`,
    );
    expect(files).toEqual([
      { format: 'apache-combined', time_kind: 3, lines_total: lines, lines_parsed: lines, lines_unparsed: 0, rows: lines },
      { format: 'nginx-format', time_kind: 2, lines_total: lines, lines_parsed: lines, lines_unparsed: 0, rows: lines },
      { format: 'combined-extended', time_kind: 3, lines_total: lines, lines_parsed: lines, lines_unparsed: 0, rows: lines },
    ]);
    const odd = await c.kase.engine.row(
      't',
      sql`select count(*) filter (where time_us is null or status is null or src_ip is null) as missing,
    count(*) filter (where file_no = 2 and duration_us is null) as untimed, count(distinct event_id) as ids, count(session) as sessions from event`,
    );
    expect(odd).toMatchObject({ missing: 0, untimed: 0, ids: lines * 3 });
    c.close();
  },
);
