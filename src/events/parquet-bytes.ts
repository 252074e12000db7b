/** Bytes that grow, with the number forms of the Parquet file format: little-endian words, varints, the compact Thrift protocol. */
export class ByteBuffer {
  bytes: Uint8Array;
  length = 0;
  private lastField = 0;
  private readonly fieldStack: number[] = [];

  constructor(capacity = 1 << 16) {
    this.bytes = new Uint8Array(capacity);
  }

  reserve(more: number): void {
    const need = this.length + more;
    if (need <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(need, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  word(value: number): void {
    this.reserve(4);
    const b = this.bytes;
    const p = this.length;
    b[p] = value;
    b[p + 1] = value >>> 8;
    b[p + 2] = value >>> 16;
    b[p + 3] = value >>> 24;
    this.length = p + 4;
  }

  /** Overwrite a word written before. */
  patchWord(at: number, value: number): void {
    this.bytes[at] = value;
    this.bytes[at + 1] = value >>> 8;
    this.bytes[at + 2] = value >>> 16;
    this.bytes[at + 3] = value >>> 24;
  }

  append(data: Uint8Array): void {
    this.reserve(data.length);
    this.bytes.set(data, this.length);
    this.length += data.length;
  }

  /** Unsigned LEB128 of a whole number below 2^54. */
  varint(value: number): void {
    this.reserve(10);
    let v = value;
    while (v >= 128) {
      this.bytes[this.length++] = (v % 128) | 128;
      v = Math.floor(v / 128);
    }
    this.bytes[this.length++] = v;
  }

  private header(field: number, type: number): void {
    const delta = field - this.lastField;
    if (delta > 0 && delta < 16) this.byte((delta << 4) | type);
    else {
      this.byte(type);
      this.varint(zigzag(field));
    }
    this.lastField = field;
  }

  int32(field: number, value: number): void {
    this.header(field, 5);
    this.varint(zigzag(value));
  }

  int64(field: number, value: number): void {
    this.header(field, 6);
    this.varint(zigzag(value));
  }

  binary(field: number, data: Uint8Array): void {
    this.header(field, 8);
    this.rawBinary(data);
  }

  rawBinary(data: Uint8Array): void {
    this.varint(data.length);
    this.append(data);
  }

  rawInt32(value: number): void {
    this.varint(zigzag(value));
  }

  /** Element types: 5 int32, 8 binary, 12 struct. */
  list(field: number, elementType: number, size: number): void {
    this.header(field, 9);
    if (size < 15) this.byte((size << 4) | elementType);
    else {
      this.byte(0xf0 | elementType);
      this.varint(size);
    }
  }

  /** A struct as a field; `open`/`close` alone frame a struct that is a list element or the message itself. */
  struct(field: number): void {
    this.header(field, 12);
    this.open();
  }

  open(): void {
    this.fieldStack.push(this.lastField);
    this.lastField = 0;
  }

  close(): void {
    this.byte(0);
    this.lastField = this.fieldStack.pop() ?? 0;
  }
}

const zigzag = (value: number): number => (value >= 0 ? value * 2 : -value * 2 - 1);
