import { beforeAll, describe, expect, it } from 'vitest';
import { holesOf, readsNothing, strangersOf } from '../../src/exposure/claims/missing.ts';
import type { RouteRead } from '../../src/exposure/routes/binding.ts';
import type { Instance } from '../../src/exposure/routes/instances.ts';
import type { Span } from '../../src/exposure/routes/requests.ts';
import { StatementIndex } from '../../src/exposure/routes/statement-index.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { instance, request, statement } from './exchange.ts';

const second = 1_000_000;
const text = 'select title from book where id = $1';

/** A walk over numbers, one a second; `logged` says whether each has its statement in the database log. */
function walk(ids: readonly number[], logged = true): Instance[] {
  const read = statement(0, text, ['0']).read;
  const route: RouteRead = {
    route: 'GET /books/{}',
    read,
    bindings: [{ from: 'request', name: 'path.2', before: '', after: '' }],
    concatenations: [],
    support: 1,
    learnedFrom: 9,
    source: 'log',
    parameters: true,
  };
  return ids.map((id, n) =>
    instance(read, {
      values: [String(id)],
      parameters: [String(id)],
      request: request('/books/{}', n * second, { 'path.2': String(id) }, { actor: 'strict' }),
      statement: logged ? statement(n * second, text, [String(id)]) : null,
      routeRead: route,
    }),
  );
}

const left = (list: readonly Instance[], gaps: readonly Span[], numbered: boolean): string[] =>
  holesOf(list, gaps, numbered)
    .map(i => i.values[0]!)
    .sort();

describe('a number left out of a short walk', () => {
  beforeAll(loadParser);
  const ids = [11, 12, 13, 15, 16, 17];

  it('was perhaps asked for where the database log may lack its statement', () => {
    expect(left(walk(ids), [], false)).toEqual(['10', '14', '18']);
  });

  it('was not where the log numbers its lines and lacks none of that time', () => {
    expect(left(walk(ids), [], true)).toEqual([]);
    expect(left(walk(ids), [{ fromUs: 3600 * second, toUs: 3700 * second }], true)).toEqual([]);
  });

  it('may have been where lines of that time are gone, or the log does not tell the others either', () => {
    expect(left(walk(ids), [{ fromUs: 30 * second, toUs: 40 * second }], true)).toEqual(['10', '14', '18']);
    expect(left(walk(ids, false), [], true)).toEqual(['10', '14', '18']);
  });
});

describe('a page without statements', () => {
  beforeAll(loadParser);
  const minute = 60 * second;
  const forms = (...minutes: number[]) => minutes.map(m => request('/books/new', m * minute, {}));
  /** Statements of other pages, every ten minutes. */
  const index = (...more: number[]) => new StatementIndex([5, 15, 25, 35, 45, ...more].map(m => statement(m * minute, text, ['1'])));

  it('reads nothing where it was seen in several places of the log', () => {
    expect(readsNothing(forms(10, 20, 30, 40), index())).toBe(true);
  });

  it('may have lost its lines where all its answers lie in one stretch without any', () => {
    expect(readsNothing(forms(6, 7, 8, 9, 10, 11), index())).toBe(false);
  });

  it('is not told by times before and after the log, nor by answers that show nothing', () => {
    expect(readsNothing(forms(1, 10, 20, 50), index())).toBe(false);
    const empty = forms(10, 20, 30, 40).map(r => ({ ...r, status: 302 }));
    expect(readsNothing(empty, index())).toBe(false);
  });

  it('reads something where each answer has another kind of statement beside it than the others', () => {
    const kinds = ['select a from card where b = $1', 'select c, d from person where b = $1', 'select e from bill where b = $1'];
    const asked = Array.from({ length: 60 }, (_, i) => request('/graphql', (10 + 7 * i) * minute, {}));
    const read = asked.map((r, i) => statement(r.loUs, kinds[i % 3]!, [String(i)]));
    expect(readsNothing(asked, new StatementIndex(read))).toBe(false);
    const mine = { ...request('/graphql', 1000 * minute, {}), actor: 'strict' as const };
    const his = statement(mine.loUs, 'select a, c, e from everything where b = $1', ['7']);
    const { instances, silent } = strangersOf([mine], new StatementIndex([...read, his]), new Set(), asked);
    expect([instances.map(i => i.statement?.eventId), silent.size]).toEqual([[his.eventId], 0]);
  });

  it('reads something where most of its answers have a statement beside them', () => {
    expect(readsNothing(forms(10, 20, 30, 40), index(10, 20))).toBe(false);
  });
});
