/** Where in a request a text came from: `query:q`, `path:3`, `cookie:sid`, `header:user-agent`, `body:name`, `sql`. */
export type Payload = { readonly point: string; readonly text: string };

/** The columns of an event that can carry a payload. */
export type Carrier = {
  readonly path: string | null;
  readonly query: string | null;
  readonly user_agent: string | null;
  readonly referer: string | null;
  readonly forwarded: string | null;
  readonly session: string | null;
  readonly sql_text: string | null;
  readonly extra: string | null;
};

const maxStages = 5;
const maxLength = 200_000;
/** A text without any of this asks nothing of a database. */
const worthReading =
  /\b(?:select|union|and|or|xor|not|case|if|iif|sleep|pg_sleep|waitfor|benchmark|having|order|rlike|regexp|between|like|in|elt|declare|exec|procedure)\b|\|\||&&|[\^*/-]\s*\(|;/i;
const sqlWord =
  /\b(?:select|union|case|sleep|pg_sleep|waitfor|benchmark|substr\w*|mid|ascii|ord|unicode|char_length|length|left|like|rlike|regexp|extractvalue|updatexml|cast|convert|if|iif|elt|greatest|count|and|or|xor)\b/i;

export type PayloadReader = {
  read(event: Carrier): Payload[][];
  /** Whether everything beside the query is as in the last request of which that was said; it is not read again. */
  isBare(event: Carrier): boolean;
  setBare(event: Carrier): void;
};

/**
 * Every text of a request that may hold SQL, decoded stage by stage: shallow stages come first, so that the first one that can be read wins. What stands beside the
 * payload in request after request (path, agent, referer) is looked at once.
 */
export function createPayloadReader(): PayloadReader {
  const harmless = new Set<string>();
  const read = (into: Payload[][], point: string, value: string, plus: boolean): void => {
    const k = value.length < 160 ? `${point}=${value}` : '';
    if (k !== '' && harmless.has(k)) return;
    const list = stages(point, value, plus);
    if (list.length > 0) into.push(list);
    else if (k !== '') {
      if (harmless.size > 20_000) harmless.clear();
      harmless.add(k);
    }
  };
  let bare: Carrier | null = null;
  const isBare = (e: Carrier): boolean =>
    bare !== null &&
    e.sql_text === null &&
    e.user_agent === bare.user_agent &&
    e.referer === bare.referer &&
    e.path === bare.path &&
    e.forwarded === bare.forwarded &&
    e.session === bare.session &&
    e.extra === bare.extra;
  const readEvent = (event: Carrier): Payload[][] => {
    if (event.sql_text !== null) return [[{ point: 'sql', text: event.sql_text }]];
    const out: Payload[][] = [];
    for (const [name, value] of pairs(event.query, '&')) if (value.length > 5) read(out, `query:${name}`, value, true);
    if (isBare(event)) return out;
    const segments = (event.path ?? '').split('/');
    for (let i = 0; i < segments.length; i++) if (segments[i]!.length > 5) read(out, `path:${i}`, segments[i]!, false);
    if (event.user_agent !== null && event.user_agent.length > 5) read(out, 'header:user-agent', event.user_agent, false);
    if (event.referer !== null && event.referer.length > 5) {
      // a URL of its own: its values may be encoded each by itself
      const before = out.length;
      const mark = event.referer.indexOf('?');
      if (mark >= 0) for (const [, value] of pairs(event.referer.slice(mark + 1), '&')) if (value.length > 5) read(out, 'header:referer', value, true);
      if (out.length === before) read(out, 'header:referer', event.referer, false);
    }
    if (event.forwarded !== null && event.forwarded.length > 5) read(out, 'header:x-forwarded-for', event.forwarded, false);
    if (event.session !== null && event.session.length > 5) {
      const eq = event.session.indexOf('=');
      read(out, 'cookie:session', eq > 0 && eq < 40 && /^[\w.-]+$/.test(event.session.slice(0, eq)) ? event.session.slice(eq + 1) : event.session, false);
    }
    if (event.extra !== null && (event.extra.includes('%') || worthReading.test(event.extra.slice(0, maxLength))))
      for (const list of readExtra(event.extra, event)) if (list.length > 0) out.push(list);
    return out;
  };
  return {
    read: readEvent,
    isBare,
    setBare(e) {
      bare = {
        path: e.path,
        query: null,
        user_agent: e.user_agent,
        referer: e.referer,
        forwarded: e.forwarded,
        session: e.session,
        sql_text: null,
        extra: e.extra,
      };
    },
  };
}

function* readExtra(extra: string, event: Carrier): Generator<Payload[]> {
  // JSON logs keep the whole record: what stands in a column of its own is not read twice
  const target = event.query === null ? event.path : `${event.path ?? ''}?${event.query}`;
  const columns = new Set([event.path, event.query, event.user_agent, event.referer, event.forwarded, event.session]);
  let parsed: unknown;
  try {
    parsed = JSON.parse(extra);
  } catch {
    return;
  }
  if (!parsed || typeof parsed !== 'object') return;
  for (const [key, value] of Object.entries(parsed)) {
    if (typeof value === 'string' && (columns.has(value) || (target !== null && target.length > 1 && value.endsWith(target)))) continue;
    if (typeof value === 'string' && /cookie/i.test(key)) for (const [name, v] of pairs(value, ';')) yield stages(`cookie:${name}`, v, false);
    else if (typeof value === 'string' && /body|form|post/i.test(key)) {
      if (/^\s*[[{]/.test(value)) yield stages(`body`, value, false);
      else for (const [name, v] of pairs(value, '&')) yield stages(`body:${name}`, v, true);
    } else if (typeof value === 'string') yield stages(`header:${key.toLowerCase()}`, value, false);
    else for (const p of jsonStrings(`body:${key}`, value)) yield stages(p.point, p.text, false);
  }
}

function pairs(text: string | null, separator: string): [string, string][] {
  if (!text) return [];
  return text.split(separator).map(part => {
    const eq = part.indexOf('=');
    return eq < 0 ? ['', part.trim()] : [part.slice(0, eq).trim(), part.slice(eq + 1)];
  });
}

function stages(point: string, raw: string, plus: boolean): Payload[] {
  const out: Payload[] = [];
  if (raw.length > maxLength) return out;
  let text = percentDecode(plus ? raw.replaceAll('+', ' ') : raw);
  for (let i = 0; i < maxStages; i++) {
    if (worthReading.test(text) && sqlWord.test(text)) out.push({ point, text });
    if (/^\s*[[{"]/.test(text)) {
      try {
        for (const p of jsonStrings(point, JSON.parse(text))) out.push(...stages(p.point, p.text, false));
      } catch {
        /* not JSON: the text itself is judged */
      }
    }
    const inner = base64Text(plus ? text.replaceAll(' ', '+') : text);
    if (inner !== null) {
      out.push(...stages(point, inner, false));
      break;
    }
    let next = percentDecode(text);
    if (next === text && /&(?:#x?[0-9a-f]+|lt|gt|amp|quot|apos);/i.test(text)) next = entityDecode(text);
    if (next === text) break;
    text = next;
  }
  return out;
}

function* jsonStrings(point: string, value: unknown, depth = 0): Generator<Payload> {
  if (typeof value === 'string') yield { point, text: value };
  else if (depth < 12 && value && typeof value === 'object')
    for (const [k, v] of Object.entries(value)) yield* jsonStrings(`${point}.${Array.isArray(value) ? '[]' : k}`, v, depth + 1);
}

/** One pass of percent and %uXXXX decoding; bytes that are not UTF-8 become one character each. */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    /* %u, a lone percent sign or bytes that are not UTF-8: run by run */
  }
  return text.replace(/(?:%u[0-9a-f]{4}|%[0-9a-f]{2})+/gi, run => {
    if (/%u/i.test(run)) return run.replace(/%u([0-9a-f]{4})|%([0-9a-f]{2})/gi, (_, u, b) => String.fromCharCode(Number.parseInt(u ?? b, 16)));
    const bytes = Buffer.from(run.replaceAll('%', ''), 'hex');
    const decoded = bytes.toString('utf8');
    return decoded.includes('\ufffd') ? bytes.toString('latin1') : decoded;
  });
}

const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
function entityDecode(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(lt|gt|amp|quot|apos));/gi, (all, hex, dec, name) => {
    if (name) return entities[name.toLowerCase()]!;
    const cp = hex ? Number.parseInt(hex, 16) : Number(dec);
    return cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff) ? String.fromCodePoint(cp) : all;
  });
}

/** The text inside base64 or base64url when it is printable and speaks SQL, else null. */
function base64Text(text: string): string | null {
  const t = text.trim();
  if (t.length < 16 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(t)) return null;
  const decoded = Buffer.from(t.replaceAll('-', '+').replaceAll('_', '/'), 'base64').toString('utf8');
  return !decoded.includes('\ufffd') && !/[\u0000-\u0008\u000e-\u001f]/.test(decoded) && (sqlWord.test(decoded) || /%[0-9a-f]{2}/i.test(decoded))
    ? decoded
    : null;
}
