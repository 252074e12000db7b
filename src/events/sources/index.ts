import { bytesKind, timeKind } from '../columns.ts';
import { type LogFormat, logFormatSource } from '../log-format.ts';
import type { Source, SourceEntry } from '../source.ts';
import { recordSources } from './records.ts';
import { webSources } from './web.ts';

/** Every format that has a name; `auto` tries them all. */
export const sourceEntries: readonly SourceEntry[] = [...webSources, ...recordSources];

/**
 * Which reader a file gets, as data that can be hashed and sent to a worker. `uncertainTime`: detection could not tell whether stamps are
 * the start or the end of a request, so they count as somewhere between.
 */
export type ResolvedFormat = { readonly name: string; readonly logFormat: LogFormat | null; readonly uncertainTime: boolean };

/** The source of a name, or undefined. */
export function sourceNamed(name: string): Source | undefined {
  return sourceEntries.find(e => e.source.name === name)?.source;
}

/** For files of unknown format: every line is kept as one that nobody could read. */
const unknownSource: Source = {
  name: 'unknown',
  kind: 'events',
  timeKind: timeKind.write,
  resolutionUs: 1_000_000,
  bytesKind: bytesKind.unknown,
  blindTo: ['everything'],
  independent: true,
  framing: 'line',
  open: () => ({ parse: () => ({ unparsed: 'unknown-format' }) }),
};

export const unknownFormat: ResolvedFormat = { name: unknownSource.name, logFormat: null, uncertainTime: false };

/** The source of a resolved format. Throws for a name nobody knows (a bug: it was resolved). */
export function sourceOf(resolved: ResolvedFormat): Source {
  if (resolved.name === unknownSource.name) return unknownSource;
  const source = resolved.logFormat ? logFormatSource(resolved.name, resolved.logFormat) : sourceNamed(resolved.name);
  if (!source) throw new Error(`no source named ${resolved.name}`);
  return resolved.uncertainTime ? { ...source, timeKind: timeKind.write } : source;
}
