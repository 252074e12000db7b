import type { EventColumnName } from './columns.ts';
import { ipText } from './ip.ts';
import type { EventSink } from './source.ts';
import type { WebRow } from './web-row.ts';

/** Takes the text of one field (unescaped) into the row. False when the text cannot be what the field holds. */
export type Take = (bytes: Uint8Array, from: number, to: number, row: WebRow, sink: EventSink) => boolean;

/** What the text of a field may look like; decides how a line is split when several ways are possible. */
export type Shape = 'number' | 'decimal' | 'word' | 'text';

export type Field = { readonly name: string; readonly shape: Shape; readonly take: Take };

function absent(bytes: Uint8Array, from: number, to: number): boolean {
  return to === from || (to - from === 1 && bytes[from] === 0x2d);
}

/** A field that is one column; `-` and empty are NULL. */
export function textField(name: string, column: EventColumnName, shape: Shape = 'text'): Field {
  return {
    name,
    shape,
    take: (bytes, from, to, _row, sink) => {
      if (!absent(bytes, from, to)) sink.bytes(column, bytes, from, to);
      return true;
    },
  };
}

/** A whole number of at most 15 digits. `dash`: what `-` stands for; usually nothing is known then. */
export function numberField(name: string, column: EventColumnName, dash: number | null = null): Field {
  return {
    name,
    shape: 'number',
    take: (bytes, from, to, _row, sink) => {
      if (absent(bytes, from, to)) {
        if (dash !== null && to > from) sink.number(column, dash);
        return true;
      }
      const n = parseDigits(bytes, from, to);
      if (n < 0) return false;
      sink.number(column, n);
      return true;
    },
  };
}

/** A decimal of seconds (or of a unit `scale` micros long) as a duration. Negative ones (`-1`: did not happen) are NULL. */
export function durationField(name: string, scale: number): Field {
  return {
    name,
    shape: 'decimal',
    take: (bytes, from, to, _row, sink) => {
      if (absent(bytes, from, to) || bytes[from] === 0x2d) return true;
      const n = parseDecimal(bytes, from, to);
      if (Number.isNaN(n)) return false;
      sink.number('duration_us', n * scale);
      return true;
    },
  };
}

/** Digits → number; -1 when anything else is there or there are too many. */
export function parseDigits(bytes: Uint8Array, from: number, to: number): number {
  if (to === from || to - from > 15) return -1;
  let n = 0;
  for (let i = from; i < to; i++) {
    const d = bytes[i]! - 0x30;
    if (d < 0 || d > 9) return -1;
    n = n * 10 + d;
  }
  return n;
}

/** `123`, `0.008` → number; NaN otherwise. */
export function parseDecimal(bytes: Uint8Array, from: number, to: number): number {
  let n = 0;
  let scale = 0;
  if (to === from || to - from > 20) return Number.NaN;
  for (let i = from; i < to; i++) {
    const b = bytes[i]!;
    if (b === 0x2e && scale === 0) scale = 1;
    else if (b >= 0x30 && b <= 0x39) {
      n = n * 10 + b - 0x30;
      scale *= 10;
    } else return Number.NaN;
  }
  return scale > 1 ? n / scale : n;
}

const latin = new TextDecoder('latin1');
const utf8 = new TextDecoder();
const addresses = new Map<string, string>();

/** The client address. A host name (HostnameLookups) stays a name, lower-case. */
export const addressField: Field = {
  name: 'client',
  shape: 'word',
  take: (bytes, from, to, row, sink) => {
    if (absent(bytes, from, to)) return true;
    row.hasAddress = true;
    return takeAddress(bytes, from, to, sink);
  },
};

/** Writes src_ip; bytes of digits and dots go straight through. False when it is neither an address nor a host name. */
export function takeAddress(bytes: Uint8Array, from: number, to: number, sink: EventSink): boolean {
  let plain = to - from <= 15;
  for (let i = from; i < to && plain; i++) {
    const b = bytes[i]!;
    plain = b === 0x2e || (b >= 0x30 && b <= 0x39);
  }
  if (plain) {
    sink.bytes('src_ip', bytes, from, to);
    return true;
  }
  const raw = latin.decode(bytes.subarray(from, Math.min(to, from + 300)));
  let text = addresses.get(raw);
  if (text === undefined) {
    text = ipText(raw) ?? (/^[\w-]+(\.[\w-]+)*\.?$/.test(raw) ? raw.toLowerCase() : raw === 'unix:' ? 'unix:' : '');
    if (addresses.size > 50_000) addresses.clear();
    addresses.set(raw, text);
  }
  if (text === '') return false;
  // nginx writes `unix:` for a client on a local socket: no address.
  if (text !== 'unix:') sink.text('src_ip', text);
  return true;
}

/** The ident of RFC 1413, never used. An address here means that the line has one field more in front: it is of another format. */
export const identField: Field = {
  name: 'ident',
  shape: 'word',
  take: (bytes, from, to) => absent(bytes, from, to) || to - from > 45 || ipText(latin.decode(bytes.subarray(from, to))) === null,
};

export const forwardedField: Field = {
  name: 'forwarded',
  shape: 'text',
  take: (bytes, from, to, row, sink) => {
    if (absent(bytes, from, to)) return true;
    sink.bytes('forwarded', bytes, from, to);
    if (!row.hasAddress) row.setForwarded(utf8.decode(bytes.subarray(from, to)));
    return true;
  },
};

/** The status; 000 (no answer was sent) is NULL. */
export const statusField: Field = {
  name: 'status',
  shape: 'number',
  take: (bytes, from, to, _row, sink) => {
    if (absent(bytes, from, to)) return true;
    const n = parseDigits(bytes, from, to);
    if (n < 0 || n > 999) return false;
    if (n > 0) sink.number('status', n);
    return true;
  },
};

export const pathField: Field = {
  name: 'path',
  shape: 'text',
  take: (bytes, from, to, row) => {
    if (!absent(bytes, from, to)) row.setPath(bytes, from, to);
    return true;
  },
};

export const queryField: Field = {
  name: 'query',
  shape: 'text',
  take: (bytes, from, to, row) => {
    if (!absent(bytes, from, to)) row.setQuery(bytes, from, to);
    return true;
  },
};

/** The raw request target as a field of its own. */
export const targetField: Field = {
  name: 'target',
  shape: 'text',
  take: (bytes, from, to, row, sink) => {
    if (absent(bytes, from, to)) return true;
    row.hasTarget = true;
    sink.target(bytes, from, to);
    return true;
  },
};

/**
 * The request line `METHOD target PROTOCOL`. The target runs from the first space to the protocol at the end, whatever it holds; HTTP/0.9 has
 * no protocol. Anything else (TLS bytes, junk, a lone word) is kept in `message`: the event stays, without method.
 */
export const requestField: Field = {
  name: 'request',
  shape: 'text',
  take: (bytes, from, to, row, sink) => {
    if (absent(bytes, from, to)) return true;
    let method = from;
    while (method < to && isMethodByte(bytes[method]!)) method++;
    if (method === from || bytes[from] === 0x2d || method - from > 24 || bytes[method] !== 0x20) {
      sink.bytes('message', bytes, from, to);
      return true;
    }
    let end = to;
    const space = lastSpace(bytes, method, to);
    if (space > method && isProtocol(bytes, space + 1, to)) {
      sink.bytes('protocol', bytes, space + 1, to);
      end = space;
    } else if (space === method && isProtocol(bytes, space + 1, to)) {
      sink.bytes('message', bytes, from, to);
      return true;
    }
    let start = method + 1;
    while (start < end && bytes[start] === 0x20) start++;
    if (start === end) {
      sink.bytes('message', bytes, from, to);
      return true;
    }
    sink.bytes('method', bytes, from, method);
    row.hasTarget = true;
    sink.target(bytes, start, end);
    return true;
  },
};

function isMethodByte(b: number): boolean {
  return (b >= 0x41 && b <= 0x5a) || (b >= 0x61 && b <= 0x7a) || b === 0x2d || b === 0x5f;
}

function lastSpace(bytes: Uint8Array, from: number, to: number): number {
  for (let i = to - 1; i >= from; i--) if (bytes[i] === 0x20) return i;
  return -1;
}

/** `HTTP/1.1`, `HTTP/2`, `RTSP/1.0`, `SIP/2.0`: letters, slash, digits. */
function isProtocol(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 5 || to - from > 10) return false;
  let i = from;
  while (i < to && (bytes[i]! | 32) >= 0x61 && (bytes[i]! | 32) <= 0x7a) i++;
  if (i === from || bytes[i] !== 0x2f) return false;
  for (i++; i < to; i++) {
    const b = bytes[i]!;
    if (b !== 0x2e && (b < 0x30 || b > 0x39)) return false;
  }
  return bytes[to - 1] !== 0x2f;
}

/** Kept under its own name in `extra`. */
export function extraField(name: string, shape: Shape = 'text'): Field {
  return {
    name,
    shape,
    take: (bytes, from, to, row) => {
      if (!absent(bytes, from, to)) row.addExtra(name, utf8.decode(bytes.subarray(from, to)));
      return true;
    },
  };
}

/** A request header by its lower-case name: a column where we have one, else `extra`. */
export function headerField(name: string): Field {
  switch (name) {
    case 'referer':
      return textField(name, 'referer');
    case 'user-agent':
      return textField(name, 'user_agent');
    case 'host':
      return textField(name, 'host');
    case 'cookie':
      return cookieHeaderField;
    case 'x-forwarded-for':
      return forwardedField;
    case 'x-request-id':
    case 'x-amzn-trace-id':
    case 'traceparent':
    case 'x-correlation-id':
    case 'x-trace-id':
      return textField(name, 'trace_id');
    case 'x-session-id':
      return textField(name, 'session');
    default:
      return extraField(`request.${name}`);
  }
}

const sessionName = /sess|sid$|^sid|token|auth/i;

/** Long and of the letters that tokens are made of: `pref=north` is no session, whoever sends it. */
const sessionValue = /(?:^|=)"?[\w.~+/%=-]{16,}"?$/;

/**
 * The whole header: the cookie that names itself a session, or stands alone and may be one, is the session; the header itself goes to `extra` when there is
 * more, or none.
 */
export const cookieHeaderField: Field = {
  name: 'cookie',
  shape: 'text',
  take: (bytes, from, to, row, sink) => {
    if (absent(bytes, from, to)) return true;
    const text = utf8.decode(bytes.subarray(from, to));
    const pairs = text.split(/;(?:\s|%20|\+)*/).filter(p => p !== '');
    const named = pairs.find(p => p.includes('=') && sessionName.test(p.slice(0, p.indexOf('='))));
    const session = pairs.length === 1 && (!text.includes('=') || sessionValue.test(text)) ? pairs[0]! : named;
    if (session !== undefined && pairs.length === 1) sink.bytes('session', bytes, from, to);
    else if (session !== undefined) sink.text('session', session);
    if (pairs.length > 1 || session === undefined) row.addExtra('cookie', text);
    return true;
  },
};

/** A cookie logged by name: the session when its name says so or it is the only one. */
export function cookieField(name: string, only: boolean): Field {
  return only || sessionName.test(name) ? textField(`cookie.${name}`, 'session') : extraField(`cookie.${name}`);
}
