import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { distinctValues } from '../distinct-values.ts';
import type { Column, Target } from './compile.ts';
import { loadAddresses } from './documents.ts';
import { eventScope } from './field-maps.ts';
import type { Expr, Rule } from './ir.ts';
import { shapeOfWord } from './literals.ts';
import { containsAny, type Evaluation } from './match.ts';

/** Columns that are part of the message that keywords and the prefilter look at. */
const messageColumns = [
  'method',
  'target',
  'target_norm',
  'protocol',
  'host',
  'referer',
  'user_agent',
  'content_type',
  'sql_text',
  'sql_params',
  'db_user',
  'db_name',
  'app_name',
  'stmt_kind',
  'account',
  'action',
  'auth_method',
  'message',
];
const inMessage = new Set([...messageColumns, 'path', 'path_extension']);
const repeated = new Set([
  'method',
  'protocol',
  'host',
  'referer',
  'user_agent',
  'content_type',
  'db_user',
  'db_name',
  'app_name',
  'stmt_kind',
  'action',
  'auth_method',
]);
const numbers = new Set(['status', 'bytes_out', 'bytes_in', 'duration_ms', 'rows_out', 'outcome']);

/** Rules by the log source in the event table they apply to; the rest of the rules is for documents. */
export function forEvents(rules: readonly Rule[]): Rule[] {
  return rules.filter(r => scopeOf(r) !== null);
}

function scopeOf(rule: Rule): ReturnType<typeof eventScope> {
  return eventScope(rule.logsource.product, rule.logsource.category, rule.logsource.service);
}

/** What else the pass over requests looks for, and the table its finds are kept in together with those of the rules. */
export type Leads = {
  readonly table: string;
  readonly targetPattern: string;
  readonly shapePattern: string;
  /** Whether a request without shape has a target, or decoded target, that passes a test. */
  readonly oddTargets: (holds: Sql) => Promise<Sql>;
  readonly also: readonly Sql[];
  readonly columns: readonly string[];
};

/** One evaluation a log source: field names mean different columns there. */
export async function eventEvaluations(
  engine: Engine,
  rules: readonly Rule[],
  leads: Leads | null = null,
): Promise<{ rules: Rule[]; evaluation: Evaluation }[]> {
  if (rules.some(r => usesNetwork(r))) await loadAddresses(engine, 'sigma_address', addresses(engine));
  const groups = new Map<string, Rule[]>();
  for (const rule of rules) {
    const scope = scopeOf(rule)!;
    const key = JSON.stringify([scope.classes, Object.keys(scope.fields).length, rule.logsource.category === 'proxy']);
    const list = groups.get(key);
    if (list) list.push(rule);
    else groups.set(key, [rule]);
  }
  return [...groups.values()].map(list => {
    const scope = scopeOf(list[0]!)!;
    const requests = scope.classes.includes(1) && list[0]!.logsource.category !== 'proxy';
    return { rules: list, evaluation: evaluationOf(engine, scope, list, requests ? leads : null) };
  });
}

/** The message holds only columns these rules look at; all of them when a rule looks for words anywhere. */
function evaluationOf(engine: Engine, scope: NonNullable<ReturnType<typeof eventScope>>, rules: readonly Rule[], leads: Leads | null): Evaluation {
  const lists = scope.fields;
  const columnsOf = (field: string): readonly string[] => lists[field.toLowerCase()] ?? [];
  const classes = sql.join(scope.classes.map(c => sql.lit(c)));
  const http = scope.classes.includes(1);
  const all = http ? ['method', 'target', 'target_norm', 'protocol', 'host', 'referer', 'user_agent', 'message'] : messageColumns;
  const looked = new Set(
    rules
      .flatMap(r => r.fields)
      .flatMap(columnsOf)
      .map(c => (c.startsWith('path') ? 'target' : c)),
  );
  const whole = rules.some(r => hasKeyword(r.expr));
  const used = whole ? all : all.filter(c => looked.has(c) || c === 'target');
  const message = sql`concat_ws(' ', ${sql.join(used.map(c => sql.id(c)))})`;
  const target: Target = {
    resolve: field => columnsOf(field).map(columnOf),
    message: { lowered: sql`lower(${message})`, plain: message },
    lowering: 'duckdb',
    inNetwork: (column, low, high) => sql`${column} in (select address from sigma_address where hex between ${sql.lit(low)} and ${sql.lit(high)})`,
    anyInNetwork: () => sql`false`,
  };
  const kept = new Set(['event_id', 'at_us', 'file_no', 'class', 'src_ip', ...used, ...(leads?.columns ?? [])]);
  for (const c of rules.flatMap(r => r.fields).flatMap(columnsOf)) for (const name of columnsRead[c] ?? [c]) kept.add(name);
  return {
    // A word of one field stands in one column: columns of few values are tested once a value, not once a row.
    candidates: words => candidatesOf(engine, classes, used, words, leads),
    columns: sql.join([...kept].sort().map(c => sql.id(c))),
    ...(leads && { keep: leads.table }),
    from: sql`(select * from event where class in (${classes})) as event`,
    key: sql`event_id`,
    target,
    scope: () => sql`class in (${classes})`,
    visible: () => field => {
      const c = columnsOf(field);
      return c.length > 0 && c.every(x => inMessage.has(x) && (used.includes(x) || x.startsWith('path')));
    },
  };
}

/** Event columns behind those that are computed. */
const columnsRead: Readonly<Record<string, readonly string[]>> = { duration_ms: ['duration_us'], cookie: ['extra', 'session'], path_extension: ['path'] };

/** Tests of which a candidate passes one, each of as few columns as can be: what fails it is not read further. */
async function candidatesOf(engine: Engine, classes: Sql, used: readonly string[], words: readonly string[], leads: Leads | null): Promise<Sql[]> {
  await distinctValues(engine, 'sigma_value', [...used.filter(c => repeated.has(c)), 'shape'], classes);
  const found = await engine.rows<{ name: string; value: string }>(
    'sigma.values',
    sql`select name, value from sigma_value where name <> 'shape' and ${containsAny(sql`lower(value)`, words)} order by name, value`,
  );
  const holds = (c: string): Sql =>
    sql`coalesce(${containsAny(sql`lower(${sql.id(c)})`, words, leads && c.startsWith('target') ? [leads.targetPattern] : [])}, false)`;
  const parts = used.flatMap(c => {
    if (c === 'target' || c === 'target_norm') return [];
    if (!repeated.has(c)) return [sql`${sql.id(c)} is not null and ${holds(c)}`];
    const own = found.filter(f => f.name === c).map(f => f.value);
    if (own.length === 0) return [];
    return [
      own.length > 16
        ? sql`${sql.id(c)} in (select unnest(${sql.lit(JSON.stringify(own))}::json::varchar[]))`
        : sql`coalesce(list_contains([${sql.join(own.map(v => sql.lit(v)))}], ${sql.id(c)}), false)`,
    ];
  });
  if (used.includes('target')) {
    parts.push(await ofShapes(engine, [...words.map(shapeOfWord), ...(leads ? [leads.shapePattern] : [])], holds('target')));
    // What was decoded has no shape.
    const odd = used.includes('target_norm') ? sql`(${holds('target')} or ${holds('target_norm')})` : holds('target');
    parts.push(leads ? await leads.oddTargets(odd) : sql`shape is null and ${odd}`);
  }
  return [...parts, ...(leads?.also ?? [])];
}

const mostShapes = 256;

/** Most targets are told apart from all words by their shape, of which there are few; the others are read. */
async function ofShapes(engine: Engine, patterns: readonly string[], holds: Sql): Promise<Sql> {
  await engine.run(
    'sigma.shapes',
    sql`create or replace temp table sigma_shape as
    select value as shape from sigma_value where name = 'shape' and regexp_matches(value, ${sql.lit(patterns.join('|'))})`,
  );
  const rows = await engine.rows<{ shape: string }>('sigma.shape-list', sql`select shape from sigma_shape order by shape limit ${mostShapes + 1}`);
  if (rows.length === 0) return sql`false`;
  if (rows.length > mostShapes) return sql`(case when shape in (select shape from sigma_shape) then ${holds} else false end)`;
  return sql`coalesce(list_contains([${sql.join(rows.map(r => sql.lit(r.shape)))}], shape), false) and ${holds}`;
}

function columnOf(name: string): Column {
  if (name === 'duration_ms') return { type: 'number', expr: sql`(duration_us / 1000)` };
  if (name === 'cookie')
    return {
      type: 'text',
      expr: sql`coalesce(case when json_valid(extra) then json_extract_string(extra, '$.cookie') end, session)`,
      lowered: null,
    };
  if (name === 'path_extension') return { type: 'text', expr: sql`nullif(regexp_extract(path, '\\.([A-Za-z0-9]{1,8})$', 1), '')`, lowered: null };
  const expr: Sql = sql.id(name);
  return numbers.has(name) ? { type: 'number', expr } : { type: 'text', expr, lowered: null };
}

/** What a field of a rule is in the event table; none when its log source does not have it. */
export function eventColumns(rule: Rule, field: string): readonly Column[] {
  return (scopeOf(rule)?.fields[field.toLowerCase()] ?? []).map(columnOf);
}

/** Whether a condition looks for words in the whole message. */
export function hasKeyword(expr: Expr): boolean {
  return expr.op === 'leaf' ? expr.field === null : expr.op === 'not' || expr.op === 'search' ? hasKeyword(expr.item) : expr.items.some(hasKeyword);
}

function usesNetwork(rule: Rule): boolean {
  return JSON.stringify(rule.expr).includes('"kind":"cidr"');
}

async function* addresses(engine: Engine): AsyncGenerator<string> {
  for await (const batch of engine.stream<{ src_ip: string }>('sigma.addresses', sql`select distinct src_ip from event where src_ip is not null`))
    for (const r of batch) yield r.src_ip;
}
