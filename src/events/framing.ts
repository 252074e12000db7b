import type { Framer } from './source.ts';

/**
 * Framers that several sources share. Each is total: with `atEnd` it always returns an offset > from, and it never asks
 * for more than `recordLimit` bytes, so that a damaged file cannot make ingest hold it as a whole.
 */

/** The longest record we wait for, in bytes. Beyond it the record ends at the next line end. */
export const recordLimit = 64 * 1024 * 1024;

const LF = 10;

/** Offset after the next line feed, `to` when there is none and no more is coming, else -1. */
export function lineEnd(bytes: Uint8Array, from: number, to: number, atEnd: boolean): number {
  const i = bytes.indexOf(LF, from);
  if (i >= 0 && i < to) return i + 1;
  return atEnd ? to : -1;
}

/** Whether a line that starts at `at` begins a record: -1 when that cannot be told before more bytes arrive. */
export type HeaderTest = (bytes: Uint8Array, at: number, to: number, atEnd: boolean) => boolean | -1;

/** Records that begin with a header line and go on until the next one. */
export function headerFramer(isHeader: HeaderTest): Framer {
  return (bytes, from, to, atEnd) => {
    let at = from;
    for (;;) {
      const end = lineEnd(bytes, at, to, atEnd);
      if (end < 0) return to - from > recordLimit ? to : -1;
      if (end >= to) return atEnd ? to : to - from > recordLimit ? end : -1;
      const test = isHeader(bytes, end, to, atEnd);
      if (test === -1) return to - from > recordLimit ? end : -1;
      if (test || end - from > recordLimit) return end;
      at = end;
    }
  };
}

const QUOTE = 34;
const COMMA = 44;
const CR = 13;

/** Whether a record may start at `at`; used only to find the way back after damage. */
export type StartTest = (bytes: Uint8Array, at: number, to: number) => boolean;

/**
 * CSV records with raw newlines in quotes. Inside a field every quote is doubled and the closing one is followed by a comma or a
 * line end; when that does not hold, the quotes were out of step (file starts mid-record, lost bytes, a crash), and the record is
 * ended at the first line since its start that looks like a record. Text inside a field cannot fake such a start, because it
 * cannot hold a lone quote; only the fragment before the first whole record of a file can.
 */
export function csvFramer(isStart: StartTest): Framer {
  return (bytes, from, to, atEnd) => {
    let i = from;
    let quoted = false;
    let candidate = -1;
    if (!isStart(bytes, from, to)) return orphanEnd(bytes, from, to, atEnd, isStart);
    for (; i < to; i++) {
      const b = bytes[i]!;
      if (b === QUOTE) {
        if (!quoted) {
          const before = i > from ? bytes[i - 1]! : COMMA;
          if (before !== COMMA && i > from) return resync(bytes, from, candidate, i, to, atEnd, isStart);
          quoted = true;
        } else if (i + 1 >= to) {
          if (!atEnd) return waitOrCut(from, candidate, to);
          quoted = false;
        } else {
          const next = bytes[i + 1]!;
          if (next === QUOTE) i++;
          else if (next === COMMA || next === LF || next === CR) quoted = false;
          else return resync(bytes, from, candidate, i, to, atEnd, isStart);
        }
      } else if (b === LF) {
        if (!quoted) return i + 1;
        if (candidate < 0 && isStart(bytes, i + 1, to)) candidate = i + 1;
      }
    }
    return atEnd ? to : waitOrCut(from, candidate, to);
  };
}

function waitOrCut(from: number, candidate: number, to: number): number {
  if (to - from <= recordLimit) return -1;
  return candidate > from ? candidate : to;
}

function resync(bytes: Uint8Array, from: number, candidate: number, at: number, to: number, atEnd: boolean, isStart: StartTest): number {
  return candidate > from ? candidate : orphanEnd(bytes, from, to, atEnd, isStart, at);
}

/** The end of a piece that is no record: up to the next line that looks like the start of one. */
function orphanEnd(bytes: Uint8Array, from: number, to: number, atEnd: boolean, isStart: StartTest, at = from): number {
  for (let i = bytes.indexOf(LF, at); i >= 0 && i < to; i = bytes.indexOf(LF, i + 1)) {
    if (!atEnd && to - i < 40) break;
    if (isStart(bytes, i + 1, to)) return i + 1;
    if (i + 1 - from > recordLimit) return i + 1;
  }
  return atEnd ? to : waitOrCut(from, -1, to);
}
