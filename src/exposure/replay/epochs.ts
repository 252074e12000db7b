import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Catalogue, Dataset } from '../catalogue.ts';
import type { Instance } from '../routes/instances.ts';
import type { Span } from '../routes/requests.ts';
import { type Ast, anyNode, child, nodes, text, unwrap } from '../sql/index.ts';
import { birth, type Changes, existence, slack } from './changes.ts';
import { columnsIn, tablesIn } from './statements.ts';

/** Executions of one shape that the same changes separate from the snapshot. Times are the earliest and the latest of them. */
export type Epoch = {
  readonly fromUs: number;
  readonly toUs: number;
  readonly changes: Changes;
  /** The statement can be replayed with unknown values; else any row of its tables may have been shown. */
  readonly replayable: boolean;
};

const mostEpochs = 12;

/**
 * Part executions of one shape by what was changed between them and the snapshot; null where nothing was that could have decided
 * what they showed.
 */
export function epochsOf(
  list: readonly Instance[],
  catalogue: Catalogue,
  changes: Changes,
): { readonly epoch: Epoch | null; readonly members: readonly Instance[] }[] {
  const select = list[0]!.read.select;
  const watch = watchFor(select, catalogue, changes);
  if (!watch) return [{ epoch: null, members: list }];
  const { simple, touched } = watch;
  const quiet: Instance[] = [];
  const moved: { i: Instance; fromUs: number }[] = [];
  for (const i of list)
    if (!touched(timesOf(i))) quiet.push(i);
    else moved.push({ i, fromUs: timesOf(i).fromUs });
  moved.sort((a, b) => a.fromUs - b.fromUs);
  const out: { epoch: Epoch | null; members: readonly Instance[] }[] = quiet.length > 0 ? [{ epoch: null, members: quiet }] : [];
  const size = Math.ceil(moved.length / mostEpochs);
  for (let k = 0; k < moved.length; k += size) {
    const members = moved.slice(k, k + size).map(m => m.i);
    const fromUs = Math.min(...members.map(m => timesOf(m).fromUs));
    const toUs = Math.max(...members.map(m => timesOf(m).toUs));
    out.push({ epoch: { fromUs, toUs, changes, replayable: simple }, members });
  }
  return out;
}

/** Tells of an execution of a select whether something that could have decided its answer was changed between it and the snapshot; null when nothing was changed at all. */
function watchFor(select: Ast, catalogue: Catalogue, changes: Changes): { readonly simple: boolean; readonly touched: (at: Span) => boolean } | null {
  const tables = [...tablesIn(select)];
  const through = tables.some(t => !catalogue.byTable(t) && catalogue.view?.(t));
  const datasets = through ? [...catalogue.datasets] : tables.map(t => catalogue.byTable(t)).filter(d => d !== null);
  if (!datasets.some(d => changes.has(d.id))) return null;
  const simple = !through && isSimple(select);
  const deciding =
    simple && text(select, 'op') === 'SETOP_NONE' && !sorted(select) ? columnsIn([select['whereClause'], select['fromClause']]) : columnsIn(select);
  const any = deciding.has('*') || usesNames(select);
  const watched = datasets.map(d => {
    const names = new Map(d.columns.map(c => [c.no, c.name.toLowerCase()]));
    const times = (changes.get(d.id)?.times ?? [])
      .filter(t => t.columns === null || any || [...t.columns].some(c => deciding.has(names.get(c) ?? '')))
      .map(t => t.us)
      .sort((x, y) => x - y);
    return { asOf: d.asOfUs, times };
  });
  const touched = (at: Span): boolean =>
    watched.some(({ asOf, times }) => {
      const after = firstFrom(times, at.fromUs - slack);
      if (after !== undefined && (asOf === null || after <= asOf + slack)) return true;
      const before = asOf === null ? undefined : firstFrom(times, asOf - slack);
      return before !== undefined && before <= at.toUs + slack;
    });
  return { simple, touched };
}

/** The epoch of one select that ran in a span; null where nothing was changed that could have decided its answer. */
export function epochFor(select: Ast, at: Span, catalogue: Catalogue, changes: Changes): Epoch | null {
  const watch = watchFor(select, catalogue, changes);
  return watch?.touched(at) ? { ...at, changes, replayable: watch.simple } : null;
}

/** The first of sorted times that is not before `us`. */
function firstFrom(times: readonly number[], us: number): number | undefined {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (times[mid]! < us) low = mid + 1;
    else high = mid;
  }
  return times[low];
}

/** When an execution ran; any time where nothing tells. */
export function timesOf(i: Instance): Span {
  const ran = i.statement ?? i.request;
  return { fromUs: ran?.loUs ?? -8e15, toUs: ran?.hiUs ?? 8e15 };
}

/** Is a time on the way between an execution and the snapshot, as far as clocks agree? */
export function betweenOf(d: Dataset, fromUs: number, toUs: number): (us: number) => boolean {
  const asOf = d.asOfUs;
  return us => (us >= fromUs - slack && (asOf === null || us <= asOf + slack)) || (asOf !== null && us <= toUs + slack && us >= asOf - slack);
}

const sorted = (select: Ast): boolean =>
  child(select, 'limitCount') !== null || child(select, 'limitOffset') !== null || [...(armsOf(select) ?? []), ...innerOf(select)].some(sorted);

/** Selects that stand in FROM, not among joins. */
function innerOf(select: Ast): Ast[] {
  return nodes(select, 'fromClause').flatMap(f => {
    const [tag, body] = unwrap(f);
    const query = tag === 'RangeSubselect' && body['lateral'] !== true ? child(body, 'subquery') : null;
    return query ? [child(query, 'SelectStmt') ?? query] : [];
  });
}

/** The two selects of a UNION: what stands in either is shown, repeated or not. */
function armsOf(select: Ast): Ast[] | null {
  const [left, right] = [child(select, 'larg'), child(select, 'rarg')];
  return text(select, 'op') === 'SETOP_UNION' && left && right ? [left, right] : null;
}

/**
 * Records of which some value may have been another one in a span than in the snapshot, or that may not have been there, as a condition on
 * `row_no` (in `columns`, when named): a condition on values that others than these do not meet was not met by them then.
 */
export function unsettled(d: Dataset, at: Span, changes: Changes, columns: readonly number[] | null = null): Sql {
  const h = changes.get(d.id);
  if (!h) return sql`false`;
  const between = betweenOf(d, at.fromUs, at.toUs);
  if (h.anywhere.some(a => between(a.us) && (columns === null || (a.existence && columns.includes(existence)) || a.columns.some(c => columns.includes(c)))))
    return sql`true`;
  const later = sql`at_us >= ${at.fromUs - slack} ${d.asOfUs === null ? sql`` : sql`and at_us <= ${d.asOfUs + slack}`}`;
  const earlier = d.asOfUs === null ? sql`false` : sql`at_us <= ${at.toUs + slack} and at_us >= ${d.asOfUs - slack}`;
  return sql`row_no in (select row_no from row_touch where dataset_id = ${d.id} and ((${later}) or (${earlier}))
    ${columns === null ? sql`` : sql`and column_no in (${sql.join(columns.map(c => sql.lit(c)))})`})`;
}

/** Names that stand in no column reference: USING, NATURAL, positions and names of the select list. */
function usesNames(select: Ast): boolean {
  return anyNode(select, (tag, body) => (tag === 'JoinExpr' && (nodes(body, 'usingClause').length > 0 || body['isNatural'] === true) ? true : null));
}

/** One block of inner joins of tables or of one inner select, or several with UNION between them: each row of the answer stands by itself. */
function isSimple(select: Ast): boolean {
  const arms = armsOf(select);
  if (arms)
    return (
      !child(select, 'withClause') &&
      !child(select, 'limitCount') &&
      !child(select, 'limitOffset') &&
      nodes(select, 'sortClause').length === 0 &&
      arms.every(isSimple)
    );
  if (text(select, 'op') !== 'SETOP_NONE' || child(select, 'withClause') || nodes(select, 'valuesLists').length > 0) return false;
  if (['groupClause', 'windowClause'].some(k => nodes(select, k).length > 0) || child(select, 'havingClause')) return false;
  if (nodes(select, 'distinctClause').length > 0 && !isPlainDistinct(select)) return false;
  const plain = (from: Ast): boolean => {
    const [tag, body] = unwrap(from);
    if (tag === 'RangeVar') return true;
    if (tag === 'RangeSubselect') return nodes(select, 'fromClause').length === 1 && innerOf(select).length === 1 && isSimple(innerOf(select)[0]!);
    return (
      tag === 'JoinExpr' &&
      text(body, 'jointype') === 'JOIN_INNER' &&
      body['isNatural'] !== true &&
      nodes(body, 'usingClause').length === 0 &&
      plain(child(body, 'larg') ?? {}) &&
      plain(child(body, 'rarg') ?? {})
    );
  };
  const from = nodes(select, 'fromClause');
  if (!from.every(plain)) return false;
  const calls = anyNode(select, (tag, body) => {
    if (tag === 'SubLink' || tag === 'WindowDef' || body['agg_star'] === true) return true;
    return null;
  });
  return !calls && !nodes(select, 'targetList').some(t => aggregated(t));
}

/** DISTINCT of whole rows, of which none is cut off: every row of the table that fits is shown, repeated or not. */
function isPlainDistinct(select: Ast): boolean {
  const on = nodes(select, 'distinctClause').some(d => Object.keys(d).length > 0);
  return !on && !child(select, 'limitCount') && !child(select, 'limitOffset');
}

const aggregates =
  /^(count|sum|avg|min|max|.*_agg|agg_.*|bool_.*|bit_.*|every|group_concat|std.*|var.*|first|last|any_value|mode|percentile.*|corr|regr.*|covar.*|rank|json.*agg.*)$/;

function aggregated(node: Ast): boolean {
  return anyNode(node, (tag, body) => {
    if (tag !== 'FuncCall') return null;
    const name =
      nodes(body, 'funcname')
        .map(f => text(child(f, 'String'), 'sval').toLowerCase())
        .pop() ?? '';
    return aggregates.test(name) ? true : null;
  });
}

/**
 * The catalogue as it stood for an epoch: data sets with the columns and records of which the value then is not known. Writes one
 * temporary table `touched_<id>` a data set. Null when the statement cannot be replayed so.
 */
export async function catalogueAt(engine: Engine, catalogue: Catalogue, epoch: Epoch, select: Ast): Promise<Catalogue | null> {
  const drifted = new Map<string, Dataset>();
  const named = [...tablesIn(select)].map(t => catalogue.byTable(t)).filter(d => d !== null);
  const alone = named.length === 1 && nodes(select, 'fromClause').length === 1 && child(nodes(select, 'fromClause')[0]!, 'RangeVar') !== null;
  let exact = true;
  for (const d of new Set(epoch.replayable ? named : catalogue.datasets)) {
    const h = epoch.changes.get(d.id);
    if (!h) continue;
    const between = betweenOf(d, epoch.fromUs, epoch.toUs);
    const whole = new Set<number>();
    for (const a of h.anywhere)
      if (between(a.us)) {
        for (const c of a.columns) whole.add(c);
        if (a.existence) whole.add(existence);
      }
    const touched = sql.id(`touched_${d.id}`);
    const asOf = d.asOfUs;
    const later = sql`at_us >= ${epoch.fromUs - slack} ${asOf === null ? sql`` : sql`and at_us <= ${asOf + slack}`}`;
    const earlier = asOf === null ? sql`false` : sql`at_us <= ${epoch.toUs + slack} and at_us >= ${asOf - slack}`;
    // A record made after all of the executions is left out; one made among them may have been there.
    await engine.run(
      'exposure.touched_at',
      sql`create or replace temp table ${touched} as select distinct row_no, case when column_no = ${birth} and (since_us <= ${epoch.toUs + slack}) then ${existence} else column_no end as column_no
        from row_touch where dataset_id = ${d.id} and ((${later}) or (${earlier}))`,
    );
    const columns = new Set(
      (await engine.rows<{ c: number }>('exposure.touched_columns', sql`select distinct column_no as c from ${touched} order by c`)).map(r => r.c),
    );
    const removed = h.removals.some(r => between(r.us));
    const unsure = whole.size > 0 || removed || [...columns].some(c => c !== birth);
    if (unsure) exact = false;
    drifted.set(d.id, {
      ...d,
      drift: { touched, columns: new Set([...columns, ...whole]), whole, born: columns.has(birth), removed: removed && !alone, unsure },
    });
  }
  if (!exact && !epoch.replayable) return null;
  // How many rows stood before a window is not known where rows of several tables are gone.
  if (sorted(select) && [...drifted.values()].some(d => d.drift?.removed)) return null;
  return { ...catalogue, byTable: name => drifted.get(catalogue.byTable(name)?.id ?? '') ?? catalogue.byTable(name) };
}
