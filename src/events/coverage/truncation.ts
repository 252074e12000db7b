import type { OpenCase } from '../../case/index.ts';
import { sql } from '../../engine/index.ts';
import type { Gap } from './tables.ts';

export type CutLines = {
  readonly file_no: number;
  readonly evidence_id: string;
  readonly length: number;
  readonly lines: number;
};
export type TruncationReport = { readonly gaps: readonly Gap[]; readonly cut: readonly CutLines[] };

/** Lengths at which loggers and syslog relays cut, with or without the line end or a terminator. */
const usualLengths = [256, 512, 1000, 1024, 2000, 2048, 4000, 4096, 8000, 8192, 16384, 32768, 65536];
const mostPoints = 100;

/** Lines cut at one length, unread last lines, and runs of NUL bytes. */
export async function findTruncation(kase: Pick<OpenCase, 'engine'>): Promise<TruncationReport> {
  const { engine } = kase;
  const longest = await engine.rows<{ file_no: number; evidence_id: string; length: number; lines: number; near: number }>(
    'coverage.cut',
    sql`
    with most as (select file_no, max(byte_len) as length from event where line_count = 1 group by file_no)
    select m.file_no, any_value(e.evidence_id) as evidence_id, m.length, count(*) filter (e.byte_len = m.length) as lines,
      count(*) filter (e.byte_len >= m.length * 0.9 and e.byte_len < m.length) as near
    from most m join event e on e.file_no = m.file_no and e.byte_len >= m.length * 0.9 and e.line_count = 1
    group by m.file_no, m.length order by m.file_no`,
  );
  const cut = longest
    .filter(l => l.lines >= 3 && l.length >= 200 && l.lines > l.near && usualLengths.some(u => l.length <= u && l.length >= u - 4))
    .map(l => ({ file_no: l.file_no, evidence_id: l.evidence_id, length: l.length, lines: l.lines }));
  const gaps: Gap[] = [];
  for (const c of cut) gaps.push(...(await cutPoints(kase, c)));
  gaps.push(...(await lostEnds(kase)), ...(await nulRuns(kase)));
  return { gaps, cut };
}

async function cutPoints(kase: Pick<OpenCase, 'engine'>, c: CutLines): Promise<Gap[]> {
  const points = await kase.engine.rows<{ at_us: number; line_no: number }>(
    'coverage.cut.points',
    sql`select at_us, line_no from event
    where file_no = ${sql.lit(c.file_no)} and byte_len = ${c.length} and line_count = 1 and at_us is not null order by at_us, event_id limit ${mostPoints}`,
  );
  return points.map(p => ({
    file_no: c.file_no,
    evidence_id: c.evidence_id,
    from_us: p.at_us,
    to_us: p.at_us,
    reason: 'truncated' as const,
    detail: { kind: 'cut-line', length: c.length, line: p.line_no, lines: c.lines },
  }));
}

/** A file whose last line has no line end and could not be read: what it said is lost. */
async function lostEnds(kase: Pick<OpenCase, 'engine'>): Promise<Gap[]> {
  const rows = await kase.engine.rows<{ file_no: number; evidence_id: string; at_us: number; line: number }>(
    'coverage.ends',
    sql`
    with last as (select file_no, max(event_id) as event_id from event group by file_no),
    stamped as (select file_no, arg_max(at_us, event_id) as at_us from event where at_us is not null group by file_no)
    select e.file_no, e.evidence_id, s.at_us, e.line_no as line from last l join event e on e.event_id = l.event_id and e.file_no = l.file_no
      join event_file f on f.file_no = e.file_no join stamped s on s.file_no = e.file_no
    where f.open_end = 1 and e.class = 0 order by e.file_no`,
  );
  return rows.map(r => ({
    file_no: r.file_no,
    evidence_id: r.evidence_id,
    from_us: r.at_us,
    to_us: r.at_us,
    reason: 'truncated' as const,
    detail: { kind: 'last-line', line: r.line },
  }));
}

/** A crash leaves blocks of NUL: whatever stood between the stamps before and after them is gone. */
async function nulRuns(kase: Pick<OpenCase, 'engine'>): Promise<Gap[]> {
  const rows = await kase.engine.rows<{
    file_no: number;
    evidence_id: string;
    line: number;
    bytes: number;
    before_us: number | null;
    after_us: number | null;
  }>(
    'coverage.nul',
    sql`
    select f.file_no, f.evidence_id, p.line, p.count as bytes,
      (select arg_max(at_us, event_id) from event e where e.file_no = f.file_no and e.line_no < p.line and at_us is not null) as before_us,
      (select arg_min(at_us, event_id) from event e where e.file_no = f.file_no and e.line_no >= p.line and at_us is not null) as after_us
    from problem p join source_file s on s.path = p.file join event_file f on f.file_no = s.file_no
    where p.code = 'events.nul-bytes' order by f.file_no, p.line`,
  );
  return rows.flatMap(r => {
    const from = r.before_us ?? r.after_us;
    const to = r.after_us ?? r.before_us;
    if (from === null || to === null) return [];
    return [
      {
        file_no: r.file_no,
        evidence_id: r.evidence_id,
        from_us: Math.min(from, to),
        to_us: Math.max(from, to),
        reason: 'truncated' as const,
        detail: { kind: 'nul-bytes', line: r.line, bytes: r.bytes },
      },
    ];
  });
}
