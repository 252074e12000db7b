import { MINUTE } from '../base/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import { groupBy } from './group.ts';
import { episodes } from './request.ts';
import type { Detection, StepKind } from './tables.ts';

/** Marks no application writes by itself; one RE2 pass, then the sharper tests below. */
const marks =
  String.raw`pg_sleep\s*\(|\bsleep\s*\(\s*\d|waitfor\s+delay|benchmark\s*\(\s*\d{4}|dbms_pipe\.receive_message|union\s+all\s+select\s+null|extractvalue\s*\(|updatexml\s*\(|` +
  String.raw`chr\(\d+\)\s*\|\|\s*chr\(\d+\)|char\(\d+\)\s*\+\s*char\(\d+\)|(?:ascii|ord|unicode)\s*\(\s*(?:substr|substring|mid)|\b(?:and|or)\s+\d{3,5}\s*=\s*\d{3,5}\b|information_schema\.(?:tables|columns)`;

const techniques: readonly (readonly [StepKind, RegExp])[] = [
  ['sqli-time', /pg_sleep\s*\(|\bsleep\s*\(\s*\d|waitfor\s+delay|benchmark\s*\(\s*\d{4}|dbms_pipe\.receive_message/],
  ['sqli-error', /extractvalue\s*\(|updatexml\s*\(|=\s*cast\s*\(\s*\(*\s*(?:chr|char|select)/],
  ['sqli-union', /union\s+all\s+select\s+(?:null|chr|char|concat|'|\d)/],
  ['sqli-boolean', /(?:ascii|ord|unicode)\s*\(\s*(?:substr|substring|mid)|\b(?:and|or)\s+(\d{3,5})\s*=\s*\1\b|\b(?:and|or)\s+\d{3,5}\s*=\s*\d{3,5}\s+and\b/],
];

const leastStatements = 3;

type Statement = {
  event_id: number;
  at_us: number | null;
  db_user: string | null;
  app_name: string | null;
  failed: boolean;
  text: string;
};

/**
 * Injected statements that only the database log shows, because the request's body was not logged. What an attack found in the web
 * log explains (within a minute of it) is left to that detection.
 */
export async function detectDatabaseInjections(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const rows = await engine.rows<Statement>(
    'detection.injected-statements',
    sql`
    select event_id, at_us, db_user, app_name, err_code is not null as failed, left(lower(sql_text), 4000) as text from event
    where class = 2 and sql_text is not null and regexp_matches(lower(sql_text), ${sql.lit(marks)}) order by at_us nulls first, event_id`,
  );
  const explained = found.filter(d => d.family === 'sqli').map(d => spanOf(d));
  const open = rows.filter(r => !explained.some(s => r.at_us === null || (r.at_us >= s.from - MINUTE && r.at_us <= s.to + MINUTE)));
  const named = open.map(r => ({
    ...r,
    atUs: r.at_us,
    technique: techniques.find(([, pattern]) => pattern.test(r.text))?.[0] ?? null,
  }));
  const out: Detection[] = [];
  for (const [key, list] of groupBy(
    named.filter(r => r.technique !== null),
    r => `${r.technique}|d:${r.db_user ?? ''}|${r.app_name ?? ''}`,
  )) {
    for (const part of episodes(list)) {
      if (part.length < leastStatements) continue;
      const ran = part.filter(r => !r.failed).length;
      out.push({
        ruleId: 'database-injection',
        kind: part[0]!.technique!,
        family: 'sqli',
        level: ran > 0 ? 'critical' : 'high',
        outcome: ran > 0 ? 'succeeded' : 'attempted',
        groupKey: `database|${key}`,
        facts: {
          statements: part.length,
          ran,
          failed: part.length - ran,
          db_user: part[0]!.db_user,
          app_name: part[0]!.app_name,
          basis: ['database-log'],
        },
        events: part.map(r => ({ eventId: r.event_id, atUs: r.at_us })),
      });
    }
  }
  return out.sort((a, b) => (a.groupKey < b.groupKey ? -1 : 1));
}

function spanOf(d: Detection): { from: number; to: number } {
  let from = Infinity;
  let to = -Infinity;
  for (const e of d.events) {
    if (e.atUs === null) continue;
    from = Math.min(from, e.atUs);
    to = Math.max(to, e.atUs);
  }
  return { from, to };
}
