import { beforeAll, describe, expect, it } from 'vitest';
import { learnRoutes } from '../../src/exposure/routes/learn-routes.ts';
import { StatementIndex } from '../../src/exposure/routes/statement-index.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { request, statement } from './exchange.ts';

const minute = 60_000_000;
const person = 'select name, phone from reader where card = $1';

/** Clerks choose a reader and are sent on to his page; readers open their own. */
function routes(chosenStatus: number): (string | boolean)[][] {
  const chosen = Array.from({ length: 12 }, (_, i) => request('/choose', i * 7 * minute, { card: `R${100 + i}` }, { status: chosenStatus }));
  const pages = chosen.map(r => request('/profile', r.loUs + 2000, {}));
  const own = Array.from({ length: 12 }, (_, i) => request('/profile', (i * 7 + 3) * minute, {}));
  const statements = [
    ...pages.map((r, i) => statement(r.loUs + 200, person, [`R${100 + i}`])),
    ...own.map((r, i) => statement(r.loUs + 200, person, [`R${500 + i}`])),
  ];
  const counts = new Map([
    ['GET /choose', { all: 12, others: 12 }],
    ['GET /profile', { all: 24, others: 24 }],
  ]);
  const log = { statements, unparseable: [], errors: new Map(), present: true };
  return learnRoutes([...chosen, ...pages, ...own], log, new StatementIndex(statements), counts).map(r => [r.route, r.bindings[0]!.from]);
}

describe('a statement that two routes may run', () => {
  beforeAll(loadParser);

  it('is read by the page that a route without an answer of its own sends on to', () => {
    expect(routes(302)).toEqual([
      ['GET /choose', 'request'],
      ['GET /profile', 'free'],
    ]);
  });
  it('is the one of the route that answers and sends its value', () => {
    expect(routes(200)).toEqual([['GET /choose', 'request']]);
  });
});
