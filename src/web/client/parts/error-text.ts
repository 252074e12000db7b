import type { TFunction } from 'i18next';
import { ApiError } from '../data.ts';

/** The sentence of an error the server explains; a plain one for all others. */
export function errorText(t: TFunction, error: unknown): string {
  const dot = error instanceof ApiError ? error.code.indexOf('.') : -1;
  if (!(error instanceof ApiError) || dot < 1) return t('failed');
  return t(`${error.code.slice(0, dot)}:problem.${error.code.slice(dot + 1)}`, error.params);
}
