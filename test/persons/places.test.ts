import { describe, expect, test } from 'vitest';
import { normaliseAddress } from '../../src/persons/index.ts';

/** Groups of spellings of one place; places of different groups are different. */
const places: readonly (readonly string[])[] = [
  ['京都府京都市中京区寺町通御池上る上本能寺前町488', '京都市中京区寺町通御池上ル上本能寺前町488番地', '京都市中京区上本能寺前町４８８'],
  ['京都市下京区烏丸通七条下ル東塩小路町721-1', '京都府京都市下京区烏丸通七条下る東塩小路町７２１番地の１', '京都市下京区東塩小路町721-1'],
  ['京都市上京区今出川通烏丸東入相国寺門前町701', '京都市上京区今出川通烏丸東入ル相国寺門前町701', '京都市上京区相国寺門前町701'],
  ['京都市中京区河原町通三条下る二丁目東入る北車屋町271', '京都市中京区北車屋町271'],
  ['北海道札幌市中央区北5条西6丁目2-2', '札幌市中央区北五条西六丁目2番地2', '札幌市中央区北５条西６－２－２', '北海道札幌市中央区北5条西6-2-2'],
  ['札幌市中央区南1条西5丁目', '北海道札幌市中央区南一条西５丁目', '札幌市中央区南１条西五丁目'],
  ['旭川市6条通9丁目46', '北海道旭川市六条通９丁目46番地', '旭川市6条通9-46'],
  ['帯広市西5条南7丁目1', '北海道帯広市西五条南七丁目１番地', '帯広市西5条南7-1'],
  ['埼玉県浦和市常盤6-4-4', '埼玉県さいたま市常盤6丁目4番4号'],
  ['静岡県清水市旭町6-8', '静岡県静岡市旭町6番8号'],
  ['東京都保谷市中町1-5-1', '東京都西東京市中町1丁目5-1'],
];

describe('addresses of Kyoto, Hokkaido and towns that are no more', () => {
  test.each(places.map(group => [group[0]!, group] as const))('%s: one place in every spelling', (_first, group) => {
    const keys = group.map(a => normaliseAddress(a).key);
    expect(keys[0]).not.toBeNull();
    expect(keys).toEqual(keys.map(() => keys[0]));
  });
  test('different places stay different', () => {
    const keys = places.map(group => normaliseAddress(group[0]!).key);
    expect(new Set(keys).size).toBe(places.length);
    const apart = [
      '札幌市中央区北5条西6丁目2-2',
      '札幌市中央区北5条東6丁目2-2',
      '札幌市中央区南5条西6丁目2-2',
      '札幌市中央区北6条西5丁目2-2',
      '札幌市北区北5条西6丁目2-2',
    ];
    expect(new Set(apart.map(a => normaliseAddress(a).key)).size).toBe(apart.length);
  });
});
