import { eventClass, outcome, timeKind } from '../columns.ts';
import { jsonFramer } from '../framing-json.ts';
import { textReader } from '../record-text.ts';
import type { EventSink, RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { at, isObject, type JsonObject, numberOf, readObject, textOf } from './json-value.ts';
import { put, putExtra, putIp, putNumber, putStamp } from './row.ts';
import { headText } from './sniff.ts';
import { statementKind } from './sql-words.ts';
import { readIso } from './stamp.ts';

function open(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  return {
    parse(bytes, from, to, sink) {
      const outer = readObject(bytes, from, to, read);
      if (outer === null) return 'meta';
      if (outer === undefined) return { unparsed: 'bad-json' };
      const inner = outer['audit_record'];
      const o = isObject(inner) ? inner : outer;
      const time = textOf(o['timestamp']);
      const stamp = time === null ? null : readIso(/(?:Z|[+-]\d\d:?\d\d| UTC)$/.test(time) ? time : `${time}Z`, context.zone);
      if (!stamp) return { unparsed: 'bad-time' };
      putStamp(sink, stamp);
      if (inner === o) writePercona(o, sink);
      else writeRecord(o, sink);
      return 'event';
    },
  };
}

function writeRecord(o: JsonObject, sink: EventSink): void {
  const kind = textOf(o['class']) ?? '';
  const event = textOf(o['event']) ?? '';
  const general = isObject(o['general_data']) ? o['general_data'] : isObject(o['query_data']) ? o['query_data'] : undefined;
  const access = isObject(o['table_access_data']) ? o['table_access_data'] : undefined;
  const connection = isObject(o['connection_data']) ? o['connection_data'] : undefined;
  const sql = textOf(general?.['query']) ?? textOf(access?.['query']);
  const user = textOf(at(o, 'account.user')) ?? textOf(at(o, 'login.user'));
  put(sink, 'account', user);
  put(sink, 'db_user', user);
  putIp(sink, textOf(at(o, 'login.ip')) || textOf(at(o, 'account.host')));
  put(sink, 'conn_id', textOf(o['connection_id']));
  putNumber(sink, 'seq', numberOf(o['id']));
  put(sink, 'db_name', textOf(access?.['db']) ?? textOf(connection?.['db']));
  put(sink, 'trace_id', textOf(general?.['digest']));
  const status = numberOf(general?.['status'] ?? connection?.['status']);
  if (status !== null && status !== 0) put(sink, 'err_code', String(status));
  if (status !== null) sink.number('outcome', status === 0 ? outcome.success : outcome.failure);
  put(sink, 'stmt_kind', (textOf(general?.['sql_command']) ?? textOf(access?.['sql_command']))?.toUpperCase() ?? (sql ? statementKind(sql) : null));
  putNumber(sink, 'rows_out', numberOf(at(o, 'query_statistics.rows_sent') ?? at(general, 'query_statistics.rows_sent')));
  putNumber(sink, 'bytes_out', numberOf(at(o, 'query_statistics.bytes_sent') ?? at(general, 'query_statistics.bytes_sent')));
  const seconds = numberOf(at(o, 'query_statistics.query_time') ?? at(general, 'query_statistics.query_time'));
  if (seconds !== null) putNumber(sink, 'duration_us', Math.round(seconds * 1e6));
  const table = textOf(access?.['table']);
  if (table !== null) sink.text('objects', JSON.stringify([access?.['db'] ? `${textOf(access['db'])}.${table}` : table]));
  const action =
    kind === 'connection'
      ? event === 'disconnect'
        ? 'logout'
        : event === 'connect'
          ? 'login'
          : event
      : kind === 'table_access'
        ? 'table-access'
        : event || kind;
  put(sink, 'action', action);
  put(sink, 'sql_text', sql);
  sink.number('class', kind === 'connection' ? eventClass.auth : sql !== null || kind === 'table_access' ? eventClass.sql : eventClass.app);
  putExtra(sink, { class: kind || undefined, event: event || undefined, command: textOf(general?.['command']) ?? undefined });
}

/** `{"audit_record":{"name":"Query","record":"…","timestamp":…,"sqltext":…}}` of the older Percona plugin. */
function writePercona(o: JsonObject, sink: EventSink): void {
  const name = textOf(o['name']) ?? '';
  const sql = textOf(o['sqltext']);
  const user = textOf(o['user'])?.replace(/\[.*$/s, '') ?? null;
  put(sink, 'account', user);
  put(sink, 'db_user', user);
  putIp(sink, textOf(o['ip']) || textOf(o['host']));
  put(sink, 'conn_id', textOf(o['connection_id']));
  put(sink, 'db_name', textOf(o['db']));
  put(sink, 'sql_text', sql);
  put(sink, 'stmt_kind', sql ? statementKind(sql) : null);
  put(sink, 'trace_id', textOf(o['record']));
  const status = numberOf(o['status']);
  if (status !== null && status !== 0) put(sink, 'err_code', String(status));
  if (status !== null) sink.number('outcome', status === 0 ? outcome.success : outcome.failure);
  const auth = name === 'Connect' || name === 'Quit' || name === 'Change user';
  put(sink, 'action', name === 'Connect' ? 'login' : name === 'Quit' ? 'logout' : name.toLowerCase().replaceAll(' ', '-'));
  sink.number('class', auth ? eventClass.auth : sql ? eventClass.sql : eventClass.app);
}

/** MySQL / Percona audit log in JSON: one array, usually still open in a live file; or one object a line. */
export const mysqlAuditJson: Source = {
  name: 'mysql-audit-json',
  kind: 'sql-audit',
  timeKind: timeKind.write,
  resolutionUs: 1_000_000,
  bytesKind: 4,
  blindTo: ['bind-parameters', 'statements-in-procedures', 'response-bodies'],
  independent: false,
  framing: jsonFramer(),
  open,
};

export const mysqlAuditJsonEntry: SourceEntry = {
  source: mysqlAuditJson,
  sniff: sample => {
    const head = headText(sample);
    if (!/^\s*\[?\s*\{/.test(head)) return 0;
    const marks = ['"timestamp"', '"class"', '"event"', '"connection_id"', '"account"', '"login"'].filter(k => head.includes(k)).length;
    return head.includes('"audit_record"') && head.includes('"timestamp"') ? 0.95 : marks >= 5 ? 0.97 : 0;
  },
};
