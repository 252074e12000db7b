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

export function openDecoder(compression: Compression, onContent: (chunk: Uint8Array) => void): Decoder {
  if (compression === 'gzip') return gunzip(onContent);
  if (compression === 'zstd') return unzstd(onContent);
  return { push: async raw => onContent(raw), end: async () => null };
}

function gunzip(onContent: (chunk: Uint8Array) => void): Decoder {
  const stream = zlib.createGunzip({ chunkSize: 256 * 1024 });
  let failure: NodeJS.ErrnoException | null = null;
  let given = 0;
  let tail: Uint8Array = new Uint8Array(0);
  let produced = 0;
  stream.on('data', (chunk: Uint8Array) => {
    produced += chunk.length;
    onContent(chunk);
  });
  stream.on('error', (error: NodeJS.ErrnoException) => (failure = error));
  const broken = (): boolean => failure !== null || stream.readableEnded || stream.destroyed;
  return {
    async push(raw) {
      given += raw.length;
      tail = raw.slice(-65536);
      if (broken()) return;
      await new Promise<void>(resolve => {
        stream.once('close', resolve);
        stream.write(raw, () => {
          stream.removeListener('close', resolve);
          resolve();
        });
      });
    },
    async end() {
      if (!broken()) {
        const closed = once(stream, 'close').catch(() => undefined);
        stream.end();
        await closed;
      }
      const error = failure as NodeJS.ErrnoException | null;
      if (error?.code === 'Z_BUF_ERROR') return 'truncated';
      if (error) return produced > 0 && error.message === 'incorrect header check' ? 'trailing' : 'corrupt';
      const unused = given - stream.bytesWritten;
      // Tapes and some copy tools pad with zeros; anything else after the last member is content we cannot read.
      return unused > 0 && tail.subarray(Math.max(0, tail.length - unused)).some(b => b !== 0) ? 'trailing' : null;
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
