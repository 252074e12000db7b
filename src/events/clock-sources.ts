import { groupBy } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { sql } from '../engine/index.ts';

/** Files that were written by one clock: an evidence, or one of the servers whose logs were given as one evidence. `source_id` is what people read. */
export type ClockSource = {
  readonly source_id: string;
  readonly evidence_id: string;
  readonly format: string;
  readonly files: readonly number[];
};

/** A file of an evidence and the stamps it spans, as logged. */
export type ClockFile = { readonly file_no: number; readonly path: string; readonly first_us: number; readonly last_us: number };

/** Logs of so many servers at once are cut into pieces by something else (one file a node and five minutes): they share one clock. */
const mostServers = 8;

/** The sources of `event_file`, by name. An evidence whose clock is stated stays whole. */
export async function readClockSources(kase: Pick<OpenCase, 'engine'>, stated: ReadonlySet<string>): Promise<ClockSource[]> {
  const rows = await kase.engine.rows<{ evidence_id: string; format: string; file_no: number; path: string; first_us: number | null; last_us: number | null }>(
    'clock.files',
    sql`select f.evidence_id, f.format, f.file_no, s.path, f.first_us, f.last_us from event_file f join source_file s using (file_no) order by f.evidence_id, f.file_no`,
  );
  return [...groupBy(rows, r => r.evidence_id)].flatMap(([evidence_id, own]) => {
    const format = own.map(r => r.format).sort()[0]!;
    const timed = own.filter((r): r is typeof r & ClockFile => r.first_us !== null && r.last_us !== null);
    const servers = stated.has(evidence_id) ? [timed] : splitServers(timed);
    if (servers.length < 2) return [{ source_id: evidence_id, evidence_id, format, files: own.map(r => r.file_no) }];
    return servers
      .map(files => ({ source_id: `${evidence_id} (${files[0]!.path})`, evidence_id, format, files: files.map(f => f.file_no) }))
      .sort((a, b) => (a.source_id < b.source_id ? -1 : 1));
  });
}

/**
 * One server writes one file after the other, so files that cover the same time come from different ones. Each file is put to the server
 * that was not writing then and whose file before has the most similar name.
 */
export function splitServers(files: readonly ClockFile[]): ClockFile[][] {
  const servers: ClockFile[][] = [];
  for (const file of [...files].sort((a, b) => a.first_us - b.first_us || a.file_no - b.file_no)) {
    const idle = servers.filter(s => !s.some(f => sameTime(f, file)));
    const alike = (s: readonly ClockFile[]): number => commonStart(s.at(-1)!.path, file.path);
    const best = idle.reduce<ClockFile[] | null>((a, s) => (a === null || alike(s) > alike(a) ? s : a), null);
    if (best) best.push(file);
    else servers.push([file]);
  }
  return servers.length > mostServers ? [[...files]] : servers;
}

/** More than a tenth of the shorter one: clocks may be far apart, and a rotated file may end a little after the next began. */
function sameTime(a: ClockFile, b: ClockFile): boolean {
  const shared = Math.min(a.last_us, b.last_us) - Math.max(a.first_us, b.first_us);
  return shared > Math.min(a.last_us - a.first_us, b.last_us - b.first_us) / 10;
}

function commonStart(a: string, b: string): number {
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return n;
}
