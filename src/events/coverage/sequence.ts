import type { OpenCase } from '../../case/index.ts';
import { type Sql, sql } from '../../engine/index.ts';
import type { Gap } from './tables.ts';

/** Breaks in numbers that a source counts by itself. `filtered`: so many that the source must have been filtered; then nothing is a gap. */
export type SequenceReport = { readonly gaps: readonly Gap[]; readonly filtered: readonly string[] };

type Break = { file_no: number; evidence_id: string; from_us: number; to_us: number; missing: number };
type Total = { evidence_id: string; steps: number; breaks: number };

/** More breaks than this share of all steps is a filter, not loss. */
const mostBreaks = 0.2;

export async function findSequenceBreaks(kase: Pick<OpenCase, 'engine'>): Promise<SequenceReport> {
  const { engine } = kase;
  const gaps: Gap[] = [];
  const filtered: string[] = [];
  const files = await engine.rows<{ file_no: number; format: string }>('coverage.sequence.files', sql`select file_no, format from event_file order by file_no`);
  for (const { kind, formats, keys, numbers } of detectors) {
    const own = files.filter(f => formats.includes(f.format)).map(f => f.file_no);
    if (own.length === 0) continue;
    await engine.run(
      `coverage.sequence.${kind}`,
      sql`create or replace temp table coverage_step as
      select evidence_id, file_no, event_id, at_us, seq, seq - lag(seq) over w as step, lag(at_us) over w as before_us, conn_id
      from (${numbers(own)})
      window w as (partition by evidence_id, ${keys} order by seq, at_us, event_id) qualify step > 1`,
    );
    const totals = await engine.rows<Total>(
      `coverage.sequence.${kind}.total`,
      sql`select evidence_id, count(*) as steps, (select count(*) from coverage_step b where b.evidence_id = n.evidence_id) as breaks
      from (${numbered(own)}) n group by evidence_id order by evidence_id`,
    );
    for (const t of totals) if (t.breaks > 3 && t.breaks > t.steps * mostBreaks) filtered.push(t.evidence_id);
    const breaks = await engine.rows<Break>(
      `coverage.sequence.${kind}.breaks`,
      sql`select file_no, evidence_id, least(before_us, at_us) as from_us, greatest(before_us, at_us) as to_us,
      step - 1 as missing from coverage_step where before_us is not null and at_us is not null
      order by evidence_id, from_us, to_us, event_id`,
    );
    const heads = kind === 'pg' ? await headBreaks(kase, own) : [];
    gaps.push(
      ...merge(
        [...breaks, ...heads].filter(b => !filtered.includes(b.evidence_id)),
        kind,
      ),
    );
  }
  await engine.run('coverage.sequence.done', sql`drop table if exists coverage_step`);
  return { gaps, filtered: [...new Set(filtered)].sort() };
}

const detectors: readonly {
  kind: string;
  formats: readonly string[];
  keys: Sql;
  numbers: (files: readonly number[]) => Sql;
}[] = [
  { kind: 'pg', formats: ['pg-csvlog', 'pg-jsonlog'], keys: sql`conn_id`, numbers: numbered },
  { kind: 'evtx', formats: ['evtx'], keys: sql`file_no, conn_id`, numbers: numbered },
  {
    // The audit log numbers events of one and the same stamp from 0.
    kind: 'mysql-audit',
    formats: ['mysql-audit-json'],
    keys: sql`time_us`,
    numbers: files => sql`${numbered(files)} union all by name
      select evidence_id, min(file_no)::integer as file_no, -1::bigint as event_id, min(at_us) as at_us, -1::bigint as seq, null::varchar as conn_id, time_us
      from (${numbered(files)}) group by evidence_id, time_us`,
  },
];

/** File numbers stand as constants, so that the branches of other files drop out of the view. */
const listed = (files: readonly number[]): Sql => sql.join(files.map(f => sql.lit(f)));

function numbered(files: readonly number[]): Sql {
  return sql`select evidence_id, file_no, event_id, at_us, seq::bigint as seq, conn_id, time_us from event
    where file_no in (${listed(files)}) and seq is not null and class <> 0`;
}

/** Sessions whose first lines are missing although they began inside the log: a PostgreSQL session id starts with its start time in hex seconds. */
async function headBreaks(kase: Pick<OpenCase, 'engine'>, files: readonly number[]): Promise<Break[]> {
  return kase.engine.rows<Break>(
    'coverage.sequence.heads',
    sql`
    with head as (
      select evidence_id, conn_id, first(file_no order by seq, event_id) as file_no, min(seq) as seq, first(at_us order by seq, event_id) as at_us,
        first(at_us - time_us order by seq, event_id) as shift,
        try_cast('0x' || split_part(conn_id, '.', 1) as bigint) * 1000000 as started
      from event where file_no in (${listed(files)}) and seq is not null and at_us is not null
      group by evidence_id, conn_id),
    span as (select evidence_id, min(first_us - clock_offset_us) as first_us from event_file group by evidence_id)
    select head.file_no, head.evidence_id, started + shift as from_us, at_us as to_us, seq - 1 as missing
    from head join span using (evidence_id)
    where seq > 1 and started is not null and started + shift >= first_us and started + shift <= at_us
    order by head.evidence_id, from_us, to_us, conn_id`,
  );
}

/** Breaks that overlap are one gap. */
function merge(breaks: readonly Break[], kind: string): Gap[] {
  const sorted = [...breaks].sort((a, b) =>
    a.evidence_id < b.evidence_id ? -1 : a.evidence_id > b.evidence_id ? 1 : a.from_us - b.from_us || a.to_us - b.to_us || a.file_no - b.file_no,
  );
  const out: { gap: Gap; missing: number; sequences: number }[] = [];
  for (const b of sorted) {
    const last = out.at(-1);
    if (last && last.gap.evidence_id === b.evidence_id && b.from_us <= last.gap.to_us) {
      const missing = last.missing + b.missing;
      const sequences = last.sequences + 1;
      const to_us = Math.max(last.gap.to_us, b.to_us);
      out[out.length - 1] = { missing, sequences, gap: { ...last.gap, to_us, detail: { kind, missing, sequences } } };
    } else {
      out.push({
        missing: b.missing,
        sequences: 1,
        gap: {
          file_no: b.file_no,
          evidence_id: b.evidence_id,
          from_us: b.from_us,
          to_us: b.to_us,
          reason: 'sequence',
          detail: { kind, missing: b.missing, sequences: 1 },
        },
      });
    }
  }
  return out.map(o => o.gap);
}
