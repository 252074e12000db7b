import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { detectMarkedWalks } from '../../src/detections/behaviour/marked-walks.ts';
import type { Detection } from '../../src/detections/tables.ts';
import { Engine } from '../../src/engine/index.ts';

const second = 1_000_000;
let engine: Engine;

/** Calls of one session: every `gapUs` another number, in no order. */
async function calls(count: number, gapUs: number, objects = count): Promise<number[]> {
  const ids = Array.from({ length: count }, (_, i) => i + 1);
  await engine.load(
    'detection_object',
    [
      { name: 'event_id', type: 'BIGINT' },
      { name: 'at_us', type: 'BIGINT' },
      { name: 'actor', type: 'VARCHAR' },
      { name: 'client', type: 'VARCHAR' },
      { name: 'status', type: 'INTEGER' },
      { name: 'route', type: 'VARCHAR' },
      { name: 'how', type: 'VARCHAR' },
      { name: 'object', type: 'BIGINT' },
    ],
    ids.map(i => [i, i * gapUs, 's:x', 'i:a|b', 200, '/books/#', 'object', ((i % objects) * 7919) % 10_007]),
  );
  return ids;
}

function finding(kind: Detection['kind'], ids: readonly number[], outcome: Detection['outcome'] = 'succeeded'): Detection {
  return {
    ruleId: 'earlier',
    kind,
    family: 'session',
    level: 'high',
    outcome,
    groupKey: 'earlier',
    facts: {},
    events: ids.map(eventId => ({ eventId, atUs: eventId })),
  };
}

describe('records called up in a foreign account', () => {
  beforeAll(async () => {
    engine = await Engine.open({ file: ':memory:', threads: 1 });
  });
  beforeEach(async () => {
    await calls(0, 1);
  });
  afterAll(() => engine.close());

  it('at the pace of a machine are an enumeration, whatever their order', async () => {
    const ids = await calls(120, second / 20);
    const [found, ...more] = await detectMarkedWalks(engine, [finding('account-takeover', ids)]);
    expect(more).toEqual([]);
    expect([found!.kind, found!.outcome, found!.events.length, found!.facts['distinct']]).toEqual(['idor-enumeration', 'succeeded', 120, 120]);
  });

  it('are none at the pace of a reader, when few, or when already found', async () => {
    expect(await detectMarkedWalks(engine, [finding('account-takeover', await calls(120, 20 * second))])).toEqual([]);
    expect(await detectMarkedWalks(engine, [finding('account-takeover', await calls(120, second / 20, 12))])).toEqual([]);
    const ids = await calls(120, second / 20);
    expect(await detectMarkedWalks(engine, [finding('account-takeover', ids), finding('idor-enumeration', ids)])).toEqual([]);
  });

  it("are none where the takeover is not sure, or is another's", async () => {
    const ids = await calls(120, second / 20);
    expect(await detectMarkedWalks(engine, [finding('account-takeover', ids, 'unknown')])).toEqual([]);
    expect(
      await detectMarkedWalks(engine, [
        finding(
          'account-takeover',
          ids.map(i => i + 1000),
        ),
      ]),
    ).toEqual([]);
    expect(await detectMarkedWalks(engine, [finding('mass-export', ids)])).toEqual([]);
  });
});
