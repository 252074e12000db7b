import { HOUR, MINUTE, type Micros, SECOND } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Column, Dataset } from '../catalogue.ts';

/** A column of times: what it tells of happened between `low` and `high` after the value, read as UTC. */
export type Stamp = { readonly column: Column; readonly low: Micros; readonly high: Micros; readonly basis: 'case-file' | 'log' | 'order' };
/**
 * What stands in a data set about its own records: when each was made, and when it was last changed. `refuted`: the case file names such a column, evidence
 * says otherwise. `named`: columns that tell when a record was made by nothing but their name, where none does by evidence.
 */
export type Stamps = { readonly created: Stamp | null; readonly changed: Stamp | null; readonly refuted: readonly string[]; readonly named: readonly Stamp[] };
/** Names of such columns that the case file gives. */
export type GivenStamps = { readonly created: string | null; readonly changed: string | null };

/** A value in a zone nobody told lies so far from UTC. */
const behindUtc = 12 * HOUR;
const aheadOfUtc = 14 * HOUR;
const day = 24 * HOUR;
/** Between what a statement sets and when the log says it ran. */
const jitter = 5 * SECOND;
const leastPairs = 3;
const leastRows = 20;

const createdName = /creat|insert|regist|entry|added|joined|sign(?:ed)?_?up|作成|登録|追加|入会|受付/i;
const changedName = /updat|modif|chang|edit|last|更新|変更|修正|最終/i;

export const isStamp = (c: Column): boolean => c.type === 'time' || c.type === 'date';

/** The value of a stamp as UTC microseconds; a day stands for its first moment. */
export const stampOf = (c: Column): Sql => sql`epoch_us(${sql.id(`c${c.no}`)})`;

/** A column of which nothing but its values is known. */
export const unknownZone = (column: Column, basis: Stamp['basis']): Stamp => ({
  column,
  low: -aheadOfUtc,
  high: behindUtc + (column.type === 'date' ? day : 0),
  basis,
});

/**
 * Which columns of a data set tell when its records were made and changed: named by the case file, or shown by evidence (the database log's INSERTs and
 * UPDATEs put their own time there; or the values rise with the key under a name that says so). `updated`: columns that UPDATEs of the log set.
 */
export async function findStamps(engine: Engine, dataset: Dataset, given: GivenStamps, updated: ReadonlySet<number>): Promise<Stamps> {
  const refuted: string[] = [];
  const past: Column[] = [];
  for (const c of dataset.columns.filter(c => isStamp(c) && !dataset.key.includes(c.name))) if (await holdsPast(engine, dataset, c)) past.push(c);
  const chosen = async (name: string | null, pairs: Sql): Promise<Stamp | null> => {
    if (name === null) return null;
    const column = past.find(c => c.name.toLowerCase() === name.toLowerCase());
    const stamp = column ? unknownZone(column, 'case-file') : null;
    if (stamp && (await holds(engine, dataset, stamp, pairs))) return (await zoned(engine, dataset, stamp.column, pairs, 'case-file')) ?? stamp;
    refuted.push(name);
    return null;
  };
  const created =
    (await chosen(given.created, made(dataset))) ?? (given.created === null ? await shownBirth(engine, dataset, past, updated, given.changed) : null);
  const others = past.filter(c => c !== created?.column);
  const changed = (await chosen(given.changed, lastChanged(dataset))) ?? (given.changed === null ? await shownChange(engine, dataset, others) : null);
  const named =
    created === null && given.created === null
      ? await namedBirths(
          engine,
          dataset,
          others.filter(c => c !== changed?.column && c.name !== given.changed),
          updated,
        )
      : [];
  return { created, changed, refuted, named };
}

/** Columns that neither an INSERT nor an UPDATE of the log denies to be what they are called. */
async function namedBirths(engine: Engine, dataset: Dataset, past: readonly Column[], updated: ReadonlySet<number>): Promise<Stamp[]> {
  const out: Stamp[] = [];
  for (const column of past.filter(c => createdName.test(c.name) && !changedName.test(c.name) && !updated.has(c.no))) {
    const stamp = unknownZone(column, 'order');
    if (await holds(engine, dataset, stamp, made(dataset))) out.push(stamp);
  }
  return out;
}

/** Times of the past: none lies after the snapshot. */
async function holdsPast(engine: Engine, dataset: Dataset, column: Column): Promise<boolean> {
  const { last } = await engine.row<{ last: number | null }>(
    'exposure.stamp_last',
    sql`select max(${stampOf(column)})::bigint as last from ${sql.id(dataset.view)}`,
  );
  return last !== null && dataset.asOfUs !== null && last <= dataset.asOfUs + aheadOfUtc;
}

async function shownBirth(
  engine: Engine,
  dataset: Dataset,
  past: readonly Column[],
  updated: ReadonlySet<number>,
  notThis: string | null,
): Promise<Stamp | null> {
  let ordered: Stamp | null = null;
  for (const column of past.filter(c => !updated.has(c.no) && !changedName.test(c.name) && c.name !== notThis)) {
    const unknown = unknownZone(column, 'order');
    if (!(await holds(engine, dataset, unknown, made(dataset)))) continue;
    const named = createdName.test(column.name);
    const logged = await zoned(engine, dataset, column, made(dataset), 'log');
    const rising = (logged && !named) || (!logged && named) ? await rises(engine, dataset, column) : false;
    // A column that every change sets anew looks the same as long as nothing is changed.
    if (logged && (named || rising || (await keptByUpdates(engine, dataset, logged)))) return logged;
    if (!ordered && named && rising) ordered = unknown;
  }
  return ordered;
}

async function shownChange(engine: Engine, dataset: Dataset, columns: readonly Column[]): Promise<Stamp | null> {
  for (const column of columns.filter(c => c.type === 'time')) {
    const stamp = await zoned(engine, dataset, column, lastChanged(dataset), 'log');
    if (stamp) return stamp;
  }
  return null;
}

/** Records that one INSERT of the log made, and when. */
export const made = (d: Dataset): Sql => sql`(select row_no, min(at_us) as at_us from row_change where dataset_id = ${d.id} and made
  and (keyed or c in (select c from row_change where dataset_id = ${d.id} group by c having count(*) = 1)) group by row_no having count(*) = 1)`;

/** Records that UPDATEs of the log changed, and when last. */
const lastChanged = (d: Dataset): Sql => sql`(select row_no, max(at_us) as at_us from row_change where dataset_id = ${d.id} and not made group by row_no)`;

type Pairs = {
  readonly n: number;
  readonly told: number;
  readonly low: number;
  readonly high: number;
  readonly times: number;
  readonly values: number;
};

async function measure(engine: Engine, dataset: Dataset, column: Column, pairs: Sql): Promise<Pairs> {
  return engine.row<Pairs>(
    'exposure.stamp_pairs',
    sql`select count(*)::integer as n, count(v)::integer as told, coalesce(min(v - at_us), 0)::bigint as low, coalesce(max(v - at_us), 0)::bigint as high,
      count(distinct at_us)::integer as times, count(distinct v)::integer as "values"
      from ${pairs} p join (select row_no, ${stampOf(column)} as v from ${sql.id(dataset.view)}) d using (row_no)`,
  );
}

/** No statement of the log contradicts the stamp. */
async function holds(engine: Engine, dataset: Dataset, stamp: Stamp, pairs: Sql): Promise<boolean> {
  const p = await measure(engine, dataset, stamp.column, pairs);
  return p.n === 0 || (p.told === p.n && -p.high >= stamp.low - MINUTE && -p.low <= stamp.high + MINUTE);
}

/** The stamp with the zone of its values, where the statements of the log agree on one. */
async function zoned(engine: Engine, dataset: Dataset, column: Column, pairs: Sql, basis: Stamp['basis']): Promise<Stamp | null> {
  const p = await measure(engine, dataset, column, pairs);
  if (p.told < p.n || p.times < leastPairs) return null;
  if (column.type === 'time')
    return p.high - p.low <= 2 * jitter && Math.max(-p.low, p.high) <= aheadOfUtc + HOUR
      ? { column, low: -p.high - jitter, high: -p.low + jitter, basis }
      : null;
  // The first moment of a day in its zone lies at most a day before each of its statements.
  const ahead = { least: Math.max(p.high - jitter, -behindUtc), most: Math.min(p.low + day + jitter, aheadOfUtc) };
  return p.values >= 2 && ahead.least <= ahead.most ? { column, low: -ahead.most, high: day - ahead.least, basis } : null;
}

/** UPDATEs of several records left the value as it was. */
async function keptByUpdates(engine: Engine, dataset: Dataset, stamp: Stamp): Promise<boolean> {
  const { n } = await engine.row<{ n: number }>(
    'exposure.stamp_kept',
    sql`select count(*)::integer as n from ${lastChanged(dataset)} p join (select row_no, ${stampOf(stamp.column)} as v from ${sql.id(dataset.view)}) d using (row_no)
      where v + ${sql.lit(stamp.high + 2 * jitter)} < at_us`,
  );
  return n >= leastPairs;
}

/** The values rise with a key of whole numbers (statements that overlap may have ended in another order). */
async function rises(engine: Engine, dataset: Dataset, column: Column): Promise<boolean> {
  const key = dataset.columns.find(c => c.name === dataset.key[0]);
  if (dataset.key.length !== 1 || key?.type !== 'int') return false;
  const r = await engine.row<{ n: number; told: number; values: number; up: boolean }>(
    'exposure.stamp_order',
    sql`select count(*)::integer as n, count(v)::integer as told, count(distinct v)::integer as "values", coalesce(bool_and(v >= coalesce(before, v) - ${sql.lit(MINUTE)}), false) as up
      from (select v, max(v) over (order by k rows between unbounded preceding and 1 preceding) as before from
        (select ${sql.id(`c${key.no}`)} as k, ${stampOf(column)} as v from ${sql.id(dataset.view)}))`,
  );
  return r.n >= leastRows && r.told === r.n && r.values >= leastRows / 2 && r.up;
}
