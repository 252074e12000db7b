import type { Sample, SourceEntry } from '../source.ts';
import { albEntry } from './alb.ts';
import { apacheCombined, apacheCommon, apacheVhostCombined, apacheVhostExtended, combinedExtended } from './apache.ts';
import { envoy, envoyMesh } from './envoy.ts';
import { haproxyEntry } from './haproxy.ts';
import { nginxCombined, nginxMain } from './nginx.ts';
import { w3cEntries } from './w3c.ts';
import { shareParsed } from './web-sniff.ts';

const latin = new TextDecoder('latin1');

/**
 * Apache and nginx write combined lines alike, but one stamps the start and the other the end of a request. What tells them apart: `-` against
 * `0` for no bytes, `\"` against `\x22`, an ident, codes of nginx’s own. 1 Apache, -1 nginx, 0 cannot be told.
 */
export function combinedDialect(sample: Sample): -1 | 0 | 1 {
  let apache = 0;
  let nginx = 0;
  for (const bytes of sample.lines) {
    const line = latin.decode(bytes.subarray(0, 1024));
    const m = /^\S+ (\S+) .*?\] "(?:[^"\\]|\\.)*" (\d{3}) (\S+)/.exec(line);
    if (!m) continue;
    if (m[3] === '-' || m[1] !== '-' || /\\["tnrbv]/.test(line)) apache++;
    if (m[3] === '0' || /\\x(?:22|5C)/.test(line) || m[2] === '499' || m[2] === '444') nginx++;
  }
  return apache > 0 && nginx === 0 ? 1 : nginx > 0 && apache === 0 ? -1 : 0;
}

/** Combined lines: the dialect that cannot be it loses a little; when neither is out they tie. */
function combined(source: SourceEntry['source'], dialect: 1 | -1): SourceEntry {
  return {
    source,
    sniff: sample => {
      const share = shareParsed(source, sample);
      return combinedDialect(sample) === -dialect ? share * 0.99 : share;
    },
  };
}

const exact = (source: SourceEntry['source']): SourceEntry => ({ source, sniff: sample => shareParsed(source, sample) });
const loose = (source: SourceEntry['source']): SourceEntry => ({ source, sniff: sample => shareParsed(source, sample) * 0.98 });

/** Every web access log that detection knows; format strings come beside them. */
export const webSources: readonly SourceEntry[] = [
  combined(apacheCombined, 1),
  combined(nginxCombined, -1),
  exact(apacheCommon),
  exact(apacheVhostCombined),
  exact(nginxMain),
  loose(combinedExtended),
  loose(apacheVhostExtended),
  exact(envoy),
  exact(envoyMesh),
  ...w3cEntries,
  albEntry,
  haproxyEntry,
];
