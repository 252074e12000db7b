import { groupBy, SECOND } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { episodes } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { medianGap, readingUs } from '../times.ts';

type Call = {
  event_id: number;
  at_us: number | null;
  atUs: number | null;
  actor: string;
  route: string;
  object: number;
  status: number | null;
};

const minObjects = 15;

/**
 * Records called up one after another, in any order, by somebody who is in with another's account. Beside peers who work through lists all day
 * such a run does not stand out by its number, so it is judged by its pace alone. Uses `detection_object` of the enumeration pass.
 */
export async function detectMarkedWalks(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const marked = found.filter(d => d.kind === 'account-takeover' && d.outcome === 'succeeded').flatMap(d => d.events.map(e => e.eventId));
  if (marked.length === 0) return [];
  const known = new Set(found.filter(d => d.kind === 'idor-enumeration').flatMap(d => d.events.map(e => Number(e.eventId))));
  await engine.load(
    'detection_suspicious',
    [{ name: 'event_id', type: 'BIGINT' }],
    [...new Set(marked)].map(id => [id]),
  );
  const calls = await engine.rows<Omit<Call, 'atUs'>>(
    'detection.marked-calls',
    sql`
    select event_id, at_us, actor, route, object, status from detection_object join detection_suspicious using (event_id) order by at_us nulls first, event_id, route`,
  );
  const out: Detection[] = [];
  for (const [actor, list] of groupBy(
    calls.map(c => ({ ...c, atUs: c.at_us })),
    c => c.actor,
  )) {
    for (const [route, own] of groupBy(list, c => c.route)) {
      for (const part of episodes(own)) {
        const objects = new Set(part.map(c => c.object)).size;
        const gap = medianGap(part.map(c => c.atUs));
        if (objects < minObjects || part.some(c => known.has(c.event_id)) || !(gap < readingUs)) continue;
        const ok = part.filter(c => c.status !== null && c.status >= 200 && c.status < 300).length;
        out.push({
          ruleId: 'id-enumeration-after-takeover',
          kind: 'idor-enumeration',
          family: 'enumeration',
          level: objects >= 100 ? 'high' : 'medium',
          outcome: ok > 0 ? 'succeeded' : 'attempted',
          groupKey: `marked-walk|${route}|${actor}`,
          facts: {
            route,
            requests: part.length,
            distinct: objects,
            answered_ok: ok,
            median_gap_seconds: Math.round(gap / (SECOND / 1000)) / 1000,
          },
          events: part.map(c => ({ eventId: c.event_id, atUs: c.at_us, facts: { object: c.object } })),
        });
      }
    }
  }
  return out.sort((a, b) => (a.groupKey < b.groupKey ? -1 : a.groupKey > b.groupKey ? 1 : (a.events[0]?.atUs ?? 0) - (b.events[0]?.atUs ?? 0)));
}
