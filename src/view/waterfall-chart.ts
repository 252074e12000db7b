/** A change in steps: from one figure over each part to another. Parts and the two figures sum exactly. */
export type Waterfall = { readonly before: number; readonly after: number; readonly steps: readonly { readonly label: string; readonly change: number }[] };
export type WaterfallTexts = { readonly title: string; readonly before: string; readonly after: string; number(n: number): string; signed(n: number): string };

const colours = { whole: '#3460fb', up: '#ce0000', down: '#197a4b' };
const [row, labels, bars, right] = [26, 250, 330, 110];

/** The page draws this too, where the modules of the server are not. */
const escaped = (text: string): string => text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);

/** SVG markup: a bar a line, labels and numbers as text, so that nothing rests on colour alone. */
export function waterfallSvg(w: Waterfall, texts: WaterfallTexts): string {
  const levels = [w.before];
  for (const s of w.steps) levels.push(levels.at(-1)! + s.change);
  const all = [...levels, w.after];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  // From nothing, always: a bar that starts elsewhere makes a small change look big.
  const from = Math.min(0, low);
  const x = (n: number): number => labels + (high === from ? 0 : ((n - from) / (high - from)) * bars);
  const line = (i: number, label: string, a: number, b: number, colour: string, text: string): string => {
    const y = i * row;
    const [left, width] = [Math.min(x(a), x(b)), Math.max(2, Math.abs(x(b) - x(a)))];
    return `<text x="${labels - 10}" y="${y + 17}" text-anchor="end">${escaped(label)}</text><rect x="${left.toFixed(1)}" y="${y + 5}" width="${width.toFixed(1)}" height="${row - 10}" fill="${colour}"/><text x="${labels + bars + right}" y="${y + 17}" text-anchor="end">${escaped(text)}</text>`;
  };
  const lines = [
    line(0, texts.before, from, w.before, colours.whole, texts.number(w.before)),
    ...w.steps.map((s, i) => line(i + 1, s.label, levels[i]!, levels[i + 1]!, s.change > 0 ? colours.up : colours.down, texts.signed(s.change))),
    line(w.steps.length + 1, texts.after, from, w.after, colours.whole, texts.number(w.after)),
  ];
  const height = (w.steps.length + 2) * row;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${labels + bars + right} ${height}" role="img" aria-label="${escaped(texts.title)}" font-size="13" font-family="BIZ UDPGothic, Noto Sans JP, sans-serif">${lines.join('')}</svg>`;
}
