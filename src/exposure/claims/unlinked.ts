import { type Problem, printable, problem } from '../../base/index.ts';
import { type Engine, sql } from '../../engine/index.ts';
import type { AtHand } from '../at-hand.ts';
import type { Reads } from '../find-reads.ts';
import { sameAlways } from '../routes/constant-answers.ts';
import { inferTerms } from '../routes/infer-terms.ts';
import { type Instance, instancesOf } from '../routes/instances.ts';
import { type Request, routeOf, type Span, streamOtherRequests } from '../routes/requests.ts';
import { servedShapes } from '../routes/served-shapes.ts';
import { silentShapes } from '../routes/sign-ins.ts';
import { carriedStatements, passwordChecks } from './carried.ts';
import { claimCloudCopies } from './cloud-copies.ts';
import { claimDumpFiles } from './dump-files.ts';
import { claimHiddenSeries } from './hidden-series.ts';
import { claimLostStatements, claimUnread } from './lost-statements.ts';
import { claimPossible, holesOf, readsNothing, replacedOf, strangersOf } from './missing.ts';
import { claimByNames, datasetsNamed } from './name-bound.ts';
import { activeTimes, orphansOf } from './orphans.ts';
import type { PossibleReads } from './reads.ts';
import { claimShellAnswers } from './shell-answers.ts';
import { claimShells } from './shell-bound.ts';
import { eventsOfSteps } from './step-events.ts';

/** `strangers`: statements beside requests of which nothing is known; `unnamed`: routes of which not even the name says what they read. */
export type Unlinked = { readonly strangers: readonly Instance[]; readonly unnamed: readonly string[] };

/** Claim what may have been read where a request, its statement or the knowledge of its route is missing: all of it only possible (T2). */
export async function claimUnlinked(given: AtHand, reads: Reads, possible: PossibleReads, problems: Problem[]): Promise<Unlinked> {
  const { engine, catalogue, claims, requests, log, index, part, changes, gaps, numbered } = given;
  const claim = (rule: string, instances: readonly Instance[]): Promise<void> => claimPossible(engine, catalogue, claims, instances, rule, changes);
  const times = log.present ? activeTimes(requests, log) : [];
  const explained = await explainedStatements(given, reads, times);
  const { strangers, unnamed } = await claimStrangeRoutes(given, reads, explained);
  for (const [route, n] of [...unnamed].sort()) problems.push(problem('exposure.no-read-known', 'info', {}, { route: printable(route, 100) }, n));
  await claimDumpFiles(catalogue, claims, requests, new Set(reads.learned.map(r => r.route)));
  await claimCloudCopies(engine, catalogue, claims);
  await claim('hole-in-sequence', holesOf(reads.instances, gaps, numbered));
  for (const p of possible) await claim(p.rule, p.instances);
  if (log.present) {
    const silent = silentShapes(reads.learned, [...given.others, ...requests]);
    const served = servedShapes(given.others, reads.learned, index);
    const carried = new Set([...explained, ...carriedStatements(given.others, log.statements, index, explained)]);
    const found = orphansOf(log, index, reads.instances, carried, times, served).filter(i => !silent.has(i.read.shape));
    const told = new Set([...found, ...strangers].map(i => i.statement?.eventId));
    const replaced = replacedOf(reads.instances, index, explained).filter(i => !told.has(i.statement?.eventId));
    const orphans = [...found, ...strangers, ...replaced];
    await claim('orphan-statement', orphans);
    await claimShellAnswers(given, orphans);
  }
  await claimLostStatements(engine, catalogue, claims);
  await claimUnread(catalogue, claims, part.left);
  if (reads.untold) {
    await claimShells(engine, catalogue, claims);
    await claimHiddenSeries(engine, catalogue, claims, requests);
  }
  return { strangers, unnamed: [...unnamed.keys()] };
}

/** A route of which too little was seen: the statements beside it that nobody explains, or else what its name says. */
async function claimStrangeRoutes(
  { engine, catalogue, claims, requests, others, log, index, whole, changes }: AtHand,
  reads: Reads,
  explained: ReadonlySet<number>,
): Promise<{ strangers: readonly Instance[]; unnamed: ReadonlyMap<string, number> }> {
  // Where the log tells only some of what ran, a route of which a read was learned there may have others.
  const known = new Set(reads.learned.filter(r => !(reads.untold && r.source === 'log')).map(r => r.route));
  const unknown = requests.filter(r => !known.has(routeOf(r)));
  const strange = log.present ? strangersOf(unknown, index, explained, others) : null;
  // A log that lacks no line would hold what such a request read.
  if (strange && !reads.untold)
    for (const r of requests.map(routeOf))
      if (
        whole ||
        !strange.silent.has(r) ||
        readsNothing(
          others.filter(o => routeOf(o) === r),
          index,
        )
      )
        known.add(r);
  const constant = await constantRoutes(engine, requests, others);
  const searches = await inferTerms(engine, requests, others, known, route => datasetsNamed(catalogue, route.slice(route.indexOf(' ') + 1)));
  const unnamed = await claimByNames(engine, catalogue, claims, requests, known, route => !reads.untold || constant.has(route), changes, searches);
  for (const route of constant) unnamed.delete(route);
  return { strangers: strange?.instances ?? [], unnamed };
}

/** Routes whose answers show nobody's data: they are of one size for everybody, the intruder too. Where an injection worked, it is the database that decides the answer. */
async function constantRoutes(engine: Engine, requests: readonly Request[], others: readonly Request[]): Promise<Set<string>> {
  const worked = await eventsOfSteps(engine, sql`kind like 'sqli-%' and outcome = 'succeeded'`);
  const injected = new Set(requests.filter(r => worked.has(r.eventId)).map(routeOf));
  const isConstant = (route: string): boolean => {
    // A byte more may be another digit of what was shown.
    const usual = others.filter(r => routeOf(r) === route);
    return sameAlways(usual, 0) && sameAlways([...usual, ...requests.filter(r => r.status === 200 && routeOf(r) === route)], 0);
  };
  return new Set([...new Set(requests.map(routeOf))].filter(route => !injected.has(route) && isConstant(route)));
}

/**
 * Statements around the intruder's requests that some request explains: everybody's requests of that time are read again in full, and who
 * signed in explains the check of the password. What a kind of statement is at other times is told by the log alone.
 */
async function explainedStatements({ engine, log, index, others, requests }: AtHand, { learned, used }: Reads, times: readonly Span[]): Promise<Set<number>> {
  const explained = new Set(used);
  const [first, last] = [times[0], times.at(-1)];
  if (!first || !last) return explained;
  const span = { fromUs: first.fromUs, toUs: last.toUs };
  for await (const batch of streamOtherRequests(engine, [...new Set(learned.map(r => r.route))].sort(), span))
    for (const id of instancesOf(batch, learned, log, index).used) explained.add(id);
  for (const id of passwordChecks([...others, ...requests], index, explained)) explained.add(id);
  return explained;
}
