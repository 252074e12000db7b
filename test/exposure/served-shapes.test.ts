import { beforeAll, expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../src/base/index.ts';
import type { Statement } from '../../src/exposure/replay/statements.ts';
import { servedShapes } from '../../src/exposure/routes/served-shapes.ts';
import { StatementIndex } from '../../src/exposure/routes/statement-index.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { request, statement } from './exchange.ts';

beforeAll(loadParser);

const t0 = 1_745_000_000 * SECOND;
const list = 'select id, title from book where shelf = $1 order by id limit 20';
const job = 'select count(*) from book where lent';
/** Twenty lists in two days; the statements of some of them are lost, and some statements have lost their request. */
const times = Array.from({ length: 20 }, (_, i) => t0 + i * 137 * MINUTE + (i % 3) * 17 * SECOND);
const lists = times.map(at => request('/books', at, {}));
const listed = times.map(at => statement(at, list, ['east']));

/** Whether requests run the first of these statements. */
function served(statements: readonly Statement[], requests = lists): boolean {
  return servedShapes(requests, [], new StatementIndex(statements))(statements[0]!.read.shape);
}

test('a kind of statement is served where the requests of a route have it beside them', () => {
  expect(served(listed)).toBe(true);
  expect(served(listed.slice(2))).toBe(true);
  expect(served(listed, lists.slice(4))).toBe(true);
  expect(served(listed.slice(0, 10))).toBe(false);
  expect(served(listed, lists.slice(0, 2))).toBe(false);
});

test('the application’s own statements are not, whether they run apart from requests or all the time', () => {
  const hourly = Array.from({ length: 48 }, (_, i) => statement(t0 + 5 * MINUTE + i * HOUR, job));
  const always = Array.from({ length: 48 * 60 }, (_, i) => statement(t0 + i * MINUTE, job));
  const everySecond = times.flatMap(at => [-HOUR, -10 * MINUTE, -MINUTE, 0, MINUTE, 10 * MINUTE, HOUR].map(d => statement(at + d, job)));
  expect([hourly, always, everySecond].map(s => served(s))).toEqual([false, false, false]);
});

test('a learned route serves what it was learned to run', () => {
  const [lonely] = listed;
  const read = { route: 'GET /books', read: lonely!.read } as Parameters<typeof servedShapes>[1][number];
  expect(servedShapes([], [read], new StatementIndex([]))(lonely!.read.shape)).toBe(true);
});
