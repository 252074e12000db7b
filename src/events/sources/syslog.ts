import { eventClass, outcome } from '../columns.ts';
import { headerFramer } from '../framing.ts';
import { textReader } from '../record-text.ts';
import type { EventSink, RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { put, putExtra, putIp, putPort } from './row.ts';
import { shareOf } from './sniff.ts';
import { isSshdTag, sshd, syslogHead, writeHeader, writePam, writeSshd, yearOf } from './sshd.ts';
import { readSyslogHeader } from './syslog-header.ts';

const pair = /([A-Za-z_][\w.-]{0,60})=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))/g;

/** `key=value` and `key="va lue"` pairs, at least three; null when the text is no such list. */
export function keyValues(text: string): Record<string, string> | null {
  const out: Record<string, string> = {};
  let n = 0;
  let covered = 0;
  for (const m of text.matchAll(pair)) {
    if (n++ >= 200) break;
    covered += m[0].length + 1;
    out[m[1]!] = m[2] !== undefined ? m[2].replace(/\\(.)/gs, '$1') : m[3]!;
  }
  return n >= 3 && covered * 2 > text.length ? out : null;
}

const sources = ['srcip', 'src', 'src_ip', 'source_ip', 'rhost', 'client_ip', 'remip', 'SRC'];
const ports = ['srcport', 'src_port', 'spt', 'SPT', 'sport'];
const users = ['user', 'usr', 'username', 'suser', 'dstuser', 'login'];
const first = (o: Record<string, string>, keys: readonly string[]): string | undefined => keys.map(k => o[k]).find(v => v !== undefined && v !== '');

function writePairs(o: Record<string, string>, sink: EventSink): void {
  putIp(
    sink,
    first(o, sources)?.replace(/:.*$/, m => (m.includes('.') || m.split(':').length > 2 ? m : '')),
  );
  putPort(sink, first(o, ports));
  put(sink, 'account', first(o, users));
  put(sink, 'action', o['action'] ?? o['logdesc']);
  put(sink, 'level', o['level'] ?? o['pri']);
  const said = `${o['status'] ?? ''} ${o['result'] ?? ''} ${o['action'] ?? ''}`.toLowerCase();
  if (/\b(?:fail|failed|failure|deny|denied|reject|blocked)\b/.test(said)) sink.number('outcome', outcome.failure);
  else if (/\b(?:success|accept|accepted|pass|passed|tunnel-up|login)\b/.test(said)) sink.number('outcome', outcome.success);
}

/** `%ASA-6-113039: Group <G> User <U> IP <A> …` */
function writeAsa(text: string, sink: EventSink, extra: Record<string, unknown>): boolean {
  const m = /^%(?:ASA|FTD|PIX)-(\d)-(\d{6}): (.*)$/s.exec(text);
  if (!m) return false;
  extra['asa_code'] = m[2];
  put(sink, 'level', m[1]);
  put(sink, 'account', /\b[Uu]ser(?:name)? ?(?:= ?|<)?'?"?([^\s<>,"']+)/.exec(m[3]!)?.[1]);
  putIp(sink, /\bIP ?(?:=|<) ?([0-9A-Fa-f.:]+)/.exec(m[3]!)?.[1] ?? /\b(?:from|src) (?:\w+:)?(\d+\.\d+\.\d+\.\d+)/.exec(m[3]!)?.[1]);
  return true;
}

function open(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  const clock = yearOf(context);
  return {
    parse(bytes, from, to, sink) {
      if (from >= to) return 'meta';
      const text = read(bytes, from, to);
      const extra: Record<string, unknown> = {};
      const header = readSyslogHeader(text, context.zone, clock);
      if (!header) return { unparsed: 'no-syslog-header' };
      writeHeader(header, sink, extra);
      const kind = writeBody(header.tag, header.text, sink, extra);
      sink.number('class', kind);
      put(sink, 'message', header.text);
      putExtra(sink, extra);
      return 'event';
    },
    finish: () => clock.facts(),
  };
}

function writeBody(tag: string, text: string, sink: EventSink, extra: Record<string, unknown>): number {
  if (isSshdTag(tag)) {
    writeSshd(text, sink, extra);
    return eventClass.auth;
  }
  if (writePam(text, sink, extra)) return eventClass.auth;
  if (tag === 'sudo' || tag === 'su') {
    const m = /^ *(\S+) : .*?(?:; )?COMMAND=(.*)$/s.exec(text);
    sink.text('action', tag);
    if (m) {
      put(sink, 'account', m[1]);
      extra['command'] = m[2];
      return eventClass.process;
    }
    return eventClass.auth;
  }
  const asa = tag.startsWith('%') ? `${tag}: ${text}` : text;
  if (writeAsa(asa, sink, extra)) return eventClass.net;
  const pairs = keyValues(text);
  if (pairs) {
    writePairs(pairs, sink);
    extra['pairs'] = pairs;
    return first(pairs, users) && /login|logon|auth|tunnel|vpn/i.test(`${pairs['action'] ?? ''} ${pairs['subtype'] ?? ''} ${pairs['logdesc'] ?? ''}`)
      ? eventClass.auth
      : first(pairs, sources)
        ? eventClass.net
        : eventClass.app;
  }
  const again = /^(?:last )?message repeated (\d{1,9}) times/.exec(`${tag} ${text}`.trim()) ?? /^last message repeated (\d{1,9}) times/.exec(text);
  if (again) sink.number('repeat_count', Math.max(1, +again[1]!));
  return eventClass.app;
}

/** Indented lines go on with the message before them. */
function notIndented(bytes: Uint8Array, at: number, to: number, atEnd: boolean): boolean | -1 {
  if (at >= to) return atEnd ? true : -1;
  return bytes[at] !== 9 && bytes[at] !== 32;
}

/** Any syslog file: RFC 3164 (no year), RFC 5424, ISO stamps; `key=value` bodies of firewalls and VPN gateways. */
export const syslog: Source = {
  ...sshd,
  name: 'syslog',
  blindTo: ['user-name-log-forging', 'lost-datagrams'],
  framing: headerFramer(notIndented),
  open,
};

export const syslogEntry: SourceEntry = {
  source: syslog,
  sniff: sample => {
    const share = shareOf(sample, t => syslogHead.test(t));
    return share > 0.3 ? share * 0.9 : 0;
  },
};
