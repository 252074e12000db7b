import type { InBand } from './in-band.ts';

/** What stands in a slot of a text: a plain decimal number as such, anything else as written. */
export type Value = number | string;

type Place = { readonly pieces: readonly string[]; readonly of: readonly number[] };
type Patch = {
  /** The printed statement in pieces, between which the values of slots stand. */
  readonly sqlText: Place;
  readonly offset: { readonly of: number; readonly plus: number } | null;
  readonly slice: readonly (number | null)[];
  readonly where: readonly { readonly condition: number; readonly of: number }[];
};

/** The in-band statements of texts that differ in the values of some slots only; `patches` say where those go, null where nothing changes. */
export type Form = {
  readonly no: number /** How many. */;
  readonly values: number;
  readonly statements: readonly InBand[];
  readonly patches: readonly (Patch | null)[];
};

/** Where the slots of a text stand, [start, end, start, end …]. */
export type SlotPlaces = readonly number[];

const mostSlots = 48;
const plainNumber = /^(?:0|[1-9]\d{0,14})$/;
const plainWord = /^[A-Za-z0-9.@-]{1,64}$/;
/** Words that the dialect could be guessed by. */
const tellingWord = /nchar|varchar|like|regexp|blob|glob|benchmark|value|xml|concat|subset|binary|conv|dual|sys|json|rownum|sqlite|dbms|waitfor/i;

export function valueOf(text: string): Value {
  return plainNumber.test(text) ? Number(text) : text;
}

export type SlotKind = 'number' | 'word';

/** What a slot may hold for its text to be read by a form: null when the form is not for it. */
export function kindOf(text: string, from: number, to: number, quoted = text.charCodeAt(from - 1) === 39): SlotKind | null {
  const value = text.slice(from, to);
  const first = text.charCodeAt(from);
  if (!quoted && first >= 48 && first <= 57) return plainNumber.test(value) ? 'number' : null;
  return plainWord.test(value) && !tellingWord.test(value) ? 'word' : null;
}

/** The statements of a form for these values. */
export function fillForm(form: Form, values: readonly Value[]): readonly InBand[] {
  if (values.length === 0) return form.statements;
  return form.statements.map((s, i) => {
    const patch = form.patches[i];
    return patch ? fill(s, patch, values) : s;
  });
}

function fill(s: InBand, patch: Patch, values: readonly Value[]): InBand {
  const { pieces, of } = patch.sqlText;
  let sqlText = pieces[0]!;
  for (let i = 0; i < of.length; i++) sqlText += String(values[of[i]!]) + pieces[i + 1]!;
  const filled = { ...s, sqlText };
  if (patch.offset) filled.offset = Number(values[patch.offset.of]) + patch.offset.plus;
  if (s.slice && patch.slice.length > 0) filled.slice = [sliceAt(s.slice[0], patch.slice[0]!, values), sliceAt(s.slice[1], patch.slice[1]!, values)];
  if (s.rows && patch.where.length > 0) {
    const where = [...s.rows.where];
    for (const w of patch.where) where[w.condition] = { ...where[w.condition]!, value: String(values[w.of]) };
    filled.rows = { ...s.rows, where };
  }
  return filled;
}

const sliceAt = (fixed: number, of: number | null, values: readonly Value[]): number => (of === null ? fixed : Number(values[of]));

/** A form whose statements are part of the text as it is written; `fixed` slots never change. Null when one is more than that. */
export function writtenForm(
  statements: readonly InBand[],
  text: string,
  at: SlotPlaces,
  fixed: ReadonlySet<number>,
): { form: Omit<Form, 'no'>; used: readonly number[] } | null {
  const used: number[] = [];
  const patches: (Patch | null)[] = [];
  for (const b of statements) {
    const from = text.indexOf(b.sqlText);
    const to = from + b.sqlText.length;
    if (b.technique !== 'stacked' || b.columns.length > 0 || b.calibration || b.target !== null || from < 0 || text.indexOf(b.sqlText, from + 1) >= 0)
      return null;
    const pieces: string[] = [];
    const of: number[] = [];
    let kept = from;
    for (let s = 0; s * 2 < at.length; s++) {
      const [start, end] = [at[2 * s]!, at[2 * s + 1]!];
      if (end <= from || start >= to || fixed.has(s)) continue;
      if (start < from || end > to) return null;
      pieces.push(text.slice(kept, start));
      if (!used.includes(s)) used.push(s);
      of.push(used.indexOf(s));
      kept = end;
    }
    pieces.push(text.slice(kept, to));
    patches.push({ sqlText: { pieces, of }, offset: null, slice: [], where: [] });
  }
  return { form: { statements, patches, values: used.length }, used };
}

/** `read`: what a text is read as, null where it is read as another dialect or asks something else. */
export type ReadShown = (text: string) => readonly InBand[] | null;

/**
 * The form of a text: every slot is given other values, one at a time and all together, and is free when what is read changes as the form says it should.
 * `used`: free slots whose values stand in a statement; `idle`: free slots that change nothing.
 */
export function learnForm(
  text: string,
  at: SlotPlaces,
  statements: readonly InBand[],
  read: ReadShown,
): { form: Omit<Form, 'no'>; used: readonly number[]; idle: readonly number[] } | null {
  const slots = at.length / 2;
  if (slots > mostSlots) return null;
  const own = (s: number): Value => valueOf(text.slice(at[2 * s], at[2 * s + 1]));
  const free: number[] = [];
  for (let s = 0; s < slots; s++) {
    const kind = kindOf(text, at[2 * s]!, at[2 * s + 1]!);
    if (kind !== null && holds([s], [kind])) free.push(s);
  }
  const kinds = free.map(s => kindOf(text, at[2 * s]!, at[2 * s + 1]!)!);
  const made = holds(free, kinds);
  if (!made) return null;
  const carrying = new Set(
    made.flatMap(p => (p ? [...p.sqlText.of, ...(p.offset ? [p.offset.of] : []), ...p.slice.filter(x => x !== null), ...p.where.map(w => w.of)] : [])),
  );
  const order = [...carrying].sort((a, b) => a - b);
  const patches = made.map(p => p && renumber(p, order));
  return { form: { statements, patches, values: order.length }, used: order.map(i => free[i]!), idle: free.filter((_, i) => !carrying.has(i)) };

  function holds(list: readonly number[], of: readonly SlotKind[]): (Patch | null)[] | null {
    const tries = [0, 1, 2, 3].map(n => list.map((s, i) => testValue(s, of[i]!, n)));
    const [marks, ...others] = tries as [Value[], ...Value[][]];
    const marked = read(withSlots(text, at, list, marks));
    if (!marked || marked.length !== statements.length) return null;
    const patches = statements.map((s, i) => findPatch(s, marked[i]!, marks));
    const form: Form = { no: 0, values: list.length, statements, patches };
    const fits = (values: readonly Value[], shown: readonly InBand[] | null): boolean =>
      shown !== null && JSON.stringify(fillForm(form, values)) === JSON.stringify(shown);
    if (!fits(marks, marked) || !fits(list.map(own), statements)) return null;
    return others.every(values => fits(values, read(withSlots(text, at, list, values)))) ? patches : null;
  }
}

/** Values to try: one that occurs nowhere else, then small ones that may mean something of their own. */
export function testValue(slot: number, kind: SlotKind, n: number): Value {
  if (kind === 'number') return [918_273_000 + slot, 0, 1, 40_961 + slot][n]!;
  return [`Zq${slot}x7Kw`, 'a', '7', `w.${slot}@Y-z`][n]!;
}

/** The text with other values in these slots. */
export function withSlots(text: string, at: SlotPlaces, slots: readonly number[], values: readonly Value[]): string {
  let out = '';
  let kept = 0;
  slots.forEach((s, i) => {
    out += text.slice(kept, at[2 * s]) + String(values[i]);
    kept = at[2 * s + 1]!;
  });
  return out + text.slice(kept);
}

/** Where the marks went; the caller checks that nothing else changed. */
function findPatch(s: InBand, marked: InBand, marks: readonly Value[]): Patch | null {
  const sqlText = splitAt(marked.sqlText, marks);
  const number = (n: number): number => marks.indexOf(n);
  let offset: Patch['offset'] = null;
  if (marked.offset !== null && marked.offset !== s.offset)
    for (const plus of [0, -1, 1]) if (offset === null && number(marked.offset - plus) >= 0) offset = { of: number(marked.offset - plus), plus };
  const slice =
    s.slice && marked.slice ? [0, 1].map(i => (marked.slice![i] !== s.slice![i] && number(marked.slice![i]!) >= 0 ? number(marked.slice![i]!) : null)) : [];
  const where = (marked.rows?.where ?? []).flatMap((w, condition) => {
    const of = marks.findIndex(m => String(m) === w.value);
    return of >= 0 ? [{ condition, of }] : [];
  });
  return sqlText.of.length === 0 && offset === null && slice.every(x => x === null) && where.length === 0
    ? null
    : { sqlText, offset, slice: slice.some(x => x !== null) ? slice : [], where };
}

function splitAt(text: string, marks: readonly Value[]): Place {
  const pieces: string[] = [];
  const of: number[] = [];
  let kept = 0;
  for (let i = 0; i < text.length; i++) {
    const m = marks.findIndex(mark => text.startsWith(String(mark), i));
    if (m < 0) continue;
    pieces.push(text.slice(kept, i));
    of.push(m);
    kept = i + String(marks[m]!).length;
    i = kept - 1;
  }
  pieces.push(text.slice(kept));
  return { pieces, of };
}

function renumber(p: Patch, order: readonly number[]): Patch {
  const to = (n: number): number => order.indexOf(n);
  return {
    sqlText: { pieces: p.sqlText.pieces, of: p.sqlText.of.map(to) },
    offset: p.offset && { ...p.offset, of: to(p.offset.of) },
    slice: p.slice.map(x => (x === null ? null : to(x))),
    where: p.where.map(w => ({ ...w, of: to(w.of) })),
  };
}
