import { MINUTE } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { Catalogue, Dataset } from '../catalogue.ts';
import type { Changes } from '../replay/changes.ts';
import { widenWindows } from '../replay/drift.ts';
import { wholeTables } from '../replay/evaluate.ts';
import { recordReplay } from '../replay/replay.ts';
import { groupInstances, replayGroup } from '../replay/replay-group.ts';
import { aloneInstance, type Instance, showsBody } from '../routes/instances.ts';
import { type Request, routeOf, type Span, spanOf } from '../routes/requests.ts';
import type { StatementIndex } from '../routes/statement-index.ts';
import { sentForms } from '../routes/variants.ts';
import { dayOf, missingSteps } from '../routes/walks.ts';
import { tier } from '../tables.ts';
import { type Claims, loadTiers } from './claims.ts';

/**
 * What a lossy log hides of an enumeration: numbers, days, months or spans of days left out between those that were asked for. When a run of
 * requests of one route walks them in even steps, a missing step was most likely asked for too: possible (T2), never certain. `gaps` are times in
 * which the database log lacks lines; `numbered`: it would show every other one it lacks.
 */
export function holesOf(instances: readonly Instance[], gaps: readonly Span[] = [], numbered = false): Instance[] {
  const walks = new Map<string, { slots: readonly number[]; list: Instance[] }>();
  for (const i of instances) {
    if (!i.request || !i.routeRead || i.injected) continue;
    const slots = walkedSlots(i);
    if (slots.length === 0) continue;
    const key = JSON.stringify([i.routeRead.route, i.read.shape, slots, i.values.map((v, n) => (slots.includes(n) ? null : (v ?? null)))]);
    const walk = walks.get(key);
    if (walk) walk.list.push(i);
    else walks.set(key, { slots, list: [i] });
  }
  const out: Instance[] = [];
  for (const { slots, list } of walks.values()) {
    if (toldInFull(list, gaps, numbered)) continue;
    const like = list[0]!;
    for (const step of missingSteps(slots.map(s => list.map(i => i.values[s]!)))) {
      const given = new Map(slots.map((s, n) => [s, step[n]!]));
      out.push({
        ...like,
        values: like.values.map((v, s) => given.get(s) ?? v),
        parameters: like.parameters.map((p, n) => {
          const at = slots.find(s => like.read.slots[s]!.kind === 'parameter' && like.read.slots[s]!.number === n + 1);
          return at === undefined ? p : given.get(at)!;
        }),
        request: null,
        statement: null,
        certainty: 'wide',
        ambiguous: true,
      });
    }
  }
  return out;
}

/** Times in which a database log is known to lack lines. */
export async function databaseGaps(engine: Engine): Promise<Span[]> {
  if (!(await engine.hasTable('coverage_gap'))) return [];
  return engine.rows<Span>(
    'exposure.database_gaps',
    sql`select g.from_us as "fromUs", g.to_us as "toUs" from coverage_gap g
      where g.reason <> 'thin' and g.file_no in (select file_no from source_file where kind = 'sql-audit') order by g.from_us, g.to_us, g.reason`,
  );
}

/** True when every database log numbers its lines, so that lost ones show. */
export async function countsLines(engine: Engine): Promise<boolean> {
  const { n } = await engine.row<{ n: number }>(
    'exposure.unnumbered',
    sql`select count(*)::integer as n from event where class = 2 and sql_text is not null and seq is null`,
  );
  return n === 0;
}

/** A walk whose every step has its statement in a database log without holes: a step that had been taken would stand there too. */
function toldInFull(walk: readonly Instance[], gaps: readonly Span[], numbered: boolean): boolean {
  if ((!numbered && walk.length < 10) || !walk.every(i => i.statement)) return false;
  const { fromUs: from, toUs: to } = spanOf(walk.map(i => i.request!));
  // What is missing at the ends was asked for a while before or after.
  const around = Math.max(MINUTE, to - from);
  return !gaps.some(g => g.toUs >= from - around && g.fromUs <= to + around);
}

const wholeNumber = /^\d{1,15}$/;

/** Slots that take a number, a day or a month straight from the request; two days are a span. */
function walkedSlots(i: Instance): number[] {
  const direct = i
    .routeRead!.bindings.map((b, n) => (b.from === 'linear' || (b.from === 'request' && b.before === '' && b.after === '') ? n : -1))
    .filter(n => n >= 0);
  const number = direct.find(n => wholeNumber.test(i.values[n] ?? ''));
  if (number !== undefined) return [number];
  const dated = direct.filter(n => dayOf(i.values[n]) !== null);
  return dated.length <= 2 ? dated : [];
}

/**
 * Requests on routes of which nothing could be learned and few or none else use: any statement in their time that no request explains may
 * be theirs. `silent` are routes of answered requests beside which there is none: their lines may be lost.
 */
export function strangersOf(
  requests: readonly Request[],
  index: StatementIndex,
  explained: ReadonlySet<number>,
  others: readonly Request[],
): { instances: Instance[]; silent: ReadonlySet<string> } {
  const instances = new Map<number, Instance>();
  const silent = new Set<string>();
  const usual = new Map<string, ReadonlySet<string> | null>();
  for (const r of requests) {
    if (showsBody(r) === 'no') continue;
    const route = routeOf(r);
    if (!usual.has(route))
      usual.set(
        route,
        usualShapes(
          others.filter(o => routeOf(o) === route && showsBody(o) !== 'no'),
          index,
        ),
      );
    const shapes = usual.get(route)!;
    const near = index.during(r).filter(s => !s.failed && s.actor === null && !explained.has(s.eventId) && (shapes === null || shapes.has(s.read.shape)));
    if (near.length === 0) silent.add(routeOf(r));
    for (const s of near) instances.set(s.eventId, aloneInstance(s, { certainty: 'wide', ambiguous: true, injected: false }));
  }
  return { instances: [...instances.values()], silent };
}

/**
 * Statements beside requests that did not run what their route runs for everybody else: every value of such a statement is one the request sent. The
 * application reads something else there when a parameter is missing or new.
 */
export function replacedOf(instances: readonly Instance[], index: StatementIndex, explained: ReadonlySet<number>): Instance[] {
  const out = new Map<number, Instance>();
  for (const { request, statement, routeRead } of instances) {
    if (request === null || statement !== null || routeRead?.source !== 'log' || showsBody(request) === 'no') continue;
    const sent = sentForms(request);
    for (const s of index.during(request))
      if (!s.failed && s.actor === null && !explained.has(s.eventId) && s.values.length > 0 && s.values.every(v => typeof v === 'string' && sent.has(v)))
        out.set(s.eventId, aloneInstance(s, { certainty: 'wide', ambiguous: true, injected: false }));
  }
  return [...out.values()];
}

/** So far before and after a request the statements beside it are others'. */
const apartUs = MINUTE;
const leastMore = 3;
const manyErrors = 3;

/**
 * Kinds of statement that stand beside at least half of the answers of a route; null when nobody else was answered there, or when what it reads varies:
 * some kind stands beside fewer answers, but far more often than a while before and after them.
 */
function usualShapes(others: readonly Request[], index: StatementIndex): ReadonlySet<string> | null {
  if (others.length === 0) return null;
  const beside = (shiftUs: number): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const o of others)
      for (const shape of new Set(index.during({ loUs: o.loUs + shiftUs, hiUs: o.hiUs + shiftUs }).map(s => s.read.shape)))
        counts.set(shape, (counts.get(shape) ?? 0) + 1);
    return counts;
  };
  const here = beside(0);
  const [before, after] = [beside(-apartUs), beside(apartUs)];
  const byChance = (shape: string): number => Math.max(before.get(shape) ?? 0, after.get(shape) ?? 0);
  const isUsual = (n: number): boolean => 2 * n >= others.length;
  const varies = [...here].some(([shape, n]) => !isUsual(n) && n - byChance(shape) >= Math.max(leastMore, manyErrors * Math.sqrt(n + byChance(shape))));
  return varies ? null : new Set([...here].filter(([, n]) => isUsual(n)).map(([shape]) => shape));
}

/** So many stretches of a log without a statement for a route are not all due to lost lines. */
const fewestSilent = 4;

/**
 * A route that runs no statement for anybody: nobody's requests have one in common, and they stand in several places of the database log, with other
 * statements between. What a lost line of the intruder's request on such a route would hide is nothing.
 */
export function readsNothing(others: readonly Request[], index: StatementIndex): boolean {
  const answered = others.filter(o => showsBody(o) !== 'no');
  const places = new Set(answered.map(o => index.before(o.loUs)).filter(n => n > 0 && n < index.size));
  return places.size >= fewestSilent && usualShapes(answered, index)?.size === 0;
}

/** Write instances that are only possible. */
export async function claimPossible(
  engine: Engine,
  catalogue: Catalogue,
  claims: Claims,
  instances: readonly Instance[],
  rule: string,
  changes: Changes,
): Promise<void> {
  // What was moved already is not moved again.
  const windows = rule === 'window-moved' ? { kept: instances, possible: [] } : widenWindows(instances, catalogue, changes);
  for (const g of groupInstances([...windows.kept, ...windows.possible], catalogue, changes)) {
    await replayGroup(engine, catalogue, g, async ({ replay: r, failure, tuples, batch }) => {
      if (!r) {
        if (g.epoch) await wholeTables(claims, catalogue, g, failure!);
        return;
      }
      const tiers = await loadTiers(
        engine,
        tuples.map(() => ({ must: 0, may: tier.possible })),
      );
      const claimOf = (dataset: Dataset): string =>
        claims.add(
          {
            kind: rule,
            datasetId: dataset.id,
            mustTier: 0,
            mayTier: tier.possible,
            rule,
            statement: g.members[0]!.instance.statement?.text.slice(0, 4000) ?? '',
            premises: { route: g.members[0]!.instance.routeRead?.route ?? null, requests: 0, found: tuples.length },
            assumptions: rule === 'sent-before-abort' ? ['sent-in-order'] : [],
          },
          { shape: g.read.shape, rule, route: g.members[0]!.instance.routeRead?.route ?? null },
        );
      await recordReplay(claims, r, { must: sql`b.must`, may: sql`b.may` }, tiers, batch, claimOf);
      for (const t of tuples.slice(0, 3))
        for (const o of r.relation.occurrences)
          if (t.members[0]!.instance.statement) claims.source(claimOf(o.dataset), { eventId: t.members[0]!.instance.statement.eventId, requestId: null });
    });
  }
}
