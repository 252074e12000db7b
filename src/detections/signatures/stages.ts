/** The decoding chain of a value with every stage kept: what was logged, then each decoded form until nothing changes. */
export type Stages = { readonly texts: readonly string[]; readonly decoders: readonly string[] };

const maxStages = 5;
const maxLength = 16_384;
const utf8 = new TextDecoder('utf-8', { fatal: false });

/** Stages of one value; `plus` reads + as a blank (query parts). Total on any text. */
export function decodeStages(value: string, plus: boolean): Stages {
  const texts = [value.length > maxLength ? value.slice(0, maxLength) : value];
  const decoders: string[] = [];
  for (let depth = 0; depth < maxStages; depth++) {
    const last = texts[texts.length - 1]!;
    const next = step(last, plus && depth === 0);
    if (next === null) break;
    texts.push(next.text);
    decoders.push(next.decoder);
  }
  return { texts, decoders };
}

function step(text: string, plus: boolean): { text: string; decoder: string } | null {
  if (text.includes('%') || (plus && text.includes('+'))) {
    const decoded = percent(plus ? text.replaceAll('+', ' ') : text);
    if (decoded !== text) return { text: decoded, decoder: 'percent' };
  }
  if (/&(?:#|lt|gt|quot|apos|amp|colon|lpar|rpar|newline|tab)/i.test(text)) {
    const decoded = entities(text);
    if (decoded !== text) return { text: decoded, decoder: 'html' };
  }
  if (/\\u00[0-9a-f]{2}|\\x[0-9a-f]{2}/i.test(text)) {
    const decoded = text.replace(/\\u00([0-9a-f]{2})|\\x([0-9a-f]{2})/gi, (_, a?: string, b?: string) => String.fromCharCode(Number.parseInt(a ?? b!, 16)));
    if (decoded !== text) return { text: decoded, decoder: 'escape' };
  }
  if (/[\uff01-\uff5e]/.test(text)) {
    const decoded = text.replace(/[\uff01-\uff5e]/g, c => String.fromCharCode(c.charCodeAt(0) - 0xfee0));
    return { text: decoded, decoder: 'full-width' };
  }
  const plain = base64(text);
  return plain === null ? null : { text: plain, decoder: 'base64' };
}

function percent(text: string): string {
  return text
    .replace(/%u([0-9a-f]{4})/gi, (_, h: string) => String.fromCharCode(Number.parseInt(h, 16)))
    .replace(/(?:%[0-9a-f]{2})+/gi, run => {
      const bytes = Uint8Array.from(run.slice(1).split('%'), h => Number.parseInt(h, 16));
      return utf8.decode(overlong(bytes));
    });
}

/** Overlong two-byte forms of ASCII (`c0 ae`) become the byte they hide. */
function overlong(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(0xc0) && !bytes.includes(0xc1)) return bytes;
  const out: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const b = bytes[i]!;
    const n = bytes[i + 1];
    if ((b === 0xc0 || b === 0xc1) && n !== undefined && n >= 0x80 && n < 0xc0) {
      out.push(((b & 0x1f) << 6) | (n & 0x3f));
      i++;
    } else out.push(b);
  }
  return Uint8Array.from(out);
}

const named: Record<string, string> = {
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  amp: '&',
  colon: ':',
  lpar: '(',
  rpar: ')',
  newline: '\n',
  tab: '\t',
};

function entities(text: string): string {
  return text.replace(
    /&(?:#x0*([0-9a-f]{1,6})|#0*(\d{1,7})|(lt|gt|quot|apos|amp|colon|lpar|rpar|newline|tab));?/gi,
    (all, hex?: string, dec?: string, name?: string) => {
      if (name !== undefined) return named[name.toLowerCase()] ?? all;
      const code = hex !== undefined ? Number.parseInt(hex, 16) : Number(dec);
      return code > 0 && code < 0x110000 ? String.fromCodePoint(code) : '';
    },
  );
}

/** Whole-value base64 that hides readable text with a blank or a sign in it; else null. */
function base64(text: string): string | null {
  if (text.length < 16 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return null;
  const bytes = Buffer.from(text.replaceAll('-', '+').replaceAll('_', '/'), 'base64');
  if (bytes.length < 10) return null;
  const decoded = bytes.toString('utf8');
  let bad = 0;
  for (let i = 0; i < decoded.length; i++) {
    const c = decoded.charCodeAt(i);
    if (c === 0xfffd || (c < 32 && c !== 9 && c !== 10 && c !== 13)) bad++;
  }
  return bad === 0 && /[\s'"<>(){};=]/.test(decoded) ? decoded : null;
}
