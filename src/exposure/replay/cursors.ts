import { type Ast, child, constantValue, number, parseStatements, text, unwrap } from '../sql/index.ts';

/** What one FETCH shows: the query of its cursor with the window fetched. `exact` is false where the window is not known. */
export type Fetched = { readonly select: Ast; readonly exact: boolean; readonly declared: number };

type Cursor = { readonly select: Ast; readonly declared: number; position: number; lost: boolean };

const all = 2 ** 31;

/** The cursors of every connection while a log is read: DECLARE opens one, FETCH shows its next rows, MOVE goes on without showing. */
export class Cursors {
  private readonly open = new Map<string, Cursor>();
  /** Numbers (as given to `declare`) of cursors of which some FETCH is in the log. */
  readonly fetched = new Set<number>();

  /** Take a statement of a connection; `declared` numbers a DECLARE. Null when it is not about cursors, or shows nothing. */
  take(conn: string | null, sqlText: string, declared: number): Fetched | 'declared' | 'unknown' | null {
    if (!/^\s*(?:declare|fetch|move)\b/i.test(sqlText)) return null;
    const parsed = parseStatements(sqlText);
    if ('error' in parsed || parsed.statements.length !== 1) return null;
    const [tag, body] = unwrap(parsed.statements[0]!);
    const key = `${conn ?? ''}\u0001${text(body, 'portalname')}`;
    if (tag === 'DeclareCursorStmt') {
      const select = child(child(body, 'query'), 'SelectStmt');
      if (!select) return null;
      this.open.set(key, { select, declared, position: 0, lost: false });
      return 'declared';
    }
    if (tag !== 'FetchStmt') return null;
    const cursor = this.open.get(key);
    if (!cursor) return body['ismove'] === true ? null : 'unknown';
    const many = Math.min(number(body, 'howMany') ?? 0, all);
    const forward = ['', 'FETCH_FORWARD'].includes(text(body, 'direction')) && many > 0;
    const select = forward && !cursor.lost ? windowed(cursor.select, cursor.position, many) : null;
    if (forward) cursor.position += many;
    else cursor.lost = true;
    if (body['ismove'] === true) return null;
    this.fetched.add(cursor.declared);
    return { select: select ?? cursor.select, exact: select !== null, declared: cursor.declared };
  }
}

/** A select cut to `many` rows after `skip`; null when its own LIMIT is no number. */
function windowed(select: Ast, skip: number, many: number): Ast | null {
  const own = (key: string): number | null => {
    const node = child(select, key);
    if (!node) return key === 'limitOffset' ? 0 : Infinity;
    const [tag, body] = unwrap(node);
    const value = tag === 'A_Const' ? Number(constantValue(body).value) : Number.NaN;
    return Number.isFinite(value) ? value : null;
  };
  const limit = own('limitCount');
  const offset = own('limitOffset');
  if (limit === null || offset === null) return null;
  const left = Math.max(0, Math.min(many, limit - skip));
  const int = (n: number): Ast => ({ A_Const: { ival: { ival: n } } });
  return { ...select, limitOffset: int(offset + skip), ...(left < all && { limitCount: int(left) }), limitOption: 'LIMIT_OPTION_COUNT' };
}
