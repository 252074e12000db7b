import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expandBraces, expandGlob } from '../../src/evidence/glob.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-glob-'));
beforeAll(() => {
  for (const f of ['a.log', 'a.log.1', 'b.log', '.hidden.log', 'x/a.log', 'x/y/c.log', 'x{1}.log', 'が.log']) {
    const file = path.join(dir, f.normalize('NFD'));
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, f);
  }
});
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));
const names = (pattern: string): string[] => expandGlob(dir, pattern).files.map(f => path.relative(dir, f).normalize('NFC'));

test.each([
  ['*.log', ['a.log', 'b.log', 'x{1}.log', 'が.log']],
  ['.*.log', ['.hidden.log']],
  ['?.log', ['a.log', 'b.log', 'が.log']],
  ['**/*.log', ['a.log', 'b.log', 'x/a.log', 'x/y/c.log', 'x{1}.log', 'が.log']],
  ['x/**', ['x/a.log', 'x/y/c.log']],
  ['{a,x/a}.log', ['a.log', 'x/a.log']],
  ['a.log{,.1}', ['a.log', 'a.log.1']],
  ['x{1}.log', ['x{1}.log']],
  ['が.log', ['が.log']],
  ['x/../b.log', ['b.log']],
  ['a.log/*', []],
  ['nothing/*', []],
])('%s', (pattern, expected) => {
  expect(names(pattern).sort()).toEqual([...expected].sort());
});

test('braces nest, and unbalanced ones stand for themselves', () => {
  expect(expandBraces('a{b,c{d,e}}f{1,2}')).toEqual(['abf1', 'abf2', 'acdf1', 'acdf2', 'acef1', 'acef2']);
  expect(expandBraces('a{b,c')).toEqual(['a{b,c']);
  expect(expandBraces('{x}{1,2}')).toEqual(['{x}1', '{x}2']);
});
