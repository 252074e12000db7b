import { eventClass, outcome, timeKind } from '../columns.ts';
import { jsonFramer } from '../framing-json.ts';
import { textReader } from '../record-text.ts';
import type { RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { at, isObject, numberOf, readObject, textOf } from './json-value.ts';
import { put, putIp, putNumber, putStamp } from './row.ts';
import { headText } from './sniff.ts';
import { readIso } from './stamp.ts';

function open(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  return {
    parse(bytes, from, to, sink) {
      const o = readObject(bytes, from, to, read);
      if (o === null) return 'meta';
      if (o === undefined) return { unparsed: 'bad-json' };
      const time = textOf(o['eventTime']);
      const stamp = time === null ? null : readIso(time, context.zone);
      const name = textOf(o['eventName']);
      if (!stamp || name === null) {
        if (Array.isArray(o['Records']) && o['Records'].length === 0) return 'meta';
        return { unparsed: stamp ? 'no-event-name' : 'bad-time' };
      }
      putStamp(sink, stamp);
      const error = textOf(o['errorCode']);
      const consoleLogin = textOf(at(o, 'responseElements.ConsoleLogin'));
      const failed = error !== null || consoleLogin === 'Failure';
      sink.number('class', name === 'ConsoleLogin' ? eventClass.auth : eventClass.api);
      put(sink, 'action', name);
      sink.number('outcome', failed ? outcome.failure : outcome.success);
      put(sink, 'err_code', error);
      put(sink, 'message', textOf(o['errorMessage']));
      putIp(sink, textOf(o['sourceIPAddress']));
      put(sink, 'user_agent', textOf(o['userAgent']));
      put(
        sink,
        'account',
        textOf(at(o, 'userIdentity.arn')) ??
          textOf(at(o, 'userIdentity.userName')) ??
          textOf(at(o, 'userIdentity.principalId')) ??
          textOf(at(o, 'userIdentity.invokedBy')),
      );
      put(sink, 'session', textOf(at(o, 'userIdentity.accessKeyId')));
      put(sink, 'trace_id', textOf(o['requestID']));
      put(sink, 'conn_id', textOf(o['eventID']));
      put(sink, 'app_name', textOf(o['eventSource']));
      put(sink, 'host', textOf(o['awsRegion']));
      putNumber(sink, 'bytes_out', numberOf(at(o, 'additionalEventData.bytesTransferredOut')));
      putNumber(sink, 'bytes_in', numberOf(at(o, 'additionalEventData.bytesTransferredIn')));
      const resources = Array.isArray(o['resources']) ? o['resources'].map(r => (isObject(r) ? textOf(r['ARN']) : null)).filter(r => r !== null) : [];
      if (resources.length > 0) sink.text('objects', JSON.stringify(resources));
      sink.text('extra', JSON.stringify(o));
      return 'event';
    },
  };
}

/** AWS CloudTrail: `{"Records":[…]}` files or one event a line. Stamps are the service's, in UTC, to the second. */
export const cloudtrail: Source = {
  name: 'cloudtrail',
  kind: 'events',
  timeKind: timeKind.start,
  resolutionUs: 1_000_000,
  bytesKind: 4,
  blindTo: ['data-events-unless-enabled', 'response-bodies'],
  independent: false,
  framing: jsonFramer(['Records']),
  open,
};

export const cloudtrailEntry: SourceEntry = {
  source: cloudtrail,
  sniff: sample => {
    const head = headText(sample, 65536);
    return /^\s*\{/.test(head) && head.includes('"eventSource"') && head.includes('"eventName"') && head.includes('"eventTime"') ? 0.96 : 0;
  },
};
