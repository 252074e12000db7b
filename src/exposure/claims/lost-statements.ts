import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue } from '../catalogue.ts';
import type { LeftStatements } from '../replay/log-part.ts';
import { actorOf } from '../routes/requests.ts';
import { claimAnyRecord } from './any-record.ts';
import type { Claims } from './claims.ts';
import { exists } from './write-cells.ts';

type Connection = { readonly system_id: string | null; readonly missing: number; readonly event_id: number };

/**
 * Lines missing from a database connection that was the intruder's alone: a statement ran whose text is lost, and it may have read
 * anything (T2). Only where the log counts its lines by itself and the break was found to be loss, not a filter.
 */
export async function claimLostStatements(engine: Engine, catalogue: Catalogue, claims: Claims): Promise<void> {
  if (!(await exists(engine, 'coverage_gap'))) return;
  const connections = await engine.rows<Connection>(
    'exposure.lost_statements',
    sql`with own as (select conn_id, evidence_id, min(e.system_id) as system_id, min(e.event_id) as event_id, min(at_us) as from_us, max(at_us) as to_us,
          (max(seq) - count(distinct seq))::integer as missing
        from event e left join ${actorOf} a using (event_id) where e.class <> 0 and e.seq is not null and e.conn_id is not null
        group by conn_id, evidence_id having bool_or(e.class = 2 and a.event_id is not null) and not bool_or(e.class = 2 and a.event_id is null) and missing > 0)
      select system_id, missing, event_id from own semi join (select evidence_id as gap_evidence, from_us as gap_from, to_us as gap_to from coverage_gap where reason = 'sequence') g
        on g.gap_evidence = own.evidence_id and g.gap_to >= own.from_us - 60000000 and g.gap_from <= own.to_us + 60000000 order by event_id`,
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
