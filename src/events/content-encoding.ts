import { detectEncoding, type Encoding, encodingNames } from './encoding.ts';
import type { Sample, Source } from './source.ts';
import { openTranscoder } from './transcode.ts';

/** How content becomes UTF-8 before it is parsed: transcoded from `from`, or as it is (null), then read with the label `reader`. */
export type ContentEncoding = {
  readonly from: Exclude<Encoding, 'utf-8'> | null;
  readonly bomBytes: number;
  readonly reader: string;
};

/** What the case states holds, but for a byte order mark that says otherwise; `auto` looks at the sample. */
export function contentEncoding(stated: string, source: Source, sample: Sample): ContentEncoding {
  if (source.binary) return { from: null, bomBytes: 0, reader: 'utf-8' };
  const found = detectEncoding(sample.head);
  const label = stated.toLowerCase();
  const known = label === 'auto' || found.bomBytes > 0 ? found.encoding : encodingNames[label];
  if (known === undefined) return { from: null, bomBytes: 0, reader: label };
  return { from: known === 'utf-8' ? null : known, bomBytes: found.bomBytes, reader: 'utf-8' };
}

/** A sample of UTF-16 content in UTF-8, so that detection can read it: the lines of its head. Other samples stay as they are. */
export function readableSample(stated: string, sample: Sample): Sample {
  const found = detectEncoding(sample.head);
  const label = encodingNames[stated.toLowerCase()];
  const wide = found.encoding.startsWith('utf-16') ? found.encoding : label?.startsWith('utf-16') ? label : null;
  if (wide !== 'utf-16le' && wide !== 'utf-16be') return sample;
  const head = openTranscoder(wide, found.bomBytes).push(sample.head, true);
  const lines: Uint8Array[] = [];
  for (let p = 0; p < head.length && lines.length < 200; ) {
    const newline = head.indexOf(10, p);
    if (newline < 0 && lines.length > 0) break;
    const end = newline < 0 ? head.length : newline;
    lines.push(head.subarray(p, end > p && head[end - 1] === 13 ? end - 1 : end));
    p = end + 1;
  }
  return { head, lines };
}
