import type { SourceEntry } from '../source.ts';

/** Every source that is not a web access log. */
export const recordSources: readonly SourceEntry[] = [];
