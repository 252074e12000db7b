import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/index.ts';
import type { StatementLog } from '../../src/exposure/replay/statements.ts';
import { settleAlone } from '../../src/exposure/routes/alone.ts';
import { instancesOf } from '../../src/exposure/routes/instances.ts';
import { learnRoutes } from '../../src/exposure/routes/learn-routes.ts';
import type { Request, Span } from '../../src/exposure/routes/requests.ts';
import { StatementIndex } from '../../src/exposure/routes/statement-index.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { request, statement } from './exchange.ts';

const minute = 60_000_000;
const list = 'select id, title from book where shelf = $1 order by id';
let engine: Engine;

type Scene = {
  /** What others ask for at the time of the intruder. */
  readonly beside?: readonly Request[];
  readonly gaps?: readonly Span[];
  /** Shelves listed at that time besides the intruder's. */
  readonly more?: readonly string[];
  /** What every reader asks for together with the list. */
  readonly always?: string;
  /** How often the intruder asks again at once. */
  readonly again?: number;
};

/** Readers see the list of their own shelf, then a book; the intruder sees a list at minute 500. Whether each execution of his stays open. */
async function settled({ beside = [], gaps = [], more = [], always, again = 0 }: Scene = {}): Promise<boolean[]> {
  const lists = Array.from({ length: 9 }, (_, i) => request('/list', i * 11 * minute, {}));
  const books = lists.map(r => request('/books/{}', r.loUs + minute, { 'path.2': String(r.eventId) }));
  const companions = always === undefined ? [] : lists.map(r => request(always, r.loUs + 1000, {}));
  const own = request('/list', 500 * minute, {}, { actor: 'strict' });
  const all = [own, ...Array.from({ length: again }, (_, n) => request('/list', own.loUs + n + 1, {}, { actor: 'strict' }))];
  const ran = ['6', ...more].map((shelf, n) => statement(own.loUs + n, list, [shelf]));
  const statements = [
    ...lists.map((r, i) => statement(r.loUs, list, [String(i % 3)])),
    ...books.map(r => statement(r.loUs, 'select text from book where id = $1', [String(r.eventId)])),
    ...ran,
  ];
  const index = new StatementIndex(statements);
  const log: StatementLog = { statements, unparseable: [], errors: new Map(), present: true };
  const others = [...lists, ...books, ...companions];
  const routes = learnRoutes(
    others,
    log,
    index,
    new Map([
      ['GET /list', { all: 10, others: 9 }],
      ['GET /books/{}', { all: 9, others: 9 }],
    ]),
  );
  const columns = [
    ['event_id', 'BIGINT'],
    ['class', 'TINYINT'],
    ['method', 'VARCHAR'],
    ['path', 'VARCHAR'],
    ['at_us', 'BIGINT'],
    ['start_lo_us', 'BIGINT'],
    ['start_hi_us', 'BIGINT'],
    ['end_lo_us', 'BIGINT'],
    ['end_hi_us', 'BIGINT'],
  ] as const;
  await engine.load(
    'event',
    columns.map(([name, type]) => ({ name, type })),
    [...others, ...all, ...beside].map(r => [r.eventId, 1, r.method, r.path, r.loUs, r.loUs, r.loUs, r.hiUs, r.hiUs]),
  );
  await engine.load(
    'actor_event',
    [{ name: 'event_id', type: 'BIGINT' }],
    all.map(r => [r.eventId]),
  );
  const { instances } = instancesOf(all, routes, log, index);
  return (await settleAlone(engine, instances, others, index, gaps)).map(i => i.conditional);
}

describe('a statement that carries nothing of its request', () => {
  beforeAll(async () => {
    await loadParser();
    engine = await Engine.open({ file: ':memory:', threads: 1 });
  });
  afterAll(() => engine.close());

  it('is its own where nothing else can have run it', async () => {
    expect(await settled()).toEqual([false]);
    expect(await settled({ beside: [request('/books/{}', 500 * minute, {}), request('/list', 499 * minute, {})] })).toEqual([false]);
  });

  it('may be that of somebody else on the same route', async () => {
    expect(await settled({ beside: [request('/list', 500 * minute + 1000, {})] })).toEqual([true]);
  });

  it('may be that of a request beside it, where the two always go together', async () => {
    const beside = [request('/frame', 500 * minute + 1000, {})];
    expect(await settled({ beside, always: '/frame' })).toEqual([true]);
    expect(await settled({ always: '/frame' })).toEqual([false]);
    expect(await settled({ beside })).toEqual([false]);
    const long = [request('/frame', 440 * minute, {}, { hiUs: 501 * minute })];
    expect(await settled({ beside: long, always: '/frame' })).toEqual([true]);
  });

  it('may be another one where lines of that time are gone', async () => {
    expect(await settled({ gaps: [{ fromUs: 499 * minute, toUs: 501 * minute }] })).toEqual([true]);
    expect(await settled({ gaps: [{ fromUs: 100 * minute, toUs: 101 * minute }] })).toEqual([false]);
  });

  it('may be one of two that differ, unless two requests ran the two of them', async () => {
    expect(await settled({ more: ['7'] })).toEqual([true, true]);
    expect(await settled({ more: ['7'], again: 1 })).toEqual([false, false]);
    expect(await settled({ more: ['7', '8'], again: 1 })).toEqual([true, true, true, true, true, true]);
  });
});
