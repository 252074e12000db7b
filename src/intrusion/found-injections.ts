import { MINUTE } from '../base/index.ts';
import { type Detection, replaceDetections, type StepKind } from '../detections/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import type { InjectionMark, Rebuilt } from './injection/index.ts';

const ruleId = 'injection-rebuilt';
const episodeUs = 30 * MINUTE;

type Hit = { readonly mark: InjectionMark; readonly atUs: number | null };

/**
 * Injections whose grammar could be read but that no signature saw (encodings and headers that signatures do not look into) are detections too: otherwise
 * they would be nobody's. Only where a payload asks for something of a table. Replaces what this rule said before.
 */
export async function noteInjections(engine: Engine, rebuilt: Rebuilt): Promise<void> {
  await replaceDetections(engine, ruleId, []);
  if (firstOf(webMarks(rebuilt)) === null) return;
  await engine.load('marked', [{ name: 'event_id', type: 'BIGINT' }], idsOf(webMarks(rebuilt)));
  const rows = await engine.rows<{ event_id: number; at_us: number | null; known: boolean }>(
    'intrusion.marked',
    sql`select e.event_id, e.at_us, k.event_id is not null as known from (select distinct event_id from marked) m join event e using (event_id)
    left join (select distinct event_id from detection join detection_event using (detection_id) where kind like 'sqli-%') k on k.event_id = e.event_id order by e.event_id`,
  );
  await engine.run('intrusion.drop', sql`drop table marked`);
  const unseen = new Map(rows.filter(r => !r.known).map(r => [r.event_id, r.at_us]));
  if (unseen.size === 0) return;
  const asking = askingEvents(rebuilt);
  const groups = new Map<string, Hit[]>();
  for (const mark of webMarks(rebuilt)) {
    const atUs = unseen.get(mark.eventId);
    if (atUs === undefined) continue;
    const k = JSON.stringify([mark.technique, mark.client, mark.point]);
    const list = groups.get(k) ?? [];
    list.push({ mark, atUs });
    groups.set(k, list);
  }
  const found: Detection[] = [];
  for (const [groupKey, hits] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const run of episodes(hits)) if (run.some(h => asking.has(h.mark.eventId))) found.push(detectionOf(groupKey, run));
  }
  await replaceDetections(engine, ruleId, found);
}

function* webMarks(rebuilt: Rebuilt): Generator<InjectionMark> {
  for (const m of rebuilt.marks) if (!m.point.startsWith('database')) yield m;
}

function* idsOf(marks: Iterable<InjectionMark>): Generator<readonly number[]> {
  for (const m of marks) yield [m.eventId];
}

function firstOf<T>(list: Iterable<T>): T | null {
  for (const x of list) return x;
  return null;
}

/** Events whose payload names a table and what it wants of it. */
function askingEvents(rebuilt: Rebuilt): Set<number> {
  const out = new Set<number>();
  for (const c of rebuilt.cells) if (c.binding.table !== null) for (const id of c.eventIds) out.add(id);
  for (const s of rebuilt.statements) if (s.inBand.table !== null && !s.inBand.calibration) out.add(s.eventId);
  return out;
}

function episodes(hits: readonly Hit[]): Hit[][] {
  const out: Hit[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const h of [...hits].sort((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0) || a.mark.eventId - b.mark.eventId)) {
    const at = h.atUs ?? last;
    if (out.length === 0 || at - last > episodeUs) out.push([]);
    out.at(-1)!.push(h);
    last = at;
  }
  return out;
}

function detectionOf(groupKey: string, run: readonly Hit[]): Detection {
  const { mark } = run[0]!;
  const events = new Map(run.map(h => [h.mark.eventId, h.atUs]));
  return {
    ruleId,
    kind: mark.technique === 'out-of-band' ? 'sqli-stacked' : (`sqli-${mark.technique}` satisfies StepKind),
    family: 'sqli',
    level: 'high',
    outcome: 'unknown',
    groupKey,
    facts: { requests: events.size, point: mark.point.replaceAll('\u0000', ' ') },
    events: [...events].map(([eventId, atUs]) => ({ eventId, atUs })),
  };
}
