import { expect, it } from 'vitest';
import { sql } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { Claims } from '../../src/exposure/claims/claims.ts';
import { claimCloudCopies } from '../../src/exposure/claims/cloud-copies.ts';
import { loadEvents } from '../fixtures/event-table.ts';
import { snapshotEngine } from './snapshot.ts';

/** How many records a call of the intruder to the cloud may have copied; `step`: a step of that kind rests on it. */
async function copied(action: string, key: string, more: Record<string, number> = {}, step = 'other'): Promise<number> {
  const engine = await snapshotEngine([
    {
      name: 'reader',
      columns: ['id', 'grade'],
      rows: [
        ['1', 'adult'],
        ['2', 'child'],
      ],
    },
  ]);
  await loadEvents(engine, [{ class: 4, time_us: 5, line_no: 1, action, outcome: 1, extra: JSON.stringify({ requestParameters: { key } }), ...more }]);
  await engine.run('test.actor', sql`insert into actor_event select 'a', event_id, 'strict', 'session' from event`);
  await engine.run('test.step', sql`create table step as select 's' as step_id, ${step} as kind, 'succeeded' as outcome`);
  await engine.run('test.step', sql`create table step_event as select 's' as step_id, event_id from event`);
  const claims = await Claims.open(engine);
  await claimCloudCopies(engine, await readCatalogue(engine), claims);
  await claims.close();
  const { n } = await engine.row<{ n: number }>('test', sql`select count(*) as n from claim_row where tier_lower = 0 and tier_upper = 2`);
  engine.close();
  return n;
}

it('an image given away, and a data file read out of a store, may hold every record', async () => {
  expect(await copied('ModifyDBSnapshotAttribute', '', {}, 'db-dump')).toBe(2);
  expect(await copied('GetObject', 'exports/readers.csv.gz')).toBe(2);
});

it('a picture, a call that was refused and other calls hold none', async () => {
  expect(await copied('GetObject', 'img/logo.png')).toBe(0);
  expect(await copied('GetObject', 'exports/readers.csv', { outcome: 2 })).toBe(0);
  expect(await copied('DescribeDBSnapshots', '')).toBe(0);
});
