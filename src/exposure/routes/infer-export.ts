import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Catalogue, Column, Dataset } from '../catalogue.ts';
import { datasetsNamed, isLower, isUpper } from '../claims/name-bound.ts';
import { readingOf } from '../replay/statements.ts';
import type { Binding } from './binding.ts';
import type { InferredRead } from './infer-reads.ts';
import { type Request, routeOf } from './requests.ts';

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
type Meaning = { readonly name: string; readonly column: Column; readonly op: '=' | '>=' | '<=' };

/**
 * A CSV export has no markup: its size is a header, the values, the commas and the line ends. The columns and the date column that give
 * the size of every answer to the intruder, byte by byte, and of the answers to others for some value of a filter they did not send,
 * are what was exported. Needs at least two answers of the intruder.
 */
export async function inferExport(
  engine: Engine,
  catalogue: Catalogue,
  route: string,
  requests: readonly Request[],
  sample: readonly Request[],
): Promise<InferredRead | null> {
  const own = requests.filter(r => routeOf(r) === route && r.status === 200 && r.bytes !== null);
  if (!/\.csv$|csv|export|download/i.test(route) || own.length < 2) return null;
  const names = JSON.stringify([...own[0]!.values.keys()].sort());
  if (own.some(r => JSON.stringify([...r.values.keys()].sort()) !== names)) return null;
  for (const dataset of datasetsNamed(catalogue, own[0]!.shape)) {
    if (dataset.columns.length > 16 || dataset.rows > 2_000_000) continue;
    const found: { meanings: Meaning[]; sets: number[]; proved: Set<number> }[] = [];
    for (const meanings of meaningsOf(dataset, own[0]!)) {
      const distinct = new Map(own.map(r => [JSON.stringify([...r.values]), r]));
      const measured = [];
      for (const r of [...distinct.values()].slice(0, 12)) measured.push(await measure(engine, dataset, meanings, r));
      if (measured.filter(m => m.k > 0).length < 2 || new Set(measured.map(m => m.size)).size < 2) continue;
      const others: Measured[][] = [];
      for (const r of distinctRequests(sample).slice(0, 40)) others.push(await measureUnfiltered(engine, dataset, meanings, r));
      const sets = exactSets(dataset, measured, others);
      if (sets.length > 0 && sets.length <= 256) found.push({ meanings, sets, proved: new Set(own.map(r => r.eventId)) });
    }
    if (found.length !== 1) continue;
    const { meanings, sets, proved } = found[0]!;
    const every = sets.reduce((a, b) => a & b);
    const some = sets.reduce((a, b) => a | b);
    const sure = new Set(dataset.columns.filter((_, j) => (every >> j) & 1).map(c => c.no));
    const columns = dataset.columns.filter((_, j) => (some >> j) & 1);
    const where = meanings.map((m, i) => `${quote(m.column.name)} ${m.op} $${i + 1}`).join(' and ');
    const read = readingOf(`select ${columns.map(c => quote(c.name)).join(', ')} from ${quote(dataset.table)}${where ? ` where ${where}` : ''}`);
    if ('none' in read || sure.size === 0) continue;
    const bindings = read.slots.map((s): Binding => ({ from: 'request', name: meanings[s.number - 1]!.name, before: '', after: '' }));
    return { route, read, bindings, concatenations: [], support: 1, learnedFrom: own.length, source: 'sizes', parameters: true, sure, dataset, proved };
  }
  return null;
}

/** The ways the parameters of a request can be read: same-named columns, and one date column for a range. */
function meaningsOf(dataset: Dataset, r: Request): Meaning[][] {
  const fixed: Meaning[] = [];
  const ranges: { name: string; op: '>=' | '<=' }[] = [];
  for (const [name, value] of r.values) {
    const same = dataset.columns.find(c => c.name.toLowerCase() === name.toLowerCase());
    if (same) fixed.push({ name, column: same, op: '=' });
    else if (/^\d{4}-\d{2}-\d{2}/.test(value) && isLower(name)) ranges.push({ name, op: '>=' });
    else if (/^\d{4}-\d{2}-\d{2}/.test(value) && isUpper(name)) ranges.push({ name, op: '<=' });
  }
  if (ranges.length === 0) return [fixed];
  return dataset.columns.filter(c => c.type === 'date' || c.type === 'time').map(column => [...fixed, ...ranges.map(x => ({ ...x, column }))]);
}

type Measured = { readonly size: number; readonly k: number; readonly lengths: readonly number[] };

async function measure(engine: Engine, dataset: Dataset, meanings: readonly Meaning[], r: Request): Promise<Measured> {
  const compare = (m: Meaning): Sql => {
    const c = sql`cast(${sql.id(`c${m.column.no}`)} as varchar)`;
    const v = r.values.get(m.name)!;
    return m.op === '=' ? sql`${c} = ${v}` : m.op === '>=' ? sql`${c} >= ${v}` : sql`${c} <= ${v}`;
  };
  const where = meanings.length > 0 ? sql`where ${sql.join(meanings.map(compare), sql` and `)}` : sql``;
  const quoted = dataset.columns.map(c => {
    const d = sql`d.${sql.id(c.name)}`;
    return sql`coalesce(sum(strlen(coalesce(${d}, '')) + case when regexp_matches(coalesce(${d}, ''), '[",\r\n]') then 2 + strlen(coalesce(${d}, '')) - strlen(replace(coalesce(${d}, ''), '"', '')) else 0 end), 0) as ${sql.id(`l${c.no}`)}`;
  });
  const row = await engine.row<Record<string, number>>(
    'exposure.infer_export',
    sql`select count(*) as k, ${sql.join(quoted)} from ${sql.id(dataset.view)} t join ${sql.id(`data_${dataset.id}`)} d using (row_no) ${where}`,
  );
  return { size: r.bytes!, k: Number(row['k']), lengths: dataset.columns.map(c => Number(row[`l${c.no}`])) };
}

function distinctRequests(sample: readonly Request[]): Request[] {
  return [...new Map(sample.filter(r => r.status === 200 && r.values.size > 0).map(r => [JSON.stringify([...r.values]), r])).values()].sort(
    (a, b) => a.eventId - b.eventId,
  );
}

/** An answer to somebody else, once for each value of the filters that the application took from the session. */
async function measureUnfiltered(engine: Engine, dataset: Dataset, meanings: readonly Meaning[], r: Request): Promise<Measured[]> {
  const sent = meanings.filter(m => r.values.has(m.name));
  const missing = meanings.filter(m => !r.values.has(m.name) && m.op === '=');
  if (missing.length === 0) return [await measure(engine, dataset, sent, r)];
  if (missing.length > 1) return [];
  const column = missing[0]!.column;
  const values = await engine.rows<{ v: string }>(
    'exposure.infer_values',
    sql`select distinct cast(${sql.id(`c${column.no}`)} as varchar) as v from ${sql.id(dataset.view)} where v is not null order by v limit 41`,
  );
  if (values.length > 40) return [];
  const out: Measured[] = [];
  for (const { v } of values) out.push(await measure(engine, dataset, meanings, { ...r, values: new Map([...r.values, [missing[0]!.name, v]]) }));
  return out;
}

const blocks = (m: Measured): number => Math.ceil(m.size / 16_384);

/** Column sets (bit masks) under which all answers differ from their values and separators by one constant: the header. */
function exactSets(dataset: Dataset, measured: readonly Measured[], others: readonly (readonly Measured[])[]): number[] {
  const n = dataset.columns.length;
  const longest = 64 + 4 * dataset.columns.reduce((a, c) => a + Buffer.byteLength(c.name), 0);
  const told = others.filter(o => o.length > 0);
  const found: number[] = [];
  for (const eol of [1, 2])
    for (let mask = 1; mask < 1 << n; mask++) {
      let count = 0;
      for (let j = 0; j < n; j++) if ((mask >> j) & 1) count++;
      const rest = (m: Measured): number => {
        let size = m.size - m.k * (count - 1 + eol);
        for (let j = 0; j < n; j++) if ((mask >> j) & 1) size -= m.lengths[j]!;
        return size;
      };
      const header = rest(measured[0]!);
      // Chunked transfer adds a few bytes for every block of the answer, which some counters include.
      const near = (m: Measured): boolean => Math.abs(rest(m) - header) <= 20 * Math.abs(blocks(m) - blocks(measured[0]!));
      if (header < 0 || header > longest || !measured.every(near)) continue;
      // An export without rows may leave out the header or answer otherwise: it proves nothing.
      const agree = told.filter(o => o.some(m => m.k === 0 || near(m))).length;
      if (measured.length + told.length < 4 || agree < 0.95 * told.length) continue;
      if (!found.includes(mask)) found.push(mask);
      if (found.length > 256) return found;
    }
  return found;
}
