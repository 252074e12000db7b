import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normaliseAddress, normaliseDate, normaliseEmail, normaliseKana, normaliseName, normalisePhone, normalisePostalCode } from '../../src/persons/index.ts';
import { otherNames, otherPlaces, sameNames, samePhones, samePlaces } from './variant-pairs.ts';

test('the table of variants holds at least 300 pairs', () => {
  expect(sameNames.length + otherNames.length + samePlaces.length + otherPlaces.length + samePhones.length).toBeGreaterThanOrEqual(300);
});
test.each(sameNames)('one name: %s = %s', (a, b) => {
  expect(normaliseName(a).key).toBe(normaliseName(b).key);
});
test.each(otherNames)('two names: %s ≠ %s', (a, b) => {
  expect(normaliseName(a).key).not.toBe(normaliseName(b).key);
});
test.each([
  ['斎藤', '斉藤'],
  ['齋藤', '齊藤'],
  ['斎藤', '齊藤'],
])('families mix %s and %s: a weak match only', (a, b) => {
  expect(normaliseName(a).key).not.toBe(normaliseName(b).key);
  expect(normaliseName(a).loose_key).toBe(normaliseName(b).loose_key);
});
test.each([...samePlaces])('one place: %s = %s', (a, b) => {
  expect(normaliseAddress(a).key).not.toBeNull();
  expect(normaliseAddress(a).key).toBe(normaliseAddress(b).key);
});
test.each([...otherPlaces])('two places: %s ≠ %s', (a, b) => {
  expect(normaliseAddress(a).key).not.toBe(normaliseAddress(b).key);
});
test.each([...samePhones])('one telephone: %s = %s', (a, b) => {
  expect(normalisePhone(a).key).not.toBeNull();
  expect(normalisePhone(a).key).toBe(normalisePhone(b).key);
});

describe('names', () => {
  test.each([
    ['渡邊　太郎様', '渡邊', '太郎', '様', null],
    ['山田(旧姓 佐藤)花子', '山田', '花子', null, '佐藤'],
    ['山田花子（旧姓：佐藤）', '山田', '花子', null, '佐藤'],
    ['佐々木一郎', '佐々木', '一郎', null, null],
    ['長谷川　博己 殿', '長谷川', '博己', '殿', null],
    ['Dr. John Smith Jr.', 'Smith', 'John', 'Dr.', null],
    ['Smith, John', 'Smith', 'John', null, null],
    ['ヤマダ タロウ', 'ヤマダ', 'タロウ', null, null],
  ])('%s → %s / %s', (text, surname, given, title, former) => {
    expect(normaliseName(text)).toMatchObject({ original: text, surname, given, title, former_surname: former, legal_person: false });
  });
  test.each(['株式会社山田', '山田商事（株）', '㈱サンプル', '有限会社アオキ', '医療法人社団みどり会', 'さくら動物病院', 'Example Inc.', 'カ)ヤマダ'])(
    '%s is no natural person',
    text => {
      expect(normaliseName(text).legal_person).toBe(true);
    },
  );
  test('one modern character may stand for several old ones', () => {
    expect(normaliseName('弁天').candidates).toEqual([['弁', ['瓣', '辨', '辯']]]);
  });
});

describe('kana', () => {
  test.each([
    ['ｺﾞﾄｳ ﾋﾛｼ', 'ゴトウ ヒロシ', 'gotou hiroshi'],
    ['ごとう ひろし', 'ゴトウ ヒロシ', 'gotou hiroshi'],
    ['シンイチロー', 'シンイチロー', 'shinichiroo'],
    ['Suzuki Ichiro', 'スズキ イチロ', 'suzuki ichiro'],
    ['Kyoko', 'キョコ', 'kyoko'],
    ['ハットリ', 'ハットリ', 'hattori'],
  ])('%s', (text, kana, roman) => {
    expect(normaliseKana(text)).toMatchObject({ katakana: kana, romaji: roman });
  });
});

describe('addresses', () => {
  test.each([
    [
      '大阪府大阪市中央区難波5丁目19番23号 メゾン青葉728号室',
      { prefecture: '大阪府', city: '大阪市中央区', town: '難波', block: '5-19-23', building: 'メゾン青葉728号室', room: '728', level: 8 },
    ],
    ['大阪市中央区難波５－１９－２３', { prefecture: '大阪府', city: '大阪市中央区', town: '難波', block: '5-19-23', building: null, level: 8 }],
    ['札幌市中央区北五条西6丁目', { prefecture: '北海道', city: '札幌市中央区', town: '北5条西', block: '6', level: 8 }],
    ['京都府京都市中京区寺町通御池上る上本能寺前町488', { city: '京都市中京区', town: '上本能寺前町', block: '488', street: '寺町通御池上る', level: 8 }],
    ['府中市宮西町2-24', { prefecture: null, city: '府中市', town: '宮西町', block: '2-24', level: 8 }],
    ['愛知県', { prefecture: '愛知県', city: null, level: 1 }],
    ['名古屋市中区栄', { prefecture: '愛知県', city: '名古屋市中区', town: '栄', level: 3 }],
    ['', { level: 0, key: null }],
    ['東京都港区六本木6-10-1 六本木ヒルズ森タワー 32階', { town: '六本木', block: '6-10-1', building: '六本木ヒルズ森タワー 32階', room: null }],
  ])('%s', (text, parts) => {
    expect(normaliseAddress(text)).toMatchObject({ original: text, ...parts });
  });
});

describe('dates', () => {
  test.each([
    ['昭和55年3月4日', '1980-03-04'],
    ['S55.3.4', '1980-03-04'],
    ['平成元年一月八日', '1989-01-08'],
    ['令和6年2月29日', '2024-02-29'],
    ['2023年2月29日', null],
    ['3/29/1982', '1982-03-29'],
    ['29/3/1982', '1982-03-29'],
    ['19820329', '1982-03-29'],
    ['1982/3/9', '1982-03-09'],
    ['１９８２－０３－２９', '1982-03-29'],
    ['2024-02-29T10:00:00', '2024-02-29'],
    ['Mar 5, 1990', '1990-03-05'],
    ['', null],
    ['13/13/2000', null],
  ])('%s → %s', (text, day) => {
    expect(normaliseDate(text)).toBe(day);
  });
});

test('e-mail and postal codes', () => {
  expect(normaliseEmail('Taro <TARO.Y+shop@Example.JP>')).toMatchObject({ address: 'taro.y+shop@example.jp', key: 'taro.y@example.jp', valid: true });
  expect(normaliseEmail('ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ').address).toBe('taro@example.jp');
  expect(normaliseEmail('no mail').address).toBeNull();
  expect(normalisePostalCode('〒１００－０００１')).toMatchObject({ postal_code: '100-0001', prefecture: '東京都', valid: true });
  expect(normalisePostalCode('1000001').postal_code).toBe('100-0001');
  expect(normalisePostalCode('10-00001').valid).toBe(false);
});

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...'東京都港区一二三丁目番号-ー－0１２ ヶケが（）株佐藤旧姓ｶﾞ@.+'), maxLength: 40 }),
);
test('every normaliser takes any text, keeps the original and is stable when it reads its own output', () => {
  fc.assert(
    fc.property(hostile, text => {
      for (const make of [normaliseName, normaliseKana, normaliseAddress, normalisePhone, normaliseEmail, normalisePostalCode])
        expect(make(text).original).toBe(text);
      const name = normaliseName(text);
      expect(normaliseName(name.key).key.length).toBeLessThanOrEqual(name.key.length + 1);
      const email = normaliseEmail(text);
      if (email.address !== null) expect(normaliseEmail(email.address).key).toBe(email.key);
      const day = normaliseDate(text);
      if (day !== null) expect(normaliseDate(day)).toBe(day);
    }),
    { numRuns: 2000 },
  );
});
