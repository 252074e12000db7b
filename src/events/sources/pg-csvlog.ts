import { timeKind } from '../columns.ts';
import { csvFramer } from '../framing.ts';
import { type Slice, textReader, utf8Text } from '../record-text.ts';
import type { RecordParser, Source, SourceContext, SourceEntry } from '../source.ts';
import { isSeverity, writePgRecord } from './pg-message.ts';
import { auditMemory } from './pgaudit.ts';
import { putStamp } from './row.ts';
import { shareOf } from './sniff.ts';
import { readIso, type Stamp } from './stamp.ts';

const digit = (b: number | undefined): boolean => b !== undefined && b >= 48 && b <= 57;
const shape = 'dddd-dd-dd dd:dd:dd';

/** `2026-11-22 05:23:10` at `at`: how every csvlog record begins. */
export function startsWithStamp(bytes: Uint8Array, at: number, to: number): boolean {
  if (at + shape.length > to) return false;
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] === 'd' ? !digit(bytes[at + i]) : bytes[at + i] !== shape.charCodeAt(i)) return false;
  }
  return true;
}

const sessionPattern = /^[0-9a-f]{6,16}\.[0-9a-f]{1,8}$/;

/** Reads the stamp; the zone name rarely changes, so whole seconds are cached. */
export function stampReader(zone: string): (text: string) => Stamp | null {
  let key = '';
  let base: Stamp | null = null;
  return text => {
    const dot = text.length > 19 && text.charCodeAt(19) === 46 ? text.indexOf(' ', 19) : -1;
    if (dot < 0) return readIso(text, zone);
    const second = text.slice(0, 19) + text.slice(dot);
    if (second !== key) {
      base = readIso(second, zone);
      key = second;
    }
    const fraction = +text.slice(20, Math.min(dot, 26)).padEnd(6, '0');
    return base && Number.isInteger(fraction) ? { us: base.us + fraction, span: base.span } : null;
  };
}

function open(context: SourceContext): RecordParser {
  const read = textReader(context.encoding);
  const starts = new Int32Array(64);
  const ends = new Int32Array(64);
  const memory = auditMemory();
  const kept = Array.from({ length: 26 }, () => keeper());
  const readStamp = stampReader(context.zone);
  let columns = 0;
  return {
    parse(bytes, from, to, sink) {
      if (from >= to) return 'meta';
      const n = splitCsv(bytes, from, to, starts, ends);
      if (n < 0) return { unparsed: 'bad-csv' };
      if (n < 23) return { unparsed: startsWithStamp(bytes, from, to) ? 'too-few-columns' : 'no-record-start' };
      const field = (i: number): string => (i < n ? unquoted(bytes, starts[i]!, ends[i]!, read) : '');
      const same = (i: number): string => (i < n ? kept[i]!.text(bytes, starts[i]!, ends[i]!, read) : '');
      const stamp = readStamp(field(0));
      if (!stamp) return { unparsed: 'bad-time' };
      const severity = same(11);
      const session = same(5);
      if (!isSeverity(severity)) return { unparsed: 'bad-severity' };
      if (!sessionPattern.test(session)) return { unparsed: 'bad-session' };
      if (n < columns) sink.number('truncated', 1);
      else columns = n;
      const peer = same(4);
      const colon = peer.lastIndexOf(':');
      putStamp(sink, stamp);
      writePgRecord(
        {
          user: same(1),
          database: same(2),
          pid: same(3),
          host: colon > 0 ? peer.slice(0, colon) : peer,
          port: colon > 0 ? peer.slice(colon + 1) : '',
          session,
          line: +field(6),
          command: same(7),
          virtualTx: field(9),
          tx: same(10),
          severity,
          state: same(12),
          message: field(13),
          detail: field(14),
          hint: field(15),
          context: field(18),
          query: field(19) || field(16),
          application: same(22),
          backend: same(23),
          queryId: field(25),
        },
        memory,
        sink,
      );
      return 'event';
    },
    finish: () => ({ columns }),
  };
}

/** Field borders of one record, quotes included; -1 when a quoted field is broken. At most 64 fields are looked at. */
export function splitCsv(bytes: Uint8Array, from: number, to: number, starts: Int32Array, ends: Int32Array): number {
  let n = 0;
  let i = from;
  for (;;) {
    starts[n] = i;
    if (bytes[i] === 34 && i < to) {
      i++;
      for (;;) {
        while (i < to && bytes[i] !== 34) i++;
        if (i >= to) return -1;
        if (i + 1 < to && bytes[i + 1] === 34) i += 2;
        else break;
      }
      i++;
      if (i < to && bytes[i] !== 44) return -1;
    } else {
      while (i < to && bytes[i] !== 44) i++;
    }
    ends[n++] = i;
    if (i >= to || n >= 64) return n;
    i++;
  }
}

/** The text of a field that is often the same as in the record before: decoded only when its bytes differ. */
function keeper(): { text(bytes: Uint8Array, start: number, end: number, read: Slice): string } {
  const known = new Uint8Array(128);
  let length = -1;
  let value = '';
  return {
    text(bytes, start, end, read) {
      const n = end - start;
      if (n === length) {
        let i = 0;
        while (i < n && bytes[start + i] === known[i]) i++;
        if (i === n) return value;
      }
      value = unquoted(bytes, start, end, read);
      length = n <= known.length ? n : -1;
      for (let i = 0; i < length; i++) known[i] = bytes[start + i]!;
      return value;
    },
  };
}

function unquoted(bytes: Uint8Array, start: number, end: number, read: Slice): string {
  if (start >= end) return '';
  if (bytes[start] !== 34) return read(bytes, start, end);
  const text = read(bytes, start + 1, end - 1);
  return text.includes('""') ? text.replaceAll('""', '"') : text;
}

/** PostgreSQL `log_destination = csvlog`, 23 (before 13) to 26 columns (since 14), pgaudit records inside. */
export const pgCsvlog: Source = {
  name: 'pg-csvlog',
  kind: 'sql-audit',
  timeKind: timeKind.write,
  resolutionUs: 1000,
  bytesKind: 4,
  blindTo: ['response-bodies', 'rows-returned', 'client-address-behind-proxy'],
  independent: false,
  framing: csvFramer(startsWithStamp),
  open,
};

const line = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [^,]{1,12},(?:"(?:[^"]|"")*")?,(?:"(?:[^"]|"")*")?,\d*,(?:"[^"]*")?,[0-9a-f]+\.[0-9a-f]+,\d+,/;

export const pgCsvlogEntry: SourceEntry = {
  source: pgCsvlog,
  sniff: sample =>
    sample.lines.some(l => line.test(utf8Text(l, 0, Math.min(l.length, 600))))
      ? Math.max(
          0.6,
          shareOf(sample, t => line.test(t)),
        )
      : 0,
};
