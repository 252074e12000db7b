import fs from 'node:fs';
import path from 'node:path';
import { canonicalJson, type Effects, nearest, type Problem, problem, sha256Hex, UserError } from '../base/index.ts';
import { type EvidenceSpec, type OpenCase, recordProblems } from '../case/index.ts';
import { readSourceFiles, type SourceFile } from '../evidence/index.ts';
import { contentEncoding, readableSample } from './content-encoding.ts';
import { findCopies } from './copies.ts';
import { loadDatasets } from './datasets/index.ts';
import { type Detection, detectFormat, statedFormat } from './detect-format.ts';
import { countEdges } from './edges.ts';
import { defineEventView } from './event-view.ts';
import { type FileMeta, ingestFile, parserVersion } from './ingest-file.ts';
import { IngestPool } from './ingest-pool.ts';
import { partName } from './ingest-records.ts';
import { sampleContent } from './sample-lines.ts';
import type { SourceContext } from './source.ts';
import { sourceEntries, sourceOf, unknownFormat } from './sources/index.ts';
import { type EventFile, eventFileColumns } from './tables.ts';
import { unrecognised } from './unrecognised.ts';

export type ReadEventsSummary = {
  readonly files: number;
  readonly lines: number;
  readonly unparsed: number;
  readonly events: number;
};

/**
 * What happened, in one table: every evidence file of `source_file` parsed into Parquet parts (once for each content), the table
 * `event_file`, the view `event`, and the datasets. Clock offsets are those the case states; estimates come after.
 */
export async function readEvents(kase: OpenCase, effects: Effects): Promise<ReadEventsSummary> {
  const files = (await readSourceFiles(kase)).filter(f => f.role === 'evidence');
  const total = files.reduce((n, f) => n + Number(f.content_bytes), 0);
  const pool = new IngestPool(effects.threads);
  const outcomes = new Array<Outcome>(files.length);
  let done = 0;
  let next = 0;
  const progress = (bytes: number): void => {
    done += bytes;
    effects.progress({ stage: 'events', done, total, unit: 'bytes' });
  };
  const runner = async (): Promise<void> => {
    while (next < files.length) {
      const i = next++;
      outcomes[i] = await readFile(kase, files[i]!, pool, progress);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(2, effects.threads) }, runner));
  } finally {
    await pool.close();
  }
  const rows = outcomes.flatMap(o => (o.row ? [o.row] : []));
  const { copies, problems } = await findCopies(kase, rows, new Map(files.map(f => [f.file_no, f.path])));
  await kase.engine.load(
    'event_file',
    eventFileColumns,
    rows.map(r => eventFileColumns.map(c => (c.name === 'copies' ? JSON.stringify(copies.get(r.file_no) ?? []) : r[c.name]))),
  );
  await defineEventView(kase);
  await recordProblems(kase.engine, 'events', [...outcomes.flatMap(o => o.problems), ...problems, ...(await unrecognised(kase))]);
  await loadDatasets(kase, effects);
  const sum = (f: (r: EventFile) => number): number => outcomes.reduce((n, o) => n + (o.row ? f(o.row) : 0), 0);
  const summary = {
    files: files.length,
    lines: sum(r => r.lines_total),
    unparsed: sum(r => r.lines_unparsed),
    events: sum(r => r.rows - r.lines_unparsed),
  };
  effects.log('events.read', summary);
  return summary;
}

type Outcome = { readonly row: EventFile | null; readonly problems: readonly Problem[] };

/** What the system says of a file that is gone or closed to us; anything else is not the file's fault. */
const unreadable = new Set(['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ELOOP', 'EIO', 'ESTALE']);

async function readFile(kase: OpenCase, file: SourceFile, pool: IngestPool, progress: (bytes: number) => void): Promise<Outcome> {
  const spec = kase.file.evidence.find(e => e.id === file.evidence_id);
  if (!spec) throw new Error(`source_file names evidence ${file.evidence_id} that is not in the case`);
  const absolute = path.resolve(kase.caseDir, file.path);
  const problems: Problem[] = [];
  try {
    const sample = await sampleContent(absolute, file.compression !== 'none');
    const { resolved, share, ambiguous } = resolveFormat(spec, readableSample(spec.encoding, sample), file, problems);
    const source = sourceOf(resolved);
    const encoding = contentEncoding(spec.encoding, source, sample);
    const plain: SourceContext = {
      zone: spec.timezone,
      params: spec.fields,
      encoding: encoding.reader,
      modifiedUs: source.kind === 'web-access' && source.independent ? null : Number(file.modified_us),
    };
    const edges = countEdges(source, readableSample(spec.encoding, sample), plain);
    const context: SourceContext = edges > 0 ? { ...plain, edges } : plain;
    if (ambiguous.length > 0) {
      problems.push(
        problem(
          'events.format-ambiguous',
          'warning',
          { file: file.path },
          { format: resolved.name, others: ambiguous.join(', '), share: Math.round(share * 100) },
        ),
      );
    }
    const ingest = async (use: SourceContext): Promise<{ key: string; meta: FileMeta }> => {
      const key = sha256Hex(
        canonicalJson({
          content: file.content_sha256,
          resolved,
          encoding,
          context: JSON.parse(JSON.stringify(use)),
          parserVersion,
        }),
      ).slice(0, 32);
      const dir = path.join(kase.outDir, 'work', 'events', key);
      fs.mkdirSync(path.dirname(dir), { recursive: true });
      return {
        key,
        meta: await ingestFile(
          {
            file: absolute,
            compressed: file.compression !== 'none',
            contentBytes: Number(file.content_bytes),
            resolved,
            context: use,
            encoding,
            dir,
          },
          pool,
          progress,
        ),
      };
    };
    let { key, meta } = await ingest(context);
    // Lines without a year that led past the file's modification: only the end of the file shows in which year it must have begun.
    const firstYear = Number(meta.facts['year_conflicts'] ?? 0) > 0 && spec.fields === null ? Number(meta.facts['first_year']) : null;
    if (firstYear !== null) ({ key, meta } = await ingest({ ...context, params: { firstYear } }));
    problems.push(...contentProblems(file, meta));
    return { row: eventFile(file, spec, key, source, meta), problems };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new UserError('events.disk-full', { folder: kase.outDir }, { cause: error });
    if (!unreadable.has(code)) throw error;
    return { row: null, problems: [...problems, problem('events.cannot-read', 'error', { file: file.path }, { code })] };
  }
}

function resolveFormat(spec: EvidenceSpec, sample: Parameters<typeof detectFormat>[0], file: SourceFile, problems: Problem[]): Detection {
  const stated = statedFormat(spec.format);
  if (stated) return { resolved: stated, share: 1, ambiguous: [] };
  if (spec.format !== 'auto') {
    const hint =
      nearest(
        spec.format,
        sourceEntries.map(e => e.source.name),
      ) ?? '';
    problems.push(problem('events.format-not-known', 'error', { file: file.path }, { format: spec.format, hint }));
  }
  const found = detectFormat(sample, spec.kind);
  if (found) return found;
  if (file.content_bytes > 0) problems.push(problem('events.format-not-found', 'error', { file: file.path }));
  return { resolved: unknownFormat, share: 0, ambiguous: [] };
}

function contentProblems(file: SourceFile, meta: FileMeta): Problem[] {
  const problems = meta.clusters.map(c =>
    problem('events.unread-lines', 'warning', { file: file.path, line: c.line, byte: c.byte }, { reason: c.reason, shape: c.shape }, c.count),
  );
  if (meta.nulBytes > 0) problems.push(problem('events.nul-bytes', 'warning', { file: file.path, line: meta.nulLine ?? 1 }, {}, meta.nulBytes));
  if (meta.openEnd) problems.push(problem('events.open-end', 'info', { file: file.path, line: meta.lines }));
  if (meta.facts['first_year'] !== undefined) {
    problems.push(problem('events.year-inferred', 'info', { file: file.path }, { first: meta.facts['first_year'], last: meta.facts['last_year'] ?? '' }));
  }
  return problems;
}

function eventFile(file: SourceFile, spec: EvidenceSpec, key: string, source: ReturnType<typeof sourceOf>, meta: FileMeta): EventFile {
  return {
    file_no: file.file_no,
    evidence_id: file.evidence_id,
    system_id: file.system_id,
    source_kind: source.kind,
    format: source.name,
    time_kind: source.timeKind,
    bytes_kind: source.bytesKind,
    resolution_us: source.resolutionUs,
    duration_resolution_us: source.durationResolutionUs ?? 0,
    lines_total: meta.lines,
    lines_parsed: meta.parsed,
    lines_unparsed: meta.unparsed,
    rows: meta.rows,
    first_us: meta.firstUs,
    last_us: meta.lastUs,
    clock_offset_us: spec.clockOffsetUs ?? 0,
    clock_error_us: 0,
    blind_to: source.blindTo,
    open_end: meta.openEnd ? 1 : 0,
    facts: canonicalJson(meta.facts),
    content_key: key,
    parts: meta.parts.map(p => `${partName(p.part)}.parquet`),
    copies: '[]',
  };
}
