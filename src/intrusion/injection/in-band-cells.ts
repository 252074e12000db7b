import { contentId } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import { fitSizes, judgeSize, type Sized, type SizeModel, type SizeProof } from './in-band-size.ts';
import { type Column, createColumn } from './read-store.ts';
import type { RebuiltStatement } from './rebuild.ts';
import type { Recovered } from './recovered.ts';
import { isNumber, type Ordered, readKeyedWindows, readWindow, type SnapshotTable } from './snapshot.ts';

/** A statement with what its answer proves. */
export type JudgedStatement = RebuiltStatement & {
  readonly shown: boolean;
  readonly proof: SizeProof | null;
  /** How much of each byte a compressed page shows. */
  readonly ratio: number | null;
  readonly predicted: number | null;
  readonly residual: number | null;
  readonly rows: readonly Ordered[];
  readonly columns: readonly string[];
  readonly tableFound: SnapshotTable | null;
};

type Group = { readonly statements: number[]; model: SizeModel; ratio: number | null; encoder: number; echo: number };
/** By statement: lengths of what it would show, how many rows, and its group. */
type Sizes = { readonly lengths: readonly Column[]; readonly rows: Column; readonly group: Column; readonly groups: readonly Group[] };

/** A vector is told by so many of its answers; all are held against what these say. */
const mostFitted = 20_000;

/**
 * Size as proof: the answer to an in-band statement is as long as its fixed part and what it shows. Where the predicted lengths of several answers (or of one and
 * of a test of the vector) leave the same rest, the values of the snapshot are what was shown. What is judged is made as it is walked through.
 */
export async function judgeStatements(engine: Engine, statements: Iterable<RebuiltStatement>, tableOf: TableOf): Promise<Iterable<JudgedStatement>> {
  const windows = await readWindows(engine, statements, tableOf);
  const sizes = await fitGroups(engine, statements, windows);
  const classes = sizeClasses(statements);
  return {
    *[Symbol.iterator]() {
      let n = 0;
      for (const s of statements) yield judge(s, n, windows.at(n++), sizes, classes);
    },
  };
}

function judge(s: RebuiltStatement, n: number, window: Window, sizes: Sizes, classes: ReadonlyMap<string, number>): JudgedStatement {
  const group = sizes.groups[sizes.group.get(n)];
  const point = group && sizedOf(s, n, sizes, group.encoder, group.echo);
  const verdict = group && point ? judgeSize(group.model, point) : null;
  const proof = s.inBand.calibration ? null : (verdict?.proof ?? null);
  return {
    ...s,
    ...window,
    predicted: point?.length ?? null,
    proof,
    ratio: group?.ratio ?? null,
    residual: verdict?.residual ?? null,
    shown: proof !== null || answered(s, classes),
  };
}

function sizedOf(s: RebuiltStatement, n: number, sizes: Sizes, encoder: number, echo: number): Sized {
  const { calibration, aggregate } = s.inBand;
  return {
    bytes: s.bytes! - echoes[echo]!(s),
    length: sizes.lengths[encoder]!.get(n),
    rows: calibration || aggregate !== null ? 1 : sizes.rows.get(n),
    calibration,
  };
}

async function fitGroups(engine: Engine, statements: Iterable<RebuiltStatement>, windows: Windows): Promise<Sizes> {
  const sizes = { lengths: encoders.map(() => createColumn('int')), rows: createColumn('int'), group: createColumn('int'), groups: [] as Group[] };
  const numbers = new Map<string, number>();
  const firsts: RebuiltStatement[] = [];
  let n = -1;
  for (const s of statements) {
    n++;
    const w = windows.at(n);
    const text = s.inBand.calibration ? s.inBand.constant : w.rows.length > 0 || w.tableFound ? predict(s, w.rows) : null;
    if (text === null || s.bytes === null || s.inBand.technique === 'out-of-band') continue;
    for (const [i, encode] of encoders.entries()) sizes.lengths[i]!.set(n, encode(text));
    sizes.rows.set(n, w.rows.length);
    const k = `${s.route}\u0000${s.point}\u0000${s.inBand.technique}\u0000${s.status}\u0000${s.client}`;
    let group = numbers.get(k);
    if (group === undefined) {
      numbers.set(k, (group = sizes.groups.length));
      sizes.groups.push({ statements: [], model: null, ratio: null, encoder: 0, echo: 0 });
      firsts.push(s);
    }
    sizes.group.set(n, group);
    sizes.groups[group]!.statements.push(n);
  }
  const baselines = await readBaselines(engine, statements, firsts);
  const wanted = new Map(sizes.groups.flatMap((g, i) => everyNth(g.statements).map(at => [at, i] as const)));
  const samples: [RebuiltStatement, number][][] = sizes.groups.map(() => []);
  n = -1;
  for (const s of statements) {
    const group = wanted.get(++n);
    if (group !== undefined) samples[group]!.push([s, n]);
  }
  for (const [i, group] of sizes.groups.entries()) {
    const empty = firsts[i]!.inBand.technique === 'union' ? baselines.get(firsts[i]!.eventId) : undefined;
    fitGroup(group, samples[i]!, empty === undefined ? [] : [{ bytes: empty, length: 0, rows: 0, calibration: true }], sizes);
    group.statements.length = 0;
  }
  return sizes;
}

function everyNth(list: readonly number[]): readonly number[] {
  const step = Math.ceil(list.length / mostFitted);
  return step <= 1 ? list : list.filter((_, i) => i % step === 0);
}

function fitGroup(group: Group, sample: readonly (readonly [RebuiltStatement, number])[], nothing: readonly Sized[], sizes: Sizes): void {
  let best = -1;
  for (let encoder = 0; encoder < encoders.length; encoder++)
    for (let echo = 0; echo < echoes.length; echo++) {
      const points = sample.map(([s, n]) => sizedOf(s, n, sizes, encoder, echo));
      // the empty answer echoes another text than these do
      const whole = fitSizes(echo === 0 ? [...points, ...nothing] : points);
      const fit = whole.proven > 0 || nothing.length === 0 ? whole : fitSizes(points);
      if (fit.proven <= best) continue;
      best = fit.proven;
      Object.assign(group, { model: fit.model, ratio: fit.ratio, encoder, echo });
    }
}

/** Without proof: a page that is neither an error (for UNION) nor as long as everything else on that point. */
function answered(s: RebuiltStatement, sizes: ReadonlyMap<string, number>): boolean {
  if (s.inBand.technique === 'stacked' || s.inBand.technique === 'out-of-band') return false;
  if (s.status === null) return s.errCode === null;
  if (s.inBand.technique === 'error')
    return s.status >= 200 && s.status !== 403 && s.status !== 404 && (sizes.get(`${s.route}\u0000${s.point}\u0000error\u0000${s.status}`) ?? 0) > 1;
  return s.status < 400;
}

function sizeClasses(list: Iterable<RebuiltStatement>): Map<string, number> {
  const seen = new Map<string, Set<number>>();
  for (const s of list) {
    const k = `${s.route}\u0000${s.point}\u0000${s.inBand.technique}\u0000${s.status}`;
    (seen.get(k) ?? seen.set(k, new Set()).get(k)!).add(s.bytes ?? 0);
  }
  return new Map([...seen].map(([k, v]) => [k, v.size]));
}

/** The smallest answer of the same client on the same page with the same status that is no statement itself: a page with nothing found. By the statement asked about. */
async function readBaselines(engine: Engine, statements: Iterable<RebuiltStatement>, asked: readonly RebuiltStatement[]): Promise<Map<number, number>> {
  const union = asked.filter(s => s.inBand.technique === 'union' && s.route !== 'database');
  if (union.length === 0) return new Map();
  const ids = function* (): Generator<readonly number[]> {
    for (const s of statements) yield [s.eventId];
  };
  await engine.load('in_band', [{ name: 'event_id', type: 'BIGINT' }], ids());
  await engine.load(
    'in_band_first',
    [{ name: 'event_id', type: 'BIGINT' }],
    [...new Set(union.map(s => s.eventId))].map(id => [id]),
  );
  const rows = await engine.rows<{ event_id: number; bytes: number }>(
    'intrusion.baselines',
    sql`
    with mine as (select e.event_id, e.src_ip, e.path, e.status from in_band_first join event e using (event_id) where e.class = 1 and e.src_ip is not null and e.path is not null and e.status < 400),
      page as (select e.src_ip, e.path, e.status, min(e.bytes_out) as bytes from event e join (select distinct src_ip, path, status from mine) m using (src_ip, path, status)
        where e.class = 1 and e.bytes_out is not null and e.event_id not in (select event_id from in_band) group by all)
    select mine.event_id, page.bytes from mine join page using (src_ip, path, status) order by mine.event_id`,
  );
  await engine.run('intrusion.drop', sql`drop table in_band`);
  await engine.run('intrusion.drop', sql`drop table in_band_first`);
  return new Map(rows.map(r => [r.event_id, r.bytes]));
}

const bytesOf = (text: string): number => Buffer.byteLength(text);
/** What a page may repeat of the request: nothing, the decoded value, the value escaped. */
const echoes: readonly ((s: RebuiltStatement) => number)[] = [() => 0, s => s.reflected[0] ?? 0, s => s.reflected[1] ?? 0];
/** How a page may carry a text: as it is, inside JSON, inside HTML, inside JSON with \\u escapes. */
const carriers: readonly ((text: string) => number)[] = [
  bytesOf,
  text => bytesOf(JSON.stringify(text)) - 2,
  text => bytesOf(text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')),
  text => JSON.stringify(text).replace(/[\u0080-\uffff]/g, '\\uxxxx').length - 2,
];
/** The same of an array that is written without a blank after the comma, as MariaDB does and MySQL does not. */
const encoders = [
  ...carriers,
  ...carriers.map(
    carry =>
      (text: string): number =>
        carry(text.replaceAll('", "', '","')),
  ),
];

/** The text that the statement shows for these rows. */
function predict(s: RebuiltStatement, rows: readonly Ordered[]): string {
  const b = s.inBand;
  const texts = rows.map(r => {
    let text = b.around[0] ?? '';
    const cut = (v: string): string => (b.slice && r.values.length === 1 ? [...v].slice(b.slice[0] - 1, b.slice[0] - 1 + b.slice[1]).join('') : v);
    r.values.forEach((v, i) => {
      text += cut(v === '' ? b.nullAs : v) + (b.around[i + 1] ?? '');
    });
    return b.slice && r.values.length > 1 ? text.slice(b.slice[0] - 1, b.slice[0] - 1 + b.slice[1]) : text;
  });
  switch (b.aggregate) {
    case null:
      return texts.join('');
    case 'ARRAY_AGG':
      return `{${texts.map(t => (/[{},"\\\s]|^$|^null$/i.test(t) ? `"${t.replace(/(["\\])/g, '\\$1')}"` : t)).join(',')}}`;
    case 'JSON_ARRAYAGG':
    case 'JSON_AGG':
    case 'JSON_GROUP_ARRAY':
    case 'JSONB_AGG':
      return `[${texts.map(t => JSON.stringify(t)).join(b.dialect === 'sqlite' ? ',' : ', ')}]`;
    default:
      return texts.join(b.separator);
  }
}

type Window = Pick<JudgedStatement, 'rows' | 'columns' | 'tableFound'>;
type Windows = { at(n: number): Window };
type TableOf = (name: string | null) => SnapshotTable | null;
type Job = {
  readonly table: SnapshotTable;
  readonly columns: readonly string[];
  readonly rows: NonNullable<RebuiltStatement['inBand']['rows']>;
  from: number;
  to: number;
  read: readonly Ordered[];
};

const maxRows = 200_000;
const nowhere: Window = { rows: [], columns: [], tableFound: null };

async function readWindows(engine: Engine, statements: Iterable<RebuiltStatement>, tableOf: TableOf): Promise<Windows> {
  const jobs = new Map<string, number>();
  const list: Job[] = [];
  const [job, offset, limit] = [createColumn('int'), createColumn('double'), createColumn('double')];
  let n = -1;
  for (const { inBand: b } of statements) {
    n++;
    const table = tableOf(b.table);
    if (!table || !b.rows || b.columns.length === 0) continue;
    const columns = b.columns.includes('*') ? [...table.columns.values()] : b.columns.map(c => table.columns.get(c.toLowerCase()) ?? null);
    if (columns.some(c => c === null)) continue;
    if ([...b.rows.where.map(w => w.column), ...b.rows.order.map(o => o.column)].some(c => !table.columns.has(c.toLowerCase()))) continue;
    if (b.limit === null && table.rows > maxRows) continue;
    const k = JSON.stringify([table.datasetId, columns, b.rows.where, b.rows.order]);
    const from = b.offset ?? 0;
    const to = from + (b.limit ?? maxRows) - 1;
    let no = jobs.get(k);
    if (no === undefined) {
      jobs.set(k, (no = list.length));
      list.push({ table, columns: columns as string[], rows: b.rows, from, to, read: [] });
    }
    const known = list[no]!;
    known.from = Math.min(known.from, from);
    known.to = Math.max(known.to, to);
    job.set(n, no);
    offset.set(n, from);
    limit.set(n, b.limit ?? maxRows);
  }
  for (const j of list) j.to = Math.min(j.to, j.from + maxRows);
  const keyed = new Map<string, Job[]>();
  for (const [, no] of [...jobs].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const j = list[no]!;
    const alike =
      j.rows.where.length > 0 && j.rows.where.every(w => w.op === '=')
        ? JSON.stringify([j.table.datasetId, j.columns, j.rows.where.map(w => [w.column, isNumber(w.value)]), j.rows.order])
        : null;
    if (alike === null) j.read = await readWindow(engine, j.table, j.columns, j.rows.where, j.rows.order, j.from, j.to);
    else (keyed.get(alike) ?? keyed.set(alike, []).get(alike)!).push(j);
  }
  for (const alike of keyed.values()) {
    const { table, columns, rows } = alike[0]!;
    const read = await readKeyedWindows(
      engine,
      table,
      columns,
      rows.where.map(w => w.column),
      rows.order,
      alike.map(j => ({ values: j.rows.where.map(w => w.value), from: j.from, to: j.to })),
    );
    alike.forEach((j, i) => {
      j.read = read[i]!;
    });
  }
  return {
    at(i) {
      const j = list[job.get(i)];
      // never read: not known, which is not the same as empty
      if (!j || offset.get(i) > j.to) return nowhere;
      const first = Math.max(0, offset.get(i) - j.from);
      return { rows: j.read.slice(first, first + limit.get(i)), columns: j.columns, tableFound: j.table };
    },
  };
}

/** More cells than this are left to the replay of their statements. */
const maxCells = 300_000;

/** Cells that a proven answer showed: of whole tables, and of windows whose order names the rows. */
export function shownCells(judged: Iterable<JudgedStatement>): Recovered[] {
  const cells = new Map<string, Recovered & { eventIds: number[] }>();
  const covered = new Map<string, number[][]>();
  for (const s of judged) {
    if (!s.proof || s.proof === 'size-compressed' || s.inBand.calibration || s.inBand.catalogue || !s.tableFound || (s.inBand.slice && s.columns.length > 1))
      continue;
    if (cells.size > maxCells) break;
    const whole = s.inBand.limit === null && s.inBand.offset === null;
    for (const r of s.rows) {
      if (!whole && r.tied) continue;
      s.columns.forEach((column, i) => {
        const k = `${s.inBand.technique}\u0000${s.tableFound!.datasetId}\u0000${r.rowNo}\u0000${column}`;
        if (s.inBand.slice) covered.set(k, [...(covered.get(k) ?? []), [s.inBand.slice[0], s.inBand.slice[0] + s.inBand.slice[1]]]);
        const known = cells.get(k);
        if (known) {
          if (!known.eventIds.includes(s.eventId)) known.eventIds.push(s.eventId);
          return;
        }
        cells.set(k, {
          id: contentId('recovered', { t: s.inBand.technique, d: s.tableFound!.datasetId, r: r.rowNo, c: column }),
          technique: s.inBand.technique,
          table: s.tableFound!.name,
          column,
          ordinal: r.ordinal,
          rowQuery: s.inBand.sqlText,
          key: r.key,
          value: r.values[i]!,
          status: 'exact',
          confidence: s.proof === 'size-series' ? 0.999 : 0.99,
          eventIds: [s.eventId],
          facts: { technique: s.inBand.technique, dialect: s.inBand.dialect, verified_by: 'size', proof: s.proof, residual: s.residual },
          datasetId: s.tableFound!.datasetId,
          rowNo: r.rowNo,
        });
      });
    }
  }
  for (const [k, ranges] of covered) {
    const cell = cells.get(k)!;
    let reach = 1;
    for (const [from, to] of ranges.sort((a, b) => a[0]! - b[0]!)) if (from! <= reach) reach = Math.max(reach, to!);
    const length = [...(cell.value ?? '')].length;
    if (reach <= length)
      cells.set(k, {
        ...cell,
        status: 'partial',
        value: null,
        confidence: 0.5,
        facts: { ...cell.facts, pattern: [...cell.value!].slice(0, reach - 1).join(''), reason: 'cut-by-the-message' },
      });
  }
  return [...cells.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}
