import fs from 'node:fs';
import path from 'node:path';

/** What one pattern stands for: files and folders found, absolute, in code-unit order. */
export type GlobResult = { readonly files: string[]; readonly folders: string[]; readonly unreadable: string[] };

/**
 * Expand one pattern below `root`: `*` and `?` inside a name, `**` for any folders, `{a,b}` for alternatives. A path that exists
 * exactly as written wins over its reading as a pattern. Names that start with a dot match only a written dot.
 * Literal names are also found under the other Unicode normal form, because archives made on macOS decompose kana.
 */
export function expandGlob(root: string, pattern: string): GlobResult {
  const found = { files: new Set<string>(), folders: new Set<string>(), unreadable: new Set<string>() };
  const literal = path.resolve(root, pattern);
  const known = kindOf(literal);
  if (known !== null) {
    (known === 'folder' ? found.folders : found.files).add(literal);
  } else {
    for (const alternative of expandBraces(pattern)) {
      const { start, segments } = splitPattern(root, alternative);
      walk(start, segments, 0, found);
    }
  }
  const sorted = (set: Set<string>) => [...set].sort();
  return { files: sorted(found.files), folders: sorted(found.folders), unreadable: sorted(found.unreadable) };
}

type Found = { files: Set<string>; folders: Set<string>; unreadable: Set<string> };

function splitPattern(root: string, pattern: string): { start: string; segments: string[] } {
  const absolute = path.isAbsolute(pattern);
  const start = absolute ? path.parse(pattern).root : root;
  const rest = absolute ? pattern.slice(start.length) : pattern;
  return { start, segments: rest.split('/').filter(s => s !== '' && s !== '.') };
}

function walk(dir: string, segments: readonly string[], i: number, found: Found): void {
  const segment = segments[i];
  if (segment === undefined) return;
  const last = i === segments.length - 1;
  if (segment === '..') {
    walk(path.dirname(dir), segments, i + 1, found);
    return;
  }
  if (segment === '**') {
    if (!last) walk(dir, segments, i + 1, found);
    for (const entry of list(dir, found)) {
      if (entry.name.startsWith('.')) continue;
      const child = path.join(dir, entry.name);
      if (entry.isDirectory()) walk(child, segments, i, found);
      else if (last) found.files.add(child);
    }
    return;
  }
  for (const name of matches(dir, segment, found)) {
    const child = path.join(dir, name);
    const kind = kindOf(child);
    if (!last) {
      if (kind === 'folder') walk(child, segments, i + 1, found);
    } else (kind === 'folder' ? found.folders : found.files).add(child);
  }
}

function matches(dir: string, segment: string, found: Found): string[] {
  if (!/[*?]/.test(segment)) {
    if (kindOf(path.join(dir, segment)) !== null) return [segment];
    const wanted = segment.normalize('NFC');
    return list(dir, found)
      .map(e => e.name)
      .filter(n => n.normalize('NFC') === wanted);
  }
  const pattern = new RegExp(`^${[...segment.normalize('NFC')].map(c => (c === '*' ? '.*' : c === '?' ? '.' : escapeRegExp(c))).join('')}$`, 'su');
  return list(dir, found)
    .map(e => e.name)
    .filter(n => (segment.startsWith('.') || !n.startsWith('.')) && pattern.test(n.normalize('NFC')));
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function list(dir: string, found: Found): fs.Dirent[] {
  try {
    return fs.readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') found.unreadable.add(dir);
    return [];
  }
}

/** Null when there is nothing; a dangling link counts as a file, so that it is reported when it is opened. */
function kindOf(file: string): 'file' | 'folder' | null {
  try {
    return fs.statSync(file).isDirectory() ? 'folder' : 'file';
  } catch {
    try {
      fs.lstatSync(file);
      return 'file';
    } catch {
      return null;
    }
  }
}

/** `a{b,c{d,e}}` → `ab`, `acd`, `ace`; an unbalanced brace stands for itself. */
export function expandBraces(pattern: string): string[] {
  const open = pattern.indexOf('{');
  if (open < 0) return [pattern];
  let depth = 0;
  const cuts = [open];
  for (let i = open; i < pattern.length; i++) {
    if (pattern[i] === '{') depth++;
    else if (pattern[i] === ',' && depth === 1) cuts.push(i);
    else if (pattern[i] === '}' && --depth === 0) {
      const tails = expandBraces(pattern.slice(i + 1));
      cuts.push(i);
      const parts = cuts.slice(0, -1).map((cut, k) => pattern.slice(cut + 1, cuts[k + 1]));
      if (parts.length === 1) return tails.map(tail => `${pattern.slice(0, i + 1)}${tail}`);
      return [...new Set(parts.flatMap(part => expandBraces(part)).flatMap(part => tails.map(tail => pattern.slice(0, open) + part + tail)))];
    }
  }
  return [pattern];
}
