import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue, Dataset } from '../catalogue.ts';
import type { Changes } from '../replay/changes.ts';
import { claimInfluenced, claimTable, linkSources, predictSizes, wholeTables } from '../replay/evaluate.ts';
import { failed, outputSizes, recordReplay, replay } from '../replay/replay.ts';
import { type Group, groupInstances, type Member, replayGroup } from '../replay/replay-group.ts';
import { type ReadableStatement, readingOf } from '../replay/statements.ts';
import type { Instance } from '../routes/instances.ts';
import type { Request } from '../routes/requests.ts';
import { holesIn } from '../routes/walks.ts';
import { withSlots } from '../sql/index.ts';
import { tier } from '../tables.ts';
import { type Claims, loadTiers } from './claims.ts';
import { recordCounts } from './count-rows.ts';
import { exists } from './write-cells.ts';

type Row = { event_id: number; step_id: string | null; technique: string; sql_text: string; response_shown: boolean; outcome: string | null };

/**
 * Statements that an injection made the server run, as rebuilt from requests alone. Only those no database log line told already
 * (`known` holds the requests that were linked). Proof of display is the size of the answer.
 */
export async function claimInjected(
  engine: Engine,
  catalogue: Catalogue,
  claims: Claims,
  requests: readonly Request[],
  known: ReadonlySet<number>,
  logWhole = false,
  changes: Changes = new Map(),
): Promise<number> {
  if (!(await exists(engine, 'injected_statement'))) return 0;
  const steps = await exists(engine, 'step');
  const rows = await engine.rows<Row>(
    'exposure.injected',
    sql`select i.event_id, i.step_id, i.technique, i.sql_text, i.response_shown, ${steps ? sql`s.outcome` : sql`null::varchar`} as outcome
    from injected_statement i ${steps ? sql`left join step s using (step_id)` : sql``} where i.sql_text is not null order by i.event_id, i.sql_text`,
  );
  const byEvent = new Map(requests.map(r => [r.eventId, r]));
  let unparseable = 0;
  const mine = rows.filter(r => byEvent.has(r.event_id) && !known.has(r.event_id));
  const instances = new Map<Instance, { row: Row; request: Request }>();
  const replayed: { row: Row; request: Request; value: number | null }[] = [];
  for (const row of mine) {
    const request = byEvent.get(row.event_id)!;
    const instance = asInstance(row, request);
    if (instance) instances.set(instance, { row, request });
    else replayed.push({ row, request, value: null });
  }
  const sizes = await predictSizes(engine, catalogue, groupInstances([...instances.keys()], catalogue, changes));
  for (const [instance, { row, request }] of instances) {
    const size = sizes.get(instance);
    replayed.push({ row, request, value: size?.certain ? size.bytes : null });
  }
  const constant = commonSize(replayed.filter(x => x.row.technique.includes('error')));
  const judged = new Map<Row, Judged>();
  for (const { row, request, value } of replayed) {
    const error = row.technique.includes('error');
    const status = request.status ?? 0;
    const answered = error ? status >= 200 : status >= 200 && status < 300;
    const bytes = request.bytes;
    const bySize =
      value !== null &&
      bytes !== null &&
      (error ? constant !== null && Math.abs(bytes - value - constant) <= 16 : value >= 120 && bytes >= 0.9 * value && bytes <= 1.35 * value + 1500);
    const refuted = value !== null && bytes !== null && value >= 400 && bytes < 0.3 * value;
    const executed = row.response_shown && request.actor === 'strict' && answered && row.outcome !== 'blocked' && row.outcome !== 'attempted';
    const must =
      executed && bySize
        ? tier.verified
        : executed && row.outcome === 'succeeded' && !refuted && row.technique.includes('union') && value !== null
          ? tier.executed
          : 0;
    const may = !answered && !error ? 0 : refuted ? tier.reachable : Math.max(must, tier.possible);
    if ('none' in readingOf(row.sql_text)) {
      unparseable++;
      await boundByNames(claims, catalogue, row.sql_text, request.eventId);
    } else judged.set(row, { must, may, bySize });
  }
  // Statements of one shape and technique are replayed together and make one claim.
  for (const technique of [...new Set([...instances.values()].map(x => x.row.technique))].sort()) {
    const own = [...instances].filter(([, x]) => x.row.technique === technique).map(([i]) => i);
    for (const g of groupInstances(own, catalogue, changes)) await claimShape(engine, catalogue, claims, g, instances, judged);
  }
  await claimWalkHoles(
    engine,
    catalogue,
    claims,
    rows.filter(r => byEvent.has(r.event_id)),
    known,
    logWhole,
  );
  return unparseable;
}

type Judged = { readonly must: number; readonly may: number; readonly bySize: boolean };

/** A rebuilt statement as an execution for its request; null when no grammar takes it. */
function asInstance(row: Row, request: Request): Instance | null {
  const read = readingOf(row.sql_text);
  if ('none' in read) return null;
  return {
    read,
    values: read.slots.map(s => s.value),
    parameters: [],
    request,
    statement: null,
    routeRead: null,
    certainty: request.actor ?? 'wide',
    ambiguous: false,
    injected: false,
    conditional: false,
  };
}

async function claimShape(
  engine: Engine,
  catalogue: Catalogue,
  claims: Claims,
  g: Group,
  instances: ReadonlyMap<Instance, { row: Row; request: Request }>,
  judged: ReadonlyMap<Row, Judged>,
): Promise<void> {
  await replayGroup(engine, catalogue, g, async ({ replay: r, failure, tuples, batch }) => {
    const of = (m: Member): { row: Row; request: Request; own: Judged } => {
      const x = instances.get(m.instance)!;
      return { ...x, own: judged.get(x.row)! };
    };
    const runs = tuples.map(t => t.members.map(of));
    const tiers = runs.map(list => ({ must: Math.max(...list.map(x => x.own.must)), may: Math.max(...list.map(x => x.own.may)) }));
    const first = runs.flat()[0]!;
    if (!r) {
      if (tiers.some(t => t.may > 0)) await wholeTables(claims, catalogue, g, failure!, first.row.sql_text);
      return;
    }
    if (tiers.every(t => t.may === 0)) {
      for (const o of r.relation.occurrences)
        for (const c of new Set(r.relation.columns.flatMap(x => x.origins.filter(y => y.occurrence === o.id).map(y => y.column))))
          claims.attempt(o.dataset, c, runs.flat().length);
      return;
    }
    const claimOf = (dataset: Dataset): string =>
      claims.add(
        {
          kind: 'injection',
          datasetId: dataset.id,
          mustTier: Math.max(...tiers.map(t => t.must)),
          mayTier: Math.max(...tiers.map(t => t.may)),
          rule: first.row.technique.includes('error') ? 'error-message' : 'injected-statement',
          statement: first.row.sql_text.slice(0, 4000),
          premises: { step: first.row.step_id, statements: runs.flat().length, size_agrees: runs.flat().some(x => x.own.bySize), widened: r.widened },
          assumptions: ['snapshot-unchanged'],
        },
        { shape: g.read.shape, technique: first.row.technique, values: batch ? null : tuples[0]!.members[0]!.values },
      );
    await recordReplay(claims, r, { must: sql`b.must`, may: sql`b.may` }, await loadTiers(engine, tiers), batch, claimOf);
    claimInfluenced(catalogue, claims, r, g, first.row.sql_text);
    await linkSources(engine, claims, r, tuples, batch, tuples.flatMap(t => t.members).slice(0, 3), claimOf);
    if (batch) return;
    const [size] = await outputSizes(engine, r.relation, null);
    await recordCounts(
      engine,
      claims,
      r,
      size!,
      runs[0]!.map(x => ({ must: x.own.must, may: x.own.may, rowsOut: null })),
      claimOf,
    );
  });
}

/** Row by row extraction walks an offset: steps whose request line is missing are possible. */
async function claimWalkHoles(
  engine: Engine,
  catalogue: Catalogue,
  claims: Claims,
  rows: readonly Row[],
  known: ReadonlySet<number>,
  logWhole: boolean,
): Promise<void> {
  const walks = new Map<string, { read: ReadableStatement; values: (string | null)[][]; told: number }>();
  for (const row of rows) {
    const reading = readingOf(row.sql_text);
    if ('none' in reading) continue;
    const walk = walks.get(reading.shape);
    const values = reading.slots.map(s => s.value);
    // A log that does not number its lines may not hold refused statements at all.
    const told = known.has(row.event_id) && (logWhole || !row.technique.includes('error')) ? 1 : 0;
    if (walk) {
      walk.values.push(values);
      walk.told += told;
    } else walks.set(reading.shape, { read: reading, values: [values], told });
  }
  for (const { read, values, told } of walks.values()) {
    // Where the database log tells nearly every step, a step without its request line would stand there by itself.
    if (told >= 0.9 * values.length) continue;
    const varying = read.slots.map((_, i) => i).filter(i => new Set(values.map(v => v[i])).size > 1);
    const slot = varying.find(i => values.every(v => /^\d{1,9}$/.test(v[i] ?? '')));
    if (slot === undefined || varying.length !== 1) continue;
    for (const n of holesIn(values.map(v => Number(v[slot])))) {
      const r = await replay(engine, catalogue, {
        select: withSlots(read.select, new Map([[slot, String(n)]])),
        parameters: [],
        batch: null,
        foreign: read.foreign,
      });
      if (failed(r)) continue;
      const tiers = await loadTiers(engine, [{ must: 0, may: tier.possible }]);
      const claimOf = (dataset: Dataset): string =>
        claims.add(
          {
            kind: 'hole',
            datasetId: dataset.id,
            mustTier: 0,
            mayTier: tier.possible,
            rule: 'hole-in-sequence',
            statement: rows[0]!.sql_text.slice(0, 4000),
            premises: {},
            assumptions: [],
          },
          { shape: read.shape, hole: true },
        );
      await recordReplay(claims, r, { must: sql`b.must`, may: sql`b.may` }, tiers, false, claimOf);
      const [size] = await outputSizes(engine, r.relation, null);
      await recordCounts(engine, claims, r, size!, [{ must: 0, may: tier.possible, rowsOut: null }], claimOf);
    }
  }
}

/** A text no grammar takes: the tables and columns whose names stand in it. */
export async function boundByNames(claims: Claims, catalogue: Catalogue, text: string, requestId: number | null): Promise<void> {
  const words = new Set(text.toLowerCase().match(/[\p{L}_][\p{L}\p{N}_$]*|\*/gu) ?? []);
  for (const dataset of catalogue.datasets) {
    if (!words.has(dataset.table)) continue;
    const id = await claimTable(claims, dataset, words, {
      kind: 'table-bound',
      rule: 'statement-not-replayed',
      statement: text,
      reason: 'unparseable',
      identity: text,
    });
    claims.source(id, { eventId: null, requestId });
  }
}

function commonSize(list: readonly { request: Request; value: number | null }[]): number | null {
  const differences = list
    .filter(x => x.value !== null && x.request.bytes !== null)
    .map(x => x.request.bytes! - x.value!)
    .sort((a, b) => a - b);
  if (differences.length < 5 || new Set(list.map(x => x.value)).size < 2) return null;
  const middle = differences[differences.length >> 1]!;
  return differences.filter(d => Math.abs(d - middle) <= 2).length >= 0.8 * differences.length ? middle : null;
}
