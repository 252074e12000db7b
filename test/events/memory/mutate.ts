import type { Random } from '../../fixtures/random.ts';

/** Deterministic mutations of real samples: the same seed gives the same inputs everywhere. */

const spice = [
  '"',
  '""',
  "'",
  '\\',
  '\n',
  '\r\n',
  '\0',
  ',',
  '[',
  ']',
  '{',
  '}',
  ':',
  ' ',
  '\t',
  '%',
  '<',
  '>',
  '\xff',
  '\xe3\x81',
  '\xc0\xaf',
  '\u0001',
  '2026-11-22 05:23:15.231 JST,',
  'AUDIT: SESSION,',
  '--c0ffee01-A--',
  '[preauth]',
  ' from 1.2.3.4 port 22',
  '$1 = ',
  "''",
  '9'.repeat(30),
  '-1',
  '1e999',
  'ElfChnk\0',
  '**\0\0',
  '\u2028',
  '"__proto__":',
  'Feb 29 ',
  '31/Feb/2026',
  '{"Records":[',
];

/** A piece of at most `size` bytes out of the samples, changed in some places. */
export function mutate(samples: readonly Uint8Array[], random: Random, size = 1200): Uint8Array {
  const pick = (n: number): number => Math.floor(random() * n);
  const sample = samples[pick(samples.length)]!;
  const from = random() < 0.3 ? 0 : pick(sample.length);
  let bytes = Buffer.from(sample.subarray(from, from + 1 + pick(size)));
  for (let n = pick(6); n > 0; n--) {
    const at = pick(bytes.length + 1);
    const kind = pick(6);
    if (kind === 0 && bytes.length > 0) bytes[pick(bytes.length)] = pick(256);
    else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(spice[pick(spice.length)]!, 'latin1'), bytes.subarray(at)]);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + pick(40)))]);
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - pick(200)), at), bytes.subarray(at)]);
    else if (kind === 4) bytes = bytes.subarray(0, at);
    else {
      const other = samples[pick(samples.length)]!;
      const start = pick(other.length);
      bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(start, start + pick(300)), bytes.subarray(at)]);
    }
  }
  return Uint8Array.from(bytes);
}
