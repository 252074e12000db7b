import { groupBy, MINUTE } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { type SqlToken, tokenizeSql } from '../sql/index.ts';
import type { Detection, StepKind } from '../tables.ts';
import { spanOf } from '../times.ts';
import { tracedStatements } from './attacks.ts';
import { readLogDialects, withoutLiterals } from './log-dialect.ts';
import { episodes } from './request.ts';
import { soleAsker } from './sole-asker.ts';

/** Marks no application writes by itself; one RE2 pass, then the sharper tests below. */
const marks =
  String.raw`pg_sleep\s*\(|\bsleep\s*\(\s*\d|waitfor\s+delay|benchmark\s*\(\s*\d{4}|dbms_pipe\.receive_message|union\s+all\s+select\s+null|extractvalue\s*\(|updatexml\s*\(|` +
  String.raw`chr\(\d+\)\s*\|\|\s*chr\(\d+\)|char\(\d+\)\s*\+\s*char\(\d+\)|(?:ascii|ord|unicode)\s*\(\s*(?:substr|substring|mid)|\b(?:and|or)\s+\d{3,5}\s*=\s*\d{3,5}\b|information_schema\.(?:tables|columns)|` +
  String.raw`(?:substr|substring|mid)\s*\([^;]{1,400}[=<>]\s*n?cha?r\s*\(\d+\)|union\s+(?:all\s+|distinct\s+)?\(?\s*select\b[^;]*(?:--|#|/\*)`;

const techniques: readonly (readonly [StepKind, RegExp])[] = [
  ['sqli-time', /pg_sleep\s*\(|\bsleep\s*\(\s*\d|waitfor\s+delay|benchmark\s*\(\s*\d{4}|dbms_pipe\.receive_message/],
  ['sqli-error', /extractvalue\s*\(|updatexml\s*\(|=\s*cast\s*\(\s*\(*\s*(?:chr|char|select)/],
  ['sqli-union', /union\s+all\s+select\s+(?:null|chr|char|concat|'|\d)/],
  [
    'sqli-boolean',
    /(?:ascii|ord|unicode)\s*\(\s*(?:substr|substring|mid)|(?:substr|substring|mid)\s*\([^;]{1,400}[=<>]\s*n?cha?r\s*\(\d+\)|\b(?:and|or)\s+(\d{3,5})\s*=\s*\1\b|\b(?:and|or)\s+\d{3,5}\s*=\s*\d{3,5}\s+and\b/,
  ],
];

const leastStatements = 3;

/** A UNION whose text ends in a comment that swallows what the application had written behind it: no other explanation is left. */
function swallowsRest(text: string): boolean {
  const tokens = tokenizeSql(text, { comments: true });
  const union = tokens.findIndex(t => t.kind === 'word' && t.value === 'UNION');
  const swallows = (t: SqlToken, i: number): boolean =>
    t.kind === 'comment' && (t.quote === '--' || t.quote === '#') && (i === tokens.length - 1 || /^\s*['"]/.test(t.value));
  return union >= 0 && tokens.slice(union).some((t, i) => swallows(t, union + i));
}

const techniqueOf = (text: string): StepKind | null => techniques.find(([, pattern]) => pattern.test(text))?.[0] ?? (swallowsRest(text) ? 'sqli-union' : null);

type Statement = {
  event_id: number;
  file_no: number;
  at_us: number | null;
  db_user: string | null;
  app_name: string | null;
  failed: boolean;
  traced: boolean;
  text: string;
};

/**
 * Injected statements that only the database log shows, because the request's body or cookie was not logged. A statement in which the payload
 * of a logged request stands is left to the attack found there; so are the few beside them whose request was lost, and, where no payload
 * was found in any statement (clocks, tampering), as many as there were requests.
 */
export async function detectDatabaseInjections(engine: Engine, found: readonly Detection[]): Promise<Detection[]> {
  const rows = await engine.rows<Statement>(
    'detection.injected-statements',
    sql`
    with traced as (select distinct sql_text from event semi join ${sql.id(tracedStatements)} using (event_id))
    select event_id, file_no, at_us, db_user, app_name, err_code is not null as failed, sql_text in (select sql_text from traced) as traced, left(lower(sql_text), 4000) as text
    from event where class = 2 and sql_text is not null and regexp_matches(lower(sql_text), ${sql.lit(marks)}) order by at_us nulls first, event_id`,
  );
  const dialects = await readLogDialects(engine);
  const open = unexplained(rows, await readSpans(engine, found)).map(r => ({ ...r, text: withoutLiterals(r.text, dialects.get(r.file_no) ?? 'any') }));
  const named = open.map(r => ({
    ...r,
    atUs: r.at_us,
    technique: techniqueOf(r.text),
  }));
  const told = new Set(found.filter(d => d.family === 'sqli').flatMap(d => d.events.map(e => e.eventId)));
  const out: Detection[] = [];
  for (const [key, list] of groupBy(
    named.filter(r => r.technique !== null),
    r => `${r.technique}|d:${r.db_user ?? ''}|${r.app_name ?? ''}`,
  )) {
    for (const part of episodes(list)) {
      if (part.length < leastStatements && !part.some(r => swallowsRest(r.text))) continue;
      const ran = part.filter(r => !r.failed).length;
      const asked = await soleAsker(
        engine,
        part.map(r => r.at_us).filter(t => t !== null),
        told,
      );
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
          ...(asked.length > 0 && { asked_by_requests: asked.length }),
        },
        events: [...part.map(r => ({ eventId: r.event_id, atUs: r.at_us })), ...asked],
      });
    }
  }
  return out.sort((a, b) => (a.groupKey < b.groupKey ? -1 : 1));
}

const mostLost = 0.1;

type Span = { readonly from: number; readonly to: number; readonly requests: number; readonly traced: number };

/** The injections found in requests, with how many statements their payloads were found in, whatever these look like. */
async function readSpans(engine: Engine, found: readonly Detection[]): Promise<Span[]> {
  const spans = found.filter(d => d.family === 'sqli').map(d => ({ ...spanOf(d.events.map(e => e.atUs)), requests: d.events.length }));
  await engine.load(
    'detection_span',
    [
      { name: 'n', type: 'INTEGER' },
      { name: 'from_us', type: 'DOUBLE' },
      { name: 'to_us', type: 'DOUBLE' },
    ],
    spans.map((s, n) => [n, s.from - MINUTE, s.to + MINUTE]),
  );
  const rows = await engine.rows<{ n: number; traced: number }>(
    'detection.traced-in-span',
    sql`select n, count(*) as traced from detection_span join (select at_us from event semi join ${sql.id(tracedStatements)} using (event_id)) on at_us between from_us and to_us group by n`,
  );
  await engine.run('detection.span-done', sql`drop table detection_span`);
  const traced = new Map(rows.map(r => [Number(r.n), Number(r.traced)]));
  return spans.map((s, n) => ({ ...s, traced: traced.get(n) ?? 0 }));
}

function unexplained(rows: readonly Statement[], spans: readonly Span[]): Statement[] {
  const open = rows.filter(r => !r.traced);
  const near = (r: Statement): number[] => spans.flatMap((s, n) => (r.at_us === null || (r.at_us >= s.from - MINUTE && r.at_us <= s.to + MINUTE) ? [n] : []));
  const beside = spans.map(() => 0);
  for (const r of open) for (const n of near(r)) beside[n]!++;
  const explains = (n: number): boolean => beside[n]! <= (spans[n]!.traced > 0 ? mostLost * spans[n]!.traced : 2 * spans[n]!.requests);
  return open.filter(r => !near(r).some(explains));
}
