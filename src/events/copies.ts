import path from 'node:path';
import { type Problem, problem } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { type Sql, sql } from '../engine/index.ts';
import { eventColumns } from './columns.ts';
import { sourceNamed } from './sources/index.ts';
import type { EventFile } from './tables.ts';

/** Lines of one file, from … to, that another file of the same evidence holds as well. */
export type CopiedLines = readonly [from: number, to: number];
/** `whole`: nothing else is in the file. */
type Run = { readonly file: EventFile; readonly from: number; readonly to: number; readonly whole: boolean };
type Place = { readonly line_no: number; readonly nth: number };

/** Shorter runs, or runs of fewer different lines, may be chance: two servers that were asked the same. */
const fewestRows = 20;
const fewestKinds = 10;
const mostPlaces = 50;
/** Lines that are held side by side before all are. */
const firstLook = 100;

/**
 * Lines that stand in two files of one evidence (a rotated file and an extract, two copies that were taken at different times): a run of equal records, one after the
 * other, from the start of one file to the end of one of the two. They are counted once: a file that stands wholly in another one gives way to it, else the
 * later file to the earlier one. Pieces in the middle are left as they are.
 */
export async function findCopies(
  kase: Pick<OpenCase, 'engine' | 'outDir'>,
  files: readonly EventFile[],
  pathOf: ReadonlyMap<number, string>,
): Promise<{ readonly copies: ReadonlyMap<number, readonly CopiedLines[]>; readonly problems: readonly Problem[] }> {
  const copies = new Map<number, CopiedLines[]>();
  const problems: Problem[] = [];
  const of = (file: EventFile): CopiedLines[] => copies.get(file.file_no) ?? copies.set(file.file_no, []).get(file.file_no)!;
  const able = files.filter(f => f.rows >= fewestRows && f.first_us !== null && f.last_us !== null && f.parts.length > 0).sort((a, b) => a.file_no - b.file_no);
  for (const [i, a] of able.entries()) {
    for (const b of able.slice(i + 1)) {
      if (a.evidence_id !== b.evidence_id || a.format !== b.format || a.last_us! < b.first_us! || b.last_us! < a.first_us!) continue;
      const same = (await findRun(kase, a, b)) ?? (await findRun(kase, b, a));
      if (!same) continue;
      const [copy, kept] = chooseCopy(same, a, b);
      // of what is in three files, one must stay: lines that are left out already are nobody's original
      const shift = copy.from - kept.from;
      const taken = [...of(copy.file), ...of(kept.file).map(([from, to]): CopiedLines => [from + shift, to + shift])];
      for (const [from, to] of subtract([copy.from, copy.to], taken)) {
        of(copy.file).push([from, to]);
        problems.push(
          problem(
            'events.copied-lines',
            'info',
            { file: pathOf.get(copy.file.file_no) ?? '', line: from },
            { other: pathOf.get(kept.file.file_no) ?? '', line: from - shift },
            to - from + 1,
          ),
        );
      }
    }
  }
  return { copies, problems };
}

function chooseCopy(same: readonly [Run, Run], a: EventFile, b: EventFile): [copy: Run, kept: Run] {
  const of = (f: EventFile): Run => same.find(r => r.file === f)!;
  return of(a).whole && !of(b).whole ? [of(a), of(b)] : [of(b), of(a)];
}

function subtract(range: CopiedLines, taken: readonly CopiedLines[]): CopiedLines[] {
  let left: CopiedLines[] = [range];
  for (const [from, to] of taken)
    left = left.flatMap(([a, b]): CopiedLines[] =>
      to < a || from > b ? [[a, b]] : [...(a < from ? [[a, from - 1] as const] : []), ...(b > to ? [[to + 1, b] as const] : [])],
    );
  return left;
}

/** The run that begins with the first record of `inner`, somewhere in `outer`, and goes on to the end of one of them. */
async function findRun(kase: Pick<OpenCase, 'engine' | 'outDir'>, outer: EventFile, inner: EventFile): Promise<readonly [Run, Run] | null> {
  const { engine } = kase;
  const start = await engine.row<{ line_no: number }>('events.copy_start', sql`select min(line_no) as line_no from ${rowsOf(kase, inner)}`);
  const [first] = await engine.rows<{ time_us: number | null; h: string }>(
    'events.copy_first',
    sql`select time_us, ${fingerprint(inner)}::varchar as h from ${rowsOf(kase, inner)} where line_no = ${start.line_no} order by nth limit 1`,
  );
  if (!first || first.time_us === null) return null;
  const places = await engine.rows<Place>(
    'events.copy_places',
    sql`select line_no, nth from ${rowsOf(kase, outer)} where time_us = ${first.time_us} and ${fingerprint(outer)}::varchar = ${first.h} order by line_no, nth limit ${mostPlaces}`,
  );
  for (const p of places) {
    const short = await compare(kase, outer, inner, p, start.line_no + firstLook);
    if (short.differ > 0 || short.n < fewestRows) continue;
    const whole = await compare(kase, outer, inner, p, null);
    if (whole.differ > 0 || whole.kinds < fewestKinds || whole.shifts > 1) continue;
    return [
      { file: outer, from: p.line_no, to: whole.outer_last, whole: p.line_no === whole.outer_first && whole.outer_last === whole.outer_end },
      { file: inner, from: whole.inner_first, to: whole.inner_last, whole: whole.inner_last === whole.inner_end },
    ];
  }
  return null;
}

type Compared = {
  readonly n: number;
  readonly differ: number;
  readonly kinds: number;
  /** Ways in which line numbers differ: one, where no blank lines were put in. */
  readonly shifts: number;
  readonly inner_first: number;
  readonly outer_first: number;
  readonly outer_last: number;
  readonly outer_end: number;
  readonly inner_last: number;
  readonly inner_end: number;
};

async function compare(kase: Pick<OpenCase, 'engine' | 'outDir'>, outer: EventFile, inner: EventFile, from: Place, upTo: number | null): Promise<Compared> {
  const until = (line: number): Sql => (upTo === null ? sql`true` : sql`line_no <= ${line}`);
  return kase.engine.row<Compared>(
    'events.copy_run',
    sql`with a as (select row_number() over (order by line_no, nth) as i, line_no, line_count, h from (
        select line_no, nth, line_count, ${fingerprint(outer)} as h from ${rowsOf(kase, outer)} where (line_no > ${from.line_no} or (line_no = ${from.line_no} and nth >= ${from.nth})) and ${until(from.line_no + firstLook)})),
      b as (select row_number() over (order by line_no, nth) as i, line_no, line_count, h from (
        select line_no, nth, line_count, ${fingerprint(inner)} as h from ${rowsOf(kase, inner)} where ${until(upTo ?? 0)}))
      select count(*) as n, count(*) filter (a.h is distinct from b.h) as differ, count(distinct a.h) as kinds, count(distinct a.line_no - b.line_no) as shifts,
        (select min(line_no) from ${rowsOf(kase, outer)}) as outer_first, max(a.line_no + a.line_count - 1) as outer_last, (select max(line_no + line_count - 1) from ${rowsOf(kase, outer)}) as outer_end,
        min(b.line_no) as inner_first, max(b.line_no + b.line_count - 1) as inner_last, (select max(line_no + line_count - 1) from ${rowsOf(kase, inner)}) as inner_end
      from a join b using (i)`,
  );
}

function rowsOf(kase: Pick<OpenCase, 'outDir'>, file: EventFile): Sql {
  const dir = path.join(kase.outDir, 'work', 'events', file.content_key);
  return sql`read_parquet([${sql.join(file.parts.map(p => sql`${sql.lit(path.join(dir, p))}`))}])`;
}

const places = new Set<string>(['line_no', 'byte_off']);
/** Of a reader that knows earlier lines, only what stands in the line itself. */
const ownColumns = new Set<string>([
  'byte_len',
  'line_count',
  'class',
  'time_us',
  'conn_id',
  'seq',
  'sql_text',
  'sql_params',
  'message',
  'err_code',
  'target',
  'status',
  'bytes_out',
]);

function fingerprint(file: EventFile): Sql {
  const independent = sourceNamed(file.format)?.independent ?? true;
  const columns = eventColumns.filter(c => !places.has(c.name) && (independent || ownColumns.has(c.name)));
  return sql`hash(${sql.join(columns.map(c => sql.id(c.name)))})`;
}
