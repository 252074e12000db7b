import fs from 'node:fs';

/** A text file written in order through one buffer; bytes are UTF-8. */
export type TextFile = { readonly path: string; readonly lines: number; write(text: string): void; close(): void };

const size = 1 << 18;

export function openTextFile(path: string): TextFile {
  const fd = fs.openSync(path, 'w');
  const buffer = Buffer.allocUnsafe(size);
  let used = 0;
  let lines = 0;
  function put(bytes: Uint8Array, length: number): void {
    for (let done = 0; done < length; ) done += fs.writeSync(fd, bytes, done, length - done);
  }
  return {
    path,
    get lines() {
      return lines;
    },
    write(text) {
      lines++;
      // At most three bytes a code unit; a text that cannot fit goes past the buffer.
      if (used + text.length * 3 > size) {
        put(buffer, used);
        used = 0;
        if (text.length * 3 > size) {
          const bytes = Buffer.from(text, 'utf8');
          put(bytes, bytes.length);
          return;
        }
      }
      used += buffer.write(text, used, 'utf8');
    },
    close() {
      put(buffer, used);
      used = 0;
      fs.closeSync(fd);
    },
  };
}
