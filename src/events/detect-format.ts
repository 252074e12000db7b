import type { EvidenceKind } from '../case/index.ts';
import { readLogFormat } from './log-format.ts';
import type { Sample } from './source.ts';
import { type ResolvedFormat, sourceEntries, sourceNamed } from './sources/index.ts';

/** How a format was found. `ambiguous`: other names that fit as well. `share`: how sure, 0 to 1; 1 for a format that was stated. */
export type Detection = { readonly resolved: ResolvedFormat; readonly share: number; readonly ambiguous: readonly string[] };

/** Below this share of readable lines a file counts as of unknown format. */
const leastShare = 0.3;

/** A format that the case states: a name, or a format string. Null for `auto` and for text that is neither. */
export function statedFormat(format: string): ResolvedFormat | null {
  if (format === 'auto') return null;
  if (sourceNamed(format)) return { name: format, logFormat: null, uncertainTime: false };
  const logFormat = readLogFormat(format);
  return logFormat ? { name: `${logFormat.dialect}-format`, logFormat, uncertainTime: false } : null;
}

/** The format that reads most of a sample; sources of the stated kind win ties. Null when none reads enough of it. */
export function detectFormat(sample: Sample, kind: EvidenceKind): Detection | null {
  const scored = sourceEntries
    .map((e, i) => ({ source: e.source, score: e.sniff(sample), i }))
    .filter(s => s.score >= leastShare)
    .sort((a, b) => b.score - a.score || Number(b.source.kind === kind) - Number(a.source.kind === kind) || a.i - b.i);
  const best = scored[0];
  if (!best) return null;
  const ties = scored
    .slice(1)
    .filter(s => s.score === best.score && s.source.kind === best.source.kind)
    .map(s => s.source.name);
  const timeDiffers = ties.some(name => sourceNamed(name)!.timeKind !== best.source.timeKind) || best.source.name === 'combined-extended';
  return {
    resolved: { name: best.source.name, logFormat: null, uncertainTime: timeDiffers },
    share: best.score,
    ambiguous: ties,
  };
}
