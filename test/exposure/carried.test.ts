import { beforeAll, describe, expect, it } from 'vitest';
import { SECOND } from '../../src/base/index.ts';
import { carriedStatements, passwordChecks } from '../../src/exposure/claims/carried.ts';
import type { Statement } from '../../src/exposure/replay/statements.ts';
import { StatementIndex } from '../../src/exposure/routes/statement-index.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { request, statement } from './exchange.ts';

const t0 = 1_745_000_000 * SECOND;
const detail = 'select id, title from book where id = $1';
const check = 'select id from staff where login = $1 and password = $2';

describe('statements that a request explains although its route could not be learned', () => {
  beforeAll(loadParser);
  const none = new Set<number>();

  it('carry the values that somebody else sent at that moment, one of a kind for each request', () => {
    const [own, second, other, later] = [['7'], ['7'], ['8'], ['7']].map((values, i) => statement(t0 + (i === 3 ? 60 : 0) * SECOND + i * 1000, detail, values));
    const all = [own!, second!, other!, later!];
    const index = new StatementIndex(all);
    expect(carriedStatements([request('/book/7', t0, { id: '7' })], all, index, none)).toEqual(new Set([own!.eventId]));
    expect(carriedStatements([request('/book/7', t0, { id: '7' })], all, index, new Set([own!.eventId]))).toEqual(new Set([second!.eventId]));
  });

  it('are always the same, and as many as the requests of a page that is seldom used', () => {
    const count = 'select town, count(*) from book group by town';
    const [one, two, three] = [0, 60, 120].map(s => statement(t0 + s * SECOND, count));
    const asked = [0, 60].map(s => request('/figures', t0 + s * SECOND, {}));
    const carried = (list: Statement[]): Set<number> => carriedStatements(asked, list, new StatementIndex(list), none);
    expect(carried([one!, two!])).toEqual(new Set([one!.eventId, two!.eventId]));
    expect(carried([one!, two!, three!])).toEqual(none);
    expect(carried([one!])).toEqual(none);
  });

  it('are not looked for beside routes that are used often: those are learned, or run nothing', () => {
    const all = [statement(t0, detail, ['7'])];
    const index = new StatementIndex(all);
    const often = [0, 60, 120].map(s => request('/news', t0 + s * SECOND, { id: '7' }));
    expect(carriedStatements(often, all, index, none)).toEqual(none);
  });

  it('check a password while somebody is sent on from where one signs in', () => {
    const checked = statement(t0, check, ['mori', 'x']);
    const index = new StatementIndex([checked, statement(t0 + 1000, detail, ['7'])]);
    const post = (status: number) => request('/login', t0, {}, { method: 'POST', status });
    expect(passwordChecks([post(302)], index, none)).toEqual(new Set([checked.eventId]));
    expect(passwordChecks([post(200)], index, none)).toEqual(none);
    expect(passwordChecks([{ ...post(302), method: 'GET' }], index, none)).toEqual(none);
  });
});
