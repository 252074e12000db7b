import { type Sql, sql } from '../../engine/index.ts';
import { type Ast, child, nodes, number, text } from './ast.ts';
import { context } from './context.ts';
import { compileExpression } from './expression.ts';
import { type Block, type Expression, nothing, type Occurrence, type Origin, occurrencesOf, Unsupported, weaken } from './relation.ts';
import { directionOf, orderTerm } from './sort.ts';
import { castTo } from './types.ts';

type Witness = ReturnType<typeof occurrencesOf>[number];
type Over = { readonly sql: Sql; readonly ordered: boolean; readonly total: boolean; readonly rows: boolean };

/**
 * A window function over rows that are all certain. Values it takes from other rows bring those rows along as witnesses. Throws
 * Unsupported where the rows it would take depend on an order nobody told.
 */
export function windowFunction(name: string, body: Ast, args: readonly Expression[], b: Block, named: ReadonlyMap<string, Ast>): Expression {
  if (!b.certain || b.strict.length > 0 || b.scope.items.some(i => i.certain !== null)) throw new Unsupported('window');
  if (child(body, 'agg_filter') || body['agg_distinct'] === true || body['func_variadic'] === true || text(body, 'ignore_nulls') !== '')
    throw new Unsupported('window');
  const over = overOf(child(body, 'over')!, b, named);
  const first = args[0];
  const number = (i: number): Sql => castTo(args[i]!, 'int').sql;
  const plain = (fragment: Sql, origins: Origin[] = []): Expression => ({ ...nothing, sql: sql`${fragment} over (${over.sql})`, type: 'int', origins });
  switch (name) {
    case 'row_number':
    case 'ntile':
      if (!over.total) throw new Unsupported('window-order');
      return { ...plain(name === 'ntile' ? sql`ntile(${number(0)})` : sql`row_number()`), unique: false };
    case 'rank':
    case 'dense_rank':
      return plain(name === 'rank' ? sql`rank()` : sql`dense_rank()`);
    case 'count':
      if (over.rows && !over.total) throw new Unsupported('window-order');
      return plain(first ? sql`count(${first.sql})` : sql`count(*)`, first ? gathered(first, over, b, 'derived') : []);
    case 'lag':
    case 'lead':
    case 'first_value':
    case 'last_value': {
      if (!over.total || !first) throw new Unsupported('window-order');
      const steps = (name === 'lag' || name === 'lead') && args[1] ? sql`, ${number(1)}` : sql``;
      const fallback = args[2] ? sql`, ${castTo(args[2], first.type).sql}` : sql``;
      const call = (value: Sql, last: Sql): Sql =>
        name === 'lag'
          ? sql`lag(${value}${steps}${last})`
          : name === 'lead'
            ? sql`lead(${value}${steps}${last})`
            : name === 'first_value'
              ? sql`first_value(${value})`
              : sql`last_value(${value})`;
      const origins = takenFrom(first.origins, b, o => sql`${call(o, sql``)} over (${over.sql})`);
      return {
        ...first,
        sql: sql`${call(first.sql, fallback)} over (${over.sql})`,
        origins: [...origins, ...args.slice(2).flatMap(a => weaken(a.origins, 'partial'))],
        fragile: first.fragile,
        unique: false,
      };
    }
    case 'sum':
    case 'avg':
    case 'min':
    case 'max': {
      if (!first || (over.rows && !over.total) || (first.type === 'text' && !first.orderSafe)) throw new Unsupported('window-order');
      if (name === 'sum' || name === 'avg') {
        if (first.type !== 'int' || name === 'avg') throw new Unsupported('window');
        return { ...nothing, sql: sql`cast(sum(${first.sql}) over (${over.sql}) as bigint)`, type: 'int', origins: gathered(first, over, b, 'single') };
      }
      const fragment = name === 'min' ? sql`min(${first.sql})` : sql`max(${first.sql})`;
      return { ...nothing, sql: sql`${fragment} over (${over.sql})`, type: first.type, origins: gathered(first, over, b, 'extreme') };
    }
    default:
      throw new Unsupported('window');
  }
}

function overOf(node: Ast, b: Block, named: ReadonlyMap<string, Ast>): Over {
  const name = text(node, 'name') || text(node, 'refname');
  const base = name === '' ? null : (named.get(name.toLowerCase()) ?? null);
  if (name !== '' && !base) throw new Unsupported('window');
  const parts = [...nodes(base, 'partitionClause'), ...nodes(node, 'partitionClause')].map(p => compileExpression(p, context(b, false)));
  const sorts = [...nodes(base, 'orderClause'), ...nodes(node, 'orderClause')].map(s => {
    const body = child(s, 'SortBy')!;
    return { ...directionOf(body), e: compileExpression(child(body, 'node')!, context(b, false)) };
  });
  if (parts.some(p => p.type === 'opaque') || sorts.some(s => !s.e.orderSafe)) throw new Unsupported('window-order');
  const options = number(text(node, 'name') !== '' && base ? base : node, 'frameOptions') ?? 1058;
  const frame = frameOf(options);
  const ordered = sorts.length > 0;
  return {
    ordered,
    rows: (options & 4) !== 0,
    total: ordered && b.scope.items.length === 1 && sorts.some(s => s.e.unique),
    sql: sql`${parts.length > 0 ? sql`partition by ${sql.join(parts.map(p => p.sql))} ` : sql``}${ordered ? sql`order by ${sql.join(sorts.map(s => orderTerm(s.e.sql, s)))} ` : sql``}${frame}`,
  };
}

/** Frames between the current row and the ends of the partition; others are not replayed. Bits as in PostgreSQL's parsenodes. */
function frameOf(options: number): Sql {
  if ((options & 1) === 0) return sql``;
  const start = (options & 0x20) !== 0 ? sql`unbounded preceding` : (options & 0x200) !== 0 ? sql`current row` : null;
  const end = (options & 0x100) !== 0 ? sql`unbounded following` : (options & 0x400) !== 0 ? sql`current row` : null;
  if (!start || !end || (options & 8) !== 0 || options > 0x7ff) throw new Unsupported('window-frame');
  return (options & 4) !== 0 ? sql`rows between ${start} and ${end}` : sql`range between ${start} and ${end}`;
}

/** Origins of a value taken from one other row: that row becomes a witness of its own. */
const takenFrom = (origins: readonly Origin[], b: Block, pick: (witness: Sql) => Sql): Origin[] => witnessed(origins, b, was => ({ sql: pick(was.sql) }));

/** Origins of a value made of all rows of the window. */
function gathered(e: Expression, over: Over, b: Block, display: Origin['display']): Origin[] {
  return weaken(everyRow(e.origins, b, over.sql), display);
}

/** Origins of a value that may be made of any row of the window. */
export const everyRow = (origins: readonly Origin[], b: Block, over: Sql = sql``): Origin[] =>
  witnessed(origins, b, was => {
    const list = sql`list(${was.sql}) over (${over})`;
    return { sql: was.occurrence.list ? sql`flatten(${list})` : list, list: true };
  });

/** The origins, each with a witness made of the one it has: as `other` says, and a list of rows if that says so. Origins without a witness fall away. */
function witnessed(origins: readonly Origin[], b: Block, other: (was: Witness) => { readonly sql: Sql; readonly list?: true }): Origin[] {
  const made = new Map<number, Occurrence>();
  return origins.flatMap(o => {
    const was = occurrencesOf(b).find(x => x.occurrence.id === o.occurrence);
    if (!was) return [];
    let occurrence = made.get(o.occurrence);
    if (!occurrence) {
      const id = b.c.nextId();
      const { sql: witness, ...list } = other(was);
      occurrence = { ...was.occurrence, id, ref: `w${id}`, ...list };
      made.set(o.occurrence, occurrence);
      b.windows.push({ occurrence, sql: witness });
    }
    return [{ ...o, occurrence: occurrence.id }];
  });
}
