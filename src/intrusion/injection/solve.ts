import type { SqlDialect } from '../../detections/sql/index.ts';
import { type CodeSet, complement, has, intersect, makeSet, members, sizeOf } from './code-set.ts';
import { type Constraint, codeText, maxCode } from './constraint.ts';
import { type CodeFamily, truth } from './evaluate.ts';

/** One question with its answer. `weight` 0 … 1: how clearly the answer could be told. */
export type Answer = { readonly constraint: Constraint; readonly truth: boolean; readonly eventId: number; readonly weight: number };

export type Solution = {
  readonly status: 'exact' | 'partial' | 'attempted';
  readonly value: string | null;
  /** Known characters in place, `\ufffd` where unknown; null when nothing is. */
  readonly pattern: string | null;
  /** The value in small letters, when only the case of its letters is open. */
  readonly folded: string | null;
  /** What stands before the last place that was asked for, in small letters, when all of it is known and that place is open: it may be the end. */
  readonly begun: string | null;
  /** Number of characters when known. */
  readonly length: number | null;
  /** Per unknown position: how many characters are possible. */
  readonly domains: readonly (readonly [position: number, size: number])[];
  /** Bounds when the value is known as a number only. */
  readonly bounds: readonly [number, number] | null;
  /** Positions (and counts, lengths, whole values) whose answers contradict each other. */
  readonly contradictions: number;
  /** Answers that others already implied: each one is a check that held. */
  readonly confirmations: number;
  /** log2 of how far the answers narrowed the value. */
  readonly bits: number;
  /** What had to be assumed: `trailing-space`, `space`, `high-bits-zero`. */
  readonly assumptions: readonly string[];
};

type Position = { codes: CodeSet; end: boolean; bitsKnown: number; bits: number; touched: boolean; contradicted: boolean; start: number };

const space: CodeSet = [
  [9, 10],
  [13, 13],
  [32, 32],
];

function baseCodes(family: CodeFamily): CodeSet {
  const plain: CodeSet = [
    [9, 10],
    [13, 13],
    [32, 126],
  ];
  if (family === 'byte') return [...plain, [128, 255]];
  if (family === 'utf16') return [...plain, [160, 0xffff]];
  if (family === 'point') return [...plain, [160, 0xd7ff], [0xe000, 0x10ffff]];
  return [...plain, [161, 223], [0x8140, 0xffff], [0xe0a080, 0xefbfbf], [0xf0908080, 0xf48fbfbf]];
}

/** The value that all answers about one unknown allow. Order of the answers does not matter. */
export function solveCell(answers: readonly Answer[], dialect: SqlDialect): Solution {
  const families = new Map<CodeFamily, number>();
  for (const a of answers) if (a.constraint.kind === 'char') families.set(a.constraint.family, (families.get(a.constraint.family) ?? 0) + 1);
  const family = [...families].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]?.[0] ?? (dialect === 'mssql' ? 'utf16' : 'point');
  const base = baseCodes(family);
  const full = sizeOf(base);
  const positions = new Map<number, Position>();
  const at = (p: number): Position => {
    let x = positions.get(p);
    if (!x) positions.set(p, (x = { codes: base, end: true, bitsKnown: 0, bits: 0, touched: false, contradicted: false, start: full + 1 }));
    return x;
  };
  let confirmations = 0;
  let contradictions = 0;
  const assumptions = new Set<string>();
  const tests = new Map<number, { yes: CodeSet; end: boolean }[]>();
  for (const { constraint: c, truth: t } of answers) {
    if (c.kind !== 'char' || c.position > 100_000) continue;
    const p = at(c.position);
    p.touched = true;
    if (c.test.how === 'bit') {
      const mask = 2 ** c.test.bit;
      const set = t === c.test.whenSet;
      const known = Math.floor(p.bitsKnown / mask) % 2 === 1;
      if (known && (Math.floor(p.bits / mask) % 2 === 1) !== set) p.contradicted = true;
      else if (known) confirmations++;
      else {
        p.bitsKnown += mask;
        if (set) p.bits += mask;
      }
      continue;
    }
    const foreign = c.family !== family;
    const raw = t ? c.test.yes : c.test.no;
    const allowed = foreign
      ? makeSet([...intersect(raw, [[1, 127]]), ...(intersect(raw, [[128, maxCode[c.family]]]).length > 0 ? [[128, maxCode[family]] as const] : [])])
      : raw;
    const list = tests.get(c.position) ?? [];
    list.push({ yes: allowed, end: t ? c.test.endYes : c.test.endNo });
    tests.set(c.position, list);
  }
  for (const [position, list] of tests) {
    const p = at(position);
    let codes = p.codes;
    let size = sizeOf(codes);
    let end = p.end;
    for (const test of list) {
      const next = intersect(codes, test.yes);
      const left = sizeOf(next);
      const nextEnd = end && test.end;
      if (nextEnd === end && left === size) confirmations++;
      codes = next;
      size = left;
      end = nextEnd;
    }
    if (codes.length === 0 && !end) {
      p.contradicted = true;
      const best = outvote(list, base);
      p.codes = best.codes;
      p.end = best.end;
      if (!best.clear && sizeOf(best.codes) + Number(best.end) === 1) {
        p.codes = base;
        p.end = true;
      }
    } else {
      p.codes = codes;
      p.end = end;
    }
  }
  for (const p of positions.values()) applyBits(p, family, assumptions);
  const segments = answers.filter(a => a.constraint.kind === 'segment');
  const seg = applySegments(segments, at, family);
  confirmations += seg.confirmations;
  const lengths = solveRange(answers, 'length', [[0, 10_000_000]]);
  const numbers = solveRange(answers, 'number', [[-1_000_000_000_000, 1_000_000_000_000_000]]);
  confirmations += lengths.confirmations + numbers.confirmations;
  contradictions += Number(lengths.contradicted) + Number(numbers.contradicted) + seg.contradictions;
  contradictions += [...positions.values()].filter(p => p.contradicted).length;

  const assembled = assemble(positions, family, lengths, dialect, assumptions);
  contradictions += assembled.contradictions;
  let { value } = assembled;
  let bits = [...positions.values()].reduce((n, p) => n + Math.log2(p.start / Math.max(1, sizeOf(p.codes) + Number(p.end))), 0);
  let bounds: readonly [number, number] | null = null;
  if (numbers.asked && !numbers.contradicted) {
    const lo = numbers.set[0]![0];
    const hi = numbers.set.at(-1)![1];
    bounds = [lo, hi];
    if (lo === hi) {
      bits = Math.max(bits, 30);
      if (value === null && positions.size === 0) value = String(lo);
      else if (value !== null && value.trim() !== String(lo)) {
        contradictions++;
        value = null;
      }
    }
  }
  for (const a of answers) {
    if (a.constraint.kind !== 'whole' || value === null) continue;
    const v = truth(a.constraint.test(value));
    if (v === undefined) continue;
    if ((v === 1) === a.truth) confirmations++;
    else {
      contradictions++;
      value = null;
    }
  }
  const domains = [...positions]
    .filter(([, p]) => sizeOf(p.codes) + Number(p.end) !== 1)
    .map(([n, p]) => [n, sizeOf(p.codes) + Number(p.end)] as const)
    .sort((a, b) => a[0] - b[0]);
  const known = assembled.pattern !== null && /[^\ufffd]/.test(assembled.pattern);
  const learned = known || bits >= 1 || (lengths.asked && sizeOf(lengths.set) < 10_000_000) || (bounds !== null && bounds[1] - bounds[0] < 1_000_000_000_000);
  return {
    status: value !== null && contradictions === 0 ? 'exact' : value !== null && assembled.outvoted ? 'exact' : learned ? 'partial' : 'attempted',
    value: value !== null && (contradictions === 0 || assembled.outvoted) ? value : null,
    pattern: value ?? assembled.pattern,
    folded: value === null && contradictions === 0 ? assembled.folded : null,
    begun: value === null && contradictions === 0 ? assembled.begun : null,
    length: assembled.length,
    domains,
    bounds,
    contradictions,
    confirmations,
    bits,
    assumptions: [...assumptions].sort(),
  };
}

/** Codes that break the fewest answers; `clear` when no other code comes within one answer of it. */
function outvote(list: readonly { yes: CodeSet; end: boolean }[], base: CodeSet): { codes: CodeSet; end: boolean; clear: boolean } {
  const starts = new Set<number>();
  for (const [lo, hi] of base) {
    starts.add(lo);
    starts.add(hi + 1);
  }
  for (const t of list)
    for (const [lo, hi] of t.yes) {
      starts.add(lo);
      starts.add(hi + 1);
    }
  const edges = [...starts].sort((a, b) => a - b);
  let best = Number.POSITIVE_INFINITY;
  let second = Number.POSITIVE_INFINITY;
  let codes: [number, number][] = [];
  for (let i = 0; i + 1 < edges.length; i++) {
    const lo = edges[i]!;
    if (!has(base, lo)) continue;
    const broken = list.filter(t => !has(t.yes, lo)).length;
    if (broken < best) {
      second = best;
      best = broken;
      codes = [[lo, edges[i + 1]! - 1]];
    } else if (broken === best) {
      codes.push([lo, edges[i + 1]! - 1]);
      second = best;
    } else second = Math.min(second, broken);
  }
  const broken = list.filter(t => !t.end).length;
  const end = broken <= best;
  if (broken < best) {
    second = best;
    best = broken;
    codes = [];
  } else if (broken === best) second = best;
  else second = Math.min(second, broken);
  return { codes: makeSet(codes), end, clear: second - best >= 2 };
}

function applyBits(p: Position, family: CodeFamily, assumptions: Set<string>): void {
  if (p.bitsKnown === 0) return;
  const fits = (code: number): boolean => {
    for (let m = 1; m <= p.bitsKnown; m *= 2)
      if (Math.floor(p.bitsKnown / m) % 2 === 1 && Math.floor(code / m) % 2 !== Math.floor(p.bits / m) % 2) return false;
    return true;
  };
  const width = Math.floor(Math.log2(p.bitsKnown)) + 1;
  const limit = width >= 6 ? 2 ** width - 1 : maxCode[family];
  const narrowed = intersect(p.codes, [[1, limit]]);
  if (p.bitsKnown === 2 ** width - 1 && width >= 6) {
    const codes: [number, number][] = [];
    if (p.bits > 0 && has(narrowed, p.bits)) codes.push([p.bits, p.bits]);
    else if (width >= 16 && sizeOf(p.codes) > 0)
      for (let c = p.bits + 2 ** width; c <= maxCode[family] && codes.length < 70_000; c += 2 ** width) {
        if (has(p.codes, c)) codes.push([c, c]);
      }
    else if (width > 8) codes.push(...intersect(p.codes, [[limit + 1, maxCode[family]]]).map(r => [r[0], r[1]] as [number, number]));
    p.codes = p.bits === 0 && p.end ? [] : makeSet(codes);
    p.end = p.end && p.bits === 0;
    if (limit < maxCode[family]) assumptions.add('high-bits-zero');
    if (p.codes.length === 0 && !p.end) p.contradicted = true;
    return;
  }
  if (sizeOf(narrowed) > 70_000) return;
  p.codes = makeSet(
    members(narrowed, 70_000)
      .filter(fits)
      .map(c => [c, c]),
  );
  p.end = p.end && fits(0);
  if (limit < maxCode[family]) assumptions.add('high-bits-zero');
  if (p.codes.length === 0 && !p.end) p.contradicted = true;
}

function applySegments(list: readonly Answer[], at: (p: number) => Position, family: CodeFamily): { confirmations: number; contradictions: number } {
  let confirmations = 0;
  let contradictions = 0;
  const codesOf = (texts: readonly string[]): CodeSet =>
    makeSet(
      texts
        .map(t => toCode(t, family))
        .filter(c => c !== null)
        .map(c => [c, c]),
    );
  type Seg = Extract<Constraint, { kind: 'segment' }>;
  const sorted = list
    .map(a => ({ seg: a.constraint as Seg, truth: a.truth }))
    .sort((a, b) => Number(b.truth) - Number(a.truth) || a.seg.position + a.seg.sets.length - b.seg.position - b.seg.sets.length);
  const narrow = (n: number, codes: CodeSet, end: boolean): void => {
    const p = at(n);
    p.touched = true;
    const next = intersect(p.codes, codes);
    const nextEnd = p.end && end;
    if (sizeOf(next) === sizeOf(p.codes) && nextEnd === p.end) {
      confirmations++;
      return;
    }
    if (next.length === 0 && !nextEnd) {
      p.contradicted = true;
      contradictions++;
      return;
    }
    p.codes = next;
    p.end = nextEnd;
  };
  for (const { seg, truth: t } of sorted) {
    if (seg.sets.length > 5000 || (seg.yesOnly && !t)) continue;
    if (t) {
      for (const [i, s] of seg.sets.entries()) narrow(seg.position + i, codesOf(s), false);
      if (seg.end) narrow(seg.position + seg.sets.length, [], true);
      continue;
    }
    let open = -1;
    let several = false;
    let impossible = false;
    seg.sets.forEach((s, i) => {
      const p = at(seg.position + i);
      const codes = codesOf(s);
      const inside = sizeOf(intersect(p.codes, codes));
      if (inside === 0) impossible = true;
      else if (inside < sizeOf(p.codes) || p.end) {
        if (open >= 0) several = true;
        open = i;
      }
    });
    if (seg.end) {
      const p = at(seg.position + seg.sets.length);
      if (!p.end) impossible = true;
      else if (p.codes.length > 0) {
        if (open >= 0) several = true;
        open = seg.sets.length;
      }
    }
    if (impossible) {
      confirmations++;
      continue;
    }
    if (several) continue;
    if (open < 0) {
      contradictions++;
      continue;
    }
    const p = at(seg.position + open);
    p.touched = true;
    if (open === seg.sets.length) p.end = false;
    else p.codes = intersect(p.codes, complement(codesOf(seg.sets[open]!), 1, maxCode[family]));
  }
  return { confirmations, contradictions };
}

function toCode(text: string, family: CodeFamily): number | null {
  if (text === '') return null;
  if (family === 'utf16') return text.charCodeAt(0);
  const ch = [...text][0]!;
  if (family === 'utf8') return Buffer.from(ch).reduce((n, b) => n * 256 + b, 0);
  return family === 'byte' ? Buffer.from(ch)[0]! : ch.codePointAt(0)!;
}

type Range = { asked: boolean; set: CodeSet; contradicted: boolean; confirmations: number; unit: 'char' | 'byte' | 'wide' };

function solveRange(answers: readonly Answer[], kind: 'length' | 'number', base: CodeSet): Range {
  let set = base;
  let asked = false;
  let confirmations = 0;
  let unit: Range['unit'] = 'char';
  for (const a of answers) {
    const c = a.constraint;
    if (c.kind !== kind) continue;
    asked = true;
    if (c.kind === 'length') unit = c.unit;
    const next = intersect(set, a.truth ? c.yes : c.no);
    if (sizeOf(next) === sizeOf(set)) confirmations++;
    set = next;
    if (set.length === 0) return { asked, set: base, contradicted: true, confirmations, unit };
  }
  return { asked, set, contradicted: false, confirmations, unit };
}

function assemble(
  positions: ReadonlyMap<number, Position>,
  family: CodeFamily,
  lengths: Range,
  dialect: SqlDialect,
  assumptions: Set<string>,
): {
  value: string | null;
  pattern: string | null;
  folded: string | null;
  begun: string | null;
  length: number | null;
  contradictions: number;
  outvoted: boolean;
} {
  const order = [...positions.keys()].sort((a, b) => a - b);
  const last = order.at(-1) ?? 0;
  let contradictions = 0;
  const known = lengths.asked && !lengths.contradicted && sizeOf(lengths.set) === 1 ? lengths.set[0]![0] : null;
  const blankable = (p: Position | undefined): boolean => p !== undefined && p.end && sizeOf(p.codes) === sizeOf(intersect(p.codes, space));
  let end: number | null = null;
  if (known !== null && lengths.unit !== 'byte') end = (lengths.unit === 'wide' ? known / 2 : known) + 1;
  else {
    for (const n of order) {
      const p = positions.get(n)!;
      if (!blankable(p)) continue;
      const later = order.filter(m => m > n).map(m => positions.get(m)!);
      if (later.some(q => q.touched && !q.end)) {
        if (p.codes.length === 0) contradictions++;
        continue;
      }
      if (later.every(q => blankable(q) || !q.touched)) {
        end = n;
        if (p.codes.length > 0) assumptions.add('trailing-space');
        break;
      }
    }
  }
  const stop = end ?? last + 1;
  const parts: string[] = [];
  const folds: string[] = [];
  let complete = true;
  for (let n = 1; n < stop && n <= 100_000; n++) {
    const p = positions.get(n);
    let text = '';
    if (p && (!p.contradicted || sizeOf(p.codes) === 1)) {
      const must = known !== null || order.some(m => m > n && positions.get(m)!.touched && !positions.get(m)!.end);
      const codes = p.codes;
      if (sizeOf(codes) === 1 && (!p.end || must || n < stop - 1)) text = decode(codes[0]![0], family);
      else if (sizeOf(codes) > 1 && sizeOf(codes) === sizeOf(intersect(codes, space)) && has(codes, 32)) {
        text = ' ';
        assumptions.add('space');
      }
      if (sizeOf(codes) === 1 && p.end && !must && n === stop - 1 && end === null) text = '';
    }
    if (text === '') complete = false;
    parts.push(text === '' ? '\ufffd' : text);
    folds.push(text !== '' ? text.toLowerCase() : p && !p.contradicted && !p.end ? caseless(p.codes, family) : '');
  }
  const pattern = parts.length > 0 ? parts.join('') : end === 1 ? '' : null;
  if (complete && end === null && known !== null && lengths.unit === 'byte' && parts.length > 0 && Buffer.byteLength(parts.join('')) === known) end = stop;
  if (known === 0) end = 1;
  void dialect;
  const value = end !== null && complete ? (end === 1 ? '' : parts.join('')) : null;
  const outvoted =
    contradictions === 0 &&
    [...positions.values()].some(p => p.contradicted) &&
    [...positions.values()].every(p => !p.contradicted || sizeOf(p.codes) + Number(p.end) === 1);
  const folded = end !== null && value === null && folds.length > 0 && folds.every(f => f !== '') ? folds.join('') : null;
  const begun = end === null && folds.length > 1 && folds.at(-1) === '' && !folds.slice(0, -1).includes('') ? folds.join('') : null;
  return { value, pattern, folded, begun, length: end !== null ? end - 1 : null, contradictions, outvoted };
}

/** The small letter when the two codes left are one letter in both cases, else ''. */
function caseless(codes: CodeSet, family: CodeFamily): string {
  if (sizeOf(codes) !== 2) return '';
  const [a, b] = members(codes, 2).map(c => decode(c, family).toLowerCase());
  return a === b ? a! : '';
}

/** The character of a code; multi-byte codes that are not UTF-8 are tried as Shift_JIS and EUC-JP. */
function decode(code: number, family: CodeFamily): string {
  const text = codeText(code, family);
  if (text !== '' || family !== 'utf8') return text;
  const bytes = code < 256 ? [code] : [Math.floor(code / 256) % 256, code % 256];
  if (code > 0xffff) return '';
  for (const label of ['shift_jis', 'euc-jp']) {
    const t = new TextDecoder(label).decode(new Uint8Array(bytes));
    if ([...t].length === 1 && !t.includes('\ufffd')) return t;
  }
  return '';
}
