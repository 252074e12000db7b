import { DAY, groupBy, HOUR } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { Detection } from '../tables.ts';

/** What reads tables, and what reads only the catalogue of the database. */
const readsTable = String.raw`^\s*(?:(?:select|with)\b.*\bfrom\b|copy\b|table\b)`;
const readsCatalogue = String.raw`\bfrom\s+["\x60\[]?(?:pg_|information_schema|mysql\.|performance_schema|sys\.)`;

const homeDays = 3;
const mostMachines = 4;
const mostStrangers = 2;
const leastReads = 3;
const visit = 12 * HOUR;

type Seen = { event_id: number; at_us: number; src_ip: string; db_user: string; app_name: string | null; machines: number; reads: boolean };

/**
 * A database role that works day after day from the same few machines, and one day from a machine that nobody else and nothing else in the log comes from,
 * which reads tables and is not seen again: perhaps its password is known elsewhere. Perhaps an administrator sat down somewhere else: a doubt.
 */
export async function detectDatabaseStrangers(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const rows = await engine.rows<Seen>(
    'detection.database-strangers',
    sql`
    with said as (select event_id, at_us, src_ip, db_user, app_name, regexp_matches(lower(left(sql_text, 2000)), ${sql.lit(readsTable)}, 's') and not regexp_matches(lower(left(sql_text, 2000)), ${sql.lit(readsCatalogue)}, 's') as reads
        from event where class = 2 and sql_text is not null and src_ip is not null and db_user is not null and at_us is not null),
      place as (select db_user, src_ip, min(at_us) as first_us, max(at_us) as last_us, count(distinct at_us // ${DAY}::bigint) as days, count(*) filter (reads) as reads from said group by all),
      home as (select db_user, min(first_us) as first_us, max(days) as days, count(*) as machines from place group by db_user),
      of_one as (select src_ip from place group by src_ip having count(*) = 1),
      stranger as (select p.db_user, p.src_ip, machines from place p join home h using (db_user) semi join of_one using (src_ip)
        where h.days >= ${homeDays} and machines between 2 and ${mostMachines} and p.reads >= ${leastReads} and p.last_us - p.first_us <= ${visit}::bigint and p.first_us - h.first_us >= ${DAY}::bigint)
    select event_id, at_us, said.src_ip, said.db_user, app_name, machines, reads from said join stranger using (db_user, src_ip) order by at_us, event_id`,
  );
  const known = new Set(found.filter(d => d.kind === 'db-dump').flatMap(d => d.events.map(e => Number(e.eventId))));
  const visits = [...groupBy(rows, r => `${r.db_user}|${r.src_ip}`)];
  if (new Set(rows.map(r => r.src_ip)).size > mostStrangers) return [];
  return visits
    .filter(([, list]) => !list.some(r => known.has(r.event_id)))
    .map(([key, list]) => ({
      ruleId: 'database-stranger',
      kind: 'db-dump',
      family: 'database',
      level: 'high',
      outcome: 'unknown',
      groupKey: `stranger|${key}`,
      facts: {
        db_user: list[0]!.db_user,
        app_names: [...new Set(list.map(r => r.app_name ?? ''))].sort(),
        statements: list.length,
        reads: list.filter(r => r.reads).length,
        machines: list[0]!.machines,
        doubtful: true,
      },
      events: list.map(r => ({ eventId: r.event_id, atUs: r.at_us })),
    }));
}
