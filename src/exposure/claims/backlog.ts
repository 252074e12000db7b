import { type Micros, SECOND } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue, Dataset } from '../catalogue.ts';
import { columnsIn, dialectOf, parametrised, parseAny, type ReadableStatement, readParameters, tablesIn } from '../replay/statements.ts';
import { type Instance, showsBody } from '../routes/instances.ts';
import { type Ast, child, constantValue, lastName, nodes, text, unwrap } from '../sql/index.ts';
import { tier } from '../tables.ts';
import type { Claims } from './claims.ts';

/** Keys of records that the log's own DELETEs name, by data set, and when they last did. Only data sets with one key column. */
export type Backlog = ReadonlyMap<string, ReadonlyMap<string, Micros>>;

const slack = 1.5 * SECOND;

export async function readBacklog(engine: Engine, catalogue: Catalogue): Promise<Backlog> {
  const out = new Map<string, Map<string, Micros>>();
  const rows = await engine.rows<{ at_us: number; sql_text: string; sql_params: string | null; format: string | null }>(
    'exposure.backlog',
    sql`select e.at_us, e.sql_text, e.sql_params, f.format from event e left join event_file f using (file_no) where e.class = 2 and e.at_us is not null
    and (err_code is null or err_code = '00000') and regexp_matches(sql_text, '^\\s*(?i:delete)\\b') order by e.at_us, e.event_id limit 500000`,
  );
  const parsed = new Map<string, Ast | null>();
  for (const r of rows) {
    let tree = parsed.get(r.sql_text);
    if (tree === undefined) {
      tree = parseAny(r.sql_text, dialectOf(r.format))?.parsed.statements[0] ?? null;
      if (parsed.size < 50_000) parsed.set(r.sql_text, tree);
    }
    if (!tree) continue;
    const [tag, body] = unwrap(tree);
    const dataset = catalogue.byTable(text(child(body, 'relation'), 'relname'));
    if (tag !== 'DeleteStmt' || dataset?.key.length !== 1) continue;
    const deaths = out.get(dataset.id) ?? new Map<string, Micros>();
    out.set(dataset.id, deaths);
    for (const key of deletedKeys(body, dataset, readParameters(r.sql_params) ?? [])) deaths.set(key, r.at_us);
  }
  return out;
}

function valueOf(node: Ast | null, parameters: readonly (string | null)[]): string | null {
  if (!node) return null;
  const [tag, body] = unwrap(node);
  if (tag === 'TypeCast') return valueOf(child(body, 'arg'), parameters);
  if (tag === 'A_Const') return constantValue(body).value;
  return tag === 'ParamRef' ? (parameters[Number(body['number'] ?? 0) - 1] ?? null) : null;
}

function deletedKeys(body: Ast, dataset: Dataset, parameters: readonly (string | null)[]): string[] {
  return (keyOperands(child(body, 'whereClause'), dataset) ?? []).map(n => valueOf(n, parameters)).filter(v => v !== null);
}

/** What the key must equal under a condition: `key = x`, `key in (x, y)`, alone or joined by AND; null when it does not say. */
function keyOperands(where: Ast | null, dataset: Dataset): Ast[] | null {
  if (!where) return null;
  const [tag, body] = unwrap(where);
  if (tag === 'BoolExpr' && text(body, 'boolop') === 'AND_EXPR') {
    for (const a of nodes(body, 'args')) {
      const found = keyOperands(a, dataset);
      if (found) return found;
    }
    return null;
  }
  if (tag !== 'A_Expr' || text(child(nodes(body, 'name')[0] ?? null, 'String'), 'sval') !== '=') return null;
  const column = child(child(body, 'lexpr'), 'ColumnRef');
  if (!column || lastName(nodes(column, 'fields')).toLowerCase() !== dataset.key[0]!.toLowerCase()) return null;
  const right = child(body, 'rexpr');
  if (!right) return null;
  if (text(body, 'kind') === 'AEXPR_OP') return [right];
  return text(body, 'kind') === 'AEXPR_IN' ? [...nodes(child(right, 'List'), 'items')] : null;
}

/** Slots that must hold the key of what a read shows of a data set, or null when any record may be shown. */
function keySlots(read: ReadableStatement, dataset: Dataset): number[] | null {
  if (text(read.select, 'op') !== 'SETOP_NONE' || nodes(read.select, 'fromClause').length !== 1 || !child(nodes(read.select, 'fromClause')[0]!, 'RangeVar'))
    return null;
  const operands = keyOperands(
    child(
      parametrised(
        read,
        read.slots.map((_, i) => i),
      ),
      'whereClause',
    ),
    dataset,
  );
  const slots = operands?.map(n => {
    const [tag, body] = unwrap(n);
    const inner = tag === 'TypeCast' ? child(child(body, 'arg'), 'ParamRef') : tag === 'ParamRef' ? body : null;
    return Number(inner?.['number'] ?? 0) - 1;
  });
  return slots && slots.every(s => s >= 0) ? slots : null;
}

/**
 * Records deleted between the theft and the snapshot: those a statement of the intruder could still have shown are possible (T2), by the
 * key their DELETE names. They have no row in the snapshot: they stand in `missing_record_cell`, and their number in `claim_count`.
 */
export async function claimDeleted(engine: Engine, catalogue: Catalogue, claims: Claims, instances: readonly Instance[], backlog: Backlog): Promise<number> {
  const cells = new Map<string, unknown[]>();
  const records = new Set<string>();
  for (const dataset of catalogue.datasets) {
    const deaths = backlog.get(dataset.id);
    if (!deaths || deaths.size === 0) continue;
    await engine.load(
      'row_dead_key',
      [{ name: 'key', type: 'VARCHAR' }],
      [...deaths.keys()].map(key => [key]),
    );
    const there = new Set(
      (
        await engine.rows<{ key: string }>(
          'exposure.still_there',
          sql`select key from ${sql.id(`data_${dataset.id}`)} semi join row_dead_key using (key) order by key`,
        )
      ).map(r => r.key),
    );
    await engine.run('exposure.drop_dead', sql`drop table row_dead_key`);
    const gone = [...deaths].filter(([key]) => !there.has(key)).sort((a, b) => (a[0] < b[0] ? -1 : 1));
    const goneAt = new Map(gone);
    const shapes = new Map<string, { slots: number[] | null; columns: number[]; like: Instance; from: Micros }>();
    const claim = (i: Instance, columns: readonly number[], keys: readonly string[]): void => {
      if (keys.length === 0) return;
      const id = claims.add(
        {
          kind: 'deleted',
          datasetId: dataset.id,
          mustTier: 0,
          mayTier: tier.possible,
          rule: 'deleted-record',
          statement: (i.statement?.text ?? i.routeRead?.route ?? '').slice(0, 4000),
          premises: { found: keys.length },
          assumptions: [],
        },
        { shape: i.read.shape },
      );
      claims.source(id, { eventId: i.statement?.eventId ?? null, requestId: i.request?.eventId ?? null });
      for (const key of keys) {
        records.add(JSON.stringify([dataset.id, key]));
        for (const c of columns)
          cells.set(JSON.stringify([dataset.id, key, c]), [
            claimOrFirst(cells.get(JSON.stringify([dataset.id, key, c])), id),
            dataset.id,
            key,
            c,
            tier.possible,
          ]);
      }
    };
    for (const i of instances) {
      if (i.statement?.failed || i.statement?.rowsOut === 0 || (i.request && showsBody(i.request) === 'no')) continue;
      let s = shapes.get(i.read.shape);
      if (!s) {
        const shown = columnsIn(nodes(i.read.select, 'targetList'));
        const columns = tablesIn(i.read.select).has(dataset.table)
          ? dataset.columns.filter(c => shown.has('*') || shown.has(c.name.toLowerCase()) || text(i.read.select, 'op') !== 'SETOP_NONE').map(c => c.no)
          : [];
        s = { slots: keySlots(i.read, dataset), columns, like: i, from: Infinity };
        shapes.set(i.read.shape, s);
      }
      if (s.columns.length === 0) continue;
      const at = (i.statement?.loUs ?? i.request?.loUs ?? 0) - slack;
      const asked = s.slots?.map(n => i.values[n]);
      if (asked?.every(v => v !== undefined))
        claim(
          i,
          s.columns,
          [...new Set(asked)].filter((v): v is string => typeof v === 'string' && (goneAt.get(v) ?? -Infinity) > at),
        );
      else if (at < s.from) {
        s.from = at;
        s.like = i;
      }
    }
    for (const s of shapes.values())
      if (s.from < Infinity)
        claim(
          s.like,
          s.columns,
          gone.filter(([, us]) => us > s.from).map(([key]) => key),
        );
    const keys = [...records].map(r => JSON.parse(r) as [string, string]).filter(r => r[0] === dataset.id);
    if (keys.length > 0) claims.count(claims.last, dataset, claims.allColumns(dataset), 0, keys.length, 'deleted-records');
  }
  await engine.load(
    'missing_record_cell',
    [
      { name: 'claim_id', type: 'VARCHAR' },
      { name: 'dataset_id', type: 'VARCHAR' },
      { name: 'key', type: 'VARCHAR' },
      { name: 'column_no', type: 'INTEGER' },
      { name: 'tier_upper', type: 'TINYINT' },
    ],
    [...cells.values()],
  );
  return records.size;
}

function claimOrFirst(known: readonly unknown[] | undefined, id: string): string {
  return typeof known?.[0] === 'string' && known[0] < id ? known[0] : id;
}
