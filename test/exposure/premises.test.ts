import { expect, it } from 'vitest';
import { CaseStore, type OpenCase } from '../../src/case/index.ts';
import { premiseStates } from '../../src/exposure/index.ts';
import { memoryEngine } from '../fixtures/event-table.ts';

it('a premise that told whose events were is named although no claim rests on it', async () => {
  const engine = await memoryEngine();
  const store = new CaseStore(':memory:');
  await engine.load(
    'attribution_premise',
    [
      { name: 'premise', type: 'VARCHAR' },
      { name: 'events', type: 'BIGINT' },
    ],
    [['signed-in-as-owner', 21]],
  );
  const states = await premiseStates({ engine, store } as unknown as OpenCase);
  expect(states).toEqual([{ name: 'signed-in-as-owner', state: 'assumed', by: null, at: null, claims: 0, events: 21 }]);
  engine.close();
  store.close();
});
