import { describe, expect, it } from 'vitest';
import { mysqlAuditJson } from '../../src/events/sources/mysql-audit-json.ts';
import { mysqlGeneral } from '../../src/events/sources/mysql-general.ts';
import { pgCsvlog } from '../../src/events/sources/pg-csvlog.ts';
import { pgJsonlog } from '../../src/events/sources/pg-jsonlog.ts';
import { pgStderr } from '../../src/events/sources/pg-stderr.ts';
import { recordSources } from '../../src/events/sources/records.ts';
import { sshd } from '../../src/events/sources/sshd.ts';
import { syslog } from '../../src/events/sources/syslog.ts';
import { context, haveShared, type MemoryRow, readAll, sharedFile } from './memory/record-reader.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const csvlog = (message: string, o: { line?: number; severity?: string; state?: string; detail?: string; query?: string; session?: string } = {}): string =>
  `2026-11-22 05:23:15.231 JST,"app","pet",12793,"10.0.0.9:5123",${o.session ?? '6b01fdb3.31f9'},${o.line ?? 3},"BIND",2026-11-22 05:23:15 JST,3/51,0,${o.severity ?? 'LOG'},${o.state ?? '00000'},${quote(message)},${o.detail ? quote(o.detail) : ''},,,,,${o.query ? quote(o.query) : ''},,,"psql","client backend",,-42\n`;

describe('PostgreSQL csvlog', () => {
  it('reads statements with parameters, quotes and newlines inside', () => {
    const sql = "SELECT \"a\",\n'it''s'\n  FROM t WHERE x = $1 AND y = $2 AND z = $3";
    const r = readAll(
      pgCsvlog,
      bytes(
        csvlog(`duration: 12.345 ms  execute <unnamed>: ${sql}`, {
          detail: "Parameters: $1 = 'O''Neil, \"q\"', $2 = NULL, $3 = ''",
        }),
      ),
    );
    expect(r.unparsed).toEqual([]);
    expect(r.rows).toHaveLength(1);
    expect(r.rows[0]).toMatchObject({
      class: 2,
      sql_text: sql,
      sql_params: JSON.stringify(['O\'Neil, "q"', null, '']),
      duration_us: 12345,
      action: 'execute',
      stmt_kind: 'SELECT',
      conn_id: '6b01fdb3.31f9',
      seq: 3,
      src_ip: '10.0.0.9',
      src_port: 5123,
      account: 'app',
      db_name: 'pet',
      app_name: 'psql',
      time_us: Date.UTC(2026, 10, 21, 20, 23, 15, 231) * 1000,
    });
  });
  it('puts the failing query of an error into sql_text', () => {
    const r = readAll(pgCsvlog, bytes(csvlog('syntax error at or near "Neil"', { severity: 'ERROR', state: '42601', query: "SELECT 'O'Neil'" })));
    expect(r.rows[0]).toMatchObject({
      class: 2,
      sql_text: "SELECT 'O'Neil'",
      err_code: '42601',
      outcome: 2,
      message: 'syntax error at or near "Neil"',
    });
  });
  it('keeps pgaudit parameters apart, with commas, quotes and what cannot be known', () => {
    const row = (tail: string): MemoryRow => readAll(pgCsvlog, bytes(csvlog(`AUDIT: SESSION,7,1,READ,SELECT,TABLE,public.t,SELECT $1,${tail}`))).rows[0]!;
    expect(row('"sapporo,50"')).toMatchObject({ sql_params: '["sapporo","50"]', stmt_id: 7, objects: '["public.t"]' });
    expect(row(quote('"a,""b"",c",x'))).toMatchObject({ sql_params: JSON.stringify(['a,"b",c', 'x']) });
    expect(row('<none>')).toMatchObject({ sql_params: '[]' });
    expect(row('<not logged>')).not.toHaveProperty('sql_params');
    expect(row('5,12')).toMatchObject({ sql_params: '["5"]', rows_out: 12 });
    expect(row('",x"')).toMatchObject({ sql_params: '[null,"x"]', extra: expect.stringContaining('"null_or_empty":[1]') });
  });
  it('gives the text again to records that pgaudit shortened, within a session only', () => {
    const first = csvlog('AUDIT: SESSION,4,1,READ,SELECT,,,"SELECT *\nFROM a",<none>');
    const again = 'AUDIT: OBJECT,4,1,READ,SELECT,TABLE,public.a,<previously logged>,<previously logged>';
    const r = readAll(pgCsvlog, bytes(first + csvlog(again) + csvlog(again, { session: '6b01fdb3.31ff' })));
    expect(r.rows.map(x => x['sql_text'])).toEqual(['SELECT *\nFROM a', 'SELECT *\nFROM a', undefined]);
  });
  it('starts in the middle of a record and gets back after damage', () => {
    const whole = csvlog('statement: SELECT 1,\n"x"\n FROM "t"') + csvlog('statement: SELECT 2') + csvlog('statement: SELECT 3');
    for (let cut = 1; cut < whole.length - 10; cut++) {
      const r = readAll(pgCsvlog, bytes(whole.slice(cut)));
      const rest = ['SELECT 2', 'SELECT 3'].filter(s => whole.indexOf(s) - 170 > cut);
      expect(r.rows.map(x => x['sql_text'])).toEqual(expect.arrayContaining(rest));
      expect(r.bytes).toBe(bytes(whole.slice(cut)).length);
    }
    const torn = `${csvlog('statement: SELECT 1').slice(0, 150)}\n${csvlog('statement: SELECT 2')}${csvlog('statement: SELECT 3')}`;
    expect(readAll(pgCsvlog, bytes(torn)).rows.map(x => x['sql_text'])).toEqual(['SELECT 2', 'SELECT 3']);
  });
  it('does not let statement text pass for a record', () => {
    const forged = csvlog('statement: DROP TABLE evil').replaceAll('\n', '');
    const r = readAll(pgCsvlog, bytes(csvlog(`statement: SELECT '\n${forged}\n'`) + csvlog('statement: SELECT 2')));
    expect(r.rows).toHaveLength(2);
    expect(r.rows[0]!['sql_text']).toBe(`SELECT '\n${forged}\n'`);
  });
  it('cuts records at the same places whatever pieces arrive', () => {
    const whole = bytes(Array.from({ length: 30 }, (_, i) => csvlog(`statement: SELECT ${i},\n"${'x'.repeat(i * 7)}"`, { line: i })).join(''));
    const expected = readAll(pgCsvlog, whole).rows;
    for (const window of [1, 7, 64, 257]) expect(readAll(pgCsvlog, whole, context, window).rows).toEqual(expected);
  });
  it.skipIf(!haveShared)('reads every record of the range-01 database log', () => {
    const r = readAll(pgCsvlog, sharedFile('range-01/evidence/postgresql.csv.gz'));
    expect(r.unparsed).toEqual([]);
    expect(r.rows).toHaveLength(r.records);
    expect(r.rows.length).toBeGreaterThan(20_000);
    expect(r.rows.filter(x => x['class'] === 2 && x['sql_text'] === undefined)).toEqual([]);
    const perSession = new Map<string, number>();
    for (const x of r.rows) {
      expect(x['seq']).toBe((perSession.get(x['conn_id'] as string) ?? 0) + 1);
      perSession.set(x['conn_id'] as string, x['seq'] as number);
    }
  });
  it.skipIf(!haveShared)('reads all 415 records of the pgaudit regression output, text equal to the SQL before them', () => {
    const out = Buffer.from(sharedFile('pgaudit/pgaudit.out')).toString('utf8');
    const lines = out.split('\n');
    let asked = '';
    let compared = 0;
    const messages: { message: string; asked: string }[] = [];
    for (let i = 0; i < lines.length; i++) {
      const m = /^(?:NOTICE|WARNING): {2}(AUDIT: .*)$/.exec(lines[i]!);
      if (!m) {
        asked += `${lines[i]}\n`;
        continue;
      }
      let message = m[1]!;
      while ((message.split('"').length - 1) % 2 === 1) message += `\n${lines[++i]}`;
      messages.push({ message, asked });
    }
    expect(messages).toHaveLength(415);
    const r = readAll(pgCsvlog, bytes(messages.map((m, i) => csvlog(m.message, { line: i + 1 })).join('')));
    expect(r.rows).toHaveLength(415);
    for (const [i, row] of r.rows.entries()) {
      expect(row['action']).toBe('audit');
      expect(row['stmt_id']).toBeGreaterThan(0);
      const text = row['sql_text'];
      if (text === undefined) continue;
      let at = 0;
      for (const p of String(text).split('<REDACTED>')) {
        const whole = messages[i]!.asked.indexOf(p.trim(), at);
        // PL/pgSQL itself puts SELECT in place of PERFORM.
        at = whole >= 0 ? whole : messages[i]!.asked.indexOf(p.trim().replace(/^SELECT (?=\w+\()/, 'PERFORM '), at);
        if (at < 0) break;
      }
      // Texts put together by EXECUTE inside a DO block stand nowhere as a whole.
      if (at < 0) expect(messages[i]!.asked.slice(-400), String(text)).toMatch(/DO \$\$[\s\S]*EXECUTE/);
      else compared++;
    }
    expect(compared).toBeGreaterThan(400);
  });
});

describe('PostgreSQL jsonlog', () => {
  it('reads the same as csvlog', () => {
    const o = {
      timestamp: '2026-11-22 05:23:15.231 JST',
      user: 'app',
      dbname: 'pet',
      pid: 12793,
      remote_host: '10.0.0.9',
      remote_port: 5123,
      session_id: '6b01fdb3.31f9',
      line_num: 3,
      ps: 'BIND',
      session_start: '2026-11-22 05:23:15 JST',
      vxid: '3/51',
      txid: 0,
      error_severity: 'LOG',
      message: 'AUDIT: SESSION,7,1,READ,SELECT,,,SELECT $1,x',
      application_name: 'psql',
      backend_type: 'client backend',
      query_id: -42,
    };
    const json = readAll(pgJsonlog, bytes(`${JSON.stringify(o)}\n{"broken\n`));
    const csv = readAll(pgCsvlog, bytes(csvlog('AUDIT: SESSION,7,1,READ,SELECT,,,SELECT $1,x')));
    const strip = (row: MemoryRow): MemoryRow => ({ ...row, byte_len: 0, byte_off: 0 });
    expect(strip(json.rows[0]!)).toEqual(strip(csv.rows[0]!));
    expect(json.unparsed).toHaveLength(1);
  });
});

describe('PostgreSQL stderr log', () => {
  it('joins DETAIL, STATEMENT and continued lines to their message', () => {
    const text = [
      '2026-11-22 05:23:15.231 JST [12793] app@pet LOG:  execute <unnamed>: SELECT *',
      '\tFROM t',
      '\tWHERE x = $1',
      "2026-11-22 05:23:15.231 JST [12793] app@pet DETAIL:  parameters: $1 = 'a'",
      '2026-11-22 05:23:16 JST [12794] LOG:  connection received: host=10.0.0.7 port=5000',
      '2026-11-22 05:23:17.000 JST [12793] app@pet ERROR:  syntax error at or near "x" at character 3',
      "2026-11-22 05:23:17.000 JST [12793] app@pet STATEMENT:  SELECT 'x",
      '\tFROM y',
      '',
    ].join('\n');
    const r = readAll(pgStderr, bytes(text));
    expect(r.unparsed).toEqual([]);
    expect(r.rows).toMatchObject([
      {
        class: 2,
        sql_text: 'SELECT *\nFROM t\nWHERE x = $1',
        sql_params: '["a"]',
        account: 'app',
        db_name: 'pet',
        conn_id: '12793',
      },
      { class: 3, action: 'connect', src_ip: '10.0.0.7', src_port: 5000, time_span_us: 999_999 },
      { class: 2, sql_text: "SELECT 'x\nFROM y", err_code: 'ERROR', outcome: 2 },
    ]);
    expect(readAll(pgStderr, bytes(text), context, 11).rows).toEqual(r.rows);
  });
});

describe('MySQL', () => {
  const general = [
    '/usr/sbin/mysqld, Version: 8.0.43 (x). started with:',
    'Tcp port: 3306  Unix socket: /s',
    'Time                 Id Command    Argument',
    '2026-08-15T14:03:50.259438Z\t    9 Connect\tapp@10.1.2.3 on shop using TCP/IP',
    '2026-08-15T14:03:51.000001Z\t    9 Query\tselect *',
    '  from t',
    " where a = 'x'",
    "2026-08-15T14:03:52.000001+09:00\t    9 Execute\tSELECT 'it''s'",
    '2026-08-15T14:03:53.000001Z\t    9 Quit\t',
    '',
  ].join('\n');
  it('joins statements over several lines and knows who is connected', () => {
    const r = readAll(mysqlGeneral, bytes(general));
    expect(r.unparsed).toEqual([]);
    expect(r.meta).toBe(3);
    expect(r.rows.map(x => [x['action'], x['sql_text'], x['account'], x['db_name'], x['src_ip']])).toEqual([
      ['login', undefined, 'app', 'shop', '10.1.2.3'],
      ['query', "select *\n  from t\n where a = 'x'", 'app', 'shop', '10.1.2.3'],
      ['execute', "SELECT 'it''s'", 'app', 'shop', '10.1.2.3'],
      ['logout', undefined, 'app', 'shop', '10.1.2.3'],
    ]);
    expect(r.rows[2]!['time_us']).toBe(Date.UTC(2026, 7, 15, 5, 3, 52) * 1000 + 1);
    expect(readAll(mysqlGeneral, bytes(general), context, 5).rows).toEqual(r.rows);
  });
  it('what is only prepared is no statement that ran', () => {
    const r = readAll(mysqlGeneral, bytes('261122  9:03:50\t   40 Prepare\tSELECT a FROM t WHERE id = ?\n\t\t   40 Execute\tSELECT a FROM t WHERE id = 7\n'));
    expect(r.rows.map(x => [x['class'], x['sql_text'], x['action']])).toEqual([
      [7, undefined, 'prepare'],
      [2, 'SELECT a FROM t WHERE id = 7', 'execute'],
    ]);
  });
  it('reads the old date style, where the time stands only once a second', () => {
    const r = readAll(mysqlGeneral, bytes('100315  9:03:50\t   40 Query\tSELECT 1\n\t\t   40 Query\tSELECT 2\n100315 14:00:01\t   41 Init DB\tx\n'));
    expect(r.rows.map(x => [x['conn_id'], x['sql_text'], x['time_us']])).toEqual([
      ['40', 'SELECT 1', Date.UTC(2010, 2, 15, 0, 3, 50) * 1000],
      ['40', 'SELECT 2', Date.UTC(2010, 2, 15, 0, 3, 50) * 1000],
      ['41', undefined, Date.UTC(2010, 2, 15, 5, 0, 1) * 1000],
    ]);
  });
  it('reads an audit array that is still open', () => {
    const item = (id: number, query: string): string =>
      JSON.stringify(
        {
          timestamp: '2026-08-15 14:03:50',
          id,
          class: 'general',
          event: 'status',
          connection_id: 12,
          account: { user: 'app', host: '' },
          login: { user: 'app', os: '', ip: '10.0.0.5', proxy: '' },
          general_data: { command: 'Query', sql_command: 'select', query, status: 0 },
        },
        null,
        id % 2 ? 2 : 0,
      );
    for (const text of [
      `[\n${item(0, 'SELECT "{"')},\n${item(1, 'SELECT 2')},\n${item(2, 'SELECT 3')}\n]\n`,
      `[${item(0, 'SELECT "{"')},${item(1, 'SELECT 2')},${item(2, 'SELECT 3')}`,
    ]) {
      const r = readAll(mysqlAuditJson, bytes(text));
      expect(r.unparsed).toEqual([]);
      expect(r.rows.map(x => [x['sql_text'], x['seq'], x['src_ip'], x['class'], x['outcome']])).toEqual([
        ['SELECT "{"', 0, '10.0.0.5', 2, 1],
        ['SELECT 2', 1, '10.0.0.5', 2, 1],
        ['SELECT 3', 2, '10.0.0.5', 2, 1],
      ]);
      expect(r.rows[0]!['time_us']).toBe(Date.UTC(2026, 7, 15, 14, 3, 50) * 1000);
      expect(readAll(mysqlAuditJson, bytes(text), context, 3).rows).toEqual(r.rows);
    }
  });
  it('goes on after an element that was cut', () => {
    const good = '{"timestamp":"2026-08-15 14:03:50","id":1,"class":"general","event":"status","general_data":{"query":"SELECT 1","status":0}}';
    const r = readAll(mysqlAuditJson, bytes(`[\n${good},\n${good.slice(0, 60)}\n${good},\n${good}\n`));
    expect(r.rows).toHaveLength(3);
    expect(r.unparsed).toHaveLength(1);
  });
});

describe('sshd and syslog', () => {
  const line = (message: string): string => `Dec 10 06:55:48 LabSZ sshd[24200]: ${message}\n`;
  it('takes address and port from the right, whatever the user name says', () => {
    const evil = 'x from 9.9.9.9 port 1 ssh2';
    const r = readAll(
      sshd,
      bytes(
        line(`Failed password for invalid user ${evil} from 10.0.0.1 port 4711 ssh2`) +
          line(`Invalid user ${evil} from 10.0.0.1 port 4711`) +
          line('message repeated 5 times: [ Failed password for root from 5.36.59.76 port 42393 ssh2]') +
          line('Accepted publickey for git from 2001:DB8::1 port 5 ssh2: ED25519 SHA256:abc'),
      ),
    );
    expect(r.rows.map(x => [x['account'], x['src_ip'], x['src_port'], x['outcome'], x['action'], x['repeat_count']])).toEqual([
      [evil, '10.0.0.1', 4711, 2, 'login', undefined],
      [evil, '10.0.0.1', 4711, 2, 'invalid-user', undefined],
      ['root', '5.36.59.76', 42393, 2, 'login', 5],
      ['git', '2001:db8::1', 5, 1, 'login', undefined],
    ]);
  });
  it('infers the year from the modification time and counts New Years', () => {
    const at = (year: number, month: number, day: number): number => Date.UTC(year, month - 1, day) * 1000;
    const text =
      'Nov 30 23:00:00 h sshd[1]: x\nDec 31 23:59:59 h sshd[1]: x\nJan  1 00:00:01 h sshd[1]: x\nDec 31 23:59:58 h sshd[1]: late\nFeb  3 00:00:00 h sshd[1]: x\n';
    const r = readAll(sshd, bytes(text), { ...context, zone: 'UTC', modifiedUs: at(2027, 2, 3) + 1 });
    expect(r.rows.map(x => [new Date((x['time_us'] as number) / 1000).getUTCFullYear(), x['time_span_us']])).toEqual([
      [2026, 999_999],
      [2026, 999_999],
      [2027, 999_999],
      [2026, 999_999],
      [2027, 999_999],
    ]);
    expect(r.facts).toMatchObject({ first_year: 2026, last_year: 2027, year_rollovers: 1, year_conflicts: 0 });
  });
  it('says so when the years cannot fit, covers both, and names the year to start again from', () => {
    const text = 'Aug  1 00:00:00 h a: x\nJan  5 00:00:00 h a: x\nApr  1 00:00:00 h a: x\n';
    const use = { ...context, zone: 'UTC', modifiedUs: Date.UTC(2026, 8, 2) * 1000 };
    const r = readAll(syslog, bytes(text), use);
    expect(r.facts['year_conflicts']).toBe(2);
    const truth = Date.UTC(2026, 3, 1) * 1000;
    const last = r.rows[2]!;
    expect(last['time_us'] as number).toBeLessThanOrEqual(truth);
    expect((last['time_us'] as number) + (last['time_span_us'] as number)).toBeGreaterThanOrEqual(truth);
    const again = readAll(syslog, bytes(text), { ...use, params: { firstYear: r.facts['first_year'] } });
    expect(again.rows.map(x => new Date((x['time_us'] as number) / 1000).toISOString().slice(0, 10))).toEqual(['2025-08-01', '2026-01-05', '2026-04-01']);
  });
  it('covers both readings of the hour that a DST change repeats', () => {
    const r = readAll(syslog, bytes('Nov  1 01:30:00 h a: x\nNov  1 03:30:00 h a: x\n'), {
      ...context,
      zone: 'America/New_York',
    });
    expect(r.rows.map(x => [x['time_us'], x['time_span_us']])).toEqual([
      [Date.UTC(2026, 10, 1, 5, 30) * 1000, 3600e6 + 999_999],
      [Date.UTC(2026, 10, 1, 8, 30) * 1000, 999_999],
    ]);
  });
  it('reads RFC 5424, ISO stamps and key=value bodies', () => {
    const r = readAll(
      syslog,
      bytes(
        '<34>1 2026-10-11T22:14:15.003Z host.example su - ID47 [a@1 b="c\\"]"] \'su root\' failed\n2026-11-22T05:23:15.231+09:00 web1 sshd[12]: Accepted password for a b from 10.0.0.2 port 22 ssh2\n' +
          '<189>date=2026-11-22 time=05:23:15 devname="FG"\n<134>Nov 22 05:00:00 fw date=2026-11-22 time=05:00:00 type="event" subtype="vpn" action="tunnel-up" remip=203.0.113.9 user="alice smith" status="success"\n',
      ),
    );
    expect(r.rows[0]).toMatchObject({
      time_us: Date.UTC(2026, 9, 11, 22, 14, 15, 3) * 1000,
      host: 'host.example',
      app_name: 'su',
      level: 'crit',
    });
    expect(r.rows[1]).toMatchObject({ account: 'a b', src_ip: '10.0.0.2', outcome: 1, class: 3 });
    expect(r.rows.at(-1)).toMatchObject({
      src_ip: '203.0.113.9',
      account: 'alice smith',
      action: 'tunnel-up',
      class: 3,
      outcome: 1,
    });
  });
  it.skipIf(!haveShared)('finds the one success of the OpenSSH sample, on line 956', () => {
    const r = readAll(sshd, sharedFile('auth/openssh.log'));
    expect(r.rows).toHaveLength(2000);
    const good = r.rows.map((x, i) => ({ ...x, line: i + 1 }) as MemoryRow).filter(x => x['action'] === 'login' && x['outcome'] === 1);
    expect(good).toMatchObject([{ line: 956, account: 'fztu', src_ip: '119.137.62.142' }]);
  });
});

describe('detection of formats', () => {
  const sampleOf = (content: Uint8Array) => {
    const lines = Buffer.from(content)
      .toString('latin1')
      .split('\n')
      .filter(l => l !== '')
      .map(l => Buffer.from(l.replace(/\r$/, ''), 'latin1'));
    const step = Math.max(1, Math.floor(lines.length / 200));
    return { head: content.subarray(0, 65536), lines: lines.filter((_, i) => i % step === 0).slice(0, 200) };
  };
  const best = (content: Uint8Array): string | null => {
    const ranked = recordSources.map(e => ({ name: e.source.name, score: e.sniff(sampleOf(content)) })).sort((a, b) => b.score - a.score);
    expect(ranked.every(r => r.score >= 0 && r.score <= 1)).toBe(true);
    return ranked[0]!.score > 0.3 ? ranked[0]!.name : null;
  };
  it.skipIf(!haveShared).each([
    ['range-01/evidence/postgresql.csv.gz', 'pg-csvlog'],
    ['auth/openssh.log', 'sshd'],
    ['weblogs/modsecurity-audit.log', 'modsecurity-serial'],
    ['weblogs/apache-error.log', 'apache-error'],
    ['weblogs/benign/nginx-plus.jsonl', 'jsonl'],
    ['lnav/logfile_mysql_gen.0', 'mysql-general'],
    ['lnav/logfile_mysql_slow.0', 'mysql-slow'],
    ['lnav/logfile_syslog.3', 'syslog'],
    ['lnav/logfile_caddy_log.1', 'jsonl'],
    ['lnav/logfile_postgres.0', 'pg-stderr'],
    ['lnav/logfile_postgres.1', 'pg-stderr'],
    ['lnav/logfile_rollover.2', 'syslog'],
    ['weblogs/benign/apache-combined.log', null],
    ['range-01/evidence/access.log', null],
    ['lnav/logfile_empty.0', null],
  ])('%s is %s', (file, name) => expect(best(sharedFile(file))).toBe(name));
});
