import { type Engine, sql } from '../../engine/index.ts';
import { episodes, oneOf } from '../requests/request.ts';
import type { Detection } from '../tables.ts';

/** Agents of tools that only probe. General HTTP libraries are not among them. */
const toolAgents = String.raw`sqlmap|nikto|nmap scripting|masscan|zgrab|nuclei|gobuster|dirbuster|dirb\b|feroxbuster|wfuzz|fuzz faster u fool|ffuf|wpscan|joomscan|droopescan|acunetix|netsparker|invicti|nessus|openvas|qualys|w3af|arachni|skipfish|whatweb|burp|zaproxy|owasp zap|hydra|medusa|commix|xsser|havij|pangolin|jorgee|zmeu|morfeus|webshag|vega/|brutus|paros|dotdotpwn|metasploit|jaeles|httpx - open|katana|dirsearch|rustbuster|arjun|tplmap|nosqlmap|fimap|grendel|cgichk|l9explore|l9tcpid|expanse, a palo alto|censysinspect|internetmeasurement|netsystemsresearch|xenotix|appscan|webinspect|detectify|intruder\.io|interactsh|log4shell|muieblackcat|nimbostratus|sysscan|shodan`;

/** Paths nobody follows a link to: secrets, admin consoles of products, left-over files. */
const probePaths = String.raw`/\.(?:env|git|svn|hg|ds_store|aws|ssh|htaccess|htpasswd|vscode|idea|npmrc|docker)|/(?:wp-login|wp-admin|wp-config|xmlrpc|wp-content/plugins)|/php-?my-?admin|/pma(?:/|$)|/adminer|/phpinfo|/server-(?:status|info)|/actuator|/manager/html|/jmx-console|/solr/|/cgi-bin/|/\.well-known/security|/vendor/phpunit|/eval-stdin|/boaform|/hnap1|/gponform|/owa/auth|/autodiscover|/ecp/|/remote/login|/dana-na|/\+cscoe\+|/console/login|/struts|/axis2|/debug/|/telescope|/_ignition|/trace\.axd|/elmah|/web\.config|/config\.(?:php|json|yml|inc)|/(?:backup|dump|db|database|site|www|old)\.(?:zip|tar|sql|gz|rar|bak)|\.(?:bak|old|orig|swp|save)$|/administrator(?:/|$)|/admin\.php|/setup\.php|/install\.php|/shell\.php|/c99|/r57`;

type ScanEvent = { event_id: number; at_us: number | null; client: string; src_ip: string | null; status: number | null };

/**
 * Scanners: by the agent they name, by asking for many paths that do not exist and nobody else asks for, by many well-known weak spots.
 * Actors here are address and agent: a scan rarely has a session.
 */
export async function detectScans(engine: Engine): Promise<Detection[]> {
  const clients = new Map<string, { why: string; distinct: number; misses: number }>();
  const add = (client: string, why: string, distinct: number, misses: number): void => {
    if (!clients.has(client)) clients.set(client, { why, distinct, misses });
  };
  const isTool = await oneOf(engine, 'user_agent', value => sql`regexp_matches(lower(${value}), ${sql.lit(toolAgents)})`);
  const tools = await engine.rows<{ client: string }>(
    'detection.scan-tools',
    sql`select distinct client from detection_request where ${isTool} order by client`,
  );
  for (const r of tools) add(r.client, 'tool-agent', 0, 0);

  await engine.run(
    'detection.scan-misses',
    sql`create or replace temp table detection_miss as
    select c.client, route, n from (select client, route_no, sum(n)::bigint as n from detection_traffic where status >= 400 or status between 301 and 303 or status in (307, 308) group by all) t
      join detection_route using (route_no) join detection_client c on client_key = t.client`,
  );
  const forced = await engine.rows<{ client: string; routes: number; lonely: number; n: number }>(
    'detection.scan-forced',
    sql`
    with route as (select route, count(*) as clients from detection_miss group by route),
      hot as (select client, count(*) as routes, sum(n)::bigint as n from detection_miss group by client having count(*) >= 25)
    select m.client, hot.routes, hot.n, count(*) filter (where route.clients <= 2) as lonely
    from detection_miss m join hot using (client) join route using (route)
    group by all having count(*) filter (where route.clients <= 2) >= 20 and count(*) filter (where route.clients <= 2) >= 0.5 * hot.routes order by m.client`,
  );
  for (const r of forced) add(r.client, 'forced-browsing', r.routes, r.n);
  const probes = await engine.rows<{ client: string; routes: number; n: number }>(
    'detection.scan-probes',
    sql`
    select client, count(*) as routes, sum(n)::bigint as n from detection_miss where regexp_matches(lower(route), ${sql.lit(probePaths)})
    group by client having count(*) >= 10 order by client`,
  );
  for (const r of probes) add(r.client, 'known-weak-spots', r.routes, r.n);
  if (clients.size === 0) return [];

  const perClient = new Map<string, (ScanEvent & { eventId: number; atUs: number | null })[]>();
  const events = engine.stream<ScanEvent & { tool: boolean }>(
    'detection.scan-events',
    sql`
    select event_id, at_us, client, src_ip, status from detection_request
    where client in (select unnest(${JSON.stringify([...clients.keys()])}::json::varchar[]))
      and (client in (select unnest(${JSON.stringify([...clients].filter(([, c]) => c.why === 'tool-agent').map(([k]) => k))}::json::varchar[]))
        or status >= 300 or regexp_matches(lower(path), ${sql.lit(probePaths)}))
    order by at_us nulls first, event_id`,
  );
  for await (const batch of events) {
    for (const e of batch) {
      let list = perClient.get(e.client);
      if (!list) perClient.set(e.client, (list = []));
      list.push({ ...e, eventId: e.event_id, atUs: e.at_us });
    }
  }
  const out: Detection[] = [];
  for (const [client, all] of [...perClient].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { why, distinct, misses } = clients.get(client)!;
    for (const part of episodes(all)) {
      if (why !== 'tool-agent' && part.length < 10) continue;
      const found = part.filter(e => e.status !== null && e.status >= 200 && e.status < 300).length;
      out.push({
        ruleId: `scan-${why}`,
        kind: 'scan',
        family: 'scan',
        level: why === 'forced-browsing' ? 'medium' : 'low',
        outcome: found > 0 ? 'unknown' : 'attempted',
        groupKey: `scan|${client}`,
        facts: {
          basis: why,
          requests: part.length,
          answered_ok: found,
          missing_routes: distinct,
          misses,
          addresses: [part[0]!.src_ip],
        },
        events: part.map(e => ({ eventId: e.eventId, atUs: e.atUs })),
      });
    }
  }
  return out;
}
