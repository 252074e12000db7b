import { type Form, kindOf, type Value, valueOf } from './form.ts';
import type { Payload } from './payload.ts';
import type { Asked, Meaning, Unknown } from './template.ts';

/** What a query or a statement asks that differs from an earlier one in numbers and short quoted words only. */
export type RawReading = {
  readonly point: string;
  readonly asked: Asked | null;
  readonly unknown: Unknown | null;
  readonly form: Form | null;
  readonly values: readonly Value[];
  readonly decoded: number;
  readonly escaped: number;
};

type Kind = 'digits' | 'hex' | 'word' | 'list';
type Template = {
  readonly point: string;
  /** Literal text before each slot, and after the last. */
  readonly pieces: readonly string[];
  readonly kinds: readonly Kind[];
  /** Text of the slots that must be the same; null for the others. */
  readonly fixed: readonly (string | null)[];
  readonly inner: readonly number[];
  readonly unknown: readonly number[];
  readonly copies: readonly (readonly [number, number])[];
  readonly used: readonly number[];
  /** Slots that a form takes plain numbers and words in only; none for questions. */
  readonly plain: readonly number[];
  readonly form: Form | null;
  readonly asked: Map<string, Asked>;
  readonly unknowns: Map<string, Unknown>;
  /** Lengths without the slots: decoded, and escaped as in a page. */
  readonly decoded: number;
  readonly escaped: number;
};

const mostTemplates = 24;
const mostKnown = 200_000;
const isDigit = (c: number): boolean => c >= 48 && c <= 57;
const isHex = (c: number): boolean => isDigit(c) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102);
const isWord = (c: number): boolean => isDigit(c) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95 || c === 45 || c === 46 || c === 64;
/** Characters that stand for something else in a query or a page. */
const isSpecial = (c: number): boolean => c === 37 || c === 38 || c === 43 || c === 39 || c === 34 || c === 60 || c === 62 || c > 126 || c < 33;

/** `raw`: a query before it is decoded, or the statement itself. */
export type RawReader = {
  read(raw: string): RawReading | null;
  learn(raw: string, payload: Payload, meaning: Meaning, escapedLength: (text: string) => number): void;
};

/**
 * Reads queries and statements as they stand in the log. `learn` is told what one turned out to mean; from then on `read` understands those that differ
 * only where the template of the decoded text allows it (see createReader), at the price of one comparison.
 */
export function createRawReader(): RawReader {
  let templates: Template[] = [];
  let known = 0;
  const ends = new Int32Array(256);
  const starts = new Int32Array(256);

  /** Where the slots of the template are in the query; false when the query has another form. */
  const fits = (t: Template, query: string): boolean => {
    let p = 0;
    for (let s = 0; s < t.kinds.length; s++) {
      const piece = t.pieces[s]!;
      if (!query.startsWith(piece, p)) return false;
      p += piece.length;
      const end = slotEnd(query, p, t.kinds[s]!);
      if (end < 0) return false;
      const fixed = t.fixed[s]!;
      if (fixed !== null && (fixed.length !== end - p || !query.startsWith(fixed, p))) return false;
      starts[s] = p;
      ends[s] = end;
      p = end;
    }
    const last = t.pieces[t.kinds.length]!;
    return query.length - p === last.length && query.endsWith(last);
  };
  const pick = (query: string, slots: readonly number[]): string => {
    if (slots.length === 1) return query.slice(starts[slots[0]!], ends[slots[0]!]);
    let out = '';
    for (const s of slots) out += `${query.slice(starts[s], ends[s])};`;
    return out;
  };

  return {
    read(query) {
      for (let n = 0; n < templates.length; n++) {
        const t = templates[n]!;
        if (!fits(t, query)) continue;
        const asks = t.asked.size > 0;
        const asked = asks ? t.asked.get(pick(query, t.inner)) : null;
        const unknown = asked ? t.unknowns.get(pick(query, t.unknown)) : null;
        if (asks && (!asked || !unknown)) continue;
        if (!t.plain.every(s => kindOf(query, starts[s]!, ends[s]!, t.kinds[s] === 'word') !== null)) continue;
        if (!t.copies.every(([a, b]) => query.slice(starts[a], ends[a]) === query.slice(starts[b], ends[b]))) continue;
        if (n > 0) templates.unshift(...templates.splice(n, 1));
        let slots = 0;
        for (let s = 0; s < t.kinds.length; s++) slots += t.kinds[s] === 'list' ? listLength(query, starts[s]!, ends[s]!) : ends[s]! - starts[s]!;
        const values =
          t.used.length === 0
            ? none
            : t.used.map(s => valueOf(t.kinds[s] === 'list' ? listText(query, starts[s]!, ends[s]!) : query.slice(starts[s], ends[s])));
        return { point: t.point, asked: asked ?? null, unknown: unknown ?? null, form: t.form, values, decoded: t.decoded + slots, escaped: t.escaped + slots };
      }
      return null;
    },
    learn(query, payload, meaning, escapedLength) {
      const made = makeTemplate(query, payload, meaning, escapedLength);
      if (!made) return;
      if (++known > mostKnown) {
        templates = [];
        known = 0;
      }
      let t = templates.find(x => sameForm(x, made));
      if (!t) {
        t = made;
        templates.unshift(t);
        if (templates.length > mostTemplates) templates.pop();
      }
      if (!fits(t, query)) return;
      if (!meaning.asked) return;
      t.asked.set(pick(query, t.inner), meaning.asked);
      t.unknowns.set(pick(query, t.unknown), meaning.unknown!);
    },
  };
}

function sameForm(a: Template, b: Template): boolean {
  return (
    a.point === b.point &&
    a.form === b.form &&
    a.decoded === b.decoded &&
    equal(a.pieces, b.pieces) &&
    equal(a.fixed, b.fixed) &&
    equal(a.kinds, b.kinds) &&
    equal(a.inner, b.inner) &&
    equal(a.unknown, b.unknown) &&
    equal(a.copies.flat(), b.copies.flat())
  );
}

const equal = <T>(a: readonly T[], b: readonly T[]): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

/** The end of a number, word or list that begins here; -1 when none does. */
function slotEnd(query: string, from: number, kind: Kind): number {
  let i = from;
  if (kind === 'digits') {
    while (isDigit(query.charCodeAt(i))) i++;
    const hex = i === from + 1 && query.charCodeAt(from) === 48 && (query.charCodeAt(i) | 32) === 120;
    return i === from || hex ? -1 : i;
  }
  if (kind === 'hex') {
    if (query.charCodeAt(from) !== 48 || (query.charCodeAt(from + 1) | 32) !== 120) return -1;
    i = from + 2;
    while (isHex(query.charCodeAt(i))) i++;
    return i;
  }
  if (kind === 'word') {
    while (i - from < 64 && isWord(query.charCodeAt(i))) i++;
    return i > from ? i : i < query.length && !isSpecial(query.charCodeAt(i)) ? i + 1 : -1;
  }
  for (;;) {
    const c = query.charCodeAt(i);
    if (isDigit(c) || c === 44 || c === 43 || c === 32) i++;
    else if (c === 37 && isSpacing(query, i + 1)) i += 3;
    else return i > from && isDigit(query.charCodeAt(from)) ? i : -1;
  }
}

/** `20`, `2C` or `2c`: a blank or a comma as a query has it after the percent sign. */
function isSpacing(query: string, at: number): boolean {
  const c = query.charCodeAt(at + 1);
  return query.charCodeAt(at) === 50 && (c === 48 || (c | 32) === 99);
}

function listLength(query: string, from: number, to: number): number {
  let n = to - from;
  for (let i = query.indexOf('%', from); i >= 0 && i < to; i = query.indexOf('%', i + 3)) n -= 2;
  return n;
}

function listText(query: string, from: number, to: number): string {
  return query.slice(from, to).replaceAll('+', ' ').replaceAll('%20', ' ').replace(/%2c/gi, ',');
}

const none: readonly Value[] = [];

/** Null where a place of the decoded text has no certain place in the query, or the payload does more than ask. */
function makeTemplate(query: string, payload: Payload, meaning: Meaning, escapedLength: (text: string) => number): Template | null {
  const { slots } = meaning;
  if (!slots || slots.at.length > 256) return null;
  const { roles, at } = slots;
  const found = placesOf(query, payload);
  if (!found) return null;
  const pieces: string[] = [];
  const kinds: Kind[] = [];
  const fixed: (string | null)[] = [];
  const free = new Set([...roles.inner, ...roles.unknown, ...roles.copies.map(c => c[0]), ...roles.idle, ...(meaning.asked ? [] : roles.used)]);
  let kept = 0;
  let decoded = Buffer.byteLength(payload.text);
  let escaped = escapedLength(payload.text);
  const places = new Map<number, number>();
  for (let s = 0; s * 2 < at.length; s++) {
    // what must stay as it is, is a part of the text around it
    if (!free.has(s) && !roles.used.includes(s)) continue;
    const text = payload.text.slice(at[2 * s], at[2 * s + 1]);
    const from = found[at[2 * s]!]!;
    const to = found[at[2 * s + 1]!]!;
    const kind: Kind =
      payload.text.charCodeAt(at[2 * s]! - 1) === 39 || !isDigit(text.charCodeAt(0))
        ? 'word'
        : text.includes(',')
          ? 'list'
          : /^0x/i.test(text)
            ? 'hex'
            : 'digits';
    const length = kind === 'list' ? listLength(query, from, to) : to - from;
    if (slotEnd(query, from, kind) !== to || length !== text.length || (kind !== 'list' && query.slice(from, to) !== text)) return null;
    places.set(s, kinds.length);
    pieces.push(query.slice(kept, from));
    kinds.push(kind);
    fixed.push(free.has(s) ? null : query.slice(from, to));
    kept = to;
    decoded -= text.length;
    escaped -= text.length;
  }
  pieces.push(query.slice(kept));
  const among = (slots: readonly number[]): number[] => slots.map(s => places.get(s)!);
  return {
    point: payload.point,
    pieces,
    kinds,
    fixed,
    inner: among(roles.inner),
    unknown: among(roles.unknown),
    copies: roles.copies.map(([x, y]) => [places.get(x)!, places.get(y)!] as const),
    used: among(roles.used),
    plain: meaning.asked ? [] : among([...roles.used, ...roles.idle]),
    form: meaning.form,
    asked: new Map(),
    unknowns: new Map(),
    decoded,
    escaped,
  };
}

type Places = ArrayLike<number>;

/** Where in the query or the statement each character of the payload is (and, last, the end). */
function placesOf(raw: string, payload: Payload): Places | null {
  if (payload.point === 'sql') return raw === payload.text ? Int32Array.from({ length: raw.length + 1 }, (_, i) => i) : null;
  return payload.point.startsWith('query:') ? findValue(raw, payload.point.slice('query:'.length), payload.text) : null;
}

/** Of the only value of that name, encoded once. */
function findValue(query: string, name: string, text: string): Places | null {
  let from = -1;
  for (let p = 0; p <= query.length; ) {
    const end = query.indexOf('&', p);
    const to = end < 0 ? query.length : end;
    const eq = query.indexOf('=', p);
    if (eq >= 0 && eq < to && query.slice(p, eq).trim() === name) {
      if (from >= 0) return null;
      from = eq + 1;
    }
    p = to + 1;
  }
  if (from < 0) return null;
  const places = new Int32Array(text.length + 1);
  let p = from;
  for (let i = 0; i < text.length; i++) {
    places[i] = p;
    const c = text.charCodeAt(i);
    const length = c > 126 ? foreignLength(query, p, text, i) : encodedLength(query, p, c);
    if (length < 0) return null;
    p += length;
    // the two halves of a character stand in one place
    if (c >= 0xd800 && c < 0xdc00) places[++i] = p;
  }
  places[text.length] = p;
  return p === query.length || query.charCodeAt(p) === 38 ? places : null;
}

/** Characters that one of ASCII takes in the query from there on; -1 when another one stands there. */
function encodedLength(query: string, p: number, c: number): number {
  const raw = query.charCodeAt(p);
  if (raw === 37) return 16 * hexDigit(query.charCodeAt(p + 1)) + hexDigit(query.charCodeAt(p + 2)) === c ? 3 : -1;
  return (raw === 43 ? c === 32 : raw === c) ? 1 : -1;
}

const hexDigit = (c: number): number => (isDigit(c) ? c - 48 : isHex(c) ? (c | 32) - 87 : Number.NaN);

/** The same of any other character: its bytes of UTF-8, each with its percent sign. */
function foreignLength(query: string, p: number, text: string, i: number): number {
  const code = text.codePointAt(i)!;
  if (code >= 0xd800 && code < 0xe000) return -1;
  const encoded = encodeURIComponent(String.fromCodePoint(code));
  return query.slice(p, p + encoded.length).toUpperCase() === encoded ? encoded.length : -1;
}
