import { type Sql, sql } from '../../engine/index.ts';
import { type Ast, child, constantValue, nodes, number, text, unwrap } from './ast.ts';
import { finer } from './batch.ts';
import { type Block, type Compilation, NotBatchable, type Relation } from './relation.ts';
import { orderTerm, type SortKey, sortKeys } from './sort.ts';

/** A number of LIMIT or OFFSET: known, absent, not logged, or another one for each statement of a batch. */
export type Bound = number | null | 'unknown' | { readonly column: Sql };

export function boundOf(node: Ast | null, c: Compilation): Bound {
  if (!node) return null;
  const [tag, body] = unwrap(node);
  if (tag === 'A_Const') {
    const { kind, value } = constantValue(body);
    return kind === 'null' ? null : Number.isFinite(Number(value)) ? Math.max(0, Math.trunc(Number(value))) : 'unknown';
  }
  if (tag === 'ParamRef') {
    const value = c.parameters[(number(body, 'number') ?? 0) - 1];
    if (value === null) return null;
    if (typeof value === 'object') return { column: value };
    return value === undefined || !/^\d{1,15}$/.test(value) ? 'unknown' : Number(value);
  }
  if (tag === 'TypeCast') return boundOf(child(body, 'arg'), c);
  return 'unknown';
}

const everything = Number.MAX_SAFE_INTEGER;

/** The same number for every statement? */
export function isFixed(bound: Bound): bound is number | null {
  return bound === null || typeof bound === 'number';
}

/** A bound as SQL beside the table of the batch; `otherwise` where there is none. */
export function boundSql(bound: Exclude<Bound, 'unknown'>, otherwise: number): Sql {
  if (bound === null) return sql`${sql.lit(otherwise)}::bigint`;
  return typeof bound === 'number' ? sql`${sql.lit(bound)}::bigint` : sql`coalesce(try_cast(${bound.column} as bigint), ${sql.lit(otherwise)})`;
}

/** ORDER BY with LIMIT and OFFSET: rows surely inside the window are certain, rows that may be inside stay, others go. */
export function order(r: Relation, select: Ast, b: Block, targets: readonly Ast[] | null, prepared: readonly SortKey[] | null = null): Relation {
  const limit = boundOf(child(select, 'limitCount'), b.c);
  const offset = boundOf(child(select, 'limitOffset'), b.c);
  if (limit === null && (offset === null || offset === 0)) return stripKeys(r, prepared);
  if (limit === 'unknown' || offset === 'unknown') {
    b.c.widened.add('limit-unknown');
    return { ...stripKeys(r, prepared), sql: sql`select * replace (false as m) from (${stripKeys(r, prepared).sql}) q`, certain: false };
  }
  if (text(select, 'limitOption') === 'LIMIT_OPTION_WITH_TIES') {
    b.c.widened.add('with-ties');
    return { ...stripKeys(r, prepared), sql: sql`select * replace (false as m) from (${stripKeys(r, prepared).sql}) q`, certain: false };
  }
  if (limit === 0) return { ...stripKeys(r, prepared), sql: sql`select * from (${stripKeys(r, prepared).sql}) q where false` };
  const keys = prepared ?? sortKeys(nodes(select, 'sortClause'), r.columns, targets, b, true);
  const names = prepared ? keys.map((_, i) => sql.id(`k${i}`) as Sql) : keys.map(k => k.sql);
  const w: Window = {
    terms: keys.map((k, i) => orderTerm(names[i]!, k)),
    keyNames: prepared ? names : [],
    safe: keys.length > 0 && keys.every(k => k.safe),
    leading: keys.findIndex(k => k.unique),
    reason: keys.length === 0 ? 'limit-without-order' : 'collation',
  };
  if (isFixed(limit) && isFixed(offset) && r.keyed === 'none') return one(r, b, w, limit ?? everything, offset ?? 0);
  for (const o of r.occurrences) b.c.influenced.add(o.dataset.id);
  return many(r, b, w, limit, offset);
}

type Window = {
  readonly terms: readonly Sql[];
  /** Hidden columns with the values of the keys. */
  readonly keyNames: readonly Sql[];
  readonly safe: boolean;
  readonly leading: number;
  readonly reason: string;
};

function one(r: Relation, b: Block, w: Window, most: number, skip: number): Relation {
  if (skip > 0) for (const o of r.occurrences) b.c.influenced.add(o.dataset.id);
  const cut = { most, skip, whole: sql`select count(*) as n from (${r.sql}) q` };
  if (!b.scope.outer) for (const o of r.occurrences) b.c.caps.set(o.id, Math.min(most, b.c.caps.get(o.id) ?? most));
  const exclude = w.keyNames.length > 0 ? sql`exclude (${sql.join(w.keyNames)})` : sql``;
  if (w.safe && w.leading >= 0 && r.certain) {
    return {
      ...r,
      sql: sql`select * ${exclude} from (select * from (${r.sql}) q order by ${sql.join(w.terms.slice(0, w.leading + 1))} limit ${sql.lit(most)} offset ${sql.lit(skip)}) q`,
      cut,
    };
  }
  if (!w.safe) {
    b.c.widened.add(w.reason);
    const fits = sql`(count(*) over ()) <= ${sql.lit(most)} and ${sql.lit(skip)} = 0`;
    return { ...r, sql: sql`select * replace ((m and ${fits}) as m) from (select * ${exclude} from (${r.sql}) q) q`, certain: false, cut };
  }
  const terms = sql.join(w.terms);
  const low = r.certain
    ? sql`rank() over (order by ${terms})`
    : sql`1 + coalesce(sum(m::integer) over (order by ${terms} range between unbounded preceding and current row exclude group), 0)`;
  const high = sql`count(*) over (order by ${terms} range between unbounded preceding and current row)`;
  return {
    ...r,
    certain: false,
    cut,
    sql: sql`select * exclude (lo_rank, hi_rank) replace ((m and lo_rank > ${sql.lit(skip)} and hi_rank <= ${sql.lit(skip + most)}) as m) from
      (select * ${exclude}, ${low} as lo_rank, ${high} as hi_rank from (${r.sql}) q) q where hi_rank > ${sql.lit(skip)} and lo_rank <= ${sql.lit(skip + most)}`,
  };
}

/** Many windows at once: every row is ranked once, and the windows pick their ranks. */
function many(r: Relation, b: Block, w: Window, limit: Exclude<Bound, 'unknown'>, offset: Exclude<Bound, 'unknown'>): Relation {
  if (!b.c.batch || b.scope.outer) throw new NotBatchable('shape');
  if (!w.safe) throw new NotBatchable('unordered');
  if (!r.certain) throw new NotBatchable('shape');
  const skip = boundSql(offset, 0);
  const most = boundSql(limit, everything);
  const parts = r.keyed === 'none' ? sql`` : sql`partition by n`;
  const exclude = w.keyNames.length > 0 ? sql`exclude (${sql.join(w.keyNames)})` : sql``;
  const total = w.safe && w.leading >= 0;
  const terms = sql.join(total ? w.terms.slice(0, w.leading + 1) : w.terms);
  const ranked = sql`select * ${exclude}, row_number() over (${parts} order by ${terms}) as rk,
    ${total ? sql`0` : sql`rank() over (${parts} order by ${terms})`} as lo_rank,
    ${total ? sql`0` : sql`count(*) over (${parts} order by ${terms} range between unbounded preceding and current row)`} as hi_rank from (${r.sql}) q`;
  const fixed = isFixed(limit) && isFixed(offset);
  const inside = sql`(m and lo_rank > ${skip} and hi_rank <= ${skip} + ${most})`;
  if (fixed) {
    const rows = total
      ? sql`select * exclude (rk, lo_rank, hi_rank) from (${ranked}) q where rk > ${skip} and rk <= ${skip} + ${most}`
      : sql`select * exclude (rk, lo_rank, hi_rank) replace (${inside} as m) from (${ranked}) q where hi_rank > ${skip} and lo_rank <= ${skip} + ${most}`;
    return { ...r, sql: rows, certain: total, cut: null };
  }
  // One line a place of a window, never beyond the last row; the lines meet the ranks by equality.
  const keyed = finer(r.keyed, 'instance');
  const link = r.keyed === 'none' ? sql`true` : r.keyed === 'class' ? sql`e.n = b.g` : sql`e.n = b.n`;
  const ends = r.keyed === 'none' ? sql`(select max(rk) as last, 0 as n from ranked)` : sql`(select n, max(rk) as last from ranked group by n)`;
  const places = sql`select b.n as bn, e.n as rn, ${skip} as w_skip, ${most} as w_most, unnest(generate_series(${skip} + 1, least(${skip} + ${most}, e.last))) as rk
    from ${b.c.batch.instances} as b join ${ends} e on ${link}`;
  const match = r.keyed === 'none' ? sql`true` : sql`q.n = p.rn`;
  const columns = r.keyed === 'none' ? sql`q.* exclude (rk, lo_rank, hi_rank)` : sql`q.* exclude (rk, lo_rank, hi_rank, n)`;
  if (total)
    return {
      ...r,
      keyed,
      cut: null,
      sql: sql`with ranked as materialized (${ranked}) select ${columns}, p.bn as n from (${places}) p join ranked q on q.rk = p.rk and ${match}`,
    };
  const found = sql`select distinct p.bn, p.rn, p.w_skip, p.w_most, q.lo_rank from (${places}) p join ranked q on q.rk = p.rk and ${match}`;
  return {
    ...r,
    keyed,
    certain: false,
    cut: null,
    sql: sql`with ranked as materialized (${ranked}) select ${columns} replace ((q.m and q.lo_rank > p.w_skip and q.hi_rank <= p.w_skip + p.w_most) as m), p.bn as n
      from (${found}) p join ranked q on q.lo_rank = p.lo_rank and ${match}`,
  };
}

function stripKeys(r: Relation, prepared: readonly SortKey[] | null): Relation {
  return prepared && prepared.length > 0 ? { ...r, sql: sql`select * exclude (${sql.join(prepared.map((_, i) => sql.id(`k${i}`)))}) from (${r.sql}) q` } : r;
}

/** DISTINCT ON: the first row of each group of equal keys; several where their order is not told. */
export function firstOfEach(r: Relation, on: readonly SortKey[], keys: readonly SortKey[], b: Block): Relation {
  for (const o of r.occurrences) b.c.influenced.add(o.dataset.id);
  const all = [...on, ...keys];
  const names = all.map((_, i) => sql.id(`k${i}`) as Sql);
  const own = names.slice(0, on.length);
  const kept = names.slice(on.length);
  const exclude = sql`exclude (${sql.join([...own, sql.id('first_rank') as Sql, sql.id('first_peers') as Sql])})`;
  if (!r.certain || !all.every(k => k.safe)) {
    b.c.widened.add('distinct-on');
    return { ...r, sql: sql`select * exclude (${sql.join(own)}) replace (false as m) from (${r.sql}) q`, certain: false };
  }
  const parts = sql`partition by ${sql.join([...own, ...(r.keyed === 'none' ? [] : [sql.id('n') as Sql])])}`;
  const terms = sql.join(kept.length > 0 ? kept.map((k, i) => orderTerm(k, keys[i]!)) : own.map((k, i) => orderTerm(k, on[i]!)));
  const sole = keys.some(k => k.unique);
  return {
    ...r,
    certain: sole,
    sql: sql`select * ${exclude} replace ((m and first_peers = 1) as m) from (select *, rank() over (${parts} order by ${terms}) as first_rank,
      count(*) over (${parts} order by ${terms} range between unbounded preceding and current row) as first_peers from (${r.sql}) q) q where first_rank = 1`,
  };
}
