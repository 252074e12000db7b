import { type Engine, sql } from '../engine/index.ts';
import type { Catalogue, Dataset } from './catalogue.ts';
import { type Claims, loadTiers } from './claims.ts';
import { claimTable } from './evaluate.ts';
import { holesIn } from './missing.ts';
import { failed, recordReplay, replay } from './replay.ts';
import type { Request } from './requests.ts';
import { withSlots } from './sql/index.ts';
import { columnsIn, type ReadableStatement, readingOf, tablesIn } from './statements.ts';
import { tier } from './tables.ts';
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
): Promise<number> {
  if (!(await exists(engine, 'injected_statement'))) return 0;
  const steps = await exists(engine, 'step');
  const rows = await engine.rows<Row>(
    'exposure.injected',
    sql`select i.event_id, i.step_id, i.technique, i.sql_text, i.response_shown, ${steps ? sql`s.outcome` : sql`null::varchar`} as outcome
    from injected_statement i ${steps ? sql`left join step s using (step_id)` : sql``} where i.sql_text is not null order by i.event_id, i.sql_text`,
  );
  const byEvent = new Map(requests.map(r => [r.eventId, r]));
  const replayed: { row: Row; request: Request; value: number | null }[] = [];
  let unparseable = 0;
  const mine = rows.filter(r => byEvent.has(r.event_id) && !known.has(r.event_id));
  for (const row of mine) {
    const reading = readingOf(row.sql_text);
    if ('none' in reading) {
      replayed.push({ row, request: byEvent.get(row.event_id)!, value: null });
      continue;
    }
    const r = await replay(engine, catalogue, { select: reading.select, parameters: [], batch: null, foreign: reading.foreign });
    if (failed(r) || r.relation.columns.length === 0) {
      replayed.push({ row, request: byEvent.get(row.event_id)!, value: null });
      continue;
    }
    const length = sql.join(
      r.relation.columns.map((_, i) => sql`coalesce(strlen(cast(${sql.id(`c${i}`)} as varchar)), 0)`),
      sql` + `,
    );
    const size = await engine.row<{ n: number; sure: boolean }>(
      'exposure.injected_size',
      sql`select coalesce(sum(${length}), 0) as n, coalesce(bool_and(m), true) as sure from replay_result`,
    );
    replayed.push({ row, request: byEvent.get(row.event_id)!, value: size.sure && !r.relation.columns.some(c => c.type === 'opaque') ? size.n : null });
  }
  const constant = commonSize(replayed.filter(x => x.row.technique.includes('error')));
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
    const reading = readingOf(row.sql_text);
    if ('none' in reading) {
      unparseable++;
      await boundByNames(claims, catalogue, row.sql_text, request.eventId);
      continue;
    }
    const r = await replay(engine, catalogue, { select: reading.select, parameters: [], batch: null, foreign: reading.foreign });
    if (failed(r)) {
      if (may > 0)
        for (const table of [...tablesIn(reading.select)].sort()) {
          const d = catalogue.byTable(table);
          if (d)
            claims.source(
              await claimTable(claims, d, columnsIn(reading.select), {
                kind: 'table-bound',
                rule: 'statement-not-replayed',
                statement: row.sql_text,
                reason: r.failure,
                identity: reading.shape,
              }),
              { eventId: null, requestId: request.eventId },
            );
        }
      continue;
    }
    if (may === 0) {
      for (const o of r.relation.occurrences)
        for (const c of new Set(r.relation.columns.flatMap(x => x.origins.filter(y => y.occurrence === o.id).map(y => y.column)))) claims.attempt(o.dataset, c);
      continue;
    }
    const tiers = await loadTiers(engine, [{ must, may }]);
    const claimOf = (dataset: Dataset): string => {
      const id = claims.add(
        {
          kind: 'injection',
          datasetId: dataset.id,
          mustTier: must,
          mayTier: may,
          rule: error ? 'error-message' : 'injected-statement',
          statement: row.sql_text.slice(0, 4000),
          premises: { step: row.step_id, size_agrees: bySize, widened: r.widened },
          assumptions: ['snapshot-unchanged'],
        },
        { text: row.sql_text, technique: row.technique },
      );
      claims.source(id, { eventId: null, requestId: request.eventId });
      return id;
    };
    await recordReplay(claims, r.relation, { must: sql`b.must`, may: sql`b.may` }, tiers, false, claimOf);
  }
  await claimWalkHoles(
    engine,
    catalogue,
    claims,
    rows.filter(r => byEvent.has(r.event_id)),
    known,
  );
  return unparseable;
}

/** Row by row extraction walks an offset: steps whose request line is missing are possible. */
async function claimWalkHoles(engine: Engine, catalogue: Catalogue, claims: Claims, rows: readonly Row[], known: ReadonlySet<number>): Promise<void> {
  const walks = new Map<string, { read: ReadableStatement; values: (string | null)[][]; told: number }>();
  for (const row of rows) {
    const reading = readingOf(row.sql_text);
    if ('none' in reading) continue;
    const walk = walks.get(reading.shape);
    const values = reading.slots.map(s => s.value);
    const told = known.has(row.event_id) ? 1 : 0;
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
      await recordReplay(claims, r.relation, { must: sql`b.must`, may: sql`b.may` }, tiers, false, dataset =>
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
        ),
      );
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
