import type { SqlDialect } from '../../detections/sql/index.ts';
import type { Expr } from './syntax.ts';

/** A SQL value; truth is 1 or 0; undefined = we cannot tell. */
export type Val = string | number | null | undefined;
export type Env = { readonly dialect: SqlDialect; readonly vars: ReadonlyMap<string, Val> };

/** What an expression is worth when its variables (`col` with one name found in `vars`) are known. Total. */
export function evaluate(e: Expr, env: Env): Val {
  switch (e.t) {
    case 'const':
      return typeof e.v === 'boolean' ? Number(e.v) : e.v;
    case 'col':
      return e.path.length === 1 ? env.vars.get(e.path[0]!) : undefined;
    case 'cast':
      return castTo(evaluate(e.a, env), e.type);
    case 'sign': {
      const n = toNumber(evaluate(e.a, env));
      return n === null || n === undefined ? n : e.op === '-' ? -n : e.op === '~' ? ~n : n;
    }
    case 'not': {
      const v = truth(evaluate(e.a, env));
      return v === null || v === undefined ? v : 1 - v;
    }
    case 'op':
      return operate(e, env);
    case 'in': {
      if (e.select) return undefined;
      const a = evaluate(e.a, env);
      let unknown = false;
      let isNull = a === null;
      for (const item of e.list) {
        const r = compare('=', a, side(item, a, env), env, isBinary(e.a));
        if (r === 1) return e.negated ? 0 : 1;
        if (r === undefined) unknown = true;
        if (r === null) isNull = true;
      }
      return unknown ? undefined : isNull ? null : e.negated ? 1 : 0;
    }
    case 'between': {
      const a = evaluate(e.a, env);
      const lo = compare('>=', a, side(e.lo, a, env), env);
      const hi = compare('<=', a, side(e.hi, a, env), env);
      const r = lo === 0 || hi === 0 ? 0 : lo === undefined || hi === undefined ? undefined : lo === null || hi === null ? null : 1;
      return e.negated && typeof r === 'number' ? 1 - r : r;
    }
    case 'match': {
      const a = evaluate(e.a, env);
      const b = evaluate(e.b, env);
      if (a === undefined || b === undefined) return undefined;
      if (a === null || b === null) return null;
      const r = matches(String(a), String(b), e.how, env.dialect, isBinary(e.a) || isBinary(e.b));
      return r === undefined ? undefined : Number(r !== e.negated);
    }
    case 'is': {
      const v = evaluate(e.a, env);
      if (v === undefined) return undefined;
      const is = e.what === 'null' ? v === null : truth(v) === (e.what === 'true' ? 1 : 0);
      return Number(is !== e.negated);
    }
    case 'case': {
      const subject = e.subject ? evaluate(e.subject, env) : null;
      for (const w of e.whens) {
        const when = evaluate(w.when, env);
        const hit = e.subject ? compare('=', subject, when, env) : truth(when);
        if (hit === undefined) return undefined;
        if (hit === 1) return evaluate(w.then, env);
      }
      return e.otherwise ? evaluate(e.otherwise, env) : null;
    }
    case 'select':
      return e.select.from.length === 0 && e.select.items.length === 1 && !e.select.where ? evaluate(e.select.items[0]!.expr, env) : undefined;
    case 'call':
      return callFunction(e.name, e.args, env);
    default:
      return undefined;
  }
}

const isBinary = (e: Expr): boolean => e.t === 'call' && e.name === 'BINARY';

/** A hex literal beside a number is a number. */
function side(e: Expr, other: Val, env: Env): Val {
  return e.t === 'const' && e.n !== undefined && typeof other === 'number' ? e.n : evaluate(e, env);
}

export function truth(v: Val): 0 | 1 | null | undefined {
  if (v === null || v === undefined) return v;
  const n = typeof v === 'number' ? v : /^(?:t|true|yes|on)$/i.test(v) ? 1 : toNumber(v);
  return n ? 1 : 0;
}

export function toNumber(v: Val): number | null | undefined {
  if (typeof v !== 'string') return v;
  const m = /^\s*[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+)/i.exec(v);
  return m ? Number(m[0]) : 0;
}

const isNumeric = (v: string): boolean => /^\s*[-+]?(?:\d+\.?\d*|\.\d+)\s*$/.test(v);
const insensitive = (d: SqlDialect): boolean => d === 'mysql' || d === 'mssql' || d === 'any';

function compare(op: string, a: Val, b: Val, env: Env, binary = false): 0 | 1 | null | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (op === '<=>') return Number((a === null && b === null) || (a !== null && b !== null && compare('=', a, b, env) === 1)) as 0 | 1;
  if (a === null || b === null) return null;
  let c: number;
  if (typeof a === 'number' || typeof b === 'number') {
    if ((typeof a === 'string' && !isNumeric(a)) || (typeof b === 'string' && !isNumeric(b))) {
      if (env.dialect !== 'mysql' && env.dialect !== 'any') return undefined;
    }
    c = toNumber(a)! - toNumber(b)!;
  } else {
    const fold = insensitive(env.dialect) && !binary;
    const x = fold ? a.toLowerCase() : a;
    const y = fold ? b.toLowerCase() : b;
    c = x === y ? 0 : compareCodePoints(x, y);
  }
  switch (op) {
    case '=':
      return c === 0 ? 1 : 0;
    case '!=':
      return c !== 0 ? 1 : 0;
    case '<':
      return c < 0 ? 1 : 0;
    case '>':
      return c > 0 ? 1 : 0;
    case '<=':
      return c <= 0 ? 1 : 0;
    default:
      return c >= 0 ? 1 : 0;
  }
}

/** Where a text stands in another or in a list, from 1; 0 where it does not. Letters of both cases are one where the dialect folds them; undefined where that is not known and matters. */
function placeOf(sought: string, whole: string | readonly string[], env: Env, binary: boolean): number | undefined {
  const exact = whole.indexOf(sought) + 1;
  if (binary || !insensitive(env.dialect)) return exact;
  const folded = (typeof whole === 'string' ? whole.toLowerCase() : whole.map(w => w.toLowerCase())).indexOf(sought.toLowerCase()) + 1;
  return folded === exact || env.dialect !== 'any' ? folded : undefined;
}

function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function operate(e: Extract<Expr, { t: 'op' }>, env: Env): Val {
  if (e.op === 'AND' || e.op === 'OR' || e.op === 'XOR') {
    const a = truth(evaluate(e.a, env));
    const b = truth(evaluate(e.b, env));
    if (e.op === 'XOR') return a === undefined || b === undefined ? undefined : a === null || b === null ? null : a ^ b;
    const strong = e.op === 'AND' ? 0 : 1;
    if (a === strong || b === strong) return strong;
    return a === undefined || b === undefined ? undefined : a === null || b === null ? null : 1 - strong;
  }
  const a0 = evaluate(e.a, env);
  const b = side(e.b, a0, env);
  const a = e.a.t === 'const' && e.a.n !== undefined && typeof b === 'number' ? e.a.n : a0;
  if (a === undefined || b === undefined) return undefined;
  if (['=', '!=', '<', '>', '<=', '>=', '<=>'].includes(e.op)) return compare(e.op, a, b, env, isBinary(e.a) || isBinary(e.b));
  if (a === null || b === null) return e.op === '||' && env.dialect === 'oracle' ? `${a ?? ''}${b ?? ''}` : null;
  if (e.op === '||' || (e.op === '+' && typeof a === 'string' && typeof b === 'string' && env.dialect !== 'mysql')) return `${a}${b}`;
  const x = toNumber(a)!;
  const y = toNumber(b)!;
  switch (e.op) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      return y === 0
        ? null
        : env.dialect === 'mysql' || env.dialect === 'oracle' || env.dialect === 'any'
          ? x / y
          : Number.isInteger(x) && Number.isInteger(y)
            ? Math.trunc(x / y)
            : x / y;
    case 'DIV':
      return y === 0 ? null : Math.trunc(x / y);
    case '%':
    case 'MOD':
      return y === 0 ? null : x % y;
    case '&':
      return Number(BigInt(Math.trunc(x)) & BigInt(Math.trunc(y)));
    case '|':
      return Number(BigInt(Math.trunc(x)) | BigInt(Math.trunc(y)));
    case '^':
      return env.dialect === 'postgresql' ? x ** y : Number(BigInt(Math.trunc(x)) ^ BigInt(Math.trunc(y)));
    case '#':
      return Number(BigInt(Math.trunc(x)) ^ BigInt(Math.trunc(y)));
    case '>>':
      return y >= 0 && y < 64 ? Math.floor(x / 2 ** y) : 0;
    case '<<':
      return y >= 0 && y < 31 ? x * 2 ** y : undefined;
    default:
      return undefined;
  }
}

function castTo(v: Val, type: string): Val {
  if (v === null || v === undefined) return v;
  return /^(?:INT|INTEGER|SIGNED|UNSIGNED|BIGINT|NUMERIC|NUMBER|DECIMAL|SMALLINT|TINYINT)/i.test(type)
    ? typeof v === 'string' && !isNumeric(v)
      ? undefined
      : toNumber(v)
    : v;
}

/** LIKE, GLOB or a regular expression. Undefined when the pattern is beyond us. */
export function matches(
  text: string,
  pattern: string,
  how: 'like' | 'ilike' | 'regexp' | 'iregexp' | 'glob',
  dialect: SqlDialect,
  binary: boolean,
): boolean | undefined {
  const fold = how === 'ilike' || how === 'iregexp' || (!binary && (insensitive(dialect) || (how === 'like' && dialect === 'sqlite')) && how !== 'glob');
  const source =
    how === 'regexp' || how === 'iregexp'
      ? pattern.replaceAll('[[:alpha:]]', '[a-zA-Z]').replaceAll('[[:digit:]]', '\\d').replaceAll('[[:<:]]', '\\b')
      : `^${likeSource(pattern, how, dialect)}$`;
  if (source.length > 400 || /[+*}]\)?[+*{]/.test(source)) return undefined;
  try {
    return new RegExp(source, fold ? 'isu' : 'su').test(text);
  } catch {
    return undefined;
  }
}

function likeSource(pattern: string, how: string, dialect: SqlDialect): string {
  let out = '';
  const many = how === 'glob' ? '*' : '%';
  const one = how === 'glob' ? '?' : '_';
  const chars = [...pattern];
  for (let i = 0; i < chars.length; i++) {
    const ch = chars[i]!;
    if (ch === many) out += '.*';
    else if (ch === one) out += '.';
    else if (ch === '\\' && i + 1 < chars.length && how !== 'glob' && dialect !== 'mssql' && dialect !== 'sqlite' && dialect !== 'oracle')
      out += chars[++i]!.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    else if (ch === '[' && (how === 'glob' || dialect === 'mssql')) {
      const close = chars.indexOf(']', i + 2);
      if (close < 0) {
        out += '\\[';
        continue;
      }
      out += `[${chars
        .slice(i + 1, close)
        .join('')
        .replace(/\\/g, '\\\\')}]`;
      i = close;
    } else out += ch.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  }
  return out;
}

/** What ASCII, ORD or UNICODE give for a text; null where the dialect gives NULL for ''. */
export function codeOf(name: string, text: string, dialect: SqlDialect): number | null {
  if (text === '') return dialect === 'mysql' || dialect === 'postgresql' || dialect === 'any' ? 0 : null;
  const cp = text.codePointAt(0)!;
  const family = codeFamily(name, dialect);
  if (family === 'utf16') return text.charCodeAt(0);
  if (family === 'byte') return Buffer.from(String.fromCodePoint(cp))[0]!;
  if (family === 'utf8') return Buffer.from(String.fromCodePoint(cp)).reduce((n, b) => n * 256 + b, 0);
  return cp;
}

/** How a code stands for a character: code point, UTF-16 unit, bytes of the character as one number, or its first byte only. */
export type CodeFamily = 'point' | 'utf16' | 'utf8' | 'byte';
export function codeFamily(name: string, dialect: SqlDialect): CodeFamily {
  if (name === 'ORD') return 'utf8';
  if (name === 'UNICODE' || name === 'NCHAR') return dialect === 'mssql' ? 'utf16' : 'point';
  if (name === 'ASCII') return dialect === 'mysql' ? 'byte' : dialect === 'oracle' ? 'utf8' : 'point';
  return dialect === 'mssql' ? 'utf16' : 'point';
}

function callFunction(name: string, args: readonly Expr[], env: Env): Val {
  const v = args.map(a => evaluate(a, env));
  const [a, b, c] = v;
  if (name === 'COALESCE' || name === 'IFNULL' || name === 'NVL' || (name === 'ISNULL' && v.length === 2)) return v.find(x => x !== null);
  if (name === 'IF' || name === 'IIF') {
    const t = truth(a);
    return t === undefined ? undefined : t === 1 ? b : (c ?? null);
  }
  if (name === 'DECODE') {
    for (let i = 1; i + 1 < v.length; i += 2) {
      const r = compare('=', a, v[i], env);
      if (r === undefined) return undefined;
      if (r === 1) return v[i + 1];
    }
    return v.length % 2 === 0 ? v.at(-1) : null;
  }
  if (name === 'NVL2') return a === undefined ? undefined : a !== null ? b : c;
  if (v.some(x => x === undefined)) return undefined;
  if (name === 'CONCAT' && env.dialect !== 'mysql') return v.map(x => x ?? '').join('');
  if (v.some(x => x === null)) return null;
  const s = String(a);
  const chars = (): string[] => (env.dialect === 'mssql' ? s.split('') : [...s]);
  switch (name) {
    case 'BINARY':
    case 'TO_CHAR':
    case 'TO_NCHAR':
    case 'STR':
    case 'N':
    case 'ANY_VALUE':
    case 'MAX':
    case 'MIN':
    case 'CONVERT':
    case 'QUOTE_LITERAL':
      return name === 'CONVERT' && v.length === 2 && b !== undefined && typeof b === 'string' ? b : a;
    case 'TO_NUMBER':
    case 'ABS':
    case 'FLOOR':
    case 'CEIL':
    case 'CEILING':
    case 'ROUND':
    case 'SIGN': {
      const n = toNumber(a)!;
      return name === 'ABS'
        ? Math.abs(n)
        : name === 'FLOOR'
          ? Math.floor(n)
          : name.startsWith('CEIL')
            ? Math.ceil(n)
            : name === 'SIGN'
              ? Math.sign(n)
              : name === 'ROUND'
                ? Math.round(n)
                : n;
    }
    case 'MOD':
      return toNumber(a)! % toNumber(b)!;
    case 'BITAND':
      return operate({ t: 'op', op: '&', a: args[0]!, b: args[1]! }, env);
    case 'POWER':
    case 'POW':
      return toNumber(a)! ** toNumber(b)!;
    case 'ASCII':
    case 'ORD':
    case 'UNICODE':
      return codeOf(name, s, env.dialect);
    case 'CHAR':
    case 'CHR':
    case 'NCHAR':
    case 'UNICHR': {
      const codes = v.map(x => toNumber(x)!);
      return codes.every(x => x >= 0 && x <= 0x10ffff && Number.isInteger(x)) ? String.fromCodePoint(...codes) : undefined;
    }
    case 'CONCAT':
      return v.join('');
    case 'CONCAT_WS':
      return v.slice(1).join(s);
    case 'UPPER':
    case 'UCASE':
      return s.toUpperCase();
    case 'LOWER':
    case 'LCASE':
      return s.toLowerCase();
    case 'TRIM':
    case 'LTRIM':
    case 'RTRIM':
      return name === 'TRIM' ? s.trim() : name === 'LTRIM' ? s.trimStart() : s.trimEnd();
    case 'REVERSE':
      return chars().reverse().join('');
    case 'LENGTH':
    case 'LEN':
    case 'CHAR_LENGTH':
    case 'CHARACTER_LENGTH':
      return name === 'LENGTH' && env.dialect === 'mysql' ? Buffer.byteLength(s) : name === 'LEN' ? s.trimEnd().length : chars().length;
    case 'OCTET_LENGTH':
    case 'LENGTHB':
      return Buffer.byteLength(s);
    case 'DATALENGTH':
      return s.length * 2;
    case 'SUBSTR':
    case 'SUBSTRING':
    case 'MID':
    case 'SUBSTRC':
    case 'SUBSTRB': {
      const from = toNumber(b)!;
      const start = from < 0 ? chars().length + from : Math.max(from - 1, 0);
      return chars()
        .slice(start, c === undefined ? undefined : start + toNumber(c)!)
        .join('');
    }
    case 'LEFT':
      return chars().slice(0, toNumber(b)!).join('');
    case 'RIGHT':
      return toNumber(b)! <= 0 ? '' : chars().slice(-toNumber(b)!).join('');
    case 'LPAD':
      return s.length >= toNumber(b)!
        ? s.slice(0, toNumber(b)!)
        : String(c ?? ' ')
            .repeat(toNumber(b)!)
            .slice(0, toNumber(b)! - s.length) + s;
    case 'RPAD':
      return s.slice(0, toNumber(b)!).padEnd(toNumber(b)!, String(c ?? ' '));
    case 'REPEAT':
    case 'REPLICATE':
      return s.length * toNumber(b)! < 1000 ? s.repeat(Math.max(0, toNumber(b)!)) : undefined;
    case 'REPLACE':
      return s.replaceAll(String(b), String(c));
    case 'STRCMP':
      return compare('=', a, b, env) === 1 ? 0 : compare('<', a, b, env) === 1 ? -1 : 1;
    case 'GREATEST':
    case 'LEAST':
      return v.reduce((x, y) => (compare(name === 'LEAST' ? '<=' : '>=', x, y, env) === 1 ? x : y));
    case 'NULLIF':
      return compare('=', a, b, env) === 1 ? null : a;
    case 'ELT':
      return v[toNumber(a)!] ?? null;
    case 'CHOOSE':
      return v[toNumber(a)!] ?? null;
    case 'FIELD': {
      const i = v.slice(1).findIndex(x => compare('=', a, x, env) === 1);
      return i + 1;
    }
    case 'FIND_IN_SET':
      return placeOf(s, String(b).split(','), env, args.some(isBinary));
    case 'INSTR':
    case 'STRPOS':
      return placeOf(String(b), s, env, args.some(isBinary));
    case 'LOCATE':
    case 'POSITION':
    case 'CHARINDEX':
      return placeOf(s, String(b), env, args.some(isBinary));
    case 'INTERVAL': {
      const n = toNumber(a)!;
      return v.slice(1).filter(x => toNumber(x)! <= n).length;
    }
    case 'HEX':
    case 'RAWTOHEX':
      return typeof a === 'number' ? a.toString(16).toUpperCase() : Buffer.from(s).toString('hex').toUpperCase();
    case 'UNHEX':
      return /^[0-9a-f]*$/i.test(s) ? Buffer.from(s, 'hex').toString() : null;
    case 'BIN':
      return Math.trunc(toNumber(a)!).toString(2);
    case 'OCT':
      return Math.trunc(toNumber(a)!).toString(8);
    case 'CONV': {
      const n = Number.parseInt(s, toNumber(b)!);
      return Number.isNaN(n) ? '0' : n.toString(toNumber(c)!).toUpperCase();
    }
    case 'TO_HEX':
      return Math.trunc(toNumber(a)!).toString(16);
    case 'TO_BASE64':
      return Buffer.from(s).toString('base64');
    case 'REGEXP_LIKE':
      return toBit(matches(s, String(b), 'regexp', env.dialect, false));
    case 'STARTS_WITH':
      return Number(s.startsWith(String(b)));
    default:
      return undefined;
  }
}

const toBit = (b: boolean | undefined): Val => (b === undefined ? undefined : Number(b));
