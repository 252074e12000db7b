import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { workerFile } from '../../src/base/index.ts';
import { Engine, sql } from '../../src/engine/index.ts';
import { type FileMeta, ingestFile, partFiles } from '../../src/events/ingest-file.ts';
import { IngestPool } from '../../src/events/ingest-pool.ts';
import { usualSizes } from '../../src/events/ingest-records.ts';
import type { ResolvedFormat } from '../../src/events/sources/index.ts';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-ingest-'));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const named = (name: string): ResolvedFormat => ({ name, logFormat: null, uncertainTime: false });
const small = { ...usualSizes, part: 4096, line: 8192 };
let serial = 0;

async function ingest(
  bytes: Uint8Array | string,
  options: { name?: string; threads?: number; gzip?: boolean; sizes?: typeof usualSizes; keep?: string; local?: boolean } = {},
) {
  const dir = options.keep ?? path.join(root, `case-${serial++}`);
  fs.mkdirSync(dir, { recursive: true });
  const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  const file = path.join(dir, 'log');
  fs.writeFileSync(file, options.gzip ? zlib.gzipSync(content) : content);
  const pool = new IngestPool(options.threads ?? 1);
  const meta = await ingestFile(
    {
      file,
      compressed: options.gzip ?? false,
      contentBytes: options.local === false ? 1 << 30 : content.length,
      resolved: named(options.name ?? 'apache-combined'),
      context: { zone: 'UTC', modifiedUs: 1_795_000_000_000_000, params: null, encoding: 'utf-8' },
      encoding: { from: null, bomBytes: 0, reader: 'utf-8' },
      sizes: options.sizes ?? small,
      dir: path.join(dir, 'parts'),
    },
    pool,
    () => {},
  );
  await pool.close();
  return { meta, dir: path.join(dir, 'parts') };
}

async function read<T extends object>(r: { meta: FileMeta; dir: string }): Promise<T[]> {
  const engine = await Engine.open({ file: ':memory:', threads: 2 });
  const files = sql.join(partFiles(r.dir, r.meta).map(f => sql`${sql.lit(f)}`));
  const rows = await engine.rows<T>('t', sql`select * from read_parquet([${files}]) order by line_no, nth`);
  engine.close();
  return rows;
}

function digestOf(dir: string): Record<string, string> {
  return Object.fromEntries(
    fs
      .readdirSync(dir)
      .sort()
      .map(f => [
        f,
        createHash('sha256')
          .update(fs.readFileSync(path.join(dir, f)))
          .digest('hex'),
      ]),
  );
}

function combined(n: number, seed = 1): string {
  let s = seed;
  const pick = (max: number): number => (s = (Math.imul(s, 1664525) + 1013904223) >>> 0) % max;
  const lines = Array.from({ length: n }, (_, i) => {
    if (pick(40) === 0) return pick(2) === 0 ? '' : `junk ${i}`;
    const agent = pick(3) === 0 ? `agent-${i}-${'x'.repeat(pick(300))}` : 'curl/8';
    return `203.0.113.${pick(250)} - - [21/Nov/2026:20:${String(pick(60)).padStart(2, '0')}:15 +0000] "GET /p/${pick(5000)}?q=%E3%83%9A+${i} HTTP/1.1" 200 ${pick(9) === 0 ? '-' : pick(99999)} "-" "${agent}"`;
  });
  return `${lines.join('\n')}\n`;
}

test('each row stands for the bytes it names, and every line is counted', async () => {
  const text = combined(3000).replace('junk', 'j\u00fcnk\r');
  const bytes = Buffer.from(text);
  const r = await ingest(bytes);
  const rows = await read<{
    line_no: number;
    byte_off: number;
    byte_len: number;
    class: number;
    user_agent: string;
    target_norm: string | null;
    bytes_out: number;
  }>(r);
  const lines = text.split('\n').slice(0, -1);
  expect([r.meta.lines, r.meta.parsed + r.meta.unparsed, r.meta.rows]).toEqual([3000, 3000, lines.filter(l => l !== '').length]);
  expect(rows.length).toBe(r.meta.rows);
  for (const row of rows) {
    const original = bytes.subarray(row.byte_off, row.byte_off + row.byte_len).toString();
    expect(original).toBe(lines[row.line_no - 1]!.replace(/\r$/, ''));
    if (row.class === 0) continue;
    expect(original.endsWith(`"${row.user_agent}"`)).toBe(true);
    expect(row.target_norm).toBe(`${/\/p\/\d+/.exec(original)![0]}?q=ペ ${/\+(\d+) HTTP/.exec(original)![1]}`);
    expect(row.bytes_out).toBe(/ 200 - /.test(original) ? 0 : Number(/ 200 (\d+) /.exec(original)![1]));
  }
  expect(r.meta.parts.length).toBeGreaterThan(50);
});

test('any text, any cut: lines, offsets and counts are those of the text', async () => {
  const piece = fc.oneof(
    fc.constant('\n'),
    fc.constant('\r\n'),
    fc.constant('\0\0'),
    fc.constant('203.0.113.9 - - [21/Nov/2026:20:00:15 +0000] "GET / HTTP/1.1" 200 5 "-" "é"\n'),
    fc.string({ maxLength: 30 }),
    fc.constant('y'.repeat(70)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 8, max: 300 }), fc.integer({ min: 40, max: 90 }), async (pieces, part, line) => {
      const text = pieces.join('');
      const bytes = Buffer.from(text);
      const r = await ingest(bytes, { sizes: { part, line, record: 1 << 20 } });
      const lines = text.split('\n');
      if (lines.at(-1) === '') lines.pop();
      expect([r.meta.lines, r.meta.parsed + r.meta.unparsed]).toEqual([lines.length, lines.length]);
      expect(r.meta.openEnd).toBe(text !== '' && !text.endsWith('\n'));
      if (r.meta.rows === 0) return;
      const starts = [0];
      for (let i = bytes.indexOf(10); i >= 0; i = bytes.indexOf(10, i + 1)) starts.push(i + 1);
      for (const row of await read<{ line_no: number; byte_off: number; byte_len: number; message: string | null }>(r)) {
        const from = starts[row.line_no - 1]!;
        const end = bytes.indexOf(10, from) < 0 ? bytes.length : bytes.indexOf(10, from);
        expect(row.byte_off).toBeGreaterThanOrEqual(from);
        expect(bytes.subarray(from, row.byte_off).every(b => b === 0)).toBe(true);
        const stop = row.byte_off + row.byte_len;
        expect(stop === end || (stop === end - 1 && bytes[stop] === 13), row.message ?? '').toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});

test('gzip and plain content give the same parts; so does a run that was killed half way', async () => {
  const text = combined(2000, 7);
  const plain = await ingest(text);
  const zipped = await ingest(text, { gzip: true });
  expect(digestOf(zipped.dir)).toEqual(digestOf(plain.dir));
  const keep = path.join(root, 'killed');
  fs.cpSync(plain.dir, path.join(keep, 'parts.partial'), { recursive: true });
  const files = fs.readdirSync(path.join(keep, 'parts.partial')).sort();
  for (const f of files.filter((f, i) => f === 'file.json' || i % 5 === 0)) fs.rmSync(path.join(keep, 'parts.partial', f));
  fs.writeFileSync(path.join(keep, 'parts.partial', 'part-000003.parquet.tmp'), 'half');
  const resumed = await ingest(text, { keep });
  expect(digestOf(resumed.dir)).toEqual(digestOf(plain.dir));
});

test.skipIf(!fs.existsSync(workerFile('events/ingest-worker')))('one thread, two threads and no thread write the same bytes', async () => {
  for (const [name, text] of [
    ['apache-combined', combined(4000, 3)],
    ['iis-w3c', `#Fields: c-ip date time cs-uri-stem\n${'203.0.113.1 2026-11-21 20:00:00 /a\n'.repeat(1000)}`],
  ] as const) {
    const here = await ingest(text, { name });
    const two = await ingest(text, { name, threads: 2, local: false });
    expect(digestOf(two.dir)).toEqual(digestOf(here.dir));
  }
});

test('records that span lines are whole across reads and parts; their lines are counted', async () => {
  const n = 25_000;
  const records = Array.from({ length: n }, (_, i) => {
    const statement = `statement: select '${'é'.repeat(i % 60)}'${'\n'.repeat(i % 4)}, ""c${i}"" from t -- ${'x'.repeat((i * 7919) % 500)}`;
    return `2026-11-21 20:23:15.${String(i % 1000).padStart(3, '0')} UTC,"app","shop",${100 + (i % 9)},"[local]",6920c0d3.5f1,${i},"SELECT",2026-11-21 20:00:00 UTC,3/4,0,LOG,00000,"${statement}",,,,,,,,,"psql","client backend",,0\n`;
  });
  const bytes = Buffer.from(records.join(''));
  expect(bytes.length).toBeGreaterThan(9 << 20);
  const r = await ingest(bytes, { name: 'pg-csvlog', sizes: { ...usualSizes, part: 1 << 20 } });
  const lines = records.reduce((sum, x) => sum + x.split('\n').length - 1, 0);
  expect([r.meta.lines, r.meta.parsed, r.meta.unparsed, r.meta.rows, r.meta.clusters]).toEqual([lines, lines, 0, n, []]);
  const rows = await read<{ line_no: number; line_count: number; byte_off: number; byte_len: number }>(r);
  let line = 1;
  rows.forEach((row, i) => {
    expect([row.line_no, row.line_count]).toEqual([line, records[i]!.split('\n').length - 1]);
    expect(bytes.subarray(row.byte_off, row.byte_off + row.byte_len).toString()).toBe(records[i]!.slice(0, -1));
    line += row.line_count;
  });
  expect(r.meta.parts.length).toBe(Math.ceil(bytes.length / (1 << 20)));
});

test('lines with any bytes in them come back as good text, and the file reads whole', async () => {
  let s = 5;
  const pick = (max: number): number => (s = (Math.imul(s, 1664525) + 1013904223) >>> 0) % max;
  const base = Buffer.from('203.0.113.9 - u [21/Nov/2026:20:00:15 +0000] "GET /a?b=%e3%81%82&c=%u0041 HTTP/1.1" 200 5 "http://r/" "Mozilla/5.0"');
  const lines = Array.from({ length: 10_000 }, () => {
    const bytes = Buffer.from(base);
    for (let k = pick(6); k > 0; k--) bytes[pick(bytes.length)] = [pick(256), 0x25, 0x5c, 0x22, 0xe3, 0xf4][pick(6)]!;
    for (let i = bytes.indexOf(10); i >= 0; i = bytes.indexOf(10)) bytes[i] = 32;
    return bytes;
  });
  const r = await ingest(Buffer.concat(lines.flatMap(l => [l, Buffer.from('\n')])), { sizes: usualSizes });
  expect([r.meta.lines, r.meta.rows, r.meta.parsed + r.meta.unparsed]).toEqual([10_000, 10_000, 10_000]);
  const rows = await read<Record<string, unknown>>(r);
  expect(rows.length).toBe(10_000);
  for (const row of rows) {
    const line = lines[(row['line_no'] as number) - 1]!;
    if (row['class'] === 1 && line.every(b => b < 128 && b !== 0x5c) && typeof row['target'] === 'string') expect(line.includes(row['target'])).toBe(true);
    expect(Object.values(row).some(v => typeof v === 'string' && v.includes('\uFFFD'))).toBe(false);
  }
});

test('values survive row groups and the change from dictionary to plain storage', async () => {
  const n = 140_000;
  const text = Array.from(
    { length: n },
    (_, i) =>
      `10.0.${i % 7}.1 - - [21/Nov/2026:20:00:15 +0000] "GET /${i < 3000 ? 'same' : `u${i}`} HTTP/1.1" ${200 + (i % 300)} ${i} "${i % 2 ? '-' : 'r'}" "${i % 50_000}"`,
  ).join('\n');
  const r = await ingest(text, { sizes: usualSizes });
  const engine = await Engine.open({ file: ':memory:', threads: 2 });
  const file = sql`${sql.lit(partFiles(r.dir, r.meta)[0]!)}`;
  expect(
    await engine.row(
      't',
      sql`select count(*) as n, sum(case when path = '/' || case when i < 3000 then 'same' else 'u' || i end and status = 200 + i % 300
      and bytes_out = i and referer is not distinct from case when i % 2 = 1 then null else 'r' end and user_agent = (i % 50000)::varchar then 1 else 0 end)::bigint as good
    from (select *, line_no - 1 as i from read_parquet([${file}]))`,
    ),
  ).toEqual({ n, good: n });
  expect(await engine.row('t', sql`select count(distinct row_group_id) as groups from parquet_metadata(${sql.lit(partFiles(r.dir, r.meta)[0]!)})`)).toEqual({
    groups: 2,
  });
  expect(await engine.rows('t', sql`select line_no from read_parquet([${file}]) where bytes_out between 130000 and 130002 order by 1`)).toEqual([
    { line_no: 130001 },
    { line_no: 130002 },
    { line_no: 130003 },
  ]);
  engine.close();
});

test('killed with SIGKILL at any moment, a second run gives what an undisturbed one gives', async () => {
  const dist = path.join(path.dirname(new URL(workerFile('events/ingest-file')).pathname));
  if (!fs.existsSync(path.join(dist, 'ingest-file.js'))) return;
  const text = combined(20_000, 11);
  const whole = await ingest(text);
  const keep = path.join(root, 'sigkill');
  fs.mkdirSync(keep, { recursive: true });
  fs.writeFileSync(path.join(keep, 'log'), text);
  const script = `import { ingestFile } from '${dist}/ingest-file.js'; import { IngestPool } from '${dist}/ingest-pool.js';
    const pool = new IngestPool(1); console.log('go');
    await ingestFile({ file: '${keep}/log', compressed: false, contentBytes: ${text.length}, resolved: { name: 'apache-combined', logFormat: null, uncertainTime: false },
      context: { zone: 'UTC', modifiedUs: 1795000000000000, params: null, encoding: 'utf-8' }, encoding: { from: null, bomBytes: 0, reader: 'utf-8' },
      sizes: ${JSON.stringify(small)}, dir: '${keep}/parts' }, pool, () => {});`;
  for (const ms of [250, 400, 600]) spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: ms, killSignal: 'SIGKILL' });
  const resumed = await ingest(text, { keep });
  expect(digestOf(resumed.dir)).toEqual(digestOf(whole.dir));
});
