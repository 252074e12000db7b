/**
 * Three kinds of error. A Problem is data with a place: what we could not read or decide, shown in every report.
 * A UserError is thrown for what a person can mend (exit 2). Anything else is a bug (exit 70).
 */

export type Severity = 'info' | 'warning' | 'error';

/** Where a problem is: a file relative to the case, a physical line counted from 1, a byte offset counted from 0. */
export type Place = { readonly file?: string; readonly line?: number; readonly byte?: number; readonly ref?: string };

/**
 * `code` is `<module>.<kebab-name>`; its sentence is `problem.<kebab-name>` in `locales/<lang>/<module>.json`.
 * `params` never hold personal data.
 */
export type Problem = {
  readonly code: string;
  readonly severity: Severity;
  readonly where: Place;
  readonly params: Readonly<Record<string, string | number>>;
  readonly count: number;
};

/** Make a problem; `count` defaults to 1. */
export function problem(code: string, severity: Severity, where: Place = {}, params: Readonly<Record<string, string | number>> = {}, count = 1): Problem {
  return { code, severity, where, params, count };
}

export type Sentence = { readonly code: string; readonly params: Readonly<Record<string, string | number>> };

/** What the person at the keyboard can mend. `code` and `params` name a sentence exactly as in a Problem; `details` are further ones below it. */
export class UserError extends Error {
  readonly code: string;
  readonly params: Sentence['params'];
  readonly details: readonly Sentence[];
  constructor(code: string, params: Sentence['params'] = {}, options: ErrorOptions & { details?: readonly Sentence[] } = {}) {
    super(`${code} ${JSON.stringify(params)}`, options);
    this.name = 'UserError';
    this.code = code;
    this.params = params;
    this.details = options.details ?? [];
  }
}

/** A statement the engine refused: ours (a bug) or the intruder's (data; the caller decides). */
export class QueryError extends Error {
  readonly step: string;
  readonly sql: string;
  constructor(step: string, sql: string, options?: ErrorOptions) {
    super(`query ${step} failed: ${options?.cause instanceof Error ? options.cause.message : ''}`, options);
    this.name = 'QueryError';
    this.step = step;
    this.sql = sql;
  }
}

export const exitCodes = { done: 0, attention: 1, user: 2, bug: 70 } as const;
