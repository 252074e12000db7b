import fs from 'node:fs';
import { readContent } from '../evidence/index.ts';
import type { Sample } from './source.ts';

const headBytes = 64 << 10;
const windowBytes = 256 << 10;
const linesWanted = 200;
const longestLine = 64 << 10;

/** First bytes and about 200 lines from head, middle and tail of a content. Of compressed content: from its first megabytes. */
export async function sampleContent(file: string, compressed: boolean): Promise<Sample> {
  const windows = compressed ? await streamWindows(file) : fileWindows(file);
  const lines: Uint8Array[] = [];
  for (const [i, w] of windows.entries()) lines.push(...wholeLines(w.bytes, i === 0, w.last, Math.ceil(linesWanted / windows.length)));
  return { head: (windows[0]?.bytes ?? new Uint8Array(0)).subarray(0, headBytes), lines };
}

type Window = { readonly bytes: Uint8Array; readonly last: boolean };

function fileWindows(file: string): Window[] {
  const fd = fs.openSync(file, 'r');
  try {
    const size = fs.fstatSync(fd).size;
    const read = (at: number): Window => {
      const bytes = new Uint8Array(Math.min(windowBytes, size - at));
      const n = fs.readSync(fd, bytes, 0, bytes.length, at);
      return { bytes: bytes.subarray(0, n), last: at + n >= size };
    };
    if (size <= windowBytes * 3) return windowsOf(new Uint8Array(fs.readFileSync(fd)));
    return [read(0), read(Math.floor(size / 2)), read(size - windowBytes)];
  } finally {
    fs.closeSync(fd);
  }
}

async function streamWindows(file: string): Promise<Window[]> {
  const blocks: Uint8Array[] = [];
  let size = 0;
  for await (const block of readContent(file)) {
    blocks.push(block);
    size += block.length;
    if (size > 4 << 20) break;
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const b of blocks) {
    all.set(b, at);
    at += b.length;
  }
  return windowsOf(all);
}

function windowsOf(all: Uint8Array): Window[] {
  if (all.length <= windowBytes) return [{ bytes: all, last: true }];
  const middle = Math.floor((all.length - windowBytes) / 2);
  return [0, middle, all.length - windowBytes].map(at => ({
    bytes: all.subarray(at, at + windowBytes),
    last: at + windowBytes >= all.length,
  }));
}

/** Whole lines of a window: the first is dropped unless the window starts the file, an unfinished last one unless it ends it. */
function wholeLines(bytes: Uint8Array, first: boolean, last: boolean, wanted: number): Uint8Array[] {
  const lines: Uint8Array[] = [];
  let p = first ? 0 : bytes.indexOf(10) + 1;
  while (p < bytes.length && lines.length < wanted) {
    const newline = bytes.indexOf(10, p);
    if (newline < 0 && !(last && lines.length === 0)) break;
    const end = newline < 0 ? bytes.length : newline;
    const to = end > p && bytes[end - 1] === 13 ? end - 1 : end;
    if (to - p <= longestLine) lines.push(bytes.subarray(p, to));
    p = end + 1;
  }
  return lines;
}
