import type { EventSink, ParseOutcome, RecordParser } from './source.ts';
import type { TimeMatch } from './time-text.ts';
import { type Escapes, resetScratch, scratchBytes, scratchEnd, unescapeField } from './unescape.ts';
import type { Field } from './web-fields.ts';
import { WebRow } from './web-row.ts';

/** A format string taken apart: what a line holds from left to right. */
export type FormatItem = { readonly literal: string } | { readonly field: Field } | { readonly time: TimeMatch };

const literal = 0;
const quoted = 1;
const digits = 2;
const until = 3;
const rest = 4;
const time = 5;

/** A piece of a line, ready to be looked for. */
export type Token = {
  readonly op: number;
  readonly text: Uint8Array;
  readonly field: Field | null;
  readonly match: TimeMatch | null;
  /** The literal that follows a field. */
  readonly stop: Uint8Array;
};

const stepLimit = 20_000;

/**
 * Reads lines of one format. Fast way: left to right, every field up to the first place where the next literal stands. When that fails, or the
 * format has free text that could hold its own delimiter, all ways to split the line are tried: one is taken; of several, the fields that
 * differ are left NULL and `extra.ambiguous` says so (methods §1.4).
 */
export class LineScanner implements RecordParser {
  private readonly tokens: readonly Token[];
  private readonly escapes: Escapes;
  private readonly starts: Int32Array;
  private readonly ends: Int32Array;
  private readonly first: Int32Array;
  private readonly doubtful: Uint8Array;
  /** Whether a field may hold escapes. */
  private readonly escaped: Uint8Array;
  private readonly loose: boolean;
  private readonly row: WebRow;
  private readonly essential: number;
  /** The quoted field in which the line ended, or -1. */
  private cutAt = -1;
  private solutions = 0;
  private steps = 0;

  constructor(tokens: readonly Token[], escapes: Escapes, zone: string) {
    this.tokens = tokens;
    this.escapes = escapes;
    this.starts = new Int32Array(this.tokens.length);
    this.ends = new Int32Array(this.tokens.length);
    this.first = new Int32Array(this.tokens.length * 2);
    this.doubtful = new Uint8Array(this.tokens.length);
    this.escaped = new Uint8Array(this.tokens.length);
    this.loose = this.tokens.some((t, i) => isLoose(t, this.tokens[i + 1], this.tokens[i + 2], escapes));
    this.essential = this.tokens.findLastIndex(t => t.op === time || ['request', 'target', 'path', 'status'].includes(t.field?.name ?? ''));
    this.row = new WebRow(zone);
  }

  parse(bytes: Uint8Array, from: number, to: number, sink: EventSink): ParseOutcome {
    if (from === to) return 'meta';
    this.row.clear();
    resetScratch();
    this.cutAt = -1;
    if (!this.loose && this.split(bytes, from, to)) {
      this.doubtful.fill(0);
      const wrong = this.take(bytes, sink);
      return wrong === null ? 'event' : { unparsed: wrong };
    }
    return this.search(bytes, from, to, sink);
  }

  /** The fast way: true when every token found its place and the line is used up. */
  private split(bytes: Uint8Array, from: number, to: number): boolean {
    const tokens = this.tokens;
    let p = from;
    for (let t = 0; t < tokens.length; t++) {
      const token = tokens[t]!;
      this.starts[t] = p;
      switch (token.op) {
        case literal: {
          const text = token.text;
          if (p + text.length > to) return false;
          for (let i = 0; i < text.length; i++) if (bytes[p + i] !== text[i]) return false;
          p += text.length;
          break;
        }
        case quoted: {
          let escaped = 0;
          for (;;) {
            if (p >= to) {
              this.cutAt = t;
              return false;
            }
            const b = bytes[p]!;
            if (b === 0x22) break;
            if (b === 0x5c) {
              escaped = 1;
              p++;
            }
            p++;
          }
          this.escaped[t] = escaped;
          break;
        }
        case digits:
          if (p < to && bytes[p] === 0x2d) p++;
          while (p < to && ((bytes[p]! >= 0x30 && bytes[p]! <= 0x39) || bytes[p] === 0x2e)) p++;
          break;
        case until: {
          p = find(bytes, p, to, token.stop);
          if (p < 0) return false;
          this.escaped[t] = 1;
          break;
        }
        case rest:
          this.escaped[t] = 1;
          p = to;
          break;
        default:
          p = token.match!(bytes, p, to, this.row);
          if (p < 0) return false;
      }
      this.ends[t] = p;
    }
    return p === to;
  }

  private take(bytes: Uint8Array, sink: EventSink): string | null {
    const tokens = this.tokens;
    for (let t = 0; t < tokens.length; t++) {
      const field = tokens[t]!.field;
      if (field === null || this.doubtful[t] === 1) continue;
      const from = this.starts[t]!;
      const to = this.ends[t]!;
      let ok: boolean;
      if (this.escaped[t] === 1 && this.escapes !== 'none' && unescapeField(bytes, from, to, this.escapes)) {
        ok = field.take(scratchBytes(), scratchEnd.from, scratchEnd.to, this.row, sink);
      } else ok = field.take(bytes, from, to, this.row, sink);
      if (!ok) return `bad-${field.name}`;
    }
    if (!this.row.finish(sink)) return 'bad-time';
    return null;
  }

  /** The slow way. */
  private search(bytes: Uint8Array, from: number, to: number, sink: EventSink): ParseOutcome {
    this.solutions = 0;
    this.steps = 0;
    this.doubtful.fill(0);
    this.row.clear();
    this.solve(bytes, 0, from, to);
    if (this.steps > stepLimit) return { unparsed: 'too-many-readings' };
    if (this.solutions === 0) return this.takeCut(bytes, from, to, sink);
    const n = this.tokens.length;
    for (let t = 0; t < n; t++) {
      this.escaped[t] = this.tokens[t]!.op === digits ? 0 : 1;
      this.starts[t] = this.first[t * 2]!;
      this.ends[t] = this.first[t * 2 + 1]!;
    }
    this.row.clear();
    for (let t = 0; t < n; t++) {
      const match = this.tokens[t]!.match;
      if (match && this.doubtful[t] === 0) match(bytes, this.starts[t]!, to, this.row);
    }
    if (this.solutions > 1) this.row.addExtra('ambiguous', true);
    const wrong = this.take(bytes, sink);
    return wrong === null ? 'event' : { unparsed: wrong };
  }

  /** A line that ends inside a quoted field, after stamp, request and status: what is there is an event, marked as cut. */
  private takeCut(bytes: Uint8Array, from: number, to: number, sink: EventSink): ParseOutcome {
    const at = this.cutAt;
    this.row.clear();
    resetScratch();
    if (at <= this.essential || this.split(bytes, from, to)) return { unparsed: 'format-mismatch' };
    this.ends[at] = to;
    this.escaped[at] = 1;
    this.doubtful.fill(0);
    this.doubtful.fill(1, at + 1);
    sink.number('truncated', 1);
    const wrong = this.take(bytes, sink);
    return wrong === null ? 'event' : { unparsed: wrong };
  }

  private solve(bytes: Uint8Array, t: number, p: number, to: number): void {
    if (++this.steps > stepLimit || this.solutions > 1) return;
    if (t === this.tokens.length) {
      if (p === to) this.keep();
      return;
    }
    const token = this.tokens[t]!;
    this.starts[t] = p;
    const go = (end: number): void => {
      this.starts[t] = p;
      this.ends[t] = end;
      this.solve(bytes, t + 1, end, to);
    };
    switch (token.op) {
      case literal:
        if (matches(bytes, p, to, token.text)) go(p + token.text.length);
        return;
      case time: {
        const end = token.match!(bytes, p, to, this.row);
        if (end >= 0) go(end);
        return;
      }
      case rest:
        go(to);
        return;
      case digits: {
        let end = p;
        if (end < to && bytes[end] === 0x2d) end++;
        while (end < to && ((bytes[end]! >= 0x30 && bytes[end]! <= 0x39) || bytes[end] === 0x2e)) end++;
        if (end > p) go(end);
        return;
      }
      default: {
        const wordOnly = token.op === until && token.field!.shape === 'word';
        for (let end = find(bytes, p, to, token.stop); end >= 0; end = find(bytes, end + 1, to, token.stop)) {
          if (wordOnly && hasSpace(bytes, p, end)) return;
          if (token.op === quoted && this.escapes !== 'none' && hasDelimitingQuote(bytes, p, end)) return;
          go(end);
          if (this.steps > stepLimit || this.solutions > 1) return;
        }
      }
    }
  }

  private keep(): void {
    this.solutions++;
    for (let t = 0; t < this.tokens.length; t++) {
      if (this.solutions === 1) {
        this.first[t * 2] = this.starts[t]!;
        this.first[t * 2 + 1] = this.ends[t]!;
      } else if (this.first[t * 2] !== this.starts[t] || this.first[t * 2 + 1] !== this.ends[t]) this.doubtful[t] = 1;
    }
  }
}

function hasSpace(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] === 0x20 || bytes[i] === 0x09) return true;
  return false;
}

/** An unescaped quote beside a space inside a field: that is where fields meet, so the text is more than one field. */
function hasDelimitingQuote(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (bytes[i] !== 0x22 || bytes[i - 1] === 0x5c) continue;
    if ((i > from && bytes[i - 1] === 0x20) || (i + 1 < to && bytes[i + 1] === 0x20)) return true;
  }
  return false;
}

function matches(bytes: Uint8Array, at: number, to: number, text: Uint8Array): boolean {
  if (at + text.length > to) return false;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

/** First place at or after `from` where `text` stands, or -1. */
function find(bytes: Uint8Array, from: number, to: number, text: Uint8Array): number {
  const head = text[0]!;
  const end = to - text.length;
  for (let p = from; p <= end; p++) {
    if (bytes[p] !== head) continue;
    let i = 1;
    while (i < text.length && bytes[p + i] === text[i]) i++;
    if (i === text.length) return p;
  }
  return -1;
}

const encoder = new TextEncoder();
const nothing = new Uint8Array(0);

/** Items → tokens; done once for a format, used by every scanner of it. */
export function tokenise(items: readonly FormatItem[]): Token[] {
  const merged: FormatItem[] = [];
  for (const item of items) {
    const last = merged.at(-1);
    if ('literal' in item && last && 'literal' in last) merged[merged.length - 1] = { literal: last.literal + item.literal };
    else if (!('literal' in item) || item.literal !== '') merged.push(item);
  }
  return merged.map((item, i) => {
    if ('literal' in item) return { op: literal, text: encoder.encode(item.literal), field: null, match: null, stop: nothing };
    if ('time' in item) return { op: time, text: nothing, field: null, match: item.time, stop: nothing };
    const before = merged[i - 1];
    const after = merged[i + 1];
    const stop = after && 'literal' in after ? encoder.encode(after.literal) : nothing;
    const inQuotes = before && 'literal' in before && before.literal.endsWith('"') && stop[0] === 0x22;
    const shape = item.field.shape;
    const op = inQuotes ? quoted : shape === 'number' || shape === 'decimal' ? digits : stop.length > 0 ? until : rest;
    return { op, text: nothing, field: item.field, match: null, stop };
  });
}

/** Free text outside quotes whose end only a look at the whole line can find. With escapes a bare quote never stands in a field. */
function isLoose(token: Token, next: Token | undefined, afterNext: Token | undefined, escapes: Escapes): boolean {
  if (token.op === quoted) return escapes === 'none';
  if (token.op !== until || token.field!.shape !== 'text') return false;
  if (escapes !== 'none' && next?.text.includes(0x22)) return false;
  return afterNext?.op !== time;
}
