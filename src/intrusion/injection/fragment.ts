import type { SqlToken } from '../../detections/sql/index.ts';
import { type Cursor, isPunct, isWord, peek, takePunct, takeWord } from './cursor.ts';
import { parseBinary, parseExpr } from './parse.ts';
import { parseSelect } from './parse-select.ts';
import type { Expr, Fragment, Select } from './syntax.ts';

/** A torn payload or a statement, as far as it can be read. Total: never throws, reads every token once. */
export function parseFragment(tokens: readonly SqlToken[], text: string): Fragment {
  const c: Cursor = { tokens, text, at: 0, depth: 0 };
  const exprs: Expr[] = [];
  const unions: Select[] = [];
  const selects: Select[] = [];
  const stacked: Fragment['stacked'][number][] = [];
  let pending: Expr | null = null;
  const close = (): void => {
    if (pending) exprs.push(pending);
    pending = null;
  };
  while (c.at < tokens.length) {
    const t = peek(c)!;
    const before = c.at;
    if (isPunct(t, ')')) {
      c.at++;
      continue;
    }
    if (isWord(t, 'UNION', 'EXCEPT', 'INTERSECT')) {
      close();
      c.at++;
      takeWord(c, 'ALL', 'DISTINCT', 'DISTINCTROW');
      while (takePunct(c, '(')) {
        /* torn parentheses */
      }
      if (isWord(peek(c), 'SELECT')) unions.push(parseSelect(c));
      continue;
    }
    if (isPunct(t, ';')) {
      close();
      c.at++;
      const start = peek(c);
      if (!start) continue;
      const from = c.at;
      stacked.push(parseStacked(c));
      if (c.at === from) c.at++;
      continue;
    }
    if (isWord(t, 'SELECT') && !pending && c.at < 2) {
      selects.push(parseSelect(c));
      continue;
    }
    if (pending && isBinary(t)) {
      pending = parseBinary(c, pending, 0);
      if (c.at > before) continue;
    }
    if (
      isWord(
        t,
        'ORDER',
        'GROUP',
        'HAVING',
        'WHERE',
        'LIMIT',
        'OFFSET',
        'BY',
        'ON',
        'SET',
        'VALUES',
        'FROM',
        'INTO',
        'UPDATE',
        'INSERT',
        'DELETE',
        'WHEN',
        'THEN',
        'ELSE',
        'END',
        'AS',
        'ASC',
        'DESC',
        'PROCEDURE',
        'IF',
      ) ||
      isPunct(t, ',')
    ) {
      if (isWord(t, 'IF') && isPunct(peek(c, 1), '(')) {
        /* a call */
      } else {
        close();
        c.at++;
        continue;
      }
    }
    close();
    pending = parseExpr(c);
    if (c.at === before) {
      pending = null;
      c.at++;
    }
  }
  close();
  return { exprs, unions, selects, stacked };
}

function parseStacked(c: Cursor): Fragment['stacked'][number] {
  const first = peek(c)!;
  const from = c.at;
  const exprs: Expr[] = [];
  let select: Select | null = null;
  if (isWord(first, 'SELECT')) select = parseSelect(c);
  else if (isWord(first, 'IF')) {
    c.at++;
    exprs.push(parseExpr(c));
  }
  while (c.at < c.tokens.length && !isPunct(peek(c), ';')) {
    if (!select && isWord(peek(c), 'SELECT')) select = parseSelect(c);
    else c.at++;
  }
  const text = c.text.slice(first.start, c.tokens[Math.max(from, c.at - 1)]!.end);
  return { word: first.kind === 'word' ? first.value : '', exprs, select, text };
}

function isBinary(t: SqlToken): boolean {
  if (t.kind === 'operator') return t.value !== '!' && t.value !== '@';
  return isWord(
    t,
    'AND',
    'OR',
    'XOR',
    'DIV',
    'MOD',
    'IS',
    'IN',
    'NOT',
    'LIKE',
    'ILIKE',
    'RLIKE',
    'REGEXP',
    'BETWEEN',
    'COLLATE',
    'GLOB',
    'SIMILAR',
    'ISNULL',
    'NOTNULL',
  );
}
