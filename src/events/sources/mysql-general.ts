import { eventClass, outcome, timeKind } from '../columns.ts';
import { headerFramer } from '../framing.ts';
import { latin1Text, textReader, utf8Text } from '../record-text.ts';
import type { EventSink, RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { put, putExtra, putIp, putNumber, putStamp } from './row.ts';
import { shareOf } from './sniff.ts';
import { statementKind } from './sql-words.ts';
import { civilOf, inZone, openDigits, readIso, type Stamp } from './stamp.ts';

const command =
  '(?:Sleep|Quit|Init DB|Query|Field List|Create DB|Drop DB|Refresh|Shutdown|Statistics|Processlist|Connect|Kill|Debug|Ping|Time|Delayed insert|Change user|Binlog Dump(?: GTID)?|Table Dump|Connect Out|Register (?:Slave|Replica)|Prepare|Execute|Long Data|Close stmt|Reset stmt|Set option|Fetch|Daemon|Error|Reset Connection|clone)';
const modern = `\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{1,6}(?:Z|[+-]\\d\\d:\\d\\d)\\t? *`;
const old = `(?:\\d{6} {1,2}\\d{1,2}:\\d\\d:\\d\\d|\\t)\\t *`;
const header = new RegExp(`^(?:(${modern})|(${old}))(\\d+) (${command})(?:\\t|$| *$)`);
const banner = /^(?:\S*mysqld\S*, Version: |\S*mariadbd\S*, Version: |Tcp port: |Time {5,}Id +Command)/;
const longestHead = 96;

/** A general log line that begins a record or a start-up banner. */
function isHeader(bytes: Uint8Array, at: number, to: number, atEnd: boolean): boolean | -1 {
  const first = bytes[at];
  if (first === undefined) return atEnd ? false : -1;
  const digitOrTab = (first >= 48 && first <= 57) || first === 9;
  const mayBeBanner = first === 47 || first === 84 || (first >= 97 && first <= 122) || first === 67 || first === 90;
  if (!digitOrTab && !mayBeBanner) return false;
  let end = bytes.indexOf(10, at);
  if (end < 0 || end > to) end = to;
  if (end === to && to - at < longestHead && !atEnd) return -1;
  const text = latin1Text(bytes, at, Math.min(end, at + 4 * longestHead)).replace(/\r$/, '');
  return header.test(text) || banner.test(text);
}

function open(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  let lastOld: Stamp | null = null;
  const users = new Map<string, { user: string; host: string; db: string }>();
  return {
    parse(bytes, from, to, sink) {
      const text = read(bytes, from, to);
      const m = header.exec(firstLine(text));
      if (!m) return text.trim() === '' || banner.test(text) ? 'meta' : { unparsed: 'no-header' };
      let stamp: Stamp | null;
      if (m[1]) stamp = openDigits(readIso(m[1].trim(), context.zone), m[1]);
      else {
        const own = oldStamp(m[2]!, context.zone);
        stamp = own ?? lastOld;
        if (own) lastOld = own;
      }
      if (!stamp && m[1]) return { unparsed: 'bad-time' };
      if (stamp) putStamp(sink, stamp);
      const conn = m[3]!;
      const argument = text.slice(m[0].length).replace(/[\r\n]+$/, '');
      sink.text('conn_id', conn);
      writeCommand(m[4]!, argument, conn, users, sink);
      return 'event';
    },
  };
}

const firstLine = (text: string): string => {
  const i = text.indexOf('\n');
  return i < 0 ? text : text.slice(0, i + 1);
};

function oldStamp(text: string, zone: string): Stamp | null {
  const m = /^(\d\d)(\d\d)(\d\d) +(\d{1,2}):(\d\d):(\d\d)/.exec(text);
  if (!m) return null;
  const civil = civilOf(2000 + +m[1]!, +m[2]!, +m[3]!, +m[4]!, +m[5]!, +m[6]!);
  return civil === null ? null : openDigits(inZone(civil, zone), '');
}

function writeCommand(name: string, argument: string, conn: string, users: Map<string, { user: string; host: string; db: string }>, sink: EventSink): void {
  const key = name.toLowerCase();
  sink.text('action', key.replaceAll(' ', '-'));
  // A statement that is only prepared reads nothing; its run is logged as Execute, with the values in place.
  const sql = key === 'query' || key === 'execute';
  if (key === 'connect' || key === 'change user') {
    const denied = /^Access denied for user '(.*)'@'([^']*)'/.exec(argument);
    const c = /^(.*)@(\S*) (?:as (?:\S+ )?)?on ?(\S*)(?: using (.*))?$/.exec(argument) ?? /^(.*)@(\S+)/.exec(argument);
    const who = denied ?? c;
    sink.number('class', eventClass.auth);
    if (key === 'connect') sink.text('action', 'login');
    if (denied) sink.number('outcome', outcome.failure);
    if (who) {
      const entry = { user: who[1]!, host: who[2]!, db: denied ? '' : (who[3] ?? '') };
      if (!denied) remember(users, conn, entry);
      writeUser(entry, sink);
    }
    put(sink, 'message', argument);
    return;
  }
  const known = users.get(conn);
  if (known && key === 'init db') known.db = argument.trim();
  if (known) writeUser(known, sink);
  if (sql) {
    sink.number('class', eventClass.sql);
    put(sink, 'sql_text', argument);
    put(sink, 'stmt_kind', statementKind(argument));
    return;
  }
  if (key === 'quit') {
    users.delete(conn);
    sink.text('action', 'logout');
    sink.number('class', eventClass.auth);
    return;
  }
  sink.number('class', eventClass.app);
  put(sink, 'message', argument);
}

function remember(users: Map<string, { user: string; host: string; db: string }>, conn: string, entry: { user: string; host: string; db: string }): void {
  users.delete(conn);
  users.set(conn, entry);
  if (users.size > 50_000) users.delete(users.keys().next().value!);
}

function writeUser(entry: { user: string; host: string; db: string }, sink: EventSink): void {
  put(sink, 'account', entry.user);
  put(sink, 'db_user', entry.user);
  put(sink, 'db_name', entry.db);
  if (entry.host !== 'localhost') putIp(sink, entry.host);
}

/** MySQL and MariaDB general query log, both date styles; statements over several lines belong to the header before them. */
export const mysqlGeneral: Source = {
  name: 'mysql-general',
  kind: 'sql-audit',
  timeKind: timeKind.receive,
  resolutionUs: 1,
  bytesKind: 4,
  blindTo: ['rows-returned', 'statement-success', 'response-bodies', 'forged-lines-in-statements'],
  independent: false,
  framing: headerFramer(isHeader),
  open,
};

export const mysqlGeneralEntry: SourceEntry = {
  source: mysqlGeneral,
  sniff: sample => {
    const heads = shareOf(sample, t => header.test(t) || banner.test(t));
    return heads > 0.05 && sample.lines.some(l => header.test(utf8Text(l, 0, Math.min(l.length, 400)))) ? Math.max(0.55, heads) : 0;
  },
};

const slowStart = /^# (?:Time: |User@Host: )/;
function isSlowHeader(bytes: Uint8Array, at: number, to: number, atEnd: boolean): boolean | -1 {
  if (bytes[at] !== undefined && bytes[at] !== 35) return false;
  if (to - at < 16 && !atEnd) return -1;
  const text = latin1Text(bytes, at, Math.min(to, at + 16));
  return text.startsWith('# Time: ') || text.startsWith('# User@Host: ');
}

function openSlow(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  let pending: Stamp | null = null;
  let db = '';
  return {
    parse(bytes, from, to, sink) {
      const text = read(bytes, from, to);
      if (!slowStart.test(text)) return text.trim() === '' || /^(?:\S*(?:mysqld|mariadbd)|Tcp port|Time )/.test(text) ? 'meta' : { unparsed: 'no-header' };
      const time = /^# Time: (\S+(?: +\d{1,2}:\d\d:\d\d)?)/.exec(text)?.[1];
      if (time) pending = openDigits(readIso(time, context.zone), time) ?? oldStamp(time, context.zone);
      const who = /^# User@Host: (.*?)\[(.*?)\] @ +(\S*) *\[([^\]]*)\](?: +Id: *(\d+))?/m.exec(text);
      if (!who) return text.includes('\n') ? { unparsed: 'no-user' } : 'meta';
      const number = (name: string): number | null => {
        const v = new RegExp(`\\b${name}: (\\d+(?:\\.\\d+)?)`).exec(text)?.[1];
        return v === undefined ? null : +v;
      };
      const body = text.replace(/^(?:#[^\n]*(?:\n|$))+/, '');
      const use = /^use ([^;\n]+);\r?\n/i.exec(body);
      if (use) db = use[1]!.replaceAll('`', '');
      const rest = use ? body.slice(use[0].length) : body;
      const set = /^SET timestamp=(\d+)(?:\.\d+)?;\r?\n?/i.exec(rest);
      const stamp: Stamp | null = pending ?? (set ? { us: +set[1]! * 1_000_000, span: 999_999 } : null);
      if (stamp) putStamp(sink, stamp);
      const sql = (set ? rest.slice(set[0].length) : rest).replace(/[\r\n]+$/, '');
      sink.number('class', eventClass.sql);
      sink.text('action', 'statement');
      put(sink, 'sql_text', sql.replace(/;$/, ''));
      put(sink, 'stmt_kind', statementKind(sql));
      put(sink, 'account', who[1]);
      put(sink, 'db_user', who[1]);
      put(sink, 'db_name', /\bSchema: (\S+)/.exec(text.slice(0, 600))?.[1] ?? db);
      putIp(sink, who[4]);
      put(sink, 'conn_id', who[5]);
      putNumber(sink, 'rows_out', number('Rows_sent'));
      putNumber(sink, 'bytes_out', number('Bytes_sent'));
      const seconds = number('Query_time');
      if (seconds !== null) putNumber(sink, 'duration_us', Math.round(seconds * 1e6));
      const errno = number('Last_errno');
      if (errno) put(sink, 'err_code', String(errno));
      putExtra(sink, { rows_examined: number('Rows_examined') ?? undefined });
      return 'event';
    },
  };
}

/** MySQL slow query log: only statements above a threshold, so a sample; rows and bytes sent are exact. */
export const mysqlSlow: Source = {
  ...mysqlGeneral,
  name: 'mysql-slow',
  timeKind: timeKind.write,
  blindTo: ['fast-statements', 'response-bodies'],
  framing: headerFramer(isSlowHeader),
  open: openSlow,
};

export const mysqlSlowEntry: SourceEntry = {
  source: mysqlSlow,
  sniff: sample => (sample.lines.some(l => utf8Text(l, 0, Math.min(l.length, 60)).startsWith('# User@Host: ')) ? 0.9 : 0),
};
