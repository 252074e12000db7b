import type { EventColumnName } from '../columns.ts';
import { ipText } from '../ip.ts';
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
  if (Object.values(extra).some(v => v !== undefined)) sink.text('extra', JSON.stringify(extra));
}

/** The address into `src_ip` (as logged when it is a name). */
export function putIp(sink: EventSink, text: string | null | undefined): void {
  if (text) put(sink, 'src_ip', ipText(text) ?? text);
}

export function putPort(sink: EventSink, text: string | number | null | undefined): void {
  const port = typeof text === 'number' ? text : text ? +text : Number.NaN;
  if (Number.isInteger(port) && port >= 0 && port <= 65535) sink.number('src_port', port);
}
