import type { Micros } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue, Dataset } from '../catalogue.ts';
import type { Changes } from '../replay/changes.ts';
import { windowMoved } from '../replay/drift.ts';
import { catalogueAt, epochFor } from '../replay/epochs.ts';
import { claimInfluenced, claimTable, linkSources, predictSizes, wholeTables } from '../replay/evaluate.ts';
import { failed, type OutputSize, outputSizes, recordReplay, replay } from '../replay/replay.ts';
import { type Group, groupInstances, instanceTable, replayGroup } from '../replay/replay-group.ts';
import { columnsIn, type ReadableStatement, type Reading, readingOf, type SourceDialect, tablesIn } from '../replay/statements.ts';
import type { Instance } from '../routes/instances.ts';
import type { Request } from '../routes/requests.ts';
import { holesIn } from '../routes/walks.ts';
import { withSlots } from '../sql/index.ts';
import { tier } from '../tables.ts';
import { type Claims, loadTiers } from './claims.ts';
import { recordCounts } from './count-rows.ts';
import { claimPossible } from './missing.ts';

type Row = {
  event_id: number;
  step_id: string | null;
  technique: string;
  dialect: string | null;
  sql_text: string;
  response_shown: boolean;
  outcome: string | null;
};

/**
 * Statements that an injection made the server run, as rebuilt from requests alone. Only those no database log line told already
 * (`known` holds the requests that were linked or whose error told; `logged` those whose very statement stands there). Proof of display is the
 * size of the answer.
 */
export async function claimInjected(
  engine: Engine,
  catalogue: Catalogue,
  claims: Claims,
  requests: readonly Request[],
  known: ReadonlySet<number>,
  logged: ReadonlySet<number> = new Set(),
  logWhole = false,
  changes: Changes = new Map(),
): Promise<number> {
  if (!(await engine.hasTable('injected_statement'))) return 0;
  const steps = await engine.hasTable('step');
  const rows = await engine.rows<Row>(
    'exposure.injected',
    sql`select i.event_id, i.step_id, i.technique, i.dialect, i.sql_text, i.response_shown, ${steps ? sql`s.outcome` : sql`null::varchar`} as outcome
    from injected_statement i ${steps ? sql`left join step s using (step_id)` : sql``} where i.sql_text is not null order by i.event_id, i.sql_text`,
  );
  const byEvent = new Map(requests.map(r => [r.eventId, r]));
  let unparseable = 0;
  const mine = rows.filter(r => byEvent.has(r.event_id) && !known.has(r.event_id));
  const instances = new Map<Instance, { row: Row; request: Request }>();
  const elsewhere: Instance[] = [];
  const unread: { row: Row; request: Request }[] = [];
  for (const row of mine) {
    const request = byEvent.get(row.event_id)!;
    const instance = asInstance(row, request);
    if (instance && windowMoved(instance.read.select, request.loUs, catalogue, changes)) {
      if (judge({ row, request }, null, null).may > 0) elsewhere.push({ ...instance, certainty: 'wide', ambiguous: true });
    } else if (instance) instances.set(instance, { row, request });
    else unread.push({ row, request });
  }
  // What an error message repeats is judged by what all such answers have in common: their sizes are needed before.
  const messages = [...instances].filter(([, x]) => x.row.technique.includes('error'));
  const sizes = await predictSizes(
    engine,
    catalogue,
    groupInstances(
      messages.map(([i]) => i),
      catalogue,
      changes,
    ),
  );
  const constant = commonSize(messages.map(([i, x]) => ({ request: x.request, value: valueOf(sizes.get(i)) })));
  const rebuilt = unread.length > 0 ? await rebuiltQuestions(engine) : new Set<number>();
  for (const { row, request } of unread) {
    unparseable++;
    // What a question told is the value that was rebuilt from the answers.
    if (!rebuilt.has(request.eventId)) await boundByNames(claims, catalogue, row.sql_text, request.eventId);
  }
  await claimPossible(engine, catalogue, claims, elsewhere, 'injected-statement', changes);
  // Statements of one shape and technique are replayed together and make one claim.
  for (const technique of [...new Set([...instances.values()].map(x => x.row.technique))].sort()) {
    const own = [...instances].filter(([, x]) => x.row.technique === technique).map(([i]) => i);
    for (const g of groupInstances(own, catalogue, changes)) await claimShape(engine, catalogue, claims, g, instances, (x, value) => judge(x, value, constant));
  }
  await claimWalkHoles(
    engine,
    catalogue,
    claims,
    rows.flatMap(r => (byEvent.has(r.event_id) ? [{ ...r, us: byEvent.get(r.event_id)!.loUs }] : [])),
    row => logged.has(row.event_id) || (logWhole && known.has(row.event_id)),
    changes,
  );
  return unparseable;
}

/** Requests whose answers became part of a rebuilt value. */
async function rebuiltQuestions(engine: Engine): Promise<ReadonlySet<number>> {
  if (!(await engine.hasTable('recovered_cell'))) return new Set();
  const rows = await engine.rows<{ event_id: number }>(
    'exposure.rebuilt_questions',
    sql`select distinct unnest(event_ids) as event_id from recovered_cell where status in ('exact', 'partial') and step_id in
      (select step_id from step where kind in ('sqli-boolean', 'sqli-time')) order by event_id`,
  );
  return new Set(rows.map(r => r.event_id));
}

type Judged = { readonly must: number; readonly may: number; readonly bySize: boolean };

/** Bytes that a replayed statement shows, where the replay is certain of them. */
const valueOf = (size: OutputSize | undefined): number | null => (size?.certain ? size.bytes : null);

/** What one injected statement showed, from how its request was answered and the bytes it should have shown. */
function judge({ row, request }: { row: Row; request: Request }, value: number | null, constant: number | null): Judged {
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
  return { must, may: !answered && !error ? 0 : refuted ? tier.reachable : Math.max(must, tier.possible), bySize };
}

const dialects: Readonly<Record<string, SourceDialect>> = { postgresql: 'postgresql', mysql: 'mysql', mssql: 'tsql', oracle: 'oracle' };

/** A rebuilt statement in the words of its database; where that is not known, text may compare by any collation. */
function readRebuilt(row: Row): Reading {
  const dialect = dialects[row.dialect ?? ''];
  const reading = readingOf(row.sql_text, dialect);
  return 'none' in reading || dialect !== undefined ? reading : { ...reading, foreign: true, shape: `${reading.shape}~` };
}

/** A rebuilt statement as an execution for its request; null when no grammar takes it. */
function asInstance(row: Row, request: Request): Instance | null {
  const read = readRebuilt(row);
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
  judgeOf: (x: { row: Row; request: Request }, value: number | null) => Judged,
): Promise<void> {
  await replayGroup(engine, catalogue, g, async ({ replay: r, failure, tuples, batch }) => {
    const sizes = r ? await outputSizes(engine, r.relation, batch ? instanceTable : null) : [];
    const opaque = r?.relation.columns.some(c => c.type === 'opaque') ?? false;
    const runs = tuples.map((t, n) =>
      t.members.map(m => {
        const x = instances.get(m.instance)!;
        return { ...x, own: judgeOf(x, opaque ? null : valueOf(sizes[n])) };
      }),
    );
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
    await recordCounts(
      engine,
      claims,
      r,
      sizes[0]!,
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
  rows: readonly (Row & { readonly us: Micros })[],
  inLog: (row: Row) => boolean,
  changes: Changes,
): Promise<void> {
  const walks = new Map<string, { read: ReadableStatement; values: (string | null)[][]; told: number; fromUs: Micros; toUs: Micros }>();
  for (const row of rows) {
    const reading = readRebuilt(row);
    if ('none' in reading) continue;
    const walk = walks.get(reading.shape);
    const values = reading.slots.map(s => s.value);
    const told = inLog(row) ? 1 : 0;
    if (walk) {
      walk.values.push(values);
      walk.told += told;
      walk.fromUs = Math.min(walk.fromUs, row.us);
      walk.toUs = Math.max(walk.toUs, row.us);
    } else walks.set(reading.shape, { read: reading, values: [values], told, fromUs: row.us, toUs: row.us });
  }
  for (const { read, values, told, ...span } of walks.values()) {
    // Where the database log tells nearly every step, a step without its request line would stand there by itself.
    if (told >= 0.9 * values.length) continue;
    const varying = read.slots.map((_, i) => i).filter(i => new Set(values.map(v => v[i])).size > 1);
    const slot = varying.find(i => values.every(v => /^\d{1,9}$/.test(v[i] ?? '')));
    if (slot === undefined || varying.length !== 1) continue;
    const missing = holesIn(values.map(v => Number(v[slot])));
    const epoch = missing.length > 0 ? epochFor(read.select, span, catalogue, changes) : null;
    const shifted = epoch !== null && windowMoved(read.select, span.fromUs, catalogue, changes);
    const then = shifted ? null : epoch ? await catalogueAt(engine, catalogue, epoch, read.select) : catalogue;
    for (const n of missing) {
      if (!then) {
        // What was changed since leaves open which rows the missing step reached.
        for (const table of [...tablesIn(read.select)].sort()) {
          const dataset = catalogue.byTable(table);
          if (dataset)
            await claimTable(claims, dataset, columnsIn(read.select), {
              kind: 'hole',
              rule: 'hole-in-sequence',
              statement: rows[0]!.sql_text,
              reason: 'snapshot-changed',
              identity: { shape: read.shape, hole: 'any' },
            });
        }
        break;
      }
      const r = await replay(engine, then, {
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
  const words = new Set(
    text
      .toLowerCase()
      .replace(/\bcount\s*\(\s*\*\s*\)/g, 'count')
      .match(/[\p{L}_][\p{L}\p{N}_$]*|\*/gu) ?? [],
  );
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
