import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Document } from '../../src/detections/sigma/documents.ts';
import { applyFilters, readRules } from '../../src/detections/sigma/rule.ts';
import { readRuleFolder } from '../../src/detections/sigma/rule-folder.ts';
import { runRules } from '../../src/detections/sigma/run.ts';
import type { Engine } from '../../src/engine/index.ts';
import { type EventRow, loadEvents, memoryEngine } from '../fixtures/event-table.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await memoryEngine();
});
afterAll(() => engine.close());

function documents(list: readonly unknown[]): Document[] {
  return list.map((data, i) => ({ file: 'f', line: i + 1, text: JSON.stringify(data), data }));
}

async function fired(rule: string, records: readonly unknown[]): Promise<number[]> {
  const read = readRules(rule, 'r.yml');
  expect(read.unsupported).toEqual([]);
  const run = await runRules(engine, { ...read, rules: applyFilters(read.rules, read.filters) }, toAsync(documents(records)), false);
  expect(run.unsupported).toEqual([]);
  return [...new Set(run.matches.map(m => m.event))].sort((a, b) => a - b);
}

async function* toAsync<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

const rule = (detection: string, logsource = 'category: any'): string => `title: t\nid: x\nlogsource:\n    ${logsource}\ndetection:\n${detection}\n`;

describe('our own rules', () => {
  const folder = path.resolve('rules');
  const rules = readRuleFolder(folder);

  it('all compile and each has a title in Japanese, an author and a licence', () => {
    expect(rules.unsupported).toEqual([]);
    expect(rules.rules.length).toBeGreaterThanOrEqual(10);
    for (const r of rules.rules)
      expect([r.file, r.titleJa !== null && /[ぁ-んァ-ヶ一-龠]/.test(r.titleJa), r.author, r.licence]).toEqual([r.file, true, 'Tadasu', 'Apache-2.0']);
    expect(new Set(rules.rules.map(r => r.id)).size).toBe(rules.rules.length);
  });

  const feeding = new Set(rules.correlations.flatMap(c => c.rules));

  for (const c of rules.correlations.filter(x => !feeding.has(x.id) && !(x.name !== null && feeding.has(x.name)))) {
    it(`${c.file} holds for its hits together and not for its near misses`, async () => {
      const test = parse(fs.readFileSync(path.join(folder, c.file.replace(/\.yml$/, '.test.yml')), 'utf8')) as {
        correlation: string;
        hits: EventRow[];
        misses: EventRow[];
      };
      expect(test.correlation).toBe(c.name);
      const own = {
        rules: rules.rules.filter(r => r.file === c.file),
        correlations: rules.correlations.filter(x => x.file === c.file),
        filters: [],
        unsupported: [],
      };
      for (const [rows, holds] of [
        [test.hits, true],
        [test.misses, false],
      ] as const) {
        await loadEvents(engine, rows);
        const run = await runRules(engine, own, null, true);
        expect(run.correlations.some(m => m.rule.id === c.id)).toBe(holds);
      }
    });
  }

  for (const r of rules.rules.filter(x => !feeding.has(x.id) && !(x.name !== null && feeding.has(x.name)))) {
    it(`${r.file} fires on its hits and on none of its near misses`, async () => {
      const test = parse(fs.readFileSync(path.join(folder, r.file.replace(/\.yml$/, '.test.yml')), 'utf8')) as {
        source: string;
        hits: EventRow[];
        misses: EventRow[];
      };
      expect(test.hits.length).toBeGreaterThan(0);
      expect(test.misses.length).toBeGreaterThan(0);
      const all = [...test.hits, ...test.misses];
      const read = { rules: [r], correlations: [], filters: [], unsupported: [] };
      if (test.source === 'event') await loadEvents(engine, all);
      const run = await runRules(engine, read, test.source === 'event' ? null : toAsync(documents(all)), test.source === 'event');
      const ids = new Set(run.matches.map(m => m.event));
      const numbered = all.map((_, i) => (test.source === 'event' ? 2 ** 40 + (i + 1) * 16 : i));
      expect(numbered.map(n => ids.has(n))).toEqual([...test.hits.map(() => true), ...test.misses.map(() => false)]);
    });
  }
});

describe('the meaning of a rule', () => {
  it('an absent filter field does not silence a rule', async () => {
    expect(await fired(rule('    s: {a: x}\n    f: {b: y}\n    condition: s and not f'), [{ a: 'x' }, { a: 'x', b: 'y' }, { a: 'x', b: 'z' }])).toEqual([0, 2]);
  });
  it('null is absent, empty text is a value, exists tells presence', async () => {
    const records = [{ a: '' }, { b: 1 }, { a: 'x' }];
    expect(await fired(rule('    s: {a: null}\n    condition: s'), records)).toEqual([1]);
    expect(await fired(rule("    s: {a: ''}\n    condition: s"), records)).toEqual([0]);
    expect(await fired(rule('    s: {a|exists: true}\n    condition: s'), records)).toEqual([0, 2]);
    expect(await fired(rule('    s: {a|exists: false}\n    condition: s'), records)).toEqual([1]);
  });
  it('values are compared without case unless cased says otherwise', async () => {
    expect(await fired(rule('    s: {a: AbC}\n    condition: s'), [{ a: 'abc' }, { a: 'ABC' }, { a: 'abcd' }])).toEqual([0, 1]);
    expect(await fired(rule('    s: {a|cased: AbC}\n    condition: s'), [{ a: 'abc' }, { a: 'AbC' }])).toEqual([1]);
  });
  it('wildcards, escaped wildcards and lone backslashes', async () => {
    const records = [{ p: 'C:\\Temp\\x.exe' }, { p: 'C:\\Temp\\*.exe' }, { p: 'C:_Temp' }];
    expect(await fired(rule("    s: {p|endswith: '\\Temp\\x.exe'}\n    condition: s"), records)).toEqual([0]);
    expect(await fired(rule("    s: {p: 'C:\\Temp\\?.exe'}\n    condition: s"), [{ p: 'C:\\Temp\\x.exe' }, { p: 'C:\\Temp?.exe' }])).toEqual([1]);
    expect(await fired(rule("    s: {p|endswith: '\\\\\\*.exe'}\n    condition: s"), records)).toEqual([1]);
    expect(await fired(rule("    s: {p: 'c?*temp*'}\n    condition: s"), records)).toEqual([0, 1, 2]);
  });
  it('percent and underscore in a word are themselves', async () => {
    expect(await fired(rule("    s: {a: 'x*_%*y'}\n    condition: s"), [{ a: 'x1_%2y' }, { a: 'x1aa2y' }])).toEqual([0]);
  });
  it('all, lists and lists of maps', async () => {
    expect(await fired(rule('    s: {a|contains|all: [x, y]}\n    condition: s'), [{ a: 'xy' }, { a: 'x' }])).toEqual([0]);
    expect(await fired(rule('    s:\n      - {a: 1}\n      - {b: 2}\n    condition: s'), [{ a: 1 }, { b: '2' }, { a: 2 }])).toEqual([0, 1]);
  });
  it('numbers, comparisons and neq', async () => {
    const records = [{ n: 5 }, { n: '10' }, { n: 'x' }, {}];
    expect(await fired(rule('    s: {n|gte: 6}\n    condition: s'), records)).toEqual([1]);
    expect(await fired(rule('    s: {n|lt: 6}\n    condition: s'), records)).toEqual([0]);
    expect(await fired(rule('    s: {n: 5}\n    condition: s'), records)).toEqual([0]);
    expect(await fired(rule('    s: {n|neq: 5}\n    condition: s'), records)).toEqual([1, 2, 3]);
  });
  it('networks of both families in any spelling', async () => {
    expect(
      await fired(rule('    s: {ip|cidr: [10.0.0.0/8, "2001:db8::/32"]}\n    condition: s'), [
        { ip: '10.9.9.9' },
        { ip: '11.0.0.1' },
        { ip: '2001:0DB8:0:0::1' },
        { ip: '2001:db9::1' },
        { ip: '-' },
      ]),
    ).toEqual([0, 2]);
  });
  it('windash, base64offset, wide, fieldref and regular expressions', async () => {
    expect(
      await fired(rule("    s: {c|windash|contains: ' -enc '}\n    condition: s"), [{ c: 'p -enc x' }, { c: 'p /enc x' }, { c: 'p –enc x' }, { c: 'p enc x' }]),
    ).toEqual([0, 1, 2]);
    const hidden = ['', 'a', 'ab'].map(p => ({ c: Buffer.from(`${p}/bin/bash -i`).toString('base64') }));
    expect(await fired(rule('    s: {c|base64offset|contains: /bin/bash}\n    condition: s'), [...hidden, { c: 'none' }])).toEqual([0, 1, 2]);
    expect(
      await fired(rule('    s: {c|wide|base64offset|contains: ping}\n    condition: s'), [
        { c: Buffer.from('x ping', 'utf16le').toString('base64') },
        { c: Buffer.from('x ping').toString('base64') },
      ]),
    ).toEqual([0]);
    expect(await fired(rule('    s: {a|fieldref: b}\n    condition: s'), [{ a: 'X', b: 'x' }, { a: 'x', b: 'y' }, { a: 'x' }])).toEqual([0]);
    expect(await fired(rule("    s: {a|re: '^[a-c]{2,3}$'}\n    condition: s"), [{ a: 'abc' }, { a: 'ABC' }, { a: 'abcd' }])).toEqual([0]);
    expect(await fired(rule("    s: {a|re|i: '^[a-c]{2,3}$'}\n    condition: s"), [{ a: 'ABC' }])).toEqual([0]);
  });
  it('time parts', async () => {
    expect(await fired(rule('    s: {t|hour: 3}\n    condition: s'), [{ t: '2026-01-02 03:04:05' }, { t: '2026-01-02 04:04:05' }, { t: 'x' }])).toEqual([0]);
  });
  it('quantifiers skip names with an underscore', async () => {
    expect(await fired(rule('    a1: {a: 1}\n    a2: {b: 1}\n    _x: {c: 1}\n    condition: 1 of them'), [{ c: 1 }, { b: 1 }])).toEqual([1]);
    expect(await fired(rule('    a1: {a: 1}\n    a2: {b: 1}\n    a3: {c: 1}\n    condition: 2 of a*'), [{ c: 1 }, { b: 1, c: 1 }])).toEqual([1]);
    expect(await fired(rule('    a1: {a: 1}\n    a2: {b: 1}\n    condition: not 1 of a* or (a1 AND a2)'), [{ c: 1 }, { b: 1 }, { a: 1, b: 1 }])).toEqual([
      0, 2,
    ]);
  });
  it('a value in a list counts', async () => {
    expect(await fired(rule('    s: {"a.b": x}\n    condition: s'), [{ a: { b: ['y', 'X'] } }, { a: { b: ['y'] } }, { a: [{ b: 'z' }, { b: 'x' }] }])).toEqual([
      0, 2,
    ]);
  });
  it('a filter document takes matches away, and its names cannot be captured', async () => {
    const filter = '---\ntitle: f\nid: ff\nlogsource:\n    category: any\nfilter:\n    rules: [x]\n    selection: {b: quiet}\n    condition: selection\n';
    expect(await fired(rule('    selection: {a: 1}\n    condition: all of sel*') + filter, [{ a: 1 }, { a: 1, b: 'quiet' }])).toEqual([0]);
  });
  it('words anywhere are not looked for in records of unknown origin', async () => {
    expect(
      await fired(rule('    k: [evil]\n    condition: k', 'product: windows'), [{ x: 'evil' }, { Channel: 'System', EventID: 7, Data: 'an EVIL thing' }]),
    ).toEqual([1]);
  });
  it('what cannot be honoured is refused with a reason', () => {
    const reason = (detection: string): string => readRules(rule(detection), 'r.yml').unsupported[0]?.reason ?? 'accepted';
    expect(reason('    s: {a|re: "x(?=y)"}\n    condition: s')).toContain('look-around');
    expect(reason('    s: {a|expand: "%x%"}\n    condition: s')).toContain('%x%');
    expect(reason('    s: {a|soundslike: y}\n    condition: s')).toContain('soundslike');
    expect(reason('    s: {a: y}\n    condition: all of t*')).toContain('t*');
    expect(reason('    s: {a: y}\n    condition: s | count() > 5')).toContain('condition');
    expect(reason('    s: {a: y}\n    condition: s and')).toContain('missing');
  });
  it('hostile rule files become named reasons', () => {
    for (const text of [
      '',
      '\u0000',
      ': : :',
      '- 1',
      'title: [',
      'detection: 5\ntitle: x',
      `title: x\ndetection: {condition: ${'('.repeat(2000)}}`,
      '&a [*a]',
    ]) {
      const read = readRules(text, 'bad.yml');
      expect(read.rules).toEqual([]);
    }
  });
});

describe('filters on web requests', () => {
  it('a path given to cs-uri-query is found, encoded or not', async () => {
    await loadEvents(engine, [
      { method: 'GET', target: '/wp-admin/x?a=1', path: '/wp-admin/x', status: 200 },
      { method: 'GET', target: '/%77p-admin/x', target_norm: '/wp-admin/x', path: '/%77p-admin/x', status: 200 },
      { method: 'GET', target: '/a', path: '/a', status: 200 },
    ]);
    const read = readRules(rule('    s: {cs-uri-query|contains: /wp-admin/, sc-status: 200}\n    condition: s', 'category: webserver'), 'r.yml');
    const run = await runRules(engine, read, null, true);
    expect(run.matches.length).toBe(2);
  });
});
