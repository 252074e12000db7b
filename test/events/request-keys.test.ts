import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientKeyOf, clientKeysOf, collapseNumbers, holderKeyOf, noNumber, onlyNumber, textKey, writeShape } from '../../src/events/request-keys.ts';

const encoder = new TextEncoder();
const out = new Uint8Array(1 << 16);
const key = (text: string): number => {
  const bytes = encoder.encode(text);
  return textKey(bytes, 0, bytes.length);
};
const route = (path: string): string => {
  const bytes = encoder.encode(path);
  return Buffer.from(out.subarray(0, collapseNumbers(bytes, 0, bytes.length, out))).toString();
};
const shape = (target: string): string | null => {
  const bytes = encoder.encode(target);
  const n = writeShape(bytes, 0, bytes.length, out);
  return n < 0 ? null : Buffer.from(out.subarray(0, n)).toString();
};

describe('what ingest derives of a request', () => {
  it('a route is the path with every run of digits as one sign, whatever else is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), path => {
        expect(route(path)).toBe(path.replace(/[0-9]+/g, '#'));
      }),
    );
    expect(route('/customers/00123/claims/7')).toBe('/customers/#/claims/#');
  });

  it('the number of a path is told where there is one that is exact; other numbers are told from none', () => {
    const number = (path: string): number => onlyNumber(encoder.encode(path), 0, encoder.encode(path).length);
    const slow = (path: string): number => {
      const runs = path.match(/[0-9]+/g) ?? [];
      if (runs.length === 0) return noNumber;
      return runs.length === 1 && runs[0]!.length <= 15 && !path.includes('#') ? Number(runs[0]) : -1;
    };
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789/a#é'), maxLength: 24 }), path => {
        expect(number(path)).toBe(slow(path));
      }),
    );
    expect([number('/customers/00123'), number('/a/999999999999999'), number('/a/1000000000000000'), number('/a/1/b/2')]).toEqual([
      123, 999999999999999, -1, -1,
    ]);
  });

  it('a shape has the length of its target, no digit but 0, and tells words from numbers', () => {
    expect(shape('/Search?q=a1B2&n=42&w=dead')).toBe('/search?q=0000&n=00&w=dead');
    expect(shape('/orders/9f3c2d1e-11aa-4bcd-8eff-00112233')).toBe('/orders/00000000-0000-0000-0000-00000000');
    expect([shape('search'), shape('/é'), shape(`/${'a'.repeat(256)}`)]).toEqual([null, null, null]);
    // The slow way: word by word.
    const slow = (target: string): string =>
      target
        .toLowerCase()
        .replace(/[a-z0-9]+/g, word => (/^[0-9a-f]*$/.test(word) && /[0-9]/.test(word) ? '0'.repeat(word.length) : word.replace(/[0-9]/g, '0')));
    const ascii = fc.string({ unit: fc.constantFrom(...'09afgzAFZ/?&=.%_- '), maxLength: 40 });
    fc.assert(
      fc.property(ascii, rest => {
        expect(shape(`/${rest}`)).toBe(slow(`/${rest}`));
      }),
    );
  });

  it('keys are exact whole numbers, the same for the same text, and apart for hundreds of thousands of clients', () => {
    const keys = new Set<number>();
    for (let i = 0; i < 200; i++) for (let u = 0; u < 1000; u++) keys.add(clientKeyOf(key(`10.0.${u >> 8}.${u & 255}`), key(`agent ${i}`)));
    expect(keys.size).toBe(200_000);
    expect([...keys].every(k => Number.isSafeInteger(k) && k > 0)).toBe(true);
    expect(clientKeyOf(key('a'), 0)).not.toBe(clientKeyOf(0, key('a')));
    expect(holderKeyOf(0, key('x'))).not.toBe(holderKeyOf(key('x'), 0));
    expect(holderKeyOf(key('s'), key('x'))).toBe(key('s'));
    expect(holderKeyOf(0, 0)).toBe(0);
  });

  it('the keys of a client’s text hold its own, wherever the bar stands', () => {
    const text = fc.string({ unit: fc.constantFrom('|', 'a', ':', '1', 'é'), maxLength: 6 });
    fc.assert(
      fc.property(text, text, (ip, agent) => {
        const own = clientKeyOf(ip === '' ? 0 : key(ip), agent === '' ? 0 : key(agent));
        const keys = clientKeysOf(`i:${ip}|${agent}`);
        expect(keys === null || keys.includes(own)).toBe(true);
      }),
    );
  });
});
