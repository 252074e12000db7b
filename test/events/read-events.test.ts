import fs from 'node:fs';
import zlib from 'node:zlib';
import { expect, test } from 'vitest';
import { langs, problemText, quietEffects } from '../../src/base/index.ts';
import { readProblems } from '../../src/case/index.ts';
import { sql } from '../../src/engine/index.ts';
import { defineEventView, readEvents } from '../../src/events/index.ts';
import { eventsOf, ingestCase } from './ingest-case.ts';

const line = (target: string, more = '"-" "curl"') => `203.0.113.4 - - [21/Nov/2026:20:23:15 +0000] "GET ${target} HTTP/1.1" 200 5 ${more}`;
const at = Date.UTC(2026, 10, 21, 20, 23, 15) * 1000;

test('one table over files of several formats; ids say file and line; what could not be read is listed', async () => {
  const c = await ingestCase([
    { name: 'a.log', bytes: `${line('/a')}\n\ngarbage 123\ngarbage 456\n${line('/b?x=%27')}`, format: 'apache-combined' },
    { name: 'b.log.gz', bytes: zlib.gzipSync(`${line('/c')}\n`), format: 'nginx-combined' },
    { name: 'c.log', bytes: '', format: 'auto' },
    { name: 'd.log', bytes: 'no format at all\n', format: 'apache-combned' },
  ]);
  const rows = await eventsOf(c);
  expect(rows.map(r => [r['event_id'], r['class'], r['target'] ?? r['message']])).toEqual([
    [2 ** 40 + 16, 1, '/a'],
    [2 ** 40 + 48, 0, 'format-mismatch'],
    [2 ** 40 + 64, 0, 'format-mismatch'],
    [2 ** 40 + 80, 1, '/b?x=%27'],
    [2 * 2 ** 40 + 16, 1, '/c'],
    [4 * 2 ** 40 + 16, 0, 'unknown-format'],
  ]);
  expect(rows[3]).toMatchObject({
    path: '/b',
    query: 'x=%27',
    target_norm: `/b?x='`,
    decode_depth: 1,
    at_us: at,
    start_lo_us: at,
    start_hi_us: at + 999_999,
    end_lo_us: at,
    end_hi_us: null,
    evidence_id: 'e1',
    system_id: 'sys',
    source_kind: 'web-access',
  });
  expect(rows[4]).toMatchObject({ start_lo_us: null, start_hi_us: at + 999_999, end_lo_us: at, end_hi_us: at + 999_999 });
  const problems = await readProblems(c.kase.engine);
  expect(problems.map(p => [p.code, p.where.file, p.where.line, p.count])).toEqual([
    ['events.format-not-found', 'd.log', undefined, 1],
    ['events.format-not-known', 'd.log', undefined, 1],
    ['events.open-end', 'a.log', 5, 1],
    ['events.unread-lines', 'a.log', 3, 2],
    ['events.unread-lines', 'd.log', 1, 1],
  ]);
  for (const p of problems) for (const lang of langs) expect(problemText(lang, p.code, { ...p.params, count: p.count })).not.toMatch(/\{\{|garbage|123/);
  expect(problems.find(p => p.code === 'events.format-not-known')!.params['hint']).toBe('apache-combined');
  const files = await c.kase.engine.rows('t', sql`select file_no, lines_total, lines_parsed, lines_unparsed, rows from event_file order by file_no`);
  expect(files).toEqual([
    { file_no: 1, lines_total: 5, lines_parsed: 3, lines_unparsed: 2, rows: 4 },
    { file_no: 2, lines_total: 1, lines_parsed: 1, lines_unparsed: 0, rows: 1 },
    { file_no: 3, lines_total: 0, lines_parsed: 0, lines_unparsed: 0, rows: 0 },
    { file_no: 4, lines_total: 1, lines_parsed: 0, lines_unparsed: 1, rows: 1 },
  ]);
  c.close();
});

test('UTF-16, CP932 and a byte order mark: text is right and offsets point into the file as it is', async () => {
  const text = `${line('/a', '"-" "氏名"')}\n${line('/b', '"-" "住所のひらがな"')}\n`;
  const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
  const cp932 = Buffer.from(`${line('/s', `"-" "\x82\xd0\x82\xe7\x82\xaa\x82\xc8\x83\x5c\x83\x6e"`)}\n`, 'latin1');
  const c = await ingestCase([
    { name: 'wide.log', bytes: utf16, format: 'auto' },
    { name: 'bom.log', bytes: `\ufeff${line('/c')}\n`, format: 'apache-combined' },
    { name: 'sjis.log', bytes: cp932, format: 'apache-combined' },
  ]);
  const rows = await eventsOf(c);
  expect(rows.map(r => r['user_agent'])).toEqual(['氏名', '住所のひらがな', 'curl', 'ひらがなソハ']);
  const original = utf16.subarray(rows[1]!['byte_off'] as number, (rows[1]!['byte_off'] as number) + (rows[1]!['byte_len'] as number)).toString('utf16le');
  expect(original).toBe(text.split('\n')[1]);
  expect(rows[2]!['byte_off']).toBe(3);
  expect(rows[3]).toMatchObject({ byte_off: 0, byte_len: cp932.length - 1 });
  c.close();
});

test('hostile lines: one million bytes, NULs, no line end, control characters, quotes: all kept, nothing breaks', async () => {
  const huge = line(`/${'A'.repeat(1_000_000)}`);
  const c = await ingestCase([
    {
      name: 'x.log',
      format: 'apache-combined',
      bytes: Buffer.concat([
        Buffer.from(`${huge}\n`),
        Buffer.from('\0\0\0\0'),
        Buffer.from(`${line('/nul')}\r\n`),
        Buffer.from(line(`/'; drop table event; --`)),
        Buffer.from('\n'),
        Buffer.from(line('/\xff\xfe', '"-" "\x1b[31m"'), 'latin1'),
        Buffer.from('\n\0\0\0'),
      ]),
    },
  ]);
  const rows = await eventsOf(c);
  expect(rows.map(r => [r['class'], String(r['target']).length, r['byte_off']])).toEqual([
    [1, 1_000_001, 0],
    [1, 4, huge.length + 5],
    [1, `/'; drop table event; --`.length, huge.length + 5 + line('/nul').length + 2],
    [1, 9, expect.any(Number)],
  ]);
  expect(rows[3]).toMatchObject({ target: '/\\xFF\\xFE', user_agent: '\x1b[31m' });
  const problems = await readProblems(c.kase.engine);
  expect(problems.map(p => [p.code, p.count])).toEqual([
    ['events.nul-bytes', 7],
    ['events.open-end', 1],
  ]);
  c.close();
});

test('a second run takes the parts of the first; the view can be made again with a clock offset', async () => {
  const logs = [{ name: 'a.log', bytes: `${line('/a')}\n`, format: 'apache-combined' }];
  const c = await ingestCase(logs);
  const parts = `${c.dir}/out/work/events`;
  const before = fs.readdirSync(parts).map(k => fs.statSync(`${parts}/${k}/part-000000.parquet`).mtimeMs);
  const again = await ingestCase(logs, {}, c.dir);
  expect(fs.readdirSync(parts).map(k => fs.statSync(`${parts}/${k}/part-000000.parquet`).mtimeMs)).toEqual(before);
  await again.kase.engine.run('t', sql`update event_file set clock_offset_us = 60000000, clock_error_us = 2000000`);
  await defineEventView(again.kase);
  expect((await eventsOf(again))[0]).toMatchObject({
    time_us: at,
    at_us: at - 60_000_000,
    start_lo_us: at - 62_000_000,
    start_hi_us: at - 58_000_000 + 999_999,
  });
  again.kase.engine.close();
  c.close();
});

test('what is the same in all rows of a big file stands in the view as a constant: rows and types stay what they were', async () => {
  const c = await ingestCase([
    { name: 'a.log', bytes: `${line('/a')}\n${line('/b?x=%27')}\n`, format: 'apache-combined' },
    { name: 'b.log', bytes: `${line('/c')}\ngarbage\n`, format: 'apache-combined' },
  ]);
  const { engine } = c.kase;
  const types = () => engine.rows('t', sql`select column_name, data_type from duckdb_columns() where table_name = 'event' order by column_index`);
  const before = { rows: await eventsOf(c), types: await types() };
  await engine.run('t', sql`update event_file set rows = 1000000`);
  await defineEventView(c.kase);
  expect({ rows: await eventsOf(c), types: await types() }).toEqual(before);
  const [view] = await engine.rows<{ sql: string }>('t', sql`select sql from duckdb_views() where view_name = 'event'`);
  expect(view!.sql.match(/CAST\('1' AS INTEGER\) AS "?class/g)).toHaveLength(1);
  expect(view!.sql.match(/CAST\(NULL AS VARCHAR\) AS sql_text/g)).toHaveLength(2);
  c.close();
});

test('a file that is gone is a problem; the others are read', async () => {
  const logs = [
    { name: 'a.log', bytes: `${line('/a')}\n` },
    { name: 'b.log', bytes: `${line('/b')}\n` },
  ];
  const c = await ingestCase(logs);
  fs.rmSync(`${c.dir}/a.log`);
  await readEvents(c.kase, quietEffects);
  expect((await eventsOf(c)).map(r => r['target'])).toEqual(['/b']);
  const problems = await readProblems(c.kase.engine);
  expect(problems.filter(p => p.code === 'events.cannot-read').map(p => [p.where.file, p.params])).toEqual([['a.log', { code: 'ENOENT' }]]);
  c.close();
});

test('progress tells bytes and ends at the total; two runs in another order of files give the same rows', async () => {
  const seen: number[] = [];
  const logs = [
    { name: 'a.log', bytes: `${line('/a')}\n` },
    { name: 'b.log', bytes: `${line('/b')}\n` },
  ];
  const c = await ingestCase(logs, { progress: p => void seen.push(p.done / (p.total ?? 1)) });
  expect(seen.at(-1)).toBe(1);
  const d = await ingestCase([...logs].reverse());
  const targets = async (x: typeof c) => (await eventsOf(x)).map(r => [r['target'], r['line_no'], r['byte_off'], r['at_us']]).sort();
  expect(await targets(d)).toEqual(await targets(c));
  c.close();
  d.close();
});

test('a log that is read but says nothing of what it is called is told, never silently empty', async () => {
  const c = await ingestCase([
    { name: 'a.jsonl', bytes: '{"time":"2026-11-22T00:00:00Z","wer":"203.0.113.4","was":"/a"}\n', format: 'jsonl' },
    { name: 'b.jsonl', bytes: '{"time":"2026-11-22T00:00:00Z","method":"GET","url":"/a"}\n', format: 'jsonl' },
    { name: 'c.jsonl', bytes: '{"wann":"2026-11-22T00:00:00Z","method":"GET","url":"/a"}\n', format: 'jsonl' },
    { name: 'd.jsonl', bytes: '{"time":"2026-11-22T00:00:00Z","query":"select 1"}\n', format: 'jsonl', kind: 'sql-audit' },
    { name: 'e.jsonl', bytes: '{"time":"2026-11-22T00:00:00Z","method":"GET","url":"/a","ip":"203.0.113.4"}\n', format: 'jsonl' },
  ]);
  const problems = await readProblems(c.kase.engine);
  expect(problems.map(p => [p.code, p.where.file])).toEqual([
    ['events.no-addresses', 'b.jsonl'],
    ['events.no-requests', 'a.jsonl'],
    ['events.no-statements', 'd.jsonl'],
    ['events.no-times', 'c.jsonl'],
  ]);
  for (const p of problems) for (const lang of langs) expect(problemText(lang, p.code, { ...p.params, count: p.count })).not.toMatch(/\{\{/);
  c.close();
});
