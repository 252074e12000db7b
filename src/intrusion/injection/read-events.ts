import { type Engine, sql } from '../../engine/index.ts';
import { injectionEvents, statementPattern } from './injection-events.ts';
import { type AnswerLinks, linkAnswers } from './link-answers.ts';
import { createRebuilder, type InjectionMark, type Rebuilt } from './rebuild.ts';

/** What all injections of the log asked and obtained; the log is read batch by batch. */
export async function readInjections(engine: Engine): Promise<Rebuilt> {
  const errors = await pairErrors(engine);
  const links = new Map(
    [...(await linkAnswers(engine, statementPattern))].map(([statement, request]) => [errors.get(statement) ?? statement, request] as const),
  );
  await engine.load(
    'injection_answer',
    [
      { name: 'event_id', type: 'BIGINT' },
      { name: 'request_id', type: 'BIGINT' },
    ],
    [...links].sort((a, b) => a[0] - b[0]),
  );
  const rebuilder = createRebuilder();
  for await (const batch of injectionEvents(engine)) rebuilder.add(batch);
  const gaps = await readGaps(
    engine,
    rebuilder.untimed().map(id => links.get(id) ?? id),
  );
  for (const [statement, request] of links) if (gaps.has(request)) gaps.set(statement, gaps.get(request)!);
  return withRequests(rebuilder.finish(gaps), links);
}

/** Statements that a log says twice, when they are run and when they fail, as one: by the line of the error, the line of the statement. */
async function pairErrors(engine: Engine): Promise<ReadonlyMap<number, number>> {
  await engine.run(
    'intrusion.statement_error',
    sql`create or replace temp table statement_error as select event_id, error_id, err_code from (
      select event_id, err_code is null and lead(text) over said = text as same, lead(event_id) over said as error_id, lead(err_code) over said as err_code
      from (select event_id, file_no, conn_id, at_us, err_code, md5(sql_text) as text from event where class = 2 and conn_id is not null and sql_text is not null and regexp_matches(sql_text, ${statementPattern}))
      window said as (partition by file_no, conn_id order by at_us, event_id)) where same and err_code is not null`,
  );
  const rows = await engine.rows<{ event_id: number; error_id: number }>(
    'intrusion.statement_errors',
    sql`select event_id, error_id from statement_error order by error_id`,
  );
  return new Map(rows.map(r => [r.error_id, r.event_id]));
}

/** Statements that stand for a request: the request is evidence too, and where its answers could be read, it carried the injection. */
function withRequests(rebuilt: Rebuilt, links: AnswerLinks): Rebuilt {
  if (links.size === 0) return rebuilt;
  const told = new Set<number>();
  const cells = rebuilt.cells.map(c => {
    const requests = c.eventIds.flatMap(id => links.get(id) ?? []);
    if (requests.length === 0) return c;
    if (c.oracle) for (const a of c.answers) if (links.has(a.eventId)) told.add(a.eventId);
    return { ...c, eventIds: [...c.eventIds, ...requests].sort((a, b) => a - b) };
  });
  const marks = function* (): Generator<InjectionMark> {
    for (const m of rebuilt.marks) {
      yield m;
      if (told.has(m.eventId)) yield { ...m, eventId: links.get(m.eventId)!, point: m.point.replace(/^database /, '') };
    }
  };
  return { ...rebuilt, cells, marks: { [Symbol.iterator]: marks } };
}

/** Where a log has no durations: the time to the client's next request (start stamps), or since the one before. */
async function readGaps(engine: Engine, untimed: readonly number[]): Promise<Map<number, number | null>> {
  if (untimed.length === 0) return new Map();
  await engine.load(
    'untimed',
    [{ name: 'event_id', type: 'BIGINT' }],
    untimed.map(id => [id]),
  );
  const rows = await engine.rows<{ event_id: number; gap_us: number | null }>(
    'intrusion.gaps',
    sql`select event_id, case when coalesce(time_kind, 0) = 1 then next_us else before_us end as gap_us from (
      select event_id, file_no, lead(at_us) over w - at_us as next_us, at_us - lag(at_us) over w as before_us from event
      where class in (1, 6) and src_ip in (select distinct e.src_ip from untimed join event e using (event_id)) window w as (partition by src_ip, user_agent order by at_us, event_id))
    join untimed using (event_id) left join event_file using (file_no) order by event_id`,
  );
  await engine.run('intrusion.drop_untimed', sql`drop table untimed`);
  return new Map(rows.map(r => [r.event_id, r.gap_us]));
}
