import { type Sql, sql } from '../../engine/index.ts';
import { type Ast, child, lastName, nodes, text, unwrap } from './ast.ts';
import type { ExpressionContext } from './expression.ts';
import { type Expression, nothing, Unsupported, weaken } from './relation.ts';
import { align, castTo } from './types.ts';

const operators = new Set(['=', '<>', '<', '>', '<=', '>=', '+', '-', '*', '/', '%']);

/** A condition: true or false of its inputs, of which it shows nothing by itself. */
export function bool(fragment: Sql, inputs: readonly Expression[]): Expression {
  return { ...nothing, sql: fragment, type: 'bool', origins: inputs.flatMap(i => weaken(i.origins, 'derived')) };
}

/** Compile an operator expression; `compile` compiles its operands. */
export function operation(body: Ast, x: ExpressionContext, compile: (node: Ast) => Expression): Expression {
  const kind = text(body, 'kind');
  const op = lastName(nodes(body, 'name'));
  const leftNode = child(body, 'lexpr');
  if (kind === 'AEXPR_IN') {
    const left = compile(leftNode!);
    const list = nodes(child(body, 'rexpr') ? child(child(body, 'rexpr'), 'List') : null, 'items');
    const right = (list.length > 0 ? list : (body['rexpr'] as readonly Ast[])).map(r => align(left, compile(r)));
    const leftSql = right[0]?.[0].sql ?? left.sql;
    if (x.c.text.foreign && right.some(r => r[2] === 'text')) {
      if (op === '<>') throw new Unsupported('collation');
      if (x.c.text.loose)
        return bool(
          sql`(${sql.join(
            right.map(r => looseEqual(r[0].sql, r[1].sql)),
            sql` or `,
          )})`,
          [left, ...right.map(r => r[1])],
        );
    }
    return bool(op === '<>' ? sql`(${leftSql} not in (${sql.join(right.map(r => r[1].sql))}))` : sql`(${leftSql} in (${sql.join(right.map(r => r[1].sql))}))`, [
      left,
      ...right.map(r => r[1]),
    ]);
  }
  if (kind === 'AEXPR_BETWEEN' || kind === 'AEXPR_NOT_BETWEEN') {
    const left = compile(leftNode!);
    const items = nodes(child(child(body, 'rexpr'), 'List'), 'items').map(i => compile(i));
    const [a1, low] = align(left, items[0]!);
    const [a2, high] = align(left, items[1]!);
    if (a1.type === 'text' && !left.orderSafe) throw new Unsupported('collation');
    return bool(
      kind === 'AEXPR_BETWEEN' ? sql`(${a1.sql} >= ${low.sql} and ${a2.sql} <= ${high.sql})` : sql`not (${a1.sql} >= ${low.sql} and ${a2.sql} <= ${high.sql})`,
      [left, ...items],
    );
  }
  if (kind === 'AEXPR_OP_ANY' && op === '=') return anyOf(compile(leftNode!), child(body, 'rexpr')!, x, compile);
  const right = compile(child(body, 'rexpr')!);
  if (kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE') {
    const left = castTo(compile(leftNode!), 'text');
    const pattern = castTo(right, 'text');
    if (x.c.text.foreign && op.startsWith('!')) throw new Unsupported('collation');
    const like =
      x.c.text.foreign && x.c.text.loose
        ? looseLike(left.sql, pattern.sql)
        : kind === 'AEXPR_LIKE'
          ? sql`(${left.sql} like ${pattern.sql} escape '\\')`
          : sql`(${left.sql} ilike ${pattern.sql} escape '\\')`;
    return bool(op.startsWith('!') ? sql`not ${like}` : like, [left, right]);
  }
  if (!leftNode) {
    if (op === '-')
      return { ...right, sql: sql`(- ${castTo(right, right.type === 'unknown' ? 'int' : right.type).sql})`, origins: weaken(right.origins, 'partial') };
    if (op === '+') return right;
    throw new Unsupported(`operator ${op}`);
  }
  const left = compile(leftNode);
  if (kind === 'AEXPR_DISTINCT' || kind === 'AEXPR_NOT_DISTINCT') {
    const [a, b] = align(left, right);
    return bool(kind === 'AEXPR_DISTINCT' ? sql`(${a.sql} is distinct from ${b.sql})` : sql`(${a.sql} is not distinct from ${b.sql})`, [left, right]);
  }
  if (kind === 'AEXPR_NULLIF') {
    const [a, b, type] = align(left, right);
    return { ...nothing, sql: sql`nullif(${a.sql}, ${b.sql})`, type, origins: weaken(left.origins, 'partial') };
  }
  if (kind !== 'AEXPR_OP') throw new Unsupported(kind);
  if (op === '||') {
    const a = castTo(left, 'text');
    const b = castTo(right, 'text');
    return {
      ...nothing,
      sql: sql`(${a.sql} || ${b.sql})`,
      type: 'text',
      origins: [...a.origins, ...b.origins],
      fragile: a.fragile || b.fragile || (a.origins.length > 0 && b.origins.length > 0),
      orderSafe: false,
    };
  }
  if (op === '!=' || operators.has(op)) return binary(op === '!=' ? '<>' : op, left, right, x);
  throw new Unsupported(`operator ${op}`);
}

/** Unified ideographs, the twelve among the compatibility ideographs too (﨑, 﨎, 﨟 …: they are forms of nothing). */
const kanji = String.raw`\x{4E00}-\x{9FFF}\x{FA0E}\x{FA0F}\x{FA11}\x{FA13}\x{FA14}\x{FA1F}\x{FA21}\x{FA23}\x{FA24}\x{FA27}-\x{FA29}`;
const blank = String.raw` \x{3000}`;
/** Collations differ in kana, width, marks and case, but none takes one unified ideograph for another: kanji can be compared, whatever stands between them. */
const onlyKanji = (text: Sql, ends: boolean): Sql => {
  const any = ends ? '%*' : '';
  return sql`regexp_full_match(${text}, ${sql.lit(`${any}[${kanji}${blank}]*[${kanji}][${kanji}${blank}]*${any}`)})`;
};
const kanjiOf = (text: Sql): Sql => sql`regexp_replace(${text}, ${sql.lit(`[^${kanji}]`)}, '', 'g')`;
/**
 * Radicals, kanji in circles and brackets, compatibility ideographs: they may equal a kanji. Unified ideographs beyond the first plane and variation selectors never
 * do: a collation that does not know them passes over them or takes them all for one sign.
 */
const otherForms = (text: Sql): Sql =>
  sql`regexp_matches(${text}, ${sql.lit(String.raw`[\x{2E80}-\x{2FDF}\x{3190}-\x{319F}\x{3200}-\x{33FF}\x{F900}-\x{FA0D}\x{FA10}\x{FA12}\x{FA15}-\x{FA1E}\x{FA20}\x{FA22}\x{FA25}\x{FA26}\x{FA2A}-\x{FAFF}\x{1F200}-\x{1F2FF}\x{2F800}-\x{2FA1F}]`)})`;

/** LIKE under some usual collation, with a pattern that stands for itself but for `%` and `_`. */
export function looseLike(text: Sql, pattern: Sql): Sql {
  return sql`(case when regexp_full_match(${pattern}, '[ -~]*') then strip_accents(${text}) ilike strip_accents(${pattern}) escape '\\' when ${onlyKanji(pattern, true)} then (contains(${kanjiOf(text)}, ${kanjiOf(pattern)}) or ${otherForms(text)}) else ${text} is not null end)`;
}

/** Equal under some usual collation: without case, accents and outer spaces; beyond ASCII only kanji are compared, anything else may be equal. */
function looseEqual(a: Sql, b: Sql): Sql {
  return sql`(case when regexp_full_match(${b}, '[ -~]*') then strip_accents(lower(trim(${a}))) = strip_accents(lower(trim(${b}))) when ${onlyKanji(b, false)} then (${kanjiOf(a)} = ${kanjiOf(b)} or ${otherForms(a)}) else ${a} is not null and ${b} is not null end)`;
}

function binary(op: string, left: Expression, right: Expression, x: ExpressionContext): Expression {
  const [a, b, type] = align(left, right);
  if (x.c.text.foreign && type === 'text') {
    if (op !== '=') throw new Unsupported('collation');
    return bool(x.c.text.loose ? looseEqual(a.sql, b.sql) : sql`(${a.sql} = ${b.sql})`, [left, right]);
  }
  const ordered = op === '<' || op === '>' || op === '<=' || op === '>=';
  if (ordered && type === 'text' && !(left.orderSafe && right.orderSafe)) throw new Unsupported('collation');
  switch (op) {
    case '=':
      return bool(sql`(${a.sql} = ${b.sql})`, [left, right]);
    case '<>':
      return bool(sql`(${a.sql} <> ${b.sql})`, [left, right]);
    case '<':
      return bool(sql`(${a.sql} < ${b.sql})`, [left, right]);
    case '>':
      return bool(sql`(${a.sql} > ${b.sql})`, [left, right]);
    case '<=':
      return bool(sql`(${a.sql} <= ${b.sql})`, [left, right]);
    case '>=':
      return bool(sql`(${a.sql} >= ${b.sql})`, [left, right]);
    default: {
      if (type !== 'int' && type !== 'num') throw new Unsupported('arithmetic');
      const out = { ...nothing, type, origins: [...left.origins, ...right.origins].length === 0 ? [] : weaken([...left.origins, ...right.origins], 'partial') };
      if (op === '+') return { ...out, sql: sql`(${a.sql} + ${b.sql})` };
      if (op === '-') return { ...out, sql: sql`(${a.sql} - ${b.sql})` };
      if (op === '*') return { ...out, sql: sql`(${a.sql} * ${b.sql})` };
      if (op === '%') return { ...out, sql: sql`(${a.sql} % ${b.sql})` };
      return { ...out, sql: type === 'int' ? sql`(${a.sql} // ${b.sql})` : sql`(${a.sql} / ${b.sql})` };
    }
  }
}

/** `left = any (array[…])`, or of an array written as text (`'{1,2}'`), as drivers bind lists. Quoted elements are not taken apart. */
function anyOf(left: Expression, list: Ast, x: ExpressionContext, compile: (node: Ast) => Expression): Expression {
  const [tag, body] = unwrap(list);
  if (tag === 'A_ArrayExpr') {
    const items = nodes(body, 'elements').map(compile);
    if (items.length === 0) return bool(sql`false`, [left]);
    const equal = items.map(i => equalTo(left, i, x));
    return bool(sql`(${sql.join(equal, sql` or `)})`, [left, ...items]);
  }
  if (tag === 'TypeCast') return anyOf(left, child(body, 'arg')!, x, compile);
  const array = compile(list);
  if (array.type !== 'unknown' || array.origins.length > 0 || (x.c.text.foreign && left.type === 'text')) throw new Unsupported('AEXPR_OP_ANY');
  const value = castTo(left, 'text').sql;
  const text = sql`cast(${array.sql} as varchar)`;
  const simple = sql`regexp_full_match(${text}, '[{][^"\\\s]*[}]')`;
  return bool(sql`(case when ${simple} then list_contains(string_split(trim(${text}, '{}'), ','), ${value}) else error('array') end)`, [left]);
}

function equalTo(left: Expression, right: Expression, x: ExpressionContext): Sql {
  return binary('=', left, right, x).sql;
}
