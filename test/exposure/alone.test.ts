import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/index.ts';
import type { StatementLog } from '../../src/exposure/replay/statements.ts';
import { settleAlone } from '../../src/exposure/routes/alone.ts';
import { instancesOf } from '../../src/exposure/routes/instances.ts';
import { learnRoutes, StatementIndex } from '../../src/exposure/routes/link-statements.ts';
import type { Request, Span } from '../../src/exposure/routes/requests.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { request, statement } from './exchange.ts';

const minute = 60_000_000;
const list = 'select id, title from book where shelf = $1 order by id';
let engine: Engine;

/** Readers see the list of their own shelf, then a book; the intruder sees a list at minute 500. `beside` happens at the same time. */
async function settled(
  beside: readonly Request[] = [],
  gaps: readonly Span[] = [],
  more: readonly string[] = [],
  always: string | null = null,
): Promise<boolean[]> {
  const lists = Array.from({ length: 9 }, (_, i) => request('/list', i * 11 * minute, {}));
  const books = lists.map(r => request('/books/{}', r.loUs + minute, { 'path.2': String(r.eventId) }));
  const companions = always === null ? [] : lists.map(r => request(always, r.loUs + 1000, {}));
  const own = request('/list', 500 * minute, {}, { actor: 'strict' });
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
    [...others, own, ...beside].map(r => [r.eventId, 1, r.method, r.path, r.loUs, r.loUs, r.loUs, r.hiUs, r.hiUs]),
  );
  const { instances } = instancesOf([own], routes, log, index);
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
    expect(await settled([request('/books/{}', 500 * minute, {}), request('/list', 499 * minute, {})])).toEqual([false]);
  });

  it('may be that of a request beside it, where the two always go together', async () => {
    const frame = [request('/frame', 500 * minute + 1000, {})];
    expect(await settled(frame, [], [], '/frame')).toEqual([true]);
    expect(await settled([], [], [], '/frame')).toEqual([false]);
    expect(await settled(frame)).toEqual([false]);
  });

  it('may be another one where lines of that time are gone', async () => {
    expect(await settled([], [{ fromUs: 499 * minute, toUs: 501 * minute }])).toEqual([true]);
    expect(await settled([], [{ fromUs: 100 * minute, toUs: 101 * minute }])).toEqual([false]);
  });

  it('may be one of two that differ', async () => {
    expect(await settled([], [], ['7'])).toEqual([true, true]);
  });
});
