import { SECOND, sha256Hex } from '../base/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import type { Catalogue, Dataset } from './catalogue.ts';
import { type Claims, loadTiers } from './claims.ts';
import { type Folded, foldConstants } from './fold.ts';
import { type Instance, showsBody } from './instances.ts';
import type { RouteRead } from './link-statements.ts';
import { failed, type OutputSize, outputSizes, type Replay, recordReplay, replay } from './replay.ts';
import type { Request } from './requests.ts';
import { echoOf, type Features, judgeSize, type SizeModel } from './size-model.ts';
import { type Ast, shapeOf } from './sql/index.ts';
import { columnsIn, parametrised, type ReadableStatement, tablesIn } from './statements.ts';
import { tier } from './tables.ts';

/** Instances of one shape: replayed together. */
export type Group = {
  readonly key: string;
  readonly read: ReadableStatement;
  readonly folded: Folded;
  readonly members: readonly Member[];
  readonly varying: readonly number[];
};
export type Member = { readonly instance: Instance; readonly values: readonly (string | null | undefined)[]; readonly constants: readonly Ast[] };

/** What the replay of one member gave, for the size check of its request. */
export type Predicted = Map<Instance, OutputSize>;

/** Put instances of one shape together; conditions that do not look at rows are folded away first. */
export function groupInstances(instances: readonly Instance[]): Group[] {
  const groups = new Map<string, { read: ReadableStatement; folded: Folded; members: Member[] }>();
  for (const instance of instances) {
    const folded = instance.injected ? foldConstants(instance.read.select) : { select: instance.read.select, constants: [] };
    let read = instance.read;
    let values = instance.values;
    if (folded.constants.length > 0) {
      const { shape, slots } = shapeOf(folded.select);
      read = { ...read, select: folded.select, shape: sha256Hex(shape).slice(0, 16), slots };
      values = slots.map(s => (s.kind === 'literal' ? s.value : instance.parameters[s.number - 1]));
    }
    const key = `${read.shape}${instance.routeRead?.route ?? ''}`;
    const member: Member = { instance, values, constants: folded.constants };
    const known = groups.get(key);
    if (known) known.members.push(member);
    else groups.set(key, { read, folded, members: [member] });
  }
  return [...groups]
    .sort((a, b) => (a[0] < b[0] ? -1 : 1))
    .map(([key, g]) => {
      // The tree is one statement of the shape: every slot in which a member has another literal than the tree must be given.
      const varying = g.read.slots
        .map((_, i) => i)
        .filter(i => g.read.slots[i]!.kind === 'parameter' || g.members.some(m => m.values[i] !== g.read.slots[i]!.value));
      return { key, ...g, varying };
    });
}

/** The members of a group by their values, the smallest event first: what has to be replayed once each. */
function distinctMembers(g: Group): { values: readonly (string | null | undefined)[]; members: Member[] }[] {
  const out = new Map<string, { values: readonly (string | null | undefined)[]; members: Member[] }>();
  for (const m of g.members) {
    const key = JSON.stringify(m.values.map(v => (v === undefined ? { u: 1 } : v)));
    const known = out.get(key);
    if (known) known.members.push(m);
    else out.set(key, { values: m.values, members: [m] });
  }
  return [...out.values()];
}

/** Clocks of the web server and the database agree no better than this. */
const slack = 1.5 * SECOND;
const instanceTable = sql.id('replay_batch');
const classTable = sql.id('replay_class');
/** Rows a batch should give, about: more in one piece would not fit. */
const batchRows = 4_000_000;

type Tuple = { readonly values: readonly (string | null | undefined)[]; readonly members: Member[] };
type Use = (replayed: { replay: Replay | null; failure: string | null; tuples: readonly { members: readonly Member[] }[]; batch: boolean }) => Promise<void>;

/**
 * Replay a group and hand each replayed set to `use`: the distinct value tuples in order with their members, and the batch
 * table when all were replayed at once. A replay that failed comes with `replay` null.
 */
export async function replayGroup(engine: Engine, catalogue: Catalogue, g: Group, use: Use): Promise<void> {
  const tuples = distinctMembers(g);
  const whole = new Set(
    g.varying.filter(slot => g.read.slots[slot]!.whole && tuples.every(t => t.values[slot] === undefined || /^-?\d{1,18}$/.test(t.values[slot] ?? ''))),
  );
  const tree = parametrised(g.read, g.varying, whole);
  const one = async (t: Tuple, members: readonly Member[]): Promise<void> => {
    const r = await replay(engine, catalogue, { select: tree, parameters: g.varying.map(slot => t.values[slot]), batch: null, foreign: g.read.foreign });
    await use(
      failed(r) ? { replay: null, failure: r.failure, tuples: [{ members }], batch: false } : { replay: r, failure: null, tuples: [{ members }], batch: false },
    );
  };
  const known = tuples.filter(t => t.values.every(v => v !== undefined));
  for (const t of tuples) if (t.values.some(v => v === undefined)) await one(t, t.members);
  if (known.length === 0) return;
  if (known.length === 1) return one(known[0]!, known[0]!.members);
  const windows = windowParameters(tree);
  const outcome = await replayBatch(engine, catalogue, g, known, tree, windows, use);
  if (outcome === 'done') return;
  if (outcome === 'unordered') {
    // Any row may stand in a window without an order: windows of one length are alike, whether they start at the first row or later.
    for (const alike of byWindow(known, g, windows))
      await one(
        alike[0]!,
        alike.flatMap(t => t.members),
      );
    return;
  }
  for (const t of known) await one(t, t.members);
}

/** All tuples at once, in pieces that fit. Says why when they have to be run one by one. */
async function replayBatch(
  engine: Engine,
  catalogue: Catalogue,
  g: Group,
  tuples: readonly Tuple[],
  tree: Ast,
  windows: ReadonlySet<number>,
  use: Use,
): Promise<'done' | 'unordered' | 'one-by-one'> {
  let size = Math.min(tuples.length, 2_000);
  for (let from = 0; from < tuples.length; ) {
    const part = tuples.slice(from, from + size);
    await loadBatch(engine, g, part, windows);
    const r = await replay(engine, catalogue, {
      select: tree,
      parameters: g.varying.map((_, i) => sql`b.${sql.id(`p${i}`)}`),
      batch: { classes: classTable, instances: instanceTable },
      windowParameters: windows,
      foreign: g.read.foreign,
    });
    if (failed(r)) {
      if (from === 0 && r.failure.startsWith('not-batchable')) return r.failure.endsWith('unordered') ? 'unordered' : 'one-by-one';
      if (from === 0 && r.failure === 'engine') return 'one-by-one';
      await use({ replay: null, failure: r.failure, tuples: part, batch: true });
    } else await use({ replay: r, failure: null, tuples: part, batch: true });
    from += part.length;
    const { n } = await engine.row<{ n: number }>('exposure.batch_rows', failed(r) ? sql`select 0 as n` : sql`select count(*) as n from replay_result`);
    size = Math.max(200, Math.min(100_000, Math.floor((batchRows * part.length) / Math.max(n, 1))));
  }
  return 'done';
}

async function loadBatch(engine: Engine, g: Group, part: readonly Tuple[], windows: ReadonlySet<number>): Promise<void> {
  const columns = g.varying.map((_, i) => ({ name: `p${i}`, type: 'VARCHAR' as const }));
  const classes = new Map<string, { g: number; values: (string | null)[] }>();
  const rows = part.map((t, n) => {
    const values = g.varying.map((slot, i) => (windows.has(i + 1) ? null : (t.values[slot] ?? null)));
    const key = JSON.stringify(values);
    let known = classes.get(key);
    if (!known) classes.set(key, (known = { g: classes.size, values }));
    return [n, known.g, ...g.varying.map(slot => t.values[slot] ?? null)];
  });
  await engine.load('replay_batch', [{ name: 'n', type: 'BIGINT' }, { name: 'g', type: 'BIGINT' }, ...columns], rows);
  await engine.load(
    'replay_class',
    [{ name: 'g', type: 'BIGINT' }, ...columns],
    [...classes.values()].map(c => [c.g, ...c.values]),
  );
}

/** Numbers of the parameters of a tree that stand in LIMIT or OFFSET and nowhere else. */
function windowParameters(tree: Ast): Set<number> {
  const inside = new Set<number>();
  const outside = new Set<number>();
  const walk = (value: unknown, window: boolean): void => {
    if (Array.isArray(value)) for (const v of value) walk(v, window);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return;
    for (const [key, v] of Object.entries(value)) {
      if (key === 'ParamRef') (window ? inside : outside).add((v as { number?: number }).number ?? 0);
      else walk(v, window || key === 'limitCount' || key === 'limitOffset');
    }
  };
  walk(tree, false);
  return new Set([...inside].filter(n => !outside.has(n)));
}

/** Tuples that differ only in where their windows start, the one that starts first before the others. */
function byWindow(tuples: readonly Tuple[], g: Group, windows: ReadonlySet<number>): Tuple[][] {
  const offsets = new Set(g.varying.filter((slot, i) => windows.has(i + 1) && g.read.slots[slot]!.place === 'offset'));
  const start = (t: Tuple): number => [...offsets].reduce((sum, slot) => sum + Number(t.values[slot] ?? 0), 0);
  const out = new Map<string, Tuple[]>();
  for (const t of tuples) {
    const key = JSON.stringify(g.varying.map(slot => (offsets.has(slot) ? Number(t.values[slot] ?? 0) > 0 : (t.values[slot] ?? null))));
    const known = out.get(key);
    if (known) known.push(t);
    else out.set(key, [t]);
  }
  return [...out.values()].map(list => [...list].sort((a, b) => start(a) - start(b)));
}

/** Sizes of what every instance would show. */
export async function predictSizes(engine: Engine, catalogue: Catalogue, groups: readonly Group[]): Promise<Predicted> {
  const out: Predicted = new Map();
  for (const g of groups) {
    await replayGroup(engine, catalogue, g, async ({ replay: r, tuples, batch }) => {
      if (!r) return;
      const sizes = await outputSizes(engine, r.relation, batch ? instanceTable : null);
      const opaque = r.relation.columns.some(c => c.type === 'opaque');
      for (const s of sizes) for (const m of tuples[s.n]?.members ?? []) out.set(m.instance, opaque ? { ...s, certain: false } : s);
    });
  }
  return out;
}

export type Verdict = 'agrees' | 'fits' | 'empty' | 'differs' | 'unknown';

/** Judge the size of each request from all reads it ran. */
export function judgeRequests(
  instances: readonly Instance[],
  predicted: Predicted,
  models: ReadonlyMap<string, { model: SizeModel; reads: readonly RouteRead[] }>,
): Map<Request, Verdict> {
  const byRequest = new Map<Request, Instance[]>();
  for (const i of instances) if (i.request && i.routeRead) byRequest.set(i.request, [...(byRequest.get(i.request) ?? []), i]);
  const out = new Map<Request, Verdict>();
  for (const [request, list] of byRequest) {
    const entry = models.get(list[0]!.routeRead!.route);
    if (!entry || request.bytes === null || list.some(i => i.ambiguous)) {
      out.set(request, 'unknown');
      continue;
    }
    const features: Features = entry.reads.map(read => {
      const p = list.find(i => i.routeRead === read);
      const size = p ? predicted.get(p) : undefined;
      return size ? { rows: size.rows, bytes: size.bytes, nulls: size.nulls } : { rows: 0, bytes: 0, nulls: 0 };
    });
    const complete = list.every(i => predicted.has(i));
    const verdict = complete
      ? judgeSize(
          entry.model,
          features,
          request.bytes,
          list.some(i => i.injected),
          echoOf(request.values),
        )
      : 'unknown';
    out.set(request, verdict !== 'agrees' && list.some(i => predicted.get(i)?.certain === false) ? 'unknown' : verdict);
  }
  return out;
}

export type EvaluationNotes = { readonly failures: Map<string, number>; readonly widened: Map<string, number>; mismatches: number; rowCountMismatches: number };

/** Replay every group and write its claims with the tier each request earned. */
export async function claimGroups(
  engine: Engine,
  catalogue: Catalogue,
  claims: Claims,
  groups: readonly Group[],
  verdicts: ReadonlyMap<Request, Verdict>,
  models: ReadonlyMap<string, { model: SizeModel; reads: readonly RouteRead[] }>,
  notes: EvaluationNotes,
): Promise<void> {
  for (const g of groups) {
    const route = g.members[0]!.instance.routeRead;
    const entry = route ? models.get(route.route) : undefined;
    const at = entry && route ? entry.reads.indexOf(route) : -1;
    const display = at >= 0 ? entry!.model.displayed[at] : 'unknown';
    await replayGroup(engine, catalogue, g, async ({ replay: r, failure, tuples, batch }) => {
      if (!r) {
        notes.failures.set(failure!, (notes.failures.get(failure!) ?? 0) + tuples.length);
        if (tuples.some(t => t.members.some(m => tiersOf(m, verdicts, display, null).may > 0))) await wholeTables(claims, catalogue, g, failure!);
        return;
      }
      for (const w of r.widened) notes.widened.set(w, (notes.widened.get(w) ?? 0) + tuples.length);
      const sizes = await outputSizes(engine, r.relation, batch ? instanceTable : null);
      const tiers = tuples.map((t, n) => {
        let must = 0;
        let may = 0;
        let fromUs = Infinity;
        let toUs = -Infinity;
        for (const m of t.members) {
          const own = tiersOf(m, verdicts, display, sizes[n] ?? null);
          const ran = m.instance.statement ?? m.instance.request;
          if (own.must > 0) fromUs = Math.min(fromUs, (ran?.loUs ?? 0) - slack);
          if (own.may > 0) toUs = Math.max(toUs, (ran?.hiUs ?? Infinity) + slack);
          must = Math.max(must, own.must);
          may = Math.max(may, own.may);
          if (own.note === 'size') notes.mismatches++;
          if (own.note === 'rows') notes.rowCountMismatches++;
        }
        return { must, may, ...(Number.isFinite(fromUs) && { fromUs }), ...(Number.isFinite(toUs) && { toUs }) };
      });
      if (tiers.every(t => t.may === 0)) {
        for (const o of r.relation.occurrences)
          for (const c of new Set(r.relation.columns.flatMap(x => x.origins.filter(y => y.occurrence === o.id).map(y => y.column))))
            claims.attempt(o.dataset, c, tuples.length);
        return;
      }
      const tierTable = await loadTiers(engine, tiers);
      const identity = { shape: g.read.shape, route: route?.route ?? null, values: batch ? null : tuples[0]!.members[0]!.values.map(v => v ?? null) };
      const best = tuples.flatMap(t => t.members).slice(0, 3);
      const claimOf = (dataset: Dataset): string => {
        const must = Math.max(...tiers.map(t => t.must));
        const id = claims.add(
          {
            kind: route ? 'request' : 'replay',
            datasetId: dataset.id,
            mustTier: must,
            mayTier: Math.max(...tiers.map(t => t.may)),
            rule: ruleOf(g.members[0]!.instance),
            statement: (g.members[0]!.instance.statement?.text ?? describe(g)).slice(0, 4000),
            premises: {
              route: route?.route ?? null,
              requests: new Set(tuples.flatMap(t => t.members.map(m => m.instance.request?.eventId ?? -1))).size,
              statements: tuples.flatMap(t => t.members).filter(m => m.instance.statement).length,
              support: route ? Math.round(route.support * 1000) / 1000 : null,
              learned_from: route?.learnedFrom ?? null,
              source: route?.source ?? null,
              size_check: entry
                ? {
                    valid: entry.model.valid,
                    tolerance: entry.model.tolerance,
                    agreed: tuples.flatMap(t => t.members).filter(m => m.instance.request && verdicts.get(m.instance.request) === 'agrees').length,
                  }
                : null,
              rows_out: sizes.length === 1 ? sizes[0]!.rows : null,
              widened: r.widened,
              injected: g.members[0]!.instance.injected,
              wide_actor: g.members.every(m => m.instance.certainty === 'wide'),
              other_tables: r.unknownTables,
            },
            assumptions: assumptionsOf(g.members[0]!.instance),
          },
          identity,
        );
        return id;
      };
      const sure = route && 'sure' in route ? (route as RouteRead & { sure: ReadonlySet<number> }).sure : null;
      await recordReplay(claims, r.relation, { must: sql`b.must`, may: sql`b.may` }, tierTable, batch, claimOf, sure);
      await linkSources(engine, claims, r, tuples, batch, best, claimOf);
      recordCut(claims, r, sizes, tiers, batch, claimOf);
    });
  }
}

/** LIMIT without a total order: how many rows were shown is known, which ones is not. */
function recordCut(
  claims: Claims,
  r: Replay,
  sizes: readonly OutputSize[],
  tiers: readonly { must: number }[],
  batch: boolean,
  claimOf: (d: Dataset) => string,
): void {
  const cut = r.relation.cut;
  if (
    !cut ||
    batch ||
    r.relation.certain ||
    sizes[0]!.certain ||
    tiers[0]!.must < tier.executed ||
    r.widened.some(w => w !== 'limit-without-order' && w !== 'collation')
  )
    return;
  if (r.relation.occurrences.length !== 1 || r.relation.occurrences[0]!.list) return;
  const shown = Math.min(cut.most, Math.max(0, sizes[0]!.rows - (r.widened.length > 0 ? cut.skip : 0)));
  const dataset = r.relation.occurrences[0]!.dataset;
  const columns = [...new Set(r.relation.columns.flatMap(c => c.origins.filter(o => o.display === 'shown').map(o => o.column)))];
  if (columns.length > 0 && shown > 0 && r.widened.length > 0) claims.count(claimOf(dataset), dataset, claims.colset(dataset, columns), shown, shown, 'limit');
}

async function linkSources(
  engine: Engine,
  claims: Claims,
  r: Replay,
  tuples: readonly { members: readonly Member[] }[],
  batch: boolean,
  best: readonly Member[],
  claimOf: (d: Dataset) => string,
): Promise<void> {
  const datasets = new Map(r.relation.occurrences.map(o => [o.dataset.id, o.dataset]));
  if (!batch) {
    for (const d of datasets.values())
      for (const m of best) claims.source(claimOf(d), { eventId: m.instance.statement?.eventId ?? null, requestId: m.instance.request?.eventId ?? null });
    return;
  }
  await engine.load(
    'replay_member',
    [
      { name: 'n', type: 'BIGINT' },
      { name: 'event_id', type: 'BIGINT' },
      { name: 'request_id', type: 'BIGINT' },
    ],
    tuples.map((t, n) => [n, t.members[0]!.instance.statement?.eventId ?? null, t.members[0]!.instance.request?.eventId ?? null]),
  );
  for (const o of r.relation.occurrences)
    if (!o.list)
      await claims.rowSources(claimOf(o.dataset), sql`select ${sql.id(o.ref)} as row_no, event_id, request_id from replay_result join replay_member using (n)`);
}

function ruleOf(i: Instance): string {
  if (i.injected) return 'injected-statement';
  if (!i.request) return 'statement-of-intruder';
  return i.statement
    ? 'statement-of-request'
    : i.routeRead?.source === 'case-file'
      ? 'route-of-case-file'
      : i.routeRead?.source === 'sizes'
        ? 'route-from-sizes'
        : 'route-learned';
}

function assumptionsOf(i: Instance): string[] {
  const out = ['snapshot-unchanged'];
  if (i.certainty === 'wide') out.push('actor-wide');
  if (i.request && i.routeRead?.source === 'log' && !i.injected) out.push('route-stable');
  if (i.routeRead?.source === 'case-file') out.push('route-as-stated');
  if (i.routeRead?.source === 'sizes') out.push('route-inferred-from-sizes');
  return out;
}

function describe(g: Group): string {
  return `${g.members[0]!.instance.routeRead?.route ?? ''} → ${[...tablesIn(g.read.select)].join(', ')} (${[...columnsIn(g.read.select)].join(', ')})`;
}

/** Lower and upper tier one execution can give its rows. */
function tiersOf(
  m: Member,
  verdicts: ReadonlyMap<Request, Verdict>,
  display: 'yes' | 'no' | 'unknown' | undefined,
  size: OutputSize | null,
): { must: number; may: number; note?: 'size' | 'rows' } {
  const i = m.instance;
  if (i.statement?.failed) return { must: 0, may: 0 };
  const body = i.request ? showsBody(i.request) : 'yes';
  if (body === 'no') return { must: 0, may: 0 };
  if (display === 'no') return { must: 0, may: tier.reachable };
  const rowsAgree =
    i.statement?.rowsOut === null || i.statement?.rowsOut === undefined || size === null || !size.certain ? null : i.statement.rowsOut === size.rows;
  if (i.statement?.rowsOut === 0) return { must: 0, may: 0 };
  if (i.certainty === 'wide' || i.ambiguous || body === 'part' || !i.read.exact || m.values.some(v => v === undefined)) return { must: 0, may: tier.possible };
  if (rowsAgree === false) return { must: 0, may: tier.possible, note: 'rows' };
  const verdict = i.request ? (verdicts.get(i.request) ?? 'unknown') : 'unknown';
  if (verdict === 'empty') return { must: 0, may: 0 };
  if (verdict === 'agrees') return i.routeRead?.source === 'sizes' ? { must: tier.executed, may: tier.executed } : { must: tier.verified, may: tier.verified };
  if (verdict === 'fits') return { must: i.statement || rowsAgree === true ? tier.executed : 0, may: tier.executed };
  if (verdict === 'differs') return { must: 0, may: tier.possible, note: 'size' };
  if (m.constants.length > 0 || i.conditional) return { must: rowsAgree === true ? tier.verified : 0, may: tier.possible };
  if (rowsAgree === true) return { must: tier.verified, may: tier.verified };
  if (!i.statement && i.routeRead?.source === 'log') return { must: 0, may: tier.possible };
  if (i.request && i.routeRead && 'proved' in i.routeRead && (i.routeRead as { proved?: ReadonlySet<number> }).proved?.has(i.request.eventId))
    return { must: tier.executed, may: tier.executed };
  if (i.routeRead?.source === 'sizes') return { must: 0, may: tier.possible };
  return { must: tier.executed, may: tier.executed };
}

/** A statement that cannot be replayed: every row of every table it names, the columns it names, possible. */
export async function wholeTables(claims: Claims, catalogue: Catalogue, g: Group, failure: string): Promise<void> {
  const names = columnsIn(g.read.select);
  for (const table of [...tablesIn(g.read.select)].sort()) {
    const dataset = catalogue.byTable(table);
    if (!dataset) continue;
    await claimTable(claims, dataset, names, {
      kind: 'table-bound',
      rule: 'statement-not-replayed',
      statement: g.members[0]!.instance.statement?.text ?? '',
      reason: failure,
      identity: g.read.shape,
    });
    for (const m of g.members.slice(0, 3))
      claims.source(claims.last, { eventId: m.instance.statement?.eventId ?? null, requestId: m.instance.request?.eventId ?? null });
  }
}

export async function claimTable(
  claims: Claims,
  dataset: Dataset,
  names: ReadonlySet<string>,
  why: { kind: string; rule: string; statement: string; reason: string; identity: unknown },
): Promise<string> {
  const columns = dataset.columns.filter(c => names.has('*') || names.has(c.name.toLowerCase())).map(c => c.no);
  const id = claims.add(
    {
      kind: why.kind,
      datasetId: dataset.id,
      mustTier: 0,
      mayTier: tier.possible,
      rule: why.rule,
      statement: why.statement.slice(0, 4000),
      premises: { reason: why.reason },
      assumptions: [],
    },
    why.identity,
  );
  if (columns.length > 0)
    await claims.rows(id, claims.colset(dataset, columns), sql`select row_no, 0 as lower, ${tier.possible} as upper from ${sql.id(dataset.view)}`);
  return id;
}
