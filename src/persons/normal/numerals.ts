const digit: Record<string, number> = { 〇: 0, 零: 0, 一: 1, 二: 2, 三: 3, 四: 4, 五: 5, 六: 6, 七: 7, 八: 8, 九: 9, 壱: 1, 弐: 2, 参: 3 };
const scale: Record<string, number> = { 十: 10, 百: 100, 千: 1000 };

/** 二十三 → 23, 一〇五 → 105, 千二百 → 1200; null when it is not a numeral below ten thousand. */
export function kanjiNumber(text: string): number | null {
  if (text === '') return null;
  const places = [...text];
  if (places.every(c => digit[c] !== undefined)) return Number(places.map(c => digit[c]).join(''));
  let total = 0;
  let current: number | null = null;
  let lastScale = Number.POSITIVE_INFINITY;
  for (const c of places) {
    const d = digit[c];
    if (d !== undefined) {
      if (current !== null) return null;
      current = d;
      continue;
    }
    const s = scale[c];
    if (s === undefined || s >= lastScale) return null;
    total += (current ?? 1) * s;
    current = null;
    lastScale = s;
  }
  return total + (current ?? 0);
}

/** Kanji numerals that stand before 丁目 番 号 条 線 区 地割 階 棟 become digits; others (三鷹, 八王子) stay. */
export function digitsBeforeCounters(text: string): string {
  if (!/[一二三四五六七八九十百〇]/.test(text)) return text;
  return text.replace(/[〇一二三四五六七八九十百]+(?=丁目|丁|番地|番|号|条|地割|線|階|棟)/g, m => {
    const n = kanjiNumber(m);
    return n === null ? m : String(n);
  });
}
