import type { ByteBuffer } from './parquet-bytes.ts';

/** Bits that hold 0..max; at least 1, because not every reader takes width 0. */
export function bitWidth(max: number): number {
  return Math.max(1, 32 - Math.clz32(max));
}

/** A run of one value in the RLE / bit-packing hybrid. */
export function writeRun(out: ByteBuffer, value: number, count: number, width: number): void {
  out.varint(count * 2);
  for (let bits = 0; bits < width; bits += 8) out.byte((value >>> bits) & 255);
}

/** Values [from, to) in the RLE / bit-packing hybrid: one run when they are equal, else bit-packed. */
export function writeHybrid(out: ByteBuffer, values: Uint32Array, from: number, to: number, width: number): void {
  const first = values[from]!;
  let equal = from + 1;
  while (equal < to && values[equal] === first) equal++;
  if (equal === to) {
    writeRun(out, first, to - from, width);
    return;
  }
  const groups = Math.ceil((to - from) / 8);
  out.varint(groups * 2 + 1);
  out.reserve(groups * width + 8);
  const bytes = out.bytes;
  let p = out.length;
  const end = p + groups * width;
  let acc = 0;
  let bits = 0;
  for (let i = from; i < to; i++) {
    acc |= values[i]! << bits;
    bits += width;
    while (bits >= 8) {
      bytes[p++] = acc;
      acc >>>= 8;
      bits -= 8;
    }
  }
  if (bits > 0) bytes[p++] = acc;
  while (p < end) bytes[p++] = 0;
  out.length = end;
}

/**
 * Definition levels of a data page: which of `rows` rows hold a value. `rowOf[from..to)` are the rows with values, ascending, first row of
 * the page being `firstRow`. With its 4-byte length, as data page version 1 wants it.
 */
export function writeDefinitionLevels(out: ByteBuffer, rowOf: Uint32Array, from: number, to: number, firstRow: number, rows: number): void {
  const at = out.length;
  out.word(0);
  const present = to - from;
  if (present === rows || present === 0) writeRun(out, present === 0 ? 0 : 1, rows, 1);
  else {
    const groups = Math.ceil(rows / 8);
    out.varint(groups * 2 + 1);
    out.reserve(groups);
    const start = out.length;
    out.bytes.fill(0, start, start + groups);
    for (let i = from; i < to; i++) {
      const row = rowOf[i]! - firstRow;
      out.bytes[start + (row >>> 3)]! |= 1 << (row & 7);
    }
    out.length = start + groups;
  }
  out.patchWord(at, out.length - at - 4);
}
