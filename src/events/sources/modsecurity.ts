import { eventClass, outcome } from '../columns.ts';
import type { EventSink } from '../source.ts';
import { put, putNumber } from './row.ts';

/** What both ModSecurity formats write. */

export type WafRule = {
  readonly id?: string;
  readonly msg?: string;
  readonly severity?: string;
  readonly tags?: readonly string[];
  readonly match?: string;
};

/** `GET /x HTTP/1.1` → method, target, protocol. Without a shape everything goes into target. */
export function writeRequestLine(text: string, sink: EventSink): void {
  const m = /^(\S+) (.*?)(?: (HTTP\/[\d.]+))?$/s.exec(text);
  if (!m) return;
  put(sink, 'method', m[1]);
  put(sink, 'protocol', m[3]);
  writeTarget(m[2]!, sink);
}

const encoder = new TextEncoder();
export function writeTarget(target: string, sink: EventSink): void {
  if (target === '') return;
  const bytes = encoder.encode(target);
  sink.target(bytes, 0, bytes.length);
}

/** Header list → columns; session cookies are left to detection, the whole list goes to `extra`. */
export function writeHeaders(headers: ReadonlyMap<string, string>, sink: EventSink): void {
  put(sink, 'user_agent', headers.get('user-agent'));
  put(sink, 'host', headers.get('host'));
  put(sink, 'referer', headers.get('referer'));
  put(sink, 'forwarded', headers.get('x-forwarded-for'));
  const basic = /^Basic ([A-Za-z0-9+/=]+)$/.exec(headers.get('authorization') ?? '');
  if (basic) put(sink, 'account', Buffer.from(basic[1]!, 'base64').toString('latin1').split(':')[0]);
}

export function writeVerdict(rules: readonly WafRule[], intercepted: boolean, status: number | null, sink: EventSink, extra: Record<string, unknown>): void {
  sink.number('class', eventClass.waf);
  sink.number('outcome', intercepted ? outcome.failure : outcome.unknown);
  sink.text('action', intercepted ? 'blocked' : rules.length > 0 ? 'alert' : 'audit');
  putNumber(sink, 'status', status !== null && status <= 999 ? status : null);
  put(
    sink,
    'message',
    rules
      .map(r => r.msg ?? r.match)
      .filter(Boolean)
      .join('; '),
  );
  if (rules.length > 0) extra['rules'] = rules;
}
