import type { SqlDialect, SqlToken, SqlTokenKind } from './token.ts';

export type TokenizeOptions = {
  readonly dialect?: SqlDialect;
  /** The text starts inside a literal opened by this quote: what stands before its end is one `string` token. */
  readonly inside?: "'" | '"' | '';
  /** Give comments too (default: skipped). Executable comments are always opened up, their content is tokens. */
  readonly comments?: boolean;
};

const operators = [
  '!~~*',
  '<=>',
  '->>',
  '#>>',
  '!~~',
  '!~*',
  '~~*',
  '**=',
  '||',
  '&&',
  '::',
  ':=',
  '<=',
  '>=',
  '<>',
  '!=',
  '!<',
  '!>',
  '^=',
  '<<',
  '>>',
  '->',
  '#>',
  '@>',
  '<@',
  '?|',
  '?&',
  '~~',
  '~*',
  '!~',
  '|/',
  '**',
  '@@',
  '+=',
  '-=',
  '*=',
  '/=',
  '%=',
  '&=',
  '|=',
] as const;
const byFirst = new Map<string, readonly string[]>();
for (const op of operators)
  byFirst.set(
    op[0]!,
    [...(byFirst.get(op[0]!) ?? []), op].sort((a, b) => b.length - a.length),
  );

const isDigit = (c: number): boolean => c >= 48 && c <= 57;
const isSpace = (c: number): boolean =>
  c <= 32 || c === 0xa0 || c === 0x3000 || c === 0xfeff || (c >= 0x2000 && c <= 0x200b) || c === 0x85 || c === 0x2028 || c === 0x2029;
const isWordStart = (c: number): boolean => (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95 || (c >= 0x80 && !isSpace(c));
const isWordPart = (c: number): boolean => isWordStart(c) || isDigit(c) || c === 36 || c === 35;
const isHex = (c: number): boolean => isDigit(c) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102);

/** SQL text, whole or torn, as tokens. Total: any text gives tokens, white space is skipped, everything else is in some token. Linear time. */
export function tokenizeSql(text: string, options: TokenizeOptions = {}): SqlToken[] {
  const dialect = options.dialect ?? 'any';
  const out: SqlToken[] = [];
  const n = text.length;
  let i = 0;
  /** Open executable comments: their `*` + `/` is skipped. */
  let opened = 0;
  const push = (kind: SqlTokenKind, end: number, value: string, quote = '', closed = true): void => {
    out.push({ kind, start: i, end, value, quote, closed });
    i = end;
  };
  const quoted = (kind: SqlTokenKind, from: number, quote: string, backslash: boolean): void => {
    const { end, value, closed } = readQuoted(text, from, quote === '[' ? ']' : quote, backslash);
    push(kind, end, value, quote, closed);
  };
  const backslashes = dialect === 'mysql';
  if (options.inside) {
    const { end, value, closed } = readQuoted(text, 0, options.inside, backslashes);
    push('string', end, value, options.inside, closed);
  }
  while (i < n) {
    const c = text.charCodeAt(i);
    if (isSpace(c)) {
      i++;
      continue;
    }
    const d = i + 1 < n ? text.charCodeAt(i + 1) : 0;
    if (c === 47 && d === 42) {
      const run = executable(text, i);
      if (run > 0 && (dialect === 'mysql' || dialect === 'any')) {
        opened++;
        i += run;
        continue;
      }
      const { end, closed } = blockEnd(text, i, dialect === 'postgresql' || dialect === 'mssql');
      if (options.comments) push('comment', end, text.slice(i + 2, closed ? end - 2 : end), '/*', closed);
      else i = end;
      continue;
    }
    if (opened > 0 && c === 42 && d === 47) {
      opened--;
      i += 2;
      continue;
    }
    if (
      (c === 45 && d === 45 && (dialect !== 'mysql' || i + 2 >= n || isSpace(text.charCodeAt(i + 2)))) ||
      (c === 35 && (dialect === 'mysql' || (dialect === 'any' && d !== 62)))
    ) {
      let end = i;
      while (end < n && text.charCodeAt(end) !== 10) end++;
      if (options.comments) push('comment', end, text.slice(i + (c === 35 ? 1 : 2), end), c === 35 ? '#' : '--');
      else i = end;
      continue;
    }
    if (c === 39) {
      quoted('string', i + 1, "'", backslashes);
      continue;
    }
    if (c === 34) {
      quoted(dialect === 'mysql' ? 'string' : 'name', i + 1, '"', backslashes);
      continue;
    }
    if (c === 96) {
      quoted('name', i + 1, '`', false);
      continue;
    }
    if (c === 91 && bracketName(text, i, dialect)) {
      quoted('name', i + 1, '[', false);
      continue;
    }
    if (isDigit(c) || (c === 46 && isDigit(d) && !(i > 0 && isWordPart(text.charCodeAt(i - 1))))) {
      readNumber();
      continue;
    }
    if (c === 36) {
      const tag = /^\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/.exec(text.slice(i, i + 70));
      if (tag && (dialect === 'postgresql' || dialect === 'any')) {
        const close = text.indexOf(tag[0], i + tag[0].length);
        const stop = close < 0 ? n : close;
        push('string', close < 0 ? n : close + tag[0].length, text.slice(i + tag[0].length, stop), tag[0], close >= 0);
        continue;
      }
      if (isDigit(d)) {
        push('parameter', digitsEnd(i + 1), text.slice(i, digitsEnd(i + 1)));
        continue;
      }
      push('other', i + 1, '$');
      continue;
    }
    if (isWordStart(c)) {
      readWord(c, d);
      continue;
    }
    if (c === 64 && (d === 64 || isWordStart(d) || d === 96)) {
      const from = d === 64 ? i + 2 : i + 1;
      if (text.charCodeAt(from) === 96) {
        const { end, closed } = readQuoted(text, from + 1, '`', false);
        push('variable', end, text.slice(i, end), '', closed);
      } else {
        const end = wordEnd(from);
        push('variable', end, text.slice(i, end));
      }
      continue;
    }
    if (c === 35 && isWordStart(d)) {
      push('word', wordEnd(i + 1), text.slice(i, wordEnd(i + 1)).toUpperCase());
      continue;
    }
    if (c === 63 && d !== 124 && d !== 38) {
      push('parameter', i + 1, '?');
      continue;
    }
    if (c === 58 && d !== 58 && d !== 61 && isWordPart(d)) {
      push('parameter', wordEnd(i + 1), text.slice(i, wordEnd(i + 1)));
      continue;
    }
    const op = byFirst.get(text[i]!)?.find(o => text.startsWith(o, i));
    if (op) {
      push('operator', i + op.length, op);
      continue;
    }
    if ('+-*/%^&|~=<>!#@'.includes(text[i]!)) {
      push('operator', i + 1, text[i]!);
      continue;
    }
    push('(),;.[]{}:'.includes(text[i]!) ? 'punct' : 'other', i + 1, text[i]!);
  }
  return out;

  function wordEnd(from: number): number {
    let end = from;
    while (end < n && isWordPart(text.charCodeAt(end))) end++;
    return end;
  }
  function digitsEnd(from: number): number {
    let end = from;
    while (end < n && isDigit(text.charCodeAt(end))) end++;
    return end;
  }
  function readNumber(): void {
    const second = text.charCodeAt(i + 1) | 32;
    if (text.charCodeAt(i) === 48 && (second === 120 || second === 98)) {
      let end = i + 2;
      while (end < n && (second === 120 ? isHex(text.charCodeAt(end)) : text.charCodeAt(end) === 48 || text.charCodeAt(end) === 49)) end++;
      if (end > i + 2) return push(second === 120 ? 'hex' : 'bits', end, text.slice(i + 2, end).toUpperCase(), '0x');
    }
    let end = digitsEnd(i);
    if (text.charCodeAt(end) === 46) end = digitsEnd(end + 1);
    if ((text.charCodeAt(end) | 32) === 101) {
      const sign = text.charCodeAt(end + 1) === 43 || text.charCodeAt(end + 1) === 45 ? 1 : 0;
      if (isDigit(text.charCodeAt(end + 1 + sign))) end = digitsEnd(end + 1 + sign);
    }
    push('number', end, text.slice(i, end));
  }
  function readWord(c: number, d: number): void {
    const low = c | 32;
    if (d === 39) {
      if (low === 110) return quoted('string', i + 2, "'", backslashes);
      if (low === 101 && dialect !== 'mssql' && dialect !== 'oracle' && dialect !== 'mysql') return quoted('string', i + 2, "'", true);
      if (low === 120 || low === 98) {
        const { end, value, closed } = readQuoted(text, i + 2, "'", false);
        return push(low === 120 ? 'hex' : 'bits', end, value.toUpperCase(), "'", closed);
      }
      if (low === 113 && (dialect === 'oracle' || dialect === 'any')) {
        const open = text[i + 2] ?? '';
        const close = `${{ '[': ']', '(': ')', '{': '}', '<': '>' }[open] ?? open}'`;
        const at = open === '' ? -1 : text.indexOf(close, i + 3);
        if (at >= 0 || dialect === 'oracle') return push('string', at < 0 ? n : at + 2, text.slice(i + 3, at < 0 ? n : at), "'", at >= 0);
      }
    }
    if (low === 117 && d === 38 && text.charCodeAt(i + 2) === 39) return quoted('string', i + 3, "'", false);
    if (c === 95) {
      const introducer = /^_(?:utf8mb4|utf8mb3|utf8|latin1|binary|ascii|sjis|cp932|ujis|ucs2|utf16|utf32|eucjpms)\s*'/i.exec(text.slice(i, i + 24));
      if (introducer) return quoted('string', i + introducer[0].length, "'", backslashes);
    }
    const end = wordEnd(i);
    push('word', end, text.slice(i, end).toUpperCase());
  }
}

function readQuoted(text: string, from: number, close: string, backslash: boolean): { end: number; value: string; closed: boolean } {
  const parts: string[] = [];
  let start = from;
  for (let i = from; i < text.length; i++) {
    const ch = text[i]!;
    if (backslash && ch === '\\' && i + 1 < text.length) {
      parts.push(text.slice(start, i), unescape(text[i + 1]!));
      start = i + 2;
      i++;
    } else if (ch === close) {
      if (text[i + 1] !== close) return { end: i + 1, value: parts.join('') + text.slice(start, i), closed: true };
      parts.push(text.slice(start, i + 1));
      start = i + 2;
      i++;
    }
  }
  return { end: text.length, value: parts.join('') + text.slice(start), closed: false };
}

const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', 0: '\0', Z: '\u001a' };
const unescape = (ch: string): string => escapes[ch] ?? ch;

/** Length of the opening of a MySQL or MariaDB executable comment with its version number, or 0. */
function executable(text: string, at: number): number {
  const m = /^\/\*M?!(?:\d{5,6}(?!\d))?/.exec(text.slice(at, at + 12));
  return m ? m[0].length : 0;
}

function blockEnd(text: string, at: number, nested: boolean): { end: number; closed: boolean } {
  let depth = 1;
  for (let i = at + 2; i < text.length - 1; i++) {
    const c = text.charCodeAt(i);
    if (c === 42 && text.charCodeAt(i + 1) === 47) {
      i++;
      if (--depth === 0) return { end: i + 1, closed: true };
    } else if (nested && c === 47 && text.charCodeAt(i + 1) === 42) {
      depth++;
      i++;
    }
  }
  return { end: text.length, closed: false };
}

function bracketName(text: string, at: number, dialect: SqlDialect): boolean {
  if (dialect === 'mssql' || dialect === 'sqlite') return true;
  if (dialect !== 'any') return false;
  const before = at > 0 ? text.charCodeAt(at - 1) : 32;
  return !isWordPart(before) && before !== 41 && before !== 93 && /^\[[A-Za-z_\u0080-\uffff][\w $#@\u0080-\uffff]{0,127}\]/.test(text.slice(at, at + 132));
}
