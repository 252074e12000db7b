import type { SqlToken } from './token.ts';

/** Text of a hex literal: UTF-8 when valid, else one character a byte. */
export function hexText(digits: string): string {
  const even = digits.length % 2 ? `0${digits}` : digits;
  const bytes = Buffer.from(even, 'hex');
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') ? bytes.toString('latin1') : text;
}

/** The number that a number, hex or bits token stands for, or null. */
export function tokenNumber(token: SqlToken): number | null {
  const n =
    token.kind === 'number'
      ? Number(token.value)
      : token.kind === 'hex'
        ? Number(`0x${token.value || '0'}`)
        : token.kind === 'bits'
          ? Number(`0b${token.value || '0'}`)
          : Number.NaN;
  return Number.isFinite(n) ? n : null;
}

const made = (from: SqlToken, to: SqlToken, value: string): SqlToken => ({ kind: 'string', start: from.start, end: to.end, value, quote: "'", closed: true });

/**
 * Spelled-out constants as the text they make: CHR(113)||CHR(98), CHAR(113,98), 'a'||'b', CONCAT('a',0x62), (('a')), UNHEX('6162').
 * Everything else stays. Linear.
 */
export function foldConstants(tokens: readonly SqlToken[]): SqlToken[] {
  const out: SqlToken[] = [];
  const ends = (value: string, back = 1): boolean => out.length >= back && out[out.length - back]!.value === value && out[out.length - back]!.kind !== 'string';
  for (const token of tokens) {
    out.push(token);
    for (let changed = true; changed; ) {
      changed = false;
      const n = out.length;
      if (ends(')')) {
        let open = n - 2;
        while (
          open >= 0 &&
          n - open < 300 &&
          (out[open]!.kind === 'string' ||
            out[open]!.kind === 'number' ||
            out[open]!.kind === 'hex' ||
            (out[open]!.kind === 'punct' && out[open]!.value === ','))
        )
          open--;
        if (open < 0 || out[open]!.kind !== 'punct' || out[open]!.value !== '(' || open === n - 2) continue;
        const args = out.slice(open + 1, n - 1).filter(t => t.kind !== 'punct');
        const name = open > 0 && out[open - 1]!.kind === 'word' ? out[open - 1]!.value : '';
        const text = callText(name, args);
        if (text !== null) {
          out.splice(open - 1, n - open + 1, made(out[open - 1]!, token, text));
          changed = true;
        } else if (name === '' && args.length === 1 && n - open === 3 && args[0]!.kind === 'string' && (open === 0 || out[open - 1]!.kind !== 'name')) {
          out.splice(open, 3, made(out[open]!, token, args[0]!.value));
          changed = true;
        }
      } else if (
        n >= 3 &&
        out[n - 1]!.kind === 'string' &&
        out[n - 3]!.kind === 'string' &&
        out[n - 2]!.kind === 'operator' &&
        (out[n - 2]!.value === '||' || out[n - 2]!.value === '+')
      ) {
        out.splice(n - 3, 3, made(out[n - 3]!, out[n - 1]!, out[n - 3]!.value + out[n - 1]!.value));
        changed = true;
      }
    }
  }
  return out;
}

function callText(name: string, args: readonly SqlToken[]): string | null {
  const texts = args.map(a => (a.kind === 'string' ? a.value : a.kind === 'hex' ? hexText(a.value) : a.value));
  switch (name) {
    case 'CHR':
    case 'CHAR':
    case 'NCHAR':
    case 'UNICHAR': {
      const codes = args.map(tokenNumber);
      return codes.length > 0 && codes.every(c => c !== null && Number.isInteger(c) && c >= 0 && c <= 0x10ffff)
        ? String.fromCodePoint(...codes.map(c => c!))
        : null;
    }
    case 'CONCAT':
      return args.length > 0 ? texts.join('') : null;
    case 'UNHEX':
    case 'HEXTORAW':
      return args.length === 1 && /^[0-9a-f]*$/i.test(texts[0]!) ? hexText(texts[0]!) : null;
    default:
      return null;
  }
}

/** A statement with its literals as `?`, upper-case words, one space between tokens: equal for requests of one template. */
export function statementShape(tokens: readonly SqlToken[]): string {
  return tokens
    .map(t =>
      t.kind === 'string' || t.kind === 'number' || t.kind === 'hex' || t.kind === 'bits' || t.kind === 'parameter'
        ? '?'
        : t.kind === 'name'
          ? `"${t.value}"`
          : t.value,
    )
    .join(' ');
}
