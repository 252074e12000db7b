import { utf8Text } from '../record-text.ts';
import type { Sample } from '../source.ts';

/** The share of non-blank sample lines that pass a test; 0 for none. Long lines are looked at for their first 2,000 bytes. */
export function shareOf(sample: Sample, test: (line: string) => boolean): number {
  let all = 0;
  let good = 0;
  for (const bytes of sample.lines) {
    const text = utf8Text(bytes, 0, Math.min(bytes.length, 2000));
    if (text.trim() === '') continue;
    all++;
    if (test(text)) good++;
  }
  return all === 0 ? 0 : good / all;
}

/** The first `bytes` of the file as text, a byte order mark left out. */
export function headText(sample: Sample, bytes = 4096): string {
  const text = utf8Text(sample.head, 0, Math.min(sample.head.length, bytes));
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
