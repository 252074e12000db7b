import { isIP } from 'node:net';
import type { EventColumnName } from '../columns.ts';
import type { EventSink } from '../source.ts';
import type { Stamp } from './stamp.ts';

/** Small writers the record sources share. Empty text and NULL leave the column unset. */

export function put(sink: EventSink, column: EventColumnName, value: string | null | undefined): void {
  if (value !== null && value !== undefined && value !== '') sink.text(column, value);
}

export function putNumber(sink: EventSink, column: EventColumnName, value: number | null | undefined): void {
  if (value !== null && value !== undefined && Number.isSafeInteger(value) && value >= 0) sink.number(column, value);
}

export function putStamp(sink: EventSink, stamp: Stamp): void {
  sink.number('time_us', stamp.us);
  sink.number('time_span_us', stamp.span);
}

export function putExtra(sink: EventSink, extra: Readonly<Record<string, unknown>>): void {
  for (const key in extra) {
    if (extra[key] !== undefined) return sink.text('extra', JSON.stringify(extra));
  }
}

/** An address in canonical text (IPv6 lower case and compressed, mapped IPv4 as IPv4), or null when it is none. */
export function canonicalIp(text: string): string | null {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  const version = isIP(bare);
  if (version === 4) return bare;
  if (version === 0) return null;
  const host = new URL(`http://[${bare.split('%')[0]!}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
  if (!mapped) return host;
  const [a, b] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)];
  return `${a >> 8}.${a & 255}.${b >> 8}.${b & 255}`;
}

/** The address into `src_ip` (as logged when it is a name). */
export function putIp(sink: EventSink, text: string | null | undefined): void {
  if (text) put(sink, 'src_ip', canonicalIp(text) ?? text);
}

export function putPort(sink: EventSink, text: string | number | null | undefined): void {
  const port = typeof text === 'number' ? text : text ? +text : Number.NaN;
  if (Number.isInteger(port) && port >= 0 && port <= 65535) sink.number('src_port', port);
}
