import { afterAll, expect, test } from 'vitest';
import { sql } from '../../src/engine/index.ts';
import { readCatalogue } from '../../src/exposure/catalogue.ts';
import { Claims } from '../../src/exposure/claims/claims.ts';
import { claimLostStatements } from '../../src/exposure/claims/lost-statements.ts';
import { type Event, type Incident, openIncident, people, traffic } from './incident.ts';

const opened: Incident[] = [];
afterAll(() => {
  for (const k of opened) k.close();
});

/** How many people lost statements may have shown where the intruder had a connection of its own, as `user`, and elsewhere in the log a line is missing or not. */
async function possible(user: string, lossy: boolean): Promise<number> {
  const { events } = traffic([]);
  const last = events.at(-1)!;
  const own: Event = { id: last.id + 16, cls: 2, us: last.us + 1_000_000, sql: 'SELECT name FROM people WHERE id = 105', conn: 'c9' };
  const kase = await openIncident([...events, own], [own.id]);
  opened.push(kase);
  const { engine } = kase;
  await engine.run('test.evidence', sql`alter table event add column evidence_id varchar default 'database'`);
  await engine.run(
    'test.numbers',
    sql`update event set seq = n from (select event_id as id, row_number() over (partition by conn_id order by event_id) as n from event where class = 2) where id = event_id`,
  );
  await engine.run('test.user', sql`update event set db_user = ${user} where conn_id = 'c9'`);
  const gap = lossy ? sql`select 2 as file_no, 'database' as evidence_id, 0::bigint as from_us, 1::bigint as to_us, 'sequence' as reason, '' as detail` : null;
  await engine.run(
    'test.gaps',
    sql`create table coverage_gap (file_no integer, evidence_id varchar, from_us bigint, to_us bigint, reason varchar, detail varchar)`,
  );
  if (gap) await engine.run('test.gap', sql`insert into coverage_gap ${gap}`);
  const claims = await Claims.open(engine);
  await claimLostStatements(engine, await readCatalogue(engine), claims);
  return (
    await engine.row<{ n: number }>(
      'test.possible',
      sql`select count(distinct row_no)::integer as n from claim_row_work where tier_lower = 0 and tier_upper = 2`,
    )
  ).n;
}

test('what was lost after the last line of the intruder’s own program may have read anything, where the log loses lines', async () => {
  expect(await possible('report', false)).toBe(0);
  expect(await possible('report', true)).toBe(people.length);
});

test('a connection of the application’s own user is no program of the intruder', async () => {
  expect(await possible('app', true)).toBe(0);
});
