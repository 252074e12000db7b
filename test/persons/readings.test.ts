import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { Engine, sql } from '../../src/engine/index.ts';
import { duckdb } from '../../src/persons/linkage/dialect.ts';
import { readings } from '../../src/persons/linkage/readings.ts';
import { cutTexts, splits } from '../../src/persons/linkage/splits.ts';
import { between, nameOrParts, nameReader } from '../../src/persons/linkage/standardise.ts';
import { openPostgres, postgres } from '../reference/postgres-steps.ts';

const list = readings(nameOrParts(nameReader(new Set(['佐藤', '長谷川']))));
const kindOf = (kind: string) => list.find(r => r.kind === kind)!;

type Runner = Pick<Awaited<ReturnType<typeof openPostgres>>, 'rows' | 'load' | 'close'>;
let other: Runner | null = null;
afterAll(async () => {
  await other?.close();
});

/** Run a reading on our engine or on PostgreSQL. */
async function over<T>(where: 'ours' | 'postgres', body: (engine: Runner, d: typeof duckdb) => Promise<T>): Promise<T> {
  if (where === 'postgres') {
    other ??= await openPostgres();
    return body(other, postgres);
  }
  const engine = await Engine.open({ file: ':memory:', threads: 1 });
  try {
    return await body(engine as unknown as Runner, duckdb);
  } finally {
    engine.close();
  }
}

/** What the engine reads of each text by itself; undefined where it leaves the text to the reader. */
function byEngine(
  kind: 'phone' | 'email' | 'birth' | 'postal',
  texts: readonly string[],
  where: 'ours' | 'postgres' = 'ours',
): Promise<(string | undefined)[]> {
  return over(where, async (engine, d) => {
    await engine.load(
      't',
      [
        { name: 'i', type: 'INTEGER' },
        { name: 'v', type: 'VARCHAR' },
      ],
      texts.map((v, i) => [i, v]),
    );
    const plain = kindOf(kind).plain!;
    const rows = await engine.rows<{ plain: boolean; value: string }>(
      't.read',
      sql`select ${plain.when(sql`v`, d)} as plain, ${plain.value(sql`v`)} as value from t order by i`,
    );
    return rows.map(r => (r.plain ? r.value : undefined));
  });
}

const digits = (min: number, max: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: min, maxLength: max });
const phone = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('', '0', '0', '0', '+81', '81', '0081', '010'),
      digits(1, 5),
      fc.constantFrom('', '-', '-', ' ', '－'),
      digits(1, 4),
      fc.constantFrom('', '-', '-', '('),
      digits(2, 5),
    )
    .map(p => p.join('')),
  fc.string(),
);
test('telephone numbers: the engine reads the plain ones as the reader does', async () => {
  const texts = fc.sample(phone, { numRuns: 6000, seed: 7 });
  const read = await byEngine('phone', texts);
  expect(read.filter(x => x !== undefined).length).toBeGreaterThan(50);
  texts.forEach((t, i) => {
    if (read[i] !== undefined) expect([t, read[i]]).toEqual([t, kindOf('phone').read(t)[0]]);
  });
});

const word = fc.string({ unit: fc.constantFrom(...'abcxyz09.-_+Ｂ'), minLength: 0, maxLength: 6 });
const email = fc.oneof(
  fc
    .tuple(
      word,
      fc.constantFrom('@', '@@', ' at '),
      fc.oneof(word, fc.constantFrom('gmail', 'googlemail', 'mail-x')),
      fc.constantFrom('.com', '.co.jp', '', '.', '.c'),
    )
    .map(p => p.join('')),
  fc.string(),
);
test('e-mail addresses: the engine reads the plain ones as the reader does', async () => {
  const texts = fc.sample(email, { numRuns: 12000, seed: 8 });
  const read = await byEngine('email', texts);
  expect(read.filter(x => x !== undefined).length).toBeGreaterThan(50);
  texts.forEach((t, i) => {
    if (read[i] !== undefined) expect([t, read[i]]).toEqual([t, kindOf('email').read(t)[0]]);
  });
});

const town = fc.constantFrom(
  '東京都足立区千住',
  '札幌市中央区北',
  '北海道札幌市中央区南条',
  '京都市中京区寺町通御池上る上本能寺前町',
  '横浜市西区みなとみらい',
  '宇都宮市大字中',
  '港区六本木',
  'どこか',
  '長野県北佐久郡軽井沢町軽井沢',
  '堺市',
  '千代田区霞ヶ関',
  '渋谷区神南の',
  '三重県四日市市',
  '岩手県盛岡市第3地割',
  '髙島市',
  'ﾄｳｷｮｳ',
);
const number = fc.constantFrom('1', '12', '7', '2034', '0', '05', '12345', '一', '３');
const tail = fc.constantFrom(
  '',
  ' ハイム本町501',
  ' シティコート1004',
  ' タワーA-2',
  ' 3F',
  ' 2階',
  ' コーポ12号室',
  ' 第二ビル７',
  '号',
  'の2',
  ' メゾンー101',
  '　コート10',
);
const address = fc
  .tuple(town, number, fc.constantFrom('-', '-', '-', '丁目', '－', ' '), number, fc.constantFrom('', '-', '-', '番'), fc.oneof(number, fc.constant('')), tail)
  .map(p => p.join(''));
const day = fc
  .tuple(
    fc.constantFrom('1980', '1900', '2024', '1799', '２０００', '昭和55'),
    fc.constantFrom('-', '/', '年'),
    fc.constantFrom('01', '12', '13', '2'),
    fc.constantFrom('-', '/', '月'),
    fc.constantFrom('01', '28', '29', '31', '00', '1'),
  )
  .map(p => p.join(''));
const code = fc.tuple(digits(2, 4), fc.constantFrom('', '-', '－', ' '), digits(3, 5)).map(p => p.join(''));
test.each([
  ['birth', day],
  ['postal', code],
] as const)('%s: the engine reads the plain ones as the reader does', async (kind, some) => {
  const texts = fc.sample(fc.oneof(some, fc.string()), { numRuns: 4000, seed: 5 });
  const read = await byEngine(kind, texts);
  expect(read.filter(x => x !== undefined).length).toBeGreaterThan(10);
  texts.forEach((t, i) => {
    const said = kindOf(kind).read(t)[0];
    if (read[i] !== undefined) expect([t, read[i]]).toEqual([t, said]);
  });
});

/** What the engine says of each text that it cuts by itself; undefined where it leaves the text to the reader. */
function byParts(kind: string, texts: readonly string[], where: 'ours' | 'postgres' = 'ours'): Promise<(Record<string, unknown> | undefined)[]> {
  const split = splits[kind]!;
  const varchar = (name: string) => ({ name, type: 'VARCHAR' as const });
  return over(where, async (engine, d) => {
    await engine.load(
      't',
      [{ name: 'i', type: 'INTEGER' }, varchar('v')],
      texts.map((v, i) => [i, v]),
    );
    const cut = cutTexts(split, sql`t`, ['i', 'v'], sql`v`, 'p', d);
    const field = (name: string) => d.field(sql`x.p`, name);
    const parts = split.parts.map(part => sql`select ${field(part)} as v from ${cut} x`);
    const values = await engine.rows<{ v: string }>('t.parts', sql`select distinct v from (${sql.join(parts, sql` union all `)}) y`);
    await engine.load(
      'part',
      [varchar('v'), ...split.columns.map(varchar)],
      values.filter(({ v }) => v !== null && v !== '').map(({ v }) => [v, ...split.read(v)]),
    );
    const of = (part: string) => sql.id(`r_${part}`);
    const joins = split.parts.map(part => sql`left join part ${of(part)} on ${of(part)}.v = ${field(part)}`);
    const said = Object.entries(split.said).map(([c, value]) => sql`${value(field, of)} as ${sql.id(c)}`);
    const rows = await engine.rows<Record<string, unknown>>(
      't.read',
      sql`select coalesce(${split.holds(field, of)}, false) as holds, ${sql.join(said)} from ${cut} x ${sql.join(joins, sql` `)} order by i`,
    );
    return rows.map(({ holds, ...rest }) => (holds ? rest : undefined));
  });
}

const building = fc.constantFrom(
  '',
  '',
  '',
  ' ハイム本町501',
  '　コート10',
  ' 第二ビル7',
  ' メゾン',
  ' コーポ12号室',
  ' タワーA-2',
  ' ビル０５号',
  ' ハイツ123456',
  ' 3F',
  '-501',
  '－１２０３',
);
const chome = fc.oneof(number, fc.constantFrom('二', '十', '十一', '二十', '三十四', '百', '三四'));
const japanese = fc
  .tuple(
    fc.oneof(town, fc.constantFrom('東京都足立区千住大字', '角田市下町', '大阪市北区梅田')),
    chome,
    fc.constantFrom('丁目', '丁目', '丁目', '番', '-', '－'),
    number,
    fc.constantFrom('番', '番地', '-', '', '番-'),
    fc.oneof(number, fc.constant('')),
    fc.constantFrom('', '', '号'),
    building,
  )
  .map(p => p.join(''));
const han = fc.constantFrom(
  '佐藤',
  '髙橋',
  '長谷川',
  '々木',
  '一',
  '会',
  '会田',
  '田所',
  '株式',
  '真理子',
  '弥生',
  '君',
  '健様',
  '社長',
  '人',
  '斎藤株式会社',
  '法',
);
const kanaName = fc.constantFrom('サトウ', 'オオノ', 'オサム', 'ｵｵﾉ', 'ﾀｶｷﾞ', 'ﾀﾛｳ', 'たろう', 'ーア', 'ヲリ', 'ﾞア', 'ゴロー', 'さん', 'Taro', 'ミョウ');
const gap = fc.constantFrom(' ', '　', '', '  ', '・', between);
const written = fc.tuple(fc.oneof(han, kanaName), gap, fc.oneof(han, kanaName), fc.constantFrom('', '', '', ' ', '様', '(旧姓 山田)')).map(p => p.join(''));
test.each([
  ['address', fc.oneof(address, japanese, japanese), 300],
  ['name', written, 100],
  ['kana', written, 100],
] as const)('%s: cut by the engine and read by parts, texts say what the reader says', async (kind, some, least) => {
  const texts = [...new Set(fc.sample(some, { numRuns: 12000, seed: 9 }))].filter(t => kind !== 'kana' || !t.includes(between));
  const read = await byParts(kind, texts);
  const { columns, read: reader } = kindOf(kind);
  expect(read.filter(x => x !== undefined).length).toBeGreaterThan(least);
  texts.forEach((text, i) => {
    if (read[i] === undefined) return;
    const nothing = Object.fromEntries(columns.map(c => [c, c === 'legal' ? false : null]));
    const whole = Object.fromEntries(reader(text).map((value, k) => [columns[k]!, value]));
    expect([text, { ...nothing, ...read[i] }]).toEqual([text, whole]);
  });
});

/** Every so many of the texts, which another engine reads too. */
const few = <T>(texts: readonly T[]): T[] => texts.filter((_, i) => i % 12 === 0);
test.each([
  ['phone', phone],
  ['email', email],
  ['birth', day],
  ['postal', code],
] as const)('%s: PostgreSQL reads the plain ones too, and as ours', async (kind, some) => {
  const texts = few(fc.sample(some, { numRuns: 12000, seed: 3 }));
  const read = await byEngine(kind, texts);
  expect(read.filter(x => x !== undefined).length).toBeGreaterThan(1);
  expect(await byEngine(kind, texts, 'postgres')).toEqual(read);
});
test.each([
  ['address', fc.oneof(address, japanese, japanese)],
  ['name', written],
  ['kana', written],
] as const)('%s: PostgreSQL cuts the same texts into the same parts', async (kind, some) => {
  const texts = few([...new Set(fc.sample(some, { numRuns: 12000, seed: 4 }))]);
  const read = await byParts(kind, texts);
  expect(read.filter(x => x !== undefined).length).toBeGreaterThan(5);
  expect(await byParts(kind, texts, 'postgres')).toEqual(read);
});
