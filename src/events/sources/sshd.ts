import { eventClass, outcome, timeKind } from '../columns.ts';
import { textReader } from '../record-text.ts';
import type { EventSink, RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { put, putExtra, putIp, putPort, putStamp } from './row.ts';
import { shareOf } from './sniff.ts';
import { readSyslogHeader, type SyslogHeader, type YearClock, yearClock } from './syslog-header.ts';

const repeated = /^message repeated (\d{1,9}) times: \[ ?(.*?)\]?$/s;
const tail = / from (\S+) port (\d{1,5})(?: on (\S+) port \d{1,5})?(?: ssh2?)?(?:: (\S+) (\S+))?(?: \[preauth\])?$/;
const accepted = /^(Accepted|Postponed|Partial|Failed) (\S+) for (invalid user |illegal user )?(.*)$/s;

export const isSshdTag = (tag: string): boolean => /^(?:.*\/)?sshd(?:-session|-auth)?$/.test(tag);

/**
 * Writes what an sshd message means; false when it says nothing about access. User names are the client's own text and may hold
 * ` from 1.2.3.4 port 22`: address and port are the last ones of the line.
 */
export function writeSshd(message: string, sink: EventSink, extra: Record<string, unknown>): boolean {
  const again = repeated.exec(message);
  const text = again ? again[2]! : message;
  if (again) sink.number('repeat_count', Math.max(1, +again[1]!));
  const a = accepted.exec(text);
  const t = a ? tail.exec(a[4]!) : null;
  if (a && t) {
    const user = a[4]!.slice(0, t.index);
    sink.text('action', a[1] === 'Postponed' ? 'login-step' : 'login');
    sink.number('outcome', a[1] === 'Accepted' ? outcome.success : a[1] === 'Failed' ? outcome.failure : outcome.unknown);
    put(sink, 'account', user);
    put(sink, 'auth_method', a[2]);
    if (a[3]) extra['invalid_user'] = true;
    writePeer(t[1]!, t[2]!, sink);
    if (t[4]) extra['key_type'] = t[4];
    if (t[5]) extra['key_fingerprint'] = t[5];
    return true;
  }
  return writeInvalidUser(text, sink) || writePam(text, sink, extra) || writeDisconnect(text, sink);
}

function writePeer(host: string, port: string | undefined, sink: EventSink): void {
  putIp(sink, host);
  putPort(sink, port);
}

function writeInvalidUser(text: string, sink: EventSink): boolean {
  const m = /^(?:Invalid|Illegal) user (.*) from (\S+)(?: port (\d{1,5}))?(?: \[preauth\])?$/s.exec(text);
  if (m) {
    sink.text('action', 'invalid-user');
    sink.number('outcome', outcome.failure);
    put(sink, 'account', m[1]);
    writePeer(m[2]!, m[3], sink);
    return true;
  }
  const not = /^User (.*) from (\S+) not allowed because /s.exec(text);
  const max = /^(?:error: )?maximum authentication attempts exceeded for (invalid user )?(.*) from (\S+) port (\d{1,5})(?: ssh2?)?(?: \[preauth\])?$/s.exec(
    text,
  );
  if (!not && !max) return false;
  sink.text('action', not ? 'denied' : 'too-many-attempts');
  sink.number('outcome', outcome.failure);
  put(sink, 'account', not ? not[1] : max![2]);
  writePeer(not ? not[2]! : max![3]!, max?.[4], sink);
  return true;
}

const pam = /^pam_\w+\(([^:)]*):(auth|session|account)\): (.*)$/s;

/** `pam_unix(sshd:auth): …` lines of any service. */
export function writePam(text: string, sink: EventSink, extra: Record<string, unknown>): boolean {
  const more = /^PAM (\d{1,9}) more authentication failures?; (.*)$/s.exec(text);
  if (more) {
    sink.text('action', 'pam-failure');
    sink.number('outcome', outcome.failure);
    sink.number('repeat_count', Math.max(1, +more[1]!));
    writePamPeer(more[2]!, sink);
    return true;
  }
  const m = pam.exec(text);
  if (!m) return false;
  extra['service'] = m[1];
  const session = /^session (opened|closed) for user (.*?)(?:\(uid=\d+\))?(?: by (.*))?$/s.exec(m[3]!);
  if (session) {
    sink.text('action', session[1] === 'opened' ? 'session-open' : 'session-close');
    if (session[1] === 'opened') sink.number('outcome', outcome.success);
    put(sink, 'account', session[2]);
    if (session[3]) extra['by'] = session[3];
    return true;
  }
  if (/^authentication failure;/.test(m[3]!)) {
    sink.text('action', 'pam-failure');
    sink.number('outcome', outcome.failure);
    writePamPeer(m[3]!, sink);
    return true;
  }
  sink.text('action', 'pam');
  return true;
}

function writePamPeer(text: string, sink: EventSink): void {
  put(sink, 'account', /(?:^|\s)user=(.*)$/s.exec(text)?.[1]?.trim());
  putIp(sink, /(?:^|\s)rhost=(\S+)/.exec(text)?.[1]);
}

function writeDisconnect(text: string, sink: EventSink): boolean {
  const by =
    /^(?:error: )?(Received disconnect|Disconnected|Connection closed|Connection reset|Connection)(?: by| from)? (?:(authenticating|invalid) user (.*) )?(\S+)(?: port (\d{1,5}))?(?::\d+: .*|: ?\d+: .*| on \S+ port \d+.*)?(?: \[preauth\])?$/s.exec(
      text,
    );
  if (!by || !/^[0-9A-Fa-f.:]+$|^[\w.-]+\.[A-Za-z]+$|^UNKNOWN$/.test(by[4]!.replace(/:$/, ''))) return false;
  sink.text('action', by[1] === 'Connection' ? 'connect' : 'disconnect');
  put(sink, 'account', by[3]);
  writePeer(by[4]!.replace(/:$/, ''), by[5], sink);
  return true;
}

/** The columns every syslog line has. */
export function writeHeader(h: SyslogHeader, sink: EventSink, extra: Record<string, unknown>): void {
  if (h.stamp) putStamp(sink, h.stamp);
  put(sink, 'host', h.host);
  put(sink, 'app_name', h.tag);
  put(sink, 'conn_id', h.pid);
  if (h.priority !== null) put(sink, 'level', levels[h.priority & 7]);
  if (h.data) extra['structured_data'] = h.data;
}

const levels = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];

export const yearOf = (context: SourceContext): YearClock => {
  const params = context.params as { firstYear?: unknown } | null | undefined;
  const first = typeof params === 'object' && params !== null && typeof params.firstYear === 'number' ? params.firstYear : undefined;
  return yearClock(context.zone, context.modifiedUs, first);
};

function open(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  const clock = yearOf(context);
  return {
    parse(bytes, from, to, sink) {
      if (from >= to) return 'meta';
      const header = readSyslogHeader(read(bytes, from, to), context.zone, clock);
      if (!header) return { unparsed: 'no-syslog-header' };
      const extra: Record<string, unknown> = {};
      writeHeader(header, sink, extra);
      const known = isSshdTag(header.tag) ? writeSshd(header.text, sink, extra) : writePam(header.text, sink, extra);
      sink.number('class', known || isSshdTag(header.tag) ? eventClass.auth : eventClass.app);
      put(sink, 'message', header.text);
      putExtra(sink, extra);
      return 'event';
    },
    finish: () => clock.facts(),
  };
}

/** OpenSSH messages in RFC 3164, RFC 5424 or ISO syslog lines. */
export const sshd: Source = {
  name: 'sshd',
  kind: 'auth',
  timeKind: timeKind.write,
  resolutionUs: 1,
  bytesKind: 4,
  blindTo: ['commands', 'file-transfers', 'user-name-log-forging'],
  independent: false,
  framing: 'line',
  open,
};

const head = /^(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d|1 \d{4}-)/;

export const sshdEntry: SourceEntry = {
  source: sshd,
  sniff: sample => {
    const all = shareOf(sample, t => head.test(t));
    const own = shareOf(sample, t => head.test(t) && /\bsshd(?:-session|-auth)?(?:\[\d+\])?:? /.test(t));
    return own > 0.5 ? Math.min(1, all) : 0;
  },
};

export const syslogHead = head;
