import { DAY, HOUR, MINUTE, type Micros } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { sql } from '../engine/index.ts';
import type { Step } from './steps.ts';
import { windowColumns } from './tables.ts';

export type Window = {
  readonly startEarliestUs: Micros | null;
  readonly startLatestUs: Micros | null;
  readonly startBasis: string;
  readonly endEarliestUs: Micros | null;
  readonly endLatestUs: Micros | null;
  readonly endBasis: string;
  readonly leftCensored: boolean;
};

/** How near the beginning of a log, or the end of a gap, an event must be for "it may have begun earlier". */
const near = 10 * MINUTE;
const fewLoners = 5;

/**
 * Since when and until when, as intervals. The start is no later than the first event of an actor who got somewhere (or who was at work shortly before);
 * no earlier than the uninterrupted record before it. The end is no earlier than the last such event; no later than the stated containment.
 */
export async function measureWindow(kase: OpenCase, steps: readonly Step[]): Promise<Window> {
  const { engine } = kase;
  const main = steps.filter(s => s.outcome === 'succeeded' || s.outcome === 'unknown');
  const serious = steps.filter(s => s.outcome === 'succeeded');
  const chosen = serious.length > 0 ? serious : main.length > 0 ? main : steps;
  const actorIds = new Set(chosen.map(s => s.actor.id));
  const firstOf = Math.min(...chosen.map(s => s.actor.firstUs));
  const lastOf = Math.max(...chosen.map(s => s.actor.lastUs));
  // Those who got nowhere belong to it when they were at work just before or between. A few loners are its preparation, many are the noise of the internet.
  const loners = new Set(steps.filter(s => !actorIds.has(s.actor.id)).map(s => s.actor.id));
  const before = loners.size <= fewLoners ? DAY : HOUR;
  for (const s of steps) if (s.actor.lastUs >= firstOf - before && s.actor.firstUs <= lastOf) actorIds.add(s.actor.id);
  let window: Window;
  if (steps.length === 0) {
    window = {
      startEarliestUs: null,
      startLatestUs: null,
      startBasis: 'no-step',
      endEarliestUs: null,
      endLatestUs: null,
      endBasis: 'no-step',
      leftCensored: false,
    };
  } else {
    const ids = sql`(${sql.join([...actorIds].sort().map(id => sql`${id}`))})`;
    const ends = await engine.row<{ first_us: number; last_us: number; start_lo: number | null; end_hi: number | null }>(
      'intrusion.window',
      sql`
      select min(e.at_us) as first_us, max(e.at_us) as last_us, arg_min(e.start_lo_us, e.at_us) as start_lo, arg_max(e.end_hi_us, e.at_us) as end_hi
      from actor_event x join event e using (event_id) where x.certainty = 'strict' and x.actor_id in ${ids}`,
    );
    const files = await engine.rows<{ first_us: number; last_us: number }>(
      'intrusion.window_files',
      sql`select min(f.first_us) as first_us, max(f.last_us) as last_us from event_file f
      where f.file_no in (select distinct e.file_no from actor_event x join event e using (event_id) where x.actor_id in ${ids}) having min(f.first_us) is not null`,
    );
    const gaps = await engine.rows<{ from_us: number; to_us: number; reason: string }>(
      'intrusion.window_gaps',
      sql`select from_us, to_us, reason from coverage_gap where from_us <= ${ends.first_us} order by to_us desc, from_us, reason limit 1`,
    );
    const logStart = files[0]?.first_us ?? null;
    const gap = gaps[0];
    const gapNear = gap !== undefined && gap.to_us >= ends.first_us - near;
    const startNear = logStart !== null && ends.first_us - logStart <= near;
    const leftCensored = gapNear || startNear || logStart === null;
    const since = Math.max(logStart ?? 0, gap?.to_us ?? 0);
    const contained = kase.file.facts.containedAt?.value ?? null;
    const held = contained !== null && contained >= ends.last_us;
    window = {
      startEarliestUs: gapNear ? gap!.from_us : leftCensored ? null : since,
      startLatestUs: ends.first_us,
      startBasis: gapNear ? `gap:${gap!.reason}` : startNear ? 'log-begins-just-before' : 'record-without-gap-before-first-event',
      endEarliestUs: ends.last_us,
      endLatestUs: held ? contained : null,
      endBasis: held ? 'stated-containment' : contained !== null ? 'activity-after-stated-containment' : 'no-containment-stated',
      leftCensored,
    };
  }
  await engine.load('intrusion_window', windowColumns, [
    [window.startEarliestUs, window.startLatestUs, window.startBasis, window.endEarliestUs, window.endLatestUs, window.endBasis, window.leftCensored],
  ]);
  return window;
}
