import fs from 'node:fs';
import readline from 'node:readline';
import { readContent } from '../../evidence/index.ts';
import type { Document } from './documents.ts';

const wholeLimit = 256 << 20;

/** True when a file begins like JSON. */
export async function looksLikeJson(file: string): Promise<boolean> {
  for await (const block of readContent(file)) return /^\ufeff?\s*[[{]/.test(Buffer.from(block.subarray(0, 512)).toString('utf8'));
  return false;
}

/**
 * The events of a JSON file: one document, a list of them, a wrapper around a list (`Records`, `value`, `events`, `hits`), or one a line.
 * Lines that are no JSON are counted in `bad`.
 */
export async function* jsonDocuments(file: string, shown: string, bad: { count: number }): AsyncGenerator<Document> {
  const lines: string[] = [];
  if (!/\.(?:gz|zst)$/.test(file) && fs.statSync(file).size < wholeLimit) {
    const text = fs.readFileSync(file, 'utf8').replace(/^\ufeff/, '');
    const whole = parse(text);
    if (whole !== undefined) {
      for (const data of unwrap(whole)) yield { file: shown, line: 1, text: JSON.stringify(data), data };
      return;
    }
    lines.push(...text.split('\n'));
    yield* lineDocuments(lines, shown, bad);
    return;
  }
  yield* lineDocuments(readline.createInterface({ input: (await import('node:stream')).Readable.from(readContent(file)), crlfDelay: Infinity }), shown, bad);
}

/** One value a line, or values that span lines one after another. A line that cannot be the middle of a value starts anew. */
async function* lineDocuments(lines: AsyncIterable<string> | Iterable<string>, shown: string, bad: { count: number }): AsyncGenerator<Document> {
  let line = 0;
  let open: { text: string; line: number; depth: number } | null = null;
  for await (const text of lines) {
    line++;
    if (text.trim() === '') continue;
    const whole = /^\s*[[{]/.test(text) && (open === null || /^[[{]/.test(text)) ? parse(text) : undefined;
    if (whole !== undefined) {
      if (open) bad.count++;
      open = null;
      for (const data of unwrap(whole)) yield { file: shown, line, text: text.trim(), data };
      continue;
    }
    if (open === null && !/^\s*[[{]/.test(text)) {
      bad.count++;
      continue;
    }
    const joined: { text: string; line: number; depth: number } = open
      ? { text: `${open.text}\n${text}`, line: open.line, depth: open.depth + depthOf(text) }
      : { text, line, depth: depthOf(text) };
    open = joined;
    if (joined.depth > 0 && joined.text.length < longestValue) continue;
    const value = joined.depth === 0 ? parse(joined.text) : undefined;
    if (value === undefined) bad.count++;
    else for (const data of unwrap(value)) yield { file: shown, line: joined.line, text: JSON.stringify(data), data };
    open = null;
  }
  if (open) bad.count++;
}

const longestValue = 16 << 20;

/** Opening minus closing brackets outside strings; strings of JSON never span lines. */
function depthOf(text: string): number {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') depth--;
  }
  return depth;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const wrappers = ['Records', 'records', 'value', 'events', 'Events', 'items'];

function unwrap(data: unknown): unknown[] {
  if (Array.isArray(data)) return data.flatMap(unwrap);
  if (typeof data !== 'object' || data === null) return [];
  const keys = Object.keys(data);
  const wrapper = wrappers.find(w => keys.length <= 4 && Array.isArray((data as Record<string, unknown>)[w]));
  return wrapper ? unwrap((data as Record<string, unknown>)[wrapper]) : [data];
}
