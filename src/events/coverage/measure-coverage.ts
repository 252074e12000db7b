import { type Effects, HOUR, MINUTE, type Micros, type Problem, problem, SECOND, zoneOffset } from '../../base/index.ts';
import { type OpenCase, recordProblems } from '../../case/index.ts';
import { sql } from '../../engine/index.ts';
import { findMissingFiles, type RotatedFile, rotationLimit } from './rotation.ts';
import { findSequenceBreaks } from './sequence.ts';
import { coverageGapColumns, coverageSourceColumns, type Gap } from './tables.ts';
import { type Bins, judgeTraffic, type TrafficReport } from './traffic-model.ts';
import { findTruncation } from './truncation.ts';

export type CoverageSummary = { readonly sources: number; readonly gaps: number; readonly silentUs: Micros };

type File = RotatedFile & { readonly format: string; readonly kind: string };

/**
 * Where the evidence does not cover time: breaks in a source's own numbers, missing rotated files, silence and thinness against its
 * habits, cut and unreadable pieces. Reads view `event`, `event_file`, `source_file`, `problem`; writes `coverage_gap` and
 * `coverage_source`. No gap found does not prove that nothing is missing.
 */
export async function measureCoverage(kase: OpenCase, effects: Effects): Promise<CoverageSummary> {
  const files = await readFiles(kase);
  const sequence = await findSequenceBreaks(kase);
  const truncation = await findTruncation(kase);
  const gaps: Gap[] = [...sequence.gaps, ...truncation.gaps, ...findMissingFiles(files)];
  const sources: unknown[][] = [];
  const problems: Problem[] = [];
  for (const id of [...new Set(files.map(f => f.evidence_id))].sort()) {
    const own = files.filter(f => f.evidence_id === id && f.firstUs !== null);
    if (own.length === 0) continue;
    const first = own.reduce((a, f) => Math.min(a, f.firstUs!), Number.POSITIVE_INFINITY);
    const last = own.reduce((a, f) => Math.max(a, f.lastUs!), Number.NEGATIVE_INFINITY);
    const traffic = judgeTraffic(await readBins(kase, id, first, last), us => zoneOffset(kase.file.timezone, us));
    gaps.push(...(await withOthers(kase, trafficGaps(traffic, own, id))));
    const oldest = own.reduce((a, f) => (f.firstUs! < a.firstUs! ? f : a));
    const facts = {
      ...(rotationLimit(oldest.bytes) !== null && { size_at_limit: rotationLimit(oldest.bytes), oldest_file: oldest.path }),
      ...(sequence.filtered.includes(id) && { filtered: true }),
      ...(overlapping(own) && { files_overlap: true }),
    };
    sources.push([id, first, last, traffic.model, traffic.clientsPerHour, traffic.dispersion, JSON.stringify(facts)]);
    if (sequence.filtered.includes(id)) problems.push(problem('events.sequence-filtered', 'info', { ref: id }, { ref: id }));
    if (facts.size_at_limit) problems.push(problem('events.size-at-limit', 'info', { file: oldest.path, ref: id }, { ref: id, bytes: oldest.bytes }));
  }
  for (const c of truncation.cut)
    problems.push(
      problem(
        'events.cut-lines',
        'warning',
        { file: files.find(f => f.file_no === c.file_no)?.path ?? '', ref: c.evidence_id },
        { length: c.length, count: c.lines },
        c.lines,
      ),
    );
  const sorted = sortGaps(joinRotation(gaps));
  await kase.engine.load(
    'coverage_gap',
    coverageGapColumns,
    sorted.map(g => [g.file_no, g.evidence_id, g.from_us, g.to_us, g.reason, JSON.stringify(g.detail)]),
  );
  await kase.engine.load('coverage_source', coverageSourceColumns, sources);
  problems.push(...gapProblems(sorted));
  await recordProblems(kase.engine, 'events.coverage', problems);
  const summary = {
    sources: sources.length,
    gaps: sorted.length,
    silentUs: sorted.reduce((n, g) => n + (g.reason === 'silent' || g.reason === 'rotation' ? g.to_us - g.from_us : 0), 0),
  };
  effects.log('events.coverage', { sources: summary.sources, gaps: summary.gaps });
  return summary;
}

async function readFiles(kase: OpenCase): Promise<File[]> {
  return kase.engine.rows<File>(
    'coverage.files',
    sql`select f.file_no, f.evidence_id, s.path, s.content_bytes as bytes, f.format, f.source_kind as kind,
    f.first_us - f.clock_offset_us as "firstUs", f.last_us - f.clock_offset_us as "lastUs"
    from event_file f join source_file s using (file_no) order by f.file_no`,
  );
}

/** Different clients in each bin: addresses, else sessions, else any sign of life. Bins of a second for minutes of log, of ten for hours. */
async function readBins(kase: OpenCase, evidenceId: string, firstUs: Micros, lastUs: Micros): Promise<Bins> {
  const span = lastUs - firstUs;
  const width = span <= HOUR / 2 ? SECOND : span <= 6 * HOUR ? 10 * SECOND : MINUTE;
  const at: number[] = [];
  const count: number[] = [];
  for await (const batch of kase.engine.stream<{ bin: number; clients: number }>(
    'coverage.bins',
    sql`
    select at_us // ${width}::bigint as bin, greatest(approx_count_distinct(coalesce(src_ip, conn_id, account, '')), 1) as clients from event
    where evidence_id = ${sql.lit(evidenceId)} and at_us is not null group by bin order by bin`,
  )) {
    for (const row of batch) {
      at.push(row.bin);
      count.push(row.clients);
    }
  }
  return { at: Float64Array.from(at), count: Float64Array.from(count), width, firstUs, lastUs };
}

/** Silence that lies between the last stamp of one file and the first of the next is a lost rotation. */
function trafficGaps(report: TrafficReport, files: readonly File[], evidenceId: string): Gap[] {
  return report.stretches.map(s => {
    const middle = (s.fromUs + s.toUs) / 2;
    const after = files.filter(f => f.firstUs! >= middle).sort((a, b) => a.firstUs! - b.firstUs! || a.file_no - b.file_no)[0];
    const inside = files.find(f => f.firstUs! <= middle && f.lastUs! >= middle);
    const border = s.kind === 'silent' && !inside && after !== undefined;
    const file = inside ?? after ?? files[0]!;
    return {
      file_no: file.file_no,
      evidence_id: evidenceId,
      from_us: s.fromUs,
      to_us: s.toUs,
      reason: border ? ('rotation' as const) : s.kind,
      detail: { model: report.model, expected: s.expected, observed: s.observed },
    };
  });
}

/** `others`: events of other sources in the same stretch. Where there are some, the system was at work and records are lost; where none, it may have stood still. */
async function withOthers(kase: OpenCase, gaps: readonly Gap[]): Promise<Gap[]> {
  const out: Gap[] = [];
  for (const g of gaps) {
    const { n } = await kase.engine.row<{ n: number }>(
      'coverage.others',
      sql`select count(*) as n from event where evidence_id <> ${g.evidence_id} and at_us between ${g.from_us} and ${g.to_us}`,
    );
    out.push({ ...g, detail: { ...g.detail, others: n } });
  }
  return out;
}

/** Files of a source that were written at the same time, as of several servers. */
function overlapping(files: readonly File[]): boolean {
  const sorted = [...files].sort((a, b) => a.firstUs! - b.firstUs! || a.file_no - b.file_no);
  return sorted.some((f, i) => i > 0 && f.firstUs! + MINUTE < sorted[i - 1]!.lastUs!);
}

/** A lost file that names and silence both show is one gap, with the borders of the names and what silence knew. */
function joinRotation(gaps: readonly Gap[]): Gap[] {
  const named = gaps.filter(g => g.reason === 'rotation' && 'missing_files' in g.detail);
  const seen = gaps.filter(g => g.reason === 'rotation' && !('missing_files' in g.detail));
  const same = (n: Gap, s: Gap): boolean => n.evidence_id === s.evidence_id && n.from_us < s.to_us && s.from_us < n.to_us;
  const joined = named.map(n => {
    const s = seen.find(x => same(n, x));
    return s ? { ...n, detail: { ...n.detail, ...s.detail } } : n;
  });
  return [...gaps.filter(g => g.reason !== 'rotation'), ...joined, ...seen.filter(s => !named.some(n => same(n, s)))];
}

const order = ['rotation', 'silent', 'sequence', 'truncated', 'thin'];

function sortGaps(gaps: readonly Gap[]): Gap[] {
  const key = (g: Gap): string => JSON.stringify(g.detail);
  return [...gaps].sort(
    (a, b) =>
      a.from_us - b.from_us ||
      a.to_us - b.to_us ||
      a.file_no - b.file_no ||
      order.indexOf(a.reason) - order.indexOf(b.reason) ||
      (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0),
  );
}

function gapProblems(gaps: readonly Gap[]): Problem[] {
  const groups = new Map<string, { evidence: string; reason: string; count: number; longest: number }>();
  for (const g of gaps) {
    if (g.from_us === g.to_us) continue;
    const key = `${g.evidence_id}\0${g.reason}`;
    const known = groups.get(key) ?? { evidence: g.evidence_id, reason: g.reason, count: 0, longest: 0 };
    known.count++;
    known.longest = Math.max(known.longest, g.to_us - g.from_us);
    groups.set(key, known);
  }
  return [...groups.values()].map(g =>
    problem(
      `events.gap-${g.reason}`,
      g.reason === 'thin' ? 'info' : 'warning',
      { ref: g.evidence },
      { ref: g.evidence, count: g.count, minutes: Math.ceil(g.longest / MINUTE) },
      g.count,
    ),
  );
}
