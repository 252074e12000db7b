import fs from 'node:fs';
import type { EventColumnType } from './columns.ts';
import { ByteBuffer } from './parquet-bytes.ts';
import { type Column, type ColumnChunk, isWide, NumberColumn, StringColumn } from './parquet-column.ts';

export type ColumnShape = { readonly name: string; readonly type: EventColumnType; readonly dense: boolean };

/**
 * Writes one Parquet file, row group by row group, from columns that were filled in step. Uncompressed, data pages of version 1,
 * so that any reader takes it. Follows the Apache Parquet format 2.x specification and its compact Thrift footer.
 */
export class ParquetWriter {
  readonly columns: readonly Column[];
  private readonly fd: number;
  private readonly out = new ByteBuffer(1 << 20);
  private readonly groups: { readonly rows: number; readonly chunks: readonly ColumnChunk[] }[] = [];
  private position = 4;

  constructor(file: string, columns: readonly Column[]) {
    this.columns = columns;
    this.fd = fs.openSync(file, 'w');
    writeAll(this.fd, magic);
  }

  /** Write the rows collected in the columns as one row group and empty the columns. */
  flush(rows: number): void {
    if (rows === 0) return;
    this.out.length = 0;
    const chunks = this.columns.map(c => c.flush(this.out, this.position + this.out.length, rows));
    writeAll(this.fd, this.out.bytes.subarray(0, this.out.length));
    this.position += this.out.length;
    this.groups.push({ rows, chunks });
  }

  /** Write the footer; the file is complete only after this. */
  close(): void {
    const out = this.out;
    out.length = 0;
    out.open();
    out.int32(1, 2);
    out.list(2, 12, this.columns.length + 1);
    writeRoot(out, this.columns.length);
    for (const c of this.columns) writeSchema(out, c);
    out.int64(
      3,
      this.groups.reduce((n, g) => n + g.rows, 0),
    );
    out.list(4, 12, this.groups.length);
    for (const g of this.groups) this.writeGroup(out, g.rows, g.chunks);
    out.binary(6, text('tadasu'));
    out.close();
    out.word(out.length);
    out.append(magic);
    writeAll(this.fd, out.bytes.subarray(0, out.length));
    fs.closeSync(this.fd);
  }

  private writeGroup(out: ByteBuffer, rows: number, chunks: readonly ColumnChunk[]): void {
    out.open();
    out.list(1, 12, chunks.length);
    for (const [i, chunk] of chunks.entries()) writeChunk(out, this.columns[i]!, chunk);
    out.int64(
      2,
      chunks.reduce((n, c) => n + c.bytes, 0),
    );
    out.int64(3, rows);
    out.close();
  }
}

/** Empty columns for a shape. */
export function makeColumns(shape: readonly ColumnShape[]): Column[] {
  return shape.map(c => (c.type === 'str' ? new StringColumn(c.name) : new NumberColumn(c.name, c.type, c.dense)));
}

const encoder = new TextEncoder();
const texts = new Map<string, Uint8Array>();

function text(value: string): Uint8Array {
  let bytes = texts.get(value);
  if (!bytes) texts.set(value, (bytes = encoder.encode(value)));
  return bytes;
}

const magic = text('PAR1');

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done);
}

function writeRoot(out: ByteBuffer, children: number): void {
  out.open();
  out.binary(4, text('event'));
  out.int32(5, children);
  out.close();
}

function physicalType(column: Column): number {
  return column.type === 'str' ? 6 : isWide(column.type) ? 2 : 1;
}

function writeSchema(out: ByteBuffer, column: Column): void {
  out.open();
  out.int32(1, physicalType(column));
  out.int32(3, column.type !== 'str' && column.dense ? 0 : 1);
  out.binary(4, text(column.name));
  if (column.type === 'str') {
    out.int32(6, 0);
    out.struct(10);
    out.struct(1);
    out.close();
    out.close();
  }
  out.close();
}

function writeChunk(out: ByteBuffer, column: Column, chunk: ColumnChunk): void {
  out.open();
  out.int64(2, chunk.dictionaryAt ?? chunk.dataAt);
  out.struct(3);
  out.int32(1, physicalType(column));
  out.list(2, 5, 3);
  out.rawInt32(0);
  out.rawInt32(3);
  out.rawInt32(8);
  out.list(3, 8, 1);
  out.rawBinary(text(column.name));
  out.int32(4, 0);
  out.int64(5, chunk.values);
  out.int64(6, chunk.bytes);
  out.int64(7, chunk.bytes);
  out.int64(9, chunk.dataAt);
  if (chunk.dictionaryAt !== null) out.int64(11, chunk.dictionaryAt);
  out.struct(12);
  out.int64(3, chunk.nulls);
  if (chunk.max) out.binary(5, chunk.max);
  if (chunk.min) out.binary(6, chunk.min);
  out.close();
  out.close();
  out.close();
}
