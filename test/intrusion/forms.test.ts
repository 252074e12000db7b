import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printExpr } from '../../src/intrusion/injection/print.ts';
import { type InjectionEvent, rebuildInjections } from '../../src/intrusion/injection/rebuild.ts';
import { createReader, type Reader } from '../../src/intrusion/injection/template.ts';
import { injectionEvent } from '../fixtures/injection-event.ts';

/** Texts of one form are read once and filled in afterwards; what is filled in must be what reading each of them by itself gives. */

const event = (payload: string, n: number, more: Partial<InjectionEvent> = {}): InjectionEvent =>
  injectionEvent({
    event_id: n * 16,
    at_us: n * 1_000_000,
    query: `q=${encodeURIComponent(payload)}&lang=ja`,
    duration_us: 1000,
    target_length: 100,
    ...more,
  });

type Draw = { n: number; m: number; small: number; word: string; tail: string; list: readonly number[] };
const forms: Record<string, (d: Draw) => string> = {
  'union, offset': d => `x' UNION ALL SELECT NULL,'qzvbq'||COALESCE(CAST(a AS TEXT),' ')||'qxkvq',${d.m} FROM t ORDER BY id LIMIT 1 OFFSET ${d.n}-- ${d.tail}`,
  'union, limit pair': d =>
    `x' UNION ALL SELECT NULL,CONCAT(0x717a766271,IFNULL(CAST(c AS NCHAR),0x20),0x71786b7671) FROM d.t LIMIT ${d.n},${d.small}-- ${d.tail}`,
  'union, conditions': d => `-${d.m} UNION SELECT a,b FROM people WHERE id>${d.n} AND name='${d.word}' ORDER BY ${1 + (d.small % 2)} LIMIT ${d.m}`,
  'union, several rows': d => `1) UNION ALL SELECT a,${d.m} FROM t LIMIT ${d.small} OFFSET ${d.n}#`,
  'union, group': d => `x' UNION SELECT GROUP_CONCAT(a,0x3a,b SEPARATOR '${d.word}'),${d.m} FROM t WHERE id BETWEEN ${d.n} AND ${d.m}-- ${d.tail}`,
  'error, cut': d =>
    `x' AND EXTRACTVALUE(${d.m},CONCAT(0x5c,0x717a766271,(SELECT MID((IFNULL(CAST(c AS NCHAR),0x20)),${d.small},21) FROM d.t ORDER BY id LIMIT ${d.n},1),0x71786b7671)) AND '${d.word}'='${d.word}`,
  'error, cast': d =>
    `x' AND ${d.m}=CAST((CHR(113)||CHR(122))||(SELECT c::text FROM t ORDER BY id OFFSET ${d.n} LIMIT 1)::text||(CHR(113)) AS NUMERIC)-- ${d.tail}`,
  'error, codes': d => `x' AND ${d.n}=CONVERT(INT,(SELECT CHAR(${d.n % 200})+(SELECT TOP 1 c FROM t WHERE k='${d.word}' AND n=${d.m})+CHAR(113)))-- ${d.tail}`,
  'mssql, top': d => `1 UNION ALL SELECT TOP 1 c,NULL FROM t WHERE id NOT IN (SELECT TOP ${d.n} id FROM t ORDER BY id) ORDER BY id-- ${d.tail}`,
  'oracle, rownum': d => `x' UNION ALL SELECT c,NULL FROM (SELECT c,ROWNUM AS r FROM t ORDER BY id) WHERE r=${d.n}-- ${d.tail}`,
  stacked: d => `x';UPDATE t SET c='${d.word}',d=${d.m} WHERE id IN (${d.list.join(',')});-- ${d.tail}`,
  'stacked, timed': d =>
    `x';IF(UNICODE(SUBSTRING((SELECT c FROM t WHERE k='${d.word}'),${1 + d.small},1))>${d.n % 128}) WAITFOR DELAY '0:0:${d.small}'-- ${d.tail}`,
  'boolean beside': d =>
    `x' AND ${d.m}=${d.m} AND ASCII(SUBSTRING((SELECT c FROM t ORDER BY id OFFSET ${d.n} LIMIT 1)::text FROM ${1 + d.small} FOR 1))>${d.m % 128}-- ${d.tail}`,
};

const draws = fc.array(
  fc.record({
    n: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.nat(2_000_000)),
    m: fc.oneof(fc.integer({ min: 0, max: 2 }), fc.nat(99_999)),
    small: fc.integer({ min: 0, max: 3 }),
    word: fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9]{1,8}$/),
      fc.constantFrom('glob', 'pg_sleep', '007', '12', 'a b', 'a_c', "o''k", '0x41', 'version', 'NULL', 'xp_dirtree'),
    ),
    tail: fc.stringMatching(/^[A-Za-z]{1,6}$/),
    list: fc.array(fc.nat(50), { minLength: 1, maxLength: 4 }),
  }),
  { minLength: 30, maxLength: 60 },
);

/** How a payload gets into the log: what reads it without decoding must see the same. */
const carriers: Record<string, (payload: string) => Partial<InjectionEvent>> = {
  query: () => ({}),
  'encoded twice': p => ({ query: `q=${encodeURIComponent(encodeURIComponent(p))}` }),
  'behind words of another alphabet': p => ({ query: `lang=%f0%9f%90%88&q=%E6%B8%85%e6%b0%b4+${encodeURIComponent(p)}` }),
  statement: p => ({ class: 2, query: null, sql_text: `SELECT no FROM quotes WHERE name LIKE '%清水%' AND note = '${p}` }),
};

describe('texts of one form', () => {
  for (const [name, payload] of Object.entries(forms))
    it(`${name}: filled in as each is read by itself`, () => {
      fc.assert(
        fc.property(draws, fc.constantFrom(...Object.values(carriers)), (list, carry) => {
          const events = list.map((d, n) => event(payload(d), n + 1, carry(payload(d))));
          const together = rebuildInjections(events);
          const alone = events.map(e => rebuildInjections([e]));
          expect([...together.statements]).toEqual(alone.flatMap(r => [...r.statements]));
          expect([...together.marks]).toEqual(alone.flatMap(r => [...r.marks]));
          expect(new Set(together.cells.map(c => c.key))).toEqual(new Set(alone.flatMap(r => r.cells.map(c => c.key))));
        }),
        { numRuns: 16, seed: 20_261_122 },
      );
    });
});

/** All that a text asks, as one text. */
function askedBy(reader: Reader, text: string, whole: boolean): string | null {
  const read = reader.read(text, whole);
  if (!read) return null;
  const { asked, unknown, dialect, score } = read;
  const { condition, technique, shape, looseShape, delay } = asked?.question ?? {};
  return JSON.stringify([dialect, score, unknown?.key, condition && printExpr(condition), technique, shape, looseShape, delay]);
}

const row = '(SELECT c FROM t ORDER BY id LIMIT 1)';
const questions: Record<string, (d: Draw) => string> = {
  'codes and places': d => `x' AND ASCII(SUBSTRING(${row},${1 + d.small},1))>${d.m} AND 'a'='a`,
  between: d => `x' AND ORD(MID(${row},${d.small},1)) NOT BETWEEN ${d.n} AND ${d.m}#`,
  'quoted letters': d => `x' AND SUBSTR(${row},${1 + d.small},1)>'${d.word}' AND 'a'='a`,
  'a delay that comes of the question': d => `x' AND SLEEP((ASCII(SUBSTRING(${row},${1 + d.small},1))>${d.m})*${d.small})-- ${d.tail}`,
  'a delay beside it': d => `x' OR (SELECT 4711 FROM (SELECT(SLEEP(2-(IF(ORD(MID(${row},${d.small},1))>${d.n},0,2)))))z)-- ${d.tail}`,
  bits: d => `1 AND (ASCII(SUBSTRING(${row},${1 + d.small},1))>>${d.n % 8})&1=${d.m % 2}`,
  'a value beside the place of a letter': d => `x' AND LOCATE('${d.word}',${row},${d.small})=${d.n}-- ${d.tail}`,
  'several constants': d => `x' AND LENGTH(${row})-${d.n}>=${d.m}+${d.small} AND 1=1-- ${d.tail}`,
  'a condition inside': d => `x' AND EXISTS(SELECT 1 FROM t WHERE id=${d.n} AND SUBSTR(c,${d.small},1)='${d.word}')-- ${d.tail}`,
  sets: d => `x' AND ASCII(SUBSTRING(${row},${d.small},1)) IN (${d.list.join(',')})-- ${d.tail}`,
};

describe('questions of one form', () => {
  for (const [name, payload] of Object.entries(questions))
    it(`${name}: filled in as each is read by itself`, () => {
      fc.assert(
        fc.property(draws, fc.boolean(), (list, whole) => {
          const reader = createReader();
          for (const d of list) {
            const text = whole ? `SELECT a FROM b WHERE c='${payload(d)}` : payload(d);
            expect(askedBy(reader, text, whole)).toBe(askedBy(createReader(), text, whole));
          }
        }),
        { numRuns: 16, seed: 20_261_122 },
      );
    });
});
