import { eventClass, outcome, timeKind } from '../columns.ts';
import { headerFramer } from '../framing.ts';
import { latin1Text, textReader, utf8Text } from '../record-text.ts';
import type { EventSink, RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { put, putIp, putNumber, putPort, putStamp } from './row.ts';
import { shareOf } from './sniff.ts';
import { statementKind } from './sql-words.ts';
import { civilOf, inZone, type Stamp } from './stamp.ts';

/** Time, server, user, host, connection, query, operation, database; what follows is the object and the return code. */
const head = /^(\d{8} \d\d:\d\d:\d\d|\d{16}),([^,\n]*),([^,\n]*),([^,\n]*),(\d+),(\d+),([A-Z_]+),([^,\n]*),/;
const longestHead = 600;
const logins: Readonly<Record<string, string>> = {
  CONNECT: 'login',
  PROXY_CONNECT: 'login',
  FAILED_CONNECT: 'login',
  CHANGEUSER: 'change-user',
  DISCONNECT: 'logout',
};
const statements = /^QUERY(?:_[A-Z]+)*$/;

function isHeader(bytes: Uint8Array, at: number, to: number, atEnd: boolean): boolean | -1 {
  const first = bytes[at];
  if (first !== undefined && (first < 48 || first > 57)) return false;
  let end = bytes.indexOf(10, at);
  if (end < 0 || end > to) end = to;
  if (end === to && to - at < longestHead && !atEnd) return -1;
  return head.test(latin1Text(bytes, at, Math.min(end, at + longestHead)));
}

function stampOf(text: string, zone: string): Stamp | null {
  if (text.length === 16) return { us: +text, span: 0 };
  const civil = civilOf(+text.slice(0, 4), +text.slice(4, 6), +text.slice(6, 8), +text.slice(9, 11), +text.slice(12, 14), +text.slice(15, 17));
  return civil === null ? null : inZone(civil, zone);
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', 0: '\0' };
const unescaped = (text: string): string => text.replace(/\\([\s\S])/g, (_, c: string) => escapes[c] ?? c);

/** Whether a quote or a parenthesis is still open at the end: a statement that succeeded was longer than its text. */
function isOpen(sql: string): boolean {
  let depth = 0;
  for (let i = 0; i < sql.length; i++) {
    const c = sql[i]!;
    if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === "'" || c === '"' || c === '`') {
      for (i++; i < sql.length && sql[i] !== c; i++) if (sql[i] === '\\' && c !== '`') i++;
      if (i >= sql.length) return true;
    } else if ((c === '-' && sql[i + 1] === '-') || c === '#') i = endOf(sql, '\n', i);
    else if (c === '/' && sql[i + 1] === '*') i = endOf(sql, '*/', i + 2);
  }
  return depth > 0;
}

function endOf(text: string, mark: string, from: number): number {
  const end = text.indexOf(mark, from);
  return end < 0 ? text.length : end + mark.length - 1;
}

function open(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  return {
    parse(bytes, from, to, sink) {
      const text = read(bytes, from, to).replace(/[\r\n]+$/, '');
      const m = head.exec(text);
      if (!m) return text.trim() === '' ? 'meta' : { unparsed: 'no-header' };
      const stamp = stampOf(m[1]!, context.zone);
      if (!stamp) return { unparsed: 'bad-time' };
      const tail = /^([\s\S]*),(-?\d*)$/.exec(text.slice(m[0].length));
      if (!tail) return { unparsed: 'cut' };
      putStamp(sink, stamp);
      put(sink, 'host', m[2]);
      put(sink, 'account', m[3]);
      put(sink, 'db_user', m[3]);
      writeHost(m[4]!, sink);
      put(sink, 'conn_id', m[5]);
      putNumber(sink, 'seq', +m[6]!);
      put(sink, 'db_name', m[8]);
      writeOperation(m[7]!, m[8]!, tail[1]!, tail[2]!, sink);
      return 'event';
    },
  };
}

/** `10.0.0.5`, `10.0.0.5:51234`, `[2001:db8::5]:51234`; the own machine is no address. */
function writeHost(text: string, sink: EventSink): void {
  const m = /^\[([^\]]+)\](?::(\d+))?$/.exec(text) ?? /^([^:]*):(\d+)$/.exec(text);
  const host = m ? m[1]! : text;
  if (host !== 'localhost') putIp(sink, host);
  putPort(sink, m?.[2] ?? null);
}

function writeOperation(operation: string, database: string, object: string, code: string, sink: EventSink): void {
  if (code !== '') sink.number('outcome', code === '0' ? outcome.success : outcome.failure);
  if (code !== '' && code !== '0') put(sink, 'err_code', code);
  const login = logins[operation];
  if (login !== undefined) {
    sink.number('class', eventClass.auth);
    sink.text('action', login);
    if (operation === 'FAILED_CONNECT') sink.number('outcome', outcome.failure);
    return;
  }
  if (statements.test(operation)) {
    const sql = unescaped(/^'[\s\S]*'$/.test(object) ? object.slice(1, -1) : object.replace(/^'/, ''));
    sink.number('class', eventClass.sql);
    sink.text('action', 'query');
    put(sink, 'sql_text', sql);
    put(sink, 'stmt_kind', statementKind(sql));
    if (code === '0' && isOpen(sql)) sink.number('truncated', 1);
    return;
  }
  // a table that a statement touched: the statement has a record of its own
  sink.number('class', eventClass.app);
  sink.text('action', `table-${operation.toLowerCase()}`);
  if (object !== '') sink.text('objects', JSON.stringify([database === '' ? object : `${database}.${object}`]));
}

/** MariaDB's server_audit file (and Aurora MySQL's, whose stamps are micros): comma-separated, statements in quotes with backslash escapes. */
export const mariadbAudit: Source = {
  name: 'mariadb-audit',
  kind: 'sql-audit',
  timeKind: timeKind.write,
  resolutionUs: 1_000_000,
  bytesKind: 4,
  blindTo: ['bind-parameters', 'rows-returned', 'statements-in-procedures', 'response-bodies', 'ends-of-long-statements'],
  independent: true,
  framing: headerFramer(isHeader),
  open,
};

export const mariadbAuditEntry: SourceEntry = {
  source: mariadbAudit,
  sniff: sample => {
    const heads = shareOf(sample, t => head.test(t));
    return heads > 0.3 && sample.lines.some(l => head.test(utf8Text(l, 0, Math.min(l.length, longestHead)))) ? Math.max(0.9, heads) : 0;
  },
};
