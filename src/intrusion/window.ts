import { DAY, HOUR, MINUTE, type Micros } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import type { Step } from './steps.ts';
import { windowColumns, windowSourceColumns } from './tables.ts';

export type Window = {
  readonly startEarliestUs: Micros | null;
  readonly startLatestUs: Micros | null;
  readonly startBasis: string;
  readonly endEarliestUs: Micros | null;
  readonly endLatestUs: Micros | null;
  readonly endBasis: string;
  readonly leftCensored: boolean;
};

/** What one source says: its own record, the intruder's first and last trace in it, and why it sees no further on either side. */
export type SourceWindow = {
  readonly evidenceId: string;
  readonly logFirstUs: Micros;
  readonly logLastUs: Micros;
  readonly firstUs: Micros;
  readonly lastUs: Micros;
  readonly startEarliestUs: Micros | null;
  readonly startBasis: string;
  readonly leftCensored: boolean;
  readonly endBasis: string;
};

/** How near the beginning or end of a log, or the edge of a gap, a trace must be for "there may have been more beyond it". */
const near = 10 * MINUTE;
/** A hole of the record within this time before the first trace may hold earlier ones. */
const recent = DAY;
const fewLoners = 5;
const nothing: Window = {
  startEarliestUs: null,
  startLatestUs: null,
  startBasis: 'no-step',
  endEarliestUs: null,
  endLatestUs: null,
  endBasis: 'no-step',
  leftCensored: false,
};

/**
 * Since when and until when, as intervals. The start is no later than the first event of an actor who got somewhere (or who was at work shortly before);
 * no earlier than the record before it goes without a hole. The end is no earlier than the last such event; no later than the stated containment.
 * Where no event is surely an intruder's, the events that a method points at stand in, and the basis says so.
 */
export async function measureWindow(kase: OpenCase, steps: readonly Step[]): Promise<Window> {
  const sources = steps.length === 0 ? [] : await readSources(kase.engine, chooseActors(steps));
  const window = sources.length === 0 ? nothing : combine(sources, kase.file.facts.containedAt?.value ?? null);
  await kase.engine.load('intrusion_window', windowColumns, [
    [window.startEarliestUs, window.startLatestUs, window.startBasis, window.endEarliestUs, window.endLatestUs, window.endBasis, window.leftCensored],
  ]);
  await kase.engine.load(
    'intrusion_window_source',
    windowSourceColumns,
    sources.map(s => [s.evidenceId, s.logFirstUs, s.logLastUs, s.firstUs, s.lastUs, s.startEarliestUs, s.startBasis, s.leftCensored, s.endBasis]),
  );
  return window;
}

/** Those who got somewhere; and who got nowhere but was at work just before or between. A few loners are its preparation, many are the noise of the internet. */
function chooseActors(steps: readonly Step[]): Set<string> {
  const serious = steps.filter(s => s.outcome === 'succeeded');
  const main = steps.filter(s => s.outcome === 'succeeded' || s.outcome === 'unknown');
  const chosen = serious.length > 0 ? serious : main.length > 0 ? main : steps;
  const ids = new Set(chosen.map(s => s.actor.id));
  const firstOf = Math.min(...chosen.map(s => s.actor.firstUs));
  const lastOf = Math.max(...chosen.map(s => s.actor.lastUs));
  const loners = new Set(steps.filter(s => !ids.has(s.actor.id)).map(s => s.actor.id));
  const before = loners.size <= fewLoners ? DAY : HOUR;
  for (const s of steps) if (s.actor.lastUs >= firstOf - before && s.actor.firstUs <= lastOf) ids.add(s.actor.id);
  return ids;
}

type Traces = { evidence_id: string; first_us: number; last_us: number; log_first_us: number; log_last_us: number };
type Gap = { evidence_id: string; from_us: number; to_us: number; reason: string };

/** By source, the one with the first trace first. */
async function readSources(engine: Engine, actors: ReadonlySet<string>): Promise<(SourceWindow & { readonly possible: boolean })[]> {
  const ids = sql`(${sql.join([...actors].sort().map(id => sql`${id}`))})`;
  const read = (sure: boolean): Promise<Traces[]> =>
    engine.rows<Traces>(
      'intrusion.window',
      sql`with trace as (select s.evidence_id, min(e.at_us) as first_us, max(e.at_us) as last_us from actor_event x join event e using (event_id) join source_file s on s.file_no = e.file_no
          where ${sure ? sql`x.certainty = 'strict'` : sql`x.reason = 'detection'`} and x.actor_id in ${ids} and e.at_us is not null group by 1),
        log as (select s.evidence_id, min(f.first_us - coalesce(f.clock_offset_us, 0)) as log_first_us, max(f.last_us - coalesce(f.clock_offset_us, 0)) as log_last_us from event_file f join source_file s using (file_no) group by 1)
      select evidence_id, first_us, last_us, coalesce(log_first_us, first_us) as log_first_us, coalesce(log_last_us, last_us) as log_last_us from trace left join log using (evidence_id) order by first_us, evidence_id`,
    );
  const sure = await read(true);
  const traces = sure.length > 0 ? sure : await read(false);
  const gaps = await engine.rows<Gap>(
    'intrusion.window_gaps',
    sql`select evidence_id, from_us, to_us, reason from coverage_gap order by evidence_id, from_us, to_us, reason`,
  );
  return traces.map(t => ({
    ...describe(
      t,
      gaps.filter(g => g.evidence_id === t.evidence_id),
    ),
    possible: sure.length === 0,
  }));
}

function describe(t: Traces, gaps: readonly Gap[]): SourceWindow {
  const before = gaps.filter(g => g.from_us <= t.first_us).sort((a, b) => b.to_us - a.to_us)[0];
  const after = gaps.filter(g => g.to_us >= t.last_us).sort((a, b) => a.from_us - b.from_us)[0];
  const common = { evidenceId: t.evidence_id, logFirstUs: t.log_first_us, logLastUs: t.log_last_us, firstUs: t.first_us, lastUs: t.last_us };
  const endBasis =
    after && after.from_us <= t.last_us + near ? `gap-after:${after.reason}` : t.log_last_us - t.last_us <= near ? 'log-ends-just-after' : 'record-goes-on';
  if (before && before.to_us >= t.first_us - recent) {
    // a gap that reaches back to where the record begins leaves nothing clean before it
    const startEarliestUs = before.from_us - t.log_first_us <= near ? null : before.from_us;
    return { ...common, startEarliestUs, startBasis: `gap:${before.reason}`, leftCensored: true, endBasis };
  }
  if (t.first_us - t.log_first_us <= near) return { ...common, startEarliestUs: null, startBasis: 'log-begins-just-before', leftCensored: true, endBasis };
  return {
    ...common,
    startEarliestUs: t.log_first_us,
    startBasis: before ? 'gap-earlier' : 'record-without-gap-before-first-event',
    leftCensored: false,
    endBasis,
  };
}

function combine(sources: readonly (SourceWindow & { readonly possible: boolean })[], contained: Micros | null): Window {
  const first = Math.min(...sources.map(s => s.firstUs));
  const last = Math.max(...sources.map(s => s.lastUs));
  // a hole in any record he shows up in may hide him; the beginning of a record only where no other one reaches further back
  const holes = sources.filter(s => s.startBasis.startsWith('gap:') && s.firstUs <= first + recent);
  const clear = sources.filter(s => !s.leftCensored && s.logFirstUs < first - near);
  const earliest = (list: readonly SourceWindow[]): Micros | null =>
    list.some(s => s.startEarliestUs === null) ? null : Math.min(...list.map(s => s.startEarliestUs!));
  const [startEarliestUs, startBasis, leftCensored] =
    holes.length > 0
      ? [earliest(holes), holes[0]!.startBasis, true]
      : clear.length > 0
        ? [earliest(clear), clear.find(s => s.startBasis === 'gap-earlier')?.startBasis ?? clear[0]!.startBasis, false]
        : [null, 'log-begins-just-before', true];
  const held = contained !== null && contained >= last;
  const edge = sources.find(s => s.lastUs >= last - near && s.endBasis !== 'record-goes-on');
  return {
    startEarliestUs,
    startLatestUs: first,
    startBasis: sources.some(s => s.possible) ? `possible-actor:${startBasis}` : startBasis,
    endEarliestUs: last,
    endLatestUs: held ? contained : null,
    endBasis: held ? 'stated-containment' : contained !== null ? 'activity-after-stated-containment' : (edge?.endBasis ?? 'no-containment-stated'),
    leftCensored,
  };
}
