import { sql } from '../../engine/index.ts';
import { type Expression, type SqlType, Unsupported } from './relation.ts';

export const typeNames: Readonly<Record<string, SqlType>> = {
  text: 'text',
  varchar: 'text',
  bpchar: 'text',
  char: 'text',
  name: 'text',
  nvarchar: 'text',
  nchar: 'text',
  string: 'text',
  int2: 'int',
  int4: 'int',
  int8: 'int',
  int: 'int',
  integer: 'int',
  bigint: 'int',
  smallint: 'int',
  unsigned: 'int',
  signed: 'int',
  regclass: 'opaque',
  float4: 'num',
  float8: 'num',
  numeric: 'num',
  decimal: 'num',
  bool: 'bool',
  boolean: 'bool',
  date: 'date',
  timestamp: 'time',
  timestamptz: 'opaque',
  datetime: 'time',
};

/** The same value as another type; numbers with a fraction become text only opaquely, because their digits are lost. */
export function castTo(e: Expression, type: SqlType): Expression {
  if (e.type === type) return e;
  switch (type) {
    case 'text':
      return {
        ...e,
        sql: sql`cast(${e.sql} as varchar)`,
        type,
        orderSafe: e.orderSafe && (e.type === 'text' || e.type === 'date' || e.type === 'unknown'),
      };
    case 'int':
      return { ...e, sql: sql`try_cast(${e.sql} as bigint)`, type, unique: e.unique && e.type === 'int' };
    case 'num':
      return { ...e, sql: sql`try_cast(${e.sql} as double)`, type };
    case 'bool':
      return { ...e, sql: sql`try_cast(${e.sql} as boolean)`, type };
    case 'date':
      return { ...e, sql: sql`try_cast(${e.sql} as date)`, type, unique: false };
    case 'time':
      return { ...e, sql: sql`try_cast(${e.sql} as timestamp)`, type, unique: false };
    default:
      throw new Unsupported('cast');
  }
}

/** The one type of several results (COALESCE, CASE). */
export function commonType(args: readonly Expression[]): SqlType {
  const types = new Set(args.map(a => a.type).filter(t => t !== 'unknown'));
  if (types.size === 0) return 'unknown';
  if (types.size === 1) return [...types][0]!;
  if (types.size === 2 && types.has('int') && types.has('num')) return 'num';
  throw new Unsupported('mixed-types');
}

/** Bring two sides to one type the way PostgreSQL resolves unknown literals. */
export function align(a: Expression, b: Expression): readonly [Expression, Expression, SqlType] {
  if (a.type === 'unknown' && b.type === 'unknown') return [a, b, 'text'];
  if (a.type === 'unknown') return [castTo(a, b.type), b, b.type];
  if (b.type === 'unknown') return [a, castTo(b, a.type), a.type];
  if (a.type === b.type) return [a, b, a.type];
  if ((a.type === 'int' || a.type === 'num') && (b.type === 'int' || b.type === 'num')) return [a, b, 'num'];
  if ((a.type === 'date' || a.type === 'time') && (b.type === 'date' || b.type === 'time')) return [a, b, 'time'];
  // The column looks like a number in the snapshot but is text in the database (or the other way round).
  if (a.type === 'text' || b.type === 'text') return [castTo(a, 'text'), castTo(b, 'text'), 'text'];
  // MySQL keeps truth as 1 and 0.
  if (a.type === 'bool' && b.type === 'int') return [castTo(a, 'int'), b, 'int'];
  if (a.type === 'int' && b.type === 'bool') return [a, castTo(b, 'int'), 'int'];
  throw new Unsupported('mixed-types');
}

/** The type of a column that two sides of a set operation give. */
export function unionType(a: SqlType, b: SqlType): SqlType {
  if (a === b) return a;
  if (a === 'unknown') return b;
  if (b === 'unknown') return a;
  if (a === 'opaque' || b === 'opaque') return 'opaque';
  if ((a === 'int' && b === 'num') || (a === 'num' && b === 'int')) return 'num';
  return 'text';
}
