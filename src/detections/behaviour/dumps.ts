import { DAY, groupBy, HOUR } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { isInner } from '../../events/index.ts';
import { episodes } from '../requests/request.ts';
import type { Detection } from '../tables.ts';

const dumpTools = String.raw`pg_dump|pg_dumpall|mysqldump|mydumper|mysqlpump|expdp|bcp\b`;
const copyOut = String.raw`^\s*copy\s+[^;]*\bto\s+(?:stdout|'|program)`;
/** What mysqldump writes into every statement that reads a table. */
const dumpHint = '/*!40001 sql_no_cache */';
const wholeTable = String.raw`^\s*select\s+(?:/\*!40001 sql_no_cache \*/\s*)?\*\s+from\s+[\w."\x60\[\]]+\s*;?\s*$`;

/** A role and application with a larger share of all statements is the application itself. */
const rareShare = 0.02;

type Statement = {
  event_id: number;
  at_us: number | null;
  share: number;
  db_user: string | null;
  app_name: string | null;
  tool: boolean;
  hint: boolean;
  src_ip: string | null;
  text: string;
};

/**
 * Whole tables copied out of the database: COPY … TO, dump tools by their application name, SELECT * without a condition on several tables.
 * A role that does the same at about the same hour on other days makes backups: on three days and more that is only said, on two it is a doubt.
 */
export async function detectDumps(engine: Engine): Promise<Detection[]> {
  const rows = await engine.rows<Statement>(
    'detection.dumps',
    sql`
    with share as (select db_user, app_name, count(*) / sum(count(*)) over () as share from event where class = 2 and sql_text is not null group by all)
    select event_id, at_us, event.db_user, event.app_name, coalesce(share, 1) as share, regexp_matches(lower(coalesce(event.app_name, '')), ${sql.lit(dumpTools)}) as tool, contains(lower(coalesce(sql_text, '')), ${dumpHint}) as hint, event.src_ip, left(lower(coalesce(sql_text, '')), 300) as text
    from event left join share on event.db_user is not distinct from share.db_user and event.app_name is not distinct from share.app_name
    where class = 2 and err_code is null and ((sql_text is not null and (regexp_matches(lower(sql_text), ${sql.lit(copyOut)}) or regexp_matches(lower(sql_text), ${sql.lit(wholeTable)})))
      or (sql_text is not null and regexp_matches(lower(coalesce(event.app_name, '')), ${sql.lit(dumpTools)})))
    order by at_us nulls first, event_id`,
  );
  const out: Detection[] = [];
  for (const [actor, list] of groupBy(rows, r => `d:${r.db_user ?? ''}|${r.app_name ?? ''}`)) {
    const runs = episodes(list.map(r => ({ ...r, atUs: r.at_us })));
    for (const part of runs) {
      const copies = part.filter(r => /^\s*copy\b/.test(r.text)).length;
      const tables = new Set(part.map(r => /\b(?:from|copy)\s+(?:\(\s*select.{0,200}?\bfrom\s+)?([\w."`[\]]+)/.exec(r.text)?.[1]).filter(x => x !== undefined));
      const tool = part.some(r => r.tool);
      const hint = part.some(r => r.hint);
      // Full SELECTs are everyday work of the role that makes most statements; several tables at once by another role are not.
      if (!tool && !hint && copies === 0 && (tables.size < 3 || part[0]!.share > rareShare)) continue;
      const habit = runs.filter(o => o !== part && o[0]!.atUs !== null && part[0]!.atUs !== null && sameHour(o[0]!.atUs, part[0]!.atUs)).length;
      out.push({
        ruleId: 'database-dump',
        kind: 'db-dump',
        family: 'database',
        level: habit >= 2 ? 'informational' : 'high',
        outcome: habit >= 2 ? 'unknown' : 'succeeded',
        groupKey: `dump|${actor}`,
        facts: {
          db_user: part[0]!.db_user,
          app_name: part[0]!.app_name,
          tool: tool || hint,
          copies,
          tables: [...tables].sort().slice(0, 50),
          same_hour_on_other_days: habit,
          // The same program from a machine of the site's own is most often a backup.
          ...((habit === 1 || ((hint || tool) && part.every(r => r.src_ip === null || isInner(r.src_ip)))) && { doubtful: true }),
        },
        events: part.map(r => ({ eventId: r.event_id, atUs: r.at_us })),
      });
    }
  }
  return out;
}

function sameHour(a: number, b: number): boolean {
  const apart = Math.abs(a - b) % DAY;
  return Math.abs(a - b) > 12 * HOUR && Math.min(apart, DAY - apart) <= HOUR;
}
