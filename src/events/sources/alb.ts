import { bytesKind, timeKind } from '../columns.ts';
import type { EventSink, ParseOutcome, RecordParser, Source, SourceEntry } from '../source.ts';
import { matchIsoTime } from '../time-text.ts';
import { resetScratch, scratchBytes, scratchEnd, unescapeField } from '../unescape.ts';
import { extraField, type Field, numberField, requestField, statusField, takeAddress, textField } from '../web-fields.ts';
import { WebRow } from '../web-row.ts';
import { shareParsed } from './web-sniff.ts';

const types = new Set(['http', 'https', 'h2', 'grpcs', 'ws', 'wss']);
const latin = new TextDecoder('latin1');

/** Fields by position; more may follow in later versions of the log and are left alone. */
const fields: Readonly<Record<number, Field>> = {
  0: extraField('type'),
  2: extraField('elb'),
  4: extraField('target'),
  8: statusField,
  9: extraField('target_status'),
  10: numberField('bytes_in', 'bytes_in'),
  11: numberField('bytes', 'bytes_out'),
  12: requestField,
  13: textField('user_agent', 'user_agent'),
  17: textField('trace_id', 'trace_id'),
  18: textField('host', 'host'),
  22: extraField('actions'),
  24: extraField('error_reason'),
  27: extraField('classification'),
  29: textField('conn_id', 'conn_id'),
};

const fieldList = Object.entries(fields).map(([at, field]) => [Number(at), field] as const);
const fewest = 14;
const most = 64;

class AlbParser implements RecordParser {
  private readonly row = new WebRow('UTC');
  private readonly starts = new Int32Array(most);
  private readonly ends = new Int32Array(most);

  parse(bytes: Uint8Array, from: number, to: number, sink: EventSink): ParseOutcome {
    if (from === to) return 'meta';
    const n = this.split(bytes, from, to);
    if (n < fewest || !types.has(latin.decode(bytes.subarray(from, Math.min(this.ends[0]!, from + 8))))) return { unparsed: 'format-mismatch' };
    const row = this.row;
    row.clear();
    resetScratch();
    const end = this.stamp(bytes, 1);
    if (end === null) return { unparsed: 'bad-time' };
    this.client(bytes, sink);
    for (const [i, field] of fieldList) {
      if (i >= n) break;
      const escaped = unescapeField(bytes, this.starts[i]!, this.ends[i]!, 'backslash');
      const ok = escaped ? field.take(scratchBytes(), scratchEnd.from, scratchEnd.to, row, sink) : field.take(bytes, this.starts[i]!, this.ends[i]!, row, sink);
      if (!ok) return { unparsed: `bad-${field.name}` };
    }
    // Two stamps: creation of the request and of the response; their difference is the duration.
    const start = n > 21 ? this.stamp(bytes, 21) : null;
    if (start !== null && start <= end) sink.number('duration_us', end - start);
    row.instant = end;
    row.micro = 0;
    row.finish(sink);
    return 'event';
  }

  private stamp(bytes: Uint8Array, field: number): number | null {
    const row = this.row;
    row.micro = 0;
    row.offset = null;
    row.year = -1;
    if (matchIsoTime(bytes, this.starts[field]!, this.ends[field]!, row) !== this.ends[field]!) return null;
    return row.time()?.at ?? null;
  }

  private client(bytes: Uint8Array, sink: EventSink): void {
    const from = this.starts[3]!;
    const to = this.ends[3]!;
    if (to - from < 3) return;
    const colon = bytes.lastIndexOf(0x3a, to - 1);
    const address = colon > from ? colon : to;
    takeAddress(bytes, from, address, sink);
    this.row.hasAddress = true;
    if (colon > from) numberField('port', 'src_port').take(bytes, colon + 1, to, this.row, sink);
  }

  /** Between single spaces, quotes kept together; a quote inside is escaped with a backslash. */
  private split(bytes: Uint8Array, from: number, to: number): number {
    let n = 0;
    let p = from;
    while (p < to && n < most) {
      if (bytes[p] === 0x22) {
        let end = p + 1;
        while (end < to && bytes[end] !== 0x22) end += bytes[end] === 0x5c ? 2 : 1;
        if (end >= to) return 0;
        this.starts[n] = p + 1;
        this.ends[n++] = end;
        p = end + 2;
        continue;
      }
      let end = bytes.indexOf(0x20, p);
      if (end < 0 || end > to) end = to;
      this.starts[n] = p;
      this.ends[n++] = end;
      p = end + 1;
    }
    return n;
  }
}

/** AWS Application Load Balancer access log. `time` is when the response was made; the target's own status is in `extra`. */
export const alb: Source = {
  name: 'aws-alb',
  kind: 'web-access',
  timeKind: timeKind.end,
  resolutionUs: 1,
  durationResolutionUs: 1,
  bytesKind: bytesKind.wire,
  blindTo: ['post-bodies', 'response-bodies', 'accounts'],
  independent: true,
  framing: 'line',
  open: () => new AlbParser(),
};

export const albEntry: SourceEntry = { source: alb, sniff: sample => shareParsed(alb, sample) };
