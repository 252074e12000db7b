import { transpile } from '@polyglot-sql/sdk';
import { type Micros, sha256Hex } from '../../base/index.ts';
import { type Engine, type Sql, sql } from '../../engine/index.ts';
import { actorOf } from '../routes/requests.ts';
import { type Ast, child, loadParser, nodes, parseStatements, type Slot, shapeOf, text, unwrap } from '../sql/index.ts';
import { Cursors, type Fetched } from './cursors.ts';
import { inPart, type LogPart, statementEnd, statementStart } from './log-part.ts';

/** One executed statement of a database log. `values` are its slots in order; undefined where the log did not keep the parameter. */
export type Statement = {
  readonly eventId: number;
  readonly loUs: Micros;
  readonly hiUs: Micros;
  readonly conn: string | null;
  readonly text: string;
  readonly read: ReadableStatement;
  readonly values: readonly (string | null | undefined)[];
  readonly parameters: readonly (string | null)[] | null;
  readonly rowsOut: number | null;
  readonly failed: boolean;
  readonly actor: 'strict' | 'wide' | null;
  readonly message: string | null;
  /** User, application and host of its connection, as far as the log tells them. */
  readonly program: string;
};

/** What a statement reads, as one select. `exact` is false when the rows shown are not those of the select on the snapshot (RETURNING). */
export type ReadableStatement = {
  readonly select: Ast;
  readonly shape: string;
  readonly slots: readonly Slot[];
  readonly exact: boolean;
  readonly kind: string;
  /** Another grammar than PostgreSQL's: text compares by a collation we do not know. */
  readonly foreign: boolean;
  /** What the log it was found in is written in. */
  readonly dialect: SourceDialect;
};
export type Reading = ReadableStatement | { readonly none: string };

/** Kinds whose rows went to a file or a table, not to the client: whoever put them there may have fetched them later. */
const stored = new Set(['stored', 'file']);

const cache = new Map<string, ReadableStatement[] | 'unparseable'>();

/** Every statement of a text that reads (`readAll`), parsed once a text. */
function readingsOf(sqlText: string, dialect: SourceDialect): ReadableStatement[] | 'unparseable' {
  const name = `${dialect}\u0001${sqlText}`;
  const known = cache.get(name);
  if (known) return known;
  const readings = readAll(sqlText, dialect);
  if (cache.size > 200_000) cache.clear();
  cache.set(name, readings);
  return readings;
}

/** The select a statement text amounts to, or why it shows nothing. */
export function readingOf(sqlText: string, dialect: SourceDialect = 'postgresql'): Reading {
  const readings = readingsOf(sqlText, dialect);
  if (readings === 'unparseable') return { none: 'unparseable' };
  return readings.findLast(r => !stored.has(r.kind)) ?? { none: 'no-read' };
}

export type SourceDialect = 'postgresql' | 'mysql' | 'tsql' | 'oracle';

/** The dialect a log format speaks. */
export function dialectOf(format: string | null): SourceDialect {
  if (format?.startsWith('mysql') || format?.startsWith('mariadb')) return 'mysql';
  return format?.startsWith('mssql') ? 'tsql' : format?.startsWith('oracle') ? 'oracle' : 'postgresql';
}

/** MySQL runs what stands in its version comments, takes # for a comment, and has a cache hint that means nothing here. */
function plainMysql(sqlText: string): string {
  return sqlText.replace(mysqlParts, (part, opened: string | undefined) => {
    if (asText.test(part)) return ' AS CHAR(65535)';
    if (opened !== undefined) return ` ${opened.replace(/\bsql_no_cache\b/gi, ' ')} `;
    return part.startsWith('#') ? ' ' : part;
  });
}
const mysqlParts = /'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"|`[^`]*`|\/\*!\d*([\s\S]*?)\*\/|#[^\n]*|\bas\s+n?char\b(?!\s*\()/gi;
/** Without a length MySQL keeps the whole text, PostgreSQL one character of it. */
const asText = /^as\s/i;

/** The text in PostgreSQL's words, or null. Translation keeps structure, not every meaning: the reading is marked foreign. */
function translated(sqlText: string, dialect: SourceDialect): string | null {
  try {
    const r = transpile(
      dialect === 'mysql' ? plainMysql(sqlText) : sqlText,
      dialect as Parameters<typeof transpile>[1],
      'postgresql' as Parameters<typeof transpile>[2],
    );
    return r.success && r.sql && r.sql.length > 0 ? r.sql[r.sql.length - 1]! : null;
  } catch {
    return null;
  }
}

/** The statements of a text in the grammar of its log, or of any we know; null when none takes it. */
export function parseAny(sqlText: string, dialect: SourceDialect): { parsed: { statements: readonly Ast[] }; foreign: boolean } | null {
  const attempts: readonly SourceDialect[] = dialect === 'postgresql' ? ['postgresql', 'mysql', 'tsql', 'oracle'] : [dialect, 'postgresql'];
  for (const d of attempts) {
    const own = d === 'postgresql' ? sqlText : translated(sqlText, d);
    if (own === null) continue;
    const parsed = parseStatements(own);
    if (!('error' in parsed)) return { parsed, foreign: d !== 'postgresql' || dialect !== 'postgresql' };
  }
  return null;
}

/** Every statement of a text that reads, in order. Of several only the last one's answer surely reaches the client. */
export function readAll(sqlText: string, dialect: SourceDialect = 'postgresql'): ReadableStatement[] | 'unparseable' {
  const file = outfile.exec(sqlText);
  const found = parseAny(file ? sqlText.replace(outfile, ' ') : sqlText, dialect);
  if (!found) return 'unparseable';
  const readable = found.parsed.statements.map(s => toSelect(s)).filter(s => s !== null);
  const last = readable.findLastIndex(r => !stored.has(r.kind));
  return readable.map((r, i) => {
    const { shape, slots } = shapeOf(r.select);
    const kind = file && r.kind === 'select' ? 'file' : r.kind;
    return {
      ...r,
      kind,
      exact: r.exact && i === last && kind !== 'file',
      foreign: found.foreign,
      dialect,
      shape: nameOf(shape, found.foreign),
      slots,
    };
  });
}

/** MySQL's way to write an answer into a file, with the words that may follow it. */
const outfile =
  /\binto\s+(?:outfile|dumpfile)\s+(?:'(?:[^'\\]|\\.)*'|"[^"]*"|0x[0-9a-f]+)(?:\s*(?:character\s+set\s+\w+|fields|columns|lines|terminated|starting|escaped|(?:optionally\s+)?enclosed|by|'(?:[^'\\]|\\.)*'|0x[0-9a-f]+)(?=\s|$|[-#;]))*/i;

const star: Ast = { ResTarget: { val: { ColumnRef: { fields: [{ A_Star: {} }] } } } };

function toSelect(statement: Ast): { select: Ast; exact: boolean; kind: string } | null {
  const [tag, body] = unwrap(statement);
  switch (tag) {
    case 'SelectStmt': {
      if (!child(body, 'intoClause')) return { select: body, exact: true, kind: 'select' };
      const { intoClause: _, ...select } = body;
      return { select, exact: false, kind: 'stored' };
    }
    case 'CreateTableAsStmt': {
      const select = child(child(body, 'query'), 'SelectStmt');
      return select ? { select, exact: false, kind: 'stored' } : null;
    }
    case 'ExplainStmt':
      return null;
    case 'CopyStmt': {
      if (body['is_from'] === true) return null;
      const query = child(body, 'query');
      const away = text(body, 'filename') !== '';
      if (query) {
        const inner = toSelect(query);
        return inner && away ? { ...inner, exact: false, kind: 'file' } : inner;
      }
      const columns = nodes(body, 'attlist').map(a => ({ ResTarget: { val: { ColumnRef: { fields: [a] } } } }));
      return {
        select: selectFrom(child(body, 'relation')!, columns.length > 0 ? columns : [star], null),
        exact: !away,
        kind: away ? 'file' : 'copy',
      };
    }
    case 'DeclareCursorStmt':
      return child(body, 'query') ? toSelect(child(body, 'query')!) : null;
    case 'PrepareStmt':
      return null;
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt': {
      const returning = nodes(body, 'returningList').length > 0 ? nodes(body, 'returningList') : nodes(child(body, 'returningClause'), 'exprs');
      if (returning.length === 0) {
        const source = child(child(body, 'selectStmt'), 'SelectStmt');
        return source && nodes(source, 'valuesLists').length === 0 ? { select: source, exact: false, kind: 'stored' } : null;
      }
      return { select: selectFrom(child(body, 'relation')!, returning, child(body, 'whereClause')), exact: false, kind: 'returning' };
    }
    default:
      return null;
  }
}

function selectFrom(relation: Ast, targetList: readonly Ast[], whereClause: Ast | null): Ast {
  return { targetList, fromClause: [{ RangeVar: relation }], ...(whereClause && { whereClause }), limitOption: 'LIMIT_OPTION_DEFAULT', op: 'SETOP_NONE' };
}

type Row = {
  event_id: number;
  lo: number | null;
  hi: number | null;
  conn_id: string | null;
  sql_text: string;
  sql_params: string | null;
  rows_out: number | null;
  err_code: string | null;
  certainty: 'strict' | 'wide' | null;
  message: string | null;
  stmt_kind: string | null;
  program: string;
  format: string | null;
};

export type StatementLog = {
  readonly statements: readonly Statement[];
  /** Statements whose text PostgreSQL's grammar refuses, with who ran them. */
  readonly unparseable: readonly {
    readonly eventId: number;
    readonly text: string;
    readonly actor: 'strict' | 'wide' | null;
    readonly loUs: Micros;
    readonly hiUs: Micros;
  }[];
  /** Texts the server refused, to the times it did. */
  readonly errors: ReadonlyMap<string, readonly { readonly us: Micros; readonly eventId: number; readonly message: string | null }[]>;
  readonly present: boolean;
};

/** User, application and host of a line `e` of a database log, as far as it tells them. */
export const programOf: Sql = sql`concat_ws('|', coalesce(e.db_user, ''), coalesce(e.app_name, ''), regexp_replace(coalesce(e.src_ip, ''), ':[0-9]+$', ''))`;

/** The database log, or a part of it, as statements in order of time. */
export async function readStatements(engine: Engine, part: LogPart): Promise<StatementLog> {
  await loadParser();
  const statements: Statement[] = [];
  const unparseable: { eventId: number; text: string; actor: 'strict' | 'wide' | null; loUs: number; hiUs: number }[] = [];
  const errors = new Map<string, { us: number; eventId: number; message: string | null }[]>();
  const prepared = new Map<string, string>();
  const lastOf = new Map<string, number>();
  const cursors = new Cursors();
  // Millions of statements have few texts: each is held once.
  const held = new Map<string, string>();
  const once = (value: string): string => {
    const known = held.get(value);
    if (known !== undefined) return known;
    if (held.size < 200_000) held.set(value, value);
    return value;
  };
  for await (const batch of engine.stream<Row>(
    'exposure.statements',
    sql`select e.event_id, ${statementStart} as lo, ${statementEnd} as hi, e.conn_id, e.sql_text, e.sql_params, e.rows_out, e.err_code, a.certainty, e.message, e.stmt_kind, f.format,
      ${programOf} as program
    from event e left join event_file f on f.file_no = e.file_no left join ${actorOf} a using (event_id) where e.class = 2 and e.sql_text is not null and ${inPart(part)} order by e.at_us, e.event_id`,
  )) {
    for (const r of batch) {
      const lo = r.lo ?? 0;
      const hi = r.hi ?? lo;
      const key = `${r.conn_id ?? ''}\u0001${r.sql_text}`;
      if (r.err_code !== null && r.err_code !== '00000') {
        const error = { us: lo, eventId: r.event_id, message: r.message };
        const known = errors.get(r.sql_text);
        if (known) known.push(error);
        else errors.set(r.sql_text, [error]);
        const at = lastOf.get(key);
        if (at !== undefined && statements[at]) statements[at] = { ...statements[at], failed: true, message: r.message };
        continue;
      }
      const parameters = readParameters(r.sql_params);
      let sqlText = r.sql_text;
      let bound = parameters;
      const execute = /^\s*execute\s+"?([\w$]+)"?/i.exec(sqlText);
      const prepare = execute ? null : /^\s*prepare\s+"?([\w$]+)"?\s*(?:\([^)]*\))?\s+as\s+/i.exec(sqlText);
      if (prepare) prepared.set(`${r.conn_id}\u0001${prepare[1]}`, sqlText.slice(prepare[0].length));
      if (execute) {
        const body = prepared.get(`${r.conn_id}\u0001${execute[1]}`);
        if (body === undefined) {
          unparseable.push({ eventId: r.event_id, text: sqlText, actor: r.certainty, loUs: lo, hiUs: hi });
          continue;
        }
        bound = executeArguments(sqlText);
        sqlText = body;
      }
      const dialect = dialectOf(r.format);
      const cursor = cursors.take(r.conn_id, sqlText, statements.length);
      if (cursor === 'unknown') {
        unparseable.push({ eventId: r.event_id, text: sqlText, actor: r.certainty, loUs: lo, hiUs: hi });
        continue;
      }
      const fetched = cursor !== null && cursor !== 'declared' ? cursor : null;
      const readings = fetched ? [fetchedReading(fetched, dialect)] : readingsOf(sqlText, dialect);
      if (readings === 'unparseable') {
        unparseable.push({ eventId: r.event_id, text: sqlText, actor: r.certainty, loUs: lo, hiUs: hi });
        continue;
      }
      // What the application itself copies shows nothing to anybody; what the intruder puts somewhere may be fetched later.
      const own = readings.filter(x => r.certainty !== null || !stored.has(x.kind));
      if (own.length > 0) lastOf.set(key, statements.length + own.length - 1);
      for (const reading of own)
        statements.push({
          eventId: r.event_id,
          loUs: lo,
          hiUs: hi,
          conn: r.conn_id === null ? null : once(r.conn_id),
          text: once(sqlText),
          read: cursor === 'declared' ? { ...reading, exact: false, kind: 'declare' } : reading,
          values: reading.slots.map(s => (s.kind === 'literal' ? s.value : bound ? (s.number <= bound.length ? bound[s.number - 1] : undefined) : undefined)),
          parameters: bound,
          rowsOut: own.length > 1 || cursor === 'declared' ? null : r.rows_out,
          failed: false,
          actor: r.certainty,
          message: null,
          program: once(r.program),
        });
    }
  }
  // Where its FETCH statements are logged, a DECLARE shows nothing by itself.
  const kept = statements.filter((s, i) => s.read.kind !== 'declare' || !cursors.fetched.has(i));
  return { statements: kept, unparseable, errors, present: part.present };
}

function fetchedReading(f: Fetched, dialect: SourceDialect): ReadableStatement {
  const { shape, slots } = shapeOf(f.select);
  const foreign = dialect !== 'postgresql';
  return { select: f.select, exact: f.exact, kind: 'fetch', foreign, dialect, shape: nameOf(shape, foreign), slots };
}

/** Shapes of another grammar are never taken for ours. */
const nameOf = (shape: string, foreign: boolean): string => sha256Hex(shape + (foreign ? 'foreign' : '')).slice(0, 16);

/** Parameters as the log keeps them: a JSON list of texts and nulls. */
export function readParameters(json: string | null): (string | null)[] | null {
  if (json === null) return null;
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value.map(v => (v === null ? null : String(v))) : null;
  } catch {
    return null;
  }
}

function executeArguments(sqlText: string): (string | null)[] | null {
  const parsed = parseStatements(sqlText);
  if ('error' in parsed) return null;
  const body = child(parsed.statements[0] ?? null, 'ExecuteStmt');
  return nodes(body, 'params').map(p => shapeOf(p).slots[0]?.value ?? null);
}

/** The tree with the varying slots as `$1…` and nothing else changed; `whole` are those that hold whole numbers in every statement. */
export function parametrised(read: ReadableStatement, varying: readonly number[], whole: ReadonlySet<number> = new Set()): Ast {
  const at = new Map(varying.map((slot, i) => [slot, i + 1]));
  let slot = 0;
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== 'object') return value;
    const node = value as Ast;
    if (child(node, 'A_Const') || child(node, 'ParamRef')) {
      const here = slot++;
      const n = at.get(here);
      return n === undefined ? node : { ParamRef: { number: n, ...(whole.has(here) && { whole: true }) } };
    }
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(node)) out[key] = walk(node[key]);
    return out;
  };
  return walk(read.select) as Ast;
}

/** Tables a tree names, lower case, without schema. */
export function tablesIn(tree: unknown): Set<string> {
  const out = new Set<string>();
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(walk);
    if (value === null || typeof value !== 'object') return;
    const name = child(value as Ast, 'RangeVar');
    if (name) out.add(text(name, 'relname').toLowerCase());
    for (const v of Object.values(value)) walk(v);
  };
  walk(tree);
  return out;
}

/** Column names a tree uses, lower case; `*` when it asks for all. */
export function columnsIn(tree: unknown): Set<string> {
  const out = new Set<string>();
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(walk);
    if (value === null || typeof value !== 'object') return;
    const ref = child(value as Ast, 'ColumnRef');
    if (ref) for (const f of nodes(ref, 'fields')) out.add(child(f, 'A_Star') ? '*' : text(child(f, 'String'), 'sval').toLowerCase());
    for (const v of Object.values(value)) walk(v);
  };
  walk(tree);
  return out;
}
