import { timeKind } from '../columns.ts';
import { jsonFramer } from '../framing-json.ts';
import { textReader } from '../record-text.ts';
import type { RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { at, isObject, type Json, numberOf, readObject, textOf } from './json-value.ts';
import { type WafRule, writeHeaders, writeRequestLine, writeTarget, writeVerdict } from './modsecurity.ts';
import { put, putExtra, putIp, putNumber, putPort, putStamp } from './row.ts';
import { headText } from './sniff.ts';
import { readEpoch, readIso, readWebStamp, type Stamp } from './stamp.ts';

/** `Tue Nov 12 09:30:00 2024`, CLF, ISO, epoch. */
function stampOf(value: Json | undefined, zone: string): Stamp | null {
  const text = textOf(value);
  if (text === null) return null;
  const epoch = /^\d{9,19}(?:\.\d+)?$/.test(text) ? readEpoch(+text) : null;
  return epoch !== null ? { us: epoch, span: 0 } : (readWebStamp(text, zone) ?? readIso(text, zone));
}

function headersOf(value: Json | undefined): Map<string, string> {
  const out = new Map<string, string>();
  if (isObject(value)) for (const [k, v] of Object.entries(value)) out.set(k.toLowerCase(), textOf(v) ?? JSON.stringify(v));
  return out;
}

function open(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  return {
    parse(bytes, from, to, sink) {
      const o = readObject(bytes, from, to, read);
      if (o === null) return 'meta';
      if (o === undefined) return { unparsed: 'bad-json' };
      const t = o['transaction'];
      if (!isObject(t)) return { unparsed: 'no-transaction' };
      const stamp = stampOf(t['time_stamp'] ?? t['time'] ?? t['unix_timestamp'] ?? t['timestamp'], context.zone);
      if (!stamp) return { unparsed: 'bad-time' };
      putStamp(sink, stamp);
      putIp(sink, textOf(t['client_ip'] ?? t['remote_address']));
      putPort(sink, numberOf(t['client_port'] ?? t['remote_port']));
      put(sink, 'trace_id', textOf(t['unique_id'] ?? t['transaction_id'] ?? t['id']));
      const request = (isObject(t['request']) ? t['request'] : o['request']) as Json | undefined;
      const response = (isObject(t['response']) ? t['response'] : o['response']) as Json | undefined;
      const extra: Record<string, unknown> = {};
      const requestLine = textOf(at(request, 'request_line'));
      if (requestLine !== null) writeRequestLine(requestLine, sink);
      else {
        put(sink, 'method', textOf(at(request, 'method')));
        writeTarget(textOf(at(request, 'uri')) ?? '', sink);
        const version = textOf(at(request, 'http_version')) ?? textOf(at(request, 'protocol'));
        if (version) put(sink, 'protocol', version.startsWith('HTTP') ? version : `HTTP/${version}`);
      }
      const headers = headersOf(at(request, 'headers'));
      writeHeaders(headers, sink);
      if (headers.size > 0) extra['request_headers'] = Object.fromEntries(headers);
      const body = at(request, 'body');
      if (body !== undefined && body !== null && body !== '') extra['request_body'] = typeof body === 'string' ? body : JSON.stringify(body);
      const returned = at(response, 'body');
      if (typeof returned === 'string' && returned !== '') extra['response_body'] = returned;
      const back = headersOf(at(response, 'headers'));
      if (back.size > 0) extra['response_headers'] = Object.fromEntries(back);
      put(sink, 'content_type', back.get('content-type'));
      const length = back.get('content-length');
      if (length && /^\d{1,15}$/.test(length)) putNumber(sink, 'bytes_out', +length);
      const status = numberOf(at(response, 'http_code') ?? at(response, 'status'));
      const intercepted =
        t['is_interrupted'] === true ||
        at(o, 'audit_data.action.intercepted') === true ||
        at(t, 'producer.secrules_engine') === 'Intercepted' ||
        o['is_interrupted'] === true;
      writeVerdict(rulesOf(t['messages'] ?? o['messages'], at(o, 'audit_data.messages')), intercepted, status, sink, extra);
      putExtra(sink, extra);
      return 'event';
    },
  };
}

function rulesOf(messages: Json | undefined, old: Json | undefined): WafRule[] {
  const out: WafRule[] = [];
  if (Array.isArray(messages)) {
    for (const m of messages) {
      const tags = at(m, 'details.tags') ?? at(m, 'data.tags');
      out.push({
        id: textOf(at(m, 'details.ruleId') ?? at(m, 'data.id')) ?? undefined,
        msg: textOf(at(m, 'message')) ?? undefined,
        severity: textOf(at(m, 'details.severity') ?? at(m, 'data.severity')) ?? undefined,
        match: textOf(at(m, 'details.data') ?? at(m, 'data.data')) ?? undefined,
        ...(Array.isArray(tags) && { tags: tags.map(t => String(t)) }),
      });
    }
  }
  if (Array.isArray(old)) {
    for (const m of old) {
      const text = textOf(m) ?? '';
      out.push({ id: /\[id "(\d+)"\]/.exec(text)?.[1], msg: /\[msg "([^"]*)"\]/.exec(text)?.[1], match: text.split(' [')[0] });
    }
  }
  return out;
}

/** ModSecurity 3, Coraza and ModSecurity 2 audit logs in JSON. */
export const modsecurityJson: Source = {
  name: 'modsecurity-json',
  kind: 'waf',
  timeKind: timeKind.start,
  resolutionUs: 1_000_000,
  bytesKind: 2,
  blindTo: ['bodies-over-the-limit', 'requests-not-audited'],
  independent: false,
  framing: jsonFramer(),
  open,
};

export const modsecurityJsonEntry: SourceEntry = {
  source: modsecurityJson,
  sniff: sample => (/^\s*\[?\s*\{\s*"transaction"\s*:\s*\{/.test(headText(sample)) ? 0.98 : 0),
};
