/** Flat reading of one JSON object: every value as the text that stood in the file. */

/**
 * The members of a JSON object in order: strings unescaped, null as null, everything else exactly as written (`1.0` stays `1.0`).
 * Null when the line is not one object. Checked by JSON.parse, so nothing malformed passes.
 */
export function flatObject(line: string): [string, string | null][] | null {
  try {
    const value: unknown = JSON.parse(line);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
  } catch {
    return null;
  }
  const out: [string, string | null][] = [];
  let p = skipSpace(line, line.indexOf('{') + 1);
  while (line[p] !== '}') {
    const nameEnd = stringEnd(line, p);
    const name = JSON.parse(line.slice(p, nameEnd)) as string;
    p = skipSpace(line, skipSpace(line, nameEnd) + 1);
    const end = valueEnd(line, p);
    const raw = line.slice(p, end);
    out.push([name, raw === 'null' ? null : raw.startsWith('"') ? (JSON.parse(raw) as string) : raw]);
    p = skipSpace(line, end);
    if (line[p] === ',') p = skipSpace(line, p + 1);
  }
  return out;
}

function skipSpace(s: string, p: number): number {
  while (s[p] === ' ' || s[p] === '\t' || s[p] === '\r' || s[p] === '\n') p++;
  return p;
}

/** After the closing quote of the string that starts at p. */
function stringEnd(s: string, p: number): number {
  for (let i = p + 1; ; i++) {
    if (s[i] === '\\') i++;
    else if (s[i] === '"') return i + 1;
  }
}

function valueEnd(s: string, p: number): number {
  if (s[p] === '"') return stringEnd(s, p);
  let depth = 0;
  for (let i = p; i < s.length; i++) {
    const c = s[i]!;
    if (c === '"') i = stringEnd(s, i) - 1;
    else if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') {
      if (depth === 0) return i;
      if (--depth === 0) return i + 1;
    } else if (depth === 0 && (c === ',' || c === ' ' || c === '\t' || c === '\r' || c === '\n')) return i;
  }
  return s.length;
}
