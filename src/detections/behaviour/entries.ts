import { groupBy } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { Detection } from '../tables.ts';
import { spanOf } from '../times.ts';
import { openedSessions, sameAgentElsewhere } from './continuations.ts';

type Later = { event_id: number; at_us: number | null; client: string; session: string | null; status: number | null; before: number; sign_in: boolean };

/**
 * What the clients of a successful sign-in campaign did once they were in: their requests after the first success. A client that had used
 * the site before the campaign is left out, it may be somebody's who shares address and agent.
 */
export async function detectEntries(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const out: Detection[] = [];
  for (const campaign of found) {
    if (campaign.ruleId !== 'sign-in-campaign-success') continue;
    const { from: begin } = spanOf(campaign.events.map(e => e.atUs));
    const { from: entered } = spanOf(campaign.events.filter(e => e.facts?.['outcome'] === 'success').map(e => e.atUs));
    if (entered === Infinity) continue;
    await engine.load(
      'detection_suspicious',
      [{ name: 'event_id', type: 'BIGINT' }],
      campaign.events.map(e => [e.eventId]),
    );
    const rows = await engine.rows<Later>(
      'detection.entries',
      sql`
      with clients as (select distinct client, client_key from detection_request join detection_suspicious using (event_id))
      select event_id, at_us, client, session, status, coalesce(lower(path) = ${String(campaign.facts['route'] ?? '')} and status < 400, false) as sign_in, count(*) filter (where at_us < ${begin}::bigint) over (partition by client) as before
      from detection_request semi join clients using (client, client_key) where event_id not in (select event_id from detection_suspicious) order by at_us nulls first, event_id`,
    );
    const after = rows.filter(r => r.before === 0 && r.at_us !== null && r.at_us >= entered);
    const others = afterAnother(after);
    const own = after.filter(r => !others.has(r));
    if (others.size > 0) {
      out.push({
        ruleId: 'entry-after-guessing',
        kind: 'account-takeover',
        family: 'session',
        level: 'medium',
        outcome: 'unknown',
        groupKey: `entry-or-another|${campaign.groupKey}`,
        facts: { requests: others.size, doubtful: true, another_signed_in: true },
        events: [...others].map(r => ({ eventId: r.event_id, atUs: r.at_us })),
      });
    }
    const ok = own.filter(r => r.status !== null && r.status >= 200 && r.status < 300).length;
    if (ok === 0) continue;
    const gate = campaign.events.filter(e => e.facts?.['outcome'] === 'success').map(e => ({ event_id: Number(e.eventId), at_us: e.atUs }));
    const taken = new Set(own.map(r => r.event_id));
    const carried = await sameAgentElsewhere(engine, [...new Set(own.map(r => r.client))].sort(), entered);
    const elsewhere = [...new Map([...(await openedSessions(engine, [...own, ...gate])), ...carried].map(r => [r.event_id, r])).values()].filter(
      r => !taken.has(r.event_id),
    );
    const events = [...own, ...elsewhere];
    out.push({
      ruleId: 'entry-after-guessing',
      kind: 'account-takeover',
      family: 'session',
      level: 'high',
      outcome: 'succeeded',
      groupKey: `entry|${campaign.groupKey}`,
      facts: { requests: events.length, answered_ok: ok, clients: groupBy(own, r => r.client).size },
      events: events.map(r => ({ eventId: r.event_id, atUs: r.at_us })),
    });
  }
  return out;
}

/**
 * Where the log names neither agent nor session, a client is an address, and people may share it: what comes after the next accepted sign-in there
 * may be somebody else's.
 */
function afterAnother(rows: readonly Later[]): Set<Later> {
  const out = new Set<Later>();
  for (const [client, list] of groupBy(rows, r => r.client)) {
    if (!client.endsWith('|') || list.some(r => r.session !== null)) continue;
    const next = list.findIndex(r => r.sign_in);
    if (next >= 0) for (const r of list.slice(next)) out.add(r);
  }
  return out;
}
