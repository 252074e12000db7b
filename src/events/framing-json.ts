import { lineEnd, recordLimit } from './framing.ts';
import type { Framer } from './source.ts';

/**
 * JSON records: one object a line, pretty-printed objects, elements of one top-level array (closed or not), or elements of an
 * array under a wrapper key (`{"Records":[…]}`). Opening and closing pieces come out as their own records. A raw newline inside a
 * string, or an object where only a key may stand, is damage: the record ends there and reading goes on with the next line.
 */

const LF = 10;
const QUOTE = 34;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;
const LIST = 91;
const UNLIST = 93;
const COMMA = 44;
const COLON = 58;
const isBlank = (b: number): boolean => b === 32 || b === 9 || b === 13 || b === LF;

export function jsonFramer(wrappers: readonly string[] = []): Framer {
  return (bytes, from, to, atEnd) => {
    let i = from;
    while (i < to && isBlank(bytes[i]!)) {
      if (bytes[i] === LF) return i + 1;
      i++;
    }
    if (i >= to) return atEnd ? to : -1;
    const first = bytes[i]!;
    if (first === LIST) return afterOpening(bytes, i + 1, to);
    if (first !== OPEN) {
      if (first === COMMA || first === UNLIST || first === CLOSE) return pastClosing(bytes, i, to, atEnd);
      return lineEnd(bytes, i, to, atEnd);
    }
    const inner = wrappers.length > 0 ? wrapperEnd(bytes, i, to, atEnd, wrappers) : 0;
    if (inner === -1) return -1;
    return inner > 0 ? inner : objectEnd(bytes, i, from, to, atEnd);
  };
}

function afterOpening(bytes: Uint8Array, at: number, to: number): number {
  let i = at;
  while (i < to && (bytes[i] === 32 || bytes[i] === 13)) i++;
  return i < to && bytes[i] === LF ? i + 1 : at;
}

function pastClosing(bytes: Uint8Array, at: number, to: number, atEnd: boolean): number {
  for (let i = at; i < to; i++) {
    const b = bytes[i]!;
    if (b === LF) return i + 1;
    if (b !== COMMA && b !== UNLIST && b !== CLOSE && !isBlank(b)) return i;
  }
  return atEnd ? to : to > at + 4096 ? to : -1;
}

/** Offset after `{"Records":[`, 0 when the object is no wrapper, -1 when more bytes are needed. */
function wrapperEnd(bytes: Uint8Array, at: number, to: number, atEnd: boolean, wrappers: readonly string[]): number {
  let i = at + 1;
  const skip = () => {
    while (i < to && isBlank(bytes[i]!)) i++;
  };
  skip();
  if (i >= to) return atEnd ? 0 : to - at > 4096 ? 0 : -1;
  if (bytes[i] !== QUOTE) return 0;
  const keyEnd = bytes.indexOf(QUOTE, i + 1);
  if (keyEnd < 0 || keyEnd >= to) return atEnd || to - i > 64 ? 0 : -1;
  if (keyEnd - i > 64) return 0;
  let key = '';
  for (let k = i + 1; k < keyEnd; k++) key += String.fromCharCode(bytes[k]!);
  if (!wrappers.includes(key)) return 0;
  i = keyEnd + 1;
  skip();
  if (i < to && bytes[i] !== COLON) return 0;
  i++;
  skip();
  if (i >= to) return atEnd ? 0 : -1;
  return bytes[i] === LIST ? afterOpening(bytes, i + 1, to) : 0;
}

const depthLimit = 512;
const inObject = new Uint8Array(depthLimit);

function objectEnd(bytes: Uint8Array, open: number, from: number, to: number, atEnd: boolean): number {
  let depth = 0;
  let previous = 0;
  let lineStart = false;
  for (let i = open; i < to; i++) {
    const b = bytes[i]!;
    if (b === QUOTE) {
      for (i++; i < to && bytes[i] !== QUOTE; i++) {
        if (bytes[i] === BACKSLASH) i++;
        else if (bytes[i] === LF) return i + 1;
      }
      previous = QUOTE;
      lineStart = false;
    } else if (b === OPEN || b === LIST) {
      const misplaced = b === OPEN && depth > 0 && (inObject[depth - 1] === 1 ? previous !== COLON : previous !== LIST && previous !== COMMA);
      if (misplaced) {
        if (lineStart) return i;
        return lineEnd(bytes, i, to, atEnd);
      }
      if (depth >= depthLimit) return lineEnd(bytes, i, to, atEnd);
      inObject[depth++] = b === OPEN ? 1 : 0;
      previous = b;
      lineStart = false;
    } else if (b === CLOSE || b === UNLIST) {
      if (--depth <= 0) return afterObject(bytes, i + 1, to, atEnd);
      previous = b;
      lineStart = false;
    } else if (b === LF) {
      lineStart = true;
    } else if (!isBlank(b)) {
      previous = b;
      lineStart = false;
    }
  }
  return atEnd ? to : to - from > recordLimit ? to : -1;
}

/** A following comma and the rest of a blank line belong to the object; other text after it on the line starts the next record. */
function afterObject(bytes: Uint8Array, at: number, to: number, atEnd: boolean): number {
  let i = at;
  for (; i < to; i++) {
    const b = bytes[i]!;
    if (b === LF) return i + 1;
    if (b === COMMA) continue;
    if (!isBlank(b)) return i;
  }
  return atEnd || i - at > 4096 ? to : -1;
}
