import { HOUR, SECOND } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { type Sql, sql } from '../engine/index.ts';
import type { Pairs } from './clock-estimate.ts';
import type { ClockSource } from './clock-sources.ts';
import { eventClass, timeKind } from './columns.ts';

/**
 * Table `clock_mark`: things that two sources may both have written down about one happening, as hashed tokens with the bounds of the
 * moment. Rare literals (ids, names, search words) of a request reappear in its SQL; identical requests in two web logs; a sign-in of an
 * address in web and auth logs; address and port of a connection; trace ids; identical statements in two database logs.
 */
const mostRows = 3_000_000;
/** How long a request without a logged duration is taken to last; slower ones are outvoted. */
const unknownDuration = SECOND;
/** A token that a source holds more often says nothing. */
const mostUses = 6;
/** Runs of letters of any script, digits and `-._@`; delimiters are ASCII. */
const words = '[^\\x00-\\x2c/:-?\\[-\\^`{-\\x7f]+';

export type Window = { readonly fromUs: number; readonly toUs: number };

export async function makeClockMarks(kase: Pick<OpenCase, 'engine'>, sources: readonly ClockSource[]): Promise<void> {
  const { engine } = kase;
  const files = await engine.rows<{ file_no: number; rows: number; first_us: number; last_us: number }>(
    'clock.ranges',
    sql`
    select file_no, rows, first_us - clock_offset_us as first_us, last_us - clock_offset_us as last_us from event_file
    where first_us is not null order by file_no`,
  );
  const ranges = sources.flatMap(source => {
    const own = files.filter(f => source.files.includes(f.file_no));
    if (own.length === 0) return [];
    const sum = { rows: own.reduce((n, f) => n + f.rows, 0), first_us: Math.min(...own.map(f => f.first_us)), last_us: Math.max(...own.map(f => f.last_us)) };
    return [{ source, ...sum }];
  });
  const branches = ranges.map(r => markBranch(r.source, windowOf(r, ranges)));
  if (branches.length < 2) branches.push(sql`select '' as source_id, 0::ubigint as token, 0::bigint as lo, 0::bigint as hi where false`);
  await engine.run('clock.marks.all', sql`create or replace temp table clock_mark_all as ${sql.join(branches, sql` union all `)}`);
  await engine.run(
    'clock.marks',
    sql`create or replace temp table clock_mark as select m.* from clock_mark_all m
    join (select source_id, token from clock_mark_all group by source_id, token having count(*) <= ${mostUses}) using (source_id, token)`,
  );
  await engine.run('clock.marks.done', sql`drop table clock_mark_all`);
}

/** All of a source, or, of a very long one, so much around the middle of what all sources share. */
function windowOf(own: { rows: number; first_us: number; last_us: number }, all: readonly { first_us: number; last_us: number }[]): Window {
  if (own.rows <= mostRows) return { fromUs: own.first_us, toUs: own.last_us };
  let from = Math.max(...all.map(r => r.first_us));
  let to = Math.min(...all.map(r => r.last_us));
  if (from > to) [from, to] = [own.first_us, own.last_us];
  const width = Math.max(HOUR, ((own.last_us - own.first_us) * mostRows) / own.rows);
  const middle = (from + to) / 2;
  return { fromUs: Math.floor(middle - width / 2), toUs: Math.ceil(middle + width / 2) };
}

function markBranch(source: ClockSource, window: Window): Sql {
  const request = sql`e.class in (${eventClass.http}, ${eventClass.waf})`;
  const lo = sql`case when not ${request} then coalesce(e.end_lo_us, e.start_lo_us) when f.time_kind in (${timeKind.start}, ${timeKind.receive}) then e.start_lo_us
    else coalesce(e.start_lo_us, e.end_lo_us - ${unknownDuration}) end`;
  const hi = sql`case when not ${request} then coalesce(e.start_hi_us, e.end_hi_us) when f.time_kind = ${timeKind.end} then e.end_hi_us
    else coalesce(e.end_hi_us, e.start_hi_us + ${unknownDuration}) end`;
  const body = sql`case when e.extra like '%request_body%' then json_extract_string(e.extra, '$.request_body') end`;
  const listOf = (text: Sql): Sql =>
    sql`list_transform(list_filter(list_distinct(regexp_extract_all(lower(${text}), ${words})), w -> length(w) between 3 and 64), w -> 'v:' || w)`;
  const web = sql`list_concat(${listOf(sql`concat_ws(' ', coalesce(e.target_norm, e.target), e.session, ${body})`)}, list_filter([
    'r:' || e.src_ip || ' ' || e.target, 'x:' || e.trace_id, 'p:' || e.src_ip || ' ' || e.src_port,
    case when e.method = 'POST' and regexp_matches(lower(e.path), 'log-?in|sign-?in|session|auth|token') then 'a:' || e.src_ip end], t -> t is not null))`;
  const database = sql`list_concat(${listOf(sql`case when e.sql_params is null or e.sql_params = '[]' then e.sql_text else e.sql_params end`)},
    list_filter(['q:' || e.sql_text || coalesce(e.sql_params, ''), 'x:' || e.trace_id], t -> t is not null))`;
  const other = sql`list_filter(['a:' || e.src_ip, 'p:' || e.src_ip || ' ' || e.src_port, 'x:' || e.trace_id, 'u:' || e.src_ip || ' ' || e.account || ' ' || e.action], t -> t is not null)`;
  return sql`select ${sql.lit(source.source_id)} as source_id, hash(token) as token, lo, hi from (
    select ${lo} as lo, ${hi} as hi, unnest(case when e.class in (${eventClass.http}, ${eventClass.waf}) then ${web}
      when e.class = ${eventClass.sql} then ${database} else ${other} end) as token
    from event e join event_file f using (file_no)
    where e.evidence_id = ${sql.lit(source.evidence_id)} and e.file_no in (${sql.join(
      source.files.map(n => sql`${sql.lit(n)}`),
      sql`, `,
    )}) and e.at_us between ${window.fromUs} and ${window.toUs} and e.class <> 0 and coalesce(e.time_span_us, 0) < ${SECOND})
    where lo is not null and hi is not null`;
}

/** Every candidate pair of two sources. Of very many tokens an even part, chosen by their hash. */
export async function readPairs(kase: Pick<OpenCase, 'engine'>, a: string, b: string, most = 400_000): Promise<Pairs> {
  const { engine } = kase;
  const { n } = await engine.row<{ n: number }>(
    'clock.pairs.count',
    sql`select count(*) as n from clock_mark x join clock_mark y using (token) where x.source_id = ${a} and y.source_id = ${b}`,
  );
  const part = Math.max(1, Math.ceil(n / most));
  const [token, lo, hi, at]: number[][] = [[], [], [], []];
  for await (const batch of engine.stream<{ t: number; lo: number; hi: number; at_us: number }>(
    'clock.pairs',
    sql`
    select (token % 9007199254740881)::bigint as t, y.lo - x.hi as lo, y.hi - x.lo as hi, x.lo as at_us
    from clock_mark x join clock_mark y using (token)
    where x.source_id = ${a} and y.source_id = ${b} and token % ${part} = 0
    order by lo, hi, t, at_us`,
  )) {
    for (const r of batch) {
      token!.push(r.t);
      lo!.push(r.lo);
      hi!.push(r.hi);
      at!.push(r.at_us);
    }
  }
  return { token: Float64Array.from(token!), lo: Float64Array.from(lo!), hi: Float64Array.from(hi!), at: Float64Array.from(at!) };
}
