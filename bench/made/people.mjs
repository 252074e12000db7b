// Invented Japanese people with several records each, spelled as badly as in life: households, twins, marriages, moves, slips.
import fs from 'node:fs';

const read = name => JSON.parse(fs.readFileSync(new URL(`../../reference/persons/${name}.json`, import.meta.url), 'utf8'));

const header = ['id', 'name', 'kana', 'birth_date', 'sex', 'zip', 'address', 'phone', 'email', 'truth'];
/** The columns the linkage may see: all but the truth. */
export const seenColumns = header.filter(h => h !== 'truth');

export function writePeople(file, total, seed) {
  const names = read('names');
  const places = read('places');
  let state = (seed * 2654435761) >>> 0 || 1;
  const random = () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 4294967296;
  };
  const int = n => Math.floor(random() * n);
  const pick = list => list[int(list.length)];
  const skewed = list => list[Math.floor(list.length * random() ** 2.2)];
  const two = n => String(n).padStart(2, '0');
  const variants = [
    ['高', '髙'],
    ['崎', '﨑'],
    ['吉', '𠮷'],
    ['浜', '濱'],
    ['沢', '澤'],
    ['斎', '齋'],
    ['辺', '邊'],
    ['国', '國'],
    ['桜', '櫻'],
    ['広', '廣'],
    ['島', '嶋'],
  ];
  const towns = [
    '本町',
    '栄町',
    '中央',
    '緑町',
    '旭町',
    '新町',
    '大手町',
    '駅前',
    '桜木町',
    '東町',
    '西町',
    '南町',
    '北町',
    '富士見町',
    '若葉',
    '泉',
    '栄',
    '末広町',
    '幸町',
    '寿町',
    '元町',
    '上町',
    '下町',
    '原',
    '宮前',
    '春日',
    '千代田',
    '常盤',
    '青葉',
    '美園',
  ];
  const buildings = ['コーポ', 'メゾン', 'ハイツ', 'グランド', 'サン', 'パーク', 'ロイヤル', 'シティ'];
  const cities = places.prefectures.flatMap(p => p.cities.map(c => [p.name, c]));
  const half = text => [...text.normalize('NFKD')].map(c => halfOf.get(c) ?? c).join('');
  const halfOf = new Map();
  for (let i = 0xff61; i <= 0xff9f; i++) halfOf.set(String.fromCharCode(i).normalize('NFKC'), String.fromCharCode(i));
  halfOf.set('\u3099', 'ﾞ');
  halfOf.set('\u309a', 'ﾟ');
  const wide = text => text.replace(/[0-9-]/g, c => String.fromCharCode(c.charCodeAt(0) + 0xfee0));
  const kanji = n =>
    n > 10
      ? `${n >= 20 ? '一二三四五六七八九'[Math.floor(n / 10) - 1] : ''}十${n % 10 ? '一二三四五六七八九'[(n % 10) - 1] : ''}`
      : '一二三四五六七八九十'[n - 1];
  const place = () => {
    const [prefecture, city] = skewed(cities);
    return {
      prefecture,
      city,
      town: pick(towns),
      chome: 1 + int(8),
      ban: 1 + int(40),
      go: 1 + int(30),
      building: random() < 0.5 ? `${pick(buildings)}${pick(towns)}` : '',
      room: 101 + int(9) * 100 + int(20),
      zip: `${100 + int(800)}-${String(int(10000)).padStart(4, '0')}`,
    };
  };
  const phone = () =>
    random() < 0.7 ? `0${pick(['90', '80', '70'])}-${1000 + int(9000)}-${1000 + int(9000)}` : `0${300 + int(600)}-${10 + int(90)}-${1000 + int(9000)}`;
  const write = a => {
    const room = a.building ? [`　${a.building}${a.room}`, ` ${a.building}${a.room}号室`, `-${a.room}`] : ['', '', ''];
    const prefecture = random() < 0.7 ? a.prefecture : '';
    switch (int(4)) {
      case 0:
        return `${a.prefecture}${a.city}${a.town}${a.chome}丁目${a.ban}番${a.go}号${room[1]}`;
      case 1:
        return `${prefecture}${a.city}${a.town}${wide(`${a.chome}-${a.ban}-${a.go}`)}${room[0]}`;
      case 2:
        return `${prefecture}${a.city}${a.town}${kanji(a.chome)}丁目${a.ban}-${a.go}${room[1]}`;
      default:
        return `${prefecture}${a.city}${a.town}${a.chome}-${a.ban}-${a.go}${room[2]}`;
    }
  };
  const out = fs.openSync(file, 'w');
  let text = `${header.join(',')}\n`;
  let id = 0;
  let person = 0;
  while (id < total) {
    const home = place();
    const surname = skewed(names.surnames);
    const familyPhone = phone();
    const size = 1 + Math.floor(3.2 * random() ** 2);
    let twin = null;
    const used = new Set();
    for (let k = 0; k < size && id < total; k++) {
      const woman = random() < 0.5;
      let given = skewed(woman ? names.women : names.men);
      while (used.has(given[0]) || used.has(given[1])) given = pick(woman ? names.women : names.men);
      used.add(given[0]).add(given[1]);
      const birth = twin ?? [1935 + int(72), 1 + int(12), 1 + int(28)];
      twin = k > 0 && random() < 0.02 ? birth : null;
      person++;
      const mobile = phone();
      const email = `u${person.toString(36)}${int(46656).toString(36)}@${pick(['example.jp', 'example.com', 'mail.example.ne.jp'])}`;
      const married = woman && random() < 0.04 ? skewed(names.surnames) : null;
      const moved = random() < 0.08 ? place() : null;
      const records = 1 + Math.floor(4 * random() ** 2);
      for (let r = 0; r < records && id < total; r++) {
        const late = r > 0 && random() < 0.5;
        const family = late && married ? married : surname;
        const at = late && moved ? moved : home;
        let written = family[0];
        for (const [one, other] of variants) if (written.includes(one) && random() < 0.3) written = written.replace(one, other);
        const space = pick(['', ' ', '　']);
        const kana = `${family[1]}${random() < 0.9 ? ' ' : ''}${given[1]}`;
        const slip = random() < 0.02 ? [birth[0], birth[1], 1 + int(28)] : birth;
        const address = write(at);
        const number = random() < 0.15 ? '' : random() < 0.25 ? familyPhone : mobile;
        text += `${++id},${written}${space}${given[0]},${random() < 0.3 ? half(kana) : kana},${slip[0]}-${two(slip[1])}-${two(slip[2])},${woman ? 'F' : 'M'},${random() < 0.2 ? '' : at.zip},${address},${random() < 0.4 ? number.replaceAll('-', '') : random() < 0.1 ? wide(number) : number},${random() < 0.35 ? '' : random() < 0.1 ? email.toUpperCase() : email},${person}\n`;
        if (text.length > 1 << 20) {
          fs.writeSync(out, text);
          text = '';
        }
      }
    }
  }
  fs.writeSync(out, text);
  fs.closeSync(out);
}
