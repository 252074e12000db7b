import { expect, test } from 'vitest';
import { waterfallSvg } from '../../src/view/index.ts';

const texts = { title: 'a <figure>', before: 'before', after: 'after', number: String, signed: (n: number) => (n > 0 ? `+${n}` : String(n)) };
const bars = (svg: string) =>
  [...svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)].map(m => [Number(m[1]), Number(m[1]) + Number(m[2])] as const);

test('each bar starts where the one before ended, and the last figure ends where the parts lead', () => {
  const svg = waterfallSvg(
    {
      before: 100,
      after: 130,
      steps: [
        { label: 'evidence', change: 50 },
        { label: 'decision', change: -20 },
      ],
    },
    texts,
  );
  const [before, up, down, after] = bars(svg);
  expect(up![0]).toBeCloseTo(before![1], 0);
  expect(down![1]).toBeCloseTo(up![1], 0);
  expect(after![1]).toBeCloseTo(down![0], 0);
  expect(after![0]).toBe(before![0]);
  expect(svg).toContain('+50');
  expect(svg).toContain('-20');
});

test('texts from data are text, and nothing at all is drawn without a fault', () => {
  const svg = waterfallSvg({ before: 0, after: 0, steps: [{ label: '<img onerror=x>', change: 0 }] }, texts);
  expect(svg).not.toContain('<img');
  expect(svg).not.toContain('NaN');
  expect(svg).toContain('a &#60;figure&#62;');
});
