/** Kana: one spelling for what is one reading. */

/** ASCII, kana and the common kanji: what NFKC leaves as it is. */
const plain = /^[\x20-\x7e\u3005\u3041-\u3094\u30a1-\u30fa\u30fc\u4e00-\u9fff]*$/;

/** NFKC without variation selectors, zero-width characters and bidi marks; runs of white space become one space; trimmed. */
export function widen(text: string): string {
  if (plain.test(text)) return text.includes('  ') || text.startsWith(' ') || text.endsWith(' ') ? text.replace(/ +/g, ' ').trim() : text;
  return text
    .normalize('NFKC')
    .replace(/[\ufe00-\ufe0f\u200b-\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069]|\udb40[\udd00-\uddef]/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Hiragana → katakana, letter by letter. */
export function katakana(text: string): string {
  return text.replace(/[\u3041-\u3096\u309d\u309e]/g, c => String.fromCharCode(c.charCodeAt(0) + 0x60));
}

/** Katakana → hiragana. */
export function hiragana(text: string): string {
  return text.replace(/[\u30a1-\u30f6\u30fd\u30fe]/g, c => String.fromCharCode(c.charCodeAt(0) - 0x60));
}

const small = 'ァアィイゥウェエォオッツャヤュユョヨヮワヵカヶケ';
const oldLetters = 'ヂジヅズヲオヰイヱエヴブ';
const rows = [
  'アカサタナハマヤラワガザダバパ',
  'イキシチニヒミリギジビピ',
  'ウクスツヌフムユルグズブプ',
  'エケセテネヘメレゲゼデベペ',
  'オコソトノホモヨロゴゾドボポ',
];

const katakanaFrom = 0x30a0;
/** By code of a katakana letter from `katakanaFrom`: the letter it is read as, and the vowel of its row (0: none). */
const letterOf = Uint16Array.from({ length: 96 }, (_, i) => katakanaFrom + i);
const vowelOf = new Uint16Array(96);
for (const pairs of [small, oldLetters]) for (let i = 0; i < pairs.length; i += 2) letterOf[pairs.charCodeAt(i) - katakanaFrom] = pairs.charCodeAt(i + 1);
for (const row of rows) for (const letter of row) vowelOf[letter.charCodeAt(0) - katakanaFrom] = row.charCodeAt(0);
const [vowelI, vowelU, vowelE, vowelO, long] = ['イ', 'ウ', 'エ', 'オ', 'ー'].map(c => c.charCodeAt(0)) as [number, number, number, number, number];
const dashes = new Set([...'‐‑–—―−ｰ-'].map(c => c.charCodeAt(0)));
const skipped = new Set([...' ・.,'].map(c => c.charCodeAt(0)));

/**
 * One key for one reading: katakana, small letters enlarged, old letters modern, long vowels spelled out with one letter
 * (オオ = オウ = オー; オノ stays apart from オオノ), no spaces, no middle dots. Empty when nothing of it is kana.
 */
export function kanaKey(text: string): string {
  const wide = widen(text);
  let out = '';
  let vowel = 0;
  for (let i = 0; i < wide.length; i++) {
    let code = wide.charCodeAt(i);
    if ((code >= 0x3041 && code <= 0x3096) || code === 0x309d || code === 0x309e) code += 0x60;
    if (skipped.has(code)) continue;
    if (code === long || dashes.has(code)) {
      code = vowel === vowelO ? vowelU : vowel === vowelE ? vowelI : vowel;
      if (code === 0) continue;
    } else {
      const at = code - katakanaFrom;
      if (at >= 0 && at < 96) code = letterOf[at]!;
      if (code === vowelO && vowel === vowelO) code = vowelU;
    }
    out += String.fromCharCode(code);
    vowel = vowelOf[code - katakanaFrom] ?? 0;
  }
  return out;
}

export type Kana = { original: string; katakana: string; hiragana: string; half_width: string; romaji: string; key: string };

const halfOf = halfWidthLetters();

function halfWidthLetters(): Map<string, string> {
  const map = new Map<string, string>();
  for (let code = 0xff61; code <= 0xff9f; code++) {
    const half = String.fromCharCode(code);
    map.set(half.normalize('NFKC'), half);
    for (const mark of ['ﾞ', 'ﾟ']) {
      const full = (half + mark).normalize('NFKC');
      if (full.length === 1) map.set(full, half + mark);
    }
  }
  return map;
}

/** All spellings of one kana text; `key` is what two equal readings share. */
export function normaliseKana(text: string): Kana {
  const wide = widen(text);
  const latin = /^[\p{Script=Latin}\p{M}'’\- ]+$/u.test(wide);
  const full = (latin ? romajiToKatakana(wide) : katakana(wide)).replace(/(?<=[ァ-ヶ])[‐‑–—―−-]/g, 'ー');
  return {
    original: text,
    katakana: full,
    hiragana: hiragana(full),
    half_width: [...full].map(c => halfOf.get(c) ?? c).join(''),
    romaji: romaji(full),
    key: kanaKey(full),
  };
}

const syllables = romanSyllables();

function romanSyllables(): Map<string, string> {
  const map = new Map<string, string>();
  const rows: [string, string][] = [
    ['アイウエオ', 'a i u e o'],
    ['カキクケコ', 'ka ki ku ke ko'],
    ['サシスセソ', 'sa shi su se so'],
    ['タチツテト', 'ta chi tsu te to'],
    ['ナニヌネノ', 'na ni nu ne no'],
    ['ハヒフヘホ', 'ha hi fu he ho'],
    ['マミムメモ', 'ma mi mu me mo'],
    ['ヤユヨ', 'ya yu yo'],
    ['ラリルレロ', 'ra ri ru re ro'],
    ['ワヲン', 'wa o n'],
    ['ガギグゲゴ', 'ga gi gu ge go'],
    ['ザジズゼゾ', 'za ji zu ze zo'],
    ['ダヂヅデド', 'da ji zu de do'],
    ['バビブベボ', 'ba bi bu be bo'],
    ['パピプペポ', 'pa pi pu pe po'],
    ['ヴ', 'bu'],
    ['ヰヱ', 'i e'],
  ];
  for (const [letters, roman] of rows) for (const [i, r] of roman.split(' ').entries()) map.set([...letters][i]!, r);
  return map;
}

const glides: Record<string, string> = { ャ: 'ya', ュ: 'yu', ョ: 'yo', ァ: 'a', ィ: 'i', ゥ: 'u', ェ: 'e', ォ: 'o' };

/** Hepburn without long-vowel marks folded: オオタ → oota, サトウ → satou. Letters that are not kana stay. */
export function romaji(text: string): string {
  let out = '';
  let double = false;
  for (const c of katakana(text)) {
    if (c === 'ッ') {
      double = true;
      continue;
    }
    if (c === 'ー') {
      out += out.slice(-1);
      continue;
    }
    let r = syllables.get(c);
    const glide = glides[c];
    if (glide !== undefined) {
      const vowel = glide.slice(-1);
      if (/(sh|ch|j)i$/.test(out)) {
        out = out.slice(0, -1) + vowel;
        continue;
      }
      if (/[kgnhbpmr]i$/.test(out) && glide.length === 2) {
        out = `${out.slice(0, -1)}y${vowel}`;
        continue;
      }
      if (/(fu|te|de|to|do|u|i)$/.test(out) && glide.length === 1) {
        out = out.slice(0, -1) + vowel;
        continue;
      }
      r = glide;
    }
    r ??= c.toLowerCase();
    if (double) out += r.startsWith('ch') ? 't' : (r[0] ?? '');
    double = false;
    out += r;
  }
  return out;
}

/** What a romaji spelling and a kana reading share: long vowels dropped, kunrei and passport spellings unified. */
export function romajiKey(text: string): string {
  const wide = katakana(widen(text));
  const latin = /[ァ-ヶ]/.test(wide) ? romaji(wide) : wide;
  return latin
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z]/g, '')
    .replace(/sy/g, 'sh')
    .replace(/si/g, 'shi')
    .replace(/shhi/g, 'shi')
    .replace(/ty/g, 'ch')
    .replace(/tch/g, 'cch')
    .replace(/ti/g, 'chi')
    .replace(/tu/g, 'tsu')
    .replace(/hu/g, 'fu')
    .replace(/chfu/g, 'chu')
    .replace(/shfu/g, 'shu')
    .replace(/zy|jy/g, 'j')
    .replace(/zi|di/g, 'ji')
    .replace(/du|dzu/g, 'zu')
    .replace(/m(?=[bpm])/g, 'n')
    .replace(/l/g, 'r')
    .replace(/oh(?![aiueo])/g, 'o')
    .replace(/ou|oo/g, 'o')
    .replace(/uu/g, 'u')
    .replace(/([aie])\1/g, '$1');
}

const fromRoman = new Map([...syllables].filter(([k]) => !'ヂヅヲヴヰヱ'.includes(k)).map(([k, r]) => [r, k] as const));

/** Hepburn or kunrei → katakana, as far as it can be read; long vowels stay as they are spelled. */
export function romajiToKatakana(text: string): string {
  const s = text
    .normalize('NFD')
    .replace(/\u0304|\u0302/g, '')
    .replace(/[\u0300-\u036f'’]/g, '')
    .toLowerCase()
    .replace(/si(?!h)/g, 'shi')
    .replace(/ti/g, 'chi')
    .replace(/tu/g, 'tsu')
    .replace(/hu/g, m => m)
    .replace(/zi/g, 'ji')
    .replace(/sy/g, 'sh')
    .replace(/ty/g, 'ch')
    .replace(/zy|jy/g, 'j')
    .replace(/l/g, 'r')
    .replace(/m(?=[bpm])/g, 'n');
  let out = '';
  for (let i = 0; i < s.length; ) {
    if (s[i] === ' ' || s[i] === '-') {
      out += ' ';
      i++;
      continue;
    }
    if (s[i] === s[i + 1] && !/[aiueon]/.test(s[i]!)) {
      out += 'ッ';
      i++;
      continue;
    }
    if (s.startsWith('tch', i)) {
      out += 'ッ';
      i++;
      continue;
    }
    const glide = /^(sh|ch|j|[kgnhbpmr]y)([auoe])/.exec(s.slice(i, i + 3));
    if (glide) {
      const base = glide[1]!.endsWith('y') ? `${glide[1]![0]}i` : `${glide[1]}i`;
      out += (fromRoman.get(base) ?? base) + ({ a: 'ャ', u: 'ュ', o: 'ョ', e: 'ェ' } as Record<string, string>)[glide[2]!]!;
      i += glide[0].length;
      continue;
    }
    const syllable = [3, 2, 1].map(n => s.slice(i, i + n)).find(x => fromRoman.has(x));
    if (syllable) {
      out += fromRoman.get(syllable)!;
      i += syllable.length;
      continue;
    }
    out += s.startsWith('hu', i) ? 'フ' : s[i]!;
    i += s.startsWith('hu', i) ? 2 : 1;
  }
  return out.trim();
}
