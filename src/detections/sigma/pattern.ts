import type { Pattern } from './ir.ts';

/** `*` and `?` are wildcards; a backslash escapes only `*`, `?` and `\`, alone it is literal. */
export function parsePattern(text: string): Pattern {
  const out: (string | { any: 'one' | 'many' })[] = [];
  let run = '';
  const flush = (): void => {
    if (run !== '') out.push(run);
    run = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    const next = text[i + 1];
    if (c === '\\' && (next === '*' || next === '?' || next === '\\')) {
      run += next;
      i++;
    } else if (c === '*') {
      flush();
      const last = out[out.length - 1];
      if (!(typeof last === 'object' && last.any === 'many')) out.push({ any: 'many' });
    } else if (c === '?') {
      flush();
      out.push({ any: 'one' });
    } else run += c;
  }
  flush();
  return out;
}

export const literal = (text: string): Pattern => (text === '' ? [] : [text]);
const many = { any: 'many' } as const;

/** The pattern with `*` before, after or around it. */
export function widen(pattern: Pattern, how: 'startswith' | 'endswith' | 'contains'): Pattern {
  const starts = typeof pattern[0] === 'object' && pattern[0].any === 'many';
  const last = pattern[pattern.length - 1];
  const ends = typeof last === 'object' && last.any === 'many';
  return [...(how === 'startswith' || starts ? [] : [many]), ...pattern, ...(how === 'endswith' || (ends && pattern.length > 0) ? [] : [many])];
}

/** Whether a text matches, by the definition itself (no regular expression, no recursion). */
export function matchesPattern(pattern: Pattern, text: string): boolean {
  const units: (string | 'one' | 'many')[] = [];
  const kinds: boolean[] = [];
  for (const p of pattern) {
    if (typeof p === 'string')
      for (const c of p) {
        units.push(c);
        kinds.push(true);
      }
    else {
      units.push(p.any);
      kinds.push(false);
    }
  }
  const chars = [...text];
  let reach = new Set([0]);
  const spread = (set: Set<number>): Set<number> => {
    for (const i of set) if (i < units.length && !kinds[i] && units[i] === 'many') set.add(i + 1);
    return set;
  };
  reach = spread(reach);
  for (const c of chars) {
    const next = new Set<number>();
    for (const i of reach) {
      if (i >= units.length) continue;
      if (kinds[i] ? units[i] === c : units[i] === 'one') next.add(i + 1);
      else if (!kinds[i] && units[i] === 'many') next.add(i);
    }
    reach = spread(next);
    if (reach.size === 0) return false;
  }
  return reach.has(units.length);
}

/** The text without wildcards, or null when it has some. */
export function plainText(pattern: Pattern): string | null {
  return pattern.length === 0 ? '' : pattern.length === 1 && typeof pattern[0] === 'string' ? pattern[0] : null;
}
