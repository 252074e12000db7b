import { groupBy } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { episodes, ofClients } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { medianGap, readingUs } from '../times.ts';
import { clientsOf } from './opaque-ids.ts';

type Page = { event_id: number; at_us: number | null; atUs: number | null; client: string; route: string; object: number; status: number | null };

const minPages = 5;
const mostlyMarked = 0.6;

/**
 * Lists leafed through from page to page, faster than anybody reads them, by a client at whom another method points with most of what it did. Large
 * pages make few requests: their number alone never stands out. Uses `detection_page` of the enumeration pass.
 */
export async function detectMarkedLists(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const marked = await clientsOf(engine, found);
  if (marked.size === 0) return [];
  const own = await mostlyOf(engine, found, [...marked].sort());
  if (own.length === 0) return [];
  const pages = await engine.rows<Omit<Page, 'atUs'>>(
    'detection.marked-pages',
    sql`select event_id, at_us, client, route, object, status from detection_page
      where client in (${sql.join(own.map(c => sql`${c}`))}) order by at_us nulls first, event_id, route`,
  );
  const known = new Set(found.filter(d => d.kind === 'mass-export').flatMap(d => d.events.map(e => Number(e.eventId))));
  const out: Detection[] = [];
  for (const list of groupBy(
    pages.map(p => ({ ...p, atUs: p.at_us })),
    p => `${p.route}|${p.client}`,
  ).values())
    for (const run of episodes(list)) {
      const steps = run.slice(1).map((p, i) => p.object - run[i]!.object);
      const onwards = steps.filter(s => s > 0).length;
      const distinct = new Set(run.map(p => p.object)).size;
      const gap = medianGap(run.map(p => p.atUs));
      if (distinct < minPages || onwards < 0.9 * steps.length || !(gap < readingUs) || run.some(p => known.has(p.event_id))) continue;
      const ok = run.filter(p => p.status !== null && p.status >= 200 && p.status < 300).length;
      out.push({
        ruleId: 'list-walk',
        kind: 'mass-export',
        family: 'enumeration',
        level: 'medium',
        outcome: ok > 0 ? 'succeeded' : 'attempted',
        groupKey: `marked-list|${run[0]!.route}|${run[0]!.client}`,
        facts: { route: run[0]!.route, requests: run.length, distinct, answered_ok: ok, median_gap_seconds: Math.round(gap / 1000) / 1000 },
        events: run.map(p => ({ eventId: p.event_id, atUs: p.at_us, facts: { object: p.object } })),
      });
    }
  return out.sort((a, b) => (a.groupKey < b.groupKey ? -1 : 1));
}

/** Of these clients those of whose requests most are part of what was found: nobody else stands behind such an address and agent. */
async function mostlyOf(engine: Engine, found: readonly Detection[], clients: readonly string[]): Promise<string[]> {
  await engine.load(
    'detection_suspicious',
    [{ name: 'event_id', type: 'BIGINT' }],
    [...new Set(found.flatMap(d => d.events.map(e => Number(e.eventId))))].map(id => [id]),
  );
  const rows = await engine.rows<{ client: string }>(
    'detection.mostly-marked',
    sql`select client from detection_request where ${ofClients(clients)}
      group by client having count(*) filter (event_id in (select event_id from detection_suspicious)) >= ${mostlyMarked} * count(*) order by client`,
  );
  return rows.map(r => r.client);
}
