import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import { type Breakage, type Compression, compressionOf, openDecoder } from './decompress.ts';

export const BLOCK_BYTES = 1024 * 1024;

/** What one pass over a file found out. `blocks` are RFC 6962 leaf hashes (hex) of each 1 MiB block of the raw file. */
export type Digest = {
  readonly bytes: number;
  readonly sha256: string;
  readonly compression: Compression;
  readonly contentBytes: number;
  /** SHA-256 of what could be read of the content; equal to `sha256` when nothing is compressed. */
  readonly contentSha256: string;
  readonly blocks: readonly string[];
  readonly broken: Breakage | null;
  /** Size, modification time or the file itself changed between opening and the end of the reading. */
  readonly changed: boolean;
  /** Modification time as found, UTC micros. */
  readonly modifiedUs: number;
};

/** A file that could not be read at all; `code` is the system's (ENOENT, EACCES, EISDIR …). */
export type DigestFailure = { readonly failed: string };

export type DigestOptions = {
  readonly content: boolean;
  readonly blockBytes?: number;
  readonly onBytes?: (bytes: number) => void;
};

/** Read a file once, read-only, and hash it whole, by block, and by content. Flat memory. Never throws on any file. */
export async function digestFile(file: string, options: DigestOptions): Promise<Digest | DigestFailure> {
  let handle: fs.FileHandle | undefined;
  try {
    handle = await fs.open(file, 'r');
    const before = await handle.stat({ bigint: true });
    if (before.isDirectory()) return { failed: 'EISDIR' };
    if (!before.isFile()) return { failed: 'NOT_A_FILE' };
    const digest = await digestHandle(handle, options);
    const after = await handle.stat({ bigint: true });
    const now = await fs.stat(file, { bigint: true }).catch(() => null);
    const changed =
      after.size !== before.size ||
      after.mtimeNs !== before.mtimeNs ||
      BigInt(digest.bytes) !== after.size ||
      now === null ||
      now.ino !== before.ino ||
      now.dev !== before.dev;
    return { ...digest, changed, modifiedUs: Number(before.mtimeNs / 1000n) };
  } catch (error) {
    return { failed: (error as NodeJS.ErrnoException).code ?? 'EIO' };
  } finally {
    await handle?.close();
  }
}

async function digestHandle(handle: fs.FileHandle, options: DigestOptions): Promise<Omit<Digest, 'modifiedUs' | 'changed'>> {
  const blockBytes = options.blockBytes ?? BLOCK_BYTES;
  const buffer = Buffer.allocUnsafe(blockBytes);
  const whole = createHash('sha256');
  const inside = createHash('sha256');
  const blocks: string[] = [];
  let bytes = 0;
  let contentBytes = 0;
  let compression: Compression = 'none';
  let decoder: ReturnType<typeof openDecoder> | null = null;
  for (;;) {
    const n = await fill(handle, buffer, bytes);
    if (n === 0) break;
    const block = buffer.subarray(0, n);
    if (bytes === 0 && options.content) {
      compression = compressionOf(block);
      if (compression !== 'none') {
        decoder = openDecoder(
          compression,
          chunk => {
            inside.update(chunk);
            contentBytes += chunk.length;
          },
          () => rawBlocks(handle),
        );
      }
    }
    whole.update(block);
    blocks.push(createHash('sha256').update('\0').update(block).digest('hex'));
    await decoder?.push(block);
    bytes += n;
    options.onBytes?.(n);
    if (n < blockBytes) break;
  }
  const broken = (await decoder?.end()) ?? null;
  const sha256 = whole.digest('hex');
  const content = decoder ? { contentBytes, contentSha256: inside.digest('hex') } : { contentBytes: bytes, contentSha256: sha256 };
  return { bytes, sha256, compression, ...content, blocks, broken };
}

/** Fill the buffer as far as the file goes; pipes and network disks may return less than asked. */
async function fill(handle: fs.FileHandle, buffer: Buffer, position: number): Promise<number> {
  let n = 0;
  while (n < buffer.length) {
    const { bytesRead } = await handle.read(buffer, n, buffer.length - n, position + n);
    if (bytesRead === 0) break;
    n += bytesRead;
  }
  return n;
}

/** The raw bytes of an open file from its start, in blocks that are only valid until the next one is asked for. */
export async function* rawBlocks(handle: fs.FileHandle): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  for (let position = 0; ; ) {
    const n = await fill(handle, buffer, position);
    if (n === 0) return;
    yield buffer.subarray(0, n);
    position += n;
  }
}
