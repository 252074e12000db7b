import { type SqlDialect, tokenizeSql } from '../../detections/sql/index.ts';
import { evaluate } from './evaluate.ts';
import { parseFragment } from './fragment.ts';
import { blankComments, guessDialect } from './guess-dialect.ts';
import { printExpr } from './print.ts';
import { children, type Expr, type Fragment, replace, type Select, some } from './syntax.ts';

export type Technique = 'boolean' | 'time';

/** What one injected text asks the database, and how the answer comes back. */
export type Question = {
  readonly technique: Technique;
  readonly dialect: SqlDialect;
  /** The yes-or-no condition; the unknown stands in it as the variable `?u`. */
  readonly condition: Expr;
  /** The unknown (a sub-select, a column, VERSION() …); null when the condition is constant: a calibration. */
  readonly unknown: Expr | null;
  /** Every place of the unknown in the condition as it was written. */
  readonly copies: readonly Expr[];
  /** The expression around the condition with numbers masked: one shape, one meaning of an answer. */
  readonly shape: string;
  /** The shape with the text before the injection masked too. */
  readonly looseShape: string;
  /** Seconds of delay the payload asks for, when it is a constant. */
  readonly delay: number | null;
};

export const unknownName = '?u';
const unknownVar: Expr = { t: 'col', path: [unknownName] };
const hole: Expr = { t: 'col', path: ['?condition'] };

const infoCalls = new Set([
  'VERSION',
  'USER',
  'CURRENT_USER',
  'SESSION_USER',
  'SYSTEM_USER',
  'DATABASE',
  'SCHEMA',
  'CURRENT_DATABASE',
  'CURRENT_SCHEMA',
  'DB_NAME',
  'HOST_NAME',
  'SUSER_NAME',
  'USER_NAME',
  'SQLITE_VERSION',
  'SYS_CONTEXT',
  'INET_SERVER_ADDR',
  '@@VERSION',
  '@@HOSTNAME',
  '@@DATADIR',
  '@@SERVERNAME',
  'CURRENT_SETTING',
  'LOAD_FILE',
  'PG_READ_FILE',
  'IS_SRVROLEMEMBER',
]);
const infoNames = new Set(['user', 'current_user', 'session_user', 'system_user', 'current_database', 'current_schema', 'banner']);
const delayCalls = new Set([
  'SLEEP',
  'PG_SLEEP',
  'BENCHMARK',
  'DBMS_PIPE.RECEIVE_MESSAGE',
  'RECEIVE_MESSAGE',
  'DBMS_LOCK.SLEEP',
  'USER_LOCK.SLEEP',
  'RANDOMBLOB',
  'GENERATE_SERIES',
  'GET_HOST_ADDRESS',
  'ZEROBLOB',
  'DBMS_SESSION.SLEEP',
]);

/** Read one text as whole SQL, as the inside of a '…' and of a "…"; the reading that gives a question or an in-band select wins. */
export function readInjection(text: string, whole: boolean): { fragment: Fragment; question: Question | null } | null {
  const dialect = guessDialect(text);
  let best: { fragment: Fragment; question: Question | null; score: number } | null = null;
  const insides = whole
    ? ([''] as const)
    : text.includes("'")
      ? text.includes('"')
        ? (["'", '"', ''] as const)
        : (["'", ''] as const)
      : text.includes('"')
        ? (['"', ''] as const)
        : ([''] as const);
  for (const inside of insides) {
    const lex = dialect === 'mysql' && inside !== '' ? dialect : inside === '' ? dialect : dialect;
    const tokens = tokenizeSql(text, { dialect: lex === 'any' ? 'any' : lex, inside });
    if (tokens.length < 3 || tokens.length > 20_000) continue;
    const fragment = parseFragment(tokens, text);
    const question = readQuestion(fragment, dialect, text);
    const inband = fragment.unions.length > 0 || fragment.selects.length > 0 || fragment.stacked.length > 0;
    const score = (question ? scoreOf(question) : 0) + (inband ? 3 : 0) + (fragment.exprs.some(e => some(e, x => x.t === 'select')) ? 1 : 0);
    if (score > (best?.score ?? 0)) best = { fragment, question, score };
  }
  return best;
}

const scoreOf = (q: Question): number => (q.condition.t === 'opaque' ? 2 : q.unknown ? 8 : 4);

/** True for what only the database can know. */
export function isUnknown(e: Expr): boolean {
  switch (e.t) {
    case 'col':
      return e.path.length > 0 && !e.path[0]!.startsWith('?');
    case 'exists':
      return true;
    case 'select':
      if (e.select.from.length > 0 && e.select.from.every(f => f.call !== null && isDelay(f.call))) return false;
      return (
        (e.select.from.some(f => f.table.length > 0 || f.select !== null || f.call !== null) && !isDual(e.select)) ||
        e.select.items.some(i => some(i.expr, isUnknown))
      );
    case 'call':
      return (infoCalls.has(e.name) && e.args.every(a => !some(a, isUnknown))) || e.name.startsWith('@@');
    default:
      return false;
  }
}

const isDual = (s: Select): boolean => s.from.length === 1 && s.from[0]!.table.at(-1)?.toUpperCase() === 'DUAL';
const hasUnknown = (e: Expr): boolean => some(e, isUnknown);
function isDelay(e: Expr): boolean {
  return e.t === 'call' && delayCalls.has(e.name);
}
const hasDelay = (e: Expr): boolean =>
  some(
    e,
    x =>
      isDelay(x) ||
      (x.t === 'select' &&
        x.select.from.length > 2 &&
        x.select.from.every(f => f.table.length > 0) &&
        x.select.items.some(i => i.expr.t === 'call' && i.expr.name === 'COUNT')) ||
      (x.t === 'select' && x.select.from.some(f => f.call !== null && hasDelay(f.call))),
  );

function readQuestion(fragment: Fragment, dialect: SqlDialect, text: string): Question | null {
  const waits = /waitfor\s+delay\s+'(\d+):(\d+):(\d+)/i.exec(blankComments(text));
  const roots: Expr[] = [
    ...fragment.stacked.flatMap(s => [...s.exprs, ...(s.select ? [{ t: 'select', select: s.select } as Expr] : [])]),
    ...fragment.selects.flatMap(s => [...(s.where ? [s.where] : []), ...s.items.map(i => i.expr), ...s.orderBy.map(o => o.expr)]),
    ...fragment.exprs,
    ...fragment.unions.flatMap(u => u.items.map(i => i.expr)),
  ];
  let calibration: Question | null = null;
  for (const root of roots) {
    const timed = hasDelay(root) || waits !== null;
    const found = findCondition(root, timed);
    if (!found) continue;
    const question = makeQuestion(root, found, timed, dialect, waits ? Number(waits[1]) * 3600 + Number(waits[2]) * 60 + Number(waits[3]) : null);
    if (!question) continue;
    if (question.unknown) return hidesAnother(question.unknown) ? askOpaquely(roots, dialect, timed) : question;
    calibration ??= question;
  }
  return calibration ?? (fragment.unions.length + fragment.stacked.length === 0 ? askOpaquely(roots, dialect, waits !== null || roots.some(hasDelay)) : null);
}

const readsTable = (e: Expr): boolean => e.t === 'select' && e.select.from.some(f => f.table.length > 0) && isUnknown(e);

/** A sub-select chosen by a letter of another: what is asked is the other. */
const hidesAnother = (e: Expr): boolean =>
  e.t === 'select' && e.select.where !== null && some(e.select.where, x => x.t === 'call' && letterCalls.has(x.name) && some(x, readsTable));

/** A sub-select in a place whose bearing on the answer nobody can tell: that it was asked is all that is known. The innermost one holds the value. */
function askOpaquely(roots: readonly Expr[], dialect: SqlDialect, timed: boolean): Question | null {
  let unknown: Expr | null = null;
  for (const root of roots)
    some(root, x => {
      if (unknown === null && readsTable(x) && !children(x).some(c => some(c, readsTable))) unknown = x;
      return unknown !== null;
    });
  if (unknown === null) return null;
  return {
    technique: timed ? 'time' : 'boolean',
    dialect,
    condition: { t: 'opaque', text: '' },
    unknown,
    copies: [],
    shape: '?',
    looseShape: '?',
    delay: null,
  };
}

function makeQuestion(root: Expr, condition: Expr, timed: boolean, dialect: SqlDialect, wait: number | null): Question | null {
  const lifted = liftColumns(condition, root);
  const unknowns = new Map<string, Expr>();
  collect(lifted, unknowns);
  if (unknowns.size > 1) return null;
  const unknown = [...unknowns.values()][0] ?? null;
  if (unknown?.t === 'col' && !isInference(lifted)) return null;
  const key = [...unknowns.keys()][0];
  const copies: Expr[] = [];
  const inner =
    key === undefined
      ? lifted
      : replace(lifted, x => {
          if (!isUnknown(x) || printExpr(x, { keys: true }) !== key) return undefined;
          copies.push(x);
          return unknownVar;
        });
  const around = replaceNode(root, condition, hole);
  const mask = (e: Expr): Expr => maskExpr(e);
  const loose = printExpr(mask(around), { keys: true });
  const prefix = leftmost(around);
  const shape = prefix?.t === 'const' && prefix.v !== null ? `${String(prefix.v)}\u0000${loose}` : loose;
  return { technique: timed ? 'time' : 'boolean', dialect, condition: inner, unknown, copies, shape, looseShape: loose, delay: wait ?? delayOf(root) };
}

function collect(e: Expr, into: Map<string, Expr>): void {
  if (isUnknown(e)) {
    into.set(printExpr(e, { keys: true }), e);
    return;
  }
  if (e.t === 'select') {
    for (const i of e.select.items) collect(i.expr, into);
    return;
  }
  for (const c of children(e)) collect(c, into);
}

function leftmost(e: Expr): Expr | null {
  return e.t === 'op' ? leftmost(e.a) : e.t === 'in' || e.t === 'between' || e.t === 'match' ? leftmost(e.a) : e;
}

/** Numbers and texts as `#` and `$`, delays and markers too, select bodies included. */
function maskExpr(e: Expr): Expr {
  return replace(e, x => {
    if (x.t === 'const' && typeof x.v === 'number') return { t: 'col', path: ['#'] };
    if (x.t === 'const' && typeof x.v === 'string') return { t: 'col', path: ['$'] };
    if (x.t === 'select')
      return {
        t: 'select',
        select: {
          ...x.select,
          items: x.select.items.map(i => ({ ...i, expr: maskExpr(i.expr) })),
          where: x.select.where && maskExpr(x.select.where),
          limit: null,
          offset: null,
          top: null,
        },
      };
    return undefined;
  });
}

/** The same tree with one node (by identity) replaced, also inside sub-selects. */
function replaceNode(root: Expr, node: Expr, by: Expr): Expr {
  const inside = (s: Select): Select => ({
    ...s,
    items: s.items.map(i => ({ ...i, expr: replaceNode(i.expr, node, by) })),
    from: s.from.map(f => (f.select ? { ...f, select: inside(f.select) } : f)),
    where: s.where && replaceNode(s.where, node, by),
  });
  return replace(root, x => {
    if (x === node) return by;
    if (x.t === 'select' && some(x, y => y === node)) return { t: 'select', select: inside(x.select) };
    if (x.t === 'exists' && some(x, y => y === node))
      return { t: 'exists', select: { ...x.select, where: x.select.where && replaceNode(x.select.where, node, by) } };
    return undefined;
  });
}

function delayOf(root: Expr): number | null {
  let found: number | null = null;
  some(root, x => {
    if (x.t === 'call' && ['SLEEP', 'PG_SLEEP', 'DBMS_LOCK.SLEEP', 'RECEIVE_MESSAGE', 'DBMS_PIPE.RECEIVE_MESSAGE'].includes(x.name)) {
      const numbers = x.args.flatMap(a => constants(a));
      const n = Math.max(...numbers.filter(v => v > 0), 0);
      if (n > 0) found = Math.max(found ?? 0, n);
    }
    return false;
  });
  return found;
}

function constants(e: Expr): number[] {
  if (e.t === 'const') return typeof e.v === 'number' ? [e.v] : [];
  if (e.t === 'case') return [...e.whens.flatMap(w => constants(w.then)), ...(e.otherwise ? constants(e.otherwise) : [])];
  if (e.t === 'call' && (e.name === 'IF' || e.name === 'IIF')) return e.args.slice(1).flatMap(constants);
  return e.t === 'op' || e.t === 'sign' ? children(e).flatMap(constants) : [];
}

/** The node whose truth is what the intruder learns. Prefers the test of a CASE or IF, then the comparison that holds the unknown. */
function findCondition(root: Expr, timed: boolean): Expr | null {
  const guarded = findBranch(root, timed);
  if (guarded) return guarded;
  if (timed && root.t !== 'op' && root.t !== 'in' && root.t !== 'match') return hasUnknown(root) ? narrow(root) : null;
  return narrow(root);
}

/** The test of the CASE, IF, IIF, ELT, DECODE or NULLIF that decides what happens. */
function findBranch(e: Expr, timed: boolean): Expr | null {
  if (e.t === 'case' && e.whens.length >= 1) {
    const w = e.whens[0]!;
    const branches = [w.then, ...(e.otherwise ? [e.otherwise] : [])];
    if (!e.subject && isFork(w.when, branches) && !(hasUnknown(w.when) && findBranch(w.when, timed))) return w.when;
  }
  if (e.t === 'call' && (e.name === 'IF' || e.name === 'IIF') && e.args.length >= 2) {
    if (isFork(e.args[0]!, e.args.slice(1))) return findBranch(e.args[0]!, timed) ?? e.args[0]!;
  }
  if (e.t === 'call' && (e.name === 'ELT' || e.name === 'MAKE_SET') && e.args.length >= 2 && e.args.slice(1).every(b => !hasUnknown(b) || hasDelay(b)))
    return isTruth(e.args[0]!) ? e.args[0]! : null;
  if (e.t === 'call' && e.name === 'SLEEP' && e.args.length === 1) {
    const inner = findBranch(e.args[0]!, timed);
    if (inner) return inner;
    return hasUnknown(e.args[0]!) || e.args[0]!.t === 'op' ? narrow(e.args[0]!) : null;
  }
  if (e.t === 'op' && e.op === 'AND' && timed) {
    // cond AND SLEEP(5): the operand that does not delay decides
    const [slow, other] = hasDelay(e.b) && !findBranch(e.b, timed) ? [e.b, e.a] : hasDelay(e.a) && !findBranch(e.a, timed) ? [e.a, e.b] : [null, null];
    if (slow && other && hasUnknown(other)) return narrow(other);
  }
  for (const c of children(e)) {
    const found = findBranch(c, timed);
    if (found) return found;
  }
  return null;
}

/**
 * Branches that only carry the answer: constants, delays, failures, and columns of the statement itself where the test asks for something else or for
 * nothing (ORDER BY CASE WHEN … THEN name ELSE price END).
 */
const isFork = (test: Expr, branches: readonly Expr[]): boolean =>
  branches.every(b => !hasUnknown(b) || hasDelay(b) || isFailure(b) || (b.t === 'col' && (asksElsewhere(test) || !hasUnknown(test))));
const asksElsewhere = (e: Expr): boolean => some(e, x => x.t !== 'col' && isUnknown(x));

/** 1/0, a failing cast, a two-row sub-select: branches that only make an error. */
function isFailure(e: Expr): boolean {
  if (e.t === 'op' && (e.op === '/' || e.op === '*' || e.op === '%')) return true;
  if (e.t === 'cast') return true;
  if (e.t === 'select')
    return (
      e.select.unions.length > 0 ||
      e.select.from.every(f => /information_schema|sysobjects|dual|pg_|sqlite_|all_|user_|generate/i.test(f.table.join('.'))) ||
      e.select.items.every(i => !hasUnknown(i.expr))
    );
  return e.t === 'call' && !infoCalls.has(e.name);
}

function isTruth(e: Expr): boolean {
  return (
    (e.t === 'op' && ['=', '!=', '<', '>', '<=', '>=', '<=>', 'AND', 'OR', 'XOR'].includes(e.op)) ||
    e.t === 'in' ||
    e.t === 'between' ||
    e.t === 'match' ||
    e.t === 'is' ||
    e.t === 'not' ||
    e.t === 'exists' ||
    (e.t === 'call' && e.name === 'REGEXP_LIKE')
  );
}

const connects = (e: Expr): boolean => e.t === 'op' && (e.op === 'AND' || e.op === 'OR' || e.op === 'XOR');

/** Down from a boolean tree to the operand that holds the unknown; without one, to the constant comparison of a calibration. */
function narrow(root: Expr): Expr | null {
  const operands = flatten(root);
  const asking = operands.filter(hasUnknown).filter(o => !(o.t === 'col' && operands.length > 1));
  if (asking.length === 0) {
    const constant = operands.filter(
      (o, i) =>
        (i > 0 || operands.length === 1) &&
        isTruth(o) &&
        !some(o, x => x.t === 'const' && x.open === true) &&
        evaluate(o, { dialect: 'any', vars: new Map() }) !== undefined,
    );
    return constant[0] ?? null;
  }
  if (asking.length > 1) {
    const inference = asking.filter(o =>
      some(
        o,
        x =>
          x.t === 'select' ||
          x.t === 'exists' ||
          (x.t === 'call' && infoCalls.has(x.name)) ||
          (x.t === 'call' && ['ASCII', 'ORD', 'UNICODE', 'SUBSTR', 'SUBSTRING', 'MID'].includes(x.name)),
      ),
    );
    return inference.length === 1 ? deepen(inference[0]!) : null;
  }
  return deepen(asking[0]!);
}

function flatten(e: Expr): Expr[] {
  if (connects(e)) return [...flatten((e as { a: Expr }).a), ...flatten((e as { b: Expr }).b)];
  if (e.t === 'select' && e.select.from.length === 0 && e.select.items.length === 1) return flatten(e.select.items[0]!.expr);
  return [e];
}

/** A condition that only tells whether another one holds (`1 = (cond)`, `1 - (cond)`, EXISTS (… WHERE cond)) gives way to that one. */
function deepen(e: Expr): Expr {
  if (e.t !== 'op' || connects(e)) return e;
  const inner = hasUnknown(e.a) && !hasUnknown(e.b) ? e.a : hasUnknown(e.b) && !hasUnknown(e.a) ? e.b : null;
  if (!inner || isUnknown(inner)) return e;
  if (isTruth(inner) || connects(inner)) return deepen(inner);
  if (!['-', '+', '*', '^', '/', '||'].includes(e.op)) return e;
  const deeper = deepen(inner);
  return isTruth(deeper) ? deeper : e;
}

/**
 * Conditions inside a sub-select (`EXISTS (SELECT 1 FROM t WHERE id = 1 AND pw LIKE 'a%')`, `(SELECT CASE WHEN pw > 'm' … FROM t WHERE …)`): the tested column
 * becomes the sub-select that gives it, with the other conditions as the row's selector.
 */
function liftColumns(condition: Expr, root: Expr): Expr {
  const holder = findHolder(root, condition);
  if (holder) return bindColumns(condition, holder);
  const peeled =
    condition.t === 'op' && (condition.a.t === 'select' || condition.b.t === 'select') ? (condition.a.t === 'select' ? condition.a : condition.b) : condition;
  if (peeled.t === 'exists' || peeled.t === 'select') {
    const s = (peeled as { select: Select }).select;
    const constantList = s.items.every(i => !hasUnknown(i.expr) || i.expr.t === 'star' || (i.expr.t === 'call' && i.expr.name === 'COUNT'));
    if (constantList && s.where && (peeled.t === 'exists' || s.items.length === 1)) {
      const tests = flattenAnd(s.where).filter(isInference);
      if (tests.length === 1) return bindColumns(tests[0]!, { ...s, where: joinAnd(flattenAnd(s.where).filter(x => x !== tests[0])) });
    }
  }
  return condition;
}

function findHolder(root: Expr, node: Expr): Select | null {
  let holder: Select | null = null;
  some(root, x => {
    if (x.t === 'select' && x.select.from.length > 0 && x.select.items.some(i => some(i.expr, y => y === node))) holder = x.select;
    return false;
  });
  return holder;
}

/** Functions that take a value apart. */
const letterCalls: ReadonlySet<string> = new Set([
  'ASCII',
  'ORD',
  'UNICODE',
  'SUBSTR',
  'SUBSTRING',
  'MID',
  'SUBSTRC',
  'LENGTH',
  'LEN',
  'CHAR_LENGTH',
  'LEFT',
  'RIGHT',
  'HEX',
  'INSTR',
]);

const isInference = (e: Expr): boolean =>
  (e.t === 'match' && e.b.t === 'const' && typeof e.b.v === 'string') || some(e, x => x.t === 'call' && letterCalls.has(x.name) && some(x, y => y.t === 'col'));

function flattenAnd(e: Expr): Expr[] {
  return e.t === 'op' && e.op === 'AND' ? [...flattenAnd(e.a), ...flattenAnd(e.b)] : [e];
}
const joinAnd = (list: readonly Expr[]): Expr | null => list.reduce<Expr | null>((a, b) => (a ? { t: 'op', op: 'AND', a, b } : b), null);

function bindColumns(condition: Expr, holder: Select): Expr {
  const parts = flattenAnd(condition);
  const tests = parts.filter(isInference);
  const rows = parts.length > 1 && tests.length === 1 ? parts.filter(p => p !== tests[0]) : [];
  const test = rows.length > 0 ? tests[0]! : condition;
  const where = joinAnd([...(holder.where ? flattenAnd(holder.where) : []), ...rows]);
  return replace(test, x =>
    x.t === 'col' && !x.path[0]!.startsWith('?') && !infoNames.has(x.path[0]!.toLowerCase())
      ? { t: 'select', select: { ...holder, items: [{ expr: x, alias: null }], where, unions: [] } }
      : undefined,
  );
}
