import { type Problem, problem } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { sql } from '../engine/index.ts';
import { eventClass } from './columns.ts';

/**
 * Files whose lines were read but say nothing of what the case file calls them: an access log without one request, a statement log without
 * one statement, requests without an address or a time. Without this a log under unknown names would look like a quiet night.
 */
export async function unrecognised(kase: OpenCase): Promise<Problem[]> {
  const rows = await kase.engine.rows<{ evidence_id: string; path: string; n: number; http: number; placed: number; timed: number; sql: number }>(
    'events.unrecognised',
    sql`
    select e.evidence_id, s.path, count(*) as n, count(*) filter (class in (${eventClass.http}, ${eventClass.net})) as http,
      count(*) filter (class = ${eventClass.http} and src_ip is not null) as placed, count(*) filter (time_us is not null) as timed,
      count(*) filter (class = ${eventClass.sql}) as sql
    from event e join source_file s using (file_no) where class <> ${eventClass.unparsed} group by 1, 2 order by 2, 1`,
  );
  return rows.flatMap(r => {
    const kind = kase.file.evidence.find(e => e.id === r.evidence_id)?.kind;
    const say = (code: string): Problem => problem(code, 'error', { file: r.path, ref: r.evidence_id }, {}, r.n);
    if (r.timed === 0) return [say('events.no-times')];
    if (kind === 'web-access') return r.http === 0 ? [say('events.no-requests')] : r.placed === 0 ? [say('events.no-addresses')] : [];
    return kind === 'sql-audit' && r.sql === 0 ? [say('events.no-statements')] : [];
  });
}
