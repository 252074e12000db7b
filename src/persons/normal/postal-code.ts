import { widen } from './kana.ts';
import { placeList } from './reference.ts';

export type PostalCode = { original: string; postal_code: string | null; prefecture: string | null; valid: boolean };

/** A Japanese postal code with or without 〒 and hyphen → `123-4567` and the prefecture its first digits mostly belong to. */
export function normalisePostalCode(text: string): PostalCode {
  const wide = widen(text)
    .replace(/[‐‑‒–—―−ーｰ─]/g, '-')
    .replace(/^〒\s*/, '');
  const m = /^(\d{3})[\s-]?(\d{4})$/.exec(wide);
  const prefecture = m ? (placeList().postal[m[1]!.slice(0, 2)] ?? null) : null;
  return { original: text, postal_code: m ? `${m[1]}-${m[2]}` : null, prefecture, valid: m !== null && prefecture !== null };
}
