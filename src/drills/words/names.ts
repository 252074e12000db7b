/** Common Japanese surnames and given names with kana (facts of the language), and other spellings one person's name may carry. */

export type Word = { readonly text: string; readonly kana: string };
export type GivenName = Word & { readonly sex: 'M' | 'F' };

const words = (list: string): Word[] =>
  list
    .trim()
    .split(/\s+/)
    .map(w => {
      const [text, kana] = w.split('=');
      return { text: text!, kana: kana! };
    });

export const surnames: readonly Word[] = words(`
佐藤=サトウ 鈴木=スズキ 高橋=タカハシ 田中=タナカ 伊藤=イトウ 渡辺=ワタナベ 山本=ヤマモト 中村=ナカムラ 小林=コバヤシ 加藤=カトウ 吉田=ヨシダ 山田=ヤマダ
佐々木=ササキ 山口=ヤマグチ 松本=マツモト 井上=イノウエ 木村=キムラ 林=ハヤシ 斎藤=サイトウ 清水=シミズ 山崎=ヤマザキ 森=モリ 池田=イケダ 橋本=ハシモト
阿部=アベ 石川=イシカワ 山下=ヤマシタ 中島=ナカジマ 石井=イシイ 小川=オガワ 前田=マエダ 岡田=オカダ 長谷川=ハセガワ 藤田=フジタ 後藤=ゴトウ 近藤=コンドウ
村上=ムラカミ 遠藤=エンドウ 青木=アオキ 坂本=サカモト 福田=フクダ 太田=オオタ 西村=ニシムラ 藤井=フジイ 岡本=オカモト 金子=カネコ 藤原=フジワラ 三浦=ミウラ
中野=ナカノ 中川=ナカガワ 原田=ハラダ 松田=マツダ 竹内=タケウチ 小野=オノ 田村=タムラ 中山=ナカヤマ 和田=ワダ 石田=イシダ 森田=モリタ 上田=ウエダ
原=ハラ 内田=ウチダ 柴田=シバタ 酒井=サカイ 宮崎=ミヤザキ 横山=ヨコヤマ 高木=タカギ 安藤=アンドウ 谷口=タニグチ 大野=オオノ 丸山=マルヤマ 今井=イマイ
高田=タカダ 藤本=フジモト 河野=コウノ 小島=コジマ 村田=ムラタ 武田=タケダ 上野=ウエノ 杉山=スギヤマ 増田=マスダ 平野=ヒラノ 大塚=オオツカ 千葉=チバ
久保=クボ 松井=マツイ 小山=コヤマ 岩崎=イワサキ 桜井=サクライ 野口=ノグチ 松尾=マツオ 野村=ノムラ 木下=キノシタ 菊地=キクチ 佐野=サノ 大西=オオニシ
杉本=スギモト 新井=アライ 浜田=ハマダ 菅原=スガワラ 市川=イチカワ 水野=ミズノ 小松=コマツ 島田=シマダ 古川=フルカワ 小池=コイケ 山内=ヤマウチ 西田=ニシダ
吉川=ヨシカワ 東=ヒガシ 平田=ヒラタ 川口=カワグチ 本田=ホンダ 辻=ツジ 矢野=ヤノ 関=セキ 川崎=カワサキ 広瀬=ヒロセ 岩田=イワタ 荒木=アラキ 国分=コクブ`);

const givenNames = (sex: 'M' | 'F', list: string): GivenName[] => words(list).map(w => ({ ...w, sex }));

export const given: readonly GivenName[] = [
  ...givenNames(
    'M',
    `太郎=タロウ 一郎=イチロウ 次郎=ジロウ 健一=ケンイチ 大輔=ダイスケ 翔太=ショウタ 拓也=タクヤ 健太=ケンタ 直樹=ナオキ 誠=マコト 隆=タカシ 浩=ヒロシ 学=マナブ
    亮=リョウ 蓮=レン 湊=ミナト 陽翔=ハルト 悠真=ユウマ 大和=ヤマト 和也=カズヤ 達也=タツヤ 哲也=テツヤ 修=オサム 茂=シゲル 実=ミノル 進=ススム 勝=マサル 清=キヨシ 博=ヒロシ
    正=タダシ 三郎=サブロウ 昭=アキラ 剛=ツヨシ 淳=ジュン 聡=サトシ 崇=タカシ 雄太=ユウタ 航=ワタル 樹=イツキ 颯太=ソウタ 海斗=カイト 涼介=リョウスケ 圭吾=ケイゴ 信夫=ノブオ`,
  ),
  ...givenNames(
    'F',
    `花子=ハナコ 陽子=ヨウコ 裕子=ユウコ 真由美=マユミ 久美子=クミコ 由美=ユミ 恵子=ケイコ 洋子=ヨウコ 和子=カズコ 幸子=サチコ 明美=アケミ 直美=ナオミ 智子=トモコ
    香織=カオリ 恵=メグミ 愛=アイ 舞=マイ 彩=アヤ 美咲=ミサキ 葵=アオイ 陽菜=ヒナ 結衣=ユイ 凛=リン 桜=サクラ さくら=サクラ 紬=ツムギ 莉子=リコ 優子=ユウコ 典子=ノリコ 節子=セツコ
    千代子=チヨコ 文子=フミコ 京子=キョウコ 順子=ジュンコ 里美=サトミ 麻衣=マイ 千尋=チヒロ 七海=ナナミ 遥=ハルカ 美穂=ミホ 沙織=サオリ 菜摘=ナツミ 詩織=シオリ 雅子=マサコ`,
  ),
];

/** One surname, several ways to write it in a register. */
export const surnameVariants: Readonly<Record<string, readonly string[]>> = {
  渡辺: ['渡邊', '渡邉'],
  斎藤: ['齋藤', '斉藤', '齊藤'],
  高橋: ['髙橋'],
  高木: ['髙木'],
  高田: ['髙田'],
  山崎: ['山﨑'],
  岩崎: ['岩﨑'],
  宮崎: ['宮﨑'],
  川崎: ['川﨑'],
  中島: ['中嶋', '中嶌'],
  小島: ['小嶋'],
  島田: ['嶋田'],
  広瀬: ['廣瀬'],
  浜田: ['濱田'],
  桜井: ['櫻井'],
  国分: ['國分'],
  関: ['關'],
  辻: ['辻󠄀'],
  吉田: ['𠮷田'],
  吉川: ['𠮷川'],
  増田: ['增田'],
};

const voiced = new Map<string, string>();
const halfBase = 'ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜｦﾝｧｨｩｪｫｬｭｮｯｰ';
const fullBase = 'アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲンァィゥェォャュョッー';
for (const [i, c] of [...fullBase].entries()) voiced.set(c, halfBase[i]!);
for (const [i, c] of [...'ガギグゲゴザジズゼゾダヂヅデドバビブベボ'].entries()) voiced.set(c, `${voiced.get('カキクケコサシスセソタチツテトハヒフヘホ'[i]!)}ﾞ`);
for (const [i, c] of [...'パピプペポ'].entries()) voiced.set(c, `${voiced.get('ハヒフヘホ'[i]!)}ﾟ`);

/** Full-width katakana → half-width; `large` also turns small kana into large ones, as bank systems do. */
export function halfKana(text: string, large = false): string {
  const small = 'ァィゥェォャュョッ';
  const big = 'アイウエオヤユヨツ';
  let s = '';
  for (const c of text) {
    const i = large ? small.indexOf(c) : -1;
    s += voiced.get(i >= 0 ? big[i]! : c) ?? c;
  }
  return s.replaceAll('　', ' ');
}
