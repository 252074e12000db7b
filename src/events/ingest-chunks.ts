import type { IngestSizes, LineChunk } from './ingest-records.ts';

/**
 * Cut a content into chunks of whole lines: a line goes to the chunk in whose span of `sizes.part` it starts, so the cuts depend on the
 * bytes alone. `spare`: memory of chunks that are done. A line longer than `sizes.line` is cut short and ends its chunk; `cut` says so.
 */
export async function* lineChunks(blocks: AsyncIterable<Uint8Array>, spare: ArrayBuffer[], sizes: IngestSizes): AsyncGenerator<LineChunk> {
  const cutter = new LineCutter(spare, sizes);
  for await (const block of blocks) yield* cutter.push(block);
  yield* cutter.end();
}

class LineCutter {
  private readonly spare: ArrayBuffer[];
  private readonly sizes: IngestSizes;
  private buffer = new Uint8Array(0);
  private length = 0;
  private offset = 0;
  private line = 1;
  /** Bytes of an overlong line passed over since its chunk was cut; -1 when not in one. */
  private skipped = -1;
  private held: LineChunk | null = null;

  constructor(spare: ArrayBuffer[], sizes: IngestSizes) {
    this.spare = spare;
    this.sizes = sizes;
  }

  *push(block: Uint8Array): Generator<LineChunk> {
    let rest = block;
    while (rest.length > 0) {
      if (this.skipped >= 0) {
        const newline = rest.indexOf(10);
        this.skipped += newline < 0 ? rest.length : newline;
        if (newline < 0) return;
        rest = rest.subarray(newline + 1);
        yield this.endSkip(1);
        continue;
      }
      // The chunk ends at the first line end at or after the last byte of the part's span.
      const span = (Math.floor(this.offset / this.sizes.part) + 1) * this.sizes.part - 1 - this.offset;
      const room = span - this.length;
      if (room > 0) {
        const take = rest.subarray(0, room);
        this.append(take);
        rest = rest.subarray(take.length);
        continue;
      }
      const allowed = span + this.sizes.line - this.length;
      const newline = rest.indexOf(10);
      const found = newline >= 0 && newline < allowed;
      const take = rest.subarray(0, found ? newline + 1 : Math.min(allowed, rest.length));
      this.append(take);
      rest = rest.subarray(take.length);
      if (found) yield this.take();
      else if (take.length === allowed) this.startSkip();
    }
  }

  *end(): Generator<LineChunk> {
    if (this.skipped >= 0) yield this.endSkip(0);
    if (this.length > 0) yield this.take();
  }

  private append(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.buffer.length) {
      const grown =
        this.length === 0
          ? this.fresh(bytes.length)
          : new Uint8Array(Math.max(this.length + bytes.length, Math.min(this.buffer.length * 2, this.buffer.length + (8 << 20))));
      grown.set(this.buffer.subarray(0, this.length));
      this.buffer = grown;
    }
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Memory grows with what is read, so that a small file takes little; a later chunk starts with the size of a whole one. */
  private fresh(least: number): Uint8Array<ArrayBuffer> {
    const old = this.spare.pop();
    if (old && old.byteLength >= least) return new Uint8Array(old);
    return new Uint8Array(this.offset === 0 ? least : Math.max(least, this.sizes.part + (1 << 20)));
  }

  private take(): LineChunk {
    const bytes = this.buffer.subarray(0, this.length);
    const chunk = { part: Math.floor(this.offset / this.sizes.part), offset: this.offset, line: this.line, bytes, cut: null };
    this.line += countNewlines(bytes);
    this.offset += this.length;
    this.length = 0;
    // The chunk keeps its memory; it may be moved to another thread.
    this.buffer = new Uint8Array(0);
    return chunk;
  }

  private startSkip(): void {
    this.held = this.take();
    this.skipped = 0;
  }

  private endSkip(newline: number): LineChunk {
    const chunk = { ...this.held!, cut: { extra: this.skipped, ended: newline === 1 } };
    this.offset += this.skipped + newline;
    this.line += newline;
    this.skipped = -1;
    this.held = null;
    return chunk;
  }
}

function countNewlines(bytes: Uint8Array): number {
  let n = 0;
  for (let i = bytes.indexOf(10); i >= 0; i = bytes.indexOf(10, i + 1)) n++;
  return n;
}
