import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { problemText, quietEffects } from '../../src/base/index.ts';
import { type DatasetSpec, readProblems } from '../../src/case/index.ts';
import { sql } from '../../src/engine/index.ts';
import { loadDatasets } from '../../src/events/datasets/index.ts';
import { collectEvidence } from '../../src/evidence/index.ts';
import { datasetSpec, openTestCase } from '../evidence/open-test-case.ts';

let dir = '';
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-datasets-'));
});
afterEach(() => {
  fs.rmSync(dir, { recursive: true, force: true });
});

/** Load files as one data set `t`; its columns, rows (row_no, key, cells) and problems `code line ×count`. */
async function load(files: Record<string, string | Uint8Array>, more: Partial<DatasetSpec> = {}) {
  fs.rmSync(path.join(dir, 'out'), { recursive: true, force: true });
  for (const [name, data] of Object.entries(files)) fs.writeFileSync(path.join(dir, name), data);
  const kase = await openTestCase([], [datasetSpec('t', Object.keys(files), more)], dir);
  try {
    await collectEvidence(kase, quietEffects);
    await loadDatasets(kase, quietEffects);
    const columns = (await kase.engine.rows<{ name: string }>('c', sql`select name from dataset_column where dataset_id = 't' order by column_no`)).map(
      c => c.name,
    );
    const rows = (await kase.engine.rows('r', sql`select * from data_t order by row_no`)).map(r => Object.values(r));
    const found = await readProblems(kase.engine);
    for (const p of found) for (const lang of ['ja', 'en'] as const) expect(problemText(lang, p.code, p.params)).not.toContain('{{');
    const problems = found.map(p => `${p.code.replace('evidence.dataset-', '')}${p.where.line ? ` ${p.where.line}` : ''}${p.count > 1 ? ` ×${p.count}` : ''}`);
    const dataset = await kase.engine.row('d', sql`select * from dataset`);
    return { columns, rows, problems, dataset };
  } finally {
    kase.close();
  }
}

test('quotes, line breaks in cells, NULL against empty text, spaces and hostile text come through unchanged', async () => {
  const csv = 'id,名前,memo\r\n1,"山田, ""太郎""","a\r\nb"\r\n2,,""\r\n3, x ,=cmd|\' /C calc\'!A0\r\n"4",\\N,"\\N"\r\n';
  const { columns, rows, problems, dataset } = await load({ 'a.csv': csv });
  expect(columns).toEqual(['id', '名前', 'memo']);
  expect(rows).toEqual([
    [0, '1', '1', '山田, "太郎"', 'a\r\nb'],
    [1, '2', '2', null, ''],
    [2, '3', '3', ' x ', "=cmd|' /C calc'!A0"],
    [3, '4', '4', null, '\\N'],
  ]);
  expect(problems).toEqual([]);
  expect(dataset).toMatchObject({
    dataset_id: 't',
    table_name: 't',
    rows: 4,
    key_columns: ['id'],
    format: 'csv',
    encoding: 'utf-8',
    role_spec: '{"constant":"policyholder"}',
  });
});

/** 鈴木一郎 / 東京都 and so on in CP932 and EUC-JP, as the encodings' own tables give them. */
const japanese = {
  cp932: Buffer.from('69642c96bc914f0a312c97e996d888ea98590a322c938c8b9e9373878a0a332cbdbdb70a', 'hex'),
  'euc-jp': Buffer.from('69642cccbec1b00a312cceebccdab0eccfba0a322cc5ecb5fec5d40a332c8ebd8ebd8eb70a', 'hex'),
};
test.each([
  ['cp932', 'auto'],
  ['euc-jp', 'auto'],
  ['cp932', 'cp932'],
  ['euc-jp', 'euc-jp'],
] as const)('%s given as %s', async (kind, encoding) => {
  const { rows, columns, problems, dataset } = await load({ 'a.csv': japanese[kind] }, { encoding });
  expect(columns).toEqual(['id', '名前']);
  expect(rows.map(r => r[3])).toEqual(['鈴木一郎', kind === 'cp932' ? '東京都㈱' : '東京都', 'ｽｽｷ']);
  expect(problems).toEqual([]);
  expect(dataset['encoding']).toBe(kind);
});

test('UTF-16 in both orders, marks, gzip and other delimiters', async () => {
  const want = [
    [0, '1', '1', '髙橋😀'],
    [1, '2', '2', null],
  ];
  const text = 'id;名前\n1;髙橋😀\n2;\n';
  const wide = Buffer.from(`\ufeff${text}`, 'utf16le');
  for (const data of [
    wide,
    Buffer.from(wide).swap16(),
    wide.subarray(2),
    Buffer.from(wide.subarray(2)).swap16(),
    Buffer.from(`\ufeff${text}`),
    zlib.gzipSync(text),
    Buffer.from(text.replaceAll(';', '\t')),
    Buffer.from(text.replaceAll('\n', '\r')),
  ]) {
    const { rows, columns, problems } = await load({ 'a.csv': data });
    expect([columns, rows, problems]).toEqual([['id', '名前'], want, []]);
  }
});

test('a wrong label gives way to what the bytes say, and bad bytes are kept visibly', async () => {
  const utf8 = await load({ 'a.csv': `id,n\n1,${'漢字かな'.repeat(10)}\n` }, { encoding: 'cp932' });
  expect(utf8.rows[0]![3]).toBe('漢字かな'.repeat(10));
  expect(utf8.problems).toEqual(['other-encoding']);
  const bad = await load({
    'a.csv': Buffer.concat([Buffer.from('id,n\n1,漢字かな漢字'), Buffer.from([0xff, 0xfe]), Buffer.from('x\n2,漢字かな漢字かな\n')]),
  });
  expect(bad.rows[0]![3]).toBe('漢字かな漢字\\xFF\\xFEx');
  expect(bad.problems).toEqual(['bad-bytes']);
});

test('ragged rows, stray quotes, blank lines: every row stays, each oddity is named with its line', async () => {
  const csv = 'id,a,b\n1,x\n\n2,x,y,z,"p,q"\n3,"open,y\n4,"a"b,c\n5,5\'9" tall,d\n6,x,y\n';
  const { columns, rows, problems } = await load({ 'a.csv': csv });
  expect(columns).toEqual(['id', 'a', 'b', 'extra_cells']);
  expect(rows.map(r => r.slice(2))).toEqual([
    ['1', 'x', null, null],
    ['2', 'x', 'y', 'z,"p,q"'],
    ['3', '"open', 'y', null],
    ['4', '"a"b', 'c', null],
    ['5', '5\'9" tall', 'd', null],
    ['6', 'x', 'y', null],
  ]);
  expect(problems).toEqual(['blank-lines 3', 'long-rows 4', 'short-rows 2', 'stray-quotes 5 ×3']);
});

test('a blank line is no record, in a table of one column either; a quoted empty cell is', async () => {
  const { rows, problems } = await load({ 'a.csv': 'id\n1\n\n""\n\\N\n\n' }, { key: [] });
  expect(rows.map(r => r[2])).toEqual(['1', '', null]);
  expect(problems).toEqual(['blank-lines 3 ×2', 'key-row-number']);
});

test('a last quote that is never closed does not swallow the rest', async () => {
  const { rows, problems } = await load({ 'a.csv': 'id,a\n1,"never\n2,b\n3,c' });
  expect(rows.map(r => r.slice(2))).toEqual([
    ['1', '"never'],
    ['2', 'b'],
    ['3', 'c'],
  ]);
  expect(problems).toEqual(['stray-quotes 2']);
});

test('column names: trimmed, repeated, empty, reserved', async () => {
  const { columns, problems } = await load({ 'a.csv': ' id ,Name,name,,key,row_no\n1,2,3,4,5,6\n' });
  expect(columns).toEqual(['id', 'Name', 'name_2', 'column_4', 'key_2', 'row_no_2']);
  expect(problems).toEqual(['renamed-columns ×4']);
});

test('keys: joined, repeated, missing; the lines are physical ones even after a line break in a cell', async () => {
  const csv = 'a,b,c\n1,x,"two\nlines"\n1,y,\n1,x,\n,,z\n,q,\n';
  const { rows, problems } = await load({ 'a.csv': csv }, { key: ['a', 'B'] });
  expect(rows.map(r => r[1])).toEqual(['1|x', '1|y', '1|x', null, '|q']);
  expect(problems).toEqual(['null-keys 6 ×2', 'repeated-keys 2 ×2']);
});

test('without a key one is found by name, or the row number serves', async () => {
  expect(await load({ 'a.csv': 'n,cust_id,id\n1,7,1\n1,8,1\n' }, { key: [] })).toMatchObject({
    rows: [
      [0, '7', '1', '7', '1'],
      [1, '8', '1', '8', '1'],
    ],
    problems: ['key-inferred'],
  });
  expect(await load({ 'a.csv': 'n,m\n1,7\n1,8\n' }, { key: [] })).toMatchObject({
    rows: [
      [0, '0', '1', '7'],
      [1, '1', '1', '8'],
    ],
    problems: ['key-row-number'],
    dataset: { key_columns: [] },
  });
  expect((await load({ 'a.csv': 'id,m\n1,7\n' }, { key: ['nope'] })).problems).toEqual(['key-inferred', 'no-key-column']);
});

test('several files are appended in path order, columns found by name', async () => {
  const { columns, rows, problems } = await load({ 'b.csv': 'v,id,w\nq,3,9\n', 'a.csv': 'id,v\n1,p\n2,\n' });
  expect(columns).toEqual(['id', 'v', 'w']);
  expect(rows).toEqual([
    [0, '1', '1', 'p', null],
    [1, '2', '2', null, null],
    [2, '3', '3', 'q', '9'],
  ]);
  expect(problems).toEqual(['missing-columns']);
});

test('JSON lines keep numbers as written; bad lines are named', async () => {
  const { columns, rows, problems } = await load({
    'a.jsonl': '{"id": 1.0, "n": "a\\"b", "o": {"x": [1, "}"]}}\nnot json\n\n{"id":12345678901234567890,"z":null,"n":true}\n[1]\n',
  });
  expect(columns).toEqual(['id', 'n', 'o', 'z']);
  expect(rows).toEqual([
    [0, '1.0', '1.0', 'a"b', '{"x": [1, "}"]}', null],
    [1, '12345678901234567890', '12345678901234567890', 'true', null, null],
  ]);
  expect(problems).toEqual(['bad-json 2 ×2']);
});

test('Parquet is cast to text in file order; what is none is a problem', async () => {
  const kase = await openTestCase([], [], dir);
  await kase.engine.run(
    'make',
    sql`copy (select i as id, case when i % 3 = 0 then null else concat('名', i) end as n, date '2025-01-01' + i::integer as d from range(5000) r(i)) to ${path.join(dir, 'x.parquet')} (format parquet, row_group_size 2048)`,
  );
  kase.close();
  const { rows, problems, dataset } = await load({ 'p.parquet': fs.readFileSync(path.join(dir, 'x.parquet')) });
  expect(rows).toHaveLength(5000);
  expect(rows[4999]).toEqual([4999, '4999', '4999', '名4999', '2038-09-09']);
  expect(rows[3]).toEqual([3, '3', '3', null, '2025-01-04']);
  expect([problems, dataset['format']]).toEqual([[], 'parquet']);
  expect((await load({ 'p.parquet': 'PAR1 nonsense' })).problems).toEqual(['bad-parquet']);
});

test('an empty file, a header alone, a missing file', async () => {
  expect(await load({ 'a.csv': 'id,n\n' })).toMatchObject({ columns: ['id', 'n'], rows: [], problems: [] });
  expect(await load({ 'a.csv': '' })).toMatchObject({ columns: [], rows: [], dataset: { rows: 0 } });
});

test('a large regular file takes the fast way, in order; one odd line sends it the slow way with the same rows', async () => {
  const lines = Array.from({ length: 30000 }, (_, i) => `${i},"name ${i}, ""q""",${i % 7 === 0 ? '' : `v${i}`},""`);
  const fast = await load({ 'a.csv': `id,n,v,e\n${lines.join('\n')}\n` });
  const slow = await load({ 'a.csv': `id,n,v,e\n${lines.join('\n')}\nlast,"a"b,,""\n` });
  expect(fast.rows).toHaveLength(30000);
  expect(fast.rows.every((r, i) => r[0] === i && r[1] === String(i) && r[3] === `name ${i}, "q"` && r[5] === '')).toBe(true);
  expect(slow.rows.slice(0, 30000)).toEqual(fast.rows);
});

test('any table of any oddities: the fast way through a rewritten file gives the same rows as our own reader', async () => {
  const { loadByScanner } = await import('../../src/events/datasets/csv-load.ts');
  const piece = fc.constantFrom('a', '"', '""', ',', '\n', '\r\n', '\r', '山', '\\N', ' ', '"x"', '"p,q\nr"', '\0');
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 2, maxLength: 30 }), fc.integer({ min: 1, max: 4 }), async (pieces, width) => {
      const header = Array.from({ length: width }, (_, i) => `h${i}`);
      const text = `${header.join(',')}\n${`${pieces.join('')}\n`.repeat(2300)}`;
      const fast = await load({ 'a.csv': text }, { key: [], encoding: 'utf-8' });
      const kase = await openTestCase([], [], dir);
      await kase.engine.run('t', sql`create table slow (row_no bigint, key varchar, ${sql.join(fast.columns.map(c => sql`${sql.id(c)} varchar`))})`);
      const dialect = { delimiter: 44, carriageReturnEnds: false };
      const columns = fast.columns.filter(c => c !== 'extra_cells').length;
      await loadByScanner([Buffer.from(text)] as never, dialect, columns, fast.columns.length === columns, {
        engine: kase.engine,
        table: 'slow',
        firstRow: 0,
        columns: fast.columns,
        places: fast.columns.map((_, i) => i),
        keyOf: () => sql``,
        keyText: () => null,
      });
      const slow = (await kase.engine.rows('r', sql`select * exclude (key) from slow order by row_no`)).map(r => Object.values(r));
      kase.close();
      expect(fast.rows.map(([row, , ...cells]) => [row, ...cells])).toEqual(slow);
    }),
    { numRuns: 15 },
  );
});

test('names of files that look like patterns', async () => {
  const { rows, problems } = await load({
    '[1] a*.csv': `id,v\n${Array.from({ length: 3000 }, (_, i) => `${i},x`).join('\n')}\n`,
  });
  expect([rows.length, problems]).toEqual([3000, []]);
});

/** Python is an encoder of the old Japanese encodings that is not ours; without it those two are left to the fixed samples above. */
const python = spawnSync('python3', ['-c', 'print(1)']).status === 0;
function encode(text: string, encoding: string): Buffer {
  if (encoding === 'utf-8') return Buffer.from(text);
  if (encoding === 'utf-16le') return Buffer.from(`\ufeff${text}`, 'utf16le');
  return spawnSync('python3', ['-c', 'import sys; sys.stdout.buffer.write(sys.stdin.buffer.read().decode("utf-8").encode(sys.argv[1]))', encoding], {
    input: text,
  }).stdout;
}

test('random tables in random dialects and encodings come back equal', async () => {
  const cell = fc.option(
    fc.string({
      unit: fc.constantFrom('a', 'Z', '0', '9', ' ', '"', ',', ';', '\t', '\n', '\r\n', '山', '田', 'ア', 'ｱ', "'", '\\', '|', '-', '='),
      maxLength: 8,
    }),
    { nil: null, freq: 6 },
  );
  const table = fc
    .integer({ min: 2, max: 5 })
    .chain(width => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 25 }));
  const encodings = ['utf-8', 'utf-16le', ...(python ? ['cp932', 'euc_jp'] : [])];
  await fc.assert(
    fc.asyncProperty(
      table,
      fc.constantFrom(',', ';', '\t'),
      fc.constantFrom('\n', '\r\n'),
      fc.constantFrom(...encodings),
      fc.boolean(),
      fc.boolean(),
      async (rows, delimiter, end, encoding, lastEnd, big) => {
        const quote = (v: string | null): string =>
          v === null ? '' : v === '' || v === '\\N' || /[",;\t\r\n]/.test(v) || v.length % 2 === 0 ? `"${v.replaceAll('"', '""')}"` : v;
        const header = ['id', ...rows[0]!.map((_, i) => `列${i}`)].join(delimiter);
        const all = big ? Array.from({ length: 2100 }, (_, i) => rows[i % rows.length]!) : rows;
        const text = [header, ...all.map((r, i) => [String(i), ...r.map(quote)].join(delimiter))].join(end) + (lastEnd ? end : '');
        const got = await load(
          { 'a.csv': encode(text, encoding) },
          { encoding: encoding === 'cp932' || encoding === 'euc_jp' ? encoding.replace('_', '-') : 'auto' },
        );
        expect(got.rows.map(r => r.slice(3))).toEqual(all);
        expect(got.problems).toEqual([]);
      },
    ),
    { numRuns: 40 },
  );
});

test('any bytes at all load without a crash', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(0x22, 0x2c, 0x0a, 0x0d, 0x41, 0x00, 0x80, 0xff, 0x5c, 0x4e, 0xe5, 0xb1, 0xb1), {
        minLength: 1,
        maxLength: 200,
      }),
      async bytes => {
        const { dataset, rows } = await load({ 'a.csv': Uint8Array.from(bytes) }, { key: [] });
        expect(dataset['rows']).toBe(rows.length);
      },
    ),
    { numRuns: 40 },
  );
});
