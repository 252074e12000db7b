import fs from 'node:fs/promises';
import { type Breakage, compressionOf, openDecoder } from './decompress.ts';
import { rawBlocks } from './digest.ts';

/**
 * The content of a file from its first byte (inside .gz/.zst: decompressed), in chunks that the caller owns. A broken archive ends
 * early, exactly where `source_file.content_bytes` says; `onBroken` tells why. Opened read-only. Throws what the system says when the
 * file cannot be opened.
 */
export async function* readContent(file: string, onBroken: (why: Breakage) => void = () => {}): AsyncGenerator<Uint8Array> {
  const handle = await fs.open(file, 'r');
  try {
    let ready: Uint8Array[] = [];
    let decoder: ReturnType<typeof openDecoder> | null = null;
    for await (const raw of rawBlocks(handle)) {
      decoder ??= openDecoder(
        compressionOf(raw),
        chunk => ready.push(Uint8Array.prototype.slice.call(chunk)),
        () => rawBlocks(handle),
      );
      // In small steps, because one block of a zip bomb can unfold a thousandfold.
      for (let i = 0; i < raw.length; i += 65536) {
        await decoder.push(raw.subarray(i, i + 65536));
        for (const chunk of ready) yield chunk;
        ready = [];
      }
    }
    const broken = (await decoder?.end()) ?? null;
    for (const chunk of ready) yield chunk;
    if (broken) onBroken(broken);
  } finally {
    await handle.close();
  }
}
