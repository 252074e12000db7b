import { type Cursor, isPunct, isReserved, isWord, peek, readName, takePunct, takeWord } from './cursor.ts';
import { parseExpr } from './parse.ts';
import type { Expr, FromItem, OrderItem, Select, SelectItem } from './syntax.ts';

/** A SELECT from its first word to the first token that is not its own. */
export function parseSelect(c: Cursor): Select {
  c.at++;
  c.depth++;
  const distinct = takeWord(c, 'DISTINCT', 'DISTINCTROW', 'UNIQUE');
  takeWord(c, 'ALL');
  let top: Expr | null = null;
  if (takeWord(c, 'TOP')) {
    const bracket = takePunct(c, '(');
    top = parseExpr(c, 13);
    if (bracket) takePunct(c, ')');
    takeWord(c, 'PERCENT');
    if (isWord(peek(c), 'WITH') && isWord(peek(c, 1), 'TIES')) c.at += 2;
  }
  const items: SelectItem[] = [];
  for (;;) {
    const before = c.at;
    const expr = parseExpr(c);
    if (c.at === before) break;
    items.push({ expr, alias: readAlias(c) });
    if (!takePunct(c, ',')) break;
  }
  const tail: string[] = [];
  if (isWord(peek(c), 'INTO')) tail.push(readTail(c));
  const from: FromItem[] = [];
  const on: Expr[] = [];
  if (takeWord(c, 'FROM')) readFrom(c, from, on);
  const where = takeWord(c, 'WHERE') ? parseExpr(c) : null;
  const groupBy: Expr[] = [];
  if (isWord(peek(c), 'GROUP') && isWord(peek(c, 1), 'BY')) {
    c.at += 2;
    readComma(c, () => groupBy.push(parseExpr(c)));
  }
  const having = takeWord(c, 'HAVING') ? parseExpr(c) : null;
  const orderBy: OrderItem[] = [];
  if (isWord(peek(c), 'ORDER') && isWord(peek(c, 1), 'BY')) {
    c.at += 2;
    readComma(c, () => {
      const expr = parseExpr(c);
      const descending = isWord(peek(c), 'DESC');
      takeWord(c, 'ASC', 'DESC');
      if (takeWord(c, 'NULLS')) takeWord(c, 'FIRST', 'LAST');
      orderBy.push({ expr, descending });
    });
  }
  let limit: Expr | null = null;
  let offset: Expr | null = null;
  for (;;) {
    if (takeWord(c, 'LIMIT')) {
      if (takeWord(c, 'ALL')) continue;
      limit = parseExpr(c);
      if (takePunct(c, ',')) {
        offset = limit;
        limit = parseExpr(c);
      }
    } else if (takeWord(c, 'OFFSET')) {
      offset = parseExpr(c, 6);
      takeWord(c, 'ROW', 'ROWS');
    } else if (takeWord(c, 'FETCH')) {
      takeWord(c, 'FIRST', 'NEXT');
      limit = isWord(peek(c), 'ROW', 'ROWS') ? { t: 'const', v: 1 } : parseExpr(c, 6);
      takeWord(c, 'ROW', 'ROWS');
      takeWord(c, 'ONLY');
    } else if (isWord(peek(c), 'INTO') || (isWord(peek(c), 'FOR') && isWord(peek(c, 1), 'XML', 'JSON', 'UPDATE', 'SHARE'))) tail.push(readTail(c));
    else break;
  }
  const unions: Select[] = [];
  while (isWord(peek(c), 'UNION', 'EXCEPT', 'INTERSECT', 'MINUS')) {
    const before = c.at;
    c.at++;
    takeWord(c, 'ALL', 'DISTINCT');
    const bracket = takePunct(c, '(');
    if (!isWord(peek(c), 'SELECT') || c.depth > 100) {
      c.at = before;
      break;
    }
    unions.push(parseSelect(c));
    if (bracket) takePunct(c, ')');
  }
  c.depth--;
  return { distinct, top, items, from, on, where, groupBy, having, orderBy, limit, offset, unions, tail: tail.join(' ') };
}

function readComma(c: Cursor, read: () => void): void {
  do {
    const before = c.at;
    read();
    if (c.at === before) return;
  } while (takePunct(c, ','));
}

function readAlias(c: Cursor): string | null {
  if (takeWord(c, 'AS')) return readName(c);
  const t = peek(c);
  return t && (t.kind === 'name' || (t.kind === 'word' && !isReserved(t))) ? readName(c) : null;
}

function readFrom(c: Cursor, from: FromItem[], on: Expr[]): void {
  for (;;) {
    from.push(readTable(c));
    if (takePunct(c, ',')) continue;
    if (isWord(peek(c), 'ON')) {
      c.at++;
      on.push(parseExpr(c));
    }
    if (takeWord(c, 'USING')) parseExpr(c);
    let joined = false;
    while (takeWord(c, 'NATURAL', 'INNER', 'LEFT', 'RIGHT', 'FULL', 'OUTER', 'CROSS', 'JOIN', 'STRAIGHT_JOIN', 'LATERAL')) joined = true;
    if (!joined) return;
  }
}

function readTable(c: Cursor): FromItem {
  if (takePunct(c, '(')) {
    if (isWord(peek(c), 'SELECT')) {
      const select = parseSelect(c);
      takePunct(c, ')');
      return { table: [], select, call: null, alias: readAlias(c) };
    }
    const inner = readTable(c);
    takePunct(c, ')');
    return { ...inner, alias: readAlias(c) ?? inner.alias };
  }
  const t = peek(c);
  if (!t || (t.kind !== 'word' && t.kind !== 'name') || isReserved(t)) return { table: [], select: null, call: null, alias: null };
  const at = c.at;
  const table = [readName(c)];
  while (isPunct(peek(c), '.')) {
    c.at++;
    if (isPunct(peek(c), '.')) continue;
    table.push(readName(c));
  }
  if (isPunct(peek(c), '(')) {
    c.at = at;
    const call = parseExpr(c, 14);
    return { table: [], select: null, call, alias: readAlias(c) };
  }
  return { table, select: null, call: null, alias: readAlias(c) };
}

/** INTO … or FOR … as upper-case words, up to a bracket, a semicolon or the end. */
function readTail(c: Cursor): string {
  const words: string[] = [];
  while (peek(c) && !isPunct(peek(c), ')') && !isPunct(peek(c), ';') && !isWord(peek(c), 'FROM', 'WHERE', 'UNION')) words.push(c.tokens[c.at++]!.value);
  return words.join(' ');
}
