import { groupBy } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { episodes, pathMatches, requestsWhere } from '../requests/request.ts';
import type { Detection } from '../tables.ts';

const script = String.raw`\.(?:php\d?|phtml|phar|jspx?|aspx?|ashx|asmx|cfm|cgi|pl|py)$`;
const uploadFolder = String.raw`/(?:upload|uploads|files?|images?|img|media|tmp|temp|cache|avatars?|attachments?|static|assets|userfiles|wp-content/(?:uploads|plugins|themes)|public|pics?|photos?|downloads?)/`;
const commandParameter = String.raw`(?:^|&)(?:cmd|exec|command|c|shell|run|execute|eval|code|act|pass|z0|pwd)=`;

type Use = {
  event_id: number;
  at_us: number | null;
  path: string;
  client: string;
  method: string | null;
  bytes_out: number | null;
  command: boolean;
  folder: boolean;
};

const mostClients = 2;
const leastUses = 3;

/**
 * Scripts that behave like web shells: answered, used by at most two clients, never asked for before by anybody, in a folder for uploads or with
 * a parameter that names a command, mostly POST or with answers of many sizes. A script of the application is used by many.
 */
export async function detectWebShells(engine: Engine): Promise<Detection[]> {
  const ofFew = sql`value in (select route from detection_traffic join detection_route using (route_no) where status = 200 group by route
    having contains(route, '#') or (count(distinct client) <= ${mostClients} and sum(n) >= ${leastUses}))`;
  const rows = await engine.rows<Use>(
    'detection.web-shells',
    sql`
    with used as (
      select event_id, at_us, path, client, method, bytes_out, status, regexp_matches(lower(coalesce(query, '')), ${sql.lit(commandParameter)}) as command,
        regexp_matches(lower(path), ${sql.lit(uploadFolder)}) as folder
      from ${requestsWhere(sql`status = 200 and ${await pathMatches(engine, script, ofFew)}`)}),
      few as (
        select path from used group by path
        having count(distinct client) <= ${mostClients} and count(*) >= ${leastUses} and (bool_or(folder) or bool_or(command))
          and (avg((method = 'POST')::int) >= 0.5 or count(distinct bytes_out) >= 3))
    select event_id, at_us, path, client, method, bytes_out, command, folder from used join few using (path) order by at_us nulls first, event_id`,
  );
  const out: Detection[] = [];
  for (const [path, list] of groupBy(rows, r => r.path)) {
    const posts = list.filter(r => r.method === 'POST').length / list.length;
    const sizes = new Set(list.map(r => r.bytes_out)).size;
    const signs = [list.some(r => r.folder), list.some(r => r.command), posts >= 0.5, sizes >= 3].filter(Boolean).length;
    if (signs < 3) continue;
    for (const part of episodes(list.map(r => ({ ...r, atUs: r.at_us })))) {
      out.push({
        ruleId: 'web-shell',
        kind: 'web-shell',
        family: 'web-shell',
        level: 'high',
        outcome: 'unknown',
        groupKey: `shell|${path}`,
        facts: {
          path,
          requests: part.length,
          clients: new Set(list.map(r => r.client)).size,
          share_of_posts: Math.round(posts * 100) / 100,
          sizes,
          in_upload_folder: list.some(r => r.folder),
          command_parameter: list.some(r => r.command),
        },
        events: part.map(r => ({ eventId: r.event_id, atUs: r.at_us })),
      });
    }
  }
  return out;
}
