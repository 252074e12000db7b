import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Engine, sql } from '../../src/engine/index.ts';
import { literalPart } from '../../src/exposure/claims/literal-part.ts';

describe('the value a payload breaks out of', () => {
  test.each([
    ['73 AND 4=5', '73', 'condition'],
    ["x' AND 'a'='a", 'x', 'condition'],
    ["山田%' AND 1=1-- k", '山田', 'condition'],
    ['73/**/AND/**/(SELECT 1 FROM a WHERE b OR c)=1', '73', 'condition'],
    ["73 AND 9=(CASE WHEN (a||'b'='c') THEN 1 ELSE 2 END)", '73', 'condition'],
    ['73) AND (4=4', '73', 'condition'],
    ['-1 UNION ALL SELECT a OR b FROM c', '-1', 'rows'],
    ['7;SELECT PG_SLEEP(5)--', '7', 'statement'],
    ['73 ORDER BY 5', '73', 'condition'],
  ])('%s', (payload, value, adds) => {
    expect(literalPart(payload)).toEqual({ value, adds });
  });

  test.each([
    '73 OR 1=1',
    "x' OR 'a'='a",
    '73) OR (1=1',
    '73 AND 1=2 OR 3=3',
    '73/*!50000OR*/1=1',
    "x'||(SELECT 1)||'",
    '73-1',
    '73 RLIKE (SELECT 1)',
    "73 AND 'a\\' OR 1=1 -- '",
    '73 AND 1=1 -- x\n OR 1=1',
    "' AND 1=1",
    "%' AND 1=1",
    'x" AND 1=1',
    '73%20OR%201=1',
    'plain',
    '73',
    '',
  ])('nothing is known of %j', payload => {
    expect(literalPart(payload)).toBeNull();
  });
});

describe('held against an engine', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.open({ file: ':memory:', threads: 1 });
    await engine.load(
      'page',
      [
        { name: 'id', type: 'INTEGER' },
        { name: 'name', type: 'VARCHAR' },
      ],
      Array.from({ length: 12 }, (_, i) => [i, `n${i % 4}`]),
    );
  });
  afterAll(() => engine.close());

  const piece = fc.constantFrom(
    ' ',
    "'",
    '(',
    ')',
    ' AND ',
    ' or ',
    ' OR ',
    '1=1',
    '1=2',
    'id',
    '>',
    '3',
    "'a'='a'",
    '--',
    '/**/',
    ' xor ',
    'not ',
    '||',
    ' ORDER BY 1',
    ' LIMIT 9',
    "n1'",
    'in (1,2)',
    '\n',
  );
  const payload = fc.tuple(fc.constantFrom('3', "n1'", "n1%'", '3)', "n1')"), fc.array(piece, { maxLength: 9 })).map(([a, b]) => a + b.join(''));

  test('no other row is found than the value finds', async () => {
    let read = 0;
    await fc.assert(
      fc.asyncProperty(payload, async text => {
        const part = literalPart(text);
        if (part?.adds !== 'condition') return;
        const forms: [string, string][] = [
          [`id = ${text}`, `id = ${part.value}`],
          [`(id = ${text})`, `id = ${part.value}`],
          [`name = '${text}'`, `name = '${part.value}'`],
          [`name like '%${text}%' and id > 1`, `name like '%${part.value}%'`],
        ];
        for (const [asked, known] of forms) {
          const rows = await engine.rows<{ id: number }>('t', sql`select id from page where ${sql.raw(asked)}`).catch(() => null);
          if (rows === null) continue;
          read++;
          const allowed = new Set((await engine.rows<{ id: number }>('t', sql`select id from page where ${sql.raw(known)}`)).map(r => r.id));
          expect(rows.filter(r => !allowed.has(r.id))).toEqual([]);
        }
      }),
      { numRuns: 6000, seed: 7 },
    );
    expect(read).toBeGreaterThan(100);
  });
});
