import fs from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { sql } from '../engine/index.ts';
import { readContent } from '../evidence/index.ts';

/** The bytes [offset, offset+length) of the content of an evidence file: what an event rests on, as it stands in the file. */
export async function readOriginal(kase: OpenCase, fileNo: number, offset: number, length: number): Promise<Uint8Array> {
  const file = await kase.engine.row<{ path: string; compression: string }>(
    'events.original',
    sql`select path, compression from source_file where file_no = ${fileNo}`,
  );
  const absolute = path.join(kase.caseDir, file.path);
  try {
    return file.compression === 'none' ? await readRange(absolute, offset, length) : await skipTo(absolute, offset, length);
  } catch (cause) {
    throw new UserError('events.original-gone', { file: file.path, reason: (cause as NodeJS.ErrnoException).code ?? 'error' }, { cause });
  }
}

async function readRange(file: string, offset: number, length: number): Promise<Uint8Array> {
  const handle = await fs.open(file, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Compressed content has no random access: it is decompressed up to the place. */
async function skipTo(file: string, offset: number, length: number): Promise<Uint8Array> {
  const out = new Uint8Array(length);
  let at = 0;
  let filled = 0;
  for await (const chunk of readContent(file)) {
    const from = Math.max(0, offset - at);
    if (from < chunk.length) {
      const part = chunk.subarray(from, Math.min(chunk.length, offset + length - at));
      out.set(part, filled);
      filled += part.length;
    }
    at += chunk.length;
    if (filled === length) break;
  }
  return out.subarray(0, filled);
}
