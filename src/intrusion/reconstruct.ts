import { type Effects, type Problem, problem } from '../base/index.ts';
import { type OpenCase, recordProblems } from '../case/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import type { WorkItem } from './actor-drafts.ts';
import { findActors } from './actors.ts';
import { noteInjections } from './found-injections.ts';
import { readDetections } from './identities.ts';
import {
  type JudgedStatement,
  judgeStatements,
  type Rebuilt,
  type Recovered,
  readInjections,
  readSnapshot,
  recoverCells,
  shownCells,
} from './injection/index.ts';
import { knownAccounts } from './known-accounts.ts';
import { countUntold } from './settle-connections.ts';
import { ownerSignIns } from './stated-sign-ins.ts';
import { confirmations, confirmedDetections, dismissedDetections } from './step-decisions.ts';
import { findSteps, type Step } from './steps.ts';
import { summarise, type Yield } from './summary.ts';
import { type DetectionRow, recoveredColumns, statementColumns, stepColumns } from './tables.ts';
import { measureWindow } from './window.ts';

export type ReconstructSummary = {
  readonly actors: number;
  readonly steps: number;
  readonly cells: number;
  readonly exact: number;
  readonly statements: number;
};

/**
 * Who, since when, until when, by which steps; what injections obtained. Reads `event`, `detection` and the data sets; replaces `actor`, `actor_event`, `step`, `step_event`,
 * `intrusion_window`, `recovered_cell`, `injected_statement`. Steps that an analyst dismissed stay out, with their detections.
 */
export async function reconstruct(kase: OpenCase, effects: Effects): Promise<ReconstructSummary> {
  const { engine } = kase;
  const progress = (done: number): void => effects.progress({ stage: 'intrusion', done, total: 5, unit: 'parts' });
  progress(0);
  const rebuilt = await readInjections(engine);
  progress(1);
  const tableOf = await readSnapshot(engine);
  const recovered = await recoverCells(engine, rebuilt.cells, tableOf);
  const judged = await judgeStatements(engine, rebuilt.statements, tableOf);
  const cells = [...recovered, ...shownCells(judged)];
  progress(2);
  await noteInjections(engine, rebuilt);
  const gainful = await detectionsOf(engine, cells);
  const all = (await readDetections(engine)).map(d => (gainful.has(d.detection_id) ? { ...d, outcome: 'succeeded' } : d));
  const work = workItems(rebuilt);
  const known = { work, mayKnow: knownAccounts(all, rebuilt, cells) };
  let actors = await findActors(kase, all, known);
  let steps = findSteps(actors);
  const dismissed = dismissedDetections(kase, steps);
  const confirmed = confirmedDetections(kase, steps);
  if (dismissed.size > 0 || confirmed.size > 0) {
    actors = await findActors(
      kase,
      all.filter(d => !dismissed.has(d.detection_id)),
      { ...known, confirmed },
    );
    steps = findSteps(actors);
  }
  progress(3);
  const stepOf = await writeStepEvents(engine, steps);
  const yields = gained(cells, judged, stepOf);
  await writeSteps(
    kase,
    steps.map(s => settle(s, yields.get(s.id) ?? null)),
    yields,
  );
  await measureWindow(
    kase,
    steps.map(s => settle(s, yields.get(s.id) ?? null)),
  );
  progress(4);
  await engine.load(
    'recovered_cell',
    recoveredColumns,
    cells.map(c => [
      c.id,
      stepOf(c.eventIds, `sqli-${c.technique}`),
      c.table,
      c.column,
      c.ordinal,
      c.rowQuery,
      c.key,
      c.value,
      c.status,
      c.confidence,
      c.eventIds,
      JSON.stringify(c.facts),
      c.datasetId,
      c.rowNo,
    ]),
  );
  await engine.load('injected_statement_made', statementColumns, statementRows(judged, stepOf));
  await engine.run(
    'intrusion.injected_statement',
    sql`create or replace table injected_statement as select * from injected_statement_made order by event_id, sql_text, technique, facts`,
  );
  await engine.run('intrusion.drop', sql`drop table injected_statement_made`);
  let statements = 0;
  for (const _ of rebuilt.statements) statements++;
  await recordProblems(engine, 'intrusion', problemsOf(rebuilt, await ownerSignIns(engine), await countUntold(engine)));
  const summary = {
    actors: actors.length,
    steps: steps.length,
    cells: cells.length,
    exact: cells.filter(c => c.status === 'exact').length,
    statements,
  };
  effects.log('intrusion.done', summary);
  progress(5);
  return summary;
}

/** Injections that obtained a cell or a part of one, whatever their answers looked like. */
async function detectionsOf(engine: Engine, cells: readonly Recovered[]): Promise<Set<string>> {
  const first = cells.filter(c => c.status !== 'attempted').flatMap(c => c.eventIds.slice(0, 1));
  await engine.load(
    'intrusion_gain',
    [{ name: 'event_id', type: 'BIGINT' }],
    [...new Set(first)].map(id => [id]),
  );
  const rows = await engine.rows<{ detection_id: string }>(
    'intrusion.gainful',
    sql`select distinct detection_id from detection join detection_event using (detection_id) semi join intrusion_gain using (event_id) where family = 'sqli' order by 1`,
  );
  await engine.run('intrusion.drop', sql`drop table intrusion_gain`);
  return new Set(rows.map(r => r.detection_id));
}

/** Cells that several clients worked on, and random markers they share. */
function workItems(rebuilt: Rebuilt): WorkItem[] {
  const clients = new Map<string, Set<string>>();
  const rows = new Set(
    rebuilt.cells
      .filter(c => c.binding.table !== null && c.binding.aggregate !== 'COUNT' && (c.binding.ordinal !== null || c.binding.where.length > 0))
      .map(c => c.key),
  );
  for (const m of rebuilt.marks) {
    for (const item of [...(m.workItem !== null && rows.has(m.workItem) ? [`cell:${m.workItem}`] : []), ...m.markers.map(x => `marker:${x}`)])
      (clients.get(item) ?? clients.set(item, new Set()).get(item)!).add(m.client);
  }
  return [...clients].filter(([, c]) => c.size > 1 && c.size <= 200).flatMap(([item, c]) => [...c].map(client => ({ client, item })));
}

type StepOf = (eventIds: readonly number[], kind: string) => string | null;

async function writeStepEvents(engine: Engine, steps: readonly Step[]): Promise<StepOf> {
  await engine.load(
    'step_detection',
    [
      { name: 'step_id', type: 'VARCHAR' },
      { name: 'detection_id', type: 'VARCHAR' },
    ],
    steps.flatMap(s => s.detections.map(d => [s.id, d.detection_id])),
  );
  await engine.run(
    'intrusion.step_event',
    sql`create or replace table step_event as select distinct step_id, event_id from step_detection join detection_event using (detection_id) order by step_id, event_id`,
  );
  await engine.run('intrusion.drop', sql`drop table step_detection`);
  const injected = new Map<number, string[]>();
  const kinds = new Map(steps.map(s => [s.id, s.kind]));
  for (const r of await engine.rows<{ step_id: string; event_id: number }>(
    'intrusion.injection_step_events',
    sql`select step_id, event_id from step_event where step_id in (
    ${sql.join([sql`''`, ...steps.filter(s => s.kind.startsWith('sqli-')).map(s => sql`${s.id}`)])}) order by event_id, step_id`,
  ))
    injected.set(r.event_id, [...(injected.get(r.event_id) ?? []), r.step_id]);
  return (eventIds, kind) => {
    const votes = new Map<string, number>();
    for (const id of eventIds.slice(0, 500)) for (const s of injected.get(id) ?? []) votes.set(s, (votes.get(s) ?? 0) + (kinds.get(s) === kind ? 1000 : 1));
    return [...votes].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]?.[0] ?? null;
  };
}

type Gathering = { exact: number; partial: number; proven: number; shown: number; sent: number; targets: Set<string>; columns: Map<string, Set<string>> };

function gained(cells: readonly Recovered[], judged: Iterable<JudgedStatement>, stepOf: StepOf): Map<string, Yield> {
  const out = new Map<string, Gathering>();
  const at = (id: string | null): Gathering | null =>
    id === null ? null : (out.get(id) ?? out.set(id, { exact: 0, partial: 0, proven: 0, shown: 0, sent: 0, targets: new Set(), columns: new Map() }).get(id)!);
  const name = (y: Gathering, table: string | null, columns: readonly string[]): void => {
    if (table === null) return;
    const parts = table.toLowerCase().split('.');
    const plain = ['information_schema', 'sys', 'pg_catalog', 'mysql'].includes(parts.at(-2) ?? '') ? parts.slice(-2).join('.') : parts.at(-1)!;
    const set = y.columns.get(plain) ?? y.columns.set(plain, new Set()).get(plain)!;
    for (const c of columns) set.add(/^\w+$/.test(c) ? c.toLowerCase() : c);
  };
  for (const c of cells) {
    const y = c.status === 'attempted' ? null : at(stepOf(c.eventIds, `sqli-${c.technique}`));
    if (!y) continue;
    if (c.technique === 'union' || c.technique === 'error') y.proven++;
    else if (c.status === 'exact') y.exact++;
    else y.partial++;
    name(y, c.table, [c.column]);
  }
  for (const s of judged) {
    const b = s.inBand;
    const y = (s.shown || b.target !== null) && !b.calibration ? at(stepOf([s.eventId], `sqli-${b.technique}`)) : null;
    if (!y) continue;
    if (b.target !== null) {
      y.sent++;
      y.targets.add(b.target.length > 120 ? `${b.target.slice(0, 120)}…` : b.target);
    } else {
      y.shown++;
      name(y, b.table, b.columns);
    }
  }
  return new Map(
    [...out].map(([id, y]) => [id, { ...y, targets: [...y.targets].sort(), columns: new Map([...y.columns].map(([table, c]) => [table, [...c].sort()])) }]),
  );
}

/** An injection that obtained something succeeded, whatever its detection could tell. */
function settle(step: Step, gain: Yield | null): Step {
  return gain && step.kind.startsWith('sqli-') && gain.exact + gain.partial + gain.proven > 0 ? { ...step, outcome: 'succeeded' } : step;
}

async function writeSteps(kase: OpenCase, steps: readonly Step[], yields: ReadonlyMap<string, Yield>): Promise<void> {
  const { engine } = kase;
  const counts = new Map(
    (await engine.rows<{ step_id: string; n: number }>('intrusion.step_counts', sql`select step_id, count(*) as n from step_event group by 1 order by 1`)).map(
      r => [r.step_id, r.n],
    ),
  );
  const addresses = new Map<string, string[]>();
  for (const r of await engine.rows<{ step_id: string; ip: string }>(
    'intrusion.step_addresses',
    sql`select step_id, src_ip as ip, count(*) as n from step_event join event e using (event_id) where e.class <> 2 and src_ip is not null group by all order by step_id, n desc, ip`,
  ))
    addresses.set(r.step_id, [...(addresses.get(r.step_id) ?? []), r.ip]);
  const confirmed = confirmations(kase, steps);
  await engine.load(
    'step',
    stepColumns,
    steps.map(s => {
      const y = yields.get(s.id) ?? null;
      const n = counts.get(s.id) ?? s.events;
      const { ja, en } = summarise(s, n, addresses.get(s.id) ?? [], y);
      const facts = {
        detections: s.detections.map((d: DetectionRow) => ({
          id: d.detection_id,
          rule: d.rule_id,
          level: d.level,
          outcome: d.outcome,
          facts: JSON.parse(d.facts) as unknown,
        })),
        ...(y && { obtained: { ...y, columns: Object.fromEntries(y.columns) } }),
        ...(confirmed.has(s.id) && { confirmed_by: confirmed.get(s.id) }),
      };
      return [s.id, s.actor.id, s.kind, s.attack, s.outcome, s.fromUs, s.toUs, n, ja, en, JSON.stringify(facts)];
    }),
  );
}

function* statementRows(judged: Iterable<JudgedStatement>, stepOf: StepOf): Generator<readonly unknown[]> {
  for (const s of judged) {
    if (s.inBand.calibration) continue;
    const b = s.inBand;
    const facts = {
      table: b.table,
      columns: b.columns,
      aggregate: b.aggregate,
      separator: b.aggregate ? b.separator : undefined,
      offset: b.offset,
      limit: b.limit,
      catalogue: b.catalogue,
      target: b.target ?? undefined,
      markers: b.around.filter(x => x !== ''),
      slice: b.slice ?? undefined,
      proof: s.proof,
      predicted_bytes: s.predicted,
      compression: s.ratio ?? undefined,
      residual: s.residual,
      rows: s.tableFound ? s.rows.length : null,
      dataset: s.tableFound?.datasetId ?? null,
      status: s.status,
      bytes: s.bytes,
    };
    yield [s.eventId, stepOf([s.eventId], `sqli-${b.technique}`), b.technique, b.dialect, s.point, b.sqlText, s.shown, JSON.stringify(facts)];
  }
}

function problemsOf(rebuilt: Rebuilt, owners: number, untold: number): Problem[] {
  const out = rebuilt.unreadable
    .filter(u => u.probes >= 10 && !u.point.startsWith('database'))
    .map(u => problem('intrusion.unreadable-answers', 'warning', {}, { point: u.point.trim().slice(0, 120), reason: u.reason }, u.probes));
  const attempted = rebuilt.cells.filter(c => c.unreadable === 'unparsed');
  if (attempted.length > 0) out.push(problem('intrusion.unread-question', 'info', {}, {}, attempted.length));
  if (owners > 0) out.push(problem('intrusion.owner-sign-ins', 'info', {}, {}, owners));
  if (untold > 0) out.push(problem('intrusion.clients-not-told-apart', 'info', {}, {}, untold));
  return out;
}
