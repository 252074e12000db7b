import type { SqlDialect } from '../../detections/sql/index.ts';
import { type Question, readInjection } from './condition.ts';
import { type ConstantForm, constantForm, fillConstants } from './constant-form.ts';
import type { Reading } from './constraint.ts';
import { type Form, kindOf, learnForm, type SlotPlaces, type Value, valueOf, writtenForm } from './form.ts';
import { guessDialect } from './guess-dialect.ts';
import { type InBand, readInBand } from './in-band.ts';
import { printExpr } from './print.ts';
import { fillQuestion, learnQuestion, type QuestionForm, type ReadQuestion } from './question-form.ts';
import { children, type Expr } from './syntax.ts';

/** A question as asked; one object for all requests that differ in the unknown only. `readings`: its meaning by dialect, filled by who needs it. */
export type Asked = {
  readonly no: number;
  readonly question: Question /** Technique and shape as one text. */;
  readonly vector: string;
  readonly readings: Map<SqlDialect, Reading | null>;
};
/** What is asked about; one object for all requests about one value. `key`: its canonical text, '' for a calibration. */
export type Unknown = { readonly no: number; readonly expr: Expr | null; readonly key: string };

/** Which constants of a template ask (`inner`), which name the unknown, which repeat one of those, which are shown in a statement (`used`), which change nothing (`idle`); all others (`outer`) must be the same for one variant. */
export type Roles = {
  readonly outer: readonly number[];
  readonly inner: readonly number[];
  readonly unknown: readonly number[];
  readonly copies: readonly (readonly [number, number])[];
  readonly used: readonly number[];
  readonly idle: readonly number[];
};
export type Slots = { readonly roles: Roles; readonly at: SlotPlaces };

/** What one text means: what it asks, about which unknown, and what it makes the server show: a form and the values in it. */
export type Meaning = {
  readonly dialect: SqlDialect;
  readonly asked: Asked | null;
  readonly unknown: Unknown | null;
  readonly form: Form | null;
  readonly values: readonly Value[];
  readonly score: number /** Where the numbers of this text stand and what they do, when a template says so. */;
  readonly slots?: Slots;
};

type Read = { readonly dialect: SqlDialect; readonly question: Question | null; readonly inBand: readonly InBand[]; readonly score: number };
type Variant = {
  readonly dialect: SqlDialect;
  readonly score: number;
  readonly form: Form | null;
  readonly asked: Map<string, Asked>;
  readonly unknowns: Map<string, Unknown> /** How a new unknown is made of the last one that was parsed, once that came out right. */;
  made: ConstantForm | null;
  trusted: boolean;
  /** How a new question is made of an earlier one; undefined before that was tried. */
  asking: QuestionForm | null | undefined;
};
type Template = { readonly roles: Roles; readonly signature: string; readonly variants: Map<string, Variant> };
type Shape = { readonly templates: Template[]; misses: number; learned: number };

/** A variant that was asked that much with other constants will be asked more: what they do is worth a few texts read for that alone. */
const worthLearning = 6;
const maxKnown = 100_000;
const maxTemplates = 6;
const isDigit = (c: number): boolean => c >= 48 && c <= 57;
const isHex = (c: number): boolean => isDigit(c) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102);
const isName = (c: number): boolean => isDigit(c) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95 || c === 36 || c >= 0x80;

/** A word in a comment that ends the text: tools put another one there each time. */
const lastComment = /-- ([A-Za-z]{1,16})$/;

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
    if (i > 0 && isName(text.charCodeAt(i - 1))) {
      while (end < n && isName(text.charCodeAt(end))) end++;
      i = end - 1;
      continue;
    }
    if (c === 48 && (text.charCodeAt(end) | 32) === 120) {
      end++;
      while (end < n && isHex(text.charCodeAt(end))) end++;
    } else {
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
  const tail = lastComment.exec(text);
  const from = tail ? text.length - tail[1]!.length : 0;
  if (tail && from >= kept) {
    at.push(from, text.length);
    return { shape: `${shape}${text.slice(kept, from)}#`, at };
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

const isWordByte = (c: number): boolean =>
  isDigit(c) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95 || c === 45 || c === 46 || c === 64 || c === 37;

const pick = (text: string, at: SlotPlaces, slots: readonly number[]): string => {
  let out = '';
  for (const s of slots) out += `${text.slice(at[2 * s], at[2 * s + 1])};`;
  return out;
};

export type Reader = {
  read(text: string, whole: boolean): Meaning | null;
  readonly unknowns: readonly Unknown[];
  readonly forms: readonly Form[];
};

/** Reads injected texts; those that differ from an earlier one in constants only are understood without parsing again. */
export function createReader(): Reader {
  const shapes = new Map<string, Shape>();
  const nothing = new Set<string>();
  const unknowns: Unknown[] = [];
  const forms: Form[] = [];
  const named = new Map<string, Unknown>();
  const vectors = new Map<string, string>();
  let asks = 0;
  let known = 0;
  const addForm = (form: Omit<Form, 'no'>): Form => {
    const added = { ...form, no: forms.length };
    forms.push(added);
    return added;
  };
  const nameUnknown = (expr: Expr | null): Unknown => {
    const key = expr ? printExpr(expr, { keys: true }) : '';
    let unknown = named.get(key);
    if (!unknown) {
      named.set(key, (unknown = { no: unknowns.length, expr, key }));
      unknowns.push(unknown);
    }
    return unknown;
  };
  const find = (shape: Shape, text: string, at: SlotPlaces): Meaning | null => {
    for (const t of shape.templates) {
      const { roles } = t;
      const variant = t.variants.get(pick(text, at, roles.outer));
      if (!variant) continue;
      if (variant.asked.size === 0) {
        if (!isFree(text, at, roles)) continue;
        return {
          dialect: variant.dialect,
          asked: null,
          unknown: null,
          form: variant.form,
          values: valuesAt(text, at, roles.used),
          score: variant.score,
          slots: { roles, at },
        };
      }
      const inner = pick(text, at, roles.inner);
      let asked = variant.asked.get(inner);
      if (!asked && variant.asking) {
        const question = fillQuestion(variant.asking, text, at);
        if (question) variant.asked.set(inner, (asked = newAsked(question)));
      }
      const about = pick(text, at, roles.unknown);
      let unknown = asked && variant.unknowns.get(about);
      if (asked && !unknown && variant.trusted && variant.made) {
        const expr = fillConstants(variant.made, text, at);
        if (expr) variant.unknowns.set(about, (unknown = nameUnknown(expr)));
      }
      if (asked && unknown && roles.copies.every(([a, b]) => text.slice(at[2 * a], at[2 * a + 1]) === text.slice(at[2 * b], at[2 * b + 1])))
        return {
          dialect: variant.dialect,
          asked,
          unknown,
          form: variant.form,
          values: valuesAt(text, at, roles.used),
          score: variant.score,
          slots: { roles, at },
        };
    }
    return null;
  };
  const templateOf = (shape: Shape, roles: Roles): Template | null => {
    const signature = JSON.stringify(roles);
    let template = shape.templates.find(t => t.signature === signature);
    if (!template) {
      if (shape.templates.length >= maxTemplates) return null;
      template = { roles, signature, variants: new Map() };
      shape.templates.push(template);
    }
    return template;
  };
  const newAsked = (question: Question): Asked => {
    const vector = `${question.technique}\u0000${question.shape}`;
    // texts are compared at once when they are one object
    return { no: asks++, question, vector: vectors.get(vector) ?? vectors.set(vector, vector).get(vector)!, readings: new Map() };
  };
  /** What other constants of this text would ask, by reading it with them; null when that is no question of this variant. */
  const askAgain = (variant: Variant, words: string, whole: boolean): ReadQuestion => {
    return other => {
      const { shape, at } = takeNumbers(other);
      const read = shape === words ? readText(other, whole) : null;
      const alike = read?.question && read.dialect === variant.dialect && read.score === variant.score;
      return alike && read.inBand.length === (variant.form?.statements.length ?? 0) ? { question: read.question!, at } : null;
    };
  };
  const learnAsked = (read: Read, question: Question, shape: Shape, text: string, words: string, at: SlotPlaces, whole: boolean): Meaning => {
    const asking = assignRoles(question, at, text);
    const written = writtenForm(read.inBand, text, at, new Set(asking.outer));
    const unknown = nameUnknown(question.unknown);
    const meaning = { dialect: read.dialect, unknown, score: read.score };
    if (!written) return { ...meaning, asked: newAsked(question), form: read.inBand.length > 0 ? addForm(fixedForm(read.inBand)) : null, values: [] };
    const roles = { ...asking, used: written.used };
    const values = valuesAt(text, at, written.used);
    const alone = (): Meaning => ({ ...meaning, asked: newAsked(question), form: read.inBand.length > 0 ? addForm(written.form) : null, values });
    const template = templateOf(shape, roles);
    if (!template) return alone();
    const outer = pick(text, at, roles.outer);
    let variant = template.variants.get(outer);
    if (!variant)
      template.variants.set(
        outer,
        (variant = {
          dialect: read.dialect,
          score: read.score,
          form: read.inBand.length > 0 ? addForm(written.form) : null,
          asked: new Map(),
          unknowns: new Map(),
          made: null,
          trusted: false,
          asking: undefined,
        }),
      );
    if (variant.dialect !== read.dialect || variant.score !== read.score || (variant.form?.statements.length ?? 0) !== read.inBand.length) return alone();
    const inner = pick(text, at, roles.inner);
    let asked = variant.asked.get(inner);
    if (!asked) variant.asked.set(inner, (asked = newAsked(question)));
    variant.unknowns.set(pick(text, at, roles.unknown), unknown);
    if (variant.asking === undefined && question.unknown && variant.asked.size >= worthLearning)
      variant.asking = learnQuestion(question, text, at, roles.inner, askAgain(variant, words, whole));
    if (unknown.expr) {
      const filled = variant.made && fillConstants(variant.made, text, at);
      variant.trusted = filled !== null && printExpr(filled, { keys: true }) === unknown.key;
      variant.made = constantForm(question.unknown!, text, at, roles.unknown);
    }
    return { ...meaning, asked, form: variant.form, values, slots: { roles, at } };
  };
  const learnShown = (read: Read, shape: Shape, text: string, at: SlotPlaces, whole: boolean): Meaning => {
    const meaning = { dialect: read.dialect, asked: null, unknown: null, score: read.score };
    // many texts are read to learn a form: that must pay
    if (shape.misses > 40 * shape.learned) {
      shape.learned++;
      const learned = learnForm(text, at, read.inBand, other => {
        const r = readText(other, whole);
        return r && r.question === null && r.dialect === read.dialect && r.score === read.score ? r.inBand : null;
      });
      if (learned) {
        const taken = new Set([...learned.used, ...learned.idle]);
        const roles: Roles = {
          outer: Array.from({ length: at.length / 2 }, (_, i) => i).filter(i => !taken.has(i)),
          inner: [],
          unknown: [],
          copies: [],
          used: learned.used,
          idle: learned.idle,
        };
        const template = templateOf(shape, roles);
        if (template) {
          const form = addForm(learned.form);
          template.variants.set(pick(text, at, roles.outer), {
            dialect: read.dialect,
            score: read.score,
            form,
            asked: new Map(),
            unknowns: new Map(),
            made: null,
            trusted: false,
            asking: undefined,
          });
          return { ...meaning, form, values: valuesAt(text, at, roles.used), slots: { roles, at } };
        }
      }
    }
    shape.misses++;
    return { ...meaning, form: addForm(fixedForm(read.inBand)), values: [] };
  };
  return {
    unknowns,
    forms,
    read(text, whole) {
      const { shape: words, at } = takeNumbers(text);
      const name = whole ? `=${words}` : words;
      const found = shapes.get(name);
      const meaning = found && find(found, text, at);
      if (meaning) return meaning;
      if (nothing.has(text)) return null;
      const read = readText(text, whole);
      if (known > maxKnown) {
        shapes.clear();
        nothing.clear();
        known = 0;
      }
      known++;
      if (!read) {
        nothing.add(text);
        return null;
      }
      let shape = shapes.get(name);
      if (!shape) shapes.set(name, (shape = { templates: [], misses: 0, learned: 0 }));
      return read.question ? learnAsked(read, read.question, shape, text, words, at, whole) : learnShown(read, shape, text, at, whole);
    },
  };
}

const fixedForm = (statements: readonly InBand[]): Omit<Form, 'no'> => ({ values: 0, statements, patches: statements.map(() => null) });
const valuesAt = (text: string, at: SlotPlaces, slots: readonly number[]): readonly Value[] =>
  slots.length === 0 ? none : slots.map(s => valueOf(text.slice(at[2 * s], at[2 * s + 1])));
const none: readonly Value[] = [];

/** Whether the slots that may change hold what a form can take: each is of the kind it was when the form was learned. */
function isFree(text: string, at: SlotPlaces, roles: Roles): boolean {
  for (const list of [roles.used, roles.idle]) for (const s of list) if (kindOf(text, at[2 * s]!, at[2 * s + 1]!) === null) return false;
  return true;
}

function readText(text: string, whole: boolean): Read | null {
  const read = readInjection(text, whole);
  if (!read) return null;
  const dialect = read.question?.dialect ?? guessDialect(text);
  const inBand = readInBand(read.fragment, dialect).filter(b => b.technique !== 'stacked' || b.sqlText.length > 4);
  const own = inBand.some(b => b.technique === 'error' && !b.calibration) || (whole && read.question?.unknown?.t !== 'select');
  const question = own ? null : read.question;
  const score = (question?.unknown ? 4 : question ? 2 : 0) + (inBand.some(b => !b.calibration) ? 3 : inBand.length > 0 ? 1 : 0);
  // what shows its answer is not read from the answers to questions
  return score === 0 ? null : { dialect, question: inBand.some(b => b.technique !== 'stacked' && !b.calibration) ? null : question, inBand, score };
}

function assignRoles(q: Question, at: SlotPlaces, text: string): Omit<Roles, 'used'> {
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
    if (mine.length === unknown.length)
      mine.forEach((s, i) => {
        if (s !== unknown[i] && !named.has(s) && !inner.has(s)) copies.push([s, unknown[i]!]);
      });
  }
  const bound = new Set([...named, ...inner, ...copies.map(c => c[0])]);
  // a word in the last comment says nothing; within a quoted name it would
  const last = at.length / 2 - 1;
  const comment = last >= 0 && at[2 * last + 1] === text.length && lastComment.test(text) && !/["`]/.test(text) ? last : -1;
  const outer = Array.from({ length: at.length / 2 }, (_, i) => i).filter(i => !bound.has(i) && i !== comment);
  return {
    idle: comment >= 0 && !bound.has(comment) ? [comment] : [],
    outer,
    inner: [...inner].sort((a, b) => a - b),
    unknown: [...named].sort((a, b) => a - b),
    copies,
  };
}

function collectSlots(e: Expr, at: SlotPlaces, into: number[]): void {
  if (e.t === 'const' && e.at) {
    for (let i = 0; i < at.length; i += 2) if (at[i]! < e.at[1] && at[i + 1]! > e.at[0] && !into.includes(i / 2)) into.push(i / 2);
    return;
  }
  for (const c of children(e)) collectSlots(c, at, into);
}
