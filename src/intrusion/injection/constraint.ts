import type { SqlDialect } from '../../detections/sql/index.ts';
import { type CodeSet, makeSet } from './code-set.ts';
import { unknownName } from './condition.ts';
import { type CodeFamily, codeFamily, codeOf, evaluate, truth, type Val } from './evaluate.ts';
import { children, type Expr, replace, some } from './syntax.ts';

/** A condition about one unknown text, in the form the solver works with. */
export type Constraint =
  /** About the character at `position` (from 1): the codes (and the end of the text) that make it true. */
  | { readonly kind: 'char'; readonly position: number; readonly family: CodeFamily; readonly test: CharTest }
  /** About the number of characters, bytes or UTF-16 units. */
  | { readonly kind: 'length'; readonly unit: 'char' | 'byte' | 'wide'; readonly yes: CodeSet; readonly no: CodeSet }
  /** About the value as a whole number. */
  | { readonly kind: 'number'; readonly yes: CodeSet; readonly no: CodeSet }
  /** Characters from `position` on, each one of a set of texts; `end`: the text ends after them. `yesOnly`: a "no" tells nothing. */
  | { readonly kind: 'segment'; readonly position: number; readonly sets: readonly (readonly string[])[]; readonly end: boolean; readonly yesOnly?: true }
  /** Anything else: only checks a finished value. */
  | { readonly kind: 'whole'; readonly test: (value: string) => Val };

/** `yes`/`no`: codes for which the condition holds or fails (may overlap where we cannot tell). `end*`: what the end of the text answers. */
export type CharTest =
  | { readonly how: 'set'; readonly yes: CodeSet; readonly no: CodeSet; readonly endYes: boolean; readonly endNo: boolean }
  | { readonly how: 'bit'; readonly bit: number; readonly whenSet: boolean };

export const maxCode: Record<CodeFamily, number> = { point: 0x10ffff, utf16: 0xffff, utf8: 0xf48fbfbf, byte: 255 };
const substrings = new Set(['SUBSTR', 'SUBSTRING', 'MID', 'SUBSTRC', 'SUBSTRB']);
const codes = new Set(['ASCII', 'ORD', 'UNICODE']);
const lengths: Record<string, 'char' | 'byte' | 'wide'> = {
  LENGTH: 'char',
  LEN: 'char',
  CHAR_LENGTH: 'char',
  CHARACTER_LENGTH: 'char',
  LENGTHC: 'char',
  OCTET_LENGTH: 'byte',
  LENGTHB: 'byte',
  DATALENGTH: 'wide',
};
/** What a function that measures a text counts; null for any other. */
export const lengthUnit = (name: string, dialect: SqlDialect): 'char' | 'byte' | 'wide' | null =>
  name === 'LENGTH' && dialect === 'mysql' ? 'byte' : (lengths[name] ?? null);
const charVar = '?x';
const codeVar = '?c';
const lengthVar = '?n';

/** The texts a wrapper gives for NULL, outermost first: COALESCE(…, ' ') → [' ']. */
export type Reading = { readonly constraint: Constraint; readonly nullAs: string | null };

/** The condition (with the unknown as `?u`) as a constraint. Null when it is beyond us. */
export function readConstraint(condition: Expr, dialect: SqlDialect): Reading | null {
  let nullAs: string | null = null;
  const bare = (e: Expr): boolean => {
    switch (e.t) {
      case 'col':
        return e.path[0] === unknownName;
      case 'cast':
        return bare(e.a);
      case 'select':
        return e.select.from.length === 0 && e.select.items.length === 1 && bare(e.select.items[0]!.expr);
      case 'call': {
        if (['COALESCE', 'IFNULL', 'NVL', 'ISNULL'].includes(e.name) && e.args.length === 2 && bare(e.args[0]!)) {
          const v = evaluate(e.args[1]!, { dialect, vars: new Map() });
          if (v !== undefined && v !== null) nullAs = String(v);
          return true;
        }
        if (e.name === 'CONVERT') return e.args.some(bare);
        return (
          ['TO_CHAR', 'TO_NCHAR', 'BINARY', 'QUOTE_LITERAL', 'MAX', 'MIN', 'ANY_VALUE', 'STR', 'LTRIM', 'RTRIM', 'TRIM'].includes(e.name) &&
          e.args.length >= 1 &&
          bare(e.args[0]!)
        );
      }
      default:
        return false;
    }
  };
  const number = (e: Expr): number | null => {
    const v = evaluate(e, { dialect, vars: new Map() });
    const n = typeof v === 'string' && /^\d+$/.test(v) ? Number(v) : v;
    return typeof n === 'number' && Number.isInteger(n) ? n : null;
  };
  const positions = new Set<number>();
  let family: CodeFamily | null = null;
  let unit: 'char' | 'byte' | 'wide' | null = null;
  const charAt = (e: Expr): number | null => {
    if (e.t === 'cast') return charAt(e.a);
    if (e.t === 'select' && e.select.from.length === 0 && e.select.items.length === 1) return charAt(e.select.items[0]!.expr);
    if (e.t !== 'call') return null;
    if (e.name === 'BINARY') return charAt(e.args[0]!);
    if (substrings.has(e.name) && e.args.length === 3 && bare(e.args[0]!) && number(e.args[2]!) === 1) return number(e.args[1]!);
    if (e.name === 'LEFT' && e.args.length === 2 && bare(e.args[0]!) && number(e.args[1]!) === 1) return 1;
    if (e.name === 'RIGHT' && e.args.length === 2 && number(e.args[1]!) === 1) {
      const inner = e.args[0]!;
      if (inner.t === 'call' && inner.name === 'LEFT' && bare(inner.args[0]!)) return number(inner.args[1]!);
    }
    return null;
  };
  /** Under a code function a two-argument SUBSTR, or the bare text, is its first character. */
  const firstOf = (e: Expr): number | null => {
    if (e.t === 'cast') return firstOf(e.a);
    if (bare(e)) return 1;
    return e.t === 'call' && substrings.has(e.name) && e.args.length === 2 && bare(e.args[0]!) ? number(e.args[1]!) : charAt(e);
  };
  const viewed = replace(condition, e => {
    if (e.t === 'call' && codes.has(e.name) && e.args.length === 1) {
      const p = firstOf(e.args[0]!);
      if (p !== null && p >= 1) {
        positions.add(p);
        family = codeFamily(e.name, dialect);
        return { t: 'col', path: [codeVar] };
      }
    }
    const p = charAt(e);
    if (p !== null && p >= 1) {
      positions.add(p);
      return { t: 'col', path: [charVar] };
    }
    const measure = e.t === 'call' && e.args.length === 1 ? lengthUnit(e.name, dialect) : null;
    if (e.t === 'call' && measure !== null) {
      const arg = e.args[0]!;
      const plus = arg.t === 'op' && (arg.op === '+' || arg.op === '||') && bare(arg.a) && arg.b.t === 'const' ? String(arg.b.v).length : 0;
      if (plus > 0 || bare(arg)) {
        unit = measure;
        const n: Expr = { t: 'col', path: [lengthVar] };
        return plus > 0
          ? { t: 'op', op: '+', a: n, b: { t: 'const', v: plus * (unit === 'wide' ? 2 : 1) } }
          : unit === 'wide'
            ? { t: 'op', op: '*', a: n, b: { t: 'const', v: 1 } }
            : n;
      }
    }
    return undefined;
  });
  const uses = (name: string): boolean => some(viewed, e => e.t === 'col' && e.path[0] === name);
  const wholeLeft = uses(unknownName);
  if (positions.size === 1 && !wholeLeft && unit === null) {
    const position = [...positions][0]!;
    const f = family ?? codeFamily('', dialect);
    return { constraint: { kind: 'char', position, family: f, test: charTest(viewed, f, dialect, uses(charVar)) }, nullAs };
  }
  if (unit !== null && positions.size === 0 && !wholeLeft) {
    const test = (n: number): Val => evaluate(viewed, { dialect, vars: new Map([[lengthVar, n]]) });
    return { constraint: { kind: 'length', unit, ...numberSets(viewed, test, 0, 10_000_000) }, nullAs };
  }
  if (positions.size > 0 && wholeLeft) return null;
  const whole = (value: string): Val => evaluate(condition, { dialect, vars: new Map([[unknownName, value]]) });
  const segment = readSegment(condition, bare, number, dialect);
  if (segment) return { constraint: segment, nullAs };
  if (condition.t === 'op' || condition.t === 'between' || condition.t === 'in') {
    const stripped = replace(condition, e => (bare(e) ? { t: 'col', path: [lengthVar] } : undefined));
    const numeric = !some(stripped, e => (e.t === 'const' && typeof e.v === 'string' && !/^-?\d+$/.test(e.v)) || e.t === 'call');
    if (numeric && some(stripped, e => e.t === 'col' && e.path[0] === lengthVar)) {
      const test = (n: number): Val => evaluate(stripped, { dialect, vars: new Map([[lengthVar, n]]) });
      return { constraint: { kind: 'number', ...numberSets(stripped, test, -1_000_000_000_000, 1_000_000_000_000_000) }, nullAs };
    }
  }
  return { constraint: { kind: 'whole', test: whole }, nullAs };
}

/** Whole numbers at which a comparison can change its answer. */
function breakPoints(e: Expr, into: Set<number>): void {
  if (e.t === 'const') {
    for (const v of [typeof e.v === 'number' ? e.v : null, e.n ?? null, typeof e.v === 'string' && /^-?\d{1,15}$/.test(e.v) ? Number(e.v) : null]) {
      if (v !== null && Number.isFinite(v)) for (const d of [-1, 0, 1]) into.add(Math.floor(v) + d);
    }
  }
  for (const c of children(e)) breakPoints(c, into);
}

function numberSets(e: Expr, test: (n: number) => Val, lo: number, hi: number): { yes: CodeSet; no: CodeSet } {
  const points = new Set<number>();
  breakPoints(e, points);
  const list = [...points].filter(p => p > lo && p <= hi).sort((a, b) => a - b);
  const all =
    list.flatMap(p => list.map(q => p + q)).length < 400
      ? [...new Set([...list, ...list.flatMap(p => list.flatMap(q => [p - q, p + q]))])].filter(p => p > lo && p <= hi).sort((a, b) => a - b)
      : list;
  return sets([lo, ...all], hi, test);
}

/** Ranges between break points, judged by their first and last member. */
function sets(starts: readonly number[], hi: number, test: (n: number) => Val): { yes: CodeSet; no: CodeSet } {
  const yes: [number, number][] = [];
  const no: [number, number][] = [];
  for (let i = 0; i < starts.length; i++) {
    const from = starts[i]!;
    const to = i + 1 < starts.length ? starts[i + 1]! - 1 : hi;
    if (from > to) continue;
    for (const v of new Set([truth(test(from)), truth(test(to))])) {
      if (v === 1 || v === undefined) yes.push([from, to]);
      if (v === 0 || v === null || v === undefined) no.push([from, to]);
    }
  }
  return { yes: makeSet(yes), no: makeSet(no) };
}

function charTest(e: Expr, family: CodeFamily, dialect: SqlDialect, usesText: boolean): CharTest {
  const max = maxCode[family];
  const test = (code: number): Val =>
    evaluate(e, {
      dialect,
      vars: new Map<string, Val>([
        [codeVar, code],
        [charVar, usesText ? codeText(code, family) : ''],
      ]),
    });
  const endCode = codeOf('ASCII', '', dialect);
  const end = truth(
    evaluate(e, {
      dialect,
      vars: new Map<string, Val>([
        [codeVar, endCode],
        [charVar, dialect === 'oracle' ? null : ''],
      ]),
    }),
  );
  const ends = { endYes: end === 1 || end === undefined, endNo: end !== 1 };
  const simple = simpleSet(e, max);
  if (simple) return { how: 'set', ...simple, ...ends };
  if (!piecewise(e)) {
    const bit = bitOf(test, family);
    if (bit) return { how: 'bit', ...bit };
    const yes: [number, number][] = [];
    const no: [number, number][] = [];
    for (let code = 1; code <= 255; code++) {
      const v = truth(test(code));
      if (v === 1 || v === undefined) yes.push([code, code]);
      if (v !== 1) no.push([code, code]);
    }
    if (max > 255) {
      const far =
        usesText && !some(e, x => x.t === 'const' && typeof x.v === 'string' && /[^\u0000-\u00ff]/.test(x.v))
          ? new Set([0x3042, 0x4e00, 0xff71].filter(p => p <= max).map(p => truth(test(p))))
          : new Set([undefined]);
      if (far.has(1) || far.has(undefined)) yes.push([256, max]);
      if (far.has(0) || far.has(null) || far.has(undefined)) no.push([256, max]);
    }
    return { how: 'set', yes: makeSet(yes), no: makeSet(no), ...ends };
  }
  const points = new Set<number>([1]);
  breakPoints(e, points);
  if (usesText) textPoints(e, family, points);
  return {
    how: 'set',
    ...sets(
      [...points].filter(p => p >= 1 && p <= max).sort((a, b) => a - b),
      max,
      test,
    ),
    ...ends,
  };
}

const flipped: Record<string, string> = { '<': '>', '>': '<', '<=': '>=', '>=': '<=', '=': '=', '!=': '!=' };

/** The commonest forms without evaluation: code cmp n, code [NOT] IN (…), code [NOT] BETWEEN a AND b. */
function simpleSet(e: Expr, max: number): { yes: CodeSet; no: CodeSet } | null {
  const isCode = (x: Expr): boolean => x.t === 'col' && x.path[0] === codeVar;
  const value = (x: Expr): number | null => (x.t === 'const' ? (typeof x.v === 'number' ? x.v : (x.n ?? null)) : null);
  const both = (yes: CodeSet, negated: boolean): { yes: CodeSet; no: CodeSet } => {
    const no: [number, number][] = [];
    let from = 1;
    for (const [lo, hi] of yes) {
      if (lo > from) no.push([from, lo - 1]);
      from = hi + 1;
    }
    if (from <= max) no.push([from, max]);
    return negated ? { yes: no, no: yes } : { yes, no };
  };
  if (e.t === 'op' && flipped[e.op] !== undefined) {
    const [op, n] = isCode(e.a) ? [e.op, value(e.b)] : isCode(e.b) ? [flipped[e.op]!, value(e.a)] : ['', null];
    if (n === null || !Number.isInteger(n)) return null;
    const range: [number, number] = op === '>' ? [n + 1, max] : op === '>=' ? [n, max] : op === '<' ? [1, n - 1] : op === '<=' ? [1, n] : [n, n];
    return both(makeSet([[Math.max(1, range[0]), Math.min(max, range[1])]]), op === '!=');
  }
  if (e.t === 'in' && !e.select && isCode(e.a)) {
    const list = e.list.map(value);
    if (list.some(v => v === null)) return null;
    return both(makeSet(list.filter(v => v! >= 1 && v! <= max).map(v => [v!, v!])), e.negated);
  }
  if (e.t === 'between' && isCode(e.a)) {
    const lo = value(e.lo);
    const hi = value(e.hi);
    if (lo === null || hi === null) return null;
    return both(makeSet([[Math.max(1, lo), Math.min(max, hi)]]), e.negated);
  }
  return null;
}

/** True when the answer can only change at constants: comparisons, sets, ranges, GREATEST, LEAST, CASE and their boolean mixes. */
function piecewise(e: Expr): boolean {
  switch (e.t) {
    case 'const':
    case 'col':
      return true;
    case 'op':
      return ['=', '!=', '<', '>', '<=', '>=', '<=>', 'AND', 'OR', 'XOR'].includes(e.op) && piecewise(e.a) && piecewise(e.b);
    case 'not':
    case 'cast':
    case 'is':
      return piecewise(e.a);
    case 'sign':
      return e.a.t === 'const';
    case 'in':
      return !e.select && piecewise(e.a) && e.list.every(piecewise);
    case 'between':
      return piecewise(e.a) && piecewise(e.lo) && piecewise(e.hi);
    case 'case':
      return children(e).every(piecewise);
    case 'call':
      return (
        (['GREATEST', 'LEAST', 'STRCMP', 'IF', 'IIF', 'BINARY', 'NULLIF', 'INTERVAL'].includes(e.name) && e.args.every(piecewise)) ||
        (['CHR', 'CHAR', 'NCHAR'].includes(e.name) && e.args.every(a => a.t === 'const'))
      );
    default:
      return false;
  }
}

function textPoints(e: Expr, family: CodeFamily, into: Set<number>): void {
  const add = (text: string): void => {
    const first = [...text][0];
    if (first === undefined) return;
    for (const ch of new Set([first, first.toLowerCase(), first.toUpperCase()])) {
      const code = textCode(ch, family);
      if (code !== null) for (const d of [-1, 0, 1]) into.add(code + d);
    }
  };
  if (e.t === 'const' && typeof e.v === 'string') add(e.v);
  if (e.t === 'call' && ['CHR', 'CHAR', 'NCHAR'].includes(e.name))
    for (const a of e.args) if (a.t === 'const' && typeof a.v === 'number' && a.v > 0 && a.v <= 0x10ffff) add(String.fromCodePoint(a.v));
  for (const edge of [0x40, 0x41, 0x5a, 0x5b, 0x60, 0x61, 0x7a, 0x7b]) into.add(edge);
  for (const c of children(e)) textPoints(c, family, into);
}

/** The one bit a condition depends on, found by asking: `code & 4`, `code >> 2 & 1`, `MOD(code DIV 4, 2)`, a digit of BIN(code). */
function bitOf(test: (code: number) => Val, family: CodeFamily): { bit: number; whenSet: boolean } | null {
  const limit = family === 'byte' ? 8 : family === 'utf8' ? 32 : family === 'utf16' ? 16 : 21;
  const t = (code: number): 0 | 1 | null | undefined => truth(test(code));
  const zero = t(0);
  if (zero !== 0 && zero !== 1) return null;
  let bit = -1;
  for (let b = 0; b < limit; b++) {
    if (t(2 ** b) === zero) continue;
    if (bit >= 0) return null;
    bit = b;
  }
  if (bit < 0) return null;
  for (const sample of [0x55, 0x2a, 0x7f, 0x61, 0x31, 0x40, 0x1fff, 0x3042, 0xff71]) {
    if (sample >= 2 ** limit) continue;
    const set = Math.floor(sample / 2 ** bit) % 2 === 1;
    if ((t(sample) !== zero) !== set) return null;
  }
  return { bit, whenSet: zero === 0 };
}

/** The text of a code, or '' when it stands for none. */
export function codeText(code: number, family: CodeFamily): string {
  if (code <= 0) return '';
  if (family === 'utf16') return String.fromCharCode(code);
  if (family === 'point') return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : '';
  if (family === 'byte') return code < 128 ? String.fromCharCode(code) : '';
  if (code < 128) return String.fromCharCode(code);
  const bytes: number[] = [];
  for (let c = code; c > 0; c = Math.floor(c / 256)) bytes.unshift(c % 256);
  const buffer = Buffer.from(bytes);
  const text = buffer.toString('utf8');
  return [...text].length === 1 && !text.includes('\ufffd') ? text : '';
}

function textCode(ch: string, family: CodeFamily): number | null {
  if (family === 'utf16') return ch.charCodeAt(0);
  if (family === 'utf8') return Buffer.from(ch).reduce((n, b) => n * 256 + b, 0);
  if (family === 'byte') return Buffer.from(ch)[0]!;
  return ch.codePointAt(0) ?? null;
}

/**
 * A hexadecimal literal is a text beside a column of texts and a number beside a column of numbers: `points = 0x3534` is false where points is 54. So a "no" tells
 * nothing, and a "yes" tells the text where the number would be beyond what columns hold.
 */
function readHexGuess(text: string, number: number): Constraint {
  if (text.length > 2) return { kind: 'segment', position: 1, sets: [...text].map(c => [c]), end: true, yesOnly: true };
  return { kind: 'whole', test: value => (value === text || Number(value) === number ? undefined : 0) };
}

/** LEFT(u,3)='abc', SUBSTR(u,4,2)='de', u LIKE 'abc%', u REGEXP '^ab[cd]', u = 'abc', and their NOT. */
function readSegment(e: Expr, bare: (e: Expr) => boolean, number: (e: Expr) => number | null, dialect: SqlDialect): Constraint | null {
  const fold = dialect === 'mysql' || dialect === 'mssql' || dialect === 'any';
  const text = (x: Expr): string | null => {
    const v = evaluate(x, { dialect, vars: new Map() });
    return typeof v === 'string' ? v : typeof v === 'number' ? String(v) : null;
  };
  const chars = (s: string): string[] => (dialect === 'mssql' ? s.split('') : [...s]);
  const exact = (x: Expr): boolean => x.t === 'call' && x.name === 'BINARY';
  const variants = (s: string, insensitive: boolean): string[][] =>
    chars(s).map(c => (insensitive ? [...new Set([c, c.toLowerCase(), c.toUpperCase()])].filter(v => chars(v).length === 1) : [c]));
  if (e.t === 'op' && e.op === '=') {
    for (const [a, b] of [
      [e.a, e.b],
      [e.b, e.a],
    ] as const) {
      const value = text(b);
      if (value === null || value === '') continue;
      const sensitive = exact(a) || exact(b);
      if (bare(a) && b.t === 'const' && b.n !== undefined && Number.isFinite(Number(value))) return readHexGuess(value, b.n);
      if (bare(a))
        return /^\d+$/.test(value) && b.t === 'const' && typeof b.v === 'number'
          ? null
          : { kind: 'segment', position: 1, sets: variants(value, fold && !sensitive), end: true };
      const target = exact(a) && a.t === 'call' ? a.args[0]! : a;
      if (target.t !== 'call') continue;
      const n = target.name === 'LEFT' ? number(target.args[1]!) : substrings.has(target.name) && target.args.length === 3 ? number(target.args[2]!) : null;
      const from = target.name === 'LEFT' ? 1 : substrings.has(target.name) ? number(target.args[1]!) : null;
      if (n === null || from === null || from < 1 || !target.args[0] || !bare(target.args[0]) || chars(value).length > n) continue;
      return { kind: 'segment', position: from, sets: variants(value, fold && !sensitive), end: chars(value).length < n };
    }
    return null;
  }
  if (e.t !== 'match' || e.negated || !bare(e.a.t === 'call' && e.a.name === 'BINARY' ? e.a.args[0]! : e.a)) return null;
  const pattern = text(e.b);
  if (pattern === null) return null;
  const insensitive =
    e.how === 'ilike' || e.how === 'iregexp' || (!exact(e.a) && !exact(e.b) && (fold || (e.how === 'like' && dialect === 'sqlite')) && e.how !== 'glob');
  if (e.how === 'like' || e.how === 'ilike' || e.how === 'glob') {
    const many = e.how === 'glob' ? '*' : '%';
    const m = pattern.endsWith(many) ? pattern.slice(0, -1) : pattern;
    const plain = e.how === 'glob' ? m : m.replace(/\\([%_\\])/g, '\u0000$1');
    if ((e.how === 'glob' ? /[*?[]/ : /(?<!\u0000)[%_]|\[/).test(plain) || m === '') return null;
    return { kind: 'segment', position: 1, sets: variants(plain.replaceAll('\u0000', ''), insensitive), end: !pattern.endsWith(many) };
  }
  return readPattern(pattern, insensitive);
}

/** `^abc`, `^ab[c-f]`, `^a\.b$`, `^.{2}x` as a segment; null when there is more in it. */
function readPattern(pattern: string, insensitive: boolean): Constraint | null {
  if (!pattern.startsWith('^')) return null;
  const sets: string[][] = [];
  let end = false;
  let start = 1;
  for (let i = 1; i < pattern.length; i++) {
    const ch = pattern[i]!;
    let set: string[];
    if (ch === '$' && i === pattern.length - 1) {
      end = true;
      break;
    }
    if (ch === '.' && sets.length === 0) {
      const m = /^\.\{(\d+)\}/.exec(pattern.slice(i));
      start += m ? Number(m[1]) : 1;
      i += m ? m[0].length - 1 : 0;
      continue;
    }
    if (ch === '[') {
      const close = pattern.indexOf(']', i + 2);
      if (close < 0 || pattern[i + 1] === '^' || pattern[i + 1] === '[') return null;
      set = [];
      const body = [...pattern.slice(i + 1, close)];
      for (let j = 0; j < body.length; j++) {
        if (body[j + 1] === '-' && body[j + 2] !== undefined) {
          for (let c = body[j]!.codePointAt(0)!; c <= Math.min(body[j + 2]!.codePointAt(0)!, body[j]!.codePointAt(0)! + 2000); c++)
            set.push(String.fromCodePoint(c));
          j += 2;
        } else set.push(body[j]!);
      }
      i = close;
    } else if (ch === '\\' && i + 1 < pattern.length && /\W/.test(pattern[i + 1]!)) set = [pattern[++i]!];
    else if (/[.*+?(){}|\\]/.test(ch)) {
      if (/^\.\*\$?$/.test(pattern.slice(i))) break;
      return null;
    } else {
      const cp = String.fromCodePoint(pattern.codePointAt(i)!);
      i += cp.length - 1;
      set = [cp];
    }
    sets.push(insensitive ? [...new Set(set.flatMap(c => [c, c.toLowerCase(), c.toUpperCase()]))] : set);
  }
  return sets.length > 0 || end ? { kind: 'segment', position: start, sets, end } : null;
}
