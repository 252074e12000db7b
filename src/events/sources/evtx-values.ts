import { isoUtc } from '../../base/index.ts';
import { utf16 } from './evtx-binxml.ts';
import { civilOf } from './stamp.ts';

export type Cursor = { at: number; readonly end: number };

/** One substitution value as text, the way Windows prints it; '' when its size does not fit its type. */
export function readValue(bytes: Uint8Array, view: DataView, at: number, size: number, type: number): string {
  if (type & 0x80) return listOf(bytes, view, at, size, type & 0x7f);
  const enough = (n: number): boolean => size >= n;
  switch (type) {
    case 0x01:
      return utf16(bytes, at, at + (size & ~1)).replace(/\0+$/, '');
    case 0x02:
      return Buffer.from(bytes.buffer, bytes.byteOffset + at, size)
        .toString('latin1')
        .replace(/\0+$/, '');
    case 0x03:
      return enough(1) ? String(view.getInt8(at)) : '';
    case 0x04:
      return enough(1) ? String(view.getUint8(at)) : '';
    case 0x05:
      return enough(2) ? String(view.getInt16(at, true)) : '';
    case 0x06:
      return enough(2) ? String(view.getUint16(at, true)) : '';
    case 0x07:
      return enough(4) ? String(view.getInt32(at, true)) : '';
    case 0x08:
      return enough(4) ? String(view.getUint32(at, true)) : '';
    case 0x09:
      return enough(8) ? String(view.getBigInt64(at, true)) : '';
    case 0x0a:
      return enough(8) ? String(view.getBigUint64(at, true)) : '';
    case 0x0b:
      return enough(4) ? String(view.getFloat32(at, true)) : '';
    case 0x0c:
      return enough(8) ? String(view.getFloat64(at, true)) : '';
    case 0x0d:
      return enough(4) ? String(view.getUint32(at, true) !== 0) : enough(1) ? String(view.getUint8(at) !== 0) : '';
    case 0x0e:
      return Buffer.from(bytes.buffer, bytes.byteOffset + at, size)
        .toString('hex')
        .toUpperCase();
    case 0x0f:
      return enough(16) ? guid(bytes, view, at) : '';
    case 0x10:
      return size >= 8 ? hex64(view, at) : enough(4) ? `0x${view.getUint32(at, true).toString(16)}` : '';
    case 0x11:
      return enough(8) ? fileTime(view.getBigUint64(at, true)) : '';
    case 0x12:
      return enough(16) ? systemTime(view, at) : '';
    case 0x13:
      return enough(8) ? sid(bytes, view, at, size) : '';
    case 0x14:
      return enough(4) ? `0x${view.getUint32(at, true).toString(16)}` : '';
    case 0x15:
      return enough(8) ? hex64(view, at) : '';
    default:
      return '';
  }
}

const widths: Readonly<Record<number, number>> = {
  3: 1,
  4: 1,
  5: 2,
  6: 2,
  7: 4,
  8: 4,
  9: 8,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  15: 16,
  17: 8,
  18: 16,
  20: 4,
  21: 8,
};

function listOf(bytes: Uint8Array, view: DataView, at: number, size: number, type: number): string {
  if (type === 0x01)
    return utf16(bytes, at, at + (size & ~1))
      .replace(/\0+$/, '')
      .split('\0')
      .join('\n');
  const width = widths[type];
  if (!width)
    return Buffer.from(bytes.buffer, bytes.byteOffset + at, size)
      .toString('hex')
      .toUpperCase();
  const out: string[] = [];
  for (let i = 0; i + width <= size; i += width) out.push(readValue(bytes, view, at + i, width, type));
  return out.join('\n');
}

const hex64 = (view: DataView, at: number): string => `0x${view.getBigUint64(at, true).toString(16)}`;

function guid(bytes: Uint8Array, view: DataView, at: number): string {
  const h = (n: number, w: number): string => n.toString(16).padStart(w, '0');
  const tail = [...bytes.subarray(at + 8, at + 16)].map(b => h(b, 2)).join('');
  return `{${h(view.getUint32(at, true), 8)}-${h(view.getUint16(at + 4, true), 4)}-${h(view.getUint16(at + 6, true), 4)}-${tail.slice(0, 4)}-${tail.slice(4)}}`.toUpperCase();
}

/** 100 ns since 1601 → micros since 1970, or null outside the years we hold. */
export function fileTimeMicros(value: bigint): number | null {
  const us = value / 10n - 11_644_473_600_000_000n;
  return us > -1n && us < 9_000_000_000_000_000n ? Number(us) : null;
}

function fileTime(value: bigint): string {
  const us = fileTimeMicros(value);
  return us === null ? String(value) : isoUtc(us);
}

function systemTime(view: DataView, at: number): string {
  const p = (i: number): number => view.getUint16(at + i * 2, true);
  const us = civilOf(p(0), p(1), p(3), p(4), p(5), p(6), String(p(7)).padStart(3, '0'));
  return us === null ? '' : isoUtc(us);
}

function sid(bytes: Uint8Array, view: DataView, at: number, size: number): string {
  const count = bytes[at + 1]!;
  if (size < 8 + count * 4) return '';
  let authority = 0;
  for (let i = 2; i < 8; i++) authority = authority * 256 + bytes[at + i]!;
  let text = `S-${bytes[at]}-${authority}`;
  for (let i = 0; i < count; i++) text += `-${view.getUint32(at + 8 + i * 4, true)}`;
  return text;
}
