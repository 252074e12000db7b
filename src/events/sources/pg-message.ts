import { eventClass, outcome } from '../columns.ts';
import type { EventSink } from '../source.ts';
import { type AuditMemory, auditPrefix, writeAudit } from './pgaudit.ts';
import { put, putExtra, putIp, putNumber, putPort } from './row.ts';
import { statementKind } from './sql-words.ts';

/** One PostgreSQL server log record, whatever file format it came in. '' = absent. */
export type PgRecord = {
  readonly user: string;
  readonly database: string;
  readonly pid: string;
  readonly host: string;
  readonly port: string;
  readonly session: string;
  readonly line: number;
  readonly command: string;
  readonly virtualTx: string;
  readonly tx: string;
  readonly severity: string;
  readonly state: string;
  readonly message: string;
  readonly detail: string;
  readonly hint: string;
  readonly context: string;
  readonly query: string;
  readonly application: string;
  readonly backend: string;
  readonly queryId: string;
};

const failing = new Set(['ERROR', 'FATAL', 'PANIC']);
const severities = new Set([
  'LOG',
  'ERROR',
  'FATAL',
  'PANIC',
  'WARNING',
  'NOTICE',
  'INFO',
  'DEBUG',
  'DEBUG1',
  'DEBUG2',
  'DEBUG3',
  'DEBUG4',
  'DEBUG5',
  'STATEMENT',
  'DETAIL',
  'HINT',
  'CONTEXT',
  'QUERY',
  'LOCATION',
]);
export const isSeverity = (text: string): boolean => severities.has(text);

/** Writes every column but the time. What server messages mean: pgaudit, statements with their parameters, sign-ins, errors. */
export function writePgRecord(r: PgRecord, memory: AuditMemory, sink: EventSink): void {
  const extra: Record<string, unknown> = {};
  put(sink, 'account', r.user);
  put(sink, 'db_user', r.user);
  put(sink, 'db_name', r.database);
  put(sink, 'app_name', r.application);
  put(sink, 'conn_id', r.session || r.pid);
  putNumber(sink, 'seq', r.line);
  put(sink, 'level', r.severity);
  put(sink, 'tx_id', r.tx === '0' ? '' : r.tx);
  if (r.host !== '[local]') putIp(sink, r.host);
  putPort(sink, r.port);
  if (r.pid && r.session) extra['pid'] = r.pid;
  if (r.virtualTx) extra['vxid'] = r.virtualTx;
  if (r.backend && r.backend !== 'client backend') extra['backend'] = r.backend;
  if (r.queryId && r.queryId !== '0') extra['query_id'] = r.queryId;
  const kind = failing.has(r.severity)
    ? writeFailure(r, sink, extra)
    : r.message.startsWith(auditPrefix) && writeAudit(r.message, r.session || r.pid, memory, sink, extra)
      ? eventClass.sql
      : writeMessage(r, sink, extra);
  sink.number('class', kind);
  if (kind !== eventClass.sql || extra['message_kept']) put(sink, 'message', r.message);
  delete extra['message_kept'];
  putExtra(sink, extra);
}

function writeFailure(r: PgRecord, sink: EventSink, extra: Record<string, unknown>): number {
  put(sink, 'err_code', r.state || r.severity);
  sink.number('outcome', outcome.failure);
  if (r.detail) extra['detail'] = r.detail;
  if (r.hint) extra['hint'] = r.hint;
  if (r.context) extra['context'] = r.context;
  if (r.query) {
    sink.text('action', 'error');
    sink.text('sql_text', r.query);
    put(sink, 'stmt_kind', statementKind(r.query));
    writeContextParams(r.context, sink);
    extra['message_kept'] = 1;
    return eventClass.sql;
  }
  if (
    r.state.startsWith('28') ||
    /^(?:password authentication|.{0,40} authentication) failed for user /.test(r.message) ||
    r.message.startsWith('no pg_hba.conf entry')
  ) {
    sink.text('action', 'login');
    if (!r.user) put(sink, 'account', /user "([^"]*)"/.exec(r.message)?.[1]);
    return eventClass.auth;
  }
  return eventClass.app;
}

/** `extended query with parameters: $1 = …` and `unnamed portal with parameters: …` (log_parameter_max_length_on_error). */
function writeContextParams(context: string, sink: EventSink): void {
  const at = context.indexOf(' with parameters: ');
  if (at >= 0) writeParams(context.slice(at + 18), sink);
}

const durationPattern = /^duration: (\d+(?:\.\d+)?) ms(?: {2}(?=(statement|parse|bind|execute|fastpath)\b))?/;
const executePattern = /^(?:execute|execute fetch from|parse|bind)(?: fetch from)? ([^:]*): /;

function writeMessage(r: PgRecord, sink: EventSink, extra: Record<string, unknown>): number {
  let text = r.message;
  const d = durationPattern.exec(text);
  if (d) {
    putNumber(sink, 'duration_us', Math.round(+d[1]! * 1000));
    text = text.slice(d[0].length);
    if (!d[2]) {
      sink.text('action', 'duration');
      extra['command'] = r.command || undefined;
      return eventClass.sql;
    }
  }
  if (text.startsWith('statement: ')) return writeStatement('statement', text.slice(11), r, sink);
  const e = executePattern.exec(text);
  if (e) {
    if (e[1] && e[1] !== '<unnamed>') extra['name'] = e[1];
    return writeStatement(text.slice(0, text.search(/[^a-z]/)), text.slice(e[0].length), r, sink);
  }
  if (r.detail) extra['detail'] = r.detail;
  if (r.hint) extra['hint'] = r.hint;
  if (r.context) extra['context'] = r.context;
  if (r.query) extra['query'] = r.query;
  return writeConnection(r, sink);
}

function writeStatement(action: string, text: string, r: PgRecord, sink: EventSink): number {
  sink.text('action', action);
  put(sink, 'sql_text', text);
  put(sink, 'stmt_kind', statementKind(text));
  const at = /^[Pp]arameters: |^prepare: /.exec(r.detail);
  if (at && at[0] !== 'prepare: ') writeParams(r.detail.slice(at[0].length), sink);
  return eventClass.sql;
}

function writeConnection(r: PgRecord, sink: EventSink): number {
  const m = r.message;
  if (m.startsWith('connection authorized: ') || m.startsWith('connection authenticated: ')) {
    sink.text('action', m.startsWith('connection authorized') ? 'login' : 'authenticate');
    sink.number('outcome', outcome.success);
    put(sink, 'auth_method', /\bmethod=(\S+)/.exec(m)?.[1]);
    if (!r.user) put(sink, 'account', /(?:user|identity)="?([^\s"]+)"?/.exec(m)?.[1]);
    return eventClass.auth;
  }
  if (m.startsWith('connection received: ')) {
    sink.text('action', 'connect');
    const c = /^connection received: host=(\S+)(?: port=(\d+))?/.exec(m);
    if (c && c[1] !== '[local]' && !r.host) {
      putIp(sink, c[1]);
      putPort(sink, c[2]);
    }
    return eventClass.auth;
  }
  if (m.startsWith('disconnection: ')) {
    sink.text('action', 'logout');
    return eventClass.auth;
  }
  return eventClass.app;
}

/** `$1 = 'x', $2 = NULL` → JSON array; quotes doubled inside. A value that ends in `...` may have been cut by log_parameter_max_length. */
export function writeParams(list: string, sink: EventSink): void {
  const values: (string | null)[] = [];
  let cut = false;
  let i = 0;
  while (i < list.length) {
    const head = /^(?:, )?\$(\d+) = /.exec(list.slice(i, i + 24));
    if (!head) {
      cut = true;
      break;
    }
    i += head[0].length;
    if (list.startsWith('NULL', i)) {
      values[+head[1]! - 1] = null;
      i += 4;
      continue;
    }
    if (list.charCodeAt(i) !== 39 || +head[1]! > 65535) {
      cut = true;
      break;
    }
    let value = '';
    let from = i + 1;
    for (;;) {
      const q = list.indexOf("'", from);
      value += list.slice(from, q < 0 ? list.length : q);
      if (q < 0) {
        cut = true;
        i = list.length;
        break;
      }
      if (list.charCodeAt(q + 1) !== 39) {
        i = q + 1;
        break;
      }
      value += "'";
      from = q + 2;
    }
    if (list.startsWith('...', i)) {
      cut = true;
      i += 3;
    }
    if (value.endsWith('...')) cut = true;
    values[+head[1]! - 1] = value;
  }
  if (values.length > 0) sink.text('sql_params', JSON.stringify(Array.from(values, v => v ?? null)));
  if (cut) sink.number('truncated', 1);
}
