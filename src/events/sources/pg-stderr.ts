import { timeKind } from '../columns.ts';
import { headerFramer } from '../framing.ts';
import { latin1Text, textReader } from '../record-text.ts';
import type { RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { startsWithStamp } from './pg-csvlog.ts';
import { writePgRecord } from './pg-message.ts';
import { auditMemory } from './pgaudit.ts';
import { putStamp } from './row.ts';
import { shareOf } from './sniff.ts';
import { openDigits, readIso } from './stamp.ts';

const header =
  /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})? ?(?:[A-Z]{2,5}|[+-]\d\d(?::?\d\d)?)?)(.{0,300}?)\b(LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|DEBUG[1-5]?|DETAIL|HINT|CONTEXT|QUERY|STATEMENT|LOCATION): {1,2}/;
const parts = new Set(['DETAIL', 'HINT', 'CONTEXT', 'QUERY', 'STATEMENT', 'LOCATION']);

/** A message begins; its DETAIL, STATEMENT … lines and indented lines belong to it. */
function startsMessage(bytes: Uint8Array, at: number, to: number, atEnd: boolean): boolean | -1 {
  if (to - at < 400 && !atEnd && bytes.indexOf(10, at) < 0) return -1;
  if (!startsWithStamp(bytes, at, to)) return to - at < 20 && !atEnd ? -1 : false;
  const line = bytes.indexOf(10, at);
  const m = header.exec(latin1Text(bytes, at, Math.min(line < 0 ? to : line, to, at + 400)));
  return m !== null && !parts.has(m[3]!);
}

function open(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  const memory = auditMemory();
  return {
    parse(bytes, from, to, sink) {
      const text = read(bytes, from, to);
      const m = header.exec(text);
      if (!m) return text.trim() === '' ? 'meta' : { unparsed: 'no-header' };
      const stamp = openDigits(readIso(m[1]!.trim(), context.zone), m[1]!);
      if (!stamp) return { unparsed: 'bad-time' };
      const fields = split(text.slice(m[0].length));
      const prefix = m[2]!;
      const who = /(?:^|[\s,])([^\s@,[\]]+)@([^\s@,[\]:]+)/.exec(prefix);
      const user = /\buser=([^\s,]*)/.exec(prefix)?.[1] ?? who?.[1] ?? '';
      const peer = /\b(?:client|host)=([^\s,(]*)(?:\((\d+)\))?/.exec(prefix) ?? /\s(\d+\.\d+\.\d+\.\d+)\((\d+)\)/.exec(prefix);
      putStamp(sink, stamp);
      writePgRecord(
        {
          user: user === '[unknown]' ? '' : user,
          database: /\bdb=([^\s,]*)/.exec(prefix)?.[1] ?? who?.[2] ?? '',
          pid: '',
          host: peer?.[1] ?? '',
          port: peer?.[2] ?? '',
          session: /\b([0-9a-f]{6,16}\.[0-9a-f]{1,8})\b/.exec(prefix)?.[1] ?? /\[(\d+)(?:-\d+)?\]/.exec(prefix)?.[1] ?? '',
          line: Number(/\[\d+-(\d+)\]/.exec(prefix)?.[1] ?? /\[(\d+)-\d+\]/.exec(prefix)?.[1] ?? -1),
          command: '',
          virtualTx: '',
          tx: '',
          severity: m[3]!,
          state: '',
          message: fields.get('') ?? '',
          detail: fields.get('DETAIL') ?? '',
          hint: fields.get('HINT') ?? '',
          context: fields.get('CONTEXT') ?? '',
          query: fields.get('STATEMENT') ?? fields.get('QUERY') ?? '',
          application: /\bapp=([^\s,]*)/.exec(prefix)?.[1] ?? '',
          backend: '',
          queryId: '',
        },
        memory,
        sink,
      );
      return 'event';
    },
  };
}

/** The message under '', its further parts under their names; the tab that starts a continued line is the log's, not the statement's. */
function split(text: string): Map<string, string> {
  const out = new Map<string, string>();
  let name = '';
  let lines: string[] = [];
  for (const line of text.split('\n')) {
    const m = header.exec(line);
    if (m && parts.has(m[3]!)) {
      out.set(name, lines.join('\n'));
      name = m[3]!;
      lines = [line.slice(m[0].length)];
    } else lines.push(lines.length === 0 ? line : line.replace(/^\t/, ''));
  }
  return out.set(name, lines.join('\n').replace(/[\r\n]+$/, ''));
}

/** PostgreSQL `log_destination = stderr` with a prefix that begins with the time (`%m` or `%t`). */
export const pgStderr: Source = {
  name: 'pg-stderr',
  kind: 'sql-audit',
  timeKind: timeKind.write,
  resolutionUs: 1,
  bytesKind: 4,
  blindTo: ['response-bodies', 'rows-returned', 'client-address-behind-proxy', 'forged-lines-in-statements'],
  independent: false,
  framing: headerFramer(startsMessage),
  open,
};

export const pgStderrEntry: SourceEntry = {
  source: pgStderr,
  sniff: sample => {
    const share = shareOf(sample, t => header.test(t));
    return share > 0.1 ? Math.max(0.58, share * 0.9) : 0;
  },
};
