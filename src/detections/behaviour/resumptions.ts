import { MINUTE, SECOND } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';

type File = { readonly file_no: number; readonly evidence_id: string | null; readonly from_us: number; readonly to_us: number };
type Border = { readonly file: File; readonly pauseUs: number };

/** So long people stay on the page where one signs in, most often; in a short log a small part of it. */
const formUs = 5 * MINUTE;
const shareOfLog = 1 / 50;
/** A silence of so many times the usual pause about it is not chance. */
const farLonger = 10;
/** Stamps may be whole seconds. */
const stampUs = SECOND;
/** So many times the silence itself is looked at on either side. */
const about = 20;

/**
 * Of these sign-ins those just after a moment at which their log begins, or speaks again after what it lost: where its coverage has a gap, and where a rotated
 * file begins after a far longer silence than is usual there (copying a log and then emptying it loses lines). The page before them may have been lost.
 * Reads `coverage_gap` where there is one.
 */
export async function afterResumptions(engine: Engine, entries: readonly { readonly eventId: number }[]): Promise<Set<number>> {
  const files = await engine.rows<File>(
    'detection.web-files',
    sql`select file_no, any_value(evidence_id) as evidence_id, min(at_us) as from_us, max(at_us) as to_us from event where class = 1 and at_us is not null group by file_no order by from_us, file_no`,
  );
  const begun = files.map(file => ({ file, before: lastBefore(file, files) }));
  const borders = begun.flatMap(({ file, before }) =>
    before === null || !Number.isFinite(before) ? [] : [{ file, pauseUs: file.from_us - before - stampUs }],
  );
  const lossy = await lossyBorders(engine, borders);
  const begins = begun.filter(b => b.before === Number.NEGATIVE_INFINITY || lossy.has(b.file.file_no)).map(({ file }) => [file.evidence_id, file.from_us]);
  await engine.load(
    'detection_resumption',
    [
      { name: 'evidence_id', type: 'VARCHAR' },
      { name: 'at_us', type: 'BIGINT' },
    ],
    [...begins, ...(await gapEnds(engine))],
  );
  await engine.load(
    'detection_judged_entry',
    [{ name: 'event_id', type: 'BIGINT' }],
    entries.map(e => [e.eventId]),
  );
  const spanUs = Math.max(0, ...files.map(f => f.to_us)) - Math.min(...files.map(f => f.from_us));
  const rows = await engine.rows<{ event_id: number }>(
    'detection.after-resumptions',
    sql`select distinct e.event_id from event e semi join detection_judged_entry using (event_id)
      join detection_resumption r on r.evidence_id is not distinct from e.evidence_id and e.at_us - r.at_us between 0 and ${Math.min(formUs, Math.floor(spanUs * shareOfLog))}::bigint order by 1`,
  );
  return new Set(rows.map(r => r.event_id));
}

/** When the log that a file goes on with ended; infinitely long ago where it is the first of its evidence, null where another file covers its beginning. */
function lastBefore(file: File, files: readonly File[]): number | null {
  const others = files.filter(f => f !== file && f.evidence_id === file.evidence_id && f.from_us <= file.from_us);
  if (others.some(f => f.to_us > file.from_us)) return null;
  return others.reduce((last, f) => Math.max(last, f.to_us), Number.NEGATIVE_INFINITY);
}

/** Files that begin after a silence that was none by what was written about it. */
async function lossyBorders(engine: Engine, borders: readonly Border[]): Promise<Set<number>> {
  const silent = borders.filter(b => b.pauseUs > 0);
  if (silent.length === 0) return new Set();
  await engine.load(
    'detection_border',
    [
      { name: 'next_no', type: 'INTEGER' },
      { name: 'evidence', type: 'VARCHAR' },
      { name: 'lo_us', type: 'BIGINT' },
      { name: 'hi_us', type: 'BIGINT' },
    ],
    silent.map(({ file, pauseUs }) => [file.file_no, file.evidence_id, file.from_us - (about + 1) * pauseUs, file.from_us + about * pauseUs]),
  );
  const rows = await engine.rows<{ next_no: number }>(
    'detection.lossy-borders',
    sql`select next_no from event join detection_border on evidence_id is not distinct from evidence and at_us between lo_us and hi_us
      where class = 1 group by next_no having count(*) >= ${2 * about * farLonger} order by next_no`,
  );
  return new Set(rows.map(r => r.next_no));
}

async function gapEnds(engine: Engine): Promise<(readonly [string | null, number])[]> {
  if (!(await engine.hasTable('coverage_gap'))) return [];
  const rows = await engine.rows<{ evidence_id: string | null; to_us: number }>(
    'detection.gap-ends',
    sql`select distinct evidence_id, to_us from coverage_gap where reason <> 'thin' and to_us is not null order by evidence_id, to_us`,
  );
  return rows.map(r => [r.evidence_id, r.to_us]);
}
