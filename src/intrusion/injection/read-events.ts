import { type Engine, sql } from '../../engine/index.ts';
import { type AnswerLinks, linkAnswers } from './link-answers.ts';
import { createRebuilder, type InjectionEvent, type InjectionMark, type Rebuilt } from './rebuild.ts';

/** Words of SQL as they look inside base64, at all three alignments. */
function base64Words(words: readonly string[]): string[] {
  const out = new Set<string>();
  for (const word of words) {
    for (const w of [word, word.toLowerCase()]) {
      for (let shift = 0; shift < 3; shift++) {
        const encoded = Buffer.from('x'.repeat(shift) + w)
          .toString('base64')
          .replace(/=+$/, '');
        const stable = encoded.slice(shift === 0 ? 0 : shift + 1, encoded.length - ((shift + w.length) % 3 === 0 ? 0 : 1));
        if (stable.length >= 5) out.add(stable.replaceAll('+', '\\+'));
      }
    }
  }
  return [...out].sort();
}

const callWords =
  'substr(?:ing|c|b)?|mid|ascii|ord|unicode|len(?:gth)?|char_length|character_length|left|right|if|iif|elt|strcmp|greatest|least|hex|sleep|pg_sleep|benchmark|extractvalue|updatexml|concat|cast|convert|char|chr';
const requestPattern = `(?i)(?:\\bselect\\b|\\bunion\\b|waitfor|\\b(?:${callWords})\\s*\\(|\\bcase\\s+when\\b|\\b(?:rlike|regexp|having|procedure)\\b|['")0-9]\\s*(?:/\\*[^*]*\\*/|\\s)*(?:\\|\\||&&|;|\\b(?:and|or|xor|like|order|between|in|not)\\b)|\\b(?:and|or|xor)(?:\\s|/\\*|\\()+[^=<>&]{0,60}(?:[=<>]|like))`;
const statementPattern =
  '(?i)(?:ascii|ord|unicode|substr(?:ing|c)?|mid|pg_sleep|sleep|benchmark|length|len|left)\\s*\\([\\s\\S]*\\bselect\\b|waitfor\\s+delay|extractvalue|updatexml|union\\s+(?:all\\s+)?select';

/** One character that is no letter, as it is or percent-encoded up to several times: headers are not decoded in the table. */
const gap = '(?:^|!\\d{5}|[^\\w%]|%(?:25)*[0-9a-f]{2}|%u00[0-9a-f]{2})';
const headerPattern = `(?i)${gap}(?:select|union|waitfor|case${gap}+when|(?:pg_)?sleep${gap}*(?:\\(|%(?:25)*28))|(?:['")]|%(?:25)*2[279])%?(?:${gap}|/\\*[^*]*\\*/)*(?:and|or|xor|order|like|in|\\|\\|)${gap}`;

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

/** Events that may carry an injection: named by a detection, or speaking SQL. In time order. */
function injectionEvents(engine: Engine): AsyncGenerator<InjectionEvent[]> {
  const encoded = base64Words(['SELECT', 'SLEEP(', 'SUBSTR', 'UNION', 'ASCII(', 'CASE WHEN', ' AND ']).join('|');
  const pattern = `${requestPattern}|${encoded}`;
  return engine.stream<InjectionEvent>(
    'intrusion.injection_events',
    sql`
    with flagged as (select distinct event_id from detection d join detection_event x using (detection_id) where d.kind like 'sqli-%')
    select e.event_id, e.at_us, e.class, coalesce(q.src_ip, e.src_ip) as src_ip, coalesce(q.host, e.host) as host, coalesce(q.method, e.method) as method, coalesce(q.path, e.path) as path, e.query,
      coalesce(q.user_agent, e.user_agent) as user_agent, e.referer, e.forwarded, e.session, case when e.class = 2 then e.sql_text end as sql_text, q.event_id is not null as answered,
      case when e.class <> 2 then e.extra end as extra, coalesce(q.status, e.status) as status, coalesce(q.bytes_out, e.bytes_out) as bytes_out, coalesce(q.duration_us, e.duration_us) as duration_us,
      e.rows_out, coalesce(e.err_code, s.err_code) as err_code, length(e.target) as target_length, coalesce(f.time_kind, 0) as time_kind
    from event e left join event_file f using (file_no) left join flagged x using (event_id)
      left join injection_answer l using (event_id) left join (select * from event where event_id in (select request_id from injection_answer)) q on q.event_id = l.request_id
      left join statement_error s on s.event_id = e.event_id
    where (e.class in (1, 6) and (x.event_id is not null or regexp_matches(coalesce(e.target_norm, e.target, ''), ${pattern})
        or regexp_matches(concat_ws(' ', e.referer, e.forwarded, e.session, e.extra), ${`${headerPattern}|${encoded}`})
        or regexp_matches(coalesce(e.user_agent, ''), ${headerPattern})))
      or (e.class = 2 and e.sql_text is not null and e.event_id not in (select error_id from statement_error) and (x.event_id is not null or l.event_id is not null or regexp_matches(e.sql_text, ${statementPattern})))
    order by e.at_us, e.event_id`,
  );
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
