import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenCase } from '../../src/case/index.ts';
import type { Engine } from '../../src/engine/index.ts';
import { assessReadiness } from '../../src/exposure/index.ts';
import { type EventRow, loadEvents, memoryEngine } from '../fixtures/event-table.ts';
import { get } from '../fixtures/web-request.ts';

describe('what logging would have told', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await memoryEngine();
    await engine.load(
      'dataset',
      [
        { name: 'dataset_id', type: 'VARCHAR' },
        { name: 'system_id', type: 'VARCHAR' },
        { name: 'as_of_us', type: 'BIGINT' },
      ],
      [['customers', null, 1]],
    );
    await engine.load(
      'event_file',
      [
        { name: 'file_no', type: 'INTEGER' },
        { name: 'resolution_us', type: 'BIGINT' },
      ],
      [[1, 1000]],
    );
  });
  afterAll(() => engine.close());

  const advice = async (more: EventRow): Promise<readonly string[]> => {
    await loadEvents(engine, [get(1, '203.0.113.1', '/customers/1', more), get(2, '203.0.113.1', '/customers/2', more)]);
    return (await assessReadiness({ engine } as OpenCase))[0]!.advice;
  };

  it('names what tells clients behind one address apart, where a log holds neither agent nor session', async () => {
    expect(await advice({ user_agent: null })).toContain('client');
    expect(await advice({})).not.toContain('client');
    expect(await advice({ user_agent: null, session: 's1' })).not.toContain('client');
  });
});
