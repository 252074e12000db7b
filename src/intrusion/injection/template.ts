import type { SqlDialect } from '../../detections/sql/index.ts';
import { guessDialect, type Question, readInjection } from './condition.ts';
import type { Reading } from './constraint.ts';
import { type InBand, readInBand } from './in-band.ts';
import { printExpr } from './print.ts';
import { children, type Expr } from './syntax.ts';

/** A question as asked; one object for all requests that differ in the unknown only. `readings`: its meaning by dialect, filled by who needs it. */
export type Asked = { readonly question: Question; /** Technique and shape as one text. */ readonly vector: string; readonly readings: Map<SqlDialect, Reading | null> };

/** What one text means: what it asks, about which unknown, and what it makes the server show. */
export type Meaning = { readonly dialect: SqlDialect; readonly asked: Asked | null; readonly unknown: Expr | null; /** Canonical text of the unknown; '' without one. */ readonly key: string; readonly inBand: readonly InBand[]; readonly score: number; /** Where the numbers of this text stand and what they do, when a template says so. */ readonly slots?: { readonly roles: Roles; readonly at: readonly number[] } };

/** A second statement that shows nothing, as far as it is text: where it stands in the text that was read first, and where the numbers stood there. */
type Stacked = { readonly inBand: InBand; readonly from: number; readonly to: number; readonly at: readonly number[] };
type Unknown = { readonly unknown: Expr | null; readonly key: string };
type Variant = { readonly dialect: SqlDialect; readonly score: number; readonly stacked: readonly Stacked[]; readonly asked: Map<string, Asked>; readonly unknowns: Map<string, Unknown> };
/** Which constants of a template ask (`inner`), which name the unknown, which repeat one of those; all others must be the same for one variant. */
export type Roles = { readonly outer: readonly number[]; readonly inner: readonly number[]; readonly unknown: readonly number[]; readonly copies: readonly (readonly [number, number])[] };
type Template = { readonly roles: Roles; readonly signature: string; readonly variants: Map<string, Variant> };

const maxKnown = 100_000;
const maxTemplates = 6;
const isDigit = (c: number): boolean => c >= 48 && c <= 57;
const isHex = (c: number): boolean => isDigit(c) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102);
const isName = (c: number): boolean => isDigit(c) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95 || c === 36 || c >= 0x80;

/**
 * A text without its numbers and short quoted words (`shape`), and where they stood: [start, end, start, end …]. A parenthesis full of numbers counts as
 * one. Which quotes open and which close is not known here; what was taken for a word and is none stays as it is for all who share a template.
 */
function takeNumbers(text: string): { shape: string; at: number[] } {
  const at: number[] = [];
  let shape = '';
  let kept = 0;
  const n = text.length;
  for (let i = 0; i < n; i++) {
    const c = text.charCodeAt(i);
    if (c === 39) {
      const close = closing(text, i + 1);
      if (close < 0) continue;
      at.push(i + 1, close);
      shape += `${text.slice(kept, i + 1)}#`;
      kept = close;
      i = close;
      continue;
    }
    if (!isDigit(c)) continue;
    let end = i + 1;
    if (i > 0 && isName(text.charCodeAt(i - 1))) { while (end < n && isName(text.charCodeAt(end))) end++; i = end - 1; continue; }
    if (c === 48 && (text.charCodeAt(end) | 32) === 120) { end++; while (end < n && isHex(text.charCodeAt(end))) end++; }
    else {
      while (end < n && isDigit(text.charCodeAt(end))) end++;
      if (i > 0 && text.charCodeAt(i - 1) === 40 && text.charCodeAt(end) === 44) {
        let to = end;
        while (to < n && (isDigit(text.charCodeAt(to)) || text.charCodeAt(to) === 44 || text.charCodeAt(to) === 32)) to++;
        if (text.charCodeAt(to) === 41) end = to;
      }
    }
    at.push(i, end);
    shape += `${text.slice(kept, i)}#`;
    kept = end;
    i = end - 1;
  }
  return { shape: shape + text.slice(kept), at };
}

/** Where the quote closes that opened before `from`, when what is inside is one character or looks like one word; else -1. */
function closing(text: string, from: number): number {
  if (text.charCodeAt(from + 1) === 39 && text.charCodeAt(from) !== 39 && text.charCodeAt(from + 2) !== 39) return from + 1;
  let i = from;
  while (i - from < 64 && isWordByte(text.charCodeAt(i))) i++;
  return i > from && text.charCodeAt(i) === 39 && text.charCodeAt(i + 1) !== 39 ? i : -1;
}

const isWordByte = (c: number): boolean => isDigit(c) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95 || c === 45 || c === 46 || c === 64 || c === 37;

const pick = (text: string, at: readonly number[], slots: readonly number[]): string => {
  let out = '';
  for (const s of slots) out += `${text.slice(at[2 * s], at[2 * s + 1])};`;
  return out;
};

/** Reads injected texts; those that differ from an earlier one in constants only are understood without parsing again. */
export function createReader(): (text: string, whole: boolean) => Meaning | null {
  const shapes = new Map<string, Template[]>();
  const nothing = new Map<string, null>();
  let known = 0;
  return (text, whole) => {
    const { shape, at } = takeNumbers(text);
    const name = whole ? `=${shape}` : shape;
    const templates = shapes.get(name);
    if (templates) {
      for (const t of templates) {
        const variant = t.variants.get(pick(text, at, t.roles.outer));
        if (!variant) continue;
        const asked = variant.asked.get(pick(text, at, t.roles.inner));
        const unknown = asked && variant.unknowns.get(pick(text, at, t.roles.unknown));
        if (asked && unknown && t.roles.copies.every(([a, b]) => text.slice(at[2 * a], at[2 * a + 1]) === text.slice(at[2 * b], at[2 * b + 1]))) {
          const inBand = variant.stacked.length === 0 ? nothingShown : variant.stacked.map(x => ({ ...x.inBand, sqlText: text.slice(moved(x.from, x.at, at), moved(x.to, x.at, at)) }));
          return { dialect: variant.dialect, asked, unknown: unknown.unknown, key: unknown.key, inBand, score: variant.score, slots: { roles: t.roles, at } };
        }
      }
    }
    if (nothing.has(text)) return null;
    const meaning = readText(text, whole);
    if (known > maxKnown) { shapes.clear(); nothing.clear(); known = 0; }
    known++;
    if (!meaning) { nothing.set(text, null); return null; }
    const { asked } = meaning;
    const stacked = asked && stackedOf(meaning.inBand, text, at);
    if (!asked || !stacked) return meaning;
    const roles = assignRoles(asked.question, at);
    const signature = JSON.stringify(roles);
    const list = templates ?? [];
    if (!templates || !shapes.has(name)) shapes.set(name, list);
    let template = list.find(t => t.signature === signature);
    if (!template) {
      if (list.length >= maxTemplates) return meaning;
      template = { roles, signature, variants: new Map() };
      list.push(template);
    }
    const outer = pick(text, at, roles.outer);
    let variant = template.variants.get(outer);
    if (!variant) template.variants.set(outer, (variant = { dialect: meaning.dialect, score: meaning.score, stacked, asked: new Map(), unknowns: new Map() }));
    if (variant.dialect !== meaning.dialect || variant.score !== meaning.score || variant.stacked.length !== stacked.length) return meaning;
    const inner = pick(text, at, roles.inner);
    const same = variant.asked.get(inner);
    if (!same) variant.asked.set(inner, asked);
    variant.unknowns.set(pick(text, at, roles.unknown), { unknown: meaning.unknown, key: meaning.key });
    return { ...meaning, asked: same ?? asked, slots: { roles, at } };
  };
}

export const nothingShown: readonly InBand[] = [];

/** In-band statements that are nothing but a part of the text, with their places; null when one is more. */
function stackedOf(inBand: readonly InBand[], text: string, at: readonly number[]): Stacked[] | null {
  const out: Stacked[] = [];
  for (const b of inBand) {
    const from = text.indexOf(b.sqlText);
    if (b.technique !== 'stacked' || b.select !== null || b.target !== null || from < 0 || text.indexOf(b.sqlText, from + 1) >= 0) return null;
    out.push({ inBand: b, from, to: from + b.sqlText.length, at });
  }
  return out;
}

/** Where a place between numbers is in a text whose numbers have other lengths. */
function moved(place: number, at: readonly number[], now: readonly number[]): number {
  let shift = 0;
  for (let i = 1; i < at.length && at[i]! <= place; i += 2) shift = now[i]! - at[i]!;
  return place + shift;
}

function readText(text: string, whole: boolean): Meaning | null {
  const read = readInjection(text, whole);
  if (!read) return null;
  const dialect = read.question?.dialect ?? guessDialect(text);
  const inBand = readInBand(read.fragment, dialect).filter(b => b.technique !== 'stacked' || b.sqlText.length > 4);
  const own = inBand.some(b => b.technique === 'error' && !b.calibration) || (whole && read.question?.unknown?.t !== 'select');
  const question = own ? null : read.question;
  const score = (question?.unknown ? 4 : question ? 2 : 0) + (inBand.some(b => !b.calibration) ? 3 : inBand.length > 0 ? 1 : 0);
  if (score === 0) return null;
  return { dialect, asked: question && { question, vector: `${question.technique}\u0000${question.shape}`, readings: new Map() }, unknown: question?.unknown ?? null, key: question?.unknown ? printExpr(question.unknown, { keys: true }) : '', inBand, score };
}

function assignRoles(q: Question, at: readonly number[]): Roles {
  const inner = new Set<number>();
  const unknown: number[] = [];
  const copies: (readonly [number, number])[] = [];
  if (q.unknown) collectSlots(q.unknown, at, unknown);
  const list: number[] = [];
  collectSlots(q.condition, at, list);
  const named = new Set(unknown);
  for (const s of list) if (!named.has(s)) inner.add(s);
  for (const copy of q.copies) {
    const mine: number[] = [];
    collectSlots(copy, at, mine);
    // copies print the same, so their constants stand in the same order
    if (mine.length === unknown.length) mine.forEach((s, i) => { if (s !== unknown[i] && !named.has(s) && !inner.has(s)) copies.push([s, unknown[i]!]); });
  }
  const bound = new Set([...named, ...inner, ...copies.map(c => c[0])]);
  const outer = Array.from({ length: at.length / 2 }, (_, i) => i).filter(i => !bound.has(i));
  return { outer, inner: [...inner].sort((a, b) => a - b), unknown: [...named].sort((a, b) => a - b), copies };
}

function collectSlots(e: Expr, at: readonly number[], into: number[]): void {
  if (e.t === 'const' && e.at) {
    for (let i = 0; i < at.length; i += 2) if (at[i]! < e.at[1] && at[i + 1]! > e.at[0] && !into.includes(i / 2)) into.push(i / 2);
    return;
  }
  for (const c of children(e)) collectSlots(c, at, into);
}
