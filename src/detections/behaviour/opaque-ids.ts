import { SECOND } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { graveKinds, knowFound } from '../found-events.ts';
import { ofClient, requestsWhere, targetMatches } from '../requests/request.ts';
import type { Detection } from '../tables.ts';
import { isHurried } from '../times.ts';
import { robustZ } from './weigh-clients.ts';

/** Ids that cannot be counted through: UUIDs, long hexadecimal, long random words, in a path or as the value of a parameter. */
const opaque = String.raw`(?i)[/=](?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{20,64}|[0-9a-hjkmnp-tv-z]{26})(?:[/&?#]|$)`;
const asset = String.raw`\.(?:css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|eot|mp[34]|webm)$`;

const minIds = 30;
const alone = 300;
const minZ = 6;

type Caller = { client: string; n: number; d: number; missed: number; others: number; from_us: number; to_us: number };

/**
 * Records with ids that say nothing, called up by one client in numbers unlike all others. Such ids cannot be guessed one after another, so what
 * tells is how many, whether pages that could have named them were opened, and how many do not exist. By itself it is only shown (informational);
 * with many that do not exist, or by a client that another method points at, it counts.
 */
export async function detectOpaqueIds(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  // A shape keeps the length of every word, and hexadecimal digits hexadecimal.
  const named = await targetMatches(engine, opaque, sql`length(target) >= 21 and regexp_matches(target, ${sql.lit(opaque)})`);
  const callers = await engine.rows<Caller>(
    'detection.opaque-callers',
    sql`
    with called as (select client, client_key, at_us, status, regexp_extract(target, ${sql.lit(opaque)}) as id from ${requestsWhere(named)}
        where not regexp_matches(lower(path), ${sql.lit(asset)}) and coalesce(content_type, '') not like 'image/%'),
      per as (select client, any_value(client_key) as client_key, count(*)::integer as n, count(distinct id)::integer as d, count(*) filter (status in (400, 403, 404, 410))::integer as missed, min(at_us) as from_us, max(at_us) as to_us
        from called group by client),
      many as (select client, client_key from per where d >= ${minIds}),
      whole as (select client, count(*) as all_n from detection_request semi join many using (client, client_key) where not regexp_matches(lower(path), ${sql.lit(asset)}) group by client)
    select client, n, d, missed, coalesce(all_n - n, 0)::integer as others, coalesce(from_us, 0) as from_us, coalesce(to_us, 0) as to_us from per left join whole using (client) order by d desc, client limit 20000`,
  );
  const busy = (callers[0]?.d ?? 0) >= minIds;
  const marked = busy ? await clientsOf(engine, found) : new Set<string>();
  const inside = busy
    ? await clientsOf(
        engine,
        found.filter(d => d.kind === 'account-takeover'),
      )
    : new Set<string>();
  const out: Detection[] = [];
  for (const c of callers) {
    if (c.d < minIds) break;
    const peers = callers.filter(p => p !== c && !marked.has(p.client)).map(p => p.d);
    const z = robustZ(c.d, peers);
    const most = peers.reduce((a, b) => Math.max(a, b), 0);
    const stands = z === null ? c.d >= alone : z >= minZ && c.d >= 3 * most;
    const unlinked = c.others <= 0.1 * c.n;
    const guessing = c.missed >= minIds && c.missed >= 0.2 * c.n;
    // Who is in with another's account need not outdo anybody: his pace tells.
    const hurried = inside.has(c.client) && isHurried(c.n, c.from_us, c.to_us);
    if (!hurried && !(stands && (unlinked || guessing)) && !(guessing && c.missed >= 100)) continue;
    const counts = guessing || marked.has(c.client);
    const events = await engine.rows<{ event_id: number; at_us: number | null; status: number | null }>(
      'detection.opaque-events',
      sql`select event_id, at_us, status from detection_request where ${ofClient(c.client)} and length(target) >= 21 and regexp_matches(target, ${sql.lit(opaque)})
        and not regexp_matches(lower(path), ${sql.lit(asset)}) order by at_us nulls first, event_id`,
    );
    const ok = events.filter(e => e.status !== null && e.status < 300).length;
    out.push({
      ruleId: 'opaque-id-enumeration',
      kind: 'idor-enumeration',
      family: 'enumeration',
      level: counts ? (c.d >= 100 ? 'high' : 'medium') : 'informational',
      outcome: ok > 0 ? (counts ? 'succeeded' : 'unknown') : 'attempted',
      groupKey: `opaque|${c.client}`,
      facts: {
        requests: c.n,
        distinct: c.d,
        missing: c.missed,
        answered_ok: ok,
        other_pages: c.others,
        peers: peers.length,
        most_of_others: most,
        robust_z: z,
        threshold_z: minZ,
        seconds: Math.round((c.to_us - c.from_us) / SECOND),
        also_marked: marked.has(c.client),
        ...(counts && !marked.has(c.client) && { doubtful: true }),
      },
      events: events.map(e => ({ eventId: e.event_id, atUs: e.at_us })),
    });
  }
  return out.sort((a, b) => (a.groupKey < b.groupKey ? -1 : 1));
}

/** Clients (address and agent) of what was found so far, where it says that somebody got in or took something. */
export async function clientsOf(engine: Engine, found: readonly Detection[]): Promise<Set<string>> {
  const ids = new Set(
    found.filter(d => graveKinds.has(d.kind) && d.outcome === 'succeeded' && d.facts['doubtful'] !== true).flatMap(d => d.events.map(e => e.eventId)),
  );
  if (ids.size === 0) return new Set();
  await knowFound(engine, found);
  await engine.load(
    'detection_suspicious',
    [{ name: 'event_id', type: 'BIGINT' }],
    [...ids].map(id => [id]),
  );
  const rows = await engine.rows<{ client: string }>(
    'detection.found-clients',
    sql`select client from detection_client semi join (select client_key from detection_found semi join detection_suspicious using (event_id)) using (client_key) order by client`,
  );
  return new Set(rows.map(r => r.client));
}
