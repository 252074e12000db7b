import { type Compare, type Expr, type Leaf, type Pattern, RuleError, type Test, type TimePart } from './ir.ts';
import { literal, parsePattern, widen } from './pattern.ts';
import { base64Offsets, networkRange, utf16, windash } from './transform.ts';

export type Placeholders = Readonly<Record<string, readonly string[]>>;

/** A search identifier: a map is AND, a list of maps is OR, a list of words (or one word) is keywords. */
export function readSearch(name: string, spec: unknown, placeholders: Placeholders): Expr {
  return { op: 'search', name, item: searchBody(name, spec, placeholders) };
}

function searchBody(at: string, spec: unknown, placeholders: Placeholders): Expr {
  if (Array.isArray(spec)) {
    if (spec.length === 0) throw new RuleError(`${at} is empty`);
    const items = spec.map((s, i) => (isMap(s) ? mapBody(`${at}[${i}]`, s, placeholders) : fieldTest(null, [], s, `${at}[${i}]`, placeholders)));
    return items.length === 1 ? items[0]! : { op: 'or', items };
  }
  return isMap(spec) ? mapBody(at, spec, placeholders) : fieldTest(null, [], spec, at, placeholders);
}

function mapBody(at: string, map: Readonly<Record<string, unknown>>, placeholders: Placeholders): Expr {
  const items = Object.entries(map).map(([key, value]) => {
    const [field, ...modifiers] = key.split('|');
    return fieldTest(
      field === '' ? null : field!,
      modifiers.map(m => m.toLowerCase()),
      value,
      `${at}.${key}`,
      placeholders,
    );
  });
  if (items.length === 0) throw new RuleError(`${at} is empty`);
  return items.length === 1 ? items[0]! : { op: 'and', items };
}

function isMap(x: unknown): x is Record<string, unknown> {
  return typeof x === 'object' && x !== null && !Array.isArray(x);
}

const known = new Set([
  'all',
  'startswith',
  'endswith',
  'contains',
  'exists',
  'cased',
  'neq',
  'windash',
  're',
  'i',
  'm',
  's',
  'ignorecase',
  'multiline',
  'dotall',
  'base64',
  'base64offset',
  'utf16le',
  'utf16be',
  'utf16',
  'wide',
  'lt',
  'lte',
  'gt',
  'gte',
  'minute',
  'hour',
  'day',
  'week',
  'month',
  'year',
  'cidr',
  'expand',
  'fieldref',
]);
const timeParts = new Set(['minute', 'hour', 'day', 'week', 'month', 'year']);
const comparisons = new Set(['lt', 'lte', 'gt', 'gte']);

/** `field|modifiers: values` → one expression; modifiers left to right. */
function fieldTest(field: string | null, modifiers: readonly string[], value: unknown, at: string, placeholders: Placeholders): Expr {
  for (const m of modifiers) if (!known.has(m)) throw new RuleError(`modifier "${m}" is not known`);
  const has = (m: string): boolean => modifiers.includes(m);
  const values = Array.isArray(value) ? value : [value];
  if (values.length === 0) throw new RuleError(`${at} has no value`);
  const each = values.map((v): Expr => {
    if (isMap(v)) throw new RuleError(`${at} nests a map in a list of values`);
    const tests = oneValue(v, modifiers, placeholders);
    const leaves = tests.map((test): Leaf => ({ op: 'leaf', field, test, at }));
    return leaves.length === 1 ? leaves[0]! : { op: 'or', items: leaves };
  });
  const combined: Expr = each.length === 1 ? each[0]! : { op: has('all') ? 'and' : 'or', items: each };
  // `neq` is the negation of the whole, and an absent field is not equal to anything.
  return has('neq') && !has('lt') && !has('gt') ? { op: 'not', item: { op: 'search', name: at, item: combined } } : combined;
}

function oneValue(value: unknown, modifiers: readonly string[], placeholders: Placeholders): Test[] {
  const has = (m: string): boolean => modifiers.includes(m);
  const cased = has('cased');
  if (has('exists')) return [{ kind: 'exists', present: truth(value) }];
  if (value === null || value === undefined) return [{ kind: 'null' }];
  const part = modifiers.find(m => timeParts.has(m)) as TimePart | undefined;
  const compare = modifiers.find(m => comparisons.has(m)) as Compare | undefined;
  if (part) return [{ kind: 'time', part, compare: compare ?? 'eq', value: number(value) }];
  if (compare) return [{ kind: 'number', compare, value: number(value) }];
  if (has('cidr')) return [{ kind: 'cidr', ...networkRange(String(value)) }];
  if (has('re'))
    return [
      {
        kind: 'regex',
        source: checkedRegex(String(value)),
        flags: [...(has('i') || has('ignorecase') ? 'i' : ''), ...(has('m') || has('multiline') ? 'm' : ''), ...(has('s') || has('dotall') ? 's' : '')].join(
          '',
        ),
      },
    ];
  const how = has('contains') ? 'contains' : has('startswith') ? 'startswith' : has('endswith') ? 'endswith' : 'equals';
  if (has('fieldref')) return [{ kind: 'field', other: String(value), how, cased }];
  if (typeof value === 'number' && how === 'equals' && modifiers.every(m => m === 'all' || m === 'neq')) return [{ kind: 'number', compare: 'eq', value }];
  let words = has('expand') ? expand(String(value), placeholders) : [String(value)];
  if (has('windash')) words = words.flatMap(windash);
  const patterns = words.flatMap(w => encoded(w, modifiers));
  return patterns.map(p => ({
    kind: 'pattern',
    pattern: how === 'equals' ? p : widen(p, how),
    cased: cased || has('base64') || has('base64offset'),
  }));
}

/** The encodings a word goes through, in the order they are written. */
function encoded(word: string, modifiers: readonly string[]): Pattern[] {
  const wide = modifiers.find(m => m === 'wide' || m.startsWith('utf16'));
  const b64 = modifiers.find(m => m.startsWith('base64'));
  if (!wide && !b64) return [parsePattern(word)];
  const plain = parsePattern(word);
  if (plain.some(p => typeof p !== 'string')) throw new RuleError('an encoded word cannot hold wildcards');
  const text = plain.join('');
  const bytes = wide ? utf16(text, wide === 'utf16be' ? 'be' : 'le', wide === 'utf16') : Buffer.from(text, 'utf8');
  if (!b64) return [literal(bytes.toString('latin1'))];
  return b64 === 'base64' ? [literal(bytes.toString('base64'))] : base64Offsets(bytes).map(t => widen(literal(t), 'contains'));
}

function expand(word: string, placeholders: Placeholders): string[] {
  const m = /%([^%\s]+)%/.exec(word);
  if (!m) return [word];
  const values = placeholders[m[1]!];
  if (!values || values.length === 0) throw new RuleError(`placeholder %${m[1]}% has no value`);
  return values.flatMap(v =>
    expand(
      word.replace(m[0], () => v),
      placeholders,
    ),
  );
}

function truth(value: unknown): boolean {
  if (value === true || value === 'true' || value === 'yes') return true;
  if (value === false || value === 'false' || value === 'no') return false;
  throw new RuleError('exists takes true or false');
}

function number(value: unknown): number {
  const n = typeof value === 'number' ? value : Number(value);
  if (!Number.isFinite(n) || value === '') throw new RuleError(`not a number: ${String(value)}`);
  return n;
}

/** RE2 has no look-around and no back-references; what it cannot do is refused here, not at run time. */
function checkedRegex(source: string): string {
  if (/\(\?(?:=|!|<=|<!|>)/.test(source)) throw new RuleError('regular expression with look-around');
  if (/(?:^|[^\\])(?:\\\\)*\\[1-9]/.test(source)) throw new RuleError('regular expression with back-reference');
  return source;
}
