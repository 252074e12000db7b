import { decodeFlag, derivedColumns, type EventColumnName, eventClass, eventColumns } from './columns.ts';
import { decodeBytes, writeVisible } from './decode.ts';
import { idsOfLine } from './event-id.ts';
import { clientBehind } from './forwarded.ts';
import { type Column, maxDictionary, type NumberColumn, rowGroupRows, type StringColumn } from './parquet-column.ts';
import { type ColumnShape, makeColumns, ParquetWriter } from './parquet-writer.ts';
import { clientKeyOf, collapseNumbers, holderKeyOf, longestShape, noNumber, onlyNumber, writeShape } from './request-keys.ts';
import type { EventSink } from './source.ts';

const denseColumns = new Set<string>(['line_no', 'byte_off', 'byte_len', 'line_count', 'class', 'client_key', 'actor_key', 'path_number']);

/** Columns of a Parquet part: those of the events table, what is derived of them, and `nth`: the row's number within its record. */
export const partShape: readonly ColumnShape[] = [
  { name: 'nth', type: 'u32', dense: true },
  ...[...eventColumns, ...derivedColumns].map(c => ({ name: c.name, type: c.type, dense: denseColumns.has(c.name) })),
];

const largest = { u8: 255, u16: 65535, u32: 4294967295, u64: Number.MAX_SAFE_INTEGER, i64: Number.MAX_SAFE_INTEGER } as const;
const rowGroupBytes = 48 << 20;

/** Reads text that is not UTF-8. */
type Decoder = (bytes: Uint8Array, from: number, to: number) => string;

/** Where a record is: first physical line from 1, offset, length without line end, physical lines. */
export type RecordPlace = { line: number; offset: number; length: number; lines: number };

/** The rows of one part while it is written: an EventSink over Parquet columns, with a way back for records that turn out unreadable. */
export class PartSink implements EventSink {
  rows = 0;
  firstUs: number | null = null;
  lastUs: number | null = null;
  private readonly writer: ParquetWriter;
  private readonly columns: readonly Column[];
  private readonly byName: Record<string, Column> = {};
  private readonly placed: Readonly<Record<'nth' | 'line' | 'offset' | 'length' | 'lines' | 'class' | 'client' | 'actor' | 'number', NumberColumn>>;
  private readonly sent: Readonly<Record<'address' | 'forwarded' | 'agent' | 'session' | 'account', StringColumn>>;
  private readonly asked: Readonly<Record<'path' | 'route' | 'shape', StringColumn>>;
  /** By dictionary id of a path: that of its route and of its shape, plus 1. */
  private readonly routeOf = new Uint32Array(maxDictionary);
  private readonly shapeOf = new Uint32Array(maxDictionary);
  /** The number of that path (onlyNumber); holds where its route is known. */
  private readonly numberOf = new Float64Array(maxDictionary);
  private readonly decoder: Decoder | null;
  private readonly defaultClass: number;
  private readonly place: RecordPlace = { line: 0, offset: 0, length: 0, lines: 0 };
  private readonly journal: Column[] = [];
  private row = 0;
  private nth = 0;
  private base = 0;
  private lastId = 0;
  private startRow = 0;
  private startId = 0;
  private classSet = -1;
  private timeSet: number | null = null;
  private numberSet = noNumber;
  private rowTouched = false;
  private recordFirst: number | null = null;
  private recordLast: number | null = null;

  private readonly edges: number;

  /** `decoder` reads text that is not UTF-8; null when the content is UTF-8 or unknown. `edges`: see SourceContext. */
  constructor(file: string, defaultClass: number, decoder: Decoder | null, edges = 0) {
    this.edges = edges;
    this.columns = spare.pop() ?? makeColumns(partShape);
    for (const c of this.columns) this.byName[c.name] = c;
    const number = (name: string): NumberColumn => this.byName[name] as NumberColumn;
    this.placed = {
      nth: number('nth'),
      line: number('line_no'),
      offset: number('byte_off'),
      length: number('byte_len'),
      lines: number('line_count'),
      class: number('class'),
      client: number('client_key'),
      actor: number('actor_key'),
      number: number('path_number'),
    };
    const text = (name: string): StringColumn => this.byName[name] as StringColumn;
    this.sent = { address: text('src_ip'), forwarded: text('forwarded'), agent: text('user_agent'), session: text('session'), account: text('account') };
    this.asked = { path: text('path'), route: text('route'), shape: text('shape') };
    this.writer = new ParquetWriter(file, this.columns);
    this.defaultClass = defaultClass;
    this.decoder = decoder;
  }

  /** Start a record. */
  begin(line: number, offset: number, length: number, lines: number): void {
    this.place.line = line;
    this.place.offset = offset;
    this.place.length = length;
    this.place.lines = lines;
    this.startRow = this.row;
    this.startId = this.lastId;
    this.nth = 0;
    this.base = line * idsOfLine;
    this.classSet = -1;
    this.timeSet = null;
    this.numberSet = noNumber;
    this.recordFirst = null;
    this.recordLast = null;
    this.rowTouched = false;
    this.journal.length = 0;
  }

  /** The record is complete; its last row is written unless only `next` came after the one before. */
  commit(): void {
    if (this.nth === 0 || this.rowTouched) this.endRow();
    this.rows += this.row - this.startRow;
    if (this.recordFirst !== null && (this.firstUs === null || this.recordFirst < this.firstUs)) this.firstUs = this.recordFirst;
    if (this.recordLast !== null && (this.lastUs === null || this.recordLast > this.lastUs)) this.lastUs = this.recordLast;
    if (this.row >= rowGroupRows - 4096 || this.bytesHeld() > rowGroupBytes) this.flush();
  }

  /** Forget everything written for this record. */
  reset(): void {
    for (let i = this.journal.length - 1; i >= 0; i--) this.journal[i]!.undo();
    this.journal.length = 0;
    this.row = this.startRow;
    this.lastId = this.startId;
    this.nth = 0;
    this.classSet = -1;
    this.timeSet = null;
    this.numberSet = noNumber;
    this.recordFirst = null;
    this.recordLast = null;
    this.rowTouched = false;
  }

  private endRow(): void {
    const { line, offset, length, lines } = this.place;
    const row = this.row;
    if (this.sent.forwarded.holds(row)) this.lookBehindProxy(row);
    // A record with more rows than its lines have room for takes the ids after it; ids stay unique and ascending in a sequential file.
    const id = Math.max(this.base + this.nth, this.lastId + 1);
    this.lastId = id;
    const p = this.placed;
    p.nth.add(row, id - this.base);
    p.line.add(row, line);
    p.offset.add(row, offset);
    p.length.add(row, length);
    p.lines.add(row, lines);
    const kind = this.classSet >= 0 ? this.classSet : this.defaultClass;
    p.class.add(row, kind);
    if (kind === eventClass.http) this.identify(row);
    else {
      p.client.add(row, 0);
      p.actor.add(row, 0);
    }
    p.number.add(row, this.numberSet);
    if (this.timeSet !== null) {
      if (this.recordFirst === null || this.timeSet < this.recordFirst) this.recordFirst = this.timeSet;
      if (this.recordLast === null || this.timeSet > this.recordLast) this.recordLast = this.timeSet;
    }
    this.row++;
    this.classSet = -1;
    this.timeSet = null;
    this.numberSet = noNumber;
    this.rowTouched = false;
  }

  private lookBehindProxy(row: number): void {
    const { address, forwarded } = this.sent;
    if (!address.holds(row)) return;
    const peer = latin.decode(address.last());
    const client = clientBehind(peer, latin.decode(forwarded.last()), this.edges);
    if (client === null || client === peer) return;
    this.text('proxy_ip', peer);
    this.text('src_ip', client);
  }

  private identify(row: number): void {
    const { address, agent, session, account } = this.sent;
    const client = clientKeyOf(address.key(row), agent.key(row));
    this.placed.client.add(row, client);
    this.placed.actor.add(row, holderKeyOf(session.key(row), account.key(row)) || client);
  }

  next(): void {
    this.endRow();
    this.nth++;
    if (this.row < rowGroupRows - 1) return;
    // A record larger than a row group: its rows so far can no longer be taken back.
    this.rows += this.row - this.startRow;
    this.journal.length = 0;
    this.flush();
    this.startId = this.lastId;
  }

  bytes(column: EventColumnName, bytes: Uint8Array, from: number, to: number): void {
    const c = this.byName[column] as StringColumn;
    this.touch(c);
    if (!c.add(this.row, bytes, from, to, false)) this.addForeign(c, bytes, from, to);
  }

  private addForeign(c: StringColumn, bytes: Uint8Array, from: number, to: number): void {
    if (this.decoder) {
      const text = encoder.encode(this.decoder(bytes, from, to));
      c.add(this.row, text, 0, text.length, true);
      return;
    }
    const room = (to - from) * 4;
    if (visible.length < room) visible = new Uint8Array(room * 2);
    c.add(this.row, visible, 0, writeVisible(bytes, from, to, visible, 0), true);
  }

  text(column: EventColumnName, value: string): void {
    const c = this.byName[column] as StringColumn;
    this.touch(c);
    const bytes = encoder.encode(value);
    c.add(this.row, bytes, 0, bytes.length, true);
  }

  number(column: EventColumnName, value: number): void {
    const v = Math.round(value);
    if (column === 'class') {
      this.classSet = v >= 0 && v <= 255 ? v : -1;
      this.rowTouched = true;
      return;
    }
    const c = this.byName[column] as NumberColumn;
    if (!(v <= largest[c.type] && (v >= 0 || (c.type === 'i64' && v >= -largest.i64)))) return;
    if (column === 'time_us') this.timeSet = v;
    this.touch(c);
    c.add(this.row, v);
  }

  target(bytes: Uint8Array, from: number, to: number): void {
    this.bytes('target', bytes, from, to);
    let mark = -1;
    let special = false;
    let seen = 0;
    for (let i = from; i < to; i++) {
      const b = bytes[i]!;
      seen |= b;
      if (b === 0x3f) {
        if (mark < 0) mark = i;
      } else if (b === 0x25 || b > 0x7f || b === 0 || (b === 0x2b && mark >= 0) || b === 0x3b) special = true;
    }
    const ascii = seen < 128;
    const pathEnd = mark < 0 ? to : mark;
    const pathStart = authorityEnd(bytes, from, pathEnd);
    let path = -1;
    if (pathStart < pathEnd) {
      this.bytes('path', bytes, pathStart, pathEnd);
      path = this.asked.path.lastId();
      this.route(path, ascii ? bytes : null, pathStart, pathEnd);
    }
    if (mark >= 0) this.bytes('query', bytes, mark + 1, to);
    if (special) {
      const d = decodeBytes(bytes, from, to);
      this.number('decode_depth', d.depth);
      if (d.flags !== 0) this.number('decode_flags', d.flags);
      if (d.depth !== 0 || (d.flags & decodeFlag.invalidUtf8) !== 0) {
        const c = this.byName['target_norm'] as StringColumn;
        this.touch(c);
        c.add(this.row, d.bytes, 0, d.length, true);
        return;
      }
    } else this.number('decode_depth', 0);
    if (ascii) this.shape(mark < 0 && pathStart === from ? path : -1, bytes, from, to);
  }

  /** The route of a path, and its number: read once for each that the dictionary of paths knows. `bytes`: null when the path was kept otherwise than it came. */
  private route(path: number, bytes: Uint8Array | null, from: number, to: number): void {
    const c = this.asked.route;
    this.touch(c);
    const known = path < 0 ? 0 : this.routeOf[path]!;
    if (known > 0 && c.repeat(this.row, known - 1)) {
      this.numberSet = this.numberOf[path]!;
      return;
    }
    if (bytes === null) {
      const kept = this.asked.path.last();
      this.route(-1, kept, 0, kept.length);
      return;
    }
    if (masked.length < to - from) masked = new Uint8Array((to - from) * 2);
    c.add(this.row, masked, 0, collapseNumbers(bytes, from, to, masked), true);
    this.numberSet = onlyNumber(bytes, from, to);
    if (path < 0) return;
    this.routeOf[path] = c.lastId() + 1;
    this.numberOf[path] = this.numberSet;
  }

  /** The shape of a target, in the same way; `path` where the target is a path and no more. */
  private shape(path: number, bytes: Uint8Array, from: number, to: number): void {
    const c = this.asked.shape;
    const known = path < 0 ? 0 : this.shapeOf[path]!;
    if (known > 0) {
      this.touch(c);
      if (c.repeat(this.row, known - 1)) return;
    }
    const length = writeShape(bytes, from, to, masked);
    if (length < 0) return;
    this.touch(c);
    c.add(this.row, masked, 0, length, true);
    if (path >= 0) this.shapeOf[path] = c.lastId() + 1;
  }

  /** Write the row group that is open. */
  private flush(): void {
    this.writer.flush(this.row);
    this.routeOf.fill(0);
    this.shapeOf.fill(0);
    this.row = 0;
    this.startRow = 0;
  }

  private bytesHeld(): number {
    let held = 0;
    if ((this.row & 255) !== 0 && this.place.length < 65536) return 0;
    for (const c of this.columns) if (c.type === 'str') held += c.size;
    return held;
  }

  private touch(c: Column): void {
    this.rowTouched = true;
    if (!c.holds(this.row)) this.journal.push(c);
  }

  close(): void {
    this.flush();
    this.writer.close();
    spare.push(this.columns);
  }
}

/** Columns of parts that are done: empty, with their memory, for the next one on this thread. */
const spare: (readonly Column[])[] = [];

const encoder = new TextEncoder();
const latin = new TextDecoder('latin1');
let visible = new Uint8Array(1 << 16);
let masked = new Uint8Array(Math.max(1 << 12, longestShape));

/** After `scheme://authority` of an absolute target; `from` when there is none. */
function authorityEnd(bytes: Uint8Array, from: number, to: number): number {
  if (from >= to || bytes[from] === 0x2f) return from;
  let i = from;
  while (i < to && i - from < 8 && bytes[i] !== 0x3a) i++;
  if (i + 2 >= to || bytes[i] !== 0x3a || bytes[i + 1] !== 0x2f || bytes[i + 2] !== 0x2f) return from;
  for (i += 3; i < to && bytes[i] !== 0x2f; i++);
  return i;
}
