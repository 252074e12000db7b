import { bytesKind, eventClass, timeKind } from '../columns.ts';
import { ipText } from '../ip.ts';
import { latin1Text } from '../record-text.ts';
import type { EventSink, ParseOutcome, RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { matchStrftime } from '../time-text.ts';
import { requestField, takeAddress } from '../web-fields.ts';
import { WebRow } from '../web-row.ts';
import { readSyslogHeader, type YearClock, yearClock } from './syslog-header.ts';
import { shareParsed } from './web-sniff.ts';

/** From the client on: address, accept date, frontend, backend/server, timers, status, bytes, cookies, termination, counters. */
const http =
  /^(\S+):(\d{1,5}) \[(\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d\.\d{3})\] (\S+) ([^\s/]+)\/(\S+) (-?\d+)\/(-?\d+)\/(-?\d+)\/(-?\d+)\/\+?(-?\d+) (-?\d{1,3}) \+?(\d+) (\S+) (\S+) (\S{4}) (\d+\/\d+\/\d+\/\d+\/\+?\d+) (\d+\/\d+)(?: (.*))?$/s;
const tcp =
  /^(\S+):(\d{1,5}) \[(\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d\.\d{3})\] (\S+) ([^\s/]+)\/(\S+) (-?\d+)\/(-?\d+)\/\+?(-?\d+) \+?(\d+) (\S{2}) (\d+\/\d+\/\d+\/\d+\/\+?\d+) (\d+\/\d+)$/;
/** Where the accept date stands; the client is the word before it. */
const acceptDate = / \[\d\d\/\w{3}\/\d{4}:/;
const tagged = /\bhaproxy(?:\[\d+\])?: /;
const stampMatch = matchStrftime('%d/%b/%Y:%H:%M:%S');
const encoder = new TextEncoder();
/** HAProxy and syslog cut lines at `len`; the default is 1024. */
const cutLengths = [1024, 2048, 4096, 8192, 16384, 65535];

function clientAt(text: string): number {
  const m = acceptDate.exec(text);
  return m ? text.lastIndexOf(' ', m.index - 1) + 1 : -1;
}

class HaproxyParser implements RecordParser {
  private readonly row: WebRow;
  private readonly zone: string;
  private readonly years: YearClock;

  constructor(context: SourceContext) {
    this.row = new WebRow(context.zone);
    this.zone = context.zone;
    this.years = yearClock(context.zone, context.modifiedUs);
  }

  parse(bytes: Uint8Array, from: number, to: number, sink: EventSink): ParseOutcome {
    if (from === to) return 'meta';
    const text = latin1Text(bytes, from, to);
    const at = clientAt(text);
    if (at >= 0) {
      const body = text.slice(at);
      const h = http.exec(body);
      if (h) return this.request(bytes, from, text, h, at, sink);
      const t = tcp.exec(body);
      if (t) return this.connection(text, t, at, sink);
    }
    return tagged.test(text) ? this.notice(text, sink) : { unparsed: 'format-mismatch' };
  }

  finish(): Readonly<Record<string, string | number>> {
    return this.years.facts();
  }

  private request(bytes: Uint8Array, from: number, text: string, m: RegExpExecArray, at: number, sink: EventSink): ParseOutcome {
    if (!this.accept(text.slice(0, at), m, sink)) return { unparsed: 'bad-time' };
    const row = this.row;
    if (+m[12]! > 0) sink.number('status', +m[12]!);
    sink.number('bytes_out', +m[13]!);
    if (+m[11]! >= 0) sink.number('duration_us', +m[11]! * 1000);
    row.addExtra('frontend', m[4]!);
    row.addExtra('backend', m[5]!);
    row.addExtra('server', m[6]!);
    row.addExtra('timers', m.slice(7, 12).join('/'));
    row.addExtra('termination', m[16]!);
    if (m[15] !== '-') row.addExtra('response_cookie', m[15]!);
    if (m[14] !== '-') sink.text('session', m[14]!);
    const tail = m[19] ?? '';
    const quote = tail.startsWith('"') ? 0 : tail.indexOf(' "') + 1;
    const captured = quote > 0 ? tail.slice(0, quote).trim() : tail.startsWith('"') ? '' : tail;
    if (captured !== '') {
      row.addExtra('captured', utf8(captured));
      writeCaptured(captured, sink);
    }
    if (quote > 0 || tail.startsWith('"')) {
      const closed = tail.length > quote + 1 && tail.endsWith('"');
      const start = from + text.length - tail.length + quote + 1;
      const end = from + text.length - (closed ? 1 : 0);
      if (!closed) sink.number('truncated', 1);
      const plain = unhash(bytes, start, end);
      requestField.take(plain, 0, plain.length, row, sink);
    } else if (cutLengths.some(n => Math.abs(n - text.length) <= 2)) sink.number('truncated', 1);
    return row.finish(sink) ? 'event' : { unparsed: 'bad-time' };
  }

  private connection(text: string, m: RegExpExecArray, at: number, sink: EventSink): ParseOutcome {
    if (!this.accept(text.slice(0, at), m, sink)) return { unparsed: 'bad-time' };
    sink.number('class', eventClass.net);
    sink.number('bytes_out', +m[10]!);
    if (+m[9]! >= 0) sink.number('duration_us', +m[9]! * 1000);
    this.row.addExtra('frontend', m[4]!);
    this.row.addExtra('backend', m[5]!);
    this.row.addExtra('server', m[6]!);
    this.row.addExtra('termination', m[11]!);
    return this.row.finish(sink) ? 'event' : { unparsed: 'bad-time' };
  }

  /** Client, accept date and the machine of the syslog header. */
  private accept(before: string, m: RegExpExecArray, sink: EventSink): boolean {
    const row = this.row;
    row.clear();
    const stamp = encoder.encode(m[3]!);
    if (stampMatch(stamp, 0, stamp.length, row) !== 20) return false;
    row.micro = +m[3]!.slice(-3) * 1000;
    row.hasAddress = true;
    const address = encoder.encode(m[1]!);
    takeAddress(address, 0, address.length, sink);
    sink.number('src_port', +m[2]!);
    const tag = tagged.exec(before);
    const host = tag ? before.slice(0, tag.index).trimEnd().split(' ').at(-1) : '';
    if (host) sink.text('host', utf8(host));
    return true;
  }

  /** Starts, stops, server up and down: what HAProxy says about itself. */
  private notice(text: string, sink: EventSink): ParseOutcome {
    const header = readSyslogHeader(text, this.zone, this.years);
    if (!header) return { unparsed: 'format-mismatch' };
    sink.number('class', eventClass.app);
    if (header.stamp) {
      sink.number('time_us', header.stamp.us);
      if (header.stamp.span > 0) sink.number('time_span_us', header.stamp.span);
    }
    if (header.host !== '') sink.text('host', utf8(header.host));
    sink.text('app_name', 'haproxy');
    sink.text('message', utf8(header.text));
    return 'event';
  }
}

const agentShape = /^(?:[A-Za-z][\w.+-]*\/v?\d|Mozilla\b)/;

/** Captured request headers stand in the first braces, without their names: those that can be told by their shape. */
function writeCaptured(captured: string, sink: EventSink): void {
  const whole = utf8(captured);
  const between = whole.indexOf('} {');
  const first = whole.slice(1, between > 0 ? between : whole.endsWith('}') ? -1 : undefined);
  if (!whole.startsWith('{') || first === '') return;
  const values = first.split('|');
  const agents = values.filter(v => agentShape.test(v));
  if (agents.length === 1) sink.text('user_agent', agents[0]!);
  const referers = values.filter(v => /^https?:\/\/[^/]/.test(v));
  if (referers.length === 1) sink.text('referer', referers[0]!);
  const addresses = values.filter(v => v !== '' && v.split(',').every(part => ipText(part.trim()) !== null));
  if (addresses.length === 1) sink.text('forwarded', addresses[0]!);
}

/** Latin-1 text back to what its bytes say. */
function utf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

/** `#XX` stands for a byte HAProxy would not print. */
function unhash(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const out = bytes.slice(from, to);
  let p = 0;
  for (let i = 0; i < out.length; i++) {
    const hex = out[i] === 0x23 && i + 2 < out.length ? String.fromCharCode(out[i + 1]!, out[i + 2]!) : '';
    if (/^[0-9A-F]{2}$/.test(hex)) {
      out[p++] = Number.parseInt(hex, 16);
      i += 2;
    } else out[p++] = out[i]!;
  }
  return out.subarray(0, p);
}

/** HAProxy httplog and tcplog, with or without the syslog header before them. The stamp is when the connection was accepted. */
export const haproxy: Source = {
  name: 'haproxy',
  kind: 'web-access',
  timeKind: timeKind.start,
  resolutionUs: 1000,
  durationResolutionUs: 1000,
  bytesKind: bytesKind.wire,
  blindTo: ['post-bodies', 'response-bodies', 'accounts', 'long-targets'],
  independent: false,
  framing: 'line',
  open: context => new HaproxyParser(context),
};

export const haproxyEntry: SourceEntry = {
  source: haproxy,
  sniff: sample => (sample.lines.some(isHaproxy) ? shareParsed(haproxy, sample) : 0),
};

function isHaproxy(line: Uint8Array): boolean {
  const text = latin1Text(line, 0, line.length);
  const at = clientAt(text);
  return at >= 0 && (http.test(text.slice(at)) || tcp.test(text.slice(at)));
}
