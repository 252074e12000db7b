import { groupBy } from '../../base/index.ts';
import type { PremiseName } from '../../case/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue, Dataset } from '../catalogue.ts';
import { type Claims, loadTiers } from '../claims/claims.ts';
import { recordCounts } from '../claims/count-rows.ts';
import type { Premises } from '../claims/premises.ts';
import { claimUnknownNames } from '../claims/unknown-names.ts';
import type { RouteRead } from '../routes/binding.ts';
import { type Instance, showsBody } from '../routes/instances.ts';
import type { Request } from '../routes/requests.ts';
import type { RouteModel } from '../routes/route-models.ts';
import { type Display, echoOf, type Features, judgeSize, type SizeModel } from '../routes/size-model.ts';
import { statementSlackUs } from '../routes/statement-index.ts';
import { isStarred, targetsOf } from '../sql/index.ts';
import { tier } from '../tables.ts';
import type { Changes } from './changes.ts';
import { timesOf, unsettled } from './epochs.ts';
import { columnSizes, type OutputSize, outputSizes, type Replay, recordReplay } from './replay.ts';
import { type Group, instanceTable, type Member, replayGroup } from './replay-group.ts';
import { columnsIn, tablesIn } from './statements.ts';

/** What the replay of one member gave, for the size check of its request. */
export type Predicted = Map<Instance, OutputSize>;

/** Sizes of what every instance would show; not certain where a value it shows may have been another one then. */
export async function predictSizes(engine: Engine, catalogue: Catalogue, groups: readonly Group[], changes: Changes = new Map()): Promise<Predicted> {
  const out: Predicted = new Map();
  for (const g of groups) {
    await replayGroup(engine, catalogue, g, async ({ replay: r, tuples, batch }) => {
      if (!r) return;
      const sizes = await outputSizes(engine, r.relation, batch ? instanceTable : null);
      const opaque = r.relation.columns.some(c => c.type === 'opaque');
      const other = await shownOtherwise(engine, r, g, changes, batch);
      for (const s of sizes) for (const m of tuples[s.n]?.members ?? []) out.set(m.instance, opaque || other(s.n) ? { ...s, certain: false } : s);
    });
  }
  return out;
}

/** Tells of which of a group's statements some record they show was changed on the way to the snapshot. */
async function shownOtherwise(engine: Engine, r: Replay, g: Group, changes: Changes, batch: boolean): Promise<(n: number) => boolean> {
  if (!r.relation.occurrences.some(o => changes.has(o.dataset.id))) return () => false;
  const span = g.members.reduce(
    (all, m) => {
      const ran = timesOf(m.instance);
      return { fromUs: Math.min(all.fromUs, ran.fromUs), toUs: Math.max(all.toUs, ran.toUs) };
    },
    { fromUs: Infinity, toUs: -Infinity },
  );
  const touched = r.relation.occurrences
    .filter(o => !o.list && changes.has(o.dataset.id))
    .map(
      o =>
        sql`select distinct ${batch ? sql`n` : sql`0`} as n from (select ${sql.id(o.ref)} as row_no ${batch ? sql`, n` : sql``} from replay_result) where ${unsettled(o.dataset, span, changes)}`,
    );
  if (touched.length === 0) return () => false;
  const found = new Set((await engine.rows<{ n: number }>('exposure.shown_otherwise', sql.join(touched, sql` union `))).map(x => Number(x.n)));
  return n => found.has(n);
}

/** Bytes by column of what every instance would show, where it reads one data set. */
export async function predictColumns(engine: Engine, catalogue: Catalogue, groups: readonly Group[]): Promise<Map<Instance, ReadonlyMap<number, number>>> {
  const out = new Map<Instance, ReadonlyMap<number, number>>();
  for (const g of groups)
    await replayGroup(engine, catalogue, g, async ({ replay: r, tuples, batch }) => {
      if (!r) return;
      for (const s of await columnSizes(engine, r.relation, batch ? instanceTable : null))
        if (s.certain) for (const m of tuples[s.n]?.members ?? []) out.set(m.instance, s.bytes);
    });
  return out;
}

export type Verdict = 'agrees' | 'fits' | 'empty' | 'differs' | 'unknown';

/** Judge the size of each request from all reads it ran. */
export function judgeRequests(
  instances: readonly Instance[],
  predicted: Predicted,
  models: ReadonlyMap<string, { model: SizeModel; reads: readonly RouteRead[] }>,
): Map<Request, Verdict> {
  const byRequest = groupBy(
    instances.filter(i => i.request && i.routeRead),
    i => i.request!,
  );
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
          echoOf(request.values, entry.reads),
        )
      : 'unknown';
    out.set(request, verdict !== 'agrees' && list.some(i => predicted.get(i)?.certain === false) ? 'unknown' : verdict);
  }
  return out;
}

export type EvaluationNotes = {
  readonly failures: Map<string, number>;
  readonly widened: Map<string, number>;
  mismatches: number;
  rowCountMismatches: number;
  readonly premises: Premises;
  /** Names in FROM that are no dataset, in statements of the intruder. */
  readonly unknown: Map<string, number>;
};

/** Replay every group and write its claims with the tier each request earned. */
export async function claimGroups(
  engine: Engine,
  catalogue: Catalogue,
  claims: Claims,
  groups: readonly Group[],
  verdicts: ReadonlyMap<Request, Verdict>,
  models: ReadonlyMap<string, RouteModel>,
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
          const own = weighed(m, tiersOf(m, verdicts, display, sizes[n] ?? null), notes.premises);
          const ran = m.instance.statement ?? m.instance.request;
          if (own.must > 0) fromUs = Math.min(fromUs, (ran?.loUs ?? 0) - statementSlackUs);
          if (own.may > 0) toUs = Math.max(toUs, (ran?.hiUs ?? Infinity) + statementSlackUs);
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
      if (r.unknownTables.length > 0) await claimUnknownNames(claims, catalogue, g, r.unknownTables, notes);
      if (notes.premises.get('snapshot-unchanged') === false) await claimOtherRows(claims, r, g);
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
            assumptions: [...new Set(tuples.flatMap(t => t.members.flatMap(m => assumptionsOf(m.instance))))].sort(),
          },
          identity,
        );
        return id;
      };
      const sure = route ? sureColumns(route, entry, r) : null;
      await recordReplay(claims, r, { must: sql`b.must`, may: sql`b.may` }, tierTable, batch, claimOf, sure);
      claimInfluenced(catalogue, claims, r, g, g.members[0]!.instance.statement?.text ?? describe(g));
      await linkSources(engine, claims, r, tuples, batch, best, claimOf);
      if (!batch)
        await recordCounts(
          engine,
          claims,
          r,
          sizes[0]!,
          tuples[0]!.members.map(m => ({ ...tiersOf(m, verdicts, display, sizes[0]!), rowsOut: m.instance.statement?.rowsOut ?? null })),
          claimOf,
        );
    });
  }
}

/**
 * Columns that are certainly shown when a row is; null: all that the statement names. A star names none, so that only those count whose lengths
 * show in the sizes of the answers; a column that is named and whose length plainly shows nowhere is read by the application for itself.
 */
function sureColumns(route: RouteRead, entry: RouteModel | undefined, r: Replay): ReadonlySet<number> | null {
  if ('sure' in route) return (route as RouteRead & { sure: ReadonlySet<number> }).sure;
  const told = entry?.columns.get(route);
  if (isStarred(targetsOf(route.read.select))) return told?.shown ?? new Set();
  if (!told || told.hidden.size === 0) return null;
  return new Set(r.relation.columns.flatMap(c => c.origins.map(o => o.column)).filter(c => !told.hidden.has(c)));
}

/** Data sets of which any record may have decided the answer without standing in it. */
export function claimInfluenced(catalogue: Catalogue, claims: Claims, r: Replay, g: Group, statement: string): void {
  for (const id of [...r.influenced].sort()) {
    const dataset = catalogue.datasets.find(d => d.id === id);
    if (!dataset) continue;
    const claim = claims.influence(dataset, statement.slice(0, 4000), { shape: g.read.shape });
    for (const m of g.members.slice(0, 3))
      claims.source(claim, { eventId: m.instance.statement?.eventId ?? null, requestId: m.instance.request?.eventId ?? null });
  }
}

/** The events behind the rows of a replay. */
export async function linkSources(
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
  if (i.sent) return 'sent-before-abort';
  if (!i.request) return 'statement-of-intruder';
  return i.statement
    ? 'statement-of-request'
    : i.routeRead?.source === 'case-file'
      ? 'route-of-case-file'
      : i.routeRead?.source === 'sizes'
        ? 'route-from-sizes'
        : 'route-learned';
}

function assumptionsOf(i: Instance): PremiseName[] {
  const out: PremiseName[] = ['snapshot-unchanged'];
  if (i.certainty === 'wide') out.push('actor-wide');
  if (i.sent) out.push('sent-in-order');
  if (i.request && !i.statement && i.routeRead?.source === 'log' && !i.injected) out.push('route-stable');
  if (i.routeRead?.source === 'case-file') out.push('route-as-stated');
  if (i.routeRead?.source === 'sizes') out.push('route-inferred-from-sizes');
  return out;
}

/** What is taken from a route as it ran for others is only possible where a person has said that it did not run so for the intruder. */
function weighed<T extends { must: number; may: number }>(m: Member, tiers: T, premises: Premises): T {
  const stable = m.instance.statement !== null || m.instance.injected || m.instance.routeRead?.source !== 'log' || premises.get('route-stable') !== false;
  return stable ? tiers : { ...tiers, must: 0, may: Math.min(tiers.may, tier.possible) };
}

/** Where the snapshot may hold other values than were there, conditions on anything but the key may have chosen other rows. */
async function claimOtherRows(claims: Claims, r: Replay, g: Group): Promise<void> {
  for (const dataset of new Map(r.relation.occurrences.map(o => [o.dataset.id, o.dataset])).values()) {
    const free = r.predicates.some(p => p.dataset === dataset.id && !dataset.key.includes(dataset.columns.find(c => c.no === p.column)?.name ?? ''));
    if (free)
      await claimTable(claims, dataset, columnsIn(g.read.select), {
        kind: 'table-bound',
        rule: 'snapshot-changed',
        statement: g.members[0]!.instance.statement?.text ?? describe(g),
        reason: 'snapshot-unchanged',
        identity: [g.read.shape, 'snapshot-changed'],
      });
  }
}

function describe(g: Group): string {
  return `${g.members[0]!.instance.routeRead?.route ?? ''} → ${[...tablesIn(g.read.select)].join(', ')} (${[...columnsIn(g.read.select)].join(', ')})`;
}

/** Lower and upper tier one execution can give its rows. */
function tiersOf(
  m: Member,
  verdicts: ReadonlyMap<Request, Verdict>,
  display: Display | undefined,
  size: OutputSize | null,
): { must: number; may: number; note?: 'size' | 'rows' } {
  const i = m.instance;
  if (i.statement?.failed) return { must: 0, may: 0 };
  const body = i.request ? showsBody(i.request) : 'yes';
  if (body === 'no') return { must: 0, may: 0 };
  if (display === 'no') return { must: 0, may: tier.reachable };
  if (display === 'doubtful') return { must: 0, may: tier.possible };
  const rowsAgree =
    i.statement?.rowsOut === null || i.statement?.rowsOut === undefined || size === null || !size.certain ? null : i.statement.rowsOut === size.rows;
  if (i.statement?.rowsOut === 0) return { must: 0, may: 0 };
  if (i.sent) return { must: tier.executed, may: tier.executed };
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
export async function wholeTables(claims: Claims, catalogue: Catalogue, g: Group, failure: string, sqlText = ''): Promise<void> {
  const names = columnsIn(g.read.select);
  for (const table of [...tablesIn(g.read.select)].sort()) {
    const dataset = catalogue.byTable(table);
    if (!dataset) continue;
    await claimTable(claims, dataset, names, {
      kind: 'table-bound',
      rule: 'statement-not-replayed',
      statement: g.members[0]!.instance.statement?.text ?? sqlText,
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
