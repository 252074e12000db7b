import { type Sql, sql } from '../../engine/index.ts';
import { type Ast, child } from './ast.ts';
import { finer, raise } from './batch.ts';
import { type Compilation, type Ctes, type OutputColumn, type Relation, type Scope, type SqlType, Unsupported } from './relation.ts';
import { castTo, unionType } from './types.ts';

/** The rows of a relation without repetitions, each with the witnesses of all its repetitions; those that are certainly there apart from those that may be. */
export function distinctRows(r: Relation): Relation {
  const number = r.keyed === 'none' ? [] : [sql.id('n') as Sql];
  const keys = [...r.columns.map((_, i) => sql.id(`c${i}`) as Sql), ...number];
  const witness = r.occurrences.map(o => sql`${o.list ? sql`flatten(list(${sql.id(o.ref)}))` : sql`list(${sql.id(o.ref)})`} as ${sql.id(o.ref)}`);
  return {
    ...r,
    occurrences: r.occurrences.map(o => ({ ...o, list: true })),
    cut: null,
    sql: sql`select ${sql.join([...keys, ...witness, sql`m`])} from (${r.sql}) q group by ${sql.join([...keys, sql`m`])}`,
  };
}

/** UNION, INTERSECT and EXCEPT of two selects. */
export function setOperation(select: Ast, op: string, c: Compilation, ctes: Ctes, outer: Scope | null): Relation {
  const left = c.select(child(select, 'larg')!, ctes, outer);
  const right = c.select(child(select, 'rarg')!, ctes, outer);
  if (left.columns.length !== right.columns.length) throw new Unsupported('set-operation');
  const keyed = finer(left.keyed, right.keyed);
  const a = raise(left, keyed, c);
  const b = raise(right, keyed, c);
  const all = select['all'] === true;
  if (op === 'SETOP_UNION') return all ? union(a, b) : distinctRows(union(a, b));
  for (const o of [...a.occurrences, ...b.occurrences]) c.influenced.add(o.dataset.id);
  if (a.columns.some(x => x.type === 'opaque') || b.columns.some(x => x.type === 'opaque') || !b.certain || all) {
    c.widened.add('set-operation');
    return { ...a, sql: sql`select * replace (false as m) from (${a.sql}) q`, certain: false };
  }
  const same = a.columns.map((col, i) => {
    const type = unionType(col.type, b.columns[i]!.type);
    const cast = (r: Relation, t: string): Sql =>
      castTo({ ...r.columns[i]!, sql: sql`${sql.id(t)}.${sql.id(`c${i}`)}` }, type === 'unknown' || type === 'opaque' ? 'text' : type).sql;
    return sql`${cast(a, 'qa')} is not distinct from ${cast(b, 'qb')}`;
  });
  const where = sql.join([...same, ...(keyed === 'none' ? [] : [sql`qa.n = qb.n`])], sql` and `);
  const keep = op === 'SETOP_INTERSECT' ? sql`exists` : sql`not exists`;
  return distinctRows({
    ...a,
    columns: a.columns.map((col, i) => ({ ...col, sql: sql.id(`c${i}`) as Sql })),
    sql: sql`select * from (${a.sql}) qa where ${keep} (select 1 from (${b.sql}) qb where ${where})`,
    cut: null,
  });
}

function union(a: Relation, b: Relation): Relation {
  const types = a.columns.map((x, i): SqlType => unionType(x.type, b.columns[i]!.type));
  const number = a.keyed === 'none' ? [] : [sql.id('n') as Sql];
  const side = (r: Relation, other: Relation): Sql => {
    const columns = r.columns.map((col, i) => {
      const own = types[i] === 'opaque' ? sql`null` : castTo({ ...col, sql: sql.id(`c${i}`) as Sql }, types[i] === 'unknown' ? 'text' : types[i]!).sql;
      return sql`${own} as ${sql.id(`c${i}`)}`;
    });
    const own = r.occurrences.map(
      o => sql`${o.list ? sql.id(o.ref) : sql`case when ${sql.id(o.ref)} is null then null else [${sql.id(o.ref)}] end`} as ${sql.id(o.ref)}`,
    );
    const pad = other.occurrences.map(o => sql`null::bigint[] as ${sql.id(o.ref)}`);
    return sql`select ${sql.join([...columns, ...(r === a ? [...own, ...pad] : [...pad, ...own]), ...number, sql`m`])} from (${r.sql}) u`;
  };
  const columns = a.columns.map((col, i): OutputColumn => {
    const other = b.columns[i]!;
    const type = types[i]!;
    const keeps = (t: SqlType): boolean => type === t || t === 'unknown';
    return {
      ...col,
      type: type === 'unknown' ? 'text' : type,
      sql: sql.id(`c${i}`) as Sql,
      origins: [...col.origins, ...other.origins],
      fragile: col.fragile || other.fragile,
      unique: false,
      orderSafe:
        (col.type === 'unknown' || col.orderSafe) && (other.type === 'unknown' || other.orderSafe) && type !== 'opaque' && keeps(col.type) && keeps(other.type),
    };
  });
  return {
    sql: sql`${side(a, b)} union all ${side(b, a)}`,
    columns,
    occurrences: [...a.occurrences, ...b.occurrences].map(o => ({ ...o, list: true })),
    certain: a.certain && b.certain,
    cut: null,
    keyed: a.keyed,
  };
}
