import type { EventSink, Sample, Source } from '../source.ts';

/** A sink that keeps nothing: for reading a sample. */
export const noSink: EventSink = { bytes: () => {}, text: () => {}, number: () => {}, target: () => {}, next: () => {} };

/** Share of the sampled lines that the source reads as events; blank lines and directives do not count. Total on any bytes. */
export function shareParsed(source: Source, sample: Sample): number {
  const parser = source.open({ zone: 'UTC', modifiedUs: null, params: null, encoding: 'utf-8' });
  let events = 0;
  let counted = 0;
  for (const line of sample.lines) {
    const outcome = parser.parse(line, 0, line.length, noSink);
    if (outcome === 'meta') continue;
    counted++;
    if (outcome === 'event') events++;
  }
  return counted === 0 ? 0 : events / counted;
}
