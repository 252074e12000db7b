import { UserError } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { sql } from '../engine/index.ts';
import { readOriginal } from '../events/index.ts';

export type StepEvent = {
  event_id: number;
  file: string;
  line: number;
  at_us: number | null;
  src_ip: string | null;
  account: string | null;
  method: string | null;
  target: string | null;
  status: number | null;
  bytes_out: number | null;
  sql_text: string | null;
};

/** Events of a step after a cursor (0 = from the first). */
export async function stepEvents({ engine }: OpenCase, stepId: string, after: number, limit: number): Promise<{ rows: StepEvent[]; next: number | null }> {
  const rows = await engine.rows<StepEvent>(
    'web.step_events',
    sql`
    select e.event_id, s.path as file, e.line_no as line, e.at_us, e.src_ip, e.account, e.method, coalesce(e.target_norm, e.target) as target, e.status, e.bytes_out, e.sql_text
    from step_event x join event e using (event_id) join source_file s using (file_no)
    where x.step_id = ${stepId} and x.event_id > ${after} order by x.event_id limit ${limit}`,
  );
  return { rows, next: rows.length === limit ? rows.at(-1)!.event_id : null };
}

export type StepDetection = {
  detection_id: string;
  rule_id: string;
  title_ja: string;
  title_en: string;
  author: string | null;
  licence: string | null;
  link: string | null;
  level: string;
  outcome: string;
  events: number;
  facts: Record<string, unknown>;
};

/** The detections a step is made of, with everything they were judged by. */
export async function stepDetections({ engine }: OpenCase, stepId: string): Promise<StepDetection[]> {
  const rows = await engine.rows<Omit<StepDetection, 'facts'> & { facts: string }>(
    'web.step_detections',
    sql`
    select d.detection_id, d.rule_id, d.title_ja, d.title_en, d.author, d.licence, d.link, d.level, d.outcome, d.events, d.facts
    from (select unnest(json_extract_string(facts, '$.detections[*].id')) as detection_id from step where step_id = ${stepId})
    join detection d using (detection_id) order by d.first_us nulls last, d.detection_id`,
  );
  return rows.map(r => ({ ...r, facts: JSON.parse(r.facts) as Record<string, unknown> }));
}

/** What a step's injections obtained of one column: how many values wholly, in part, and asked for in vain. */
export type StepRecovered = {
  table_name: string | null;
  column_name: string;
  exact: number;
  partial: number;
  attempted: number;
  event_id: number;
  file: string;
  line: number;
};

/** The values that a step's injections obtained, counted by column (never the values), with the first line that asked for each column. */
export async function stepRecovered({ engine }: OpenCase, stepId: string): Promise<StepRecovered[]> {
  return engine.rows<StepRecovered>(
    'web.step_recovered',
    sql`
    with obtained as (
      select table_name, column_name, count(*) filter (status = 'exact') as exact, count(*) filter (status = 'partial') as partial,
        count(*) filter (status = 'attempted') as attempted, min(event_ids[1]) as event_id
      from recovered_cell where step_id = ${stepId} group by table_name, column_name)
    select o.*, s.path as file, e.line_no as line from obtained o join event e using (event_id) join source_file s using (file_no)
    order by o.event_id, o.table_name nulls first, o.column_name`,
  );
}

/** One record of evidence as it stands in the file. Only files of the case can be named. */
export async function originalLine(
  kase: OpenCase,
  file: string,
  line: number,
): Promise<{ file: string; line: number; byte: number; bytes: number; sha256: string; text: string }> {
  const rows = await kase.engine.rows<{ file_no: number; byte_off: number; byte_len: number; sha256: string; line_no: number }>(
    'web.line',
    sql`
    select e.file_no, e.byte_off, e.byte_len, s.sha256, e.line_no from event e join source_file s using (file_no)
    where s.path = ${file} and e.line_no <= ${line} order by e.line_no desc, e.event_id limit 1`,
  );
  const row = rows[0];
  if (!row) throw new UserError('web.no-such-line', { file, line });
  const bytes = await readOriginal(kase, row.file_no, row.byte_off, Math.min(row.byte_len, 65_536));
  return { file, line: row.line_no, byte: row.byte_off, bytes: row.byte_len, sha256: row.sha256, text: new TextDecoder('utf-8').decode(bytes) };
}
