import { bytesKind } from './columns.ts';
import type { FormatBuilder } from './log-format.ts';
import { matchClfTime, matchEpoch, matchIsoTime } from './time-text.ts';
import {
  addressField,
  cookieField,
  durationField,
  extraField,
  type Field,
  headerField,
  numberField,
  pathField,
  queryField,
  requestField,
  statusField,
  targetField,
  textField,
} from './web-fields.ts';

const variable = /\$(?:\{(\w+)\}|(\w+))/g;

/** Items of an nginx log_format (ngx_http_log_module). A leading `escape=json|none|default ` chooses the escaping. */
export function nginxItems(text: string, b: FormatBuilder): void {
  const escaping = /^escape=(\w+)\s+/.exec(text);
  const format = escaping ? text.slice(escaping[0].length) : text;
  b.facts.escapes = escaping?.[1] === 'json' ? 'json' : escaping?.[1] === 'none' ? 'none' : 'backslash';
  const joined = format.replace(/\$(?:uri|document_uri)\$is_args\$(?:args|query_string)/g, '$${tadasu_target}');
  const found = [...joined.matchAll(variable)];
  const names = found.map(m => m[1] ?? m[2]!);
  const whole = {
    bodySize: names.includes('body_bytes_sent'),
    address: names.includes('remote_addr'),
    cookies: names.filter(n => n.startsWith('cookie_')).length,
  };
  let at = 0;
  found.forEach((m, i) => {
    b.items.push({ literal: joined.slice(at, m.index) });
    at = m.index + m[0].length;
    variableItem(names[i]!, whole, b);
  });
  b.items.push({ literal: joined.slice(at) });
}

type Whole = { readonly bodySize: boolean; readonly address: boolean; readonly cookies: number };

function variableItem(name: string, whole: Whole, b: FormatBuilder): void {
  switch (name) {
    case 'time_local':
      return void b.items.push({ time: matchClfTime });
    case 'time_iso8601':
      return void b.items.push({ time: matchIsoTime });
    case 'msec':
      b.facts.resolutionUs = 1000;
      return void b.items.push({ time: matchEpoch(1_000_000) });
    default:
      b.add(field(name, whole, b));
  }
}

function field(name: string, whole: Whole, b: FormatBuilder): Field {
  const once = (column: string, make: () => Field): Field => (b.claim(column) ? make() : extraField(name));
  switch (name) {
    case 'remote_addr':
      return once('src_ip', () => addressField);
    case 'realip_remote_addr':
      return whole.address ? extraField('peer', 'word') : once('src_ip', () => addressField);
    case 'remote_port':
      return once('src_port', () => numberField(name, 'src_port'));
    case 'remote_user':
      return once('account', () => textField('account', 'account'));
    case 'request':
      return once('target', () => requestField);
    case 'request_uri':
    case 'tadasu_target':
      return once('target', () => targetField);
    case 'request_method':
      return once('method', () => textField(name, 'method', 'word'));
    case 'uri':
    case 'document_uri':
      return once('path', () => pathField);
    case 'args':
    case 'query_string':
      return once('query', () => queryField);
    case 'server_protocol':
      return once('protocol', () => textField(name, 'protocol', 'word'));
    case 'status':
      return once('status', () => statusField);
    case 'body_bytes_sent':
      b.facts.bytesKind = bytesKind.encoded;
      return once('bytes_out', () => numberField(name, 'bytes_out'));
    case 'bytes_sent':
      if (whole.bodySize) return extraField('wire_bytes', 'number');
      b.facts.bytesKind = bytesKind.wire;
      return once('bytes_out', () => numberField(name, 'bytes_out'));
    case 'request_length':
      return once('bytes_in', () => numberField(name, 'bytes_in'));
    case 'request_time':
      b.facts.durationResolutionUs = 1000;
      return once('duration_us', () => durationField(name, 1_000_000));
    case 'tadasu_duration_ms':
      b.facts.durationResolutionUs = 1000;
      return once('duration_us', () => durationField(name, 1000));
    case 'request_id':
      return once('trace_id', () => textField(name, 'trace_id', 'word'));
    case 'host':
    case 'http_host':
    case 'server_name':
      return once('host', () => textField(name, 'host', 'word'));
    case 'proxy_add_x_forwarded_for':
      return headerField('x-forwarded-for');
    case 'sent_http_content_type':
      return once('content_type', () => textField(name, 'content_type'));
    case 'gzip_ratio':
    case 'connection':
    case 'connection_requests':
    case 'server_port':
      return extraField(name, 'decimal');
    default:
      if (name.startsWith('http_')) return headerField(name.slice(5).replaceAll('_', '-'));
      if (name.startsWith('cookie_')) return cookieField(name.slice(7), whole.cookies === 1);
      return extraField(name);
  }
}
