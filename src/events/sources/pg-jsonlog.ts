import { timeKind } from '../columns.ts';
import { textReader } from '../record-text.ts';
import type { RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { type Json, numberOf, readObject, textOf } from './json-value.ts';
import { stampReader } from './pg-csvlog.ts';
import { isSeverity, writePgRecord } from './pg-message.ts';
import { auditMemory } from './pgaudit.ts';
import { putStamp } from './row.ts';
import { shareOf } from './sniff.ts';

function open(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  const memory = auditMemory();
  const readStamp = stampReader(context.zone);
  return {
    parse(bytes, from, to, sink) {
      if (from >= to) return 'meta';
      const o = readObject(bytes, from, to, read);
      if (!o) return { unparsed: 'bad-json' };
      const text = (key: string): string => textOf(o[key] as Json) ?? '';
      const stamp = readStamp(text('timestamp'));
      if (!stamp) return { unparsed: 'bad-time' };
      const severity = text('error_severity');
      if (!isSeverity(severity)) return { unparsed: 'bad-severity' };
      putStamp(sink, stamp);
      writePgRecord(
        {
          user: text('user'),
          database: text('dbname'),
          pid: text('pid'),
          host: text('remote_host'),
          port: text('remote_port'),
          session: text('session_id'),
          line: numberOf(o['line_num']) ?? -1,
          command: text('ps'),
          virtualTx: text('vxid'),
          tx: text('txid'),
          severity,
          state: text('state_code'),
          message: text('message'),
          detail: text('detail'),
          hint: text('hint'),
          context: text('context'),
          query: text('statement') || text('internal_query'),
          application: text('application_name'),
          backend: text('backend_type'),
          queryId: text('query_id'),
        },
        memory,
        sink,
      );
      return 'event';
    },
  };
}

/** PostgreSQL `log_destination = jsonlog` (since 15): one object a line. */
export const pgJsonlog: Source = {
  name: 'pg-jsonlog',
  kind: 'sql-audit',
  timeKind: timeKind.write,
  resolutionUs: 1000,
  bytesKind: 4,
  blindTo: ['response-bodies', 'rows-returned', 'client-address-behind-proxy'],
  independent: false,
  framing: 'line',
  open,
};

export const pgJsonlogEntry: SourceEntry = {
  source: pgJsonlog,
  sniff: sample => shareOf(sample, t => t.startsWith('{') && t.includes('"error_severity":') && t.includes('"timestamp":')),
};
