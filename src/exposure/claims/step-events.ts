import { type Engine, type Sql, sql } from '../../engine/index.ts';

/** Events of the steps that pass a test on `step`; none where no intrusion was reconstructed. */
export async function eventsOfSteps(engine: Engine, where: Sql): Promise<Set<number>> {
  if (!(await engine.hasTable('step')) || !(await engine.hasTable('step_event'))) return new Set();
  const rows = await engine.rows<{ event_id: number }>(
    'exposure.step_events',
    sql`select distinct event_id from step_event join step using (step_id) where ${where} order by event_id`,
  );
  return new Set(rows.map(r => r.event_id));
}
