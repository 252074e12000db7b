import { timeKind } from '../columns.ts';
import { headerFramer } from '../framing.ts';
import { latin1Text, textReader } from '../record-text.ts';
import type { RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { type WafRule, writeHeaders, writeRequestLine, writeVerdict } from './modsecurity.ts';
import { put, putExtra, putIp, putNumber, putPort, putStamp } from './row.ts';
import { headText } from './sniff.ts';
import { readWebStamp } from './stamp.ts';

const boundary = /^--([0-9A-Za-z]{4,64})-([A-Z])--\r?$/;

function startsTransaction(bytes: Uint8Array, at: number, to: number, atEnd: boolean): boolean | -1 {
  if (bytes[at] !== undefined && bytes[at] !== 45) return false;
  let end = bytes.indexOf(10, at);
  if (end < 0 || end > to) end = to;
  if (end === to && !atEnd && to - at < 80) return -1;
  return end - at <= 80 && boundary.exec(latin1Text(bytes, at, end))?.[2] === 'A';
}

function open(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  return {
    parse(bytes, from, to, sink) {
      const text = read(bytes, from, to);
      if (text.trim() === '') return 'meta';
      const parts = sections(text);
      const a = parts?.get('A');
      if (!parts || a === undefined) return { unparsed: 'no-section-a' };
      const m = /^\[([^\]]+)\] (\S+) (\S+) (\d+) (\S+) (\d+)/.exec(a);
      if (!m) return { unparsed: 'bad-section-a' };
      const stamp = readWebStamp(m[1]!, context.zone);
      if (!stamp) return { unparsed: 'bad-time' };
      putStamp(sink, stamp);
      put(sink, 'trace_id', m[2]);
      putIp(sink, m[3]);
      putPort(sink, m[4]);
      const extra: Record<string, unknown> = { server: `${m[5]}:${m[6]}` };
      const request = headersOf(parts.get('B') ?? '');
      writeRequestLine(request.first, sink);
      writeHeaders(request.headers, sink);
      if (request.headers.size > 0) extra['request_headers'] = Object.fromEntries(request.headers);
      const body = parts.get('C') ?? parts.get('I');
      if (body !== undefined) {
        extra['request_body'] = trimEnd(body);
        putNumber(sink, 'bytes_in', Buffer.byteLength(trimEnd(body)));
      }
      const response = headersOf(parts.get('F') ?? '');
      if (response.headers.size > 0) extra['response_headers'] = Object.fromEntries(response.headers);
      const returned = parts.get('E');
      if (returned !== undefined) extra['response_body'] = trimEnd(returned);
      put(sink, 'content_type', response.headers.get('content-type'));
      const length = response.headers.get('content-length');
      if (length && /^\d{1,15}$/.test(length)) putNumber(sink, 'bytes_out', +length);
      const h = parts.get('H') ?? '';
      const status = /^HTTP\/[\d.]+ (\d{3})/.exec(response.first)?.[1];
      writeVerdict(rulesOf(h), /^Action: Intercepted/m.test(h), status ? +status : null, sink, extra);
      if (!parts.has('Z')) sink.number('truncated', 1);
      const micros = /^Stopwatch2?: \d+ (\d+)/m.exec(h)?.[1];
      if (micros) putNumber(sink, 'duration_us', +micros);
      putExtra(sink, extra);
      return 'event';
    },
  };
}

const trimEnd = (text: string): string => text.replace(/\r?\n(?:\r?\n)?$/, '');

/** Letter → text of the section. Only lines with the boundary of this transaction divide. */
function sections(text: string): Map<string, string> | null {
  const end = text.indexOf('\n');
  const first = boundary.exec(end < 0 ? text : text.slice(0, end));
  if (!first) return null;
  const out = new Map<string, string>();
  const mark = new RegExp(`^--${first[1]}-([A-Z])--\\r?$`, 'gm');
  let letter = '';
  let from = 0;
  for (const m of text.matchAll(mark)) {
    if (letter) out.set(letter, text.slice(from, m.index));
    letter = m[1]!;
    from = m.index + m[0].length + 1;
  }
  if (letter) out.set(letter, text.slice(from));
  return out;
}

function headersOf(text: string): { first: string; headers: Map<string, string> } {
  const lines = text.split(/\r?\n/);
  const headers = new Map<string, string>();
  for (const l of lines.slice(1)) {
    const colon = l.indexOf(':');
    if (colon <= 0) continue;
    const key = l.slice(0, colon).toLowerCase();
    const value = l.slice(colon + 1).trim();
    headers.set(key, headers.has(key) ? `${headers.get(key)}, ${value}` : value);
  }
  return { first: lines[0] ?? '', headers };
}

/** `Message: … [id "…"] [msg "…"] [severity "…"] [tag "…"]` lines of section H. */
function rulesOf(text: string): WafRule[] {
  return [...text.matchAll(/^Message: (.*)$/gm)].map(m => {
    const one = (key: string): string | undefined => new RegExp(`\\[${key} "((?:[^"\\\\]|\\\\.)*)"\\]`).exec(m[1]!)?.[1];
    const tags = [...m[1]!.matchAll(/\[tag "((?:[^"\\]|\\.)*)"\]/g)].map(t => t[1]!);
    return {
      id: one('id'),
      msg: one('msg'),
      severity: one('severity'),
      match: m[1]!.split(' [')[0],
      ...(tags.length > 0 && { tags }),
    };
  });
}

/** ModSecurity 2 audit log, serial: sections between `--boundary-A--` and `-Z--`; request and response bodies in `extra`. */
export const modsecuritySerial: Source = {
  name: 'modsecurity-serial',
  kind: 'waf',
  timeKind: timeKind.start,
  resolutionUs: 1_000_000,
  bytesKind: 2,
  blindTo: ['bodies-over-the-limit', 'requests-not-audited'],
  independent: true,
  framing: headerFramer(startsTransaction),
  open,
};

export const modsecuritySerialEntry: SourceEntry = {
  source: modsecuritySerial,
  sniff: sample =>
    /^--[0-9A-Za-z]{4,64}-A--\r?$/m.test(headText(sample, 65536)) && /^--[0-9A-Za-z]{4,64}-[BZ]--\r?$/m.test(headText(sample, 65536)) ? 0.98 : 0,
};
