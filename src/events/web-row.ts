import { localToUtc, type Micros, SECOND, utcMicros } from '../base/index.ts';
import type { EventColumnName } from './columns.ts';
import { ipText } from './ip.ts';
import type { EventSink } from './source.ts';

/**
 * What is known of the web request on the line being read, where one column comes from several fields: the stamp from date and time,
 * the target from path and query, `extra` from everything without a column. One per parser, reused for every line.
 */
export class WebRow {
  year = -1;
  month = -1;
  day = -1;
  hour = -1;
  minute = -1;
  second = -1;
  /** Fraction of a second in micros. */
  micro = 0;
  /** Micros east of UTC, or null: the zone of the context. */
  offset: Micros | null = null;
  /** The whole instant when the field gives it at once. */
  instant: Micros | null = null;
  hasTarget = false;
  hasAddress = false;
  private pathBytes: Uint8Array = none;
  private pathFrom = 0;
  private pathTo = -1;
  private queryBytes: Uint8Array = none;
  private queryFrom = 0;
  private queryTo = -1;
  private forwarded = '';
  private extra: string[] = [];
  private readonly zone: string;
  private zoneHour = Number.NaN;
  private zoneEarliest = 0;
  private zoneSpan = 0;

  constructor(zone: string) {
    this.zone = zone;
  }

  clear(): void {
    this.year = this.month = this.day = this.hour = this.minute = this.second = -1;
    this.micro = 0;
    this.offset = null;
    this.instant = null;
    this.hasTarget = false;
    this.hasAddress = false;
    this.pathTo = -1;
    this.queryTo = -1;
    this.forwarded = '';
    if (this.extra.length > 0) this.extra = [];
  }

  setPath(bytes: Uint8Array, from: number, to: number): void {
    this.pathBytes = bytes;
    this.pathFrom = from;
    this.pathTo = to;
  }

  setQuery(bytes: Uint8Array, from: number, to: number): void {
    this.queryBytes = bytes;
    this.queryFrom = bytes[from] === 0x3f ? from + 1 : from;
    this.queryTo = to;
  }

  setForwarded(text: string): void {
    this.forwarded = text;
  }

  addExtra(name: string, value: string | number | boolean): void {
    this.extra.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
  }

  /** The stamp and its doubt (a DST fold) from the parts; null when the parts are no time. */
  time(): { at: Micros; span: Micros } | null {
    if (this.instant !== null) {
      stamp.at = this.instant + this.micro;
      stamp.span = 0;
      return stamp;
    }
    if (this.year < 0 || this.month < 1 || this.month > 12 || this.day < 1 || this.day > 31) return null;
    if (this.hour < 0 || this.hour > 23 || this.minute < 0 || this.minute > 59 || this.second > 60) return null;
    const second = Math.max(this.second, 0);
    if (this.offset !== null) {
      stamp.at = utcMicros(this.year, this.month, this.day, this.hour, this.minute, second, this.micro) - this.offset;
      stamp.span = 0;
      return stamp;
    }
    const base = utcMicros(this.year, this.month, this.day, this.hour, this.minute - (this.minute % 15));
    if (base !== this.zoneHour) {
      const { earliest, latest } = localToUtc(base, this.zone);
      this.zoneHour = base;
      this.zoneEarliest = earliest;
      this.zoneSpan = latest - earliest;
    }
    stamp.at = this.zoneEarliest + (this.minute % 15) * 60 * SECOND + second * SECOND + this.micro;
    stamp.span = this.zoneSpan;
    return stamp;
  }

  /** Write what needed the whole line. False when the stamp is no time. */
  finish(sink: EventSink): boolean {
    const at = this.time();
    if (at === null && this.hasAnyTime()) return false;
    if (at !== null) {
      sink.number('time_us', at.at);
      if (at.span > 0) sink.number('time_span_us', at.span);
    }
    if (!this.hasTarget && this.pathTo >= 0) this.writeTarget(sink);
    else if (!this.hasTarget && this.queryTo > this.queryFrom) this.copy(sink, 'query', this.queryBytes, this.queryFrom, this.queryTo);
    if (!this.hasAddress && this.forwarded !== '') {
      // No peer address in this format: the hop that the nearest proxy appended is the best known client.
      const nearest = ipText(this.forwarded.slice(this.forwarded.lastIndexOf(',') + 1).trim());
      if (nearest !== null) sink.text('src_ip', nearest);
    }
    if (this.extra.length > 0) sink.text('extra', `{${this.extra.join(',')}}`);
    return true;
  }

  private hasAnyTime(): boolean {
    return this.year >= 0 || this.hour >= 0 || this.day >= 0;
  }

  private copy(sink: EventSink, column: EventColumnName, bytes: Uint8Array, from: number, to: number): void {
    sink.bytes(column, bytes, from, to);
  }

  private writeTarget(sink: EventSink): void {
    if (this.queryTo <= this.queryFrom) {
      sink.target(this.pathBytes, this.pathFrom, this.pathTo);
      return;
    }
    const pathLength = this.pathTo - this.pathFrom;
    const length = pathLength + 1 + this.queryTo - this.queryFrom;
    if (joined.length < length) joined = new Uint8Array(length * 2);
    joined.set(this.pathBytes.subarray(this.pathFrom, this.pathTo));
    joined[pathLength] = 0x3f;
    joined.set(this.queryBytes.subarray(this.queryFrom, this.queryTo), pathLength + 1);
    sink.target(joined, 0, length);
  }
}

const none = new Uint8Array(0);
const stamp = { at: 0, span: 0 };
let joined = new Uint8Array(1 << 12);
