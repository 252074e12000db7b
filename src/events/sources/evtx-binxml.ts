import { type Cursor, readValue } from './evtx-values.ts';

/**
 * Binary XML of Windows event logs, read into a flat list of (path, value). Own reading of the published format description;
 * every offset is checked, depth and size are bounded, nothing throws: what cannot be read ends the record with `complete` false.
 */
export type FlatEvent = { readonly fields: Map<string, string>; readonly complete: boolean };

/** A chunk (64 KiB) as far as it is known, and the templates found in it by offset. */
export type Chunk = { readonly bytes: Uint8Array; readonly view: DataView };

type Substitution = { readonly at: number; readonly size: number; readonly type: number };
type State = {
  readonly chunk: Chunk;
  readonly path: string[];
  readonly fields: Map<string, string>;
  readonly limit: { tokens: number };
  failed: boolean;
};

export function newChunk(): Chunk {
  const bytes = new Uint8Array(65536);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** The binary XML at [from, to) of a chunk. */
export function readBinXml(chunk: Chunk, from: number, to: number): FlatEvent {
  const state: State = { chunk, path: [], fields: new Map(), limit: { tokens: 200_000 }, failed: false };
  readFragment(state, { at: from, end: to }, null, 0);
  return { fields: state.fields, complete: !state.failed };
}

const fail = (state: State): false => {
  state.failed = true;
  return false;
};

type OpenElement = { readonly name: string; readonly attributes: Map<string, string>; text: string };
type Fragment = {
  readonly base: number;
  readonly elements: OpenElement[];
  attribute: string;
  readonly subs: readonly Substitution[] | null;
  readonly depth: number;
};

function readFragment(state: State, c: Cursor, subs: readonly Substitution[] | null, depth: number): void {
  const fragment: Fragment = { base: state.path.length, elements: [], attribute: '', subs, depth };
  if (depth > 24) state.failed = true;
  while (c.at < c.end && !state.failed) {
    if (--state.limit.tokens < 0 || fragment.elements.length > 64) state.failed = true;
    else if (!readToken(state, c, fragment)) break;
    if (c.at > c.end) state.failed = true;
  }
  while (fragment.elements.length > 0) close(state, fragment);
}

function close(state: State, f: Fragment): void {
  const e = f.elements.pop();
  f.attribute = '';
  if (e) {
    emit(
      state,
      f.base,
      f.elements.map(x => x.name),
      e,
    );
  }
}

/** Text goes to the open attribute, else to the open element. */
function give(f: Fragment, value: string): void {
  const e = f.elements.at(-1);
  if (!e) return;
  if (f.attribute !== '') e.attributes.set(f.attribute, (e.attributes.get(f.attribute) ?? '') + value);
  else e.text += value;
}

/** One token; false at the end of the fragment. */
function readToken(state: State, c: Cursor, f: Fragment): boolean {
  const { view, bytes } = state.chunk;
  const token = view.getUint8(c.at++);
  switch (token & 0x1f) {
    case 0x00:
      return false;
    case 0x0f:
      c.at += 3;
      return true;
    case 0x0c:
      return readTemplate(state, c, f.depth);
    case 0x01: {
      c.at += 6;
      const name = readName(state, c);
      if (name === null) return false;
      if (token & 0x40) c.at += 4;
      f.attribute = '';
      f.elements.push({ name, attributes: new Map(), text: '' });
      return true;
    }
    case 0x02:
      f.attribute = '';
      return true;
    case 0x03:
    case 0x04:
      close(state, f);
      return true;
    case 0x06:
      f.attribute = readName(state, c) ?? '';
      return f.attribute !== '';
    case 0x05:
    case 0x07:
    case 0x0b: {
      if ((token & 0x1f) === 0x05) c.at++;
      if (c.at + 2 > c.end) return fail(state);
      const length = view.getUint16(c.at, true) * 2;
      c.at += 2;
      if (c.at + length > c.end) return fail(state);
      if ((token & 0x1f) !== 0x0b) give(f, utf16(bytes, c.at, c.at + length));
      c.at += length;
      return true;
    }
    case 0x08:
      if (c.at + 2 > c.end) return fail(state);
      give(f, String.fromCharCode(view.getUint16(c.at, true)));
      c.at += 2;
      return true;
    case 0x09: {
      const name = readName(state, c);
      if (name !== null) give(f, entities[name] ?? `&${name};`);
      return name !== null;
    }
    case 0x0a:
      return readName(state, c) !== null;
    case 0x0d:
    case 0x0e:
      if (c.at + 3 > c.end) return fail(state);
      substitute(state, f, view.getUint16(c.at, true));
      c.at += 3;
      return true;
    default:
      return fail(state);
  }
}

function substitute(state: State, f: Fragment, index: number): void {
  const s = f.subs?.[index];
  if (!s || s.type === 0) return;
  if (s.type !== 0x21) {
    give(f, readValue(state.chunk.bytes, state.chunk.view, s.at, s.size, s.type));
    return;
  }
  for (const e of f.elements) state.path.push(e.name);
  readFragment(state, { at: s.at, end: s.at + s.size }, null, f.depth + 1);
  state.path.length = f.base;
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** `EventData.Data[Name]` becomes the name itself; everything else is a dotted path below `Event`. */
function emit(state: State, base: number, parents: readonly string[], e: { name: string; attributes: Map<string, string>; text: string }): void {
  const path = [...state.path.slice(0, base), ...parents, e.name].filter((p, i) => !(i === 0 && p === 'Event')).join('.');
  const set = (key: string, value: string): void => {
    let k = key;
    for (let n = 2; state.fields.has(k) && n < 1000; n++) k = `${key}#${n}`;
    state.fields.set(k, value);
  };
  const label = e.attributes.get('Name');
  if (e.name === 'Data' && label !== undefined) {
    set(`${path.slice(0, -4)}${label}`, e.text);
    return;
  }
  for (const [k, v] of e.attributes) if (k !== 'xmlns' && v !== '') set(`${path}.${k}`, v);
  if (e.text.trim() !== '') set(path, e.text);
}

function readTemplate(state: State, c: Cursor, depth: number): boolean {
  const { view, bytes } = state.chunk;
  if (c.at + 9 > c.end) return fail(state);
  const definition = view.getUint32(c.at + 5, true);
  c.at += 9;
  if (definition + 24 > bytes.length) return fail(state);
  const size = view.getUint32(definition + 20, true);
  const bodyEnd = definition + 24 + size;
  if (bodyEnd > bytes.length) return fail(state);
  if (definition === c.at) c.at = bodyEnd;
  if (c.at + 4 > c.end) return fail(state);
  const count = view.getUint32(c.at, true);
  c.at += 4;
  if (count > 4096 || c.at + count * 4 > c.end) return fail(state);
  const subs: Substitution[] = [];
  let at = c.at + count * 4;
  for (let i = 0; i < count; i++) {
    const length = view.getUint16(c.at + i * 4, true);
    subs.push({ at, size: length, type: view.getUint8(c.at + i * 4 + 2) });
    at += length;
  }
  if (at > c.end) return fail(state);
  c.at = at;
  readFragment(state, { at: definition + 24, end: bodyEnd }, subs, depth + 1);
  return true;
}

const nothing = (state: State): null => {
  state.failed = true;
  return null;
};

/** A name by chunk offset; when the offset is here, the name itself stands here and is skipped. */
function readName(state: State, c: Cursor): string | null {
  const { view, bytes } = state.chunk;
  if (c.at + 4 > c.end) return nothing(state);
  const offset = view.getUint32(c.at, true);
  c.at += 4;
  if (offset + 8 > bytes.length) return nothing(state);
  const length = view.getUint16(offset + 6, true) * 2;
  if (offset + 8 + length > bytes.length) return nothing(state);
  if (offset === c.at) c.at += 10 + length;
  return utf16(bytes, offset + 8, offset + 8 + length);
}

export function utf16(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, Math.max(0, to - from)).toString('utf16le');
}
