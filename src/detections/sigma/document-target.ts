import { type Engine, type Sql, sql } from '../../engine/index.ts';
import type { Column } from './compile.ts';
import { loadAddresses } from './documents.ts';
import { hasKeyword } from './event-target.ts';
import type { Expr, Rule } from './ir.ts';
import type { Evaluation } from './match.ts';

/** How rules look at a table made by loadDocuments. */
export async function documentEvaluation(
  engine: Engine,
  table: string,
  rules: readonly Rule[],
  resolve: (field: string) => readonly Column[],
): Promise<Evaluation> {
  const networks = [...new Set(rules.flatMap(r => networkFields(r.expr)))];
  await loadAddresses(
    engine,
    'sigma_document_address',
    values(
      engine,
      table,
      networks.flatMap(f => resolve(f)).map(c => (c.type === 'list' ? sql`unnest(${c.expr})` : c.expr)),
    ),
  );
  return {
    from: sql.id(table),
    key: sql`doc_no`,
    target: {
      resolve,
      lowering: 'js',
      message: { lowered: sql`message_l`, plain: sql`message` },
      inNetwork: (column, low, high) => sql`${column} in (select address from sigma_document_address where hex between ${sql.lit(low)} and ${sql.lit(high)})`,
      anyInNetwork: (list, low, high) =>
        sql`list_has_any(${list}, coalesce((select list(address) from sigma_document_address where hex between ${sql.lit(low)} and ${sql.lit(high)}), []::varchar[]))`,
    },
    scope: scopeOf,
    visible: () => () => true,
  };
}

/** A document whose source cannot be told is open to rules on fields, but not to words anywhere in it. */
function scopeOf(rule: Rule): Sql {
  const { product, category, service } = rule.logsource;
  const parts: Sql[] = [];
  if (product !== null) parts.push(sql`product = ${sql.lit(product)}`);
  if (category !== null && category !== 'application') parts.push(sql`contains(category, ${sql.lit(`,${category},`)})`);
  if (service !== null) parts.push(sql`contains(service, ${sql.lit(`,${service},`)})`);
  if (parts.length === 0) return sql`true`;
  const known = sql`(${sql.join(parts, sql` and `)})`;
  return hasKeyword(rule.expr) ? known : sql`(product is null or ${known})`;
}

function networkFields(expr: Expr): string[] {
  if (expr.op === 'leaf') return expr.test.kind === 'cidr' && expr.field !== null ? [expr.field] : [];
  return expr.op === 'not' || expr.op === 'search' ? networkFields(expr.item) : expr.items.flatMap(networkFields);
}

async function* values(engine: Engine, table: string, columns: readonly Sql[]): AsyncGenerator<string> {
  if (columns.length === 0) return;
  const union = sql.join(
    columns.map(c => sql`select cast(${c} as varchar) as v from ${sql.id(table)}`),
    sql` union `,
  );
  for await (const batch of engine.stream<{ v: string | null }>('sigma.document-addresses', sql`${union}`)) for (const r of batch) if (r.v !== null) yield r.v;
}
