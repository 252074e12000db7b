import { type Engine, sql } from '../../engine/index.ts';
import type { InjectionEvent } from './rebuild.ts';

/** Words of SQL as they look inside base64, at all three alignments. */
function base64Words(words: readonly string[]): string[] {
  const out = new Set<string>();
  for (const word of words) {
    for (const w of [word, word.toLowerCase()]) {
      for (let shift = 0; shift < 3; shift++) {
        const encoded = Buffer.from('x'.repeat(shift) + w).toString('base64').replace(/=+$/, '');
        const stable = encoded.slice(shift === 0 ? 0 : shift + 1, encoded.length - ((shift + w.length) % 3 === 0 ? 0 : 1));
        if (stable.length >= 5) out.add(stable.replaceAll('+', '\\+'));
      }
    }
  }
  return [...out].sort();
}

const callWords = 'substr(?:ing|c|b)?|mid|ascii|ord|unicode|len(?:gth)?|char_length|character_length|left|right|if|iif|elt|strcmp|greatest|least|hex|sleep|pg_sleep|benchmark|extractvalue|updatexml|concat|cast|convert|char|chr';
const requestPattern = `(?i)(?:\\bselect\\b|\\bunion\\b|waitfor|\\b(?:${callWords})\\s*\\(|\\bcase\\s+when\\b|\\b(?:rlike|regexp|having|procedure)\\b|['")0-9]\\s*(?:/\\*[^*]*\\*/|\\s)*(?:\\|\\||&&|;|\\b(?:and|or|xor|like|order|between|in|not)\\b)|\\b(?:and|or|xor)(?:\\s|/\\*|\\()+[^=<>&]{0,60}(?:[=<>]|like))`;
const statementPattern = '(?i)(?:ascii|ord|unicode|substr(?:ing|c)?|mid|pg_sleep|sleep|benchmark|length|len|left)\\s*\\([\\s\\S]*\\bselect\\b|waitfor\\s+delay|extractvalue|updatexml|union\\s+(?:all\\s+)?select';

/** One character that is no letter, as it is or percent-encoded up to several times: headers are not decoded in the table. */
const gap = '(?:^|!\\d{5}|[^\\w%]|%(?:25)*[0-9a-f]{2}|%u00[0-9a-f]{2})';
const headerPattern = `(?i)${gap}(?:select|union|waitfor|case${gap}+when|(?:pg_)?sleep${gap}*(?:\\(|%(?:25)*28))|(?:['")]|%(?:25)*2[279])%?(?:${gap}|/\\*[^*]*\\*/)*(?:and|or|xor|order|like|in|\\|\\|)${gap}`;

/** Events that may carry an injection: named by a detection, or speaking SQL. In time order. */
export async function readInjectionEvents(engine: Engine): Promise<InjectionEvent[]> {
  const encoded = base64Words(['SELECT', 'SLEEP(', 'SUBSTR', 'UNION', 'ASCII(', 'CASE WHEN', ' AND ']).join('|');
  const pattern = `${requestPattern}|${encoded}`;
  const out: InjectionEvent[] = [];
  for await (const batch of engine.stream<InjectionEvent>('intrusion.injection_events', sql`
    with flagged as (select distinct event_id from detection d join detection_event x using (detection_id) where d.kind like 'sqli-%')
    select e.event_id, e.at_us, e.class, e.src_ip, e.host, e.method, e.path, e.query, e.user_agent, e.referer, e.forwarded, e.session, case when e.class = 2 then e.sql_text end as sql_text,
      case when e.class <> 2 then e.extra end as extra, e.status, e.bytes_out, e.duration_us, e.rows_out, e.err_code, length(e.target) as target_length, coalesce(f.time_kind, 0) as time_kind
    from event e left join event_file f using (file_no) left join flagged x using (event_id)
    where (e.class in (1, 6) and (x.event_id is not null or regexp_matches(coalesce(e.target_norm, e.target, ''), ${pattern})
        or regexp_matches(concat_ws(' ', e.referer, e.forwarded, e.session, e.extra), ${`${headerPattern}|${encoded}`})
        or regexp_matches(coalesce(e.user_agent, ''), ${headerPattern})))
      or (e.class = 2 and e.sql_text is not null and (x.event_id is not null or regexp_matches(e.sql_text, ${statementPattern})))
    order by e.at_us, e.event_id`)) out.push(...batch);
  return addGaps(engine, out);
}

/** Where a log has no durations: the time to the client's next request (start stamps), or since the one before. */
async function addGaps(engine: Engine, events: readonly InjectionEvent[]): Promise<InjectionEvent[]> {
  const untimed = events.filter(e => e.class !== 2 && e.duration_us === null && e.src_ip !== null);
  if (untimed.length === 0) return [...events];
  await engine.load('untimed', [{ name: 'event_id', type: 'BIGINT' }], untimed.map(e => [e.event_id]));
  const rows = await engine.rows<{ event_id: number; next_us: number | null; before_us: number | null }>('intrusion.gaps', sql`select event_id, next_us, before_us from (
      select event_id, lead(at_us) over w - at_us as next_us, at_us - lag(at_us) over w as before_us from event
      where class in (1, 6) and src_ip in (select distinct e.src_ip from untimed join event e using (event_id)) window w as (partition by src_ip, user_agent order by at_us, event_id))
    join untimed using (event_id) order by event_id`);
  await engine.run('intrusion.drop_untimed', sql`drop table untimed`);
  const gaps = new Map(rows.map(r => [r.event_id, r]));
  return events.map(e => { const g = gaps.get(e.event_id); return g ? { ...e, gap_us: e.time_kind === 1 ? g.next_us : g.before_us } : e; });
}
