import type { Expr, Leaf, Pattern, Test } from '../../src/detections/sigma/ir.ts';

/** Numbers in [0, n), the same for the same seed. */
export type Dice = (n: number) => number;

export function dice(seed: number): Dice {
  let state = seed >>> 0 || 1;
  return n => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % n;
  };
}

type Wish = { readonly leaf: Leaf; readonly wanted: boolean };

/** One way to make a condition hold (or fail): leaves with what each should be. Not always possible together; whoever uses it evaluates anyhow. */
function wishes(expr: Expr, wanted: boolean, roll: Dice, out: Wish[]): void {
  if (expr.op === 'leaf') out.push({ leaf: expr, wanted });
  else if (expr.op === 'search') wishes(expr.item, wanted, roll, out);
  else if (expr.op === 'not') wishes(expr.item, !wanted, roll, out);
  else if ((expr.op === 'and') === wanted) for (const e of expr.items) wishes(e, wanted, roll, out);
  else if (expr.items.length > 0) wishes(expr.items[roll(expr.items.length)]!, wanted, roll, out);
}

const fillers = ['', 'x', 'a/b', ' ', '1', 'Q-r', '%20', 'é', '\\', "'", '\n'];

const concrete = (pattern: Pattern, roll: Dice): string =>
  pattern.map(p => (typeof p === 'string' ? p : p.any === 'one' ? 'z' : fillers[roll(fillers.length)]!)).join('');
const inner = (pattern: Pattern, roll: Dice): string =>
  concrete(
    pattern.filter((p, i) => !(typeof p === 'object' && p.any === 'many' && (i === 0 || i === pattern.length - 1))),
    roll,
  );

/** A text that a regular expression of the plain kind describes, roughly: enough for many to hold. */
function sampleRegex(source: string, roll: Dice): string {
  return source
    .replace(/^\(\?[a-z]+\)/, '')
    .replace(/\(\?:|[\^$]/g, '')
    .replace(/\[\^?([^\]]*)\]/g, (_, set: string) => set.replace(/\\d/g, '7').replace(/\\[ws]/g, 'a')[0] ?? 'a')
    .replace(/\((.*?)\)/g, (_, all: string) => all.split('|')[roll(all.split('|').length)]!)
    .replace(/\\d/g, '7')
    .replace(/\\w/g, 'a')
    .replace(/\\s/g, ' ')
    .replace(/\{(\d+)(?:,\d*)?\}/g, '')
    .replace(/\.[*+]\??/g, 'q')
    .replace(/[*+?]/g, '')
    .replace(/\\(.)/g, '$1');
}

function valueOf(test: Test, roll: Dice): string | null {
  switch (test.kind) {
    case 'pattern':
      return concrete(test.pattern, roll);
    case 'regex':
      return sampleRegex(test.source, roll);
    case 'number':
      return String(test.value + (test.compare === 'gt' || test.compare === 'neq' ? 1 : test.compare === 'lt' ? -1 : 0));
    case 'cidr':
      return test.low.startsWith('00000000000000000000ffff') ? [24, 26, 28, 30].map(i => Number.parseInt(test.low.slice(i, i + 2), 16)).join('.') : '10.0.0.7';
    case 'exists':
      return test.present ? 'there' : null;
    case 'null':
      return null;
    case 'field':
    case 'time':
      return 'same';
  }
}

/** Several wishes for one field in one text: the beginning, everything that must stand inside, the end. */
function join(tests: readonly Test[], roll: Dice): string | null {
  if (tests.length === 1) return valueOf(tests[0]!, roll);
  const patterns = tests.filter(t => t.kind === 'pattern');
  if (patterns.length < tests.length) return valueOf(tests[roll(tests.length)]!, roll);
  const starts = (p: Pattern): boolean => typeof p[0] === 'string';
  const ends = (p: Pattern): boolean => typeof p[p.length - 1] === 'string';
  const both = patterns.find(t => starts(t.pattern) && ends(t.pattern));
  if (both) return concrete(both.pattern, roll);
  const first = patterns.find(t => starts(t.pattern));
  const last = patterns.find(t => ends(t.pattern));
  const middle = patterns.filter(t => t !== first && t !== last).map(t => inner(t.pattern, roll));
  return [first ? inner(first.pattern, roll) : '', ...middle, last ? inner(last.pattern, roll) : ''].join(fillers[roll(3)]!);
}

/** A record made from a rule's own values (field → text), and words for anywhere in the message. */
export type Sample = { readonly fields: Map<string, string>; readonly words: string[] };

/** Something close to what the rule wants: a hit, or one with something missing, other case, a letter changed, or one search turned round. */
export function sampleOf(expr: Expr, roll: Dice): Sample {
  const list: Wish[] = [];
  wishes(expr, roll(8) !== 0, roll, list);
  const byField = new Map<string, Test[]>();
  const words: string[] = [];
  for (const { leaf, wanted } of list) {
    if (leaf.field === null) {
      if (wanted && leaf.test.kind === 'pattern') words.push(inner(leaf.test.pattern, roll));
      continue;
    }
    // What must not hold is mostly left out, at times put in.
    if (!wanted && leaf.test.kind !== 'null' && roll(6) !== 0) continue;
    byField.set(leaf.field, [...(byField.get(leaf.field) ?? []), leaf.test]);
  }
  const fields = new Map<string, string>();
  for (const [field, tests] of byField) {
    const value = join(tests, roll);
    if (value !== null) fields.set(field, value);
  }
  const names = [...fields.keys()];
  const one = names.length > 0 ? names[roll(names.length)]! : null;
  if (one !== null) {
    const value = fields.get(one)!;
    const change = roll(10);
    if (change === 0) fields.delete(one);
    else if (change === 1) fields.set(one, value.slice(1));
    else if (change === 2) fields.set(one, value.slice(0, -1));
    else if (change === 3) fields.set(one, value.toUpperCase());
    else if (change === 4) fields.set(one, `${fillers[roll(fillers.length)]}${value}${fillers[roll(fillers.length)]}`);
    else if (change === 5 && value.length > 2) fields.set(one, value.slice(0, value.length >> 1) + value.slice((value.length >> 1) + 1));
  }
  return { fields, words };
}
