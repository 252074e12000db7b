import { hexText, type SqlToken } from '../../detections/sql/index.ts';
import { type Cursor, isOp, isPunct, isReserved, isWord, maxDepth, opaque, peek, readName, takePunct, takeWord } from './cursor.ts';
import { parseSelect } from './parse-select.ts';
import type { Expr } from './syntax.ts';

const comparisons = new Set(['=', '<', '>', '<=', '>=', '<>', '!=', '<=>', '!<', '!>', '^=', '~', '~*', '!~', '!~*', '~~', '~~*', '!~~', '!~~*']);
/** One expression; stops before the first token that cannot continue it. */
export function parseExpr(c: Cursor, minimum = 0): Expr {
  if (c.depth > maxDepth) {
    const from = c.at;
    c.at = c.tokens.length;
    return opaque(c, from);
  }
  c.depth++;
  const e = parseBinary(c, parseUnary(c), minimum);
  c.depth--;
  return e;
}

/** The expression that goes on after its left side. */
export function parseBinary(c: Cursor, left: Expr, minimum: number): Expr {
  for (;;) {
    const t = peek(c);
    if (!t) return left;
    const p = precedence(c, t);
    if (p < 0 || p < minimum) return left;
    const op = t.value;
    if (t.kind === 'word' && !['AND', 'OR', 'XOR', 'DIV', 'MOD'].includes(op)) {
      left = parsePredicate(c, left, p);
      continue;
    }
    c.at++;
    if (op === '::') {
      left = { t: 'cast', a: left, type: parseType(c) };
      continue;
    }
    if (comparisons.has(op) && isWord(peek(c), 'ANY', 'ALL', 'SOME') && isPunct(peek(c, 1), '(')) c.at++;
    const right = parseExpr(c, p + 1);
    left =
      op.includes('~') && comparisons.has(op)
        ? matchOf(op, left, right)
        : { t: 'op', op: op === '&&' ? 'AND' : op === '^=' || op === '<>' ? '!=' : op === '!<' ? '>=' : op === '!>' ? '<=' : op, a: left, b: right };
  }
}

function matchOf(op: string, a: Expr, b: Expr): Expr {
  const like = op.includes('~~');
  const insensitive = op.endsWith('*');
  return { t: 'match', how: like ? (insensitive ? 'ilike' : 'like') : insensitive ? 'iregexp' : 'regexp', a, b, negated: op.startsWith('!') };
}

function precedence(c: Cursor, t: SqlToken): number {
  if (t.kind === 'operator') {
    switch (t.value) {
      case '||':
        return 7;
      case '&&':
        return 2;
      case '|':
        return 8;
      case '&':
        return 9;
      case '<<':
      case '>>':
        return 10;
      case '+':
      case '-':
        return 11;
      case '*':
      case '/':
      case '%':
        return 12;
      case '^':
      case '#':
        return 13;
      case '->':
      case '->>':
      case '#>':
      case '#>>':
        return 14;
      case '::':
        return 15;
      case ':=':
        return 0;
      case '!':
      case '@':
      case '@@':
        return -1;
      default:
        return comparisons.has(t.value) ? 5 : 6;
    }
  }
  if (t.kind !== 'word') return -1;
  switch (t.value) {
    case 'OR':
      return 0;
    case 'XOR':
      return 1;
    case 'AND':
      return 2;
    case 'IS':
    case 'ISNULL':
    case 'NOTNULL':
    case 'IN':
    case 'LIKE':
    case 'ILIKE':
    case 'RLIKE':
    case 'REGEXP':
    case 'BETWEEN':
    case 'GLOB':
    case 'SIMILAR':
      return 5;
    case 'NOT':
      return isWord(peek(c, 1), 'IN', 'LIKE', 'ILIKE', 'RLIKE', 'REGEXP', 'BETWEEN', 'GLOB', 'SIMILAR', 'NULL') ? 5 : -1;
    case 'DIV':
    case 'MOD':
      return 12;
    case 'COLLATE':
      return 15;
    default:
      return -1;
  }
}

function parsePredicate(c: Cursor, a: Expr, p: number): Expr {
  const negated = takeWord(c, 'NOT');
  const word = peek(c)!.value;
  c.at++;
  switch (word) {
    case 'NULL':
      return { t: 'is', a, what: 'null', negated: true };
    case 'ISNULL':
      return { t: 'is', a, what: 'null', negated: false };
    case 'NOTNULL':
      return { t: 'is', a, what: 'null', negated: true };
    case 'COLLATE':
      c.at++;
      return a;
    case 'IS': {
      const not = takeWord(c, 'NOT');
      if (takeWord(c, 'NULL', 'UNKNOWN')) return { t: 'is', a, what: 'null', negated: not };
      if (takeWord(c, 'TRUE')) return { t: 'is', a, what: 'true', negated: not };
      if (takeWord(c, 'FALSE')) return { t: 'is', a, what: 'false', negated: not };
      takeWord(c, 'DISTINCT') && takeWord(c, 'FROM');
      return { t: 'op', op: not ? '!=' : '=', a, b: parseExpr(c, p + 1) };
    }
    case 'IN': {
      if (!takePunct(c, '(')) return { t: 'in', a, list: [parseExpr(c, p + 1)], select: null, negated };
      if (isWord(peek(c), 'SELECT')) {
        const select = parseSelect(c);
        takePunct(c, ')');
        return { t: 'in', a, list: [], select, negated };
      }
      return { t: 'in', a, list: parseList(c), select: null, negated };
    }
    case 'BETWEEN': {
      takeWord(c, 'SYMMETRIC', 'ASYMMETRIC');
      const lo = parseExpr(c, 6);
      if (!takeWord(c, 'AND')) return { t: 'op', op: '>=', a, b: lo };
      return { t: 'between', a, lo, hi: parseExpr(c, 6), negated };
    }
    default: {
      if (word === 'SIMILAR') takeWord(c, 'TO');
      takeWord(c, 'BINARY');
      const b = parseExpr(c, p + 1);
      if (takeWord(c, 'ESCAPE')) parseExpr(c, p + 1);
      if (word === 'SIMILAR') return { t: 'match', how: 'regexp', a, b: similarPattern(b), negated };
      const how = word === 'LIKE' ? 'like' : word === 'ILIKE' ? 'ilike' : word === 'GLOB' ? 'glob' : 'regexp';
      return { t: 'match', how, a, b, negated };
    }
  }
}

/** A pattern of SIMILAR TO as the regular expression it means: of the whole text, with % and _ as in LIKE. What is no plain text stays unknown. */
function similarPattern(e: Expr): Expr {
  if (e.t !== 'const' || typeof e.v !== 'string' || e.v.includes('\\')) return { t: 'opaque', text: '' };
  const body = e.v.replace(/[.^$]/g, '\\$&').replaceAll('%', '.*').replaceAll('_', '.');
  return { ...e, v: `^${/\|/.test(body) ? `(${body})` : body}$` };
}

/** Comma list up to the closing parenthesis, which is taken (or the end of the text). */
function parseList(c: Cursor): Expr[] {
  const list: Expr[] = [];
  while (c.at < c.tokens.length && !isPunct(peek(c), ')')) {
    const before = c.at;
    if (takePunct(c, ',')) continue;
    if (isWord(peek(c), 'DISTINCT', 'ALL', 'BOTH', 'LEADING', 'TRAILING')) c.at++;
    list.push(parseExpr(c));
    if (c.at === before) c.at++;
    if (!isPunct(peek(c), ',') && !isPunct(peek(c), ')') && peek(c)) {
      // SUBSTRING(x FROM p FOR n), POSITION(a IN b), CAST(a AS t), GROUP_CONCAT(x ORDER BY y SEPARATOR z)
      if (isWord(peek(c), 'FROM', 'FOR', 'USING', 'SEPARATOR', 'IN')) {
        c.at++;
        continue;
      }
      if (isWord(peek(c), 'AS')) {
        c.at++;
        list.push({ t: 'opaque', text: parseType(c) });
        continue;
      }
      if (isWord(peek(c), 'ORDER')) {
        skipOrder(c);
        continue;
      }
      c.at++;
    }
  }
  takePunct(c, ')');
  return list;
}

function skipOrder(c: Cursor): void {
  c.at++;
  takeWord(c, 'BY');
  for (;;) {
    const before = c.at;
    parseExpr(c);
    takeWord(c, 'ASC', 'DESC');
    if (c.at === before || !takePunct(c, ',')) return;
  }
}

/** A type name with its length: `VARCHAR(10000)`; array brackets are dropped. */
function parseType(c: Cursor): string {
  let name = '';
  while (peek(c)?.kind === 'word' || peek(c)?.kind === 'name') {
    if (name !== '' && (isReserved(peek(c)) || isWord(peek(c), 'AND', 'OR', 'NOT'))) break;
    name += (name ? ' ' : '') + peek(c)!.value;
    c.at++;
    if (takePunct(c, '.')) name += '.';
    if (
      !['DOUBLE', 'CHARACTER', 'TIMESTAMP', 'TIME', 'WITH', 'WITHOUT', 'UNSIGNED', 'SIGNED', 'NATIONAL', 'LONG'].includes(name.split(' ').at(-1)!) &&
      !name.endsWith('.')
    )
      break;
  }
  if (isPunct(peek(c), '(')) {
    let depth = 0;
    do {
      if (isPunct(peek(c), '(')) depth++;
      if (isPunct(peek(c), ')')) depth--;
      c.at++;
    } while (depth > 0 && c.at < c.tokens.length);
  }
  while (isPunct(peek(c), '[')) {
    c.at++;
    if (peek(c)?.kind === 'number') c.at++;
    takePunct(c, ']');
  }
  return name;
}

function parseUnary(c: Cursor): Expr {
  const t = peek(c);
  if (!t) return { t: 'opaque', text: '' };
  if (isWord(t, 'NOT')) {
    c.at++;
    return { t: 'not', a: parseExpr(c, 3) };
  }
  if (t.kind === 'operator') {
    if (t.value === '!') {
      c.at++;
      return { t: 'not', a: parseExpr(c, 14) };
    }
    if (t.value === '-' || t.value === '+' || t.value === '~') {
      c.at++;
      return { t: 'sign', op: t.value, a: parseExpr(c, 14) };
    }
    if (t.value === '*') {
      c.at++;
      return { t: 'star' };
    }
    return { t: 'opaque', text: '' };
  }
  if (isWord(t, 'BINARY')) {
    c.at++;
    return { t: 'call', name: 'BINARY', args: [parseExpr(c, 14)] };
  }
  if (isWord(t, 'PRIOR', 'DISTINCT', 'ALL') && !isPunct(peek(c, 1), ',') && !isPunct(peek(c, 1), ')')) {
    c.at++;
    return parseExpr(c, 14);
  }
  return parsePrimary(c, t);
}

function parsePrimary(c: Cursor, t: SqlToken): Expr {
  const from = c.at;
  switch (t.kind) {
    case 'string': {
      c.at++;
      let v = t.value;
      while (peek(c)?.kind === 'string' && from > 0) {
        v += peek(c)!.value;
        c.at++;
      }
      return { t: 'const', v, at: [t.start, c.tokens[c.at - 1]!.end], ...(!t.closed && { open: true }) };
    }
    case 'number':
      c.at++;
      return { t: 'const', v: Number(t.value), at: [t.start, t.end] };
    case 'hex':
      c.at++;
      return { t: 'const', v: hexText(t.value), at: [t.start, t.end], n: t.value.length <= 12 ? Number.parseInt(t.value || '0', 16) : Number.NaN };
    case 'bits':
      c.at++;
      return { t: 'const', v: Number.parseInt(t.value || '0', 2), at: [t.start, t.end] };
    case 'variable':
      c.at++;
      return { t: 'call', name: t.value.toUpperCase(), args: [] };
    case 'parameter':
      c.at++;
      return { t: 'opaque', text: t.value };
    case 'punct': {
      if (t.value === '(') return parseGroup(c);
      if (t.value === '[' || t.value === '{') {
        c.at++;
        return parseExpr(c);
      }
      return { t: 'opaque', text: '' };
    }
    case 'word':
    case 'name':
      return parseName(c, t);
    default:
      c.at++;
      return { t: 'opaque', text: t.value };
  }
}

function parseGroup(c: Cursor): Expr {
  c.at++;
  if (isWord(peek(c), 'SELECT')) {
    const select = parseSelect(c);
    takePunct(c, ')');
    return { t: 'select', select };
  }
  if (c.depth > maxDepth) {
    const from = c.at;
    c.at = c.tokens.length;
    return opaque(c, from);
  }
  c.depth++;
  const list = parseList(c);
  c.depth--;
  return list.length === 1 ? list[0]! : { t: 'row', items: list };
}

function parseName(c: Cursor, t: SqlToken): Expr {
  if (t.kind === 'word') {
    switch (t.value) {
      case 'NULL':
        c.at++;
        return { t: 'const', v: null };
      case 'TRUE':
        c.at++;
        return { t: 'const', v: true };
      case 'FALSE':
        c.at++;
        return { t: 'const', v: false };
      case 'CASE':
        return parseCase(c);
      case 'SELECT':
        return { t: 'select', select: parseSelect(c) };
      case 'EXISTS': {
        if (isPunct(peek(c, 1), '(')) {
          c.at += 2;
          const select = isWord(peek(c), 'SELECT') ? parseSelect(c) : null;
          takePunct(c, ')');
          return select ? { t: 'exists', select } : { t: 'opaque', text: 'EXISTS' };
        }
        break;
      }
      case 'INTERVAL':
        if (peek(c, 1)?.kind === 'string' || peek(c, 1)?.kind === 'number') {
          c.at += 2;
          takeWord(c, 'SECOND', 'MINUTE', 'DAY', 'HOUR', 'YEAR', 'MONTH');
          return { t: 'opaque', text: 'INTERVAL' };
        }
        break;
      default:
        break;
    }
    if (isReserved(t) && !isPunct(peek(c, 1), '(')) return { t: 'opaque', text: '' };
    if (isReserved(t) && !['LEFT', 'RIGHT', 'MOD', 'IN', 'VALUES', 'ISNULL'].includes(t.value)) return { t: 'opaque', text: '' };
  }
  const path = [readName(c)];
  while (isPunct(peek(c), '.') && (peek(c, 1)?.kind === 'word' || peek(c, 1)?.kind === 'name' || isOp(peek(c, 1), '*') || isPunct(peek(c, 1), '.'))) {
    c.at++;
    if (isPunct(peek(c), '.')) continue;
    if (isOp(peek(c), '*')) {
      c.at++;
      return { t: 'star' };
    }
    path.push(readName(c));
  }
  if (!isPunct(peek(c), '(')) return { t: 'col', path };
  c.at++;
  c.depth++;
  const name = path.at(-1)!.toUpperCase();
  const args = c.depth > maxDepth ? [] : parseList(c);
  c.depth--;
  let call: Expr = { t: 'call', name, args: name === 'POSITION' ? positionArgs(args) : args };
  if (name === 'CAST' || name === 'TRY_CAST' || name === 'SAFE_CAST') {
    const type = args[1];
    call = { t: 'cast', a: args[0] ?? { t: 'opaque', text: '' }, type: type?.t === 'opaque' ? type.text : '' };
  }
  if (isWord(peek(c), 'OVER', 'WITHIN')) {
    c.at++;
    takeWord(c, 'GROUP');
    if (takePunct(c, '(')) {
      while (c.at < c.tokens.length && !isPunct(peek(c), ')')) {
        const before = c.at;
        if (!takeWord(c, 'PARTITION', 'ORDER', 'BY', 'ASC', 'DESC') && !takePunct(c, ',')) parseExpr(c);
        if (c.at === before) c.at++;
      }
      takePunct(c, ')');
    }
  }
  while (isPunct(peek(c), '.') && isPunct(peek(c, 2), '(')) {
    c.at += 3;
    parseList(c);
  }
  return call;
}

/** POSITION (a IN b) was read as a test whether b holds a. */
function positionArgs(args: readonly Expr[]): readonly Expr[] {
  const [e] = args;
  if (args.length !== 1 || e?.t !== 'in') return args;
  const whole = e.select ? ({ t: 'select', select: e.select } as const) : e.list[0];
  return whole ? [e.a, whole] : args;
}

function parseCase(c: Cursor): Expr {
  c.at++;
  c.depth++;
  const subject = isWord(peek(c), 'WHEN') ? null : parseExpr(c);
  const whens: { when: Expr; then: Expr }[] = [];
  while (takeWord(c, 'WHEN')) {
    const when = parseExpr(c);
    takeWord(c, 'THEN');
    whens.push({ when, then: parseExpr(c) });
  }
  const otherwise = takeWord(c, 'ELSE') ? parseExpr(c) : null;
  takeWord(c, 'END');
  c.depth--;
  return { t: 'case', subject, whens, otherwise };
}
