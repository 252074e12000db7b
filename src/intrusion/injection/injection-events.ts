import { type Engine, sql } from '../../engine/index.ts';
import type { InjectionEvent } from './rebuild.ts';

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
/** What an injected statement looks like in a database's log (RE2). */
export const statementPattern =
  '(?i)(?:ascii|ord|unicode|substr(?:ing|c)?|mid|pg_sleep|sleep|benchmark|length|len|left)\\s*\\([\\s\\S]*\\bselect\\b|waitfor\\s+delay|extractvalue|updatexml|union\\s+(?:all\\s+)?select';

/** One character that is no letter, as it is or percent-encoded up to several times: headers are not decoded in the table. */
const gap = '(?:^|!\\d{5}|[^\\w%]|%(?:25)*[0-9a-f]{2}|%u00[0-9a-f]{2})';
const headerPattern = `(?i)${gap}(?:select|union|waitfor|case${gap}+when|(?:pg_)?sleep${gap}*(?:\\(|%(?:25)*28))|(?:['")]|%(?:25)*2[279])%?(?:${gap}|/\\*[^*]*\\*/)*(?:and|or|xor|order|like|in|\\|\\|)${gap}`;

/** What a client's requests have in common, as the engine writes it: one text instead of ten, read once while it stays the same. */
type Context = Pick<
  InjectionEvent,
  'class' | 'src_ip' | 'host' | 'method' | 'path' | 'user_agent' | 'referer' | 'forwarded' | 'session' | 'answered' | 'time_kind'
> & {
  readonly silent: boolean;
};
type EventRow = Pick<InjectionEvent, 'event_id' | 'at_us' | 'extra' | 'status' | 'bytes_out' | 'duration_us' | 'rows_out' | 'err_code' | 'target_length'> & {
  readonly text: string;
};

/** Events that may carry an injection: named by a detection, or speaking SQL. In time order. Reads the tables `injection_answer` and `statement_error`. */
export async function* injectionEvents(engine: Engine): AsyncGenerator<InjectionEvent[]> {
  const contextOf = createContexts();
  for await (const batch of injectionRows(engine)) yield batch.map(row => eventOf(row, contextOf));
}

function injectionRows(engine: Engine): AsyncGenerator<EventRow[]> {
  const encoded = base64Words(['SELECT', 'SLEEP(', 'SUBSTR', 'UNION', 'ASCII(', 'CASE WHEN', ' AND ']).join('|');
  const pattern = `${requestPattern}|${encoded}`;
  // every text that leaves the engine costs more than all the numbers of its row
  return engine.stream<EventRow>(
    'intrusion.injection_events',
    sql`
    with flagged as (select distinct event_id from detection d join detection_event x using (detection_id) where d.kind like 'sqli-%')
    select e.event_id, e.at_us, json_object('class', e.class, 'src_ip', coalesce(q.src_ip, e.src_ip), 'host', coalesce(q.host, e.host), 'method', coalesce(q.method, e.method),
        'path', coalesce(q.path, e.path), 'user_agent', coalesce(q.user_agent, e.user_agent), 'referer', e.referer, 'forwarded', e.forwarded, 'session', e.session,
        'answered', q.event_id is not null, 'time_kind', coalesce(f.time_kind, 0), 'silent', case when e.class = 2 then e.sql_text is null else e.query is null end)::varchar
        || chr(10) || coalesce(case when e.class = 2 then e.sql_text else e.query end, '') as text,
      case when e.class <> 2 then e.extra end as extra, coalesce(q.status, e.status) as status, coalesce(q.bytes_out, e.bytes_out) as bytes_out, coalesce(q.duration_us, e.duration_us) as duration_us,
      e.rows_out, coalesce(e.err_code, s.err_code) as err_code, length(e.target) as target_length
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

function eventOf(row: EventRow, contextOf: (text: string) => Context): InjectionEvent {
  // JSON writes no line break of its own
  const end = row.text.indexOf('\n');
  const context = contextOf(row.text.slice(0, end));
  const payload = context.silent ? null : row.text.slice(end + 1);
  const isStatement = context.class === 2;
  return {
    event_id: row.event_id,
    at_us: row.at_us,
    class: context.class,
    src_ip: context.src_ip,
    host: context.host,
    method: context.method,
    path: context.path,
    user_agent: context.user_agent,
    referer: context.referer,
    forwarded: context.forwarded,
    session: context.session,
    answered: context.answered === true,
    time_kind: context.time_kind,
    query: isStatement ? null : payload,
    sql_text: isStatement ? payload : null,
    extra: row.extra,
    status: row.status,
    bytes_out: row.bytes_out,
    duration_us: row.duration_us,
    rows_out: row.rows_out,
    err_code: row.err_code,
    target_length: row.target_length,
  };
}

const mostContexts = 10_000;

function createContexts(): (text: string) => Context {
  const known = new Map<string, Context>();
  let last = '';
  let latest: Context | null = null;
  return text => {
    if (latest && text === last) return latest;
    let context = known.get(text);
    if (!context) {
      if (known.size >= mostContexts) known.clear();
      known.set(text, (context = JSON.parse(text) as Context));
    }
    last = text;
    latest = context;
    return context;
  };
}
