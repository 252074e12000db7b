import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Engine, sql } from '../../src/engine/index.ts';
import { plainParts, readings, readTown } from '../../src/persons/linkage/readings.ts';
import { readAddress } from '../../src/persons/linkage/standardise.ts';

const nobody = () => ({ surname: null, given: null, legal: false, japanese: false, former: null, read: null });
const list = readings(nobody);
const kindOf = (kind: string) => list.find(r => r.kind === kind)!;

/** What the engine reads of each text by itself; undefined where it leaves the text to the reader. */
async function byEngine(kind: 'phone' | 'email', texts: readonly string[]): Promise<(string | undefined)[]> {
  const engine = await Engine.open({ file: ':memory:', threads: 1 });
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
    sql`select ${plain.when(sql`v`)} as plain, ${plain.value(sql`v`)} as value from t order by i`,
  );
  engine.close();
  return rows.map(r => (r.plain ? r.value : undefined));
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
test('addresses: the engine reads the plain ones as the reader does', async () => {
  const texts = [...new Set(fc.sample(address, { numRuns: 12000, seed: 9 }))];
  const engine = await Engine.open({ file: ':memory:', threads: 1 });
  await engine.load(
    't',
    [
      { name: 'i', type: 'INTEGER' },
      { name: 'v', type: 'VARCHAR' },
    ],
    texts.map((v, i) => [i, v]),
  );
  const rows = await engine.rows<{ p: { town: string; numbers: string; room: string } }>('t.read', sql`select ${plainParts(sql`v`)} as p from t order by i`);
  engine.close();
  let plain = 0;
  rows.forEach(({ p }, i) => {
    if (p.town === '') return;
    plain++;
    const [place, area] = readTown(p.town);
    const block = place === null ? null : `${place}|${p.numbers}`;
    const whole = readAddress(texts[i]!);
    expect([texts[i], { address: block === null ? null : block + (p.room === '' ? '' : `-${p.room}`), block, town: place, area }]).toEqual([texts[i], whole]);
  });
  expect(plain).toBeGreaterThan(50);
});
