import { type Sql, sql } from '../../engine/index.ts';
import { type Expression, nothing, type SqlType, Unsupported, weaken } from './relation.ts';
import { castTo } from './types.ts';

/** CONCAT as MySQL has it: NULL when one of its parts is. Where another database leaves such parts out, too little is said to be shown, never too much. */
export function concatOrNull(args: readonly Expression[]): Expression {
  return {
    ...nothing,
    sql: sql`(${sql.join(
      args.map(a => castTo(a, 'text').sql),
      sql` || `,
    )})`,
    type: 'text',
    origins: args.flatMap(a => a.origins),
    fragile: args.some(a => a.fragile) || args.filter(a => a.origins.length > 0).length > 1,
    orderSafe: false,
  };
}

/** A scalar function of PostgreSQL over compiled arguments. Throws Unsupported for what has no faithful counterpart. */
export function scalarFunction(name: string, args: readonly Expression[]): Expression {
  const t = (i: number): Sql => castTo(args[i]!, 'text').sql;
  const n = (i: number): Sql => castTo(args[i]!, 'int').sql;
  const keep = (fragment: Sql): Expression => ({
    ...nothing,
    sql: fragment,
    type: 'text',
    origins: args[0]!.origins,
    fragile: args[0]!.fragile,
    orderSafe: false,
  });
  const part = (fragment: Sql, type: SqlType): Expression => ({
    ...nothing,
    sql: fragment,
    type,
    origins: args.flatMap(a => weaken(a.origins, 'partial')),
    orderSafe: false,
  });
  const arity = args.length;
  if (name === 'chr' && arity === 1) return part(sql`chr(${castTo(args[0]!, 'int').sql}::integer)`, 'text');
  if (name === 'ascii' && arity === 1) return part(sql`(case when ${t(0)} = '' then 0 else unicode(${t(0)}) end)`, 'int');
  if (name === 'unicode' && arity === 1) return part(sql`unicode(${t(0)})`, 'int');
  if ((name === 'substring' || name === 'substr') && (arity === 2 || arity === 3)) {
    if (!(args[1]!.type === 'int' || args[1]!.type === 'unknown')) throw new Unsupported('substring-pattern');
    return part(arity === 3 ? sql`substring(${t(0)}, ${n(1)}, ${n(2)})` : sql`substring(${t(0)}, ${n(1)})`, 'text');
  }
  if (name === 'left' && arity === 2) return part(sql`left(${t(0)}, ${n(1)})`, 'text');
  if (name === 'right' && arity === 2) return part(sql`right(${t(0)}, ${n(1)})`, 'text');
  if ((name === 'length' || name === 'char_length' || name === 'character_length') && arity === 1) return part(sql`length(${t(0)})`, 'int');
  if (name === 'octet_length' && arity === 1) return part(sql`strlen(${t(0)})`, 'int');
  if (name === 'upper' && arity === 1) return keep(sql`upper(${t(0)})`);
  if (name === 'lower' && arity === 1) return keep(sql`lower(${t(0)})`);
  if ((name === 'trim' || name === 'btrim') && arity === 1) return keep(sql`trim(${t(0)}, ' ')`);
  if (name === 'replace' && arity === 3) return part(sql`replace(${t(0)}, ${t(1)}, ${t(2)})`, 'text');
  if ((name === 'position' || name === 'strpos') && arity === 2) return part(sql`strpos(${t(0)}, ${t(1)})`, 'int');
  if (name === 'concat' && arity > 0)
    return { ...nothing, sql: sql`concat(${sql.join(args.map((_, i) => t(i)))})`, type: 'text', origins: args.flatMap(a => a.origins), orderSafe: false };
  if (name === 'concat_ws' && arity > 1)
    return { ...nothing, sql: sql`concat_ws(${sql.join(args.map((_, i) => t(i)))})`, type: 'text', origins: args.flatMap(a => a.origins), orderSafe: false };
  if ((name === 'ltrim' || name === 'rtrim') && arity === 1) return keep(name === 'ltrim' ? sql`ltrim(${t(0)}, ' ')` : sql`rtrim(${t(0)}, ' ')`);
  if (name === 'reverse' && arity === 1) return keep(sql`reverse(${t(0)})`);
  if (name === 'md5' && arity === 1) return part(sql`md5(${t(0)})`, 'text');
  if (name === 'repeat' && arity === 2) return keep(sql`repeat(${t(0)}, ${n(1)})`);
  if (name === 'split_part' && arity === 3) return part(sql`split_part(${t(0)}, ${t(1)}, ${n(2)})`, 'text');
  if (name === 'starts_with' && arity === 2) return { ...part(sql`starts_with(${t(0)}, ${t(1)})`, 'bool') };
  if (name === 'mod' && arity === 2 && args.every(a => a.type === 'int')) return part(sql`(${n(0)} % ${n(1)})`, 'int');
  if (name === 'abs' && arity === 1 && args[0]!.type === 'int') return part(sql`abs(${n(0)})`, 'int');
  if (name === 'abs' && arity === 1) return part(sql`abs(${castTo(args[0]!, 'num').sql})`, 'num');
  throw new Unsupported(`function ${/^[a-z0-9_]{1,30}$/.test(name) ? name : 'unreadable'}`);
}
