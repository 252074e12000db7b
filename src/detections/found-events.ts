import { type Engine, sql } from '../engine/index.ts';
import type { Detection } from './tables.ts';

/** Nothing is known of any event. */
export async function forgetFound(engine: Engine): Promise<void> {
  await engine.run('detection.found', sql`create or replace temp table detection_found (event_id bigint, at_us bigint, client_key bigint, actor_key bigint)`);
}

/** Kinds of detections that say that somebody got in or took something. */
export const graveKinds: ReadonlySet<string> = new Set([
  'account-takeover',
  'idor-enumeration',
  'mass-export',
  'credential-stuffing',
  'password-spray',
  'web-shell',
]);

/** Makes `detection_found` hold the events of these detections where they are of a grave kind, with time and keys of the sender where they are requests: each is looked for once. */
export async function knowFound(engine: Engine, found: readonly Detection[]): Promise<void> {
  await engine.load(
    'detection_named',
    [{ name: 'event_id', type: 'BIGINT' }],
    [...new Set(found.filter(d => graveKinds.has(d.kind)).flatMap(d => d.events.map(e => Number(e.eventId))))].map(id => [id]),
  );
  await engine.run('detection.found', sql`delete from detection_named where event_id in (select event_id from detection_found)`);
  const { n } = await engine.row<{ n: number }>('detection.found', sql`select count(*) as n from detection_named`);
  if (n === 0) return;
  await engine.run(
    'detection.found',
    sql`insert into detection_found
    select event_id, at_us, client_key, actor_key from detection_named
      left join (select event_id, at_us, client_key, actor_key from event where class = 1 and event_id in (select event_id from detection_named)) using (event_id)`,
  );
}
