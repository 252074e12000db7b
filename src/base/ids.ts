import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** SHA-256 as lower-case hex. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** RFC 8785 canonical JSON. Throws on values JSON cannot hold (a bug). */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new Error('value has no canonical JSON');
  return text;
}

/** A stable id from content: `<kind>-<first 12 hex of SHA-256 of the canonical JSON>`. */
export function contentId(kind: string, content: unknown): string {
  return `${kind}-${sha256Hex(canonicalJson(content)).slice(0, 12)}`;
}
