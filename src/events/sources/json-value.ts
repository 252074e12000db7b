import { type Slice, utf8Text } from '../record-text.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/**
 * One object out of a record that may carry array punctuation around it. `null` = only punctuation (`[`, `]`, `,`, a wrapper
 * opening); `undefined` = no JSON object.
 */
export function readObject(bytes: Uint8Array, from: number, to: number, read: Slice = utf8Text): JsonObject | null | undefined {
  let start = from;
  let end = to;
  while (start < end && isEdge(bytes[start]!)) start++;
  while (end > start && isEdge(bytes[end - 1]!)) end--;
  if (start >= end || onlyClosing(bytes, start, end)) return null;
  if (bytes[start] !== 123) return undefined;
  if (bytes[end - 1] !== 125) return bytes[to - 1] === 91 || isOpening(bytes, start, to) ? null : undefined;
  try {
    return JSON.parse(read(bytes, start, end)) as JsonObject;
  } catch {
    return undefined;
  }
}

function onlyClosing(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 125 && !isEdge(bytes[i]!)) return false;
  return true;
}

/** `{"Records":[` : a wrapper whose list follows. */
function isOpening(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from < 200 && /^\{\s*"[A-Za-z]{1,40}"\s*:\s*\[\s*$/.test(utf8Text(bytes, from, to));
}

const isEdge = (b: number): boolean =>
  b === 32 || b === 9 || b === 10 || b === 13 || b === 44 || b === 91 || b === 93 || b === 0xef || b === 0xbb || b === 0xbf;

export const isObject = (v: Json | undefined): v is JsonObject => typeof v === 'object' && v !== null && !Array.isArray(v);

/** The value at `a.b.0.c`; a whole key with dots in it (`log.level`) is preferred to the nested reading. */
export function at(value: Json | undefined, path: string): Json | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  if (Array.isArray(value)) {
    const dot = path.indexOf('.');
    const item = value[Number(dot < 0 ? path : path.slice(0, dot))];
    return dot < 0 ? item : at(item, path.slice(dot + 1));
  }
  if (Object.hasOwn(value, path)) return value[path];
  for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
    const head = path.slice(0, dot);
    if (Object.hasOwn(value, head)) {
      const found = at(value[head], path.slice(dot + 1));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Scalar as text; one-element lists give their element, longer ones are joined by `, `; objects and null give null. */
export function textOf(value: Json | undefined): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value) && value.length > 0 && value.every(v => typeof v === 'string' || typeof v === 'number')) return value.join(', ');
  return null;
}

/** Number, or text that is a plain decimal number; else null. */
export function numberOf(value: Json | undefined): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value.trim())) return Number(value);
  return null;
}
