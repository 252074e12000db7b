import { MINUTE } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue } from '../catalogue.ts';
import type { LeftStatements } from '../replay/log-part.ts';
import { programOf } from '../replay/statements.ts';
import { actorOf } from '../routes/requests.ts';
import { claimAnyRecord } from './any-record.ts';
import type { Claims } from './claims.ts';

type Connection = { readonly system_id: string | null; readonly missing: number; readonly event_id: number };

/**
 * Lines missing from a database connection that was the intruder's alone: a statement ran whose text is lost, and it may have read
 * anything (T2). Only where the log counts its lines by itself and the break was found to be loss, not a filter. What was lost after the last
 * line shows nowhere: a log that loses lines is believed to have lost some there too, where a whole program was the intruder's.
 */
export async function claimLostStatements(engine: Engine, catalogue: Catalogue, claims: Claims): Promise<void> {
  if (!(await engine.hasTable('coverage_gap'))) return;
  const connections = await engine.rows<Connection>(
    'exposure.lost_statements',
    sql`with line as (select e.event_id, e.conn_id, e.evidence_id, e.system_id, e.at_us, e.seq, e.class, a.event_id is not null as own, ${programOf} as program
          from event e left join ${actorOf} a using (event_id) where e.class <> 0 and e.seq is not null and e.conn_id is not null),
        served as (select distinct program from line where class = 2 and not own),
        connection as (select conn_id, evidence_id, min(system_id) as system_id, min(event_id) as event_id, min(at_us) as from_us, max(at_us) as to_us,
          (max(seq) - count(distinct seq))::integer as missing, bool_or(class = 2 and program not in (select program from served)) as alone
          from line group by conn_id, evidence_id having bool_or(class = 2 and own) and not bool_or(class = 2 and not own)),
        lossy as (select evidence_id as gap_evidence, from_us as gap_from, to_us as gap_to from coverage_gap where reason = 'sequence')
      select system_id, greatest(missing, 1) as missing, event_id from connection c semi join lossy on gap_evidence = c.evidence_id
        and (c.alone or (c.missing > 0 and gap_to >= c.from_us - ${MINUTE} and gap_from <= c.to_us + ${MINUTE})) order by event_id`,
  );
  const unknown = connections.map(c => ({ systemId: c.system_id, source: { eventId: c.event_id, requestId: null }, missing: c.missing }));
  await claimAnyRecord(
    catalogue,
    claims,
    unknown,
    own => ({ kind: 'gap', rule: 'lost-statement', statement: '', premises: { found: own.reduce((n, c) => n + c.missing, 0), requests: own.length } }),
    { lost: true },
  );
}

/** Statements of the intruder's time that could not be held: any of them may have been the intruder's, and may have read anything (T2). */
export async function claimUnread(catalogue: Catalogue, claims: Claims, left: readonly LeftStatements[]): Promise<void> {
  const unknown = left.map(l => ({ systemId: l.systemId, source: { eventId: l.eventId, requestId: null }, n: l.n }));
  await claimAnyRecord(
    catalogue,
    claims,
    unknown,
    own => ({ kind: 'gap', rule: 'unread-statement', statement: '', premises: { found: own.reduce((n, l) => n + l.n, 0), requests: 0 } }),
    { unread: true },
  );
}
