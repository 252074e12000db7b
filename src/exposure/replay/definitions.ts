import { type Engine, sql } from '../../engine/index.ts';
import { bareName, type Catalogue } from '../catalogue.ts';
import { type Ast, child, nodes, text, unwrap } from '../sql/index.ts';
import { dialectOf, parseAny } from './statements.ts';

type Definition = { readonly select: Ast; readonly exact: boolean };

/**
 * The catalogue with what the database log tells of names that are no dataset: views, and tables made from a query (CREATE TABLE AS,
 * SELECT INTO). A stored copy is exact only while nothing else in the log writes it; a name defined twice never is.
 */
export async function withDefinitions(engine: Engine, catalogue: Catalogue): Promise<Catalogue> {
  const found = new Map<string, Definition>();
  const rows = await engine.rows<{ sql_text: string; format: string | null }>(
    'exposure.definitions',
    sql`select distinct on (e.sql_text) e.sql_text, f.format from event e left join event_file f using (file_no) where e.class = 2 and e.sql_text is not null and (e.err_code is null or e.err_code = '00000')
      and (regexp_matches(e.sql_text, '^\\s*(?i:create)\\s') or (regexp_matches(e.sql_text, '^\\s*(?i:select)\\s') and regexp_matches(e.sql_text, '(?i)\\sinto\\s'))) order by e.sql_text, e.at_us, e.event_id limit 20000`,
  );
  for (const r of rows)
    for (const statement of parseAny(r.sql_text, dialectOf(r.format))?.parsed.statements ?? []) {
      const d = definitionOf(statement);
      if (!d || catalogue.byTable(d.name)) continue;
      const known = found.get(d.name);
      found.set(
        d.name,
        known && JSON.stringify(known.select) !== JSON.stringify(d.select) ? { select: d.select, exact: false } : { select: d.select, exact: d.exact },
      );
    }
  if (found.size === 0) return catalogue;
  for (const name of await written(
    engine,
    [...found].filter(([, d]) => d.exact).map(([name]) => name),
  ))
    found.set(name, { ...found.get(name)!, exact: false });
  return { ...catalogue, view: name => found.get(bareName(name)) ?? null };
}

/** Which of these names some other statement of the log inserts into, changes or empties. */
async function written(engine: Engine, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const rows = await engine.rows<{ sql_text: string }>(
    'exposure.definition_writes',
    sql`select distinct sql_text from event where class = 2 and regexp_matches(sql_text, '^\\s*(?i:insert|update|delete|merge|truncate|alter|copy)\\b') and not regexp_matches(sql_text, '(?i)^\\s*copy\\s.*\\sto\\s') limit 200000`,
  );
  const words = new Set(
    rows.flatMap(
      r =>
        r.sql_text
          .slice(0, 300)
          .toLowerCase()
          .match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? [],
    ),
  );
  return names.filter(n => words.has(n));
}

function definitionOf(statement: Ast): { name: string; select: Ast; exact: boolean } | null {
  const [tag, body] = unwrap(statement);
  const named = (relation: Ast | null, query: Ast | null, aliases: readonly Ast[]): { name: string; select: Ast; exact: boolean } | null => {
    const select = child(query, 'SelectStmt') ?? query;
    const name = bareName(text(relation, 'relname'));
    return !select || name === '' ? null : { name, select: aliases.length > 0 ? renamed(select, name, aliases) : select, exact: true };
  };
  if (tag === 'ViewStmt') return named(child(body, 'view'), child(body, 'query'), nodes(body, 'aliases'));
  if (tag === 'CreateTableAsStmt') return named(child(child(body, 'into'), 'rel'), child(body, 'query'), nodes(child(body, 'into'), 'colNames'));
  if (tag === 'SelectStmt' && child(body, 'intoClause')) {
    const { intoClause: _, ...select } = body;
    return named(child(child(body, 'intoClause'), 'rel'), select, []);
  }
  return null;
}

function renamed(select: Ast, aliasname: string, colnames: readonly Ast[]): Ast {
  return {
    targetList: [{ ResTarget: { val: { ColumnRef: { fields: [{ A_Star: {} }] } } } }],
    fromClause: [{ RangeSubselect: { subquery: { SelectStmt: select }, alias: { aliasname, colnames } } }],
    limitOption: 'LIMIT_OPTION_DEFAULT',
    op: 'SETOP_NONE',
  };
}
