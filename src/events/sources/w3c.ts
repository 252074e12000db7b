import { bytesKind, timeKind } from '../columns.ts';
import type { EventSink, ParseOutcome, RecordParser, Sample, Source, SourceContext, SourceEntry } from '../source.ts';
import { matchStrftime, type TimeMatch } from '../time-text.ts';
import {
  addressField,
  cookieHeaderField,
  durationField,
  extraField,
  type Field,
  forwardedField,
  numberField,
  parseDecimal,
  pathField,
  queryField,
  statusField,
  targetField,
  textField,
} from '../web-fields.ts';
import { WebRow } from '../web-row.ts';

/** Who writes the log: decides units, quoting and how text is encoded. */
export type W3cFlavour = 'iis' | 'cloudfront' | 'generic';

type Column = { readonly field: Field | null; readonly time: TimeMatch | null };

const latin = new TextDecoder('latin1');
const date = matchStrftime('%Y-%m-%d');
const clock = matchStrftime('%H:%M:%S');

const timeWithFraction: TimeMatch = (bytes, at, to, row) => {
  const p = clock(bytes, at, to, row);
  if (p < 0 || bytes[p] !== 0x2e) return p;
  const fraction = parseDecimal(bytes, p, to);
  if (Number.isNaN(fraction)) return -1;
  row.micro = Math.floor(fraction * 1_000_000 + 1e-6);
  return to;
};

/** Text where the writer put `+` for a space. */
function plusField(name: string, column: 'user_agent' | 'session'): Field {
  return {
    name,
    shape: 'text',
    take: (bytes, from, to, row, sink) => {
      if (to - from === 1 && bytes[from] === 0x2d) return true;
      const copy = bytes.slice(from, to);
      for (let i = 0; i < copy.length; i++) if (copy[i] === 0x2b) copy[i] = 0x20;
      if (column === 'session') return cookieHeaderField.take(copy, 0, copy.length, row, sink);
      sink.bytes(column, copy, 0, copy.length);
      return true;
    },
  };
}

/** CloudFront percent-encodes header values, twice where they held a percent sign; undone until nothing changes, three times at most. */
function encodedField(name: string, column: 'user_agent' | 'session' | 'referer'): Field {
  return {
    name,
    shape: 'text',
    take: (bytes, from, to, row, sink) => {
      if (to - from === 1 && bytes[from] === 0x2d) return true;
      const copy = bytes.slice(from, to);
      let length = copy.length;
      for (let pass = 0; pass < 3; pass++) {
        const shorter = unpercent(copy, length);
        if (shorter === length) break;
        length = shorter;
      }
      if (column === 'session') return cookieHeaderField.take(copy, 0, length, row, sink);
      sink.bytes(column, copy, 0, length);
      return true;
    },
  };
}

function unpercent(bytes: Uint8Array, length: number): number {
  const digit = (b: number | undefined): number =>
    b === undefined ? -1 : b >= 48 && b <= 57 ? b - 48 : (b | 32) >= 97 && (b | 32) <= 102 ? (b | 32) - 87 : -1;
  let p = 0;
  for (let i = 0; i < length; i++) {
    const hi = bytes[i] === 0x25 && i + 2 < length ? digit(bytes[i + 1]) : -1;
    const lo = hi >= 0 ? digit(bytes[i + 2]) : -1;
    if (lo >= 0) {
      bytes[p++] = hi * 16 + lo;
      i += 2;
    } else bytes[p++] = bytes[i]!;
  }
  return p;
}

function columnOf(name: string, all: readonly string[], flavour: W3cFlavour): Column {
  const field = (f: Field): Column => ({ field: f, time: null });
  switch (name) {
    case 'date':
    case 'date-local':
      return { field: null, time: date };
    case 'time':
    case 'time-local':
      return { field: null, time: timeWithFraction };
    case 'c-ip':
      return field(addressField);
    case 'c-port':
      return field(numberField(name, 'src_port'));
    case 'cs-username':
    case 'c-auth-id':
      return field(textField(name, 'account'));
    case 'cs-method':
      return field(textField(name, 'method'));
    case 'cs-uri-stem':
      return field(pathField);
    case 'cs-uri-query':
      return field(queryField);
    case 'cs-uri':
      return field(all.includes('cs-uri-stem') ? extraField(name) : targetField);
    case 'sc-status':
      return field(statusField);
    case 'sc-bytes':
      return field(numberField(name, 'bytes_out'));
    case 'bytes':
      return field(all.includes('sc-bytes') ? extraField(name) : numberField(name, 'bytes_out'));
    case 'cs-bytes':
      return field(numberField(name, 'bytes_in'));
    case 'timetakenms':
      return field(durationField(name, 1000));
    // The draft says seconds, but not every writer keeps to it: where the unit is not known the value is only kept.
    case 'time-taken':
      return field(flavour === 'generic' ? extraField(name) : durationField(name, flavour === 'iis' ? 1000 : 1_000_000));
    case 'cs(user-agent)':
      return field(
        flavour === 'cloudfront' ? encodedField(name, 'user_agent') : flavour === 'iis' ? plusField(name, 'user_agent') : textField(name, 'user_agent'),
      );
    case 'cs(cookie)':
      return field(flavour === 'cloudfront' ? encodedField(name, 'session') : flavour === 'iis' ? plusField(name, 'session') : cookieHeaderField);
    case 'cs(referer)':
    case 'cs(referrer)':
      return field(flavour === 'cloudfront' ? encodedField(name, 'referer') : textField(name, 'referer'));
    case 'x-host-header':
      return field(textField(name, 'host'));
    case 'cs-host':
    case 'cs(host)':
      return field(all.includes('x-host-header') ? extraField(name) : textField(name, 'host'));
    case 'cs-version':
    case 'cs-protocol-version':
      return field(textField(name, 'protocol'));
    case 'x-forwarded-for':
    case 'cs(x-forwarded-for)':
    case 's-xff':
      return field(forwardedField);
    case 'x-edge-request-id':
      return field(textField(name, 'trace_id'));
    case 'sc-content-type':
      return field(textField(name, 'content_type'));
    default:
      return field(extraField(name));
  }
}

const limit = 512;

/** Lines under `#Fields`, which may come again with other names. Read by name, never by position. */
class W3cParser implements RecordParser {
  private readonly flavour: W3cFlavour;
  private readonly utc = new WebRow('UTC');
  private readonly local: WebRow;
  private row: WebRow = this.utc;
  private columns: readonly Column[] | null = null;
  private names = '';
  private changes = 0;
  private headerDate: string | null = null;
  private hasDate = false;
  private quoting: boolean;
  private readonly starts = new Int32Array(limit);
  private readonly ends = new Int32Array(limit);

  constructor(context: SourceContext, flavour: W3cFlavour) {
    this.flavour = flavour;
    this.local = new WebRow(context.zone);
    this.quoting = flavour === 'generic';
  }

  parse(bytes: Uint8Array, from: number, to: number, sink: EventSink): ParseOutcome {
    let start = from;
    if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) start += 3;
    if (start === to) return 'meta';
    if (bytes[start] === 0x23) {
      this.directive(latin.decode(bytes.subarray(start, Math.min(to, start + 16384))));
      return 'meta';
    }
    if (this.columns === null) return { unparsed: 'no-fields-directive' };
    const n = this.split(bytes, start, to);
    if (n < this.columns.length || (n > this.columns.length && this.flavour !== 'cloudfront')) return { unparsed: 'wrong-field-count' };
    const row = this.row;
    row.clear();
    if (!this.hasDate && this.headerDate !== null) date(encoder.encode(this.headerDate), 0, 10, row);
    for (let i = 0; i < this.columns.length; i++) {
      const { field, time } = this.columns[i]!;
      const a = this.starts[i]!;
      const b = this.ends[i]!;
      if (time !== null && time(bytes, a, b, row) !== b) return { unparsed: 'bad-time' };
      if (field !== null && !field.take(bytes, a, b, row, sink)) return { unparsed: `bad-${field.name}` };
    }
    return row.finish(sink) ? 'event' : { unparsed: 'bad-time' };
  }

  finish(): Readonly<Record<string, string | number>> {
    return this.changes > 1 ? { fields_changed: this.changes - 1 } : {};
  }

  private directive(text: string): void {
    const m = /^#\s*([A-Za-z-]+):\s*(.*)$/.exec(text);
    if (!m) return;
    const value = m[2]!.trim();
    switch (m[1]!.toLowerCase()) {
      case 'fields':
        this.setFields(value);
        return;
      case 'software':
        this.quoting = this.flavour === 'generic' && !/internet information server/i.test(value);
        return;
      case 'date':
      case 'start-date': {
        const day = /^\d{4}-\d\d-\d\d/.exec(value);
        if (day) this.headerDate = day[0];
      }
    }
  }

  private setFields(value: string): void {
    if (value !== this.names) this.changes++;
    this.names = value;
    const names = value
      .toLowerCase()
      .split(/\s+/)
      .filter(n => n !== '')
      .slice(0, limit);
    this.columns = names.map(n => columnOf(n, names, this.flavour));
    this.hasDate = names.includes('date') || names.includes('date-local');
    this.row = names.includes('time-local') && !names.includes('time') ? this.local : this.utc;
  }

  /** Where the values are: between tabs when the line has any, else between runs of spaces. */
  private split(bytes: Uint8Array, from: number, to: number): number {
    const tab = bytes.indexOf(9, from);
    const tabbed = tab >= 0 && tab < to && (this.flavour === 'cloudfront' || bytes[tab - 1] !== 0x20);
    let n = 0;
    let p = from;
    while (p < to && n < limit) {
      if (!tabbed) while (p < to && (bytes[p] === 0x20 || bytes[p] === 9)) p++;
      if (p >= to) break;
      let end = p;
      const quote = this.quoting && bytes[p] === 0x22 ? closingQuote(bytes, p + 1, to) : -1;
      if (quote >= 0) {
        this.starts[n] = p + 1;
        this.ends[n++] = quote;
        end = quote + 1;
      } else {
        while (end < to && bytes[end] !== (tabbed ? 9 : 0x20) && (tabbed || bytes[end] !== 9)) end++;
        this.starts[n] = p;
        this.ends[n++] = end;
      }
      p = end + 1;
    }
    return n;
  }
}

const encoder = new TextEncoder();

/** The quote that ends a string: followed by a separator or the end. -1: not a quoted string after all. */
function closingQuote(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    if (bytes[i] !== 0x22) continue;
    if (bytes[i + 1] === 0x22 && i + 1 < to) i++;
    else if (i + 1 === to || bytes[i + 1] === 0x20 || bytes[i + 1] === 9) return i;
  }
  return -1;
}

function w3cSource(name: string, flavour: W3cFlavour, facts: Partial<Source>): Source {
  return {
    name,
    kind: 'web-access',
    timeKind: timeKind.write,
    resolutionUs: 1_000_000,
    bytesKind: bytesKind.wire,
    blindTo: ['post-bodies', 'response-bodies'],
    independent: false,
    framing: 'line',
    open: context => new W3cParser(context, flavour),
    ...facts,
  };
}

export const iisW3c = w3cSource('iis-w3c', 'iis', { timeKind: timeKind.end, durationResolutionUs: 1000 });
export const cloudfront = w3cSource('aws-cloudfront', 'cloudfront', {
  timeKind: timeKind.end,
  durationResolutionUs: 1000,
  blindTo: ['post-bodies', 'response-bodies', 'requests-past-the-cache'],
});
/** Any other W3C extended log: units and meaning of its times are not known. */
export const w3c = w3cSource('w3c', 'generic', { bytesKind: bytesKind.unknown });

function flavourOf(sample: Sample): W3cFlavour | null {
  const text = latin.decode(sample.head.subarray(0, 8192));
  const fields = /^#\s*Fields:(.*)$/im.exec(text);
  if (!fields || !/^(?:\xef\xbb\xbf)?\s*#/.test(text)) return null;
  if (/\bx-edge-(location|request-id|result-type)/i.test(fields[1]!)) return 'cloudfront';
  return /#\s*Software:\s*Microsoft/i.test(text) && !/Advanced Logging/i.test(text) ? 'iis' : 'generic';
}

const entry = (source: Source, flavour: W3cFlavour): SourceEntry => ({
  source,
  sniff: sample => (flavourOf(sample) === flavour ? 1 : 0),
});

export const w3cEntries: readonly SourceEntry[] = [entry(iisW3c, 'iis'), entry(cloudfront, 'cloudfront'), entry(w3c, 'generic')];
