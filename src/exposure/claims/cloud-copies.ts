import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue } from '../catalogue.ts';
import { actorOf } from '../routes/requests.ts';
import { claimAnyRecord } from './any-record.ts';
import type { Claims } from './claims.ts';

/** Objects of a store that hold records or archives, by their ending. */
const dataObject = String.raw`\.(?:csv|tsv|jsonl?|ndjson|parquet|avro|orc|sql|dump|dmp|bak|sqlite3?|xlsx?|zip|7z|rar|tar|tgz|gz|bz2|xz|zst)$`;

/**
 * What the intruder copied in the cloud, past the application and the log of its database: images of disks and databases that were given away (steps), and data files
 * that were read out of a store. What was in them nobody knows, nor of which system, so it may have been every record (T2).
 */
export async function claimCloudCopies(engine: Engine, catalogue: Catalogue, claims: Claims): Promise<void> {
  if (!(await engine.hasTable('step')) || !(await engine.hasTable('step_event'))) return;
  const copies = await engine.rows<{ event_id: number; action: string }>(
    'exposure.cloud_copies',
    sql`select event_id, action from event e join ${actorOf} a using (event_id) where e.class = 4 and e.outcome = 1 and e.action is not null
      and (event_id in (select x.event_id from step_event x join step s using (step_id) where s.kind = 'db-dump' and s.outcome not in ('attempted', 'blocked'))
        or (e.action = 'GetObject' and regexp_matches(coalesce(json_extract_string(try_cast(e.extra as json), '$.requestParameters.key'), ''), ${sql.lit(dataObject)}, 'i')))
      order by event_id`,
  );
  await claimAnyRecord(
    catalogue,
    claims,
    copies.map(c => ({ systemId: null, source: { eventId: c.event_id, requestId: null }, action: c.action })),
    own => ({
      kind: 'gap',
      rule: 'copied-in-cloud',
      statement: [...new Set(own.map(c => c.action))].sort().join(' '),
      premises: { requests: own.length },
    }),
    { cloud: true },
  );
}
