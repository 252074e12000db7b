import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue, Dataset } from '../catalogue.ts';
import type { Changes } from '../replay/changes.ts';
import { catalogueAt, epochFor } from '../replay/epochs.ts';
import { claimTable } from '../replay/evaluate.ts';
import { failed, outputSizes, recordReplay, replay } from '../replay/replay.ts';
import { columnsIn, readingOf, type StatementLog, tablesIn } from '../replay/statements.ts';
import { type Concatenation, pasted, type RouteRead, sentValue } from '../routes/binding.ts';
import { layersOf } from '../routes/coding.ts';
import { type Request, routeOf } from '../routes/requests.ts';
import { type Ast, child, lastName, nodes } from '../sql/index.ts';
import { tier } from '../tables.ts';
import { type Claims, loadTiers } from './claims.ts';
import { recordCounts } from './count-rows.ts';

const numeric = new Set(['numeric', 'int4', 'int8', 'int2', 'float4', 'float8', 'decimal', 'uuid', 'date', 'timestamp', 'bool', 'money', 'xml', 'inet']);
const carriers = new Set([
  'extractvalue',
  'updatexml',
  'gtid_subset',
  'gtid_subtract',
  'xmltype',
  'json_keys',
  'exp',
  'get_host_name',
  'query_to_xml',
  'ctxsys.drithsx.sn',
]);

/** Expressions whose text an error message repeats: casts of a sub-select to a number and functions that complain with their argument. */
export function shownByErrors(tree: unknown): Ast[] {
  const out: Ast[] = [];
  const reads = (value: unknown): boolean => {
    if (Array.isArray(value)) return value.some(reads);
    if (value === null || typeof value !== 'object') return false;
    const link = child(value as Ast, 'SubLink');
    if (link && nodes(child(child(link, 'subselect'), 'SelectStmt'), 'fromClause').length > 0) return true;
    return Object.values(value).some(reads);
  };
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(walk);
    if (value === null || typeof value !== 'object') return;
    const cast = child(value as Ast, 'TypeCast');
    if (cast && numeric.has(lastName(nodes(child(cast, 'typeName'), 'names')).toLowerCase()) && reads(cast['arg'])) {
      out.push(cast['arg'] as Ast);
      return;
    }
    const call = child(value as Ast, 'FuncCall');
    if (call && carriers.has(lastName(nodes(call, 'funcname')).toLowerCase()))
      for (const a of nodes(call, 'args'))
        if (reads(a)) {
          out.push(a);
          return;
        }
    for (const v of Object.values(value)) walk(v);
  };
  walk(tree);
  return out;
}

type Probe = {
  /** Null when the request's own line is missing. */ readonly request: Request | null;
  readonly text: string;
  readonly us: number;
  readonly eventId: number | null;
  readonly message: string | null;
  readonly shown: Ast;
};

/** Statements that failed on purpose: what their error message must have held, checked against the message in the database log or the size of the answer. Returns the requests whose message told what they showed. */
export async function claimErrors(
  engine: Engine,
  catalogue: Catalogue,
  claims: Claims,
  requests: readonly Request[],
  routes: readonly RouteRead[],
  log: StatementLog,
  changes: Changes = new Map(),
): Promise<Set<number>> {
  const probes: Probe[] = [];
  const concatenations = new Map<string, Concatenation[]>();
  for (const r of routes) concatenations.set(r.route, [...(concatenations.get(r.route) ?? []), ...r.concatenations]);
  for (const request of requests) {
    if (request.status === null || (request.status < 300 && request.status >= 200 && !log.present)) continue;
    for (const c of concatenations.get(routeOf(request)) ?? []) {
      const texts = layersOf(sentValue(request, c) ?? '')
        .filter(v => v.includes('('))
        .map(v => pasted(c, v));
      const text = texts.find(t => log.errors.has(t)) ?? texts[0];
      if (text === undefined) continue;
      const reading = readingOf(text);
      if ('none' in reading) continue;
      const found = log.errors.get(text)?.reduce((a, b) => (Math.abs(b.us - request.loUs) < Math.abs(a.us - request.loUs) ? b : a)) ?? null;
      if (!found && request.status < 500) continue;
      for (const shown of shownByErrors(reading.select))
        probes.push({ request, text, us: request.loUs, eventId: found?.eventId ?? null, message: found?.message ?? null, shown });
    }
  }
  // The database refused a statement of this kind and no request of the intruder is left that sent it.
  const sent = new Set(probes.map(p => p.text));
  if (requests.length > 0) {
    for (const [text, list] of log.errors) {
      if (sent.has(text)) continue;
      const reading = readingOf(text);
      if ('none' in reading) continue;
      for (const shown of shownByErrors(reading.select))
        probes.push({ request: null, text, us: list[0]!.us, eventId: list[0]!.eventId, message: list[0]!.message, shown });
    }
  }
  return claimProbes(engine, catalogue, claims, probes, changes);
}

async function claimProbes(engine: Engine, catalogue: Catalogue, claims: Claims, probes: readonly Probe[], changes: Changes): Promise<Set<number>> {
  const told = new Set<number>();
  const lengths: { size: number; length: number }[] = [];
  const values = new Map<Probe, string | null>();
  const span = { fromUs: probes.reduce((a, p) => Math.min(a, p.us), Infinity), toUs: probes.reduce((a, p) => Math.max(a, p.us), -Infinity) };
  const held = new Map<string, Catalogue | null>();
  /** The tables as they stood then; null where what was changed since leaves any row possible. */
  const asThen = async (select: Ast): Promise<Catalogue | null> => {
    const epoch = epochFor(select, span, catalogue, changes);
    if (!epoch) return catalogue;
    const key = JSON.stringify([epoch.replayable, [...tablesIn(select)].sort()]);
    if (!held.has(key)) held.set(key, await catalogueAt(engine, catalogue, epoch, select));
    return held.get(key)!;
  };
  for (const p of probes) {
    const then = await asThen(selectOf(p.shown));
    const r = then && (await replay(engine, then, { select: selectOf(p.shown), parameters: [], batch: null, foreign: false }));
    if (!r || failed(r)) continue;
    const rows = await engine.rows<{ c0: string | null; m: boolean }>(
      'exposure.error_value',
      sql`select cast(c0 as varchar) as c0, m from replay_result limit 2`,
    );
    const value = rows.length === 1 && rows[0]!.m ? rows[0]!.c0 : null;
    values.set(p, value);
    if (value !== null && p.request && p.request.bytes !== null) lengths.push({ size: p.request.bytes, length: Buffer.byteLength(value) });
  }
  const constant = commonDifference(lengths);
  for (const p of probes) {
    const then = await asThen(selectOf(p.shown));
    if (!then) {
      for (const table of [...tablesIn(selectOf(p.shown))].sort()) {
        const dataset = catalogue.byTable(table);
        if (!dataset) continue;
        await claimTable(claims, dataset, columnsIn(p.shown), {
          kind: 'table-bound',
          rule: 'snapshot-changed',
          statement: p.text,
          reason: 'snapshot-changed',
          identity: p.text,
        });
        claims.source(claims.last, { eventId: p.eventId, requestId: p.request?.eventId ?? null });
      }
      continue;
    }
    const r = await replay(engine, then, { select: selectOf(p.shown), parameters: [], batch: null, foreign: false });
    if (failed(r)) {
      for (const dataset of catalogue.datasets)
        if (JSON.stringify(p.shown).toLowerCase().includes(`"${dataset.table}"`))
          for (const c of dataset.columns) if (JSON.stringify(p.shown).toLowerCase().includes(`"${c.name.toLowerCase()}"`)) claims.attempt(dataset, c.no);
      continue;
    }
    const value = values.get(p) ?? null;
    const fitting = value === null && p.message !== null ? await narrow(engine, p.message) : 0;
    const inMessage = fitting === 1 || (value !== null && value.length > 2 && p.message !== null && p.message.includes(value));
    if (p.request && (inMessage || fitting > 0)) told.add(p.request.eventId);
    const bySize =
      value !== null &&
      constant !== null &&
      p.request !== null &&
      p.request.bytes !== null &&
      Math.abs(p.request.bytes - Buffer.byteLength(value) - constant) <= 2;
    const refuted = p.message !== null && value !== null && !inMessage && !p.message.includes(value.slice(0, 20));
    const must = p.request?.actor !== 'strict' ? 0 : inMessage && bySize ? tier.verified : inMessage ? tier.executed : bySize ? tier.verified : 0;
    const may = refuted ? tier.possible : Math.max(must, tier.possible);
    const tierTable = await loadTiers(engine, [{ must, may }]);
    const claimOf = (dataset: Dataset): string => {
      const id = claims.add(
        {
          kind: 'injection',
          datasetId: dataset.id,
          mustTier: must,
          mayTier: may,
          rule: 'error-message',
          statement: p.text.slice(0, 4000),
          premises: { in_message: inMessage, size_agrees: bySize, probes: probes.length },
          assumptions: ['snapshot-unchanged'],
        },
        { shown: JSON.stringify(p.shown) },
      );
      claims.source(id, { eventId: p.eventId, requestId: p.request?.eventId ?? null });
      return id;
    };
    await recordReplay(claims, r, { must: sql`b.must`, may: sql`b.may` }, tierTable, false, claimOf);
    // One message spells out one value.
    const [size] = await outputSizes(engine, r.relation, null);
    await recordCounts(engine, claims, r, size!, [{ must: 0, may, rowsOut: 1 }], claimOf);
  }
  return told;
}

/**
 * Which row a sub-select reached may be open (ties in its order, no order at all), yet the message spells its value out: rows with another value were
 * not shown, and a value that only one row has names it. Narrows `replay_result`, unless no row fits; returns how many do.
 */
async function narrow(engine: Engine, message: string): Promise<number> {
  const told = sql`cast(c0 as varchar)`;
  // An export does not tell an empty text from NULL, and injections put a blank for NULL: the second look leaves blanks out, and names no row for certain.
  const looks = [
    sql`length(${told}) > 2 and contains(${message}, ${told})`,
    sql`length(${told}) > 2 and contains(replace(${message}, ' ', ''), replace(${told}, ' ', ''))`,
  ];
  for (const [i, said] of looks.entries()) {
    const n = Number((await engine.row<{ n: number }>('exposure.error_rows', sql`select count(*) as n from replay_result where ${said}`)).n);
    if (n === 0) continue;
    await engine.run(
      'exposure.error_narrow',
      sql`create or replace temp table replay_result as select * replace (${i === 0 && n === 1} as m) from replay_result where ${said}`,
    );
    return i === 0 ? n : Math.max(2, n);
  }
  return 0;
}

function selectOf(shown: Ast): Ast {
  return { targetList: [{ ResTarget: { val: shown } }], limitOption: 'LIMIT_OPTION_DEFAULT', op: 'SETOP_NONE' };
}

/** The constant part of the answers' size when at least five answers of different length agree on it (slope one), else null. */
function commonDifference(list: readonly { size: number; length: number }[]): number | null {
  if (list.length < 5 || new Set(list.map(x => x.length)).size < 2) return null;
  const differences = list.map(x => x.size - x.length).sort((a, b) => a - b);
  const middle = differences[differences.length >> 1]!;
  return differences.filter(d => Math.abs(d - middle) <= 2).length >= 0.9 * differences.length ? middle : null;
}
