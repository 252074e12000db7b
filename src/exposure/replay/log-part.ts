import { HOUR, type Micros, SECOND } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { actorOf, type Span } from '../routes/requests.ts';

/** Beside the intruder's time: what is usual at other times of the day is asked there, up to an hour away. */
const marginUs = HOUR + 100 * SECOND;

/** Statements of one system that were not read although they ran in the intruder's time; `eventId` is the first. */
export type LeftStatements = { readonly systemId: string | null; readonly n: number; readonly eventId: number };
/**
 * The part of a database log that is read: a stretch of time (null: all of it), and beside it whatever is the intruder's own. `left` is what is
 * missing of that time: nobody looked who ran it. `present`: there is a database log.
 */
export type LogPart = { readonly present: boolean; readonly span: Span | null; readonly left: readonly LeftStatements[] };

/** When a statement of the table `event e` began at the earliest and had ended at the latest. */
export const statementStart = sql`coalesce(e.start_lo_us, e.end_lo_us, e.at_us)`;
export const statementEnd = sql`coalesce(e.end_hi_us, e.start_hi_us, e.at_us)`;
/** Prepared statements and cursors are used at other times than they were made. */
const made = sql`regexp_matches(e.sql_text, '^\\s*(?i:prepare|declare)\\s')`;
const statements: Sql = sql`event e left join ${actorOf} a using (event_id) where e.class = 2 and e.sql_text is not null`;

/** Which statements belong to a part, for a query over `event e` and the intruder's events `a`. */
export const inPart = ({ span }: Pick<LogPart, 'span'>): Sql =>
  span === null
    ? sql`true`
    : sql`(a.certainty is not null or ${made} or (${statementEnd} >= ${span.fromUs}::bigint and ${statementStart} < ${span.toUs}::bigint))`;

/** Choose what is read of a log of more than `most` statements: the time of the intruder's requests, and of that as much as can be held. */
export async function choosePart(engine: Engine, requests: Span, most: number): Promise<LogPart> {
  const { n } = await engine.row<{ n: number }>('exposure.statement_count', sql`select count(*) as n from ${statements}`);
  if (n <= most) return { present: n > 0, span: null, left: [] };
  if (requests.fromUs > requests.toUs) return { present: true, span: { fromUs: 0, toUs: 0 }, left: [] };
  const time = { fromUs: requests.fromUs - marginUs, toUs: requests.toUs + marginUs };
  const span = { fromUs: time.fromUs, toUs: await lastHeld(engine, time, most) };
  const left =
    span.toUs === time.toUs
      ? []
      : await engine.rows<LeftStatements>(
          'exposure.statements_left',
          sql`select e.system_id as "systemId", count(*) as n, min(e.event_id) as "eventId" from ${statements}
            and ${statementEnd} >= ${time.fromUs}::bigint and ${statementStart} <= ${time.toUs}::bigint and not ${inPart({ span })} group by e.system_id order by e.system_id nulls first`,
        );
  return { present: true, span, left };
}

/** Up to when (excluded) the statements of a time can be held. */
async function lastHeld(engine: Engine, time: Span, most: number): Promise<Micros> {
  const { us } = await engine.row<{ us: number | null }>(
    'exposure.statements_held',
    sql`select min(us) as us from (select ${statementStart} as us from ${statements} and ${statementEnd} >= ${time.fromUs}::bigint and ${statementStart} <= ${time.toUs}::bigint order by us offset ${most})`,
  );
  return us ?? time.toUs;
}
