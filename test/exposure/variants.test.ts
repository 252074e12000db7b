import { beforeAll, describe, expect, it } from 'vitest';
import type { Statement, StatementLog } from '../../src/exposure/replay/statements.ts';
import { instancesOf } from '../../src/exposure/routes/instances.ts';
import { learnRoutes } from '../../src/exposure/routes/learn-routes.ts';
import { StatementIndex } from '../../src/exposure/routes/statement-index.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { request, statement } from './exchange.ts';

const second = 1_000_000;
const list = 'select id, title from book';
/** Readers always name genre and shelf, one reader always the same; the intruder leaves something out. */
function scene(
  asked: Record<string, string>,
  ran: Statement | null,
  beside: Statement | null = null,
): { values: readonly (string | null | undefined)[]; ambiguous: boolean; conditional: boolean; statement: Statement | null }[] {
  const readers = Array.from({ length: 12 }, (_, i) => i * 60 * second);
  const statements = readers.map(t => statement(t + 200, `${list} where genre = $1 and shelf = $2 order by id`, ['poetry', '4']));
  const others = readers.map(t => request('/books.csv', t, { genre: 'poetry', shelf: '4' }));
  const all = [...statements, ...[ran, beside].filter(s => s !== null)];
  const log: StatementLog = { statements: all, unparseable: [], errors: new Map(), present: true };
  const index = new StatementIndex(all);
  const routes = learnRoutes(others, log, index, new Map([['GET /books.csv', { all: 13, others: 12 }]]));
  expect(routes).toHaveLength(1);
  return instancesOf([request('/books.csv', 5000 * second, asked, { actor: 'strict' })], routes, log, index).instances;
}

describe('a request with other parameters than usual', () => {
  beforeAll(loadParser);

  it('runs the statement made of its own parameters', () => {
    const ran = statement(5000 * second + 300, `${list} where shelf = $1 order by id`, ['9']);
    const found = scene({ shelf: '9' }, ran);
    expect(found.map(i => [i.statement?.eventId, i.values, i.ambiguous])).toEqual([[ran.eventId, ['9'], false]]);
  });

  it('is not explained by what another reader ran at the same moment', () => {
    const ran = statement(5000 * second + 300, `${list} order by id`, []);
    const found = scene({}, ran, statement(5000 * second + 400, `${list} where genre = $1 and shelf = $2 order by id`, ['poetry', '4']));
    expect(found.map(i => [i.statement?.eventId, i.values, i.ambiguous])).toEqual([[ran.eventId, [], false]]);
  });

  it('leaves open what a value was when no statement tells', () => {
    const found = scene({ shelf: '9' }, null, statement(5000 * second + 400, `${list} where genre = $1 and shelf = $2 order by id`, ['poetry', '4']));
    expect(found).toHaveLength(1);
    expect(found[0]!.statement).toBeNull();
    expect(found[0]!.values).toContain(undefined);
    expect(found[0]!.values).not.toContain('4');
  });

  it('is possible but not certain when two statements could be its own', () => {
    const found = scene(
      { shelf: '9' },
      statement(5000 * second + 300, `${list} where shelf = $1 order by id`, ['9']),
      statement(5000 * second + 400, `${list} where shelf = $1 and lent order by id`, ['9']),
    );
    expect(found.map(i => i.ambiguous)).toEqual([true, true]);
  });
});

describe('a value pasted into the text twice', () => {
  beforeAll(loadParser);

  it('is followed to the statement it made', () => {
    const text = (v: string): string => `${list} where title like '%${v}%' or author like '%${v}%' order by id`;
    const words = ['tides', 'moss', 'lamp', 'stone', 'tides', 'moss', 'lamp', 'stone', 'river', 'ash'];
    const others = words.map((w, i) => request('/books.csv', i * 60 * second, { q: w }));
    const attack = `tides%' and 1=1 and 'q%'='q`;
    const ran = statement(5000 * second + 300, text(attack), []);
    const statements = [...words.map((w, i) => statement(i * 60 * second + 200, text(w), [])), ran];
    const log: StatementLog = { statements, unparseable: [], errors: new Map(), present: true };
    const index = new StatementIndex(statements);
    const routes = learnRoutes(others, log, index, new Map([['GET /books.csv', { all: 11, others: 10 }]]));
    expect(routes.map(r => r.concatenations.map(c => c.between))).toEqual([[[`%' or author like '%`]]]);
    const found = instancesOf([request('/books.csv', 5000 * second, { q: attack }, { actor: 'strict' })], routes, log, index).instances;
    expect(found.map(i => [i.statement?.eventId, i.injected])).toEqual([[ran.eventId, true]]);
  });
});
