import type { Lang } from './i18n.ts';
import type { Micros } from './time.ts';

/** One line of progress: `done` of `total` in `unit` (bytes, rows …); `total` null when unknown. */
export type Progress = { readonly stage: string; readonly done: number; readonly total: number | null; readonly unit: string; readonly note?: string };

/** What a stage may do to the world besides its own tables. Last parameter of every verb. */
export type Effects = {
  /** Wall clock; never enters a result. */
  now(): Micros;
  /** Event name plus ids and counts; never personal data. */
  log(event: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
  progress(p: Progress): void;
  readonly lang: Lang;
  readonly threads: number;
};

export const quietEffects: Effects = {
  now: () => Date.now() * 1000,
  log: () => {},
  progress: () => {},
  lang: 'ja',
  threads: 2,
};
