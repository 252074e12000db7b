import { RuleError } from './ir.ts';

/** A word as bytes of UTF-16, given as a string of bytes (0–255 each), for base64. */
export function utf16(text: string, order: 'le' | 'be', bom: boolean): Buffer {
  const le = Buffer.from(text, 'utf16le');
  if (order === 'be') le.swap16();
  return bom ? Buffer.concat([Buffer.from([0xff, 0xfe]), le]) : le;
}

/** The three base64 texts that contain the bytes at any alignment; ends that depend on neighbours are cut. */
export function base64Offsets(bytes: Buffer): string[] {
  const start = [0, 2, 3];
  const end = [null, -3, -2];
  return [0, 1, 2].map(i => {
    const text = Buffer.concat([Buffer.alloc(i, 0x20), bytes]).toString('base64');
    const cut = end[(bytes.length + i) % 3]!;
    return text.slice(start[i], cut === null ? undefined : cut);
  });
}

const dashes = ['-', '/', '\u2013', '\u2014', '\u2015'];
const maxDashes = 4;

/** Every spelling of a command line switch: each `-` or `/` before a word may be any of five dashes. */
export function windash(text: string): string[] {
  const places: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c !== '-' && c !== '/') continue;
    const before = text[i - 1];
    if (before !== undefined && /\w/.test(before)) continue;
    if (text[i + 1] !== undefined && /\w/.test(text[i + 1]!)) places.push(i);
  }
  if (places.length > maxDashes) throw new RuleError(`windash on ${places.length} dashes`);
  let out = [text];
  for (const p of places) out = out.flatMap(t => dashes.map(d => t.slice(0, p) + d + t.slice(p + 1)));
  return [...new Set(out)];
}

/** An address as 32 hex digits (IPv4 mapped into IPv6), or null. */
export function addressHex(text: string): string | null {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (v4) {
    const parts = v4.slice(1).map(Number);
    return parts.every(p => p < 256) ? `00000000000000000000ffff${parts.map(p => p.toString(16).padStart(2, '0')).join('')}` : null;
  }
  let t = text.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(t);
  if (tail) {
    const mapped = addressHex(tail[2]!);
    if (mapped === null) return null;
    t = `${tail[1]}${mapped.slice(24, 28)}:${mapped.slice(28)}`;
  }
  if (!/^[0-9a-f:]+$/i.test(t) || !t.includes(':')) return null;
  const halves = t.split('::');
  if (halves.length > 2) return null;
  const left = halves[0] === '' ? [] : halves[0]!.split(':');
  const right = halves.length === 1 || halves[1] === '' ? [] : halves[1]!.split(':');
  const fill = 8 - left.length - right.length;
  if (halves.length === 1 ? fill !== 0 : fill < 1) return null;
  const groups = [...left, ...Array<string>(Math.max(0, fill)).fill('0'), ...right];
  return groups.every(g => /^[0-9a-f]{1,4}$/i.test(g)) ? groups.map(g => g.toLowerCase().padStart(4, '0')).join('') : null;
}

/** First and last address of a network, as hex. */
export function networkRange(text: string): { low: string; high: string } {
  const [address, prefix] = text.split('/');
  const hex = addressHex(address!);
  const bits = prefix === undefined ? NaN : Number(prefix) + (address!.includes(':') ? 0 : 96);
  if (hex === null || !Number.isInteger(bits) || bits < 0 || bits > 128) throw new RuleError(`not a network: ${text}`);
  const value = BigInt(`0x${hex}`);
  const hosts = (1n << BigInt(128 - bits)) - 1n;
  const print = (v: bigint): string => v.toString(16).padStart(32, '0');
  return { low: print(value & ~hosts), high: print(value | hosts) };
}
