import fs from 'node:fs';

/** A text file written in order through a buffer; bytes are UTF-8. */
export type TextFile = { readonly path: string; readonly lines: number; write(text: string): void; close(): void };

const flushAt = 1 << 18;

export function openTextFile(path: string): TextFile {
  const fd = fs.openSync(path, 'w');
  let pending = '';
  let lines = 0;
  function flush(): void {
    if (pending.length === 0) return;
    const bytes = Buffer.from(pending, 'utf8');
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done);
    pending = '';
  }
  return {
    path,
    get lines() {
      return lines;
    },
    write(text) {
      pending += text;
      lines++;
      if (pending.length > flushAt) flush();
    },
    close() {
      flush();
      fs.closeSync(fd);
    },
  };
}
