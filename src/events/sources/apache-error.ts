import { eventClass, timeKind } from '../columns.ts';
import { ipText } from '../ip.ts';
import { textReader } from '../record-text.ts';
import type { RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { put, putExtra, putIp, putPort, putStamp } from './row.ts';
import { shareOf } from './sniff.ts';
import { civilOf, inZone, readWebStamp } from './stamp.ts';

const apache = /^\[([A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:.]+ \d{4})\] (?:\[(?:([\w-]*):)?(\w+)\] )?(?:\[pid (\d+)(?::tid (\d+))?\] )?(.*)$/s;
const client = /\[(?:client|remote) ([^\]\s]+)\] /;
const nginx = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d):(\d\d) \[(\w+)\] (\d+)#(\d+): (?:\*(\d+) )?(.*)$/s;

function open(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  return {
    parse(bytes, from, to, sink) {
      if (from >= to) return 'meta';
      const text = read(bytes, from, to);
      const a = apache.exec(text);
      const n = a ? null : nginx.exec(text);
      const civil = n ? civilOf(+n[1]!, +n[2]!, +n[3]!, +n[4]!, +n[5]!, +n[6]!) : null;
      const stamp = a ? readWebStamp(a[1]!, context.zone) : civil === null ? null : inZone(civil, context.zone);
      if (!stamp) return { unparsed: a || n ? 'bad-time' : 'no-error-line' };
      putStamp(sink, stamp);
      sink.number('class', eventClass.app);
      put(sink, 'level', a ? a[3] : n![7]);
      put(sink, 'conn_id', a ? a[4] : n![8]);
      const message = a ? a[6]! : n![11]!;
      put(sink, 'message', message);
      if (a) {
        const peer = client.exec(message)?.[1];
        if (peer) {
          const whole = ipText(peer);
          const colon = peer.lastIndexOf(':');
          putIp(sink, whole ?? (colon > 0 ? peer.slice(0, colon) : peer));
          if (whole === null && colon > 0) putPort(sink, peer.slice(colon + 1));
        }
        if (a[2]) putExtra(sink, { module: a[2] });
      } else {
        putIp(sink, /, client: ([0-9A-Fa-f.:]+)/.exec(message)?.[1]);
        put(sink, 'host', /, server: ([^,]+)/.exec(message)?.[1]);
      }
      return 'event';
    },
  };
}

/** Error logs of Apache (2.2 and 2.4) and nginx. */
export const apacheError: Source = {
  name: 'apache-error',
  kind: 'events',
  timeKind: timeKind.write,
  resolutionUs: 1_000_000,
  bytesKind: 4,
  blindTo: ['successful-requests'],
  independent: true,
  framing: 'line',
  open,
};

export const apacheErrorEntry: SourceEntry = {
  source: apacheError,
  sniff: sample => shareOf(sample, t => apache.test(t) || nginx.test(t)),
};
