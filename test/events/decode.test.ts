import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFlag } from '../../src/events/columns.ts';
import { decodeBytes, decodeStages } from '../../src/events/decode.ts';
import { ipText } from '../../src/events/ip.ts';

const stagesOf = (raw: string): string[] => decodeStages(raw).map(s => s.stage);
const last = (raw: string): string => stagesOf(raw).at(-1)!;

test('every stage is kept, the last is the fixpoint', () => {
  expect(stagesOf('/a?q=%2527%2520or%25201')).toEqual(['/a?q=%2527%2520or%25201', '/a?q=%27%20or%201', `/a?q=' or 1`]);
  expect(stagesOf('/plain')).toEqual(['/plain']);
});

test('plus is a space in the query only, and only as it came', () => {
  expect(last('/a+b?c+d=e')).toBe('/a+b?c d=e');
  expect(last('/a?x=1%2B1')).toBe('/a?x=1+1');
});

test.each([
  ['/x?%u0027%uff07', `/x?'＇`, decodeFlag.unicodePercent],
  ['/x?q=%26lt%3bscript%26gt%3b', '/x?q=<script>', decodeFlag.html],
  ['/x?q=%26%2339%3B', `/x?q='`, decodeFlag.html],
  ['/..%c0%ae%c0%ae/etc', '/..../etc', decodeFlag.overlong],
  ['/a%00.php', '/a.php', decodeFlag.nul],
  ['/a%zz?100%', '/a%zz?100%', 0],
  ['/x?q=%8E%81%96%BC', '/x?q=氏名', decodeFlag.invalidUtf8],
  ['/x?q=%BB%E1%CC%BE', '/x?q=氏名', decodeFlag.invalidUtf8],
  ['/x?a=1&lt=2&amp=3', '/x?a=1&lt=2&amp=3', 0],
  ['/%252525252525252525a', '/%25252525a', 0],
])('%s', (raw, norm, flag) => {
  const stages = decodeStages(raw).filter(s => (s.flags & decodeFlag.fullWidth) === 0 || s.stage.includes('＇'));
  expect(stages.at(-1)!.stage).toBe(norm);
  if (flag) expect(stages.at(-1)!.flags & flag).toBe(flag);
});

test('full-width letters have an alternative reading, marked, after the normal form', () => {
  const stages = decodeStages('/x?q=ＵＮＩＯＮ　ＳＥＬＥＣＴ');
  expect(stages.map(s => s.stage)).toEqual(['/x?q=ＵＮＩＯＮ　ＳＥＬＥＣＴ', '/x?q=UNION SELECT']);
  expect(stages[1]!.flags & decodeFlag.fullWidth).toBe(decodeFlag.fullWidth);
});

test('any bytes: the normal form is good UTF-8, decoding it again changes nothing below the round limit', () => {
  const fatal = new TextDecoder('utf-8', { fatal: true });
  const token = fc.constantFrom('%', '%25', '%2', '7', '+', '?', '&', '#', ';', '&#39;', '%u00', '\0', 'é', '%c0%ae', '%e3%81', 'a');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.array(token, { maxLength: 20 }).map(t => new Uint8Array(Buffer.from(t.join(''), 'latin1'))),
      ),
      bytes => {
        const d = decodeBytes(bytes, 0, bytes.length);
        const text = fatal.decode(d.bytes.subarray(0, d.length));
        expect(text.includes('\0')).toBe(false);
        expect(d.depth).toBeLessThanOrEqual(5);
        if (d.depth < 5 && (d.flags & decodeFlag.invalidUtf8) === 0) {
          const copy = d.bytes.slice(0, d.length);
          const again = decodeBytes(copy, 0, copy.length);
          // A plus that decoding brought out is a plus; only the raw query's plus is a space.
          expect(fatal.decode(again.bytes.subarray(0, again.length)).replaceAll(' ', '+')).toBe(text.replaceAll(' ', '+'));
        }
      },
    ),
    { numRuns: 5000 },
  );
});

test.each([
  ['203.0.113.4', '203.0.113.4'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['::ffff:203.0.113.4', '203.0.113.4'],
  ['::FFFF:cb00:7104', '203.0.113.4'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ['256.1.1.1', null],
  ['host.example', null],
  [':::', null],
  ['', null],
])('address %s is %s', (text, canonical) => {
  expect(ipText(text)).toBe(canonical);
});
