import { beforeAll, describe, expect, it } from 'vitest';
import { HOUR, SECOND } from '../../src/base/index.ts';
import type { Statement } from '../../src/exposure/replay/statements.ts';
import type { RouteRead } from '../../src/exposure/routes/binding.ts';
import { learnRoutes } from '../../src/exposure/routes/learn-routes.ts';
import type { Request } from '../../src/exposure/routes/requests.ts';
import { StatementIndex } from '../../src/exposure/routes/statement-index.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { request, statement } from './exchange.ts';

const t0 = 1_745_000_000 * SECOND;
const list = 'select id, title from book where town = $1 order by id limit 20 offset $2';
const pages = [1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1];

/** Twenty people of four towns who look at the first two pages of a list; of each request the statement, but those that are lost. */
function readers(lost: readonly number[], besides: readonly Statement[] = []): RouteRead[] {
  const requests: Request[] = pages.map((page, i) => request('/books', t0 + i * HOUR, { page: String(page) }));
  const statements = requests.flatMap((r, i) => (lost.includes(i) ? [] : [statement(r.loUs, list, [`town${i % 4}`, String((pages[i]! - 1) * 20)])]));
  const all = [...statements, ...besides];
  const log = { statements: all, unparseable: [], errors: new Map(), present: true };
  return learnRoutes(requests, log, new StatementIndex(all), new Map([['GET /books', { all: 20, others: 20 }]]));
}

describe('what a route reads that people ask for in the same few ways', () => {
  beforeAll(loadParser);
  const offset = { from: 'linear', name: 'page', factor: 20, add: -20, whenAbsent: null };
  const size = { from: 'constant', value: '20' };

  it('is learned although the others have one another’s values beside them and a line is lost', () => {
    expect(readers([]).map(r => r.bindings)).toMatchObject([[{ from: 'free' }, offset, size]]);
    expect(readers([4]).map(r => r.bindings)).toMatchObject([[{ from: 'free' }, offset, size]]);
  });

  it('is not where there are many more of such statements than requests', () => {
    const besides = Array.from({ length: 12 }, (_, i) => statement(t0 + i * HOUR + HOUR / 2, list, ['town1', '0']));
    expect(readers([4], besides)).toEqual([]);
  });
});
