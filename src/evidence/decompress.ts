import { once } from 'node:events';
import zlib from 'node:zlib';
import { Decompress } from 'fzstd';

export type Compression = 'none' | 'gzip' | 'zstd';

/** By the first bytes, never by the name: rotated logs are often renamed. */
export function compressionOf(head: Uint8Array): Compression {
  if (head.length >= 3 && head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) return 'gzip';
  if (head.length >= 4 && head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd';
  return 'none';
}

/** Why content could not be read to its end: cut off, not what it claims to be, or followed by bytes that are no part of it. */
export type Breakage = 'truncated' | 'corrupt' | 'trailing';

/** Raw bytes in, content out through `onContent` (chunks are only valid during the call). `end` says what was broken, or null. */
export type Decoder = { push(raw: Uint8Array): Promise<void>; end(): Promise<Breakage | null> };

/** Reads the raw bytes once more from the start; asked for only when a file is broken, to save the last bytes before the break. */
export type Reread = () => AsyncIterable<Uint8Array>;

export function openDecoder(compression: Compression, onContent: (chunk: Uint8Array) => void, reread: Reread): Decoder {
  if (compression === 'gzip') return gunzip(onContent, reread);
  if (compression === 'zstd') return unzstd(onContent);
  return { push: async raw => onContent(raw), end: async () => null };
}

/** zlib drops what it had ready when it meets an error, so input goes in by pieces: at most one piece is decoded again. */
const PIECE = 32 * 1024;

function gunzip(onContent: (chunk: Uint8Array) => void, reread: Reread): Decoder {
  let given = 0;
  let failedAt = 0;
  let produced = 0;
  let tail: Uint8Array = new Uint8Array(0);
  const member = openGunzip(chunk => {
    produced += chunk.length;
    onContent(chunk);
  });
  return {
    async push(raw) {
      for (let i = 0; i < raw.length && !member.broken(); i += PIECE) {
        failedAt = given + i;
        await member.write(raw.subarray(i, i + PIECE));
      }
      given += raw.length;
      tail = raw.slice(-65536);
    },
    async end() {
      const consumed = await member.end();
      const error = member.error();
      if (error?.code === 'Z_BUF_ERROR') return 'truncated';
      if (error) {
        await decodeBytewise(reread(), failedAt, produced, chunk => {
          produced += chunk.length;
          onContent(chunk);
        });
        return produced > 0 && error.message === 'incorrect header check' ? 'trailing' : 'corrupt';
      }
      // Tapes and some copy tools pad with zeros; anything else after the last member is content we cannot read.
      const unused = given - consumed;
      return unused > 0 && tail.subarray(Math.max(0, tail.length - unused)).some(b => b !== 0) ? 'trailing' : null;
    },
  };
}

/** Decode from the start, a byte at a time from `from` on, and hand out what comes after the first `skip` bytes of content. */
async function decodeBytewise(raw: AsyncIterable<Uint8Array>, from: number, skip: number, onContent: (chunk: Uint8Array) => void): Promise<void> {
  let out = 0;
  const member = openGunzip(chunk => {
    const start = Math.max(0, skip - out);
    out += chunk.length;
    if (start < chunk.length) onContent(chunk.subarray(start));
  });
  let at = 0;
  for await (const chunk of raw) {
    for (let i = 0; i < chunk.length && !member.broken(); ) {
      const step = at < from ? Math.min(PIECE, from - at, chunk.length - i) : 1;
      await member.write(chunk.subarray(i, i + step));
      i += step;
      at += step;
    }
    if (member.broken() || at > from + PIECE) break;
  }
  await member.end();
}

function openGunzip(onContent: (chunk: Uint8Array) => void) {
  const stream = zlib.createGunzip({ chunkSize: 256 * 1024 });
  let failure: NodeJS.ErrnoException | null = null;
  stream.on('data', onContent);
  stream.on('error', (error: NodeJS.ErrnoException) => (failure = error));
  const broken = (): boolean => failure !== null || stream.readableEnded || stream.destroyed;
  return {
    broken,
    error: () => failure as NodeJS.ErrnoException | null,
    write: (raw: Uint8Array): Promise<void> =>
      new Promise(resolve => {
        stream.once('close', resolve);
        stream.write(raw, () => {
          stream.removeListener('close', resolve);
          resolve();
        });
      }),
    /** Resolves to the number of raw bytes that were used. */
    async end(): Promise<number> {
      if (!broken()) {
        const closed = once(stream, 'close').catch(() => undefined);
        stream.end();
        await closed;
      }
      return stream.bytesWritten;
    },
  };
}

function unzstd(onContent: (chunk: Uint8Array) => void): Decoder {
  let failed: Breakage | null = null;
  let produced = 0;
  const inner = new Decompress(chunk => {
    produced += chunk.length;
    onContent(chunk);
  });
  const attempt = (raw: Uint8Array, final: boolean): void => {
    if (failed) return;
    try {
      inner.push(raw, final);
    } catch (error) {
      failed = error instanceof Error && error.message === 'unexpected EOF' ? 'truncated' : produced > 0 ? 'trailing' : 'corrupt';
    }
  };
  return {
    push: async raw => {
      for (let i = 0; i < raw.length; i += 131072) attempt(raw.subarray(i, i + 131072), false);
    },
    end: async () => {
      attempt(new Uint8Array(0), true);
      return failed;
    },
  };
}
