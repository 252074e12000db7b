import type { EventSink } from '../source.ts';
import { put, putNumber } from './row.ts';

/**
 * `AUDIT: TYPE,STATEMENT_ID,SUBSTATEMENT_ID,CLASS,COMMAND,OBJECT_TYPE,OBJECT_NAME,STATEMENT,PARAMETER[,ROWS]` as pgaudit writes it
 * into a server log message. With log_statement_once only the first record of a statement has its text: the last text of each
 * session is kept so that the later ones get it too.
 */
export type AuditMemory = {
  recall(conn: string, key: string): AuditText | null;
  keep(conn: string, key: string, text: AuditText): void;
};

export type AuditText = { readonly sql: string; readonly params: AuditParams | null };
type AuditParams = { readonly json: string; readonly emptyAt: readonly number[]; readonly suppressed: boolean };

export const auditPrefix = 'AUDIT: ';
const notLogged = '<not logged>';
const previously = '<previously logged>';
const longParam = '<long param suppressed>';

/** Remembers the last statement of at most `limit` sessions. */
export function auditMemory(limit = 20_000): AuditMemory {
  const texts = new Map<string, { key: string; text: AuditText }>();
  return {
    recall: (conn, key) => {
      const found = texts.get(conn);
      return found?.key === key ? found.text : null;
    },
    keep: (conn, key, text) => {
      texts.delete(conn);
      texts.set(conn, { key, text });
      if (texts.size > limit) texts.delete(texts.keys().next().value!);
    },
  };
}

/** Writes the audit columns from a whole message; false when it does not have the shape. Adds what has no column to `extra`. */
export function writeAudit(message: string, conn: string, memory: AuditMemory, sink: EventSink, extra: Record<string, unknown>): boolean {
  const f = csvValues(message, auditPrefix.length);
  if (!f || f.length < 9 || (f[0] !== 'SESSION' && f[0] !== 'OBJECT') || !/^\d+$/.test(f[1]!) || !/^\d+$/.test(f[2]!)) return false;
  sink.text('action', 'audit');
  putNumber(sink, 'stmt_id', +f[1]!);
  putNumber(sink, 'substmt_id', +f[2]!);
  put(sink, 'stmt_kind', f[4]);
  if (f[6]) sink.text('objects', JSON.stringify([f[6]]));
  extra['audit'] = f[0];
  if (f[3]) extra['audit_class'] = f[3];
  if (f[5]) extra['object_type'] = f[5];
  const text = auditText(f, conn, memory);
  put(sink, 'sql_text', text?.sql);
  if (text?.params) {
    sink.text('sql_params', text.params.json);
    if (text.params.emptyAt.length > 0) extra['null_or_empty'] = text.params.emptyAt;
    if (text.params.suppressed) sink.number('truncated', 1);
  } else if (f[8] === notLogged) extra['params'] = 'not-logged';
  if (f.length > 9 && /^\d+$/.test(f[9]!)) putNumber(sink, 'rows_out', +f[9]!);
  return true;
}

function auditText(f: readonly string[], conn: string, memory: AuditMemory): AuditText | null {
  const key = `${f[1]}/${f[2]}`;
  if (f[7] === previously) return memory.recall(conn, key);
  if (f[7] === notLogged) return null;
  const text = { sql: f[7]!, params: f[8] === notLogged || f[8] === previously ? null : auditParams(f[8]!) };
  memory.keep(conn, key, text);
  return text;
}

/** NULL and the empty string look the same in pgaudit: both become null and their places are kept. */
function auditParams(list: string): AuditParams | null {
  if (list === '<none>') return { json: '[]', emptyAt: [], suppressed: false };
  const values = csvValues(list, 0);
  if (!values) return null;
  const emptyAt: number[] = [];
  let suppressed = false;
  const json = JSON.stringify(
    values.map((v, i) => {
      if (v === '') emptyAt.push(i + 1);
      if (v === longParam) suppressed = true;
      return v === '' ? null : v;
    }),
  );
  return { json, emptyAt, suppressed };
}

/** The fields of one CSV record of text from `at`; quotes doubled inside quotes. Null when a quoted field does not end properly. */
export function csvValues(text: string, at: number): string[] | null {
  const out: string[] = [];
  let i = at;
  for (;;) {
    if (text.charCodeAt(i) === 34) {
      let value = '';
      let from = i + 1;
      for (;;) {
        const q = text.indexOf('"', from);
        if (q < 0) return null;
        value += text.slice(from, q);
        if (text.charCodeAt(q + 1) !== 34) {
          i = q + 1;
          break;
        }
        value += '"';
        from = q + 2;
      }
      out.push(value);
      if (i >= text.length) return out;
      if (text.charCodeAt(i) !== 44) return null;
      i++;
    } else {
      const c = text.indexOf(',', i);
      out.push(text.slice(i, c < 0 ? text.length : c));
      if (c < 0) return out;
      i = c + 1;
    }
  }
}
