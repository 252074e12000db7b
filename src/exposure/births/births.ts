import { groupBy, type Micros, type Problem, printable, problem } from '../../base/index.ts';
import type { PremiseName } from '../../case/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Catalogue, Dataset } from '../catalogue.ts';
import type { Premises } from '../claims/premises.ts';
import { birth, type Changes, existence, type History, never, slack } from '../replay/changes.ts';
import type { Span } from '../routes/requests.ts';
import { claimLaterKeys } from './keys-in-order.ts';
import { findStamps, type GivenStamps, isStamp, type Stamp, stampOf, unknownZone } from './stamp-columns.ts';

export type Births = {
  /** The changes of the log, and those that stamps and keys tell of. */
  readonly changes: Changes;
  /** Data sets of which some records are known to be younger than some requests (`row_born`), and what that is taken from. */
  readonly born: ReadonlyMap<string, readonly PremiseName[]>;
};

type About = {
  readonly given: ReadonlyMap<string, GivenStamps>;
  /** The time of the intrusion. */
  readonly span: Span;
  readonly premises: Premises;
  /** Until when the database log tells every write, when it tells writes to a data set at all. */
  readonly toldUntil: Micros | null;
};

const noStamps: GivenStamps = { created: null, changed: null };

/**
 * What the snapshot itself tells of writes that no log tells: columns with the time a record was made or changed, times that lie after the theft, keys
 * given out in order. Adds to `row_touch`; writes `row_born`: a record was not there before `born_us` and was by `by_us`.
 */
export async function readBirths(engine: Engine, catalogue: Catalogue, told: Changes, about: About, problems: Problem[]): Promise<Births> {
  const changes = new Map(told);
  const taken = new Map<string, PremiseName[]>();
  for (const dataset of catalogue.datasets) {
    const told = changes.get(dataset.id);
    // A log that holds no write to a data set may leave them out.
    const until = told && about.toldUntil !== null ? about.toldUntil : -never;
    const given = givenOf(dataset, catalogue, about.given);
    const found = await writeStamps(engine, dataset, told, given, { ...about, until }, problems);
    if (found.history) changes.set(dataset.id, found.history);
    const later = about.premises.get('keys-in-order') === false ? null : await claimLaterKeys(engine, dataset, until);
    if (later !== null) changes.set(dataset.id, timesOf(found.history ?? told, later.byUs, null));
    taken.set(dataset.id, [...found.premises, ...(later?.sure ? (['keys-in-order'] as const) : [])]);
  }
  await engine.run(
    'exposure.row_born',
    sql`create or replace temp table row_born as select dataset_id, row_no, max(since_us) as born_us, min(at_us) as by_us from row_touch where column_no = ${birth}
      group by dataset_id, row_no order by dataset_id, row_no`,
  );
  const rows = await engine.rows<{ id: string }>('exposure.born_sets', sql`select distinct dataset_id as id from row_born order by id`);
  return { changes, born: new Map(rows.map(r => [r.id, taken.get(r.id) ?? []])) };
}

function givenOf(dataset: Dataset, catalogue: Catalogue, given: ReadonlyMap<string, GivenStamps>): GivenStamps {
  const ids = catalogue.unions.find(u => u.id === dataset.id)?.members.map(m => m.id) ?? [dataset.id];
  return ids.map(id => given.get(id)).findLast(g => g !== undefined) ?? noStamps;
}

/** A history with one more change, of these columns (null: of the record's very existence). */
function timesOf(history: History | undefined, us: Micros, columns: ReadonlySet<number> | null): History {
  return { times: [...(history?.times ?? []), { us, columns }], anywhere: history?.anywhere ?? [], removals: history?.removals ?? [] };
}

/** Write what stamps tell of records that were made or changed after the intrusion began. */
async function writeStamps(
  engine: Engine,
  dataset: Dataset,
  told: History | undefined,
  given: GivenStamps,
  { span, premises, until }: About & { readonly until: Micros },
  problems: Problem[],
): Promise<{ readonly history: History | undefined; readonly premises: PremiseName[] }> {
  let history = told;
  const used: PremiseName[] = [];
  if (dataset.asOfUs === null || !dataset.columns.some(isStamp)) return { history, premises: used };
  const updated = new Set((told?.times ?? []).flatMap(t => [...(t.columns ?? [])]));
  const stamps = await findStamps(engine, dataset, given, updated);
  for (const column of stamps.refuted)
    problems.push(problem('exposure.stamp-refuted', 'warning', {}, { dataset: dataset.table, column: printable(column, 60) }));
  const latest = dataset.asOfUs - 2 * slack;
  /** By when what a stamp tells of had happened; a record of the snapshot was there then. */
  const by = (s: Stamp): Sql => sql`least(${stampOf(s.column)} + ${sql.lit(s.high)}, ${sql.lit(latest)})`;
  const since = (s: Stamp): Sql => sql`${stampOf(s.column)} + ${sql.lit(s.low)}`;
  const open = (s: Stamp): Sql => sql`${by(s)} >= ${span.fromUs - slack} and ${stampOf(s.column)} + ${sql.lit(s.high)} > ${until}`;
  const view = sql.id(dataset.view);
  const touch = async (select: Sql, columns: ReadonlySet<number> | null): Promise<number> => {
    const { n, last } = await engine.row<{ n: number; last: number | null }>(
      'exposure.stamp_count',
      sql`select count(*)::integer as n, max(at_us)::bigint as last from (${select})`,
    );
    if (last === null) return 0;
    await engine.run('exposure.stamp_touch', sql`insert into row_touch select ${dataset.id}, row_no, column_no, at_us, since_us from (${select}) q`);
    history = timesOf(history, last, columns);
    return n;
  };
  const of = (s: Stamp, columns: readonly number[], where: Sql): Sql =>
    sql`select row_no, unnest([${sql.join(columns.map(c => sql.lit(c)))}])::integer as column_no, ${by(s)} as at_us, ${by(s)} as since_us from ${view} where ${where}`;

  const { created, changed } = stamps;
  if (created) {
    const holds = premises.get('born-as-stamped') !== false;
    const n = await touch(
      sql`select row_no, ${sql.lit(birth)} as column_no, ${by(created)} as at_us, ${holds ? since(created) : sql`${-never}::bigint`} as since_us from ${view}
        where (${open(created)} or (${by(created)} >= ${span.fromUs - slack} and row_no in (select row_no from row_touch where dataset_id = ${dataset.id} and column_no = ${existence})))
          and row_no not in (select row_no from row_touch where dataset_id = ${dataset.id} and column_no = ${birth})`,
      null,
    );
    if (holds && n > 0) used.push('born-as-stamped');
    if (n > 0)
      problems.push(
        problem(`exposure.birth-column-${created.basis}`, 'info', {}, { dataset: dataset.table, column: printable(created.column.name, 60), n }, n),
      );
  }
  // A record that by a name alone was made after the theft may not have been there; that it was not, a name does not prove.
  for (const s of stamps.named)
    await touch(
      of(s, [existence], sql`${open(s)} and row_no not in (select row_no from row_touch where dataset_id = ${dataset.id} and column_no = ${birth})`),
      null,
    );
  const keys = new Set(dataset.key);
  const plain = dataset.columns.filter(c => !keys.has(c.name) && c !== created?.column && c !== changed?.column).map(c => c.no);
  if (changed) {
    const all = [...plain, changed.column.no];
    await touch(of(changed, all, open(changed)), new Set(all));
    const vague = (history?.anywhere ?? []).filter(a => !a.existence);
    if (vague.length > 0 && premises.get('changed-as-stamped') !== false) {
      // Each of these left its time in the records it touched.
      for (const list of groupBy(vague, a => a.columns.join(',')).values()) {
        const first = list.reduce((us, a) => Math.min(us, a.us), never);
        await touch(of(changed, list[0]!.columns, sql`${stampOf(changed.column)} + ${sql.lit(changed.high)} >= ${first - slack}`), new Set(list[0]!.columns));
      }
      history = { ...history!, anywhere: history!.anywhere.filter(a => a.existence) };
      used.push('changed-as-stamped');
    }
  }
  // A time that lies after the theft, in a column of times gone by, hardly stood there before.
  for (const column of dataset.columns.filter(c => isStamp(c) && plain.includes(c.no))) {
    const s = unknownZone(column, 'order');
    const { past } = await engine.row<{ past: boolean }>(
      'exposure.stamp_past',
      sql`select coalesce(max(${since(s)}) <= ${dataset.asOfUs}, false) as past from ${view}`,
    );
    if (past) await touch(of(s, [column.no], open(s)), new Set([column.no]));
  }
  return { history, premises: used };
}
