import { type Effects, type Problem, printable, problem } from '../base/index.ts';
import { type OpenCase, recordProblems } from '../case/index.ts';
import { type Catalogue, readCatalogue } from './catalogue.ts';
import { claimDeleted, readBacklog } from './claims/backlog.ts';
import { Claims } from './claims/claims.ts';
import { claimErrors } from './claims/error-shown.ts';
import { claimInjected } from './claims/injected.ts';
import { claimLostStatements, claimUnread } from './claims/lost-statements.ts';
import { claimPossible, countsLines, databaseGaps, holesOf, strangersOf } from './claims/missing.ts';
import { claimByNames, datasetsNamed } from './claims/name-bound.ts';
import { orphansOf, orphanTime } from './claims/orphans.ts';
import { attributed, attributedLog, readPremises } from './claims/premises.ts';
import { claimShells } from './claims/shell-bound.ts';
import { claimUnobserved } from './claims/unobserved.ts';
import { claimRecovered } from './recovered/claim.ts';
import { cutAborted } from './replay/aborted.ts';
import { type Changes, readChanges } from './replay/changes.ts';
import { withDefinitions } from './replay/definitions.ts';
import { widenWindows } from './replay/drift.ts';
import { epochFor, unsettled } from './replay/epochs.ts';
import { claimGroups, type EvaluationNotes, judgeRequests, predictSizes } from './replay/evaluate.ts';
import { choosePart } from './replay/log-part.ts';
import { groupInstances } from './replay/replay-group.ts';
import { readingOf, readStatements, type Statement, type StatementLog } from './replay/statements.ts';
import { settleAlone } from './routes/alone.ts';
import { inferReads } from './routes/infer-reads.ts';
import { inferTerms } from './routes/infer-terms.ts';
import { aloneInstance, type Instance, instancesOf } from './routes/instances.ts';
import { learnRoutes, type RouteRead, StatementIndex } from './routes/link-statements.ts';
import { countRoutes, type Request, readActorRequests, readOtherRequests, routeOf, type Span, spanOf, streamOtherRequests } from './routes/requests.ts';
import { modelRoutes } from './routes/route-models.ts';
import { statedRoutes } from './routes/stated-routes.ts';

export type ExposureSummary = { readonly claims: number; readonly requests: number; readonly instances: number };

const mostStatements = 3_000_000;

/** Which cells, how sure, and why: reads actor, event and dataset tables; writes claim, claim_row, colset, claim_count and cell_tier. */
export async function assessExposure(kase: OpenCase, effects: Effects, most = mostStatements): Promise<ExposureSummary> {
  const engine = kase.engine;
  const problems: Problem[] = [];
  const progress = (done: number, note: string): void => effects.progress({ stage: 'exposure', done, total: 6, unit: 'steps', note });
  const catalogue = await withDefinitions(engine, await readCatalogue(engine));
  const premises = readPremises(kase);
  const claims = await Claims.open(engine, premises);
  claims.unions = catalogue.unions;
  for (const u of catalogue.unions)
    problems.push(problem(`exposure.united-${u.mode}`, u.mode === 'apart' ? 'warning' : 'info', {}, { datasets: u.members.map(m => m.id).join(' + ') }));
  const stated = statedRoutes(kase.file.routes);
  for (const route of stated.unreadable) problems.push(problem('exposure.route-unreadable', 'warning', {}, { route }));
  const requests = attributed((await readActorRequests(engine)).map(stated.apply), premises);
  progress(1, 'statements');
  const part = await choosePart(engine, spanOf(requests), most);
  const left = part.left.reduce((n, l) => n + l.n, 0);
  if (left > 0) problems.push(problem('exposure.statements-left', 'warning', {}, { left }, left));
  const log = attributedLog(await readStatements(engine, part), premises);
  const index = new StatementIndex(log.statements);
  progress(2, 'routes');
  const others = (await readOtherRequests(engine, 300, part.span)).map(stated.apply);
  // A function hardly anybody else uses teaches itself: the statements it runs carry the values of its own requests.
  const uses = new Map<string, number>();
  for (const r of others) if (r.status !== 404) uses.set(routeOf(r), (uses.get(routeOf(r)) ?? 0) + 1);
  const alone = new Set(requests.map(routeOf).filter(r => (uses.get(r) ?? 0) < 3));
  const fromLog = learnRoutes(
    [...others, ...requests.filter(r => r.actor === 'wide' || alone.has(routeOf(r)))],
    log,
    index,
    await countRoutes(engine, part.span),
    alone,
  );
  const taken = new Set(stated.reads.map(r => r.route));
  const told = [...stated.reads, ...fromLog.filter(r => !taken.has(r.route))];
  const inferred = await inferReads(engine, catalogue, requests, others, new Set(told.map(r => r.route)));
  const learned: RouteRead[] = [...told, ...inferred];
  const gaps = await databaseGaps(engine);
  const numbered = log.present && part.left.length === 0 && (await countsLines(engine));
  const { instances: found, used } = instancesOf(requests, learned, log, index);
  const instances = numbered ? await settleAlone(engine, found, others, index, gaps) : found;
  const direct = directInstances(log.statements, used);
  const all = [...instances, ...direct];
  const backlog = await readBacklog(engine, catalogue);
  claims.born = new Set([...backlog].filter(([, b]) => b.births.size > 0).map(([id]) => id));
  progress(3, 'sizes');
  const models = await modelRoutes(engine, catalogue, learned, new Set(requests.map(routeOf)), others, log, index);
  const changes = await readChanges(engine, catalogue);
  const windows = widenWindows(all, catalogue, changes);
  const aborted = await cutAborted(engine, catalogue, windows.kept, models, changes, premises);
  const groups = groupInstances(aborted.kept, catalogue, changes);
  const sized = groups.filter(g => g.members[0]!.instance.routeRead && models.get(g.members[0]!.instance.routeRead.route)?.model.valid);
  const verdicts = judgeRequests(
    aborted.kept.filter(i => i.request && i.routeRead),
    await predictSizes(engine, catalogue, sized),
    models,
  );
  progress(4, 'replay');
  const notes: EvaluationNotes = { failures: new Map(), widened: new Map(), mismatches: 0, rowCountMismatches: 0, premises, unknown: new Map() };
  await claimGroups(engine, catalogue, claims, groups, verdicts, models, notes);
  const known = new Set(learned.map(r => r.route));
  const explained = log.present ? await explainedStatements(learned, log, index, used, requests, kase) : new Set<number>();
  // A route of which too little was seen: the statements beside it that nobody explains, or else what its name says.
  const strange = log.present
    ? strangersOf(
        requests.filter(r => !known.has(routeOf(r))),
        index,
        explained,
        others,
      )
    : null;
  // A log that counts its own lines and lacks none would hold what such a request read.
  const whole = numbered && gaps.length === 0;
  if (strange) for (const r of requests.map(routeOf)) if (whole || !strange.silent.has(r)) known.add(r);
  const constant = new Set([...new Set(requests.map(routeOf))].filter(route => sameAlways(others.filter(r => routeOf(r) === route))));
  const searches = await inferTerms(engine, requests, others, known, route => datasetsNamed(catalogue, route.slice(route.indexOf(' ') + 1)));
  const unnamed = await claimByNames(engine, catalogue, claims, requests, known, route => log.present || constant.has(route), changes, searches);
  for (const route of constant) unnamed.delete(route);
  for (const [route, n] of [...unnamed].sort()) problems.push(problem('exposure.no-read-known', 'info', {}, { route: printable(route, 100) }, n));
  await claimPossible(engine, catalogue, claims, holesOf(instances, gaps, numbered), 'hole-in-sequence', changes);
  await claimPossible(engine, catalogue, claims, windows.possible, 'window-moved', changes);
  await claimPossible(engine, catalogue, claims, aborted.possible, 'sent-before-abort', changes);
  if (log.present)
    await claimPossible(
      engine,
      catalogue,
      claims,
      [...orphansOf(log, instances, explained, orphanTime(spanOf(requests))), ...strange!.instances],
      'orphan-statement',
      changes,
    );
  await claimLostStatements(engine, catalogue, claims);
  await claimUnread(catalogue, claims, part.left);
  if (!log.present) await claimShells(engine, catalogue, claims);
  const answered = await claimErrors(engine, catalogue, claims, requests, learned, log, changes);
  await claimUnobserved(engine, catalogue, claims, {
    requests: requests.length,
    injected: instances.some(i => i.injected),
    logged: log.present,
    unnamed: log.present ? [] : [...unnamed.keys()],
  });
  // Only a statement found in the database log tells what ran; an injection read into a learned route without one is still to be claimed.
  const logged = new Set(instances.filter(i => i.injected && i.statement).map(i => i.request!.eventId));
  const unparseable = await claimInjected(engine, catalogue, claims, requests, new Set([...logged, ...answered]), logged, whole, changes);
  if (unparseable > 0) problems.push(problem('exposure.unparseable', 'warning', {}, {}, unparseable));
  const deleted = await claimDeleted(engine, catalogue, claims, [...all, ...(strange?.instances ?? [])], backlog);
  if (deleted > 0) problems.push(problem('exposure.records-deleted', 'warning', {}, { n: deleted }, deleted));
  const span = spanOf(requests);
  await claimRecovered(engine, catalogue, claims, (d, columns) => unsettled(d, span, changes, columns));
  await doubtChanged(claims, span, catalogue, changes);
  for (const [construct, n] of [...notes.failures].sort()) problems.push(problem('exposure.not-replayed', 'warning', {}, { construct }, n));
  for (const [construct, n] of [...notes.widened].sort()) problems.push(problem('exposure.widened', 'info', {}, { construct }, n));
  for (const [table, n] of [...notes.unknown].sort()) problems.push(problem('exposure.unknown-table', 'warning', {}, { table: printable(table, 60) }, n));
  if (notes.mismatches > 0) problems.push(problem('exposure.size-differs', 'info', {}, {}, notes.mismatches));
  if (notes.rowCountMismatches > 0) problems.push(problem('exposure.rows-differ', 'warning', {}, {}, notes.rowCountMismatches));
  await claims.close();
  await recordProblems(engine, 'exposure', problems);
  progress(6, 'done');
  effects.log('exposure.assessed', { claims: claims.size, requests: requests.length, instances: all.length });
  return { claims: claims.size, requests: requests.length, instances: all.length };
}

/** Values of an answer that were taken from the snapshot because their length fits are no proof where the rows may have been others then. */
async function doubtChanged(claims: Claims, span: Span, catalogue: Catalogue, changes: Changes): Promise<void> {
  await claims.weaken(c => {
    if (c.rule !== 'recovered-shown' || c.statement === '') return false;
    const read = readingOf(c.statement);
    return 'none' in read || epochFor(read.select, span, catalogue, changes) !== null;
  });
}

/** An answer of one size for everybody shows nobody's data. */
function sameAlways(sample: readonly Request[]): boolean {
  const sizes = sample.filter(r => r.bytes !== null).map(r => r.bytes!);
  return sizes.length >= 5 && Math.max(...sizes) - Math.min(...sizes) <= 2;
}

/**
 * Statements around the intruder's requests that some request explains: everybody's requests of that time are read again in full. What a kind of
 * statement is at other times is told by the log alone.
 */
async function explainedStatements(
  routes: readonly RouteRead[],
  log: StatementLog,
  index: StatementIndex,
  used: ReadonlySet<number>,
  requests: readonly Request[],
  kase: OpenCase,
): Promise<Set<number>> {
  const explained = new Set(used);
  if (requests.length === 0) return explained;
  for await (const batch of streamOtherRequests(kase.engine, [...new Set(routes.map(r => r.route))].sort(), orphanTime(spanOf(requests))))
    for (const id of instancesOf(batch, routes, log, index).used) explained.add(id);
  return explained;
}

/** Statements of the intruder that no request explains: shown to whoever held the connection. Certain only where the whole connection was theirs. */
function directInstances(statements: readonly Statement[], used: ReadonlySet<number>): Instance[] {
  const shared = new Set<string>();
  for (const s of statements) if (s.actor === null && s.conn !== null) shared.add(s.conn);
  return statements
    .filter(s => s.actor !== null && !used.has(s.eventId))
    .map(s =>
      aloneInstance(s, { certainty: s.actor === 'strict' && s.conn !== null && !shared.has(s.conn) ? 'strict' : 'wide', ambiguous: false, injected: false }),
    );
}
