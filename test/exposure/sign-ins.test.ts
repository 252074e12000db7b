import { beforeAll, describe, expect, it } from 'vitest';
import { HOUR, SECOND } from '../../src/base/index.ts';
import type { Statement } from '../../src/exposure/replay/statements.ts';
import type { RouteRead } from '../../src/exposure/routes/binding.ts';
import { learnRoutes } from '../../src/exposure/routes/learn-routes.ts';
import type { Request } from '../../src/exposure/routes/requests.ts';
import { asksPassword, settleSignIns, silentShapes } from '../../src/exposure/routes/sign-ins.ts';
import { StatementIndex } from '../../src/exposure/routes/statement-index.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { request, statement } from './exchange.ts';

/** Eight people sign in and are led to a menu; the check stands beside both requests. */

const t0 = 1_745_000_000 * SECOND;
const check = 'select id, login, branch from staff where login = $1 and password = $2';
const news = 'select id, title from news where staff_id = $1 order by id';

function signIns(text: string, also: readonly number[] = []): { requests: Request[]; posts: Request[]; statements: Statement[] } {
  const at = Array.from({ length: 8 }, (_, i) => t0 + i * HOUR);
  const posts = at.map(us => request('/login', us, {}, { method: 'POST', status: 302 }));
  return {
    posts,
    requests: [...posts, ...at.map(us => request('/menu', us + SECOND / 2, {}))],
    statements: [...at, ...also].map((us, i) => statement(us + 2000, text, [`agent${i}`, `word${i}`])),
  };
}

function settled({ requests, posts, statements }: ReturnType<typeof signIns>, allPosts = posts.length): RouteRead[] {
  const log = { statements, unparseable: [], errors: new Map(), present: true };
  const index = new StatementIndex(statements);
  const counts = new Map([
    ['POST /login', { all: allPosts, others: posts.length }],
    ['GET /menu', { all: 8, others: 8 }],
  ]);
  return settleSignIns(learnRoutes(requests, log, index, counts), posts, log, index, counts);
}
const routes = (list: readonly RouteRead[]): string[] => list.map(r => r.route).sort();

describe('the check of a password', () => {
  beforeAll(loadParser);

  it('is run by what carries the password, not by the page after it', () => {
    expect(routes(settled(signIns(check)))).toEqual(['POST /login']);
  });

  it('is told from what the page reads with values of the session', () => {
    expect(routes(settled(signIns(news)))).toEqual(['GET /menu', 'POST /login']);
  });

  it('stays open where there are more checks than sign-ins', () => {
    const more = Array.from({ length: 20 }, (_, i) => t0 + i * 60 * SECOND + HOUR / 2);
    expect(routes(settled(signIns(check, more)))).toEqual([]);
  });

  it('is explained by requests that were turned away, however few others signed in', () => {
    const burst = Array.from({ length: 40 }, (_, i) => t0 + 20 * HOUR + i * 300_000);
    const { requests, posts, statements } = signIns(check, burst);
    const refused = burst.map(us => request('/login', us, {}, { method: 'POST', status: 401 }));
    const few = { requests: requests.slice(0, 1), posts: [...posts, ...refused], statements };
    const [only, ...rest] = settled(few, few.posts.length);
    expect([only?.route, only?.bindings, rest]).toEqual(['POST /login', [{ from: 'free' }, { from: 'free' }], []]);
  });

  it('shows nothing to anybody where every sign-in is sent on or turned away', () => {
    const given = signIns(check);
    const learned = settled(given);
    const shape = given.statements[0]!.read.shape;
    expect([...silentShapes(learned, given.requests)]).toEqual([shape]);
    const answered = { ...given.posts[0]!, status: 200 };
    expect([...silentShapes(learned, [...given.requests, answered])]).toEqual([]);
    expect([...silentShapes(learned, given.posts.slice(0, 4))]).toEqual([]);
  });

  it('is known by a condition on a column of that meaning', () => {
    const reads = [check, news, 'select password from staff where id = $1', "select 1 from staff where pwd = 'x'"].map(t => statement(t0, t, ['1', '2']).read);
    expect(reads.map(asksPassword)).toEqual([true, false, false, true]);
  });
});
