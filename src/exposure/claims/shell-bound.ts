import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue } from '../catalogue.ts';
import { claimAnyRecord } from './any-record.ts';
import type { Claims } from './claims.ts';

/** An answer shorter than this holds no record worth the name. */
const leastBytes = 32;

/**
 * A program that the intruder put on the server answers what it likes. Where no database log tells what it asked for, an answer with
 * a body may have shown any record of the system (T2); where a log does, its statements are claimed as they stand there.
 */
export async function claimShells(engine: Engine, catalogue: Catalogue, claims: Claims): Promise<void> {
  const answers = await shellAnswers(engine);
  await claimAnyRecord(
    catalogue,
    claims,
    answers.map(a => ({ systemId: a.system_id, source: { eventId: null, requestId: a.event_id } })),
    own => ({ kind: 'gap', rule: 'program-on-server', statement: '', premises: { requests: own.length } }),
    { shell: true },
  );
}

/** Answers of web shells and injected commands that hold more than nothing. */
export async function shellAnswers(engine: Engine): Promise<{ event_id: number; system_id: string | null }[]> {
  if (!(await engine.hasTable('step')) || !(await engine.hasTable('step_event'))) return [];
  return engine.rows<{ event_id: number; system_id: string | null }>(
    'exposure.shell_answers',
    sql`select distinct e.event_id, e.system_id from step s join step_event x using (step_id) join event e using (event_id)
      where s.kind in ('web-shell', 'command-injection') and s.outcome not in ('attempted', 'blocked') and e.class = 1 and e.status between 200 and 299
        and coalesce(e.method, '') <> 'HEAD' and coalesce(e.bytes_out, ${leastBytes}) >= ${leastBytes} order by e.event_id`,
  );
}
