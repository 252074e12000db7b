import { contentId } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { fitSizes, type Sized, type SizeProof, type SizeVerdict } from './in-band-size.ts';
import type { RebuiltStatement } from './rebuild.ts';
import type { Recovered } from './recovered.ts';
import { type Ordered, readWindow, type SnapshotTable } from './snapshot.ts';

/** A statement with what its answer proves. */
export type JudgedStatement = RebuiltStatement & { readonly shown: boolean; readonly proof: SizeProof | null; /** How much of each byte a compressed page shows. */ readonly ratio: number | null; readonly predicted: number | null; readonly residual: number | null; readonly rows: readonly Ordered[]; readonly columns: readonly string[]; readonly tableFound: SnapshotTable | null };

const maxRows = 200_000;

/**
 * Size as proof: the answer to an in-band statement is as long as its fixed part and what it shows. Where the predicted lengths of several answers (or of one and
 * of a test of the vector) leave the same rest, the values of the snapshot are what was shown.
 */
export async function judgeStatements(engine: Engine, statements: readonly RebuiltStatement[], tableOf: (name: string | null) => SnapshotTable | null): Promise<JudgedStatement[]> {
  const windows = await readWindows(engine, statements, tableOf);
  const drafts = statements.map((s, i) => {
    const w = windows[i]!;
    return { ...s, ...w, text: s.inBand.calibration ? s.inBand.constant : w.rows.length > 0 || w.tableFound ? predict(s, w.rows) : null };
  });
  const groups = new Map<string, typeof drafts>();
  for (const d of drafts) {
    if (d.text === null || d.bytes === null || d.inBand.technique === 'out-of-band') continue;
    const k = `${d.route}\u0000${d.point}\u0000${d.inBand.technique}\u0000${d.status}\u0000${d.client}`;
    groups.set(k, [...(groups.get(k) ?? []), d]);
  }
  const baselines = await readBaselines(engine, drafts);
  const verdicts = new Map<RebuiltStatement, SizeVerdict & { predicted: number; ratio: number | null }>();
  for (const list of groups.values()) {
    const empty = list[0]!.inBand.technique === 'union' ? baselines.get(list[0]!.eventId) : undefined;
    const nothing: Sized[] = empty === undefined ? [] : [{ bytes: empty, length: 0, rows: 0, calibration: true }];
    const fits = encoders.flatMap(encode => echoes.map(echo => {
      const points = list.map((d): Sized => ({ bytes: d.bytes! - echo(d), length: encode(d.text!), rows: d.inBand.calibration || d.inBand.aggregate !== null ? 1 : d.rows.length, calibration: d.inBand.calibration }));
      // the empty answer echoes another text than these do
      const with0 = echo === echoes[0] ? [...points, ...nothing] : points;
      const whole = fitSizes(with0);
      return { points, fit: whole.proven > 0 || nothing.length === 0 ? whole : fitSizes(points) };
    }));
    const best = fits.reduce((a, b) => (b.fit.proven > a.fit.proven ? b : a));
    for (const [i, d] of list.entries()) verdicts.set(d, { ...best.fit.results[i]!, predicted: best.points[i]!.length, ratio: best.fit.ratio });
  }
  const sizes = sizeClasses(drafts);
  return drafts.map(d => {
    const v = verdicts.get(d);
    const proof = d.inBand.calibration ? null : v?.proof ?? null;
    return { ...d, predicted: v?.predicted ?? null, proof, ratio: v?.ratio ?? null, residual: v?.residual ?? null, shown: proof !== null || answered(d, sizes) };
  });
}

/** Without proof: a page that is neither an error (for UNION) nor as long as everything else on that point. */
function answered(s: RebuiltStatement, sizes: ReadonlyMap<string, number>): boolean {
  if (s.inBand.technique === 'stacked' || s.inBand.technique === 'out-of-band') return false;
  if (s.status === null) return s.errCode === null;
  if (s.inBand.technique === 'error') return s.status >= 200 && s.status !== 403 && s.status !== 404 && (sizes.get(`${s.route}\u0000${s.point}\u0000error\u0000${s.status}`) ?? 0) > 1;
  return s.status < 400;
}

function sizeClasses(list: readonly RebuiltStatement[]): Map<string, number> {
  const seen = new Map<string, Set<number>>();
  for (const s of list) {
    const k = `${s.route}\u0000${s.point}\u0000${s.inBand.technique}\u0000${s.status}`;
    (seen.get(k) ?? seen.set(k, new Set()).get(k)!).add(s.bytes ?? 0);
  }
  return new Map([...seen].map(([k, v]) => [k, v.size]));
}

/** The smallest answer of the same client on the same page with the same status that is no statement itself: a page with nothing found. */
async function readBaselines(engine: Engine, statements: readonly RebuiltStatement[]): Promise<Map<number, number>> {
  const union = statements.filter(s => s.inBand.technique === 'union' && s.bytes !== null && s.route !== 'database');
  if (union.length === 0) return new Map();
  await engine.load('in_band', [{ name: 'event_id', type: 'BIGINT' }], [...new Set(statements.map(s => s.eventId))].map(id => [id]));
  const rows = await engine.rows<{ event_id: number; bytes: number }>('intrusion.baselines', sql`
    with mine as (select e.event_id, e.src_ip, e.path, e.status from in_band join event e using (event_id) where e.class = 1 and e.src_ip is not null and e.path is not null and e.status < 400),
      page as (select e.src_ip, e.path, e.status, min(e.bytes_out) as bytes from event e join (select distinct src_ip, path, status from mine) m using (src_ip, path, status)
        left join in_band b using (event_id) where e.class = 1 and b.event_id is null and e.bytes_out is not null group by all)
    select mine.event_id, page.bytes from mine join page using (src_ip, path, status) order by mine.event_id`);
  await engine.run('intrusion.drop', sql`drop table in_band`);
  return new Map(rows.map(r => [r.event_id, r.bytes]));
}

const bytesOf = (text: string): number => Buffer.byteLength(text);
/** What a page may repeat of the request: nothing, the decoded value, the value escaped. */
const echoes: readonly ((s: RebuiltStatement) => number)[] = [() => 0, s => s.reflected[0] ?? 0, s => s.reflected[1] ?? 0];
/** How a page may carry a text: as it is, inside JSON, inside HTML, inside JSON with \\u escapes. */
const encoders: readonly ((text: string) => number)[] = [
  bytesOf,
  text => bytesOf(JSON.stringify(text)) - 2,
  text => bytesOf(text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')),
  text => JSON.stringify(text).replace(/[\u0080-\uffff]/g, '\\uxxxx').length - 2,
];

/** The text that the statement shows for these rows. */
function predict(s: RebuiltStatement, rows: readonly Ordered[]): string {
  const b = s.inBand;
  const texts = rows.map(r => {
    let text = b.around[0] ?? '';
    const cut = (v: string): string => (b.slice && r.values.length === 1 ? [...v].slice(b.slice[0] - 1, b.slice[0] - 1 + b.slice[1]).join('') : v);
    r.values.forEach((v, i) => { text += cut(v === '' ? b.nullAs : v) + (b.around[i + 1] ?? ''); });
    return b.slice && r.values.length > 1 ? text.slice(b.slice[0] - 1, b.slice[0] - 1 + b.slice[1]) : text;
  });
  switch (b.aggregate) {
    case null: return texts.join('');
    case 'ARRAY_AGG': return `{${texts.map(t => (/[{},"\\\s]|^$|^null$/i.test(t) ? `"${t.replace(/(["\\])/g, '\\$1')}"` : t)).join(',')}}`;
    case 'JSON_ARRAYAGG': case 'JSON_AGG': case 'JSON_GROUP_ARRAY': case 'JSONB_AGG': return `[${texts.map(t => JSON.stringify(t)).join(b.dialect === 'sqlite' ? ',' : ', ')}]`;
    default: return texts.join(b.separator);
  }
}

type Window = { readonly rows: readonly Ordered[]; readonly columns: readonly string[]; readonly tableFound: SnapshotTable | null };

async function readWindows(engine: Engine, statements: readonly RebuiltStatement[], tableOf: (name: string | null) => SnapshotTable | null): Promise<Window[]> {
  const out: Window[] = statements.map(() => ({ rows: [], columns: [], tableFound: null }));
  type Job = { index: number; offset: number; limit: number };
  type Jobs = { table: SnapshotTable; columns: string[]; where: { column: string; op: string; value: string }[]; order: { column: string; descending: boolean }[]; jobs: Job[] };
  const jobs = new Map<string, Jobs>();
  statements.forEach((s, index) => {
    const b = s.inBand;
    const table = tableOf(b.table);
    if (!table || !b.rows || b.columns.length === 0) return;
    const columns = b.columns.includes('*') ? [...table.columns.values()] : b.columns.map(c => table.columns.get(c.toLowerCase()) ?? null);
    if (columns.some(c => c === null)) return;
    if ([...b.rows.where.map(w => w.column), ...b.rows.order.map(o => o.column)].some(c => !table.columns.has(c.toLowerCase()))) return;
    if (b.limit === null && table.rows > maxRows) { out[index] = { rows: [], columns: [], tableFound: null }; return; }
    const k = JSON.stringify([table.datasetId, columns, b.rows.where, b.rows.order]);
    const job: Jobs = jobs.get(k) ?? { table, columns: columns as string[], where: [...b.rows.where], order: [...b.rows.order], jobs: [] };
    job.jobs.push({ index, offset: b.offset ?? 0, limit: b.limit ?? maxRows });
    jobs.set(k, job);
  });
  for (const [, j] of [...jobs].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const from = Math.min(...j.jobs.map(x => x.offset));
    const to = Math.min(Math.max(...j.jobs.map(x => x.offset + x.limit - 1)), from + maxRows);
    const rows = await readWindow(engine, j.table, j.columns, j.where, j.order, from, to);
    for (const x of j.jobs) {
      if (x.offset > to) continue; // never read: not known, which is not the same as empty
      const mine = rows.slice(Math.max(0, x.offset - from), Math.max(0, x.offset - from) + x.limit);
      out[x.index] = { rows: mine, columns: j.columns, tableFound: j.table };
    }
  }
  return out;
}

/** More cells than this are left to the replay of their statements. */
const maxCells = 300_000;

/** Cells that a proven answer showed: of whole tables, and of windows whose order names the rows. */
export function shownCells(judged: readonly JudgedStatement[]): Recovered[] {
  const cells = new Map<string, Recovered & { eventIds: number[] }>();
  const covered = new Map<string, number[][]>();
  for (const s of judged) {
    if (!s.proof || s.proof === 'size-compressed' || s.inBand.calibration || s.inBand.catalogue || !s.tableFound || (s.inBand.slice && s.columns.length > 1)) continue;
    if (cells.size > maxCells) break;
    const whole = s.inBand.limit === null && s.inBand.offset === null;
    for (const r of s.rows) {
      if (!whole && r.tied) continue;
      s.columns.forEach((column, i) => {
        const k = `${s.inBand.technique}\u0000${s.tableFound!.datasetId}\u0000${r.rowNo}\u0000${column}`;
        if (s.inBand.slice) covered.set(k, [...(covered.get(k) ?? []), [s.inBand.slice[0], s.inBand.slice[0] + s.inBand.slice[1]]]);
        const known = cells.get(k);
        if (known) { if (!known.eventIds.includes(s.eventId)) known.eventIds.push(s.eventId); return; }
        cells.set(k, {
          id: contentId('recovered', { t: s.inBand.technique, d: s.tableFound!.datasetId, r: r.rowNo, c: column }), technique: s.inBand.technique, table: s.tableFound!.name, column, ordinal: r.ordinal,
          rowQuery: s.inBand.sqlText, key: r.key, value: r.values[i]!, status: 'exact', confidence: s.proof === 'size-series' ? 0.999 : 0.99, eventIds: [s.eventId],
          facts: { technique: s.inBand.technique, dialect: s.inBand.dialect, verified_by: 'size', proof: s.proof, residual: s.residual }, datasetId: s.tableFound!.datasetId, rowNo: r.rowNo,
        });
      });
    }
  }
  for (const [k, ranges] of covered) {
    const cell = cells.get(k)!;
    let reach = 1;
    for (const [from, to] of ranges.sort((a, b) => a[0]! - b[0]!)) if (from! <= reach) reach = Math.max(reach, to!);
    const length = [...(cell.value ?? '')].length;
    if (reach <= length) cells.set(k, { ...cell, status: 'partial', value: null, confidence: 0.5, facts: { ...cell.facts, pattern: [...cell.value!].slice(0, reach - 1).join(''), reason: 'cut-by-the-message' } });
  }
  return [...cells.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}
