import { type Lang, t } from '../base/index.ts';
import type { FigureSplit } from './split.ts';

const grouped = (n: number): string => n.toLocaleString('en-US');
export const signed = (n: number): string => `${n > 0 ? '+' : n < 0 ? '−' : '±'}${grouped(Math.abs(n))}`;

/** A split as lines of text: from the earlier figure over each cause to the later. */
export function waterfallLines(lang: Lang, split: FigureSplit): string[] {
  const say = (key: string, params: Readonly<Record<string, unknown>> = {}): string => t(lang, `revisions:${key}`, params);
  const rows: [string, string][] = [
    [say('before'), grouped(split.before)],
    ...split.parts.map((p): [string, string] => [say(`cause.${p.cause}`), signed(p.change)]),
    ...(split.remainder === 0
      ? []
      : [
          [say('remainder', { causes: split.together.map(c => say(`cause.${c}`)).join(lang === 'ja' ? '・' : ', ') }), signed(split.remainder)] as [
            string,
            string,
          ],
        ]),
    [say('after'), grouped(split.after)],
  ];
  return [split.figure, ...rows.map(([label, n]) => `  ${n.padStart(14)}  ${label}`)];
}
