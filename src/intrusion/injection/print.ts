import type { Expr, Select } from './syntax.ts';

/** `keys`: lower-case identifiers, so that texts that mean the same are the same; else identifiers as written. */
export type PrintOptions = { readonly keys?: boolean };

const plainName = /^[A-Za-z_\u0080-\uffff][\w$#\u0080-\uffff]*$/;
const quoteName = (name: string, o: PrintOptions): string => {
  const n = o.keys ? name.toLowerCase() : name;
  return plainName.test(n) ? n : `"${n.replaceAll('"', '""')}"`;
};

/** An expression as SQL text with constants folded; stable for one tree. */
export function printExpr(e: Expr, o: PrintOptions = {}): string {
  const p = (x: Expr): string => printExpr(x, o);
  const list = (xs: readonly Expr[]): string => xs.map(p).join(', ');
  switch (e.t) {
    case 'const':
      return e.v === null
        ? 'NULL'
        : typeof e.v === 'string'
          ? `'${e.v.replaceAll("'", "''")}'`
          : typeof e.v === 'boolean'
            ? String(e.v).toUpperCase()
            : String(e.v);
    case 'col':
      return e.path.map(n => quoteName(n, o)).join('.');
    case 'star':
      return '*';
    case 'call':
      return e.name === 'BINARY' ? `BINARY ${p(e.args[0]!)}` : e.name.startsWith('@') ? e.name.toLowerCase() : `${e.name}(${list(e.args)})`;
    case 'op':
      return `${group(e.a)} ${e.op} ${group(e.b)}`;
    case 'not':
      return `NOT ${group(e.a)}`;
    case 'sign':
      return `${e.op}${group(e.a)}`;
    case 'in':
      return `${group(e.a)}${e.negated ? ' NOT' : ''} IN (${e.select ? printSelect(e.select, o) : list(e.list)})`;
    case 'between':
      return `${group(e.a)}${e.negated ? ' NOT' : ''} BETWEEN ${group(e.lo)} AND ${group(e.hi)}`;
    case 'match':
      return `${group(e.a)}${e.negated ? ' NOT' : ''} ${{ like: 'LIKE', ilike: 'ILIKE', regexp: 'REGEXP', iregexp: '~*', glob: 'GLOB' }[e.how]} ${group(e.b)}`;
    case 'is':
      return `${group(e.a)} IS${e.negated ? ' NOT' : ''} ${e.what.toUpperCase()}`;
    case 'case':
      return `CASE${e.subject ? ` ${p(e.subject)}` : ''}${e.whens.map(w => ` WHEN ${p(w.when)} THEN ${p(w.then)}`).join('')}${e.otherwise ? ` ELSE ${p(e.otherwise)}` : ''} END`;
    case 'cast':
      return e.type === '' ? p(e.a) : `CAST(${p(e.a)} AS ${e.type})`;
    case 'select':
      return `(${printSelect(e.select, o)})`;
    case 'exists':
      return `EXISTS (${printSelect(e.select, o)})`;
    case 'row':
      return `(${list(e.items)})`;
    case 'opaque':
      return e.text;
  }
  function group(x: Expr): string {
    return x.t === 'op' || x.t === 'not' || x.t === 'in' || x.t === 'between' || x.t === 'match' || x.t === 'is' ? `(${p(x)})` : p(x);
  }
}

/** A select as SQL text, LIMIT and OFFSET in standard order. */
export function printSelect(s: Select, o: PrintOptions = {}): string {
  const p = (x: Expr): string => printExpr(x, o);
  const from = s.from.map(
    f =>
      `${f.select ? `(${printSelect(f.select, o)})` : f.call ? p(f.call) : f.table.map(n => quoteName(n, o)).join('.')}${f.alias ? ` ${quoteName(f.alias, o)}` : ''}`,
  );
  const parts = [
    `SELECT${s.distinct ? ' DISTINCT' : ''}${s.top ? ` TOP ${p(s.top)}` : ''} ${s.items.map(i => p(i.expr) + (i.alias ? ` AS ${quoteName(i.alias, o)}` : '')).join(', ')}`,
    from.length > 0 && `FROM ${from.join(', ')}`,
    s.on.length > 0 && `ON ${s.on.map(p).join(' AND ')}`,
    s.where && `WHERE ${p(s.where)}`,
    s.groupBy.length > 0 && `GROUP BY ${s.groupBy.map(p).join(', ')}`,
    s.having && `HAVING ${p(s.having)}`,
    s.orderBy.length > 0 && `ORDER BY ${s.orderBy.map(x => p(x.expr) + (x.descending ? ' DESC' : '')).join(', ')}`,
    s.limit && `LIMIT ${p(s.limit)}`,
    s.offset && `OFFSET ${p(s.offset)}`,
    ...s.unions.map(u => `UNION ALL ${printSelect(u, o)}`),
    s.tail,
  ];
  return parts.filter(Boolean).join(' ');
}
