import type { EventColumnType } from './columns.ts';
import { ByteBuffer } from './parquet-bytes.ts';
import { bitWidth, writeDefinitionLevels, writeHybrid, writeRun } from './parquet-encoding.ts';
import { textKey } from './request-keys.ts';

/** Rows of a row group: DuckDB's own unit of parallel work. */
export const rowGroupRows = 122_880;

/** Where one column chunk went, for the footer. Offsets are in the file. */
export type ColumnChunk = {
  readonly values: number;
  readonly nulls: number;
  readonly dictionaryAt: number | null;
  readonly dataAt: number;
  readonly bytes: number;
  readonly min: Uint8Array | null;
  readonly max: Uint8Array | null;
};

const encodingPlain = 0;
const encodingRle = 3;
const encodingDictionary = 8;

const scratch = new ByteBuffer();

function writePage(out: ByteBuffer, kind: 'data' | 'dictionary', values: number, encoding: number, body: ByteBuffer): void {
  out.open();
  out.int32(1, kind === 'data' ? 0 : 2);
  out.int32(2, body.length);
  out.int32(3, body.length);
  out.struct(kind === 'data' ? 5 : 7);
  out.int32(1, values);
  out.int32(2, encoding);
  if (kind === 'data') {
    out.int32(3, encodingRle);
    out.int32(4, encodingRle);
  }
  out.close();
  out.close();
  out.append(body.bytes.subarray(0, body.length));
}

/** A column of UTF-8 byte strings: dictionary as long as values repeat, then plain, both straight from bytes. */
export class StringColumn {
  readonly name: string;
  readonly type = 'str';
  private rowOf = new Uint32Array(0);
  private count = 0;
  /** Dictionary id of each value; of a plain one where it starts. */
  private ids = new Uint32Array(0);
  private dictionary = new Uint8Array(0);
  private dictionaryView = new DataView(new ArrayBuffer(0));
  private dictionaryEnd = 0;
  private dictionaryCount = 0;
  private offsets = new Uint32Array(0);
  private hashes = new Uint32Array(0);
  private table = new Int32Array(0);
  private plainFrom = -1;
  private plainRow = 0;
  private plain = new Uint8Array(0);
  private plainEnd = 0;
  private keys = new Float64Array(0);

  constructor(name: string) {
    this.name = name;
  }

  /** Bytes held, to bound a row group. */
  get size(): number {
    return this.dictionaryEnd + this.plainEnd;
  }

  /** Whether this row already has a value. */
  holds(row: number): boolean {
    return this.count > 0 && this.rowOf[this.count - 1] === row;
  }

  private prepare(): void {
    this.rowOf = new Uint32Array(rowGroupRows);
    this.ids = new Uint32Array(rowGroupRows);
    this.offsets = new Uint32Array(maxDictionary + 1);
    this.hashes = new Uint32Array(maxDictionary);
    this.table = new Int32Array(tableSize);
    this.setDictionary(new Uint8Array(1 << 16));
  }

  private setDictionary(bytes: Uint8Array<ArrayBuffer>): void {
    this.dictionary = bytes;
    this.dictionaryView = new DataView(bytes.buffer);
  }

  /** False, and nothing is kept, when a byte is not ASCII and `valid` does not promise good UTF-8. A second value for the row replaces the first. */
  add(row: number, bytes: Uint8Array, from: number, to: number, valid: boolean): boolean {
    if (this.rowOf.length === 0) this.prepare();
    if (this.count > 0 && this.rowOf[this.count - 1] === row) this.undo();
    if (this.plainFrom < 0) {
      const view = viewOf(bytes);
      let h = 0x9747b28c ^ (to - from);
      let seen = 0;
      let i = from;
      for (const stop = to - 3; i < stop; i += 4) {
        const w = view.getInt32(i, true);
        seen |= w;
        h = Math.imul(h ^ w, 0x5bd1e995);
        h ^= h >>> 15;
      }
      for (; i < to; i++) {
        seen |= bytes[i]!;
        h = Math.imul(h ^ bytes[i]!, 0x5bd1e995);
      }
      if (!valid && (seen & 0x80808080) !== 0) return false;
      h ^= h >>> 13;
      h = Math.imul(h, 0x5bd1e995);
      h = (h ^ (h >>> 15)) >>> 0;
      const id = this.lookUp(bytes, from, to, h);
      if (id >= 0) {
        this.ids[this.count] = id;
        this.rowOf[this.count++] = row;
        if ((this.count & 2047) === 0 && this.dictionaryCount * 2 > this.count) this.goPlain(row + 1);
        return true;
      }
      this.goPlain(row);
    }
    if (!this.addPlain(bytes, from, to, valid)) return false;
    this.rowOf[this.count++] = row;
    return true;
  }

  private addPlain(bytes: Uint8Array, from: number, to: number, valid: boolean): boolean {
    const length = to - from;
    if (this.plainEnd + length + 4 > this.plain.length) this.plain = grow(this.plain, this.plainEnd, length + 4);
    const plain = this.plain;
    let p = this.plainEnd;
    plain[p] = length;
    plain[p + 1] = length >>> 8;
    plain[p + 2] = length >>> 16;
    plain[p + 3] = length >>> 24;
    p += 4;
    let seen = 0;
    for (let i = from; i < to; i++) {
      const b = bytes[i]!;
      seen |= b;
      plain[p++] = b;
    }
    if (!valid && seen > 127) return false;
    this.ids[this.count] = this.plainEnd;
    this.plainEnd = p;
    return true;
  }

  private lookUp(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const mask = tableSize - 1;
    const length = to - from;
    let slot = hash & mask;
    for (let probes = 0; ; probes++) {
      const id = this.table[slot]! - 1;
      if (id < 0) break;
      if (this.hashes[id] === hash && this.equals(id, bytes, from, length)) return id;
      // Chains this long only come from text made to collide; plain storage does not care.
      if (probes > 64) return -1;
      slot = (slot + 1) & mask;
    }
    if (this.dictionaryCount === maxDictionary || this.dictionaryEnd + length > maxDictionaryBytes) return -1;
    if (this.dictionaryEnd + length + 4 > this.dictionary.length) this.setDictionary(grow(this.dictionary, this.dictionaryEnd, length + 4));
    const d = this.dictionary;
    let p = this.dictionaryEnd;
    this.offsets[this.dictionaryCount] = p;
    d[p] = length;
    d[p + 1] = length >>> 8;
    d[p + 2] = length >>> 16;
    d[p + 3] = length >>> 24;
    p += 4;
    for (let i = from; i < to; i++) d[p++] = bytes[i]!;
    this.dictionaryEnd = p;
    this.hashes[this.dictionaryCount] = hash;
    this.table[slot] = this.dictionaryCount + 1;
    this.offsets[this.dictionaryCount + 1] = p;
    return this.dictionaryCount++;
  }

  private equals(id: number, bytes: Uint8Array, from: number, length: number): boolean {
    const start = this.offsets[id]! + 4;
    if (this.offsets[id + 1]! - start !== length) return false;
    const ours = this.dictionaryView;
    const theirs = viewOf(bytes);
    let i = 0;
    for (; i + 4 <= length; i += 4) if (ours.getInt32(start + i, true) !== theirs.getInt32(from + i, true)) return false;
    for (; i < length; i++) if (ours.getUint8(start + i) !== bytes[from + i]) return false;
    return true;
  }

  /** textKey of the value of this row; 0 when it has none. */
  key(row: number): number {
    if (this.count === 0 || this.rowOf[this.count - 1] !== row) return 0;
    const id = this.ids[this.count - 1]!;
    if (this.lastId() < 0) return textKey(this.plain, id + 4, this.plainEnd);
    if (this.keys.length === 0) this.keys = new Float64Array(maxDictionary);
    const known = this.keys[id]!;
    if (known !== 0) return known;
    return (this.keys[id] = textKey(this.dictionary, this.offsets[id]! + 4, this.offsets[id + 1]!));
  }

  /** The bytes of the last value, as they are kept. */
  last(): Uint8Array {
    const id = this.ids[this.count - 1]!;
    return this.lastId() < 0 ? this.plain.subarray(id + 4, this.plainEnd) : this.dictionary.subarray(this.offsets[id]! + 4, this.offsets[id + 1]!);
  }

  /** Dictionary id of the last value until the next flush; -1 when it is kept plain. */
  lastId(): number {
    return this.plainFrom >= 0 && this.count > this.plainFrom ? -1 : this.ids[this.count - 1]!;
  }

  /** A value again by its dictionary id. False, and nothing is kept, when the dictionary is closed. */
  repeat(row: number, id: number): boolean {
    if (this.plainFrom >= 0) return false;
    if (this.count > 0 && this.rowOf[this.count - 1] === row) this.count--;
    this.ids[this.count] = id;
    this.rowOf[this.count++] = row;
    if ((this.count & 2047) === 0 && this.dictionaryCount * 2 > this.count) this.goPlain(row + 1);
    return true;
  }

  private goPlain(row: number): void {
    this.plainFrom = this.count;
    this.plainRow = row;
  }

  /** Take back the last value. */
  undo(): void {
    this.count--;
    if (this.plainFrom < 0) return;
    if (this.count < this.plainFrom) {
      this.plainFrom = -1;
      return;
    }
    this.plainEnd = this.ids[this.count]!;
  }

  flush(out: ByteBuffer, at: number, rows: number): ColumnChunk {
    const start = out.length;
    let dictionaryAt: number | null = null;
    const split = this.plainFrom < 0 ? this.count : this.plainFrom;
    if (split > 0) {
      dictionaryAt = at;
      scratch.length = 0;
      scratch.append(this.dictionary.subarray(0, this.dictionaryEnd));
      writePage(out, 'dictionary', this.dictionaryCount, encodingPlain, scratch);
    }
    const dataAt = at + out.length - start;
    const splitRow = this.plainFrom < 0 ? rows : Math.min(this.plainRow, rows);
    if (split > 0) {
      scratch.length = 0;
      writeDefinitionLevels(scratch, this.rowOf, 0, split, 0, splitRow);
      const width = bitWidth(this.dictionaryCount - 1);
      scratch.byte(width);
      writeHybrid(scratch, this.ids, 0, split, width);
      writePage(out, 'data', splitRow, encodingDictionary, scratch);
    }
    const plainRow = split > 0 ? splitRow : 0;
    if (plainRow < rows) {
      scratch.length = 0;
      writeDefinitionLevels(scratch, this.rowOf, split, this.count, plainRow, rows - plainRow);
      scratch.append(this.plain.subarray(0, this.plainEnd));
      writePage(out, 'data', rows - plainRow, encodingPlain, scratch);
    }
    const chunk = {
      values: rows,
      nulls: rows - this.count,
      dictionaryAt,
      dataAt,
      bytes: out.length - start,
      min: null,
      max: null,
    };
    if (this.count > 0) this.table.fill(0);
    if (this.keys.length > 0) this.keys.fill(0, 0, this.dictionaryCount);
    this.count = 0;
    this.dictionaryEnd = 0;
    this.dictionaryCount = 0;
    this.plainFrom = -1;
    this.plainEnd = 0;
    if (this.plain.length > keepBytes) this.plain = new Uint8Array(0);
    return chunk;
  }
}

let viewedBytes: Uint8Array | null = null;
let view = new DataView(new ArrayBuffer(0));
let otherBytes: Uint8Array | null = null;
let otherView = view;

/** Words are read through a view: unaligned, and much faster than byte by byte. The two last ones are kept: a line and what is derived of it take turns. */
function viewOf(bytes: Uint8Array): DataView {
  if (bytes === viewedBytes) return view;
  const swapped = otherView;
  otherView = view;
  view = bytes === otherBytes ? swapped : new DataView(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  otherBytes = viewedBytes;
  viewedBytes = bytes;
  return view;
}

/** Values a dictionary holds at most. */
export const maxDictionary = 1 << 16;
const tableSize = 1 << 17;
const maxDictionaryBytes = 8 << 20;
const keepBytes = 24 << 20;

function grow(old: Uint8Array<ArrayBuffer>, used: number, more: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(Math.max(used + more, old.length * 2, 1 << 16));
  grown.set(old.subarray(0, used));
  return grown;
}

/** A column of whole numbers; `dense` columns have a value in every row. */
export class NumberColumn {
  readonly name: string;
  readonly type: Exclude<EventColumnType, 'str'>;
  readonly dense: boolean;
  private values = new Float64Array(0);
  private rowOf = new Uint32Array(0);
  private count = 0;

  constructor(name: string, type: Exclude<EventColumnType, 'str'>, dense: boolean) {
    this.name = name;
    this.type = type;
    this.dense = dense;
  }

  /** Whether this row already has a value. */
  holds(row: number): boolean {
    return this.count > 0 && (this.dense ? this.count - 1 : this.rowOf[this.count - 1]) === row;
  }

  /** The value must be a whole number within the type. A second value for the row replaces the first. */
  add(row: number, value: number): void {
    if (this.values.length === 0) {
      this.values = new Float64Array(rowGroupRows);
      if (!this.dense) this.rowOf = new Uint32Array(rowGroupRows);
    }
    if (this.dense) {
      this.values[row] = value;
      this.count = row + 1;
      return;
    }
    if (this.count > 0 && this.rowOf[this.count - 1] === row) this.count--;
    this.rowOf[this.count] = row;
    this.values[this.count++] = value;
  }

  undo(): void {
    this.count--;
  }

  flush(out: ByteBuffer, at: number, rows: number): ColumnChunk {
    const start = out.length;
    const n = this.dense ? rows : this.count;
    const wide = isWide(this.type);
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < n; i++) {
      const v = this.values[i]!;
      if (v < min) min = v;
      if (v > max) max = v;
    }
    const distinct = n === 0 ? null : min === max ? Float64Array.of(min) : this.type === 'u8' || this.type === 'u16' ? distinctSmall(this.values, n) : null;
    let dictionaryAt: number | null = null;
    if (distinct) {
      dictionaryAt = at;
      scratch.length = 0;
      writeNumbers(scratch, distinct, distinct.length, wide);
      writePage(out, 'dictionary', distinct.length, encodingPlain, scratch);
    }
    const dataAt = at + out.length - start;
    scratch.length = 0;
    if (!this.dense) writeDefinitionLevels(scratch, this.rowOf, 0, n, 0, rows);
    if (!distinct) writeNumbers(scratch, this.values, n, wide);
    else {
      const width = bitWidth(distinct.length - 1);
      scratch.byte(width);
      if (distinct.length === 1) writeRun(scratch, 0, n, width);
      else writeHybrid(scratch, ranks(this.values, n, distinct), 0, n, width);
    }
    writePage(out, 'data', rows, distinct ? encodingDictionary : encodingPlain, scratch);
    this.count = 0;
    return {
      values: rows,
      nulls: rows - n,
      dictionaryAt,
      dataAt,
      bytes: out.length - start,
      min: n === 0 ? null : numberBytes(min, wide),
      max: n === 0 ? null : numberBytes(max, wide),
    };
  }
}

export type Column = StringColumn | NumberColumn;

/** Stored signed, so that nobody's arithmetic underflows: what fits in 31 bits as INT32, the rest as INT64. */
export function isWide(type: Exclude<EventColumnType, 'str'>): boolean {
  return type !== 'u8' && type !== 'u16';
}

const rankOf = new Uint32Array(65536);
const rankIds = new Uint32Array(rowGroupRows);

/** Up to 256 distinct values in order of appearance, or null. */
function distinctSmall(values: Float64Array, n: number): Float64Array | null {
  rankOf.fill(0);
  const found: number[] = [];
  for (let i = 0; i < n; i++) {
    const v = values[i]!;
    if (rankOf[v] !== 0) continue;
    if (found.length === 256) return null;
    found.push(v);
    rankOf[v] = found.length;
  }
  return Float64Array.from(found);
}

function ranks(values: Float64Array, n: number, distinct: Float64Array): Uint32Array {
  rankOf.fill(0);
  for (let i = 0; i < distinct.length; i++) rankOf[distinct[i]!] = i;
  for (let i = 0; i < n; i++) rankIds[i] = rankOf[values[i]!]!;
  return rankIds;
}

function writeNumbers(out: ByteBuffer, values: Float64Array, n: number, wide: boolean): void {
  out.reserve(n * (wide ? 8 : 4));
  const bytes = out.bytes;
  const view = viewOf(bytes);
  let p = out.length;
  for (let i = 0; i < n; i++) {
    const v = values[i]!;
    if (wide) {
      const high = Math.floor(v / 4294967296);
      view.setUint32(p, v - high * 4294967296, true);
      view.setInt32(p + 4, high, true);
      p += 8;
    } else {
      view.setUint32(p, v, true);
      p += 4;
    }
  }
  out.length = p;
}

function numberBytes(value: number, wide: boolean): Uint8Array {
  const bytes = new Uint8Array(wide ? 8 : 4);
  const low = new DataView(bytes.buffer);
  const high = Math.floor(value / 4294967296);
  low.setUint32(0, value - high * 4294967296, true);
  if (wide) low.setInt32(4, high, true);
  return bytes;
}
