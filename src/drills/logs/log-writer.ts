import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { civilFromDays, DAY, HOUR, type Micros } from '../../base/index.ts';
import { createHeap } from '../heap.ts';
import type { Random } from '../random.ts';
import { openTextFile, type TextFile } from './text-file.ts';

export type LogSpec = {
  readonly dir: string;
  /** File name without `.log`. */
  readonly name: string;
  readonly rotate: boolean;
  /** Delete one rotated file in the middle. */
  readonly dropRotated: boolean;
  readonly gzip: boolean;
  readonly loseLines: number;
  readonly random: Random;
  /** Lines at the head of each file. */
  readonly header: string;
};

/** `mark` hears where a line came to stand: file name and line from 1, or null when it was lost. */
export type Mark = (at: { file: string; line: number } | null) => void;

export type LogWriter = {
  /** Hand in a record that is written at `atUs`; records may come up to the present out of order. */
  add(atUs: Micros, text: string, mark?: Mark): void;
  /** Nothing before `nowUs` will come any more. */
  advance(nowUs: Micros): void;
  close(): Promise<LogFacts>;
};

export type LogFacts = {
  readonly files: string[];
  readonly lines: number;
  readonly lost: number;
  readonly droppedFile: string | null;
  readonly droppedLines: number;
};

type Entry = { text: string; at: Micros; mark: Mark | undefined };

/** Puts records in the order of writing, drops and rotates as asked, and counts what is gone. */
export function createLogWriter(spec: LogSpec): LogWriter {
  const waiting = createHeap<Entry>();
  const done: { day: number; file: TextFile }[] = [];
  let open: { day: number; file: TextFile } | null = null;
  let lost = 0;

  function flush(entry: Entry): void {
    const day = spec.rotate ? Math.floor((entry.at + 9 * HOUR) / DAY) : 0;
    if (open === null || day > open.day) {
      if (open) {
        open.file.close();
        done.push(open);
      }
      open = { day, file: openTextFile(path.join(spec.dir, `${spec.name}.${day}.part`)) };
      for (const line of spec.header.split('\n').filter(Boolean)) open.file.write(`${line}\n`);
    }
    if (spec.loseLines > 0 && spec.random.chance(spec.loseLines)) {
      lost++;
      entry.mark?.(null);
      return;
    }
    // A record may span several physical lines; the mark is its first.
    const { file } = open;
    const first = file.lines + 1;
    file.write(`${entry.text}\n`);
    entry.mark?.({ file: name(open.day), line: first });
  }
  const stamp = (day: number): string => {
    const c = civilFromDays(day);
    return `${c.year}${String(c.month).padStart(2, '0')}${String(c.day).padStart(2, '0')}`;
  };
  const name = (day: number): string => `${spec.name}.log${spec.rotate ? `-${stamp(day)}` : ''}`;

  return {
    add(at, text, mark) {
      waiting.push(at, { text, at, mark });
    },
    advance(now) {
      while (waiting.peekKey() < now) flush(waiting.pop());
    },
    async close() {
      while (waiting.size > 0) flush(waiting.pop());
      if (open) {
        open.file.close();
        done.push(open);
      }
      const dropped = spec.dropRotated && done.length > 2 ? done[1 + spec.random.int(0, done.length - 3)]! : null;
      const files: string[] = [];
      let lines = 0;
      for (const [i, part] of done.entries()) {
        if (part === dropped) {
          fs.rmSync(part.file.path);
          continue;
        }
        const target = path.join(spec.dir, name(part.day));
        lines += part.file.lines;
        if (spec.gzip && (!spec.rotate || i < done.length - 1)) {
          await pipeline(fs.createReadStream(part.file.path), createGzip(), fs.createWriteStream(`${target}.gz`));
          fs.rmSync(part.file.path);
          files.push(path.basename(`${target}.gz`));
        } else {
          fs.renameSync(part.file.path, target);
          files.push(path.basename(target));
        }
      }
      return { files, lines, lost, droppedFile: dropped ? name(dropped.day) : null, droppedLines: dropped?.file.lines ?? 0 };
    },
  };
}
