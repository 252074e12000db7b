/** Prefectures, municipalities and towns with a postal code and area code each (public facts), and building names made up here. */

export type Place = { readonly zip: string; readonly prefecture: string; readonly city: string; readonly town: string; readonly area: string };

export const places: readonly Place[] = `
060-0005 北海道 札幌市中央区 北五条西 011|980-0021 宮城県 仙台市青葉区 中央 022|330-0854 埼玉県 さいたま市大宮区 桜木町 048|260-0013 千葉県 千葉市中央区 中央 043
160-0023 東京都 新宿区 西新宿 03|171-0022 東京都 豊島区 南池袋 03|152-0035 東京都 目黒区 自由が丘 03|154-0024 東京都 世田谷区 三軒茶屋 03|180-0004 東京都 武蔵野市 吉祥寺本町 0422
120-0034 東京都 足立区 千住 03|220-0012 神奈川県 横浜市西区 みなとみらい 045|210-0007 神奈川県 川崎市川崎区 駅前本町 044|253-0044 神奈川県 茅ヶ崎市 新栄町 0467
950-0087 新潟県 新潟市中央区 東大通 025|920-0853 石川県 金沢市 本町 076|390-0811 長野県 松本市 中央 0263|420-0857 静岡県 静岡市葵区 御幸町 054|460-0008 愛知県 名古屋市中区 栄 052
450-0002 愛知県 名古屋市中村区 名駅 052|500-8833 岐阜県 岐阜市 神田町 058|510-0075 三重県 四日市市 安島 059|600-8216 京都府 京都市下京区 東塩小路町 075
542-0076 大阪府 大阪市中央区 難波 06|530-0001 大阪府 大阪市北区 梅田 06|560-0021 大阪府 豊中市 本町 06|650-0021 兵庫県 神戸市中央区 三宮町 078|630-8228 奈良県 奈良市 上三条町 0742
700-0023 岡山県 岡山市北区 駅前町 086|730-0011 広島県 広島市中区 基町 082|760-0019 香川県 高松市 サンポート 087|790-0012 愛媛県 松山市 湊町 089|780-0841 高知県 高知市 帯屋町 088
812-0011 福岡県 福岡市博多区 博多駅前 092|802-0001 福岡県 北九州市小倉北区 浅野 093|860-0807 熊本県 熊本市中央区 下通 096|870-0021 大分県 大分市 府内町 097
892-0842 鹿児島県 鹿児島市 東千石町 099|900-0015 沖縄県 那覇市 久茂地 098|289-1223 千葉県 山武市 埴谷 0475|300-1234 茨城県 牛久市 中央 029|321-0964 栃木県 宇都宮市 駅前通り 028`
  .trim()
  .split(/[|\n]/)
  .map(line => {
    const [zip, prefecture, city, town, area] = line.trim().split(' ');
    return { zip: zip!, prefecture: prefecture!, city: city!, town: town!, area: area! };
  });

export const buildings = [
  'メゾン青葉',
  'コーポ桜',
  'グランドハイツ',
  'パークサイド',
  'サンライズ',
  'レジデンス緑',
  'ハイム本町',
  'シティコート',
  '第二若葉荘',
  'ヴィラ東',
] as const;

const kanjiDigits = '〇一二三四五六七八九';

/** 1–99 in kanji numerals. */
export function kanjiNumber(n: number): string {
  if (n < 10) return kanjiDigits[n]!;
  const tens = Math.floor(n / 10);
  return `${tens > 1 ? kanjiDigits[tens] : ''}十${n % 10 ? kanjiDigits[n % 10] : ''}`;
}

/** ASCII digits and hyphens as full-width characters. */
export function fullWidth(text: string): string {
  return text.replace(/[!-~]/g, c => String.fromCharCode(c.charCodeAt(0) + 0xfee0)).replaceAll('-', '－');
}
