import fs from 'node:fs';
import path from 'node:path';
import type { Element } from '../../src/case/index.ts';

/** Invented Japanese tables with the meaning of each column; values come from lists that the product does not have. */

export type Schema = {
  readonly name: string;
  readonly columns: readonly {
    readonly header: string;
    readonly element: Element;
    readonly accept: readonly Element[];
    readonly cells: readonly (string | null)[];
  }[];
};

const namesFolder = path.resolve('../shared/data/names');
export const haveNames = fs.existsSync(path.join(namesFolder, 'last_name_org.csv'));

type Person = { surname: string; surnameKana: string; given: string; givenKana: string; woman: boolean; birth: [number, number, number]; place: Place };
type Place = { prefecture: string; city: string; zip: string };

/** Places with true postal codes; facts anyone can look up. */
const realPlaces: readonly (readonly [string, string, string])[] = [
  ['東京都', '千代田区丸の内', '1000005'],
  ['東京都', '新宿区西新宿', '1600023'],
  ['東京都', '世田谷区三軒茶屋', '1540024'],
  ['神奈川県', '横浜市西区みなとみらい', '2200012'],
  ['神奈川県', '川崎市川崎区駅前本町', '2100007'],
  ['大阪府', '大阪市北区梅田', '5300001'],
  ['大阪府', '堺市堺区三国ヶ丘町', '5900022'],
  ['京都府', '京都市下京区東塩小路町', '6008216'],
  ['愛知県', '名古屋市中区栄', '4600008'],
  ['北海道', '札幌市中央区北五条西', '0600005'],
  ['北海道', '函館市若松町', '0400063'],
  ['福岡県', '福岡市博多区博多駅前', '8120011'],
  ['宮城県', '仙台市青葉区中央', '9800021'],
  ['広島県', '広島市中区基町', '7300011'],
  ['沖縄県', '那覇市久茂地', '9000015'],
  ['長野県', '松本市中央', '3900811'],
  ['新潟県', '新潟市中央区東大通', '9500087'],
  ['石川県', '金沢市本町', '9200853'],
  ['岡山県', '岡山市北区駅前町', '7000023'],
  ['香川県', '高松市サンポート', '7600019'],
  ['熊本県', '熊本市中央区手取本町', '8600808'],
  ['鹿児島県', '鹿児島市東千石町', '8920842'],
  ['埼玉県', 'さいたま市大宮区桜木町', '3300854'],
  ['千葉県', '千葉市中央区富士見', '2600015'],
  ['静岡県', '静岡市葵区御幸町', '4200857'],
  ['群馬県', '前橋市大手町', '3710026'],
  ['青森県', '青森市新町', '0300801'],
  ['秋田県', '秋田市中通', '0100001'],
];

export function schemas(count: number, seed: number): Schema[] {
  let state = (seed * 2654435761) >>> 0 || 7;
  const random = (): number => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 4294967296;
  };
  const int = (n: number): number => Math.floor(random() * n);
  const pick = <T>(list: readonly T[]): T => list[int(list.length)]!;
  const read = (file: string): string[][] =>
    fs
      .readFileSync(path.join(namesFolder, file), 'utf8')
      .trim()
      .split(/\r?\n/)
      .map(l => l.split(','));
  const surnames = read('last_name_org.csv')
    .slice(0, 2000)
    .map(r => ({ kanji: r[0]!, kana: katakana(r[2]!), weight: Number(r[1]) }));
  const totalWeight = surnames.reduce((n, s) => n + s.weight, 0);
  const surname = () => {
    let x = random() * totalWeight;
    for (const s of surnames) {
      x -= s.weight;
      if (x < 0) return s;
    }
    return surnames[0]!;
  };
  const givens = (file: string) =>
    read(file)
      .filter(r => r.length >= 3)
      .map(r => ({ kanji: r[2 + int(Math.min(4, r.length - 2))]!, kana: katakana(r[0]!) }))
      .filter(g => g.kanji.length <= 3);
  const men = givens('first_name_man_opti.csv');
  const women = givens('first_name_woman_opti.csv');
  const two = (n: number): string => String(n).padStart(2, '0');
  const digits = (n: number): string => Array.from({ length: n }, () => int(10)).join('');
  const date = ([y, m, d]: readonly [number, number, number], style: number): string =>
    style === 0
      ? `${y}-${two(m)}-${two(d)}`
      : style === 1
        ? `${y}/${m}/${d}`
        : style === 2
          ? `${y}${two(m)}${two(d)}`
          : style === 3
            ? `${y}年${m}月${d}日`
            : y >= 1989
              ? `平成${y - 1988}年${m}月${d}日`
              : `昭和${y - 1925}年${m}月${d}日`;
  const recent = (): [number, number, number] => [2019 + int(7), 1 + int(12), 1 + int(28)];
  const person = (): Person => {
    const woman = random() < 0.5;
    const g = pick(woman ? women : men);
    const s = surname();
    const p = pick(realPlaces);
    return {
      surname: s.kanji,
      surnameKana: s.kana,
      given: g.kanji,
      givenKana: g.kana,
      woman,
      birth: [1935 + int(70), 1 + int(12), 1 + int(28)],
      place: { prefecture: p[0], city: p[1], zip: p[2] },
    };
  };
  type Maker = { element: Element; accept?: Element[]; headers: readonly string[]; make: () => (p: Person, i: number) => string | null };
  const some =
    (share: number, f: (p: Person, i: number) => string) =>
    (p: Person, i: number): string | null =>
      random() < share ? f(p, i) : null;
  const half = (text: string): string => [...text.normalize('NFD')].map(c => halfOf.get(c) ?? c).join('');
  const block = (): string => `${1 + int(9)}-${1 + int(30)}-${1 + int(20)}`;
  const makers: Record<string, Maker> = {
    id: {
      element: 'record.key',
      headers: ['id', 'no', 'customer_id', '顧客番号', 'seq'],
      make: () => {
        const from = pick([1, 1000, 100001]);
        return (_p, i) => String(from + i);
      },
    },
    name: {
      element: 'person.name',
      headers: ['name', '氏名', 'shimei', 'cust_nm', '契約者名', 'お名前'],
      make: () => {
        const gap = pick(['', ' ', '　']);
        return p => p.surname + gap + p.given;
      },
    },
    surname: { element: 'person.name', headers: ['sei', '姓', 'last_name'], make: () => p => p.surname },
    given: { element: 'person.name', headers: ['mei', '名', 'first_name'], make: () => p => p.given },
    kana: {
      element: 'person.kana',
      headers: ['kana', 'フリガナ', 'furigana', 'name_kana', 'カナ氏名'],
      make: () => {
        const style = int(3);
        return p => {
          const k = `${p.surnameKana} ${p.givenKana}`;
          return style === 0 ? k : style === 1 ? half(k) : hiragana(k);
        };
      },
    },
    birth: {
      element: 'person.birth_date',
      headers: ['dob', '生年月日', 'birth_date', 'seinengappi', 'birthday'],
      make: () => {
        const style = int(5);
        return p => date(p.birth, style);
      },
    },
    sex: {
      element: 'person.sex',
      headers: ['sex', '性別', 'gender', 'seibetsu'],
      make: () => {
        const code = pick([
          ['M', 'F'],
          ['男', '女'],
          ['男性', '女性'],
          ['1', '2'],
          ['male', 'female'],
        ]);
        return p => code[p.woman ? 1 : 0]!;
      },
    },
    zip: {
      element: 'contact.postal_code',
      headers: ['zip', '郵便番号', 'yubin', 'postal_code'],
      make: () => {
        const dash = random() < 0.5;
        return p => (dash ? `${p.place.zip.slice(0, 3)}-${p.place.zip.slice(3)}` : p.place.zip);
      },
    },
    address: {
      element: 'contact.address',
      headers: ['address', '住所', 'jusho', 'addr'],
      make: () => p => `${p.place.prefecture}${p.place.city}${block()}${random() < 0.3 ? ` コーポ桜${101 + int(300)}号室` : ''}`,
    },
    prefecture: { element: 'contact.address', headers: ['pref', '都道府県', 'prefecture'], make: () => p => p.place.prefecture },
    phone: {
      element: 'contact.phone',
      headers: ['tel', '電話番号', 'phone', 'denwa', 'mobile'],
      make: () => {
        const dash = random() < 0.6;
        return some(0.9, () => {
          const n =
            random() < 0.6 ? `0${pick(['90', '80', '70'])}-${1000 + int(9000)}-${1000 + int(9000)}` : `0${3 + int(6)}-${1000 + int(9000)}-${1000 + int(9000)}`;
          return dash ? n : n.replaceAll('-', '');
        });
      },
    },
    email: {
      element: 'contact.email',
      headers: ['email', 'メールアドレス', 'mail', 'e_mail'],
      make: () => some(0.8, (_p, i) => `u${i.toString(36)}${digits(3)}@${pick(['example.jp', 'example.com', 'mail.example.ne.jp'])}`),
    },
    policy: {
      element: 'contract.policy_number',
      headers: ['policy_no', '証券番号', 'shoken_no', 'pol_no'],
      make: () => {
        const head = pick(['P', 'AB', 'JP-']);
        return () => head + digits(9);
      },
    },
    bankCode: {
      element: 'finance.bank_account',
      headers: ['bank_code', '銀行コード', 'ginko_cd'],
      make: () => () => pick(['0001', '0005', '0009', '0010', '0033', '9900']),
    },
    branchCode: { element: 'finance.bank_account', headers: ['branch_code', '支店コード', 'shiten_cd'], make: () => () => digits(3) },
    accountType: { element: 'finance.bank_account', headers: ['account_type', '預金種別', '種目'], make: () => () => pick(['普通', '普通', '普通', '当座']) },
    accountNo: { element: 'finance.bank_account', headers: ['account_no', '口座番号', 'kouza_no'], make: () => () => digits(7) },
    holder: { element: 'finance.bank_account', headers: ['holder_kana', '口座名義', 'meigi'], make: () => p => half(`${p.surnameKana} ${p.givenKana}`) },
    card: { element: 'finance.card_number', headers: ['card_no', 'カード番号', 'pan'], make: () => () => luhn(`4${digits(14)}`) },
    myNumber: { element: 'id.my_number', headers: ['my_number', '個人番号', 'マイナンバー'], make: () => () => myNumber(digits(11)) },
    licence: {
      element: 'id.driver_licence',
      headers: ['menkyo_no', '運転免許証番号', 'driver_license'],
      make: () => () => driverLicence(`${30 + int(60)}${digits(8)}`, digits(1)),
    },
    passport: {
      element: 'id.passport',
      headers: ['passport_no', '旅券番号'],
      make: () => () => `${pick(['TK', 'TR', 'TZ', 'MU', 'MZ', 'TH', 'TS'])}${digits(7)}`,
    },
    residence: {
      element: 'id.residence_card',
      headers: ['zairyu_no', '在留カード番号'],
      make: () => () => `${letter()}${letter()}${digits(8)}${letter()}${letter()}`,
    },
    insurer: {
      element: 'id.health_insurance',
      headers: ['hokensha_no', '保険者番号'],
      make: () => {
        const list = Array.from({ length: 40 }, () => insurer(digits(7)));
        return () => pick(list);
      },
    },
    illness: {
      element: 'sensitive.health',
      headers: ['byomei', '傷病名', 'diagnosis'],
      make: () => () =>
        pick([
          '糖尿病',
          '高血圧症',
          '腰椎椎間板ヘルニア',
          '気管支喘息',
          '右足首骨折',
          'うつ病',
          '胃潰瘍',
          '脳梗塞',
          '慢性腎臓病',
          '白内障手術',
          '花粉症',
          '関節リウマチ',
        ]),
    },
    note: {
      element: 'free_text',
      headers: ['note', '備考', 'memo', 'bikou'],
      make: () =>
        some(0.8, p =>
          pick([
            `${p.surname}様より電話あり、住所変更を希望されている。`,
            '書類の不備について連絡済み、返送待ちです。',
            '次回の更新時期に案内を送付してほしいとのこと。',
            '窓口で本人確認を行い、手続きを完了した。',
            '配偶者の方が代わりに来店された。',
          ]),
        ),
    },
    login: { element: 'auth.login', headers: ['login', 'ユーザーID', 'user_id'], make: () => (_p, i) => `agent${String(i).padStart(4, '0')}` },
    password: {
      element: 'auth.password',
      headers: ['password', 'パスワード', 'password_hash'],
      make: () => () => `$2b$12$${Array.from({ length: 53 }, () => pick([...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./'])).join('')}`,
    },
    created: {
      element: 'none',
      headers: ['created_at', '登録日', 'updated_at'],
      make: () => () => `${date(recent(), 0)} ${two(int(24))}:${two(int(60))}:${two(int(60))}`,
    },
    status: { element: 'none', headers: ['status', '状態', 'ステータス'], make: () => () => pick(['有効', '解約', '失効']) },
    branchOffice: { element: 'none', headers: ['branch', '営業所', '支社'], make: () => () => pick(['tokyo', 'osaka', 'nagoya', 'fukuoka']) },
    flag: { element: 'none', headers: ['flag', '削除フラグ', 'delete_flag'], make: () => () => pick(['0', '0', '0', '1']) },
    pet: { element: 'none', headers: ['pet_type', 'ペット種別', '動物種'], make: () => () => pick(['犬', '猫', 'うさぎ', 'ハムスター', '鳥']) },
    accident: { element: 'claim.accident_number', headers: ['accident_no', '事故番号', 'jiko_no'], make: () => () => `A${digits(8)}` },
    paid: { element: 'claim.payment', headers: ['paid_amount', '支払額', '保険金'], make: () => () => String((5 + int(500)) * 1000) },
    cause: {
      element: 'claim.history',
      headers: ['accident_detail', '事故内容', '事故状況'],
      make: () => () => pick(['通院', '入院', '賠償', '追突事故', '自損事故', '盗難', '水漏れ']),
    },
  };
  const letter = (): string => String.fromCharCode(65 + int(26));
  const shapes: readonly (readonly string[])[] = [
    ['id', 'name', 'kana', 'birth', 'sex', 'zip', 'address', 'phone', 'email', 'policy', 'status', 'created'],
    ['id', 'surname', 'given', 'kana', 'birth', 'zip', 'prefecture', 'address', 'phone', 'flag'],
    ['id', 'name', 'kana', 'bankCode', 'branchCode', 'accountType', 'accountNo', 'holder'],
    ['id', 'bankCode', 'branchCode', 'accountType', 'accountNo', 'holder', 'created'],
    ['id', 'name', 'birth', 'myNumber', 'licence', 'status'],
    ['id', 'name', 'kana', 'passport', 'residence', 'phone', 'email'],
    ['id', 'name', 'birth', 'sex', 'insurer', 'illness', 'note'],
    ['id', 'accident', 'paid', 'cause', 'created'],
    ['id', 'login', 'password', 'name', 'email', 'branchOffice'],
    ['id', 'name', 'address', 'phone', 'card', 'created', 'flag'],
    ['id', 'kana', 'birth', 'sex', 'address', 'pet', 'created', 'status'],
    ['name', 'kana', 'email', 'note', 'created'],
  ];
  return Array.from({ length: count }, (_x, n) => {
    const shape = shapes[n % shapes.length]!;
    const people = Array.from({ length: 80 + int(300) }, person);
    return {
      name: `schema-${n}`,
      columns: shape.map(key => {
        const m = makers[key]!;
        const make = m.make();
        return { header: pick(m.headers), element: m.element, accept: [m.element, ...(m.accept ?? [])], cells: people.map((p, i) => make(p, i)) };
      }),
    };
  });
}

const halfOf = new Map<string, string>();
for (let code = 0xff61; code <= 0xff9d; code++) halfOf.set(String.fromCharCode(code).normalize('NFKC'), String.fromCharCode(code));
halfOf.set('\u3099', 'ﾞ').set('\u309a', 'ﾟ');

const katakana = (t: string): string => t.replace(/[\u3041-\u3096]/g, c => String.fromCharCode(c.charCodeAt(0) + 0x60));
const hiragana = (t: string): string => t.replace(/[\u30a1-\u30f6]/g, c => String.fromCharCode(c.charCodeAt(0) - 0x60));

/** Check digits written again, from their definitions, to check the product's. */
export function luhn(body: string): string {
  const sum = [...body].reverse().reduce((n, d, i) => n + (i % 2 === 0 ? (Number(d) * 2 > 9 ? Number(d) * 2 - 9 : Number(d) * 2) : Number(d)), 0);
  return body + String((10 - (sum % 10)) % 10);
}

export function myNumber(body: string): string {
  const sum = [...body].reverse().reduce((n, d, i) => n + Number(d) * (i + 1 <= 6 ? i + 2 : i - 4), 0);
  return body + String(sum % 11 <= 1 ? 0 : 11 - (sum % 11));
}

export function driverLicence(body: string, last: string): string {
  const sum = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2].reduce((n, w, i) => n + w * Number(body[i]), 0);
  return body + String(sum % 11 <= 1 ? 0 : 11 - (sum % 11)) + last;
}

export function insurer(body: string): string {
  const sum = [...body].reverse().reduce((n, d, i) => {
    const p = Number(d) * (i % 2 === 0 ? 2 : 1);
    return n + (p > 9 ? p - 9 : p);
  }, 0);
  return body + String((10 - (sum % 10)) % 10);
}
