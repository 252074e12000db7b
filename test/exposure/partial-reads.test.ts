import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/index.ts';
import { isSelective } from '../../src/exposure/replay/selective-log.ts';
import type { Statement, StatementLog } from '../../src/exposure/replay/statements.ts';
import { instancesOf } from '../../src/exposure/routes/instances.ts';
import { learnPartialReads } from '../../src/exposure/routes/partial-reads.ts';
import { StatementIndex } from '../../src/exposure/routes/statement-index.ts';
import { loadParser } from '../../src/exposure/sql/index.ts';
import { loadEvents, memoryEngine } from '../fixtures/event-table.ts';
import { request, statement } from './exchange.ts';

const second = 1_000_000;
const detail = 'select name, place from book where id = $1';

describe('a log that shows some statements only', () => {
  beforeAll(loadParser);

  const others = Array.from({ length: 40 }, (_, i) => request('/book', i * 60 * second, { no: String(1000 + i) }));
  const learnt = (ran: readonly Statement[], told: readonly string[] = []) => {
    const log: StatementLog = { statements: ran, unparseable: [], errors: new Map(), present: true };
    const index = new StatementIndex(ran);
    return { log, index, reads: learnPartialReads(others, log, index, new Set(told)) };
  };
  const every = (n: number, value = (i: number): string => String(1000 + i)): Statement[] =>
    others.filter((_, i) => i % n === 0).map((r, i) => statement(r.loUs + 300, detail, [value(i * n)]));

  it('teaches what the other requests may have run, each possible until a size agrees', () => {
    const { log, index, reads } = learnt(every(5));
    expect(reads.map(r => [r.route, r.partial, r.bindings, r.support])).toEqual([
      ['GET /book', true, [{ from: 'request', name: 'no', before: '', after: '' }], 0.2],
    ]);
    const seen = instancesOf([others[5]!, others[6]!], reads, log, index).instances;
    expect(seen.map(i => [i.values, i.statement !== null, i.conditional])).toEqual([
      [['1005'], true, false],
      [['1006'], false, true],
    ]);
  });

  it('teaches nothing from statements with other values, from too few, or from those of another route', () => {
    expect(learnt(every(5, i => String(i * i))).reads).toEqual([]);
    expect(learnt(every(10)).reads).toEqual([]);
    expect(learnt(every(5), [statement(0, detail, ['1']).read.shape]).reads).toEqual([]);
  });
});

describe('whether a log is a choice of the statements', () => {
  let engine: Engine;
  afterEach(() => engine.close());

  const selective = async (rows: readonly Record<string, string | number | null>[]): Promise<boolean> => {
    engine = await memoryEngine();
    await loadEvents(
      engine,
      rows.map((r, i) => ({ class: 2, time_us: i * second, sql_text: 'select 1', line_no: i + 1, file_no: 1, ...r })),
    );
    return isSelective(engine);
  };
  const lasting = (us: number) => Array.from({ length: 30 }, (_, i) => ({ duration_us: us + i * 700 }));

  it('is told by durations of which none is short', async () => {
    expect(await selective(lasting(5000))).toBe(true);
  });
  it('is not where some are short, some lack a duration, or there are few', async () => {
    expect(await selective(lasting(40))).toBe(false);
    engine.close();
    expect(await selective([...lasting(5000), {}, {}])).toBe(false);
    engine.close();
    expect(await selective(lasting(5000).slice(0, 9))).toBe(false);
  });
  it('is told by audits of objects without any of sessions', async () => {
    const audit = (kind: string) => ({ action: 'audit', extra: JSON.stringify({ audit: kind }) });
    expect(await selective([audit('OBJECT'), audit('OBJECT')])).toBe(true);
    engine.close();
    expect(await selective([audit('OBJECT'), audit('SESSION')])).toBe(false);
  });
});
